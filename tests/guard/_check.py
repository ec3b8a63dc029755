"""What tests of rules share: a template checked by the whole rule set, on a fixed day."""

from datetime import date
from typing import Any

from patterns.flow import read_flow
from patterns.guard.rule import GROUPS, Finding
from patterns.guard.run import Report, Settings, check
from patterns.guard.view import Options

TODAY = date(2026, 11, 23)


def settings(*, groups: tuple[str, ...] = GROUPS, code_signing: bool = False, **more: Any) -> Settings:
    """Both groups, on a fixed day."""
    return Settings(groups=groups, options=Options(today=TODAY, code_signing=code_signing), **more)


def report(template: dict[str, Any], chosen: Settings | None = None) -> Report:
    """What the whole rule set finds in one template, or in several stacks by name."""
    stacks = {"Example": template} if "Resources" in template else template
    return check(read_flow(stacks), chosen or settings())


def findings(template: dict[str, Any], **options: Any) -> list[Finding]:
    """The findings of the whole rule set."""
    return list(report(template, settings(**options)).findings)


def ids(template: dict[str, Any], **options: Any) -> list[str]:
    """The ids of what the whole rule set finds, one for each finding."""
    return sorted(finding.rule for finding in findings(template, **options))
