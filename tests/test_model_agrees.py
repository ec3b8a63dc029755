"""What the model says of a template is what the emulator was seen to do with it: one table of scenarios drives both.

The end-to-end tests send each scenario as a real message; here the template that they deploy is read.
"""

import pytest

from patterns.flow import Fate, Outcome, fates, read_flow
from tests.e2e import poll
from tests.e2e.scenarios import POLL, Scenario


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> list[Fate]:
    """The fates of a message in the queue of the poll sample, with the short times of the end-to-end tests."""
    flow = read_flow(poll.synthesize(tmp_path_factory.mktemp("poll")))
    return [fate for found in fates(flow).values() for fate in found if "PollQueue" in fate.source]


@pytest.mark.parametrize("scenario", POLL, ids=lambda s: s.name)
def test_a_message_that_was_sent_ends_as_the_template_says(scenario: Scenario, ends: list[Fate]) -> None:
    [fate] = [fate for fate in ends if fate.outcome is scenario.outcome]
    assert fate.attempts == scenario.attempts
    assert (fate.kept is not None) == (scenario.outcome is Outcome.DLQ)
    assert not fate.lost


def test_the_times_of_the_model_are_the_times_that_were_waited(ends: list[Fate]) -> None:
    [kept] = [fate for fate in ends if fate.outcome is Outcome.DLQ]
    assert kept.soonest == 2 * 12, "two receives, each hidden for six times the function's two seconds"
