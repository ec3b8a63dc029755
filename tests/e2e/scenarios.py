"""What is sent to the sample stacks, and what must become of it: one table for the demo, the tests and the model."""

from dataclasses import dataclass

from patterns.flow.model import Outcome

# What is shortened for real time: the visibility timeout is 6 times the function's (12 s instead of 90 s), and a
# poison message is kept after 2 receives instead of 5. Everything else is the sample as it would go to AWS.
FUNCTION_TIMEOUT = 2  # seconds
MAX_RECEIVE_COUNT = 2


@dataclass(frozen=True)
class Scenario:
    """One message and its fate.

    Attributes:
        name: what the message is, for people.
        body: what is sent.
        group: messages of one group are sent in one SendMessageBatch.
        outcome: how it must end, in the words of the flow model.
        attempts: how often the function must have been given it.
    """

    name: str
    body: str
    group: str
    outcome: Outcome
    attempts: int


GOOD = '{"pass": true}'
POISON = '{"pass": false}'

POLL = (
    Scenario("good", GOOD, "good", Outcome.PROCESSED, 1),
    Scenario("poison", POISON, "poison", Outcome.DLQ, MAX_RECEIVE_COUNT),
    Scenario("batch: good, first", GOOD, "batch", Outcome.PROCESSED, 1),
    Scenario("batch: poison", POISON, "batch", Outcome.DLQ, MAX_RECEIVE_COUNT),
    Scenario("batch: not JSON", "certainly not JSON", "batch", Outcome.DLQ, MAX_RECEIVE_COUNT),
    Scenario("batch: good, last", GOOD, "batch", Outcome.PROCESSED, 1),
)


@dataclass(frozen=True)
class Ending:
    """One message that is published to an asynchronous sample or sent to the order system, and its fate.

    Attributes:
        stack: the sample it is given to.
        name: what the message is, for people.
        body: what is sent.
        outcome: how it must end, in the words of the flow model.
        at: where, as a construct path in the stack.
        attempts: tries on the last hop; ``None`` where the emulator makes fewer than AWS.
        error: for one that fails, the exception that its record must name.
    """

    stack: str
    name: str
    body: str
    outcome: Outcome
    at: str
    attempts: int | None = 1
    error: str = ""


DESTINATIONS, DEAD_LETTERS, EVENT_BUS, ORDERS = (
    "ErrorHandlingDestinations",
    "ErrorHandlingDeadLetters",
    "ErrorHandlingEventBus",
    "RecursionRepaired",
)
NOT_JSON = "certainly not JSON"
UNREPORTED = '{"pass": false, "report": false}'
ORDER, NO_ORDER = '{"orderId": "111", "productName": "Bolt", "orderStatus": "Submitted"}', '{"productName": "Nut"}'
ORDER_RECEIVES = 1  # before an order is kept, because time is real in the tests
FAILURES = "Net/OnFailure"

ASYNCHRONOUS = (
    Ending(DESTINATIONS, "good", GOOD, Outcome.PROCESSED, "Function"),
    Ending(DESTINATIONS, "the record of good", GOOD, Outcome.OUTSIDE, "Results"),
    Ending(DESTINATIONS, "poison", POISON, Outcome.DESTINATION, FAILURES, 3, "ValueError"),
    Ending(DESTINATIONS, "not JSON", NOT_JSON, Outcome.DESTINATION, FAILURES, 3, "JSONDecodeError"),
    Ending(DESTINATIONS, "good, function gone", GOOD, Outcome.DLQ, "Source/Undelivered", None),
    Ending(DEAD_LETTERS, "good", GOOD, Outcome.PROCESSED, "Function"),
    Ending(DEAD_LETTERS, "poison", POISON, Outcome.DLQ, FAILURES, 3, "ValueError"),
    Ending(DEAD_LETTERS, "good, function gone", GOOD, Outcome.DLQ, "Source/Undelivered", None),
    Ending(EVENT_BUS, "good", GOOD, Outcome.PROCESSED, "OnSuccess"),
    Ending(EVENT_BUS, "poison", POISON, Outcome.PROCESSED, "OnFailure"),
    Ending(EVENT_BUS, "poison that cannot be reported", UNREPORTED, Outcome.DESTINATION, f"Failures/{FAILURES}", 3),
)
RECURSION = (
    Ending(ORDERS, "order", ORDER, Outcome.PROCESSED, "Function"),
    Ending(ORDERS, "no order", NO_ORDER, Outcome.DLQ, "Orders/DeadLetters", ORDER_RECEIVES),
)


def ending(stack: str, name: str) -> Ending:
    """The one row of the tables for a message."""
    [found] = [row for row in (*ASYNCHRONOUS, *RECURSION) if (row.stack, row.name) == (stack, name)]
    return found
