"""For a project's own tests: one assertion."""

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any

from patterns.errors import PatternError
from patterns.flow.graph import read_flow
from patterns.guard.acknowledge import in_assemblies
from patterns.guard.reports import text
from patterns.guard.rule import DELIVERY, Severity
from patterns.guard.run import Report, Settings, check
from patterns.guard.view import Options


def assert_no_hazards(
    subject: Any,
    *,
    ignore: Iterable[str] = (),
    groups: Iterable[str] = (DELIVERY,),
    at_least: Severity | str = Severity.MEDIUM,
    options: Options | None = None,
) -> Report:
    """Fail a test when a template can lose or double messages.

    Args:
        subject: a CDK app, stage or stack (its whole app is synthesized and checked, across stacks), a template as a
            dict, templates by stack name, or a path: a cloud assembly, a folder of templates, or a template.
        ignore: ids of rules that are not asked. An acknowledgement with a reason says more; those of the CDK and of
            the templates' Metadata count.
        groups: ``delivery``, ``governance``. Default: delivery alone.
        at_least: the least severity that fails: ``critical``, ``high``, ``medium`` or ``low``. What cannot be told
            never fails. Default: medium.
        options: what an organisation decides for rules.

    Returns:
        The report, with what was acknowledged.

    Raises:
        AssertionError: with every finding, its reason and its repair.
        PatternError: the subject is none of these, or a rule does not exist.
    """
    from patterns.guard.config import severity

    settings = Settings(
        groups=tuple(groups),
        ignore=frozenset(ignore),
        fail_on=severity("at_least", at_least),
        options=options or Options(),
    )
    report = _checked(subject, settings)
    if report.errors:
        told = "\n\n".join(text.finding(found, "error") for found in report.errors)
        raise AssertionError(text.visible(f"{_count(len(report.errors))}\n\n{told}"))
    return report


def _count(number: int) -> str:
    return "1 hazard:" if number == 1 else f"{number} hazards:"


def _checked(subject: Any, settings: Settings) -> Report:
    if isinstance(subject, Mapping):
        stacks = {"Template": subject} if "Resources" in subject else subject
        return check(read_flow(stacks), settings)
    if isinstance(subject, str | PathLike):
        return check(read_flow(fspath(subject)), settings, [in_assemblies([subject])])
    root = getattr(getattr(subject, "node", None), "root", None)
    if root is None or not hasattr(root, "synth"):
        raise PatternError(
            f"subject must be a CDK app, stage or stack, a template, or a path to one, got {type(subject).__name__}"
        )
    folder = root.synth().directory
    return check(read_flow(folder), settings, [in_assemblies([folder])])
