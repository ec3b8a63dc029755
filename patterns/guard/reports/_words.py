"""What the formats share."""

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

from patterns.guard.rule import Finding
from patterns.guard.run import Report

_LEVELS = (("error", "errors"), ("warning", "warnings"), ("note", "notes"))


def summary(report: Report) -> str:
    """``2 errors, 1 warning, 1 acknowledged``."""
    counts = Counter(finding.level(report.settings.fail_on) for finding in report.findings)
    parts = [f"{counts[one]} {one if counts[one] == 1 else many}" for one, many in _LEVELS if counts[one]]
    if report.acknowledged:
        parts.append(f"{len(report.acknowledged)} acknowledged")
    return ", ".join(parts) or "no findings"


def line_of(finding: Finding) -> int | None:
    """The line on which the resource begins; for one that SAM makes, that of what it is made from."""
    path = Path(finding.source)
    try:
        changed = path.stat().st_mtime_ns if path.is_file() else 0
    except (OSError, ValueError):
        return None
    lines = _lines(finding.source, changed)
    name = finding.logical_id
    if name in lines:
        return lines[name]
    return lines.get(max((known for known in lines if name.startswith(known)), key=len, default=""))


@lru_cache(256)
def _lines(source: str, changed: int) -> dict[str, int]:  # noqa: ARG001 - read again when the file has changed
    """Lines of the keys below Resources, for JSON that the CDK writes and YAML that people write."""
    path = Path(source)
    try:
        lines = path.read_text("utf-8-sig").splitlines() if path.is_file() else []
    except (OSError, ValueError):
        return {}
    found: dict[str, int] = {}
    indent: int | None = None
    outer = 0
    inside = False
    for number, line in enumerate(lines, 1):
        match = _KEY.match(line)
        if not match:
            continue
        width, name = len(match[1]), match[2] or match[3]
        if name == "Resources" and not inside:
            inside, indent, outer = True, None, width
            continue
        if not inside:
            continue
        if width <= outer and line.strip():
            inside = False
        elif indent is None or width == indent:
            indent = width
            found.setdefault(name, number)
    return found


_KEY = re.compile(r"""([ \t]*)(?:"([^"]+)"|([A-Za-z0-9:_-]+))\s*:""")
