"""For a project's own tests: one assertion."""

from collections.abc import Iterable, Mapping
from functools import cache
from os import PathLike, fspath
from typing import Any

from patterns.errors import PatternError
from patterns.flow.graph import read_flow
from patterns.guard.acknowledge import KEY, Above, InAssemblies
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
            dict or as ``assertions.Template``, templates by stack name, or a path: a cloud assembly, a folder of
            templates, or a template.
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
    from patterns.guard.config import severity, texts

    settings = Settings(
        groups=tuple(texts(groups)),
        ignore=frozenset(texts(ignore)),
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
    if hasattr(subject, "to_json"):  # aws_cdk.assertions.Template
        template: Mapping[str, Any] = subject.to_json()
        subject = {"Template": {"Resources": {}, **template}}
    if isinstance(subject, Mapping):
        stacks = {"Template": subject} if "Resources" in subject else subject
        return check(read_flow(stacks), settings)
    if isinstance(subject, str | PathLike):
        return check(read_flow(fspath(subject)), settings, [InAssemblies([subject])])
    root = getattr(getattr(subject, "node", None), "root", None)
    if root is None or not hasattr(root, "synth"):
        raise PatternError(
            f"subject must be a CDK app, stage or stack, a template, or a path to one, got {type(subject).__name__}"
        )
    folder = root.synth().directory
    return check(read_flow(folder), settings, [InAssemblies([folder], _acknowledged_in(root))])


def _acknowledged_in(root: Any) -> Above:
    """Reads acknowledgements from the constructs themselves: an assembly has none of the app or of a stage."""

    @cache
    def above(path: str) -> Mapping[str, str]:
        construct = root
        for name in filter(None, path.split("/")):
            construct = construct.node.try_find_child(name)
            if construct is None:
                return {}
        entries = [entry.data for entry in construct.node.metadata if entry.type == KEY]
        return {name: reason for entry in entries if isinstance(entry, Mapping) for name, reason in entry.items()}

    return above
