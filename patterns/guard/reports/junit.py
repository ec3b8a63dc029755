"""For a CI's page of test results: each rule is a test, and fails when it has found an error."""

import re
from xml.etree import ElementTree

from patterns.guard.reports import text
from patterns.guard.rules import RULES
from patterns.guard.run import Report

# https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(report: Report) -> str:
    """A test suite with a test case for each rule that was asked."""
    settings = report.settings
    asked = [rule for rule in RULES if rule.group in settings.groups and rule.id not in settings.ignore]
    failures = skipped = 0
    suite = ElementTree.Element("testsuite", name="patterns check")
    for rule in asked:
        case = ElementTree.SubElement(suite, "testcase", classname=f"patterns.check.{rule.group}", name=rule.id)
        mine = [found for found in report.findings if found.rule == rule.id]
        errors = [found for found in mine if found.level(settings.fail_on) == "error"]
        others = [found for found in mine if found not in errors]
        accepted = [one for one in report.acknowledged if one.finding.rule == rule.id]
        if errors:
            failures += 1
            where = ", ".join(found.where for found in errors)
            failure = ElementTree.SubElement(
                case, "failure", type=str(rule.severity), message=_xml(f"{rule.title}: {where}")
            )
            failure.text = _xml("\n\n".join(text.finding(found, "error") for found in errors))
        elif accepted and not mine:
            skipped += 1
            reasons = "; ".join(f"{one.finding.where}: {one.reason}" for one in accepted)
            ElementTree.SubElement(case, "skipped", message=_xml(f"acknowledged: {reasons}"))
        if others:
            out = ElementTree.SubElement(case, "system-out")
            out.text = _xml("\n\n".join(text.finding(found, found.level(settings.fail_on)) for found in others))
    suite.attrib |= {"tests": str(len(asked)), "failures": str(failures), "errors": "0", "skipped": str(skipped)}
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _xml(words: str) -> str:
    return _NOT_XML.sub("\ufffd", words)
