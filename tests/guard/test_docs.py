"""The pages are what the rules say, and every row of the catalogue is a rule or says why not."""

from patterns.guard.rules import BY_ID
from tools.hazards import HAZARDS
from tools.rule_docs import FOLDER, pages


def test_every_page_is_up_to_date() -> None:
    written = pages()
    assert {path for path, text in written.items() if not path.exists() or path.read_text("utf-8") != text} == set()
    known = {*written, FOLDER / "corpus.md", FOLDER / "mutations.md"}
    assert {path.name for path in FOLDER.glob("*.md")} <= {path.name for path in known}


def test_every_hazard_of_the_catalogue_names_its_rules_or_a_reason() -> None:
    assert len(HAZARDS) == 108
    for hazard in HAZARDS:
        assert hazard.rules or hazard.why_not, hazard.what
        assert set(hazard.rules) <= set(BY_ID), hazard.what


def test_no_hazard_is_listed_twice() -> None:
    assert len({hazard.what for hazard in HAZARDS}) == len(HAZARDS)
