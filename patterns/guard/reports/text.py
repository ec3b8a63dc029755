"""For a terminal."""

import re
from textwrap import fill

from patterns.guard.reports._words import line_of, summary
from patterns.guard.rule import Finding
from patterns.guard.run import Report

_WIDTH = 110
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def write(report: Report) -> str:
    """Every finding with its reason and repair, what was acknowledged, and a last line with the counts."""
    parts = [finding(found, found.level(report.settings.fail_on)) for found in report.findings]
    if report.acknowledged:
        lines = ["acknowledged:"]
        for accepted in report.acknowledged:
            found = accepted.finding
            lines.append(f"  {found.rule}  {found.where}: {accepted.reason}")
        parts.append("\n".join(lines))
    if report.notes:
        parts.append("\n".join(["could not be read or resolved:", *(f"  {note}" for note in report.notes)]))
    return visible("\n\n".join([*parts, summary(report)]))


def visible(words: str) -> str:
    """Text without characters that a terminal obeys: a name in a template may hold any."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", words)


def finding(found: Finding, level: str) -> str:
    """One finding."""
    line = line_of(found)
    file = f"{found.source}:{line}" if line else found.source
    place = f", {found.place}" if found.place else ""
    severity = f"{level}, {found.severity}" if found.sure else f"{level}, cannot be told"
    return "\n".join(
        (
            f"{severity}: {found.title} [{found.rule}]",
            f"  {found.where} ({found.type} {found.logical_id}{place})",
            f"  {file}",
            _wrapped(found.why),
            _wrapped(f"CDK: {found.cdk}"),
            _wrapped(f"CloudFormation: {found.cloudformation}"),
            f"  {found.url}",
        )
    )


def _wrapped(words: str) -> str:
    return fill(
        words, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
