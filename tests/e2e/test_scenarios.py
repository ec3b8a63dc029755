"""Every message of the table ends where the table says, after as many attempts, and nowhere else.

Real messages through the deployed samples. `tests/test_model_agrees.py` asks the same of their templates.
"""

import pytest

from tests.e2e.assembly import stacks_of
from tests.e2e.emulator import Emulator
from tests.e2e.fetch import is_empty
from tests.e2e.samples import Samples
from tests.e2e.scenarios import BROKEN, SCENARIOS, Scenario


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_message_ends_where_the_table_says_and_nowhere_else(scenario: Scenario, samples: Samples) -> None:
    seen = samples.message(scenario.stack, scenario.name)
    assert seen.as_expected, f"found at {dict(seen.ends)}, expected at {dict(seen.due)}"


@pytest.mark.parametrize(
    "scenario",
    list({row.stack: row for row in SCENARIOS}.values()),
    ids=lambda row: row.stack,
)
def test_nothing_else_comes_out_of_a_sample(scenario: Scenario, samples: Samples) -> None:
    for stack in stacks_of(scenario.stack):
        assert samples.strays(stack) == []


@pytest.mark.parametrize("scenario", [row for row in SCENARIOS if row.rounds], ids=str)
def test_what_goes_round_was_stopped(scenario: Scenario, samples: Samples, emulator: Emulator) -> None:
    assert scenario.stack == BROKEN
    rounds = len(samples.message(scenario.stack, scenario.name).found)
    functions = emulator.client("lambda")
    [mapping] = [
        each for each in functions.list_event_source_mappings()["EventSourceMappings"] if BROKEN in each["FunctionArn"]
    ]
    assert mapping["State"] in ("Disabling", "Disabled")
    assert rounds < 60, "a round takes a second at least"
    # It is not gone with that: it waits where it was given.
    assert not is_empty(emulator.client("sqs"), samples.outputs[BROKEN]["QueueUrl"])
