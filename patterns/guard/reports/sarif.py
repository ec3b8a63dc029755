"""For code scanning: SARIF 2.1.0.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import json
from importlib.metadata import version
from pathlib import Path
from string import Formatter
from typing import Any
from urllib.parse import quote

from patterns.guard.reports._words import line_of
from patterns.guard.reports.markdown import escaped
from patterns.guard.rule import Finding, Rule, Severity
from patterns.guard.rules import RULES
from patterns.guard.run import Report

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_FINGERPRINT = "messagingHazard/v1"

# https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
_SCORES = {Severity.CRITICAL: "9.0", Severity.HIGH: "7.0", Severity.MEDIUM: "5.0", Severity.LOW: "2.0"}


def write(report: Report) -> str:
    """One run: the rules that were asked, the findings, and the acknowledged ones as suppressed results."""
    settings = report.settings
    asked = [rule for rule in RULES if rule.group in settings.groups and rule.id not in settings.ignore]
    index = {rule.id: number for number, rule in enumerate(asked)}
    results = [_result(found, index, report) for found in report.findings]
    for accepted in report.acknowledged:
        suppression = {"kind": "external", "status": "accepted", "justification": accepted.reason}
        results.append({**_result(accepted.finding, index, report), "suppressions": [suppression]})
    driver = {
        "name": "patterns check",
        "semanticVersion": version("cdk-messaging-patterns"),
        "rules": [_rule(rule, report) for rule in asked],
    }
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(log, indent=2, ensure_ascii=True)


def _rule(rule: Rule, report: Report) -> dict[str, Any]:
    severity = report.settings.severities.get(rule.id, rule.severity)
    fail_on = report.settings.fail_on
    cdk, cloudformation = _general(rule.cdk), _general(rule.cloudformation)
    level = "error" if fail_on is not None and severity.rank <= fail_on.rank else "warning"
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}."},
        "help": {
            "text": f"CDK: {cdk}\nCloudFormation: {cloudformation}\n{rule.url}",
            "markdown": f"- CDK: {escaped(cdk)}\n- CloudFormation: {escaped(cloudformation)}\n\n<{rule.url}>",
        },
        "helpUri": rule.url,
        "defaultConfiguration": {"level": "note" if level == "warning" and severity is Severity.LOW else level},
        "properties": {
            "tags": ["messaging", rule.group],
            "problem.severity": level,
            "security-severity": _SCORES[severity],
        },
    }


def _general(words: str) -> str:
    """A repair for no template in particular."""
    return "".join(text + (f"<{name}>" if name else "") for text, name, _, _ in Formatter().parse(words))


def _result(found: Finding, index: dict[str, int], report: Report) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(found.source)}}
    line = line_of(found)
    if line:
        physical["region"] = {"startLine": line}
    logical = {"fullyQualifiedName": found.where, "name": found.logical_id, "kind": "resource"}
    return {
        "ruleId": found.rule,
        "ruleIndex": index[found.rule],
        "level": found.level(report.settings.fail_on),
        "message": {"text": f"{found.why} CDK: {found.cdk} CloudFormation: {found.cloudformation}"},
        "locations": [{"physicalLocation": physical, "logicalLocations": [logical]}],
        "partialFingerprints": {_FINGERPRINT: found.fingerprint},
        "properties": {"type": found.type, "place": found.place, "severity": str(found.severity)},
    }


def uri(source: str) -> str:
    """A file as a URI: relative to the working directory where it is inside of it."""
    path = relative(source)
    return Path(path).as_uri() if Path(path).is_absolute() else quote(path)


def relative(source: str) -> str:
    """A file as people call it: from the working directory where it is inside of it, with slashes."""
    path = Path(source)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return path.as_posix()
