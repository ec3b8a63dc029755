"""What the model says of a template is what the emulator was seen to do with it: one table of scenarios drives both.

The end-to-end tests send each scenario as a real message; here the template that they deploy is read.
"""

import re

import pytest

from patterns.flow import Fate, Flow, Outcome, fates, losses, read_flow
from tests.e2e import asynchronous, poll, test_recursion
from tests.e2e.scenarios import ASYNCHRONOUS, POLL, RECURSION, Ending, Scenario


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


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """The other samples, as the end-to-end tests deploy them."""
    folder = tmp_path_factory.mktemp("samples")
    return read_flow(asynchronous.synthesize(folder / "asynchronous"), test_recursion.synthesize(folder / "recursion"))


@pytest.mark.parametrize("scenario", [*ASYNCHRONOUS, *RECURSION], ids=lambda s: f"{s.stack}: {s.name}")
def test_a_message_ends_where_the_template_says(scenario: Ending, flow: Flow) -> None:
    # A logical id is the construct's path without its slashes, and eight hexadecimal digits.
    place = re.compile(f"{scenario.stack}/{scenario.at.replace('/', '')}[0-9A-F]{{8}}")
    found = [
        fate
        for source, told in fates(flow).items()
        for fate in told
        if source.startswith(f"{scenario.stack}/") and fate.outcome is scenario.outcome and place.fullmatch(fate.at)
    ]
    assert not any(fate.lost for fate in found)
    if scenario.outcome in (Outcome.DLQ, Outcome.DESTINATION):
        assert all(fate.kept and fate.alarms for fate in found)
    if scenario.attempts is None:
        assert len(found) == 1
    else:
        assert [fate.attempts for fate in found if fate.attempts == scenario.attempts] == [scenario.attempts]


def test_these_samples_lose_nothing(flow: Flow) -> None:
    assert losses(flow) == []
