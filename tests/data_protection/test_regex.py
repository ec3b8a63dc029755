"""A custom identifier finds what its expression says, in time that grows with the message and not faster."""

import re
import time
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from patterns.data_protection.engine.regex import MOST_POSITIONS, Pattern, Unsupported


def spans(expression: str, text: str) -> list[str]:
    return [text[start:end] for start, end in Pattern(expression).spans(text)]


def longest_from_the_left(expression: str, text: str) -> list[tuple[int, int]]:
    """The same by trying every part of the text with Python's own engine."""
    whole, found, at = re.compile(expression, re.ASCII), [], 0
    while at < len(text):
        end = next((end for end in range(len(text), at, -1) if whole.fullmatch(text, at, end)), None)
        if end is None:
            at += 1
        else:
            found.append((at, end))
            at = end
    return found


atoms = st.sampled_from(
    ["a", "b", "1", "-", r"\.", r"\d", r"\w", r"\s", ".", "[ab]", "[^a]", "[a-c1-2]", r"[\d-]", "[]a]"]
)
counts = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,3}", "{,2}", "{2,}"])
branches = st.lists(st.tuples(atoms, counts), min_size=1, max_size=5)
expressions = st.lists(branches, min_size=1, max_size=3).map(
    lambda written: "|".join("".join(atom + count for atom, count in branch) for branch in written)
)


@given(expressions, st.text("abc12-. \n", max_size=24))
def test_it_finds_what_python_finds_with_the_longest_match_from_the_left(expression: str, text: str):
    try:
        pattern = Pattern(expression)
    except Unsupported:
        assume(False)
        return
    assert list(pattern.spans(text)) == longest_from_the_left(expression, text)


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        (r"EID-\d{9}-US", "by EID-123456789-US, not EID-12345678-US", ["EID-123456789-US"]),
        (r"\bw\d+\b", "w1 xw2 w3x (w4)", ["w1", "w4"]),
        (r"\Bx", "x ax xx", ["x", "x"]),
        (r"^a+", "aab aa", ["aa"]),
        (r"a+$", "aab aa", ["aa"]),
        (r"^a$|b", "a", ["a"]),
        (r"^a$|b", "ab", ["b"]),
        (r"a{x}", "a{x} ax", ["a{x}"]),
        (r"a{2,3}", "aaaaa", ["aaa", "aa"]),
        (r"[]-]", "a]-b", ["]", "-"]),
        (r"[a\-z]+", "a-zm", ["a-z"]),
        (r"a.c", "abc a\nc", ["abc"]),
        ("a|ab", "ab", ["ab"]),
        (r"\t\d", "\t1", ["\t1"]),
    ],
)
def test_positions_classes_and_counts_mean_what_they_mean_in_python(expression: str, text: str, found: list[str]):
    assert spans(expression, text) == found


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("a*", "it also matches where there is nothing, so it would be found everywhere"),
        ("a|", "it also matches where there is nothing, so it would be found everywhere"),
        (r"\b", "it also matches where there is nothing, so it would be found everywhere"),
        (r"a\1", "\\1 is not known here"),
        (r"\Aa", "\\A is not known here"),
        (r"[\b]", "\\b is not known here"),
        ("*a", "'*' has nothing to repeat"),
        ("a*?", "a count must not follow a count"),
        ("a{2}{3}", "a count must not follow a count"),
        ("[a", "it ends too early"),
        ("a\\", "it ends too early"),
        ("[b-a]", "a range in [ ] must go from a lower to a higher character"),
        ("a{3,2}", "a count must go from a lower to a higher number"),
        (f"a{{{MOST_POSITIONS + 1}}}", f"its counts write out to more than {MOST_POSITIONS} characters"),
        (f"a{{{MOST_POSITIONS}}}|b", f"its counts write out to more than {MOST_POSITIONS} characters"),
    ],
)
def test_what_it_cannot_search_it_refuses_with_the_reason(expression: str, why: str):
    with pytest.raises(Unsupported) as caught:
        Pattern(expression)
    assert str(caught.value) == why


def test_a_text_that_asks_for_ever_new_states_costs_no_more_for_long_counts():
    """Each position of a random text is another set of places here; a step must not cost one unit for each place."""
    text = "".join(Random(3).choices("abc", k=20_000))

    def cost(count: int) -> float:
        pattern = Pattern(f"[abc]{{{count}}}c")
        begin = time.process_time()
        for _ in pattern.spans(text):
            pass
        return time.process_time() - begin

    few, many = (min(cost(count) for _ in range(3)) for count in (60, 600))
    assert many < 4 * few + 0.02


def test_counts_up_to_the_limit_are_searched():
    assert spans(f"a{{{MOST_POSITIONS}}}", "a" * MOST_POSITIONS) == ["a" * MOST_POSITIONS]


@pytest.mark.parametrize(
    "expression",
    [
        *("a*a*a*b", "a+a+a+$", "a{500}b", "a|a*b", ".*.*=.*;", "[ab]*a[ab]{8}c", r"\w+\d+\w+-", "a{1,100}a{1,100}b"),
        "[ab1]{200}[ab]",
        "[ab]{0,300}1?[ab]{0,300}=",
    ],
)
@pytest.mark.parametrize("unit", ["a", "ab", "a1", "aab=;"])
def test_expressions_that_would_hang_a_backtracking_engine_cost_time_linear_in_the_text(expression: str, unit: str):
    pattern = Pattern(expression)

    def cost(size: int) -> float:
        begin = time.process_time()
        for _ in pattern.spans(unit * (size // len(unit))):
            pass
        return time.process_time() - begin

    cost(4_000)  # builds the table
    short, long = (min(cost(size) for _ in range(3)) for size in (10_000, 40_000))
    assert long < 9 * short + 0.02
