"""A diagram in a README is what the template says, not what somebody remembers: ``make docs`` draws it anew."""

from pathlib import Path

import pytest

from patterns.errors import PatternError
from tools.diagrams import DIAGRAM, ROOT, readmes, renewed

READMES = [one for one in readmes() if DIAGRAM.search(one.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("readme", READMES, ids=[str(one.relative_to(ROOT)) for one in READMES])
def test_every_diagram_is_what_its_template_gives(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    assert renewed(text) == text, "run: make docs"


def test_there_are_diagrams_to_look_at() -> None:
    assert ROOT / "patterns" / "sqs_poll" / "README.md" in READMES


def test_a_stale_diagram_is_drawn_anew_and_the_text_around_it_kept() -> None:
    template = "tests/snapshots/test_sqs_poll/test_the_default_loses_nothing.template.json"
    fresh = renewed(f"before\n<!-- diagram: {template} -->\nstale\n<!-- /diagram -->\nafter\n")
    assert fresh.startswith(f"before\n<!-- diagram: {template} -->\n```mermaid\nflowchart LR\n")
    assert fresh.endswith("```\n<!-- /diagram -->\nafter\n")
    assert '-.->|"after 5 receives"|' in fresh
    assert "stale" not in fresh
    assert renewed(fresh) == fresh


def test_a_diagram_of_a_template_that_is_not_there_is_refused() -> None:
    with pytest.raises(PatternError, match=r"gone\.template\.json"):
        renewed("<!-- diagram: tests/gone.template.json -->\n<!-- /diagram -->\n")


def test_text_without_diagrams_stays() -> None:
    assert renewed("```mermaid\nflowchart LR\n```\n") == "```mermaid\nflowchart LR\n```\n"
