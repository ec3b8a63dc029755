"""What the model says of a template is what the emulator was seen to do with it: one table of scenarios drives both.

The end-to-end tests send each scenario as a real message; here the template that they deploy is read.
"""

import re
from urllib.parse import quote_plus

import pytest

from patterns.flow import Fate, Flow, Outcome, fates, losses, read_flow
from patterns.flow.filters import match
from patterns.flow.model import Send, Subscription
from tests.e2e import asynchronous, poll, test_clinic, test_insurance_leads, test_recursion
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


@pytest.fixture(scope="module")
def leads(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    return read_flow(test_insurance_leads.synthesize(tmp_path_factory.mktemp("leads")))


def wanting(flow: Flow, key: str) -> set[str]:
    """The departments whose filter, as it stands in the template, lets the notification of an upload through."""
    record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": quote_plus(key)}}}
    return {
        flow.name(edge.target)[:4]
        for edge in flow.edges_of(Subscription)
        if edge.filter is not None and match(edge.filter, "body", {"Records": [record]})
    }


@pytest.mark.parametrize(
    ("key", "department"),
    [
        *((key, {"Auto"}) for key in test_insurance_leads.AUTO),
        *((key, {"Home"}) for key in test_insurance_leads.HOME),
        *((key, set()) for key in test_insurance_leads.NEITHER),
    ],
)
def test_an_upload_that_was_made_is_wanted_by_whom_the_template_says(
    key: str, department: set[str], leads: Flow
) -> None:
    assert wanting(leads, key) == department


def test_what_no_department_wants_is_kept_by_the_template_too(leads: Flow) -> None:
    assert losses(leads) == []
    [unfiltered] = [edge for edge in leads.edges_of(Subscription) if edge.filter is None]
    assert unfiltered.target.startswith(f"{test_insurance_leads.STACK}/AuditPollQueue")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    return read_flow(test_clinic.synthesize(tmp_path_factory.mktemp("clinic")))


def test_every_end_that_was_seen_in_the_clinic_is_in_its_template(clinic: Flow) -> None:
    """Which message goes where is the policy's answer, given at run time; the template has the ends."""
    told = [fate for found in fates(clinic).values() for fate in found]
    processed = {fate.at for fate in told if fate.outcome is Outcome.PROCESSED}
    for department in ("Billing", "Scheduling"):
        assert any(f"/{department}Function" in at for at in processed)
    assert any("Quarantine" in edge.target for edge in clinic.edges_of(Send))
