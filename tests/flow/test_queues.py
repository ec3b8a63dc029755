"""A message in a queue: processed, or kept in a dead-letter queue long enough for somebody to look."""

import json

import pytest

from patterns.flow import Outcome, fates, losses, read_flow, unwatched
from patterns.flow.model import Kept, Queue, Redrive
from tests.flow.parts import (
    alarm,
    allow,
    arn,
    changed,
    dead_letters,
    end,
    ends,
    flow_of,
    function,
    lets_in,
    mapping,
    polls,
    queue,
    ref,
    role,
    subscription,
    topic,
    why_lost,
)

POLLED = {
    "Queue": queue("Dead", 5, VisibilityTimeout=60, MessageRetentionPeriod=345_600),
    "Dead": dead_letters(),
    "Role": role(polls("Queue")),
    "Worker": function(Timeout=10),
    "Poll": mapping(),
}


def test_a_queue_with_a_dead_letter_queue_loses_nothing():
    assert losses(flow_of(**POLLED)) == []


def test_a_failing_message_is_kept_after_the_last_receive_and_the_clock_goes_on():
    kept = end(flow_of(**POLLED), "Queue", Outcome.DLQ)
    assert (kept.attempts, kept.soonest, kept.latest) == (5, 300, 345_600)
    assert kept.kept is not None
    assert (kept.kept.place, kept.kept.at_least, kept.kept.at_most) == ("S/Dead", 1_209_600 - 345_600, 1_209_600 - 300)


def test_the_clock_of_a_fifo_queue_starts_anew_in_the_dead_letter_queue():
    fifo = {
        **POLLED,
        "Queue": changed(POLLED["Queue"], FifoQueue=True),
        "Dead": changed(POLLED["Dead"], FifoQueue=True, MessageRetentionPeriod=60),
    }
    flow = flow_of(**fifo)
    assert losses(flow) == []
    told = end(flow, "Queue", Outcome.DLQ)
    assert (told.latest, told.kept) == (345_600, Kept("S/Dead", 60, 60))


def test_without_a_redrive_a_failing_message_expires():
    flow = flow_of(**{**POLLED, "Queue": changed(POLLED["Queue"], RedrivePolicy=None)})
    (lost,) = losses(flow)
    assert (lost.outcome, lost.condition) == (Outcome.EXPIRED, "Worker fails on every receive for 4 d")
    assert lost.remedy == "give Queue a redrive policy to a dead-letter queue that takes it"
    assert (lost.soonest, lost.latest) == (345_600, 345_600)


@pytest.mark.parametrize(("retention", "lost"), [(299, True), (300, True), (301, False)])
def test_the_retention_must_outlast_every_receive(retention, lost):
    flow = flow_of(**{**POLLED, "Queue": changed(POLLED["Queue"], MessageRetentionPeriod=retention)})
    assert bool(losses(flow)) is lost
    if lost:
        after = "4 min 59 s" if retention < 300 else "5 min"
        assert why_lost(flow) == [f"Worker fails on 5 receives, which takes 5 min; its retention ends after {after}"]


@pytest.mark.parametrize(("retention", "lost"), [(345_599, True), (345_600, False)])
def test_the_dead_letter_queue_must_not_forget_before_the_source_does(retention, lost):
    flow = flow_of(**{**POLLED, "Dead": queue(MessageRetentionPeriod=retention)})
    assert bool(losses(flow)) is lost
    if lost:
        assert losses(flow)[0].at == "S/Dead"
        assert len(ends(flow, "Queue", Outcome.DLQ)) == 1


def test_a_delay_counts_before_the_first_receive():
    flow = flow_of(**{**POLLED, "Queue": changed(POLLED["Queue"], DelaySeconds=900)})
    assert end(flow, "Queue", Outcome.DLQ).soonest == 900 + 300


def test_the_maximum_receive_count_is_ten_when_it_is_not_set():
    flow = flow_of(**{**POLLED, "Queue": queue(RedrivePolicy={"deadLetterTargetArn": arn("Dead")})})
    (redrive,) = flow.edges_of(Redrive)
    assert redrive.max_receive_count == 10


def test_a_redrive_policy_with_a_misspelt_key_keeps_nothing():
    policy = {"deadLetterTargetARN": arn("Dead"), "maxReceiveCount": 5}
    flow = flow_of(**{**POLLED, "Queue": queue(RedrivePolicy=policy)})
    assert why_lost(flow) == [
        "Worker fails on every receive for 4 d; its RedrivePolicy has no deadLetterTargetArn",
    ]


@pytest.mark.parametrize(
    "text",
    [
        {"Fn::Sub": '{"deadLetterTargetArn":"${Dead.Arn}","maxReceiveCount":"3"}'},
        {"Fn::Sub": ['{"deadLetterTargetArn":"${Arn}","maxReceiveCount":3}', {"Arn": arn("Dead")}]},
        {"Fn::ToJsonString": {"deadLetterTargetArn": arn("Dead"), "maxReceiveCount": 3}},
    ],
    ids=["Sub", "Sub with a map", "ToJsonString"],
)
def test_a_redrive_policy_as_a_string_counts(text):
    flow = flow_of(**{**POLLED, "Queue": queue(RedrivePolicy=text)})
    assert losses(flow) == []
    assert end(flow, "Queue", Outcome.DLQ).attempts == 3
    assert end(flow, "Queue", Outcome.DLQ).at == "S/Dead"


def test_a_number_that_is_left_open_does_not_break_the_text_around_it():
    text = {"Fn::Sub": '{"deadLetterTargetArn":"${Dead.Arn}","maxReceiveCount":${Receives}}'}
    document = {
        "Parameters": {"Receives": {"Type": "Number"}},
        "Resources": {**POLLED, "Queue": queue(RedrivePolicy=text)},
    }
    flow = read_flow({"S": document})
    (redrive,) = flow.edges_of(Redrive)
    assert (redrive.target, redrive.max_receive_count) == ("S/Dead", None)


def test_a_standard_queue_does_not_take_from_a_fifo_queue():
    flow = flow_of(**{**POLLED, "Queue": changed(POLLED["Queue"], FifoQueue=True)})
    assert why_lost(flow) == [
        "Worker fails on every receive for 4 d; its redrive is refused: "
        "Queue is a FIFO queue and Dead is a standard queue"
    ]


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        ({"redrivePermission": "allowAll"}, ""),
        ({"redrivePermission": "denyAll"}, "the RedriveAllowPolicy of Dead denies every source"),
        ({"redrivePermission": "byQueue", "sourceQueueArns": [arn("Queue")]}, ""),
        (
            {"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:us-east-1:111122223333:other"]},
            "the RedriveAllowPolicy of Dead does not name Queue",
        ),
    ],
)
def test_a_dead_letter_queue_may_refuse_its_sources(policy, refused):
    flow = flow_of(**{**POLLED, "Dead": changed(POLLED["Dead"], RedriveAllowPolicy=policy)})
    (redrive,) = flow.edges_of(Redrive)
    assert redrive.verdict.why == refused
    assert bool(losses(flow)) is bool(refused)


def test_a_queue_that_nobody_reads_may_be_read_elsewhere():
    flow = flow_of(Queue=queue())
    assert losses(flow) == []
    waits = end(flow, "Queue", Outcome.OUTSIDE)
    assert waits.condition == "it waits in Queue for a consumer that stands in none of the templates"
    assert waits.kept is not None
    assert waits.kept.at_most == 345_600


def test_a_disabled_mapping_reads_nothing():
    flow = flow_of(**{**POLLED, "Poll": mapping(Enabled=False)})
    assert why_lost(flow) == ["the mapping to Worker is disabled"]
    flow = flow_of(**{**POLLED, "Poll": mapping(Enabled=False), "Other": mapping()})
    assert losses(flow) == []


def test_a_backlog_that_expires_is_told_and_not_counted_as_a_loss_of_the_template():
    flow = flow_of(**POLLED, Age=alarm("AWS/SQS", "ApproximateAgeOfOldestMessage", QueueName=arn("Queue", "QueueName")))
    backlog = end(flow, "Queue", Outcome.EXPIRED)
    assert not backlog.lost
    assert backlog.alarms == ("S/Age",)


def test_a_copy_that_no_alarm_tells_of_is_unwatched():
    flow = flow_of(**POLLED)
    assert [fate.at for fate in unwatched(flow)] == ["S/Dead"]
    watched = flow_of(
        **POLLED, Told=alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=arn("Dead", "QueueName"))
    )
    assert unwatched(watched) == []


def test_a_consumed_dead_letter_queue_is_followed_to_its_consumer():
    repair = {"Repair": function(), "Again": mapping("Dead", to=ref("Repair"))}
    flow = flow_of(**{**POLLED, "Role": role(polls("Queue", "Dead"))}, **repair)
    assert losses(flow) == []
    assert [f.at for f in ends(flow, "Queue", Outcome.PROCESSED)] == ["S/Repair", "S/Worker"]
    assert [f.at for f in ends(flow, "Queue", Outcome.DLQ)] == ["S/Dead", "S/Dead"]


def test_a_number_that_is_a_parameter_without_a_value_cannot_be_told_and_is_no_loss():
    from patterns.flow import read_flow

    template = {
        "Parameters": {"Keep": {"Type": "Number"}},
        "Resources": {**POLLED, "Queue": changed(POLLED["Queue"], MessageRetentionPeriod={"Ref": "Keep"})},
    }
    flow = read_flow({"S": template})
    node = flow.nodes["S/Queue"]
    assert isinstance(node, Queue)
    assert (node.retention, node.unknown) == (None, ("retention",))
    assert losses(flow) == []
    assert end(flow, "Queue", Outcome.DLQ).unsure == ("the retention of Queue",)
    given = read_flow({"S": template}, parameters={"Keep": "300"})
    assert [fate.outcome for fate in losses(given)] == [Outcome.EXPIRED]


def test_a_dead_letter_queue_that_may_not_exist_is_said():
    from patterns.flow import read_flow

    template = {
        "Parameters": {"Stage": {"Type": "String"}},
        "Conditions": {"Live": {"Fn::Equals": [{"Ref": "Stage"}, "live"]}},
        "Resources": {**POLLED, "Dead": {**POLLED["Dead"], "Condition": "Live"}},
    }
    flow = read_flow({"S": template})
    assert losses(flow) == []
    (doubt,) = end(flow, "Queue", Outcome.DLQ).unsure
    assert doubt.startswith("whether Dead exists: ")
    assert len(losses(read_flow({"S": template}, parameters={"Stage": "test"}))) == 0


def test_one_pattern_that_asks_for_nothing_lets_everything_through():
    some = {"Pattern": '{"body": {"a": [1]}}'}
    flow = flow_of(**{**POLLED, "Poll": mapping(FilterCriteria={"Filters": [some, {"Pattern": "{}"}]})})
    assert losses(flow) == []
    assert len(losses(flow_of(**{**POLLED, "Poll": mapping(FilterCriteria={"Filters": [some]})}))) == 1


def test_a_throttled_receive_counts_where_the_reserved_concurrency_can_be_exceeded():
    def condition(reserved: int, **scaling: int) -> str:
        polled = {**POLLED, "Worker": function(ReservedConcurrentExecutions=reserved)}
        if scaling:
            polled["Poll"] = mapping(ScalingConfig=scaling)
        return end(flow_of(**polled), "Queue", Outcome.DLQ).condition

    assert condition(5) == "Worker fails or is throttled on 5 receives"
    assert condition(5, MaximumConcurrency=6) == "Worker fails or is throttled on 5 receives"
    assert condition(5, MaximumConcurrency=5) == "Worker fails on 5 receives"


def test_a_failing_message_of_a_fifo_queue_holds_up_its_group():
    fifo = {name: changed(POLLED[name], FifoQueue=True) for name in ("Queue", "Dead")}
    condition = end(flow_of(**{**POLLED, **fifo}), "Queue", Outcome.DLQ).condition
    assert condition == "Worker fails on 5 receives; its message group waits until then"


def test_a_consumer_outside_the_templates_can_fail_too():
    flow = flow_of(Queue=POLLED["Queue"], Dead=POLLED["Dead"])
    kept = end(flow, "Queue", Outcome.DLQ)
    assert kept.condition == "the consumer of Queue fails on 5 receives"
    assert kept.at == "S/Dead"
    forgets = flow_of(Queue=changed(POLLED["Queue"], MessageRetentionPeriod=1_209_600), Dead=queue())
    assert why_lost(forgets) == [
        "the consumer of Queue fails on 5 receives when it is older than 4 d: Dead counts from the first enqueue and"
        " keeps it no longer"
    ]


PAIR = {
    "One": queue("Two", MessageRetentionPeriod=600_000),
    "Two": queue("One"),
    "Role": role(polls("One", "Two")),
    "Worker": function(),
    "First": mapping("One"),
    "Second": mapping("Two"),
}


def test_queues_that_redrive_into_each_other_hand_a_message_round_until_it_is_gone():
    flow = flow_of(**PAIR)
    assert list(fates(flow)) == ["S/One"]
    assert ends(flow, "One", Outcome.DLQ) == []
    (lost,) = losses(flow)
    assert (lost.outcome, lost.soonest, lost.latest) == (Outcome.EXPIRED, 345_600, 600_000)
    assert lost.condition == "Worker fails on every receive; One and Two hand it round until it is 4 d old"
    assert lost.remedy == "let the redrive of Two end in a queue from which nothing comes back"
    assert [f.latest for f in ends(flow, "One", Outcome.PROCESSED)] == [600_000, 600_000]


def test_a_queue_that_is_its_own_dead_letter_queue_keeps_nothing():
    flow = flow_of(Queue=queue("Queue"), Role=role(polls("Queue")), Worker=function(), Poll=mapping())
    assert why_lost(flow) == ["Worker fails on every receive; Queue moves it to itself until it is 4 d old"]


def test_a_message_that_comes_from_outside_to_queues_that_hand_it_round_is_lost_once():
    inside = {**PAIR, "Role": role(polls("One", "Two", "Queue"))}
    flow = flow_of(**inside, Queue=queue("Two"), Poll=mapping())
    (lost,) = [fate for fate in losses(flow) if fate.source == "S/Queue"]
    assert (lost.at, lost.soonest, lost.latest) == ("S/One", 345_600, 600_000)


def test_where_nobody_reads_one_of_the_queues_a_failed_message_rests_there():
    half = {name: part for name, part in PAIR.items() if name != "Second"}
    flow = flow_of(**{**half, "One": queue("Two")})
    assert losses(flow) == []
    assert [fate.at for fate in ends(flow, "One", Outcome.DLQ)] == ["S/Two"]


def test_fifo_queues_that_hand_a_message_round_start_its_clock_anew_and_lose_nothing():
    fifo = {name: changed(PAIR[name], FifoQueue=True) for name in ("One", "Two")}
    assert losses(flow_of(**{**PAIR, **fifo})) == []


def test_the_clock_goes_on_for_the_consumer_of_a_standard_dead_letter_queue():
    again = {"Role": role(polls("Queue", "Dead")), "Again": mapping("Dead")}
    flow = flow_of(**{**POLLED, **again})
    assert [(f.condition, f.soonest, f.latest) for f in ends(flow, "Queue", Outcome.PROCESSED)] == [
        ("Worker fails on 5 receives; then Worker returns", 300, 1_209_600),
        ("Worker returns", 0, 345_600),
    ]
    moved, stays = ends(flow, "Queue", Outcome.DLQ)[::-1]
    assert stays.condition == "Worker fails on 5 receives; then Worker fails on every receive"
    for told in (moved, stays):
        assert (told.soonest, told.latest) == (300, 345_600)
        assert told.kept == Kept("S/Dead", 1_209_600 - 345_600, 1_209_600 - 300)


def test_the_clock_goes_on_through_a_second_dead_letter_queue():
    second = {
        "Role": role(polls("Queue", "Dead")),
        "Again": mapping("Dead"),
        "Dead": queue("Last", 2, VisibilityTimeout=100, MessageRetentionPeriod=600_000),
        "Last": dead_letters(),
    }
    flow = flow_of(**{**POLLED, **second})
    assert losses(flow) == []
    (last,) = [f for f in ends(flow, "Queue", Outcome.DLQ) if f.at == "S/Last"]
    assert last.condition == "Worker fails on 5 receives; then Worker fails on 2 receives"
    assert (last.soonest, last.latest) == (500, 600_000)
    assert last.kept == Kept("S/Last", 1_209_600 - 600_000, 1_209_600 - 500)


CHAIN = {
    "Role": role(polls("Queue", "Dead", "Last")),
    "Worker": function(Timeout=10),
    "Queue": queue("Dead", 5, VisibilityTimeout=60, MessageRetentionPeriod=1_209_600),
    "Dead": queue("Last", 2, VisibilityTimeout=100, MessageRetentionPeriod=1_209_600),
    "Last": dead_letters(),
    "Poll": mapping(),
    "Again": mapping("Dead"),
}


def test_what_a_third_queue_forgets_is_as_old_as_it_keeps_messages():
    (lost,) = losses(flow_of(**{**CHAIN, "Last": queue()}))
    assert "when it is older than 4 d" in lost.condition
    assert (lost.at, lost.soonest, lost.latest) == ("S/Last", 345_600, 1_209_600)


def test_a_queue_whose_messages_are_all_too_old_keeps_them_no_time_and_no_less():
    parts = {**CHAIN, "Dead": queue("Last", ref("Count")), "Last": queue(MessageRetentionPeriod=200)}
    flow = read_flow(
        {"S": {"Parameters": {"Count": {"Type": "Number"}}, "Resources": {**parts, "Third": mapping("Last")}}}
    )
    moved, stays = [f for f in ends(flow, "Queue", Outcome.DLQ) if f.at == "S/Last"][::-1]
    assert stays.condition.endswith("then Worker fails on every receive")
    assert (moved.latest, moved.kept) == (345_600, Kept("S/Last", 0, None))
    assert (stays.latest, stays.kept) == (345_600, Kept("S/Last", 0, 0))


def test_the_age_of_a_message_adds_up_along_its_dead_letter_queues():
    fourth = {"Last": queue("End", 1, VisibilityTimeout=30, MessageRetentionPeriod=1_209_600), "End": dead_letters()}
    flow = flow_of(**{**CHAIN, **fourth, "Third": mapping("Last")})
    (told,) = [f for f in ends(flow, "Queue", Outcome.DLQ) if f.at == "S/End"]
    assert told.soonest == 530
    assert told.kept == Kept("S/End", 0, 1_209_600 - 530)


def test_a_fourth_queue_is_out_of_reach_where_all_receives_take_longer_than_the_third_keeps_messages():
    short = {"Last": queue("End", 1, VisibilityTimeout=30, MessageRetentionPeriod=520), "End": dead_letters()}
    lost = losses(flow_of(**{**CHAIN, **short, "Third": mapping("Last")}))
    assert any(fate.condition.endswith("which takes 30 s; its retention ends after 8 min 40 s") for fate in lost)


def test_what_else_comes_into_a_dead_letter_queue_is_younger():
    fourth = {"Last": queue("End", 1, VisibilityTimeout=30, MessageRetentionPeriod=1_209_600), "End": dead_letters()}
    others = {"Topic": topic(), "To": subscription("Dead"), "Let": lets_in("sns", ref("Topic"), "Dead")}
    flow = flow_of(**{**CHAIN, **fourth, **others, "Third": mapping("Last")})
    (told,) = [f for f in ends(flow, "Topic", Outcome.DLQ) if f.at == "S/End"]
    assert told.kept == Kept("S/End", 0, 1_209_600 - 230)


def test_a_second_dead_letter_queue_is_out_of_reach_where_the_first_forgets_before_the_last_receive():
    second = {
        "Role": role(polls("Queue", "Dead")),
        "Again": mapping("Dead"),
        "Queue": queue("Dead", 5, VisibilityTimeout=60, MessageRetentionPeriod=600),
        "Dead": queue("Last", 5, VisibilityTimeout=100, MessageRetentionPeriod=700),
        "Last": dead_letters(),
    }
    (lost,) = losses(flow_of(**{**POLLED, **second}))
    assert lost.at == "S/Dead"
    assert lost.condition == (
        "Worker fails on 5 receives; then Worker fails on 5 receives, which takes 8 min 20 s; "
        "its retention ends after 11 min 40 s"
    )


def test_a_dead_letter_queue_that_forgets_when_its_source_does_says_so():
    flow = flow_of(**{**POLLED, "Dead": queue()})
    told = end(flow, "Queue", Outcome.DLQ)
    assert told.condition == (
        "Worker fails on 5 receives; Dead forgets when Queue does, so what fails late expires as it arrives there"
    )


SOME = {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]}


def test_what_one_of_two_readers_does_not_want_is_not_left_to_the_other():
    other = {"Other": function(), "Choosy": mapping(to=ref("Other"), FilterCriteria=SOME)}
    flow = flow_of(**POLLED, **other)
    (lost,) = losses(flow)
    assert (lost.outcome, lost.hop) == (Outcome.FILTERED, "S/Choosy")
    assert lost.condition == ("the mapping to Other receives it, and deletes it because it matches none of its filters")


def test_a_filter_that_nothing_can_match_leaves_nothing_to_process():
    never = {"Filters": [{"Pattern": '{"body": {"a": [{"exists": false}], "$or": [{"a": [1]}, {"a": [2]}]}}'}]}
    flow = flow_of(**{**POLLED, "Poll": mapping(FilterCriteria=never)})
    assert why_lost(flow) == ["no message can match a filter of the mapping to Worker, which deletes it"]
    assert ends(flow, "Queue", Outcome.PROCESSED) == ends(flow, "Queue", Outcome.DLQ) == []


def test_what_a_filter_deletes_from_a_queue_elsewhere_is_gone_too():
    elsewhere = "arn:aws:sqs:eu-central-1:111122223333:orders"
    poll = changed(
        mapping(), EventSourceArn=elsewhere, FilterCriteria={"Filters": [{"Pattern": '{"body": {"kind": ["order"]}}'}]}
    )
    flow = flow_of(Worker=function(), Role=role(allow(elsewhere, "sqs:*")), Poll=poll)
    assert why_lost(flow) == ["it matches no filter of the mapping to Worker, which deletes it"]
    failing = "Worker fails on every receive"
    assert failing in [fate.condition for fate in fates(flow)[elsewhere]]


@pytest.mark.parametrize(
    ("body", "raw", "processed"),
    [
        ({"type": ["order"]}, False, False),
        ({"type": ["order"]}, True, True),
        ({"type": [{"exists": False}]}, False, True),
        ({"type": {"name": ["order"]}}, False, False),
        ({"Message": {"type": ["order"]}}, False, False),
        ({"Message": [{"prefix": "order"}]}, False, True),
        (["order"], False, False),
    ],
)
def test_a_filter_sees_the_envelope_of_a_topic_and_not_what_is_in_it(body, raw, processed):
    parts = {
        **POLLED,
        "Poll": mapping(FilterCriteria={"Filters": [{"Pattern": json.dumps({"body": body})}]}),
        "Topic": topic(),
        "Subscription": subscription("Queue", RawMessageDelivery=raw),
        "Policy": lets_in("sns", ref("Topic"), "Queue"),
    }
    assert bool(ends(flow_of(**parts), "Topic", Outcome.PROCESSED)) is processed


def test_mappings_that_together_ask_for_more_than_is_reserved_are_throttled():
    def condition(second: int) -> str:
        two = {
            **POLLED,
            "Role": role(polls("Queue", "Second")),
            "Worker": function(ReservedConcurrentExecutions=10),
            "Poll": mapping(ScalingConfig={"MaximumConcurrency": 6}),
            "Second": queue("Dead"),
            "Other": mapping("Second", ScalingConfig={"MaximumConcurrency": second}),
        }
        return end(flow_of(**two), "Queue", Outcome.DLQ).condition

    assert condition(4) == "Worker fails on 5 receives"
    assert condition(5) == "Worker fails or is throttled on 5 receives"


def test_a_remedy_does_not_say_again_what_is_refused():
    (lost,) = losses(flow_of(**{**POLLED, "Role": role()}))
    assert (lost.condition, lost.remedy) == (
        "Role has no sqs:ReceiveMessage on Queue",
        "let Worker read Queue",
    )


def test_every_fate_of_a_source_that_may_not_exist_says_so():
    from patterns.flow import read_flow

    template = {
        "Parameters": {"Stage": {"Type": "String"}},
        "Conditions": {"Live": {"Fn::Equals": [{"Ref": "Stage"}, "live"]}},
        "Resources": {**POLLED, "Queue": {**changed(POLLED["Queue"], RedrivePolicy=None), "Condition": "Live"}},
    }
    flow = read_flow({"S": template})
    assert len(losses(flow)) == 1
    assert all(fate.unsure[0].startswith("whether Queue exists: ") for fate in fates(flow)["S/Queue"])


def test_a_loss_behind_a_mapping_that_may_not_exist_is_no_loss_that_a_template_decides():
    from patterns.flow import read_flow

    def lost(parameter: dict[str, str]) -> list[str]:
        conditional = {**mapping(), "Condition": "On"}
        template = {
            "Parameters": {"Stage": {"Type": "String", **parameter}},
            "Conditions": {"On": {"Fn::Equals": [ref("Stage"), "prod"]}},
            "Resources": {**POLLED, "Queue": queue(), "Poll": conditional},
        }
        return why_lost(read_flow({"S": template}))

    assert lost({"Default": "prod"}) == ["Worker fails on every receive for 4 d"]
    assert lost({}) == []


@pytest.mark.parametrize(
    "text",
    [
        {"Fn::Sub": '{"deadLetterTargetArn": "${Dead.Arn}", "maxReceiveCount": 5}'},
        {"Fn::Join": ["", ['{"deadLetterTargetArn": "', arn("Dead"), '", "maxReceiveCount": "5"}']]},
        {
            "Fn::Sub": '{"deadLetterTargetArn":'
            '"arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:${Dead.QueueName}","maxReceiveCount":5}'
        },
    ],
)
def test_a_redrive_policy_written_as_text_may_refer_to_its_queue(text):
    flow = flow_of(**{**POLLED, "Queue": changed(POLLED["Queue"], RedrivePolicy=text)})
    kept = end(flow, "Queue", Outcome.DLQ)
    assert (kept.at, kept.attempts, kept.unsure) == ("S/Dead", 5, ())


def test_a_redrive_policy_written_as_text_may_leave_its_queue_open():
    text = {"Fn::Sub": '{"deadLetterTargetArn": "${Name}", "maxReceiveCount": 5}'}
    resources = {**POLLED, "Queue": changed(POLLED["Queue"], RedrivePolicy=text)}
    flow = read_flow({"S": {"Parameters": {"Name": {"Type": "String"}}, "Resources": resources}})
    kept = end(flow, "Queue", Outcome.DLQ)
    assert kept.kept == Kept(kept.at, None, None)
    assert kept.unsure


@pytest.mark.parametrize(("named", "lost"), [("Queue", False), ("Dead", True)])
def test_a_redrive_allow_policy_written_as_text_may_refer_to_its_sources(named, lost):
    allows = {"Fn::Sub": f'{{"redrivePermission": "byQueue", "sourceQueueArns": ["${{{named}.Arn}}"]}}'}
    flow = flow_of(**{**POLLED, "Dead": dead_letters(RedriveAllowPolicy=allows)})
    assert bool(losses(flow)) is lost
    assert not any(fate.unsure for fate in fates(flow)["S/Queue"])
