"""The demo tells the truth: a message counts as expected only where it is found, as often as it was tried."""

import io

import pytest
from rich.console import Console

from tests.e2e import demo
from tests.e2e.samples import Found, Seen
from tests.e2e.scenarios import End, dead, processed

GOOD, POISON = demo.ROWS[:2]
TAKEN = processed("Function")


def found(*ends: End) -> list[Found]:
    return [Found(end) for end in ends]


def test_a_message_that_the_function_took_was_processed() -> None:
    assert Seen(GOOD, "id", found=found(TAKEN)).as_expected


def test_a_message_in_the_dead_letter_queue_was_tried_as_often_as_it_was_received_before() -> None:
    assert Seen(POISON, "id", found=found(dead("Poll/DeadLetters", 2))).as_expected


@pytest.mark.parametrize(
    "ends",
    [
        (),
        (TAKEN, TAKEN),
        (TAKEN, dead("Poll/DeadLetters", 2)),
        (dead("Poll/DeadLetters", 1),),
        (dead("Elsewhere", 2),),
    ],
)
def test_anything_else_is_a_difference(ends: tuple[End, ...]) -> None:
    assert not Seen(GOOD, "id", found=found(*ends)).as_expected
    assert not Seen(POISON, "id", found=found(*ends)).as_expected


def test_the_table_marks_each_message_in_words_that_need_no_terminal() -> None:
    out = io.StringIO()
    seen = [Seen(GOOD, "0a1b2c3d-4", found=found(TAKEN)), Seen(POISON, "other")]
    Console(file=out, width=120).print(demo.table(seen))
    good, poison = [line for line in out.getvalue().splitlines() if "0a1b2c3d" in line or "other" in line]
    assert [cell.strip() for cell in good.split("│")[1:-1]] == [
        "good",
        "0a1b2c3d",
        "processed",
        "1",
        "processed, 1",
        "✓",
    ]
    assert [cell.strip() for cell in poison.split("│")[1:-1]] == [
        *("poison", "other", "not found", "0", "dead-letter queue, 2", "✗")
    ]
