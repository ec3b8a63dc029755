"""How often a message arrives: certainly several times, or perhaps again."""

import json
from typing import Any

import pytest

from patterns.flow import Flow, Outcome, fates
from patterns.flow.explain import as_report
from tests.flow.parts import (
    arn,
    changed,
    dead_letters,
    end,
    ends,
    flow_of,
    function,
    lets_in,
    mapping,
    permission,
    polls,
    queue,
    ref,
    resource,
    role,
    subscription,
    topic,
)

FILTERED = {"FilterPolicy": {"kind": ["lead"]}}


def both(**queue_subscription: Any) -> Flow:
    """A function that a topic invokes, and that reads a queue behind the same topic."""
    return flow_of(
        Topic=topic(),
        Direct=subscription("Worker", protocol="lambda"),
        Queued=subscription("Queue", **queue_subscription),
        Policy=lets_in("sns", ref("Topic"), "Queue"),
        Permission=permission("sns", ref("Topic")),
        Queue=queue(),
        Worker=function(),
        Role=role(polls("Queue")),
        Poll=mapping(),
    )


def test_a_message_that_comes_by_two_ways_is_processed_twice_and_the_ways_are_named():
    flow = both()
    twice = "twice: directly and by Queue; each more than once: SNS, SQS may deliver again"
    assert end(flow, "Topic", Outcome.PROCESSED).duplicates == twice
    assert f"It reaches Worker {twice}; it arrives in no order." in as_report(flow)


def test_a_way_that_asks_a_filter_is_not_certain():
    flow = both(**FILTERED)
    twice = "twice where it passes the filters: directly and by Queue; each more than once: SNS, SQS may deliver again"
    assert end(flow, "Topic", Outcome.PROCESSED).duplicates == twice
    assert f"It can reach Worker {twice}; it arrives in no order." in as_report(flow)


def fanned_out(*filters: dict[str, Any]) -> str:
    """How often a message comes to a function behind queues, each subscribed with a filter."""
    queues = {f"Q{number}": queue() for number in range(len(filters))}
    flow = flow_of(
        **queues,
        **{f"S{number}": subscription(f"Q{number}", **more) for number, more in enumerate(filters)},
        **{f"P{number}": mapping(f"Q{number}") for number in range(len(filters))},
        Topic=topic(),
        Policy=lets_in("sns", ref("Topic"), *queues),
        Worker=function(),
        Role=role(polls(*queues)),
    )
    return end(flow, "Topic", Outcome.PROCESSED).duplicates.partition(";")[0]


def by(scope: str = "MessageAttributes", **keys: list[Any]) -> dict[str, Any]:
    return {"FilterPolicy": keys, "FilterPolicyScope": scope}


ONCE = "more than once: SNS, SQS may deliver again"


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ((by(kind=["lead"]), by(kind=["order"])), ONCE),
        ((by(kind=["lead"]), by(kind=[{"anything-but": ["lead"]}])), ONCE),
        ((by(kind=["lead"]), by(kind=["lead", "order"])), "twice where it passes the filters: by Q0 and by Q1"),
        ((by(kind=["lead"]), by(region=["eu"])), "twice where it passes the filters: by Q0 and by Q1"),
        # One looks at the attributes, the other at the body: nothing keeps a message from passing both.
        ((by(kind=["lead"]), by("MessageBody", kind=["order"])), "twice where it passes the filters: by Q0 and by Q1"),
        ((by(kind=["lead"]), by(kind=["order"]), {}), "twice where it passes the filters: by Q0 and by Q2"),
        ((by(kind=["lead"]), {}, {}), "twice: by Q1 and by Q2"),
        ((by(a=["1"]), by(b=["1"]), by(c=["1"])), "3 times where it passes the filters: by Q0, by Q1 and by Q2"),
        # The first excludes both others, which one message passes.
        (
            (by(kind=["lead"]), by(kind=["order"]), by(kind=["order", "refund"])),
            "twice where it passes the filters: by Q1 and by Q2",
        ),
        # Each two have a value in common, all three have none.
        (
            tuple(by("MessageBody", kind=kinds) for kinds in (["a", "b"], ["b", "c"], ["a", "c"])),
            "twice where it passes the filters: by Q0 and by Q1",
        ),
        # Those that come first exclude each other.
        (
            (*(by(kind=[kind]) for kind in "abcdef"), by(kind=["f"])),
            "twice where it passes the filters: by Q5 and by Q6",
        ),
        ((by(kind=["lead"]), by(kind=ref("Open"))), "twice where it passes the filters: by Q0 and by Q1"),
        ((by(kind=["lead"]), by(kind=["order"], region=ref("Open"))), ONCE),
        ((by(kind=["lead"]), by(region=[ref("Open")])), "twice where it passes the filters: by Q0 and by Q1"),
    ],
    ids=str,
)
def test_filters_that_exclude_each_other_let_a_message_through_once(filters, told):
    assert fanned_out(*filters) == told


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        (({"source": ["a"]}, {"source": ["b"]}), "more than once: EventBridge, Lambda's own queue may deliver again"),
        (({"source": ["a"]}, {"detail-type": ["b"]}), "twice where it passes the filters: by One and by Two"),
    ],
)
def test_rules_of_one_bus_that_exclude_each_other_do_not_double_events(patterns, told):
    rules = {
        name: resource(
            "AWS::Events::Rule",
            EventBusName=ref("Bus"),
            EventPattern=pattern,
            Targets=[{"Id": "a", "Arn": arn("Worker")}],
        )
        for name, pattern in zip(("One", "Two"), patterns, strict=True)
    }
    flow = flow_of(
        Bus=resource("AWS::Events::EventBus", Name="shop"),
        **rules,
        **{f"Permission{name}": permission("events", arn(name)) for name in rules},
        Worker=function(),
        Role=role(),
    )
    assert end(flow, "Bus", Outcome.PROCESSED).duplicates.partition(";")[0] == told


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        (({"source": ["a"]}, {"source": ["b"]}), "more than once: EventBridge, SQS may deliver again"),
        (({"source": ["a"]}, {"detail-type": ["b"]}), "twice where it passes the filters: by One and by Two"),
        (({"source": ["a"]}, None), "twice where it passes the filters: by One and by Two"),
        ((None, None), "twice: by One and by Two"),
    ],
)
def test_subscribers_of_one_bus_that_exclude_each_other_do_not_double_events(patterns, told):
    queues = {"One": queue(), "Two": queue()}

    def subscriber(to: str, pattern: Any) -> dict[str, Any]:
        filters = {"FilterConfiguration": {"Filters": [{"Pattern": json.dumps(pattern)}]}} if pattern else {}
        invoke = {"TargetArn": arn(to), "RoleArn": arn("Role")}
        return resource("AWS::EventsV2::Subscriber", EventBusArn=arn("Bus"), InvokeConfiguration=invoke, **filters)

    flow = flow_of(
        **queues,
        **{f"S{name}": subscriber(name, pattern) for name, pattern in zip(queues, patterns, strict=True)},
        **{f"P{name}": mapping(name) for name in queues},
        Bus=resource("AWS::EventsV2::EventBus", Name="shop"),
        Worker=function(),
        Role=role(polls(*queues), {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}),
    )
    assert end(flow, "Bus", Outcome.PROCESSED).duplicates.partition(";")[0] == told


def twice_matched(fifo: bool) -> Flow:
    group = {"SqsParameters": {"MessageGroupId": "a"}} if fifo else {}
    rule = resource(
        "AWS::Events::Rule",
        EventBusName=ref("Bus"),
        EventPattern={"source": [{"prefix": ""}]},
        Targets=[{"Id": "a", "Arn": arn("Queue"), **group}],
    )
    return flow_of(
        Bus=resource("AWS::Events::EventBus", Name="shop"),
        One=rule,
        Two=rule,
        Policy=lets_in("events", None, "Queue"),
        Queue=queue(FifoQueue=True, ContentBasedDeduplication=True) if fifo else queue(),
    )


def test_two_rules_that_match_every_event_put_it_into_one_queue_twice_unless_that_drops_copies():
    assert end(twice_matched(False), "Bus", Outcome.OUTSIDE).duplicates.startswith("twice: by One and by Two; ")
    assert end(twice_matched(True), "Bus", Outcome.OUTSIDE).duplicates.startswith("more than once")


@pytest.mark.parametrize("filtered", [{}, FILTERED], ids=["every message", "filtered"])
def test_a_second_subscription_of_one_queue_to_one_topic_is_the_first_one(filtered):
    """https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html"""
    flow = flow_of(
        Topic=topic(),
        One=subscription("Queue", **filtered),
        Two=subscription("Queue", **filtered),
        Policy=lets_in("sns", ref("Topic"), "Queue"),
        Queue=queue(),
    )
    assert end(flow, "Topic", Outcome.OUTSIDE).duplicates == ONCE


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"eventName": ["MODIFY", "REMOVE"]}, "more than once: the stream's reader may deliver again"),
        ({"eventName": ["MODIFY", "INSERT"]}, "twice where it passes the filters: by One and by Two"),
    ],
)
def test_readers_of_one_stream_each_get_every_record_that_passes_their_filters(other, told):
    table = resource("AWS::DynamoDB::Table", StreamSpecification={"StreamViewType": "NEW_IMAGE"})

    def reads(*patterns):
        filters = [{"Pattern": json.dumps(pattern)} for pattern in patterns]
        return changed(mapping(), EventSourceArn=arn("Table", "StreamArn"), FilterCriteria={"Filters": filters})

    flow = flow_of(
        Table=table,
        One=reads({"eventName": ["INSERT"]}, {"dynamodb": {"Keys": {"id": {"S": ["none"]}}}, "eventName": ["INSERT"]}),
        Two=reads(other),
        Worker=function(),
        Role=role({"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}),
    )
    assert end(flow, "Table", Outcome.PROCESSED).duplicates.partition(";")[0] == told


def test_readers_of_one_queue_share_its_messages_and_do_not_double_them():
    parts = {"Queue": queue(), "Worker": function(), "Role": role(polls("Queue"))}
    flow = flow_of(**parts, One=mapping(), Two=mapping())
    assert end(flow, "Queue", Outcome.PROCESSED).duplicates == "more than once: SQS may deliver again"


def test_many_ways_are_not_counted_to_the_end():
    queues = {f"Q{n}": queue() for n in range(6)}
    parts: dict[str, Any] = {f"S{n}": subscription(f"Q{n}") for n in range(6)}
    parts |= {f"P{n}": mapping(f"Q{n}") for n in range(6)}
    flow = flow_of(
        **queues,
        **parts,
        Topic=topic(),
        Policy=lets_in("sns", ref("Topic"), *queues),
        Worker=function(),
        Role=role(polls(*queues)),
    )
    told = end(flow, "Topic", Outcome.PROCESSED).duplicates
    assert told.startswith("at least 4 times: by Q2, by Q3, by Q4 and by Q5; ")


def test_a_message_that_fails_and_comes_again_from_the_dead_letter_queue_is_not_told_as_a_copy():
    parts = {"Queue": queue("Dead"), "Dead": dead_letters(), "Worker": function(), "Role": role(polls("Queue", "Dead"))}
    flow = flow_of(**parts, One=mapping(), Two=mapping("Dead"))
    assert [f.duplicates for f in ends(flow, "Queue", Outcome.PROCESSED)] == [
        "more than once: SQS may deliver again"
    ] * 2


def test_what_lambda_queues_itself_may_be_processed_as_late_as_it_is_kept():
    flow = both()
    bucket = resource(
        "AWS::S3::Bucket",
        NotificationConfiguration={"LambdaConfigurations": [{"Event": "s3:*", "Function": arn("Worker")}]},
    )
    told = flow_of(Bucket=bucket, Worker=function(), Role=role(), Permission=permission("s3", arn("Bucket")))
    assert end(told, "Bucket", Outcome.PROCESSED).latest == 21_600
    assert end(flow, "Topic", Outcome.PROCESSED).latest == 1_987_200 + 345_600
    config = resource(
        "AWS::Lambda::EventInvokeConfig",
        FunctionName=ref("Worker"),
        Qualifier="$LATEST",
        MaximumEventAgeInSeconds=600,
        DestinationConfig={"OnSuccess": {"Destination": arn("Next")}},
    )
    lets = role({"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"})
    chained = flow_of(
        Bucket=bucket,
        Worker=function(),
        Next=function(),
        Config=config,
        Role=lets,
        Permission=permission("s3", arn("Bucket")),
    )
    assert {f.at: f.latest for f in ends(chained, "Bucket", Outcome.PROCESSED)} == {
        "S/Worker": 600,
        "S/Next": 600 + 21_600,
    }


def test_a_pipe_that_may_not_read_is_no_place_where_messages_enter():
    from patterns.flow import fates

    pipe = resource("AWS::Pipes::Pipe", Source=arn("Queue"), Target=arn("Next"), RoleArn=arn("Role"))
    sends = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    shut = flow_of(Queue=queue(), Next=queue(), Pipe=pipe, Role=role(sends))
    assert list(fates(shut)) == ["S/Next", "S/Queue"]
    read = flow_of(Queue=queue(), Next=queue(), Pipe=pipe, Role=role(sends, polls("Queue")))
    assert list(fates(read)) == ["S/Queue"]


def test_what_a_bucket_sends_passes_no_filter_on_attributes():
    publish = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": ref("Topic"),
    }
    policy = resource("AWS::SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument={"Statement": [publish]})

    def processed(**filtered: Any) -> list[str]:
        notes = {"TopicConfigurations": [{"Event": "s3:ObjectCreated:*", "Topic": ref("Topic")}]}
        flow = flow_of(
            Bucket=resource("AWS::S3::Bucket", NotificationConfiguration=notes),
            Topic=topic(),
            Policy=policy,
            Subscription=subscription("Worker", protocol="lambda", **filtered),
            Permission=permission("sns", ref("Topic")),
            Worker=function(),
            Role=role(),
        )
        return [fate.at for fate in ends(flow, "Bucket", Outcome.PROCESSED)]

    assert processed() == ["S/Worker"]
    assert processed(**FILTERED) == []
    assert processed(**FILTERED, FilterPolicyScope="MessageBody") == ["S/Worker"]


@pytest.mark.parametrize(
    ("name", "link", "told"),
    [
        ("sqs:eu-west-1:111122223333:orders", "SQS", "in no order"),
        ("sqs:eu-west-1:111122223333:orders.fifo", "SQS", "in order within a message group"),
        ("sns:eu-west-1:111122223333:orders", "SNS, Lambda's own queue", "in no order"),
    ],
)
def test_a_queue_or_topic_that_stands_in_no_template_may_deliver_again_too(name: str, link: str, told: str) -> None:
    source = f"arn:aws:{name}"
    into = (
        resource("AWS::Lambda::EventSourceMapping", EventSourceArn=source, FunctionName=ref("Worker"))
        if link == "SQS"
        else resource("AWS::SNS::Subscription", TopicArn=source, Protocol="lambda", Endpoint=arn("Worker"))
    )
    flow = flow_of(Worker=function(), Link=into, Permission=permission("sns", source))
    [fate] = [fate for fate in fates(flow)[source] if fate.outcome is Outcome.PROCESSED]
    assert (fate.duplicates, fate.order) == (f"more than once: {link} may deliver again", told)


FIFO = queue(FifoQueue=True, ContentBasedDeduplication=True)
GROUP = {"SqsQueueParameters": {"MessageGroupId": "$.dynamodb.Keys.id.S"}}


@pytest.mark.parametrize(
    ("source", "parameters", "order"),
    [
        (FIFO, {}, "in order within a message group"),
        (queue(), {}, "in no order"),
        (FIFO, {"LambdaFunctionParameters": {"InvocationType": "REQUEST_RESPONSE"}}, "in order within a message group"),
        (FIFO, {"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}, "in no order"),
        (FIFO, {"LambdaFunctionParameters": {"InvocationType": ref("Open")}}, "in no order"),
        (resource("AWS::Kinesis::Stream"), {}, "in order within a shard or partition"),
    ],
)
def test_a_pipe_that_waits_for_its_function_keeps_the_order(source, parameters, order):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-source.html"""
    role_of = role({"Effect": "Allow", "Action": "*", "Resource": "*"})
    pipe = resource(
        "AWS::Pipes::Pipe",
        Source=arn("Source"),
        Target=arn("Worker"),
        RoleArn=arn("Role"),
        TargetParameters=parameters,
    )
    flow = flow_of(Source=source, Pipe=pipe, Worker=function(), Role=role_of)
    assert {fate.order for fate in ends(flow, "Source", Outcome.PROCESSED)} == {order}


def test_behind_a_fifo_queue_records_of_a_stream_keep_the_order_of_their_group_only():
    flow = flow_of(
        Table=resource("AWS::DynamoDB::Table", StreamSpecification={"StreamViewType": "NEW_IMAGE"}),
        Pipe=resource(
            "AWS::Pipes::Pipe",
            Source=arn("Table", "StreamArn"),
            Target=arn("Queue"),
            RoleArn=arn("Role"),
            TargetParameters=GROUP,
        ),
        Queue=FIFO,
        Poll=mapping(),
        Worker=function(),
        Role=role({"Effect": "Allow", "Action": "*", "Resource": "*"}),
    )
    assert end(flow, "Table", Outcome.PROCESSED).order == "in order within a message group"
