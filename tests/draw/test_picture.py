"""Whoever looks at a picture sees every link, every loss and every copy that nobody would hear of."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.draw import Picture, picture_of
from patterns.draw.picture import Line
from patterns.draw.words import LONGEST, clean, label_of
from patterns.flow import losses, read_flow
from patterns.flow.model import (
    Alarm,
    Answer,
    Call,
    DeadLetter,
    Delivery,
    Destination,
    Edge,
    External,
    Flow,
    Function,
    Match,
    Metric,
    Notification,
    Poll,
    Queue,
    Redrive,
    Rule,
    Send,
    Subscription,
    Topic,
    Verdict,
    Way,
)
from tests.draw._flows import everything, hostile, many, orders, resource


def box(drawn: Picture, title: str) -> tuple[str, str, tuple[str, ...]]:
    found = [(one.shape, one.kind, one.facts) for one in drawn.boxes if one.title == title]
    assert len(found) == 1
    return found[0]


def arrows(drawn: Picture) -> set[tuple[str, str, str, Line]]:
    titles = {one.key: one.title for one in drawn.boxes}
    return {(titles[one.source], titles[one.target], one.label, one.line) for one in drawn.arrows}


@pytest.mark.parametrize(
    "flow", [orders(), everything(), hostile(), many(60)], ids=["orders", "all", "hostile", "many"]
)
def test_every_node_and_link_is_drawn_once_and_every_place_that_loses_has_one_lost_box(flow: Flow) -> None:
    drawn = picture_of(flow)
    places = {flow.edges[fate.hop].source if fate.hop else fate.at for fate in losses(flow)}
    ways = {(flow.edges[fate.hop].source if fate.hop else fate.at, fate.outcome) for fate in losses(flow)}
    assert len([one for one in drawn.boxes if not one.lost]) == len(flow.nodes)
    assert len([one for one in drawn.boxes if one.lost]) == len(places)
    assert len([one for one in drawn.arrows if one.line is not Line.LOST]) == len(flow.edges)
    assert len([one for one in drawn.arrows if one.line is Line.LOST]) == len(ways)
    keys = [one.key for one in (*drawn.boxes, *drawn.arrows)]
    assert len(keys) == len(set(keys))
    assert {one.source for one in drawn.arrows} | {one.target for one in drawn.arrows} <= {b.key for b in drawn.boxes}


def test_arrows_say_what_decides_and_dashes_are_for_failures() -> None:
    assert arrows(picture_of(orders())) == {
        ("Orders", "Work/Inbox", "", Line.SOLID),
        ("Orders", "Audit", "filter on kind", Line.SOLID),
        ("Work/Inbox", "Handler", "batch 10", Line.SOLID),
        ("Work/Inbox", "Work/DeadLetters", "after 5 receives", Line.DASHED),
        ("Orders", "LOST", "dropped: cannot be delivered to Audit or cannot be delivered to Work/Inbox", Line.LOST),
        ("Audit", "LOST", "dropped: Audit fails 3 times or Audit cannot be run within 6 h (throttled)", Line.LOST),
    }


def test_a_dead_letter_queue_says_how_long_it_keeps_and_whether_anybody_hears_of_it() -> None:
    flow = orders()
    watched = box(picture_of(flow), "Work/DeadLetters")
    assert watched == ("dead-letters", "dead-letter queue", ("keeps 14 d", "alarm"))
    silent = Flow.build(flow.nodes.values(), flow.edges.values())
    assert box(picture_of(silent), "Work/DeadLetters")[2] == ("keeps 14 d", "NO ALARM")
    mute = Flow.build(
        flow.nodes.values(), flow.edges.values(), [replace(one, acts=False) for one in flow.alarms.values()]
    )
    assert box(picture_of(mute), "Work/DeadLetters")[2] == ("keeps 14 d", "NO ALARM")


def test_a_queue_that_producers_use_too_is_no_dead_letter_queue() -> None:
    flow = orders()
    sent = Send(id="Shop/Sent", source="Shop/Audit", target="Shop/Failed")
    assert (
        box(picture_of(Flow.build(flow.nodes.values(), [*flow.edges.values(), sent])), "Work/DeadLetters")[0] == "queue"
    )


def queue(path: str = "") -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Metadata": {"aws:cdk:path": path} if path else {}}


def test_names_are_those_in_code_where_a_template_has_only_the_cdk_s_logical_ids() -> None:
    stack = {
        "Resources": {
            "OrdersQueueC427BDA1": queue(),
            "Twice12345678": queue(),
            "Twice9ABCDEF0": queue(),
            "12345678": queue(),
            "Deadbeef": queue(),
            "PathC427BDA1": queue("S/PathC427BDA1/Resource"),
        }
    }
    drawn = picture_of(read_flow({"S": stack}))
    assert {(one.key, one.title) for one in drawn.boxes} == {
        ("queue_OrdersQueueC427BDA1", "OrdersQueue"),
        ("queue_Twice12345678", "Twice12345678"),
        ("queue_Twice9ABCDEF0", "Twice9ABCDEF0"),
        ("queue_12345678", "12345678"),
        ("queue_Deadbeef", "Deadbeef"),
        ("queue_PathC427BDA1", "PathC427BDA1"),
    }
    assert ("id", "S/OrdersQueueC427BDA1") in drawn.boxes[2].settings


@pytest.mark.parametrize(
    ("setting", "words"), [("Terminate", "likely loop, Lambda stops it"), ("Allow", "likely LOOP, nothing stops it")]
)
def test_an_arrow_in_a_cycle_says_whether_anything_stops_it(setting: str, words: str) -> None:
    looping = Flow.build(
        [Queue(id="q", name="Q"), Function(id="f", name="F", function="f", recursive_loop=setting)],
        [Poll(id="p", source="q", target="f"), Send(id="s", source="f", target="q", action="sqs:SendMessage")],
    )
    labels = {one.label for one in picture_of(looping).arrows if one.line is not Line.LOST}
    assert labels == {f"batch 10, {words}", f"likely: sqs:SendMessage, {words}"}


def test_a_topic_that_alarms_send_to_says_so_and_is_no_end_of_an_arrow() -> None:
    alarm = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {"AlarmActions": [{"Ref": "OnCall"}, "arn:aws:sns:eu-west-1:111122223333:elsewhere"]},
    }
    stack = {"Resources": {"OnCall": {"Type": "AWS::SNS::Topic"}, "Alarm": alarm, "Q": queue()}}
    drawn = picture_of(read_flow({"S": stack}))
    assert {one.title: one.facts for one in drawn.boxes} == {"OnCall": ("alarms tell it",), "Q": ()}
    assert drawn.arrows == ()


def test_where_nothing_is_lost_nothing_says_so() -> None:
    kept = Flow.build(
        [
            Queue(id="q", name="Q", redrive=True),
            Queue(id="d", name="D", retention=1_209_600),
            Function(id="f", name="F"),
        ],
        [Poll(id="p", source="q", target="f"), Redrive(id="r", source="q", target="d", max_receive_count=3)],
    )
    assert losses(kept) == []
    assert [one for one in picture_of(kept).boxes if one.lost] == []


@pytest.mark.parametrize(
    ("watched", "words"),
    [((), "nobody is told"), (("Errors",), "alarms tell of some"), (("AsyncEventsDropped",), "an alarm tells")],
)
def test_a_loss_says_whether_anybody_hears_of_it(watched: tuple[str, ...], words: str) -> None:
    pushed = Delivery(id="s", source="r", target="f")
    alarms = [
        Alarm(
            id="a",
            name="A",
            resource=resource("S", "A"),
            metrics=tuple(Metric("AWS/Lambda", name, (("FunctionName", "f"),)) for name in watched),
            acts=True,
        )
    ]
    nodes = [Rule(id="r", name="R", expression="rate(1 day)"), Function(id="f", name="F", function="f")]
    drawn = picture_of(Flow.build(nodes, [pushed], alarms))
    assert [one.facts for one in drawn.boxes if one.lost and one.key == "lost_function_f"] == [(words,)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"why": "no policy lets it in"}, "CANNOT TELL: no policy lets it in"),
        ({"why": "no policy lets it in", "fires": None}, "CANNOT TELL: no policy lets it in"),
        ({}, "TELLS NOBODY"),
        ({"why": "it waits for 5", "fires": False}, "TELLS NOBODY; does not fire: it waits for 5"),
    ],
)
def test_an_alarm_that_tells_nobody_says_why(change: dict[str, Any], said: str) -> None:
    flow = orders()
    refused = [replace(one, acts=False, **change) for one in flow.alarms.values()]
    drawn = picture_of(Flow.build(flow.nodes.values(), flow.edges.values(), refused))
    failed = next(one for one in drawn.boxes if one.title == "Work/DeadLetters")
    assert ("alarm", f"Work/Alarm on ApproximateNumberOfMessagesVisible, {said}") in failed.settings


def test_details_of_a_box_hold_its_settings_its_alarms_and_what_ends_there() -> None:
    drawn = picture_of(orders())
    failed = next(one for one in drawn.boxes if one.title == "Work/DeadLetters")
    assert ("retention", "14 d") in failed.settings
    assert ("alarm", "Work/Alarm on ApproximateNumberOfMessagesVisible, acts") in failed.settings
    assert any(one.startswith("From Orders: dead-letter queue: Handler fails on 5 receives") for one in failed.ends)
    lost = next(one for one in drawn.boxes if one.lost and "Audit" in one.key)
    assert lost.facts == ("nobody is told",)
    assert any("Audit fails 3 times" in one and "no alarm tells" in one and "remedy: " in one for one in lost.ends)
    throttled = next(one for one in lost.ends if "(throttled)" in one)
    assert "(throttled); 6 h to " in throttled, "no count of attempts where nobody can tell it"


def test_what_cannot_be_told_is_a_question_mark_and_listed() -> None:
    drawn = picture_of(everything())
    assert drawn.notes == ("cannot be told: Endpoint of Sub: parameter Mail",)
    assert box(drawn, "Dlq")[2][0] == "keeps ?"
    dlq = next(one for one in drawn.boxes if one.title == "Dlq")
    assert ("retention", "cannot be told") in dlq.settings
    assert ("Clock", "Machine", "OFF, ? attempts in ?", Line.SOLID) in arrows(drawn)


def test_a_denied_link_and_one_that_is_off_are_barred() -> None:
    barred = {one.label for one in picture_of(everything()).arrows if one.barred}
    assert barred == {"DENIED", "OFF, ? attempts in ?"}
    denied = next(one for one in picture_of(everything()).arrows if one.label == "DENIED")
    assert denied.notes[-1] == (
        "permission",
        "denied: the queue policy of Queue has no statement for sns.amazonaws.com",
    )


NODES = [
    Topic(id="t", name="T"),
    Queue(id="q", name="Q"),
    Function(id="f", name="F"),
    Rule(id="r", name="R", bus="b"),
    External(id="x", name="X"),
]
LINK = {"id": "e", "source": "t", "target": "q"}


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        (Poll(**LINK), "batch 10"),
        (Poll(**LINK, batch_size=None), "batch ?"),
        (Poll(**LINK, batch_size=1_000, window=5), "batch 1,000, window 5 s"),
        (Poll(**LINK, filters=({},)), "batch 10, 1 filter, the rest is deleted"),
        (Poll(**LINK, filters=({}, {}), service="kinesis"), "batch 10, 2 filters, the rest is skipped, "
         "retried until the record expires"),
        (Poll(**LINK, service="kinesis", retries=1, record_age=60),
         "batch 10, retried 1 time, record at most 1 min old"),
        (Poll(**LINK, service="kinesis", retries=None), "batch 10, retried ? times"),
        (Poll(**LINK, service="kinesis", retries=0), "batch 10, retried 0 times"),
        (Poll(**LINK, maximum_concurrency=2), "batch 10, at most 2 at once"),
        (Poll(**LINK, unknown=("filters",)), "batch 10, unknown filters"),
        (Poll(**LINK, may_delete=Verdict(Answer.DENIED)), "batch 10, MAY NOT DELETE"),
        (Subscription(**LINK), ""),
        (Subscription(**LINK, verdict=Verdict(Answer.DENIED, "no")), "DENIED"),
        (Subscription(**LINK, verdict=Verdict(Answer.UNKNOWN, "an import")), "permission unknown"),
        (Subscription(**(LINK | {"target": "x"}), verdict=Verdict(Answer.UNKNOWN, "elsewhere")), ""),
        (Poll(**LINK, enabled=False), "OFF, batch 10"),
        (Subscription(**LINK, filter={"b": [1], "a": [1]}), "filter on a, b"),
        (Subscription(**LINK, filter={"d": [], "c": [], "b": [], "a": []}), "filter on a, b, c and more"),
        (Subscription(**LINK, unknown=("filter",)), "unknown filter"),
        (Subscription(**LINK, broken_redrive="is no object"), "BROKEN RedrivePolicy: is no object"),
        (Match(**LINK, everything=True), "every event"),
        (Match(**LINK), "unknown pattern"),
        (Match(**LINK, pattern={"source": ["x"]}), "pattern on source"),
        (Delivery(**LINK), "186 attempts in 1 d"),
        (Delivery(**LINK, attempts=1, seconds=90, filters=({},)), "1 filter, 1 attempt in 1 min 30 s"),
        (Delivery(**LINK, by="pipes"), ""),
        (Notification(**LINK, events=("s3:ObjectCreated:*",)), "ObjectCreated:*"),
        (Notification(**LINK, events=("s3:A", "s3:B", "s3:C"), filters=(("suffix", ".csv"),)),
         "A, B, 1 more event, suffix .csv"),
        (Call(**LINK), "calls"),
        (Call(**LINK, asynchronous=True), "invokes asynchronously"),
        (Send(**LINK), "likely sends"),
        (Send(**LINK, action="sqs:SendMessage"), "likely: sqs:SendMessage"),
        (Redrive(**LINK, max_receive_count=1), "after 1 receive"),
        (Redrive(**LINK, max_receive_count=None), "after ? receives"),
        (DeadLetter(**LINK, of="gone"), "undelivered"),
        (Destination(**(LINK | {"source": "f"})), "fails 3 times, a record"),
        (Destination(**(LINK | {"source": "f"}), dead_letter=True), "fails 3 times"),
        (Destination(**LINK, way=Way.SUCCESS), "on success, a record"),
        (Edge(**LINK), ""),
        (Edge(**LINK, way=Way.FAILURE), "on failure"),
        (Edge(**LINK, way=Way.LIKELY), "likely"),
    ],
)  # fmt: skip
def test_the_words_on_an_arrow(edge: Edge, words: str) -> None:
    assert label_of(Flow.build(NODES, [edge]), edge) == words


def test_the_words_of_a_dead_letter_link_name_the_delivery_it_catches() -> None:
    pushed = Subscription(id="s", source="t", target="f")
    caught = DeadLetter(id="d", source="t", target="q", of="s")
    assert label_of(Flow.build(NODES, [pushed, caught]), caught) == "undelivered to F, at most 100,015 attempts"
    read = Poll(id="p", source="t", target="f", service="kinesis", retries=2)
    dropped = DeadLetter(id="d", source="t", target="q", of="p")
    assert label_of(Flow.build(NODES, [read, dropped]), dropped) == "given up: retried 2 times"


@given(st.text(), st.integers(1, 40))
def test_clean_text_is_one_visible_line_no_longer_than_asked(text: str, longest: int) -> None:
    seen = clean(text, longest)
    assert seen.isprintable()
    assert seen == seen.strip() != ""
    assert len(seen) <= max(longest, len("(no name)"))
    assert clean(seen, max(longest, len(seen))) == seen


def test_long_words_lose_their_middle() -> None:
    assert clean("a" * 20 + "b" * 20, 12) == "aaaaaaa…bbbb"
    long = Send(**LINK, action="sqs:" + "x" * 200)
    assert len(picture_of(Flow.build(NODES, [long])).arrows[0].label) == LONGEST


def test_more_ways_to_be_lost_than_fit_on_an_arrow_are_counted_there_and_told_in_the_details() -> None:
    functions = [Function(id=f"f{number}", name=f"F{number}") for number in range(3)]
    pushed = [Subscription(id=f"s{number}", source="t", target=f"f{number}") for number in range(3)]
    drawn = picture_of(Flow.build([Topic(id="t", name="T"), *functions], pushed))
    arrow = next(one for one in drawn.arrows if one.source == "topic_t" and one.line is Line.LOST)
    assert arrow.label == "dropped: cannot be delivered to F0 or cannot be delivered to F1 or 1 more"
    assert [name for name, _ in arrow.notes] == ["lost", "lost", "lost"]
