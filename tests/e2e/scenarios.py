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
