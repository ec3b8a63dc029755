"""For a program."""

import json
from collections import Counter
from typing import Any

from patterns.guard.reports._words import line_of
from patterns.guard.rule import Finding
from patterns.guard.run import Report


def write(report: Report) -> str:
    """One object: counts, findings, acknowledged findings, notes."""
    levels = Counter(finding.level(report.settings.fail_on) for finding in report.findings)
    document = {
        "version": 1,
        "counts": {
            **{level: levels[level] for level in ("error", "warning", "note")},
            "acknowledged": len(report.acknowledged),
        },
        "findings": [_finding(found, report) for found in report.findings],
        "acknowledged": [
            {"reason": accepted.reason, "at": accepted.at, "finding": _finding(accepted.finding, report)}
            for accepted in report.acknowledged
        ],
        "notes": list(report.notes),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


_FIELDS = (
    *("rule", "severity", "sure", "title", "why", "cdk", "cloudformation", "url"),
    *("stack", "logical_id", "type", "path", "place", "source", "fingerprint", "group"),
)


def _finding(found: Finding, report: Report) -> dict[str, Any]:
    return {
        **{name: getattr(found, name) for name in _FIELDS},
        "level": found.level(report.settings.fail_on),
        "line": line_of(found),
        "acknowledge": found.acknowledge,
    }
