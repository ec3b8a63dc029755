"""For a pull request's comment."""

import re

from patterns.guard.reports._words import line_of, summary
from patterns.guard.rule import Finding
from patterns.guard.run import Report

_LONGEST = 60_000  # GitHub refuses comments of more than 65,536 characters


def write(report: Report) -> str:
    """A table of the findings, each with its reason and repair folded below, as long as a comment may be."""
    title = f"### Messages: {summary(report)}"
    parts = [title]
    length = len(title)
    for number, found in enumerate(report.findings):
        part = _finding(found, found.level(report.settings.fail_on))
        length += len(part) + 2
        if length > _LONGEST:
            parts.append(f"… and {len(report.findings) - number} more.")
            break
        parts.append(part)
    if report.acknowledged:
        lines = ["<details><summary>Acknowledged</summary>", ""]
        for accepted in report.acknowledged:
            found = accepted.finding
            lines.append(f"- `{found.rule}` {_code(found.where)}: {escaped(accepted.reason)}")
        part = "\n".join([*lines, "", "</details>"])
        if length + len(part) <= _LONGEST:
            parts.append(part)
    return "\n\n".join(parts)


def _finding(found: Finding, level: str) -> str:
    line = line_of(found)
    place = f" `{escaped_code(found.place)}`" if found.place else ""
    severity = str(found.severity) if found.sure else "cannot be told"
    return "\n".join(
        (
            f"<details><summary><b>{level}</b> ({severity}): {escaped(found.title)} — "
            f"<code>{_html(found.where)}</code></summary>",
            "",
            escaped(found.why),
            "",
            f"- Where: {_code(found.logical_id)}{place} in {_code(found.source + (f':{line}' if line else ''))}",
            f"- CDK: {escaped(found.cdk)}",
            f"- CloudFormation: {escaped(found.cloudformation)}",
            f"- Rule: [{found.rule}]({found.url})",
            "",
            "</details>",
        )
    )


def escaped(words: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", _plain(words)).replace("&", "&amp;")


def escaped_code(words: str) -> str:
    """Text for inside a code span."""
    return _plain(words).replace("`", "'").replace("|", "\\|")


def _code(words: str) -> str:
    return f"`{escaped_code(words)}`"


def _html(words: str) -> str:
    return _plain(words).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(words: str) -> str:
    return " ".join(words.split())
