"""What the model tells of the samples is what the emulator was seen to do with real messages, fate by fate.

One table drives both (`tests/e2e/scenarios.py`): the end-to-end tests send its messages; here the templates are asked,
with the short times that those deploy. Every end of the table is a fate that the model tells of that message, every
copy that a template makes has its end, by filters and policies as they stand there, and every fate of a sample is the
end of some message or stands in the list of what the emulator cannot show.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from apps.app import build_app
from patterns.data_protection.engine import Engine
from patterns.data_protection.engine.handler import SUBSCRIBER
from patterns.flow import Edge, Fate, Flow, Outcome, fates, loops, read_flow
from patterns.flow.filters import match
from patterns.flow.model import Match, Notification, Send, Subscription, Topic
from tests.e2e.assembly import paths, stacks_of, synthesize
from tests.e2e.scenarios import (
    DEPARTMENTS,
    EVENT_BUS,
    POLL,
    SCENARIOS,
    UNSHOWN,
    VISIBILITY,
    End,
    Scenario,
    Unshown,
    outside,
    processed,
)

SAMPLES = tuple(dict.fromkeys(row.stack for row in SCENARIOS))
KEPT = (Outcome.DLQ, Outcome.DESTINATION)


@dataclass
class Told:
    """What the templates tell.

    Attributes:
        assembly: the samples, synthesized with short times.
        flow: their graph.
        ids: the id of the node at a construct path, which begins with the stack.
    """

    assembly: Path
    flow: Flow
    ids: dict[str, str]

    def node(self, sample: str, at: str) -> str:
        """The id of the node at a place in the words of the table."""
        return self.ids[at] if at.partition("/")[0] in self.stacks else self.ids[f"{sample}/{at}"]

    @property
    def stacks(self) -> set[str]:
        return {key.partition("/")[0] for key in self.ids}

    def of(self, sample: str) -> list[Fate]:
        """Every fate that the model tells of a sample."""
        stacks = stacks_of(sample)
        return [fate for key, told in fates(self.flow).items() if key.partition("/")[0] in stacks for fate in told]

    def from_(self, start: str) -> list[Fate]:
        """The fates of a message that is put into a node: told there, or on the way of what enters before it."""
        return [
            fate
            for told in fates(self.flow).values()
            for fate in told
            if fate.source == start or start in {self.flow.edges[key].target for key in fate.path}
        ]

    def follow(self, row: Scenario) -> tuple[set[str], list[Fate]]:
        """Where a message and what code sends on its behalf are put, and what the model tells of that."""
        taken = {self.node(row.stack, end.at) for end in row.ends if end.outcome is Outcome.PROCESSED}
        starts, found = [self.node(row.stack, row.to)], list[Fate]()
        for start in starts:
            told = self.from_(start)
            found += [fate for fate in told if fate not in found]
            for function in {fate.at for fate in told if fate.outcome is Outcome.PROCESSED} & taken:
                sent = (edge.target for edge in self.flow.leaving(function) if isinstance(edge, Send))
                starts += [target for target in sent if target not in starts]
        return set(starts), found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    assembly = synthesize(tmp_path_factory.mktemp("samples"))
    flow = read_flow(assembly)
    stacks = [stack for sample in SAMPLES for stack in stacks_of(sample)]
    ids = {f"{stack}/{path}": f"{stack}/{key}" for stack in stacks for path, key in paths(assembly, stack).items()}
    return Told(assembly, flow, ids)


def is_end(told: Told, sample: str, end: End, fate: Fate) -> bool:
    """Whether a fate of the model is an end of the table. SNS tries more often than the emulator."""
    return (fate.outcome, fate.at) == (end.outcome, told.node(sample, end.at)) and end.attempts in (
        None,
        fate.attempts,
    )


def shown_by(told: Told, row: Scenario) -> list[tuple[End, list[Fate]]]:
    """For each end of a row the fates that the model tells for it."""
    _, found = told.follow(row)
    return [(end, [fate for fate in found if is_end(told, row.stack, end, fate)]) for end in row.ends]


# --- every end is a fate ---------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_every_end_of_a_message_is_a_fate_that_the_model_tells(scenario: Scenario, told: Told) -> None:
    often = Counter(scenario.ends)
    for end, found in shown_by(told, scenario):
        # Two copies in one place have come there in two ways.
        assert len(found) == often[end], f"{end}: {[fate.condition for fate in found]}"
        for fate in found:
            assert fate.lost == end.lost
            assert not fate.unsure
            if end.outcome in KEPT:
                assert fate.alarms, "somebody is told"
            if end.outcome in (*KEPT, Outcome.OUTSIDE):
                assert fate.kept
                assert fate.kept.place == fate.at


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_what_comes_round_is_a_loop_in_the_graph_and_nothing_else_is(scenario: Scenario, told: Told) -> None:
    start = told.node(scenario.stack, scenario.to)
    taken = {told.node(scenario.stack, end.at) for end in scenario.ends if end.outcome is Outcome.PROCESSED}
    round_and_round = [loop for loop in loops(told.flow) if start in loop.nodes and taken & set(loop.nodes)]
    assert bool(round_and_round) == bool(scenario.rounds)
    assert all(loop.stopped for loop in round_and_round), "on AWS Lambda would end it"


def test_the_times_of_the_model_are_the_times_that_are_waited(told: Told) -> None:
    [kept] = [fate for fate in told.of(POLL) if fate.outcome is Outcome.DLQ]
    assert kept.soonest == 2 * VISIBILITY


# --- every copy has its end, by what stands in the template ------------------------------------------


def let_have(told: Told, text: str) -> tuple[list[str], list[str]]:
    """The relay's subscribers, and those that its policy lets have a message: as deployed with its function."""
    [file] = told.assembly.glob("asset.*/**/policy.json")
    kept = json.loads(file.read_text())
    names = kept["subscribers"]
    verdict = Engine(kept["policy"]).apply(text, subscribers=names)
    return names, [name for name in names if verdict.deliveries[name].text is not None]


def publications(row: Scenario, told: Told) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """The topics that a message comes by, its body there and its attributes; ``None`` where it is not published."""
    to = told.node(row.stack, row.to)
    for edge in told.flow.leaving(to):
        if isinstance(edge, Notification):
            name = "ObjectRemoved:Delete" if row.removed else "ObjectCreated:Put"
            record = {"eventName": name, "s3": {"object": {"key": quote_plus(row.body)}}}
            yield edge.target, json.dumps({"Records": [record]}), {}
    for topic in told.follow(row)[0]:
        if isinstance(told.flow.nodes[topic], Topic):
            names = let_have(told, row.body)[1] if topic != to else []
            attribute = {"DataType": "String.Array", "StringValue": json.dumps(names)}
            attributes = {SUBSCRIBER: attribute} if names else {} if topic == to else None
            yield topic, row.body, attributes


def ends_by(edge: Edge, row: Scenario, told: Told) -> set[Outcome]:
    """How the copy that takes a link ends, in the table: delivered by it, kept by its own net, filtered out there."""
    return {
        end.outcome
        for end, found in shown_by(told, row)
        for fate in found
        if edge.id in fate.path or fate.hop in {net.id for net in told.flow.nets(edge)}
    }


PUBLISHED = [row for row in SCENARIOS if "Topic" in row.to or row.to in ("Leads", "Relay/Ingress")]


@pytest.mark.parametrize("scenario", PUBLISHED, ids=str)
def test_every_subscription_takes_the_message_or_not_as_its_filter_in_the_template_says(
    scenario: Scenario, told: Told
) -> None:
    topics = list(publications(scenario, told))
    assert topics
    for topic, body, attributes in topics:
        subscriptions = [edge for edge in told.flow.leaving(topic) if isinstance(edge, Subscription)]
        assert subscriptions
        for edge in subscriptions:
            ends = ends_by(edge, scenario, told)
            if attributes is None:
                assert not ends
                continue
            scope, message = ("body", body) if edge.scope == "MessageBody" else ("attributes", attributes)
            wanted = edge.filter is None or match(edge.filter, scope, message)
            assert ends, f"a copy for {told.flow.name(edge.target)}"
            assert wanted is not (Outcome.FILTERED in ends)
            assert wanted or ends == {Outcome.FILTERED}


@pytest.mark.parametrize("scenario", [row for row in SCENARIOS if row.stack == EVENT_BUS], ids=str)
def test_every_rule_takes_the_event_or_not_as_its_pattern_in_the_template_says(scenario: Scenario, told: Told) -> None:
    if "Function" in scenario.gone:
        event = None  # no invocation, no record of one
    else:
        result = "Success" if processed("Function") in scenario.ends else "Failure"
        event = {"detail-type": f"Lambda Function Invocation Result - {result}"}
    rules = told.flow.edges_of(Match)
    taken = {edge.id for edge in rules if edge.pattern and event and match(edge.pattern, "eventbridge", event)}
    assert {edge.id for edge in rules if ends_by(edge, scenario, told)} == taken
    assert bool(taken) is (event is not None)


@pytest.mark.parametrize("scenario", [row for row in SCENARIOS if processed("Relay/Function") in row.ends], ids=str)
def test_the_relay_keeps_what_its_policy_keeps_from_somebody(scenario: Scenario, told: Told) -> None:
    names, having = let_have(told, scenario.body)
    assert names == list(DEPARTMENTS)
    assert (outside("Relay/Quarantine") in scenario.ends) is (having != names)


# --- every fate is an end, or has a reason -------------------------------------------------------------


def unshown(told: Told, sample: str) -> list[tuple[Unshown, list[Fate]]]:
    """For each reason and each place that it names in a sample, the fates that it is for."""
    return [
        (reason, [fate for fate in told.of(sample) if reason.is_for(fate.outcome, fate.condition) and fate.at == at])
        for reason in UNSHOWN
        for at in dict.fromkeys(told.node(sample, place) for place in reason.at.get(sample, ()))
    ]


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_fate_that_the_model_tells_is_shown_or_has_a_reason_why_not(sample: str, told: Told) -> None:
    shown = {fate for row in SCENARIOS if row.stack == sample for _, found in shown_by(told, row) for fate in found}
    excused = {fate for _, found in unshown(told, sample) for fate in found}
    assert not shown & excused, "what is shown needs no reason"
    assert [fate for fate in told.of(sample) if fate not in shown | excused] == []
    assert not any(fate.lost for fate in excused), "a loss must be shown"


@pytest.mark.parametrize("reason", UNSHOWN, ids=lambda reason: f"{reason.outcome}: {reason.why}")
def test_every_reason_is_for_fates_that_the_model_tells(reason: Unshown, told: Told) -> None:
    assert reason.at
    for sample, places in reason.at.items():
        found = {told.node(sample, place): 0 for place in places}
        for known, fates_there in unshown(told, sample):
            for fate in fates_there if known is reason else ():
                found[fate.at] += 1
        assert found == Counter(told.node(sample, place) for place in places)


def test_every_sample_is_in_the_table(told: Told) -> None:
    stacks = {file.name.partition(".")[0] for file in told.assembly.glob("*.template.json")}
    assert {stack for sample in SAMPLES for stack in stacks_of(sample)} == stacks
    assert len({str(row) for row in SCENARIOS}) == len(SCENARIOS)


def test_with_short_times_a_sample_has_the_fates_that_it_has_on_aws(told: Told, tmp_path: Path) -> None:
    def ends(flow: Flow) -> list[tuple[Any, ...]]:
        return [
            (fate.source, fate.outcome, fate.at, fate.hop, fate.path, fate.kept and fate.kept.place, fate.lost)
            for found in fates(flow).values()
            for fate in found
        ]

    build_app(outdir=str(tmp_path)).synth()
    assert ends(read_flow(tmp_path)) == ends(told.flow)
