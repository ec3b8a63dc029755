"""Work and answers grow with the template, never with its square: counted, not timed."""

import sys
from typing import Any

import pytest

from patterns.flow import Flow, as_text, fates, losses
from patterns.flow.model import Rule, Send
from patterns.flow.permissions import Permissions
from tests.flow.parts import (
    alarm,
    allow,
    arn,
    changed,
    flow_of,
    function,
    lets_in,
    mapping,
    queue,
    ref,
    resource,
    role,
    subscription,
    topic,
)

SMALL, LARGE = 60, 240
TELLING = sys.modules["patterns.flow.ends.stories"]


def shared_role(count: int) -> dict[str, Any]:
    """Functions with one role, which may send to every queue."""
    queues = {f"Q{n}": queue() for n in range(count)}
    functions = {f"F{n}": function() for n in range(count)}
    polls = {f"P{n}": mapping(f"Q{n}", to=ref(f"F{n}")) for n in range(count)}
    return {**queues, **functions, **polls, "Role": role(*(allow(arn(name), "sqs:*") for name in queues))}


def many_senders(count: int) -> dict[str, Any]:
    """Topics that all send to one queue, each let in by a policy of its own."""
    parts: dict[str, Any] = {"Queue": queue()}
    for n in range(count):
        parts[f"T{n}"] = topic()
        parts[f"S{n}"] = subscription("Queue", f"T{n}")
        parts[f"P{n}"] = lets_in("sns", ref(f"T{n}"), "Queue")
    return parts


def many_strangers(count: int) -> dict[str, Any]:
    """Topics that stand elsewhere and may all send to one queue, each let in by a policy of its own."""
    arns = [f"arn:aws:sns:eu-west-1:111122223333:topic{n}" for n in range(count)]
    return {"Queue": queue(), **{f"P{n}": lets_in("sns", one, "Queue") for n, one in enumerate(arns)}}


def buckets_and_rules(count: int) -> dict[str, Any]:
    """Buckets whose events all match every rule of the default bus."""
    bridge = {"EventBridgeConfiguration": {}}
    rule = {"EventPattern": {"source": ["aws.s3"]}, "Targets": [{"Id": "q", "Arn": arn("Queue")}]}
    buckets = {f"B{n}": resource("AWS::S3::Bucket", NotificationConfiguration=bridge) for n in range(count)}
    return {**buckets, **{f"R{n}": resource("AWS::Events::Rule", **rule) for n in range(count)}, "Queue": queue()}


def buses_in_a_row(count: int) -> dict[str, Any]:
    parts: dict[str, Any] = {f"B{n}": resource("AWS::Events::EventBus", Name=f"b{n}") for n in range(count + 1)}
    for n in range(count):
        targets = [{"Id": "next", "Arn": arn(f"B{n + 1}")}]
        parts[f"R{n}"] = resource(
            "AWS::Events::Rule", EventBusName=ref(f"B{n}"), EventPattern={"source": ["a"]}, Targets=targets
        )
    return parts


def functions_in_a_row(count: int) -> dict[str, Any]:
    """Functions that each hand their result to the next one."""
    parts: dict[str, Any] = {f"F{n}": function() for n in range(count + 1)}
    for n in range(count):
        after = {"OnSuccess": {"Destination": arn(f"F{n + 1}")}}
        parts[f"C{n}"] = resource(
            "AWS::Lambda::EventInvokeConfig", FunctionName=ref(f"F{n}"), Qualifier="$LATEST", DestinationConfig=after
        )
    return {**parts, "Role": role(allow("*", "lambda:InvokeFunction"))}


def one_repair_for_all(count: int) -> dict[str, Any]:
    """A topic's queues, each with a clock of its own, that share a dead-letter queue which is read and redriven."""
    parts: dict[str, Any] = {"Topic": topic(), "Dead": queue("Last"), "Last": queue(), "Repair": function()}
    for n in range(count):
        parts[f"Q{n}"] = queue("Dead", VisibilityTimeout=30 + n)
        parts[f"S{n}"] = subscription(f"Q{n}")
        parts[f"F{n}"] = function()
        parts[f"P{n}"] = mapping(f"Q{n}", to=ref(f"F{n}"))
    names = [name for name in parts if name.startswith("Q")]
    reads = role(allow("*", "sqs:*"))
    again = {"Again": mapping("Dead", to=ref("Repair")), "Stays": mapping("Last", to=ref("Repair"))}
    return {**parts, **again, "Role": reads, "Policy": lets_in("sns", ref("Topic"), *names)}


def queues_in_a_row(count: int) -> dict[str, Any]:
    """Queues that are each the dead-letter queue of the one before, all read."""
    parts: dict[str, Any] = {f"Q{n}": queue(f"Q{n + 1}") for n in range(count)}
    reads = {f"P{n}": mapping(f"Q{n}") for n in range(count)}
    return {**parts, f"Q{count}": queue(), **reads, "Worker": function(), "Role": role(allow("*", "sqs:*"))}


def archives_and_rules(count: int) -> dict[str, Any]:
    """Archives of some events of one bus, and rules for as many."""
    parts: dict[str, Any] = {"Bus": resource("AWS::Events::EventBus", Name="b"), "Queue": queue()}
    for n in range(count):
        pattern = {"source": ["a"], "detail": {"x": [str(n)]}}
        targets = [{"Id": "q", "Arn": arn("Queue")}]
        parts[f"A{n}"] = resource("AWS::Events::Archive", SourceArn=arn("Bus"), EventPattern=pattern, RetentionDays=3)
        parts[f"R{n}"] = resource("AWS::Events::Rule", EventBusName=ref("Bus"), EventPattern=pattern, Targets=targets)
    return parts


def test_archives_are_compared_with_rules_up_to_a_number_and_the_rest_is_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = sys.modules["patterns.flow.edges.events"]
    compares, count = events._asks_for_all_of, [0]

    def counting(*patterns: Any) -> bool:
        count[0] += 1
        return compares(*patterns)

    monkeypatch.setattr(events, "_asks_for_all_of", counting)
    monkeypatch.setattr(events, "_COMPARED", 10)
    flow = flow_of(**archives_and_rules(LARGE))
    assert count[0] <= 2 * 10 * LARGE  # once for each rule, once more below its key "detail"
    assert len([rule for rule in flow.nodes_of(Rule) if rule.archive_days == 3]) == 10
    assert sum("have their events kept by" in note for note in flow.notes) == LARGE - 10


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many statements were looked at."""
    count = [0]
    applies = Permissions._applies

    def counting(self: Permissions, *args: Any) -> Any:
        count[0] += 1
        return applies(self, *args)

    monkeypatch.setattr(Permissions, "_applies", counting)
    return count


@pytest.mark.parametrize("shape", [shared_role, many_senders, many_strangers])
def test_permissions_are_looked_up_and_not_searched(shape: Any, asked: list[int]) -> None:
    flow_of(**shape(SMALL))
    small, asked[0] = asked[0], 0
    flow_of(**shape(LARGE))
    assert asked[0] <= small * LARGE / SMALL * 1.1


@pytest.mark.parametrize(
    "shape", [shared_role, many_senders, buckets_and_rules, buses_in_a_row, one_repair_for_all, queues_in_a_row]
)
def test_answers_grow_with_the_template(shape: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TELLING, "_TOLD", 0)

    def size(count: int) -> int:
        flow = flow_of(**shape(count))
        return len(as_text(flow)) + len(flow.edges)

    assert size(4 * LARGE) <= 4.5 * size(LARGE)


def test_a_role_shared_by_many_makes_no_link_from_each_to_each_and_says_so() -> None:
    few, many = flow_of(**shared_role(20)), flow_of(**shared_role(40))
    assert len(few.edges_of(Send)) == 20 * 20
    assert many.edges_of(Send) == []
    assert many.notes == (
        "cannot be told: which of the 40 functions with the role Role send to which of the 40 places it may send to;"
        " only what their environment names is shown",
    )


def test_what_an_environment_names_is_linked_however_many_share_the_role() -> None:
    parts = shared_role(40)
    parts["F0"] = function(Environment={"Variables": {"NEXT": ref("Q7")}})
    [send] = flow_of(**parts).edges_of(Send)
    assert (send.source, send.target, send.variable) == ("S/F0", "S/Q7", "NEXT")


def conditions(flow: Flow) -> set[tuple[str, str]]:
    return {(fate.at, fate.condition) for fate in losses(flow)}


def test_no_loss_is_left_out_when_what_another_source_told_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = buckets_and_rules(30)
    whole = conditions(flow_of(**parts))
    monkeypatch.setattr(TELLING, "_TOLD", 0)
    monkeypatch.setattr(TELLING, "_TOLD_FOR_EACH_NODE", 1)
    short = flow_of(**parts)
    assert conditions(short) == whole
    ends = [fate.condition for told in fates(short).values() for fate in told]
    assert any(condition.endswith(", as told for other sources") for condition in ends)


def test_a_long_way_is_told_in_pieces_that_leave_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = functions_in_a_row(250)
    pieces = flow_of(**parts)
    assert 1 < len(fates(pieces)) < 10
    monkeypatch.setattr(TELLING, "_HOPS", 10_000)
    whole = flow_of(**parts)
    assert len(fates(whole)) == 1
    assert conditions(pieces) == conditions(whole)


def test_alarms_on_all_functions_are_looked_at_once_for_all_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    watching = sys.modules["patterns.flow.ends.watching"]
    compared, count = watching._may_be_one, [0]

    def counting(*places: Any) -> bool:
        count[0] += 1
        return compared(*places)

    monkeypatch.setattr(watching, "_may_be_one", counting)
    parts: dict[str, Any] = {}
    for n in range(50):
        parts[f"Alarm{n}"] = alarm("AWS/Lambda", "Errors")
        parts[f"Queue{n}"] = queue()
        parts[f"Worker{n}"] = function()
        parts[f"Poll{n}"] = changed(mapping(to=ref(f"Worker{n}")), EventSourceArn=arn(f"Queue{n}"))
    told = fates(flow_of(**parts))
    assert all(any(len(fate.alarms) == 50 for fate in told[f"S/Queue{n}"]) for n in range(50))
    assert count[0] == 50
