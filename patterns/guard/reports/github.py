"""For GitHub Actions: one workflow command for each finding, which becomes an annotation.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from patterns.guard.reports._words import line_of, summary
from patterns.guard.reports.sarif import relative
from patterns.guard.run import Report

_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def write(report: Report) -> str:
    """A line for each finding, and the counts."""
    lines = []
    for found in report.findings:
        properties = {"file": relative(found.source), "line": str(line_of(found) or 1), "title": found.title}
        listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        words = f"{found.where}: {found.why}\nCDK: {found.cdk}\nCloudFormation: {found.cloudformation}\n[{found.rule}]"
        lines.append(f"::{_LEVELS[found.level(report.settings.fail_on)]} {listed}::{_data(words)}")
    return "\n".join([*lines, summary(report)])


def _data(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    return _data(words).replace(":", "%3A").replace(",", "%2C")
