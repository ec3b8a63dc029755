"""Each rule finds its hazard and nothing else does; in the repaired template nobody finds anything."""

import re
import string
from pathlib import Path

import pytest

from patterns.guard import examples
from patterns.guard.rule import GROUPS, Rule, Severity
from patterns.guard.rules import RULES
from tests.guard._check import findings, ids

EVERY = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
DESIGNS = sorted(path.stem for path in Path(examples.__file__).parent.glob("*.yaml"))


def options(rule: Rule) -> dict[str, bool]:
    return {"code_signing": rule.id == "govern-code-not-signed"}


@pytest.mark.parametrize("design", DESIGNS)
def test_no_rule_has_anything_against_a_ready_design(design: str) -> None:
    assert ids(examples.design(design)) == []


@EVERY
def test_one_change_to_a_clean_template_is_found_by_the_rule_and_by_no_other(rule: Rule) -> None:
    found = findings(examples.bad(rule.example), **options(rule))
    others = {finding.rule for finding in found} - {rule.id}
    assert others <= set(rule.example.also)
    assert [finding.rule for finding in found if finding.rule == rule.id] == [rule.id]


@EVERY
def test_the_repaired_template_has_no_finding(rule: Rule) -> None:
    assert set(ids(examples.good(rule.example), **options(rule))) <= set(rule.example.also) - {rule.id}


@EVERY
def test_what_is_told_names_the_resource_the_consequence_and_both_repairs(rule: Rule) -> None:
    finding = next(f for f in findings(examples.bad(rule.example), **options(rule)) if f.rule == rule.id)
    for text in (finding.why, finding.cdk, finding.cloudformation):
        assert text.endswith((".", ".)", '"')), text
        assert "None" not in text
        assert not re.search(r"Unknown\(|Ref\(|<[a-z]", text), text
    assert finding.logical_id in examples.bad(rule.example)["Resources"]
    assert finding.stack == "Example"
    if finding.place and finding.sure:
        assert not finding.place.startswith("Properties")


@EVERY
def test_a_rule_is_written_for_a_reader(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.id)
    assert rule.url.startswith("https://docs.aws.amazon.com/")
    assert not rule.title.endswith(".")
    assert len(rule.title) <= 90
    assert rule.group in GROUPS
    assert [name for _, name, _, _ in string.Formatter().parse(rule.why) if name], "says nothing about this template"


def test_ids_are_unique_and_the_most_severe_come_first() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    ranks = [rule.severity.rank for rule in RULES]
    assert ranks == sorted(ranks)
    assert RULES[0].severity is Severity.CRITICAL
