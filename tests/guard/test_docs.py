"""The pages are what the rules say, and every row of the catalogue is a rule or says why not."""

import re
from typing import Any

import pytest
import yaml

from patterns.guard import examples
from patterns.guard.rule import Rule
from patterns.guard.rules import BY_ID, RULES
from tools.hazards import HAZARDS
from tools.rule_docs import FOLDER, pages


def test_every_page_is_up_to_date() -> None:
    written = pages()
    assert {path for path, text in written.items() if not path.exists() or path.read_text("utf-8") != text} == set()
    known = {*written, FOLDER / "corpus.md", FOLDER / "mutations.md"}
    assert {path.name for path in FOLDER.glob("*.md")} <= {path.name for path in known}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_both_templates_can_be_put_together_from_the_page(rule: Rule) -> None:
    text = (FOLDER / f"{rule.id}.md").read_text("utf-8")
    head, _, after = text.partition("## Without\n")
    without, _, rest = after.partition("The rest of the template is ")
    (name,) = re.findall(r"`patterns/guard/examples/(\w+)\.yaml`", rest)
    gone = re.search(r"without ([\w ]+)[.,]", rest)
    base = examples.design(name)["Resources"]
    for missing in gone[1].split(" and ") if gone else ():
        del base[missing]
    base |= _resources(rest)
    before, kept = _resources(head), _resources(without)
    for mine, other, wanted in ((before, kept, examples.bad), (kept, before, examples.good)):
        made = {key: value for key, value in base.items() if key in mine or key not in other} | mine
        assert made == wanted(rule.example)["Resources"]


def _resources(text: str) -> dict[str, Any]:
    """The resources of the only YAML block of a part of a page."""
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) <= 1
    return yaml.safe_load(blocks[0]) if blocks else {}


def test_every_hazard_of_the_catalogue_names_its_rules_or_a_reason() -> None:
    assert len(HAZARDS) == 108
    for hazard in HAZARDS:
        assert hazard.rules or hazard.why_not, hazard.what
        assert set(hazard.rules) <= set(BY_ID), hazard.what


def test_no_hazard_is_listed_twice() -> None:
    assert len({hazard.what for hazard in HAZARDS}) == len(HAZARDS)
