"""The demo tells the truth: a message counts as expected only where it is found, as often as it was tried."""

import io

import pytest
from rich.console import Console

from tests.e2e import demo
from tests.e2e.poll import Seen, is_expected
from tests.e2e.scenarios import POLL

KEPT_AFTER_2 = {"Attributes": {"ApproximateReceiveCount": "3"}}
GOOD, POISON = POLL[0], POLL[1]


def test_a_message_in_the_log_alone_was_processed() -> None:
    assert is_expected(GOOD, Seen("id", processed=1))


def test_a_message_in_the_dead_letter_queue_was_tried_as_often_as_it_was_received_before() -> None:
    seen = Seen("id", kept=KEPT_AFTER_2)
    assert (seen.where, seen.attempts) == ("dead-letter queue", 2)
    assert is_expected(POISON, seen)


@pytest.mark.parametrize(
    ("seen", "where", "attempts"),
    [
        (Seen("id"), "not found", 0),
        (Seen("id", processed=2), "processed", 2),
        (Seen("id", processed=1, kept=KEPT_AFTER_2), "processed and dead-letter queue", 2),
        (Seen("id", kept={"Attributes": {"ApproximateReceiveCount": "2"}}), "dead-letter queue", 1),
    ],
)
def test_anything_else_is_a_difference(seen: Seen, where: str, attempts: int) -> None:
    assert (seen.where, seen.attempts) == (where, attempts)
    assert not is_expected(GOOD, seen)
    assert not is_expected(POISON, seen)


def test_the_table_marks_each_message_in_words_that_need_no_terminal() -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(demo.table([GOOD, POISON], [Seen("0a1b2c3d-4", processed=1), Seen("other")]))
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
