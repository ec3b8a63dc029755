"""An alarm counts only for the ends that its metric counts: who relies on any other hears nothing."""

import pytest

from patterns.flow import Outcome, fates, losses
from tests.flow.parts import (
    alarm,
    allow,
    arn,
    async_config,
    changed,
    dead_letters,
    deployed,
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

BOTH = {
    "Topic": topic(),
    "Queue": queue(),
    "Dead": dead_letters(),
    "Subscription": subscription("Queue", dead="Dead"),
    "Policy": lets_in("sns", ref("Topic"), "Queue", "Dead"),
}


def sns(metric):
    return alarm("AWS/SNS", metric, TopicName=arn("Topic", "TopicName"))


@pytest.mark.parametrize(
    ("metric", "kept", "refused", "none"),
    [
        ("NumberOfNotificationsFailed", True, True, True),
        ("NumberOfNotificationsRedrivenToDlq", True, False, False),
        ("NumberOfNotificationsFailedToRedriveToDlq", False, True, False),
    ],
)
def test_sns_counts_what_reaches_a_dead_letter_queue_apart_from_what_it_refuses(metric, kept, refused, none):
    parts = {**BOTH, "Alarm": sns(metric)}
    assert end(flow_of(**parts), "Topic", Outcome.DLQ).told is kept
    closed = {**parts, "Policy": lets_in("sns", ref("Topic"), "Queue")}
    assert end(flow_of(**closed), "Topic", Outcome.DROPPED).told is refused
    bare = {**parts, "Subscription": subscription("Queue")}
    assert end(flow_of(**bare), "Topic", Outcome.DROPPED).told is none


@pytest.mark.parametrize(
    ("metric", "kept", "refused", "none"),
    [
        ("FailedInvocations", True, True, True),
        ("InvocationsSentToDlq", True, False, False),
        ("InvocationsFailedToBeSentToDlq", False, True, False),
    ],
)
def test_eventbridge_counts_what_reaches_a_dead_letter_queue_apart_from_what_it_refuses(metric, kept, refused, none):
    target = {"Id": "t", "Arn": arn("Queue"), "DeadLetterConfig": {"Arn": arn("Dead")}}
    rule = resource("AWS::Events::Rule", EventPattern={"source": ["a"]}, Targets=[target])
    parts = {
        "Queue": queue(),
        "Dead": dead_letters(),
        "Rule": rule,
        "Policy": lets_in("events", arn("Rule"), "Queue", "Dead"),
        "Alarm": alarm("AWS/Events", metric, RuleName=ref("Rule")),
    }

    def told(outcome, **change):
        (found,) = [f for f in fates(flow_of(**{**parts, **change}))["default event bus"] if f.outcome is outcome]
        return found.told

    assert told(Outcome.DLQ) is kept
    assert told(Outcome.DROPPED, Policy=lets_in("events", arn("Rule"), "Queue")) is refused
    assert told(Outcome.DROPPED, Rule=changed(rule, Targets=[{"Id": "t", "Arn": arn("Queue")}])) is none


SUBSCRIBER = {
    "Bus": resource("AWS::EventsV2::EventBus", Name="new", StorageConfiguration={"RetentionPeriodInDays": 3}),
    "Subscriber": resource(
        "AWS::EventsV2::Subscriber",
        EventBusArn=arn("Bus"),
        InvokeConfiguration={"TargetArn": arn("Queue"), "RoleArn": arn("Role")},
    ),
    "Queue": queue(),
    "Failed": dead_letters(),
    "Role": role(allow([arn("Queue"), arn("Failed")], "sqs:SendMessage")),
}


@pytest.mark.parametrize(
    ("metric", "kept", "dropped"), [("EventsDropped", False, True), ("OnFailureDestinationDelivered", True, False)]
)
def test_a_new_bus_counts_what_it_drops_by_bus_and_subscriber(metric, kept, dropped):
    both = alarm("AWS/EventsV2", metric, EventBus=arn("Bus"), Subscriber=arn("Subscriber"))
    parts = {**SUBSCRIBER, "Alarm": both}
    assert end(flow_of(**parts), "Bus", Outcome.DROPPED).told is dropped
    netted = changed(SUBSCRIBER["Subscriber"], OnFailureConfiguration={"Arn": arn("Failed")})
    assert end(flow_of(**{**parts, "Subscriber": netted}), "Bus", Outcome.DLQ).told is kept
    alone = alarm("AWS/EventsV2", metric, Subscriber=arn("Subscriber"))
    assert not end(flow_of(**{**parts, "Alarm": alone}), "Bus", Outcome.DROPPED).told


# --- ages --------------------------------------------------------------------------------------------

POLLED = {
    "Queue": queue(VisibilityTimeout=60),
    "Worker": function(),
    "Role": role(polls("Queue")),
    "Poll": mapping(),
}


def age(threshold, of="Queue"):
    name = "ApproximateAgeOfOldestMessage"
    return changed(alarm("AWS/SQS", name, QueueName=arn(of, "QueueName")), Threshold=threshold)


def told(flow, condition):
    (found,) = [f for f in fates(flow)["S/Queue"] if condition in f.condition]
    return found.told


@pytest.mark.parametrize(
    ("fifo", "threshold", "tells"), [(False, 3_600, False), (False, 30, True), (True, 3_600, True)]
)
def test_a_message_received_three_times_has_no_age_in_a_standard_queue(fifo, threshold, tells):
    parts = {**POLLED, "Queue": queue(VisibilityTimeout=60, FifoQueue=True) if fifo else POLLED["Queue"]}
    flow = flow_of(**parts, Alarm=age(threshold))
    assert told(flow, "fails on every receive") is tells
    assert told(flow, "a backlog that outlives"), "what is not received grows old"


@pytest.mark.parametrize(("threshold", "tells"), [(345_000, True), (345_540, False), (400_000, False)])
def test_a_message_is_deleted_before_it_is_older_than_its_queue_keeps_it(threshold, tells):
    flow = flow_of(**POLLED, Alarm=age(threshold))
    assert told(flow, "a backlog that outlives") is tells


@pytest.mark.parametrize(("threshold", "tells"), [(604_800, True), (1_209_500, False)])
def test_a_dead_letter_does_not_grow_older_than_it_is_kept(threshold, tells):
    parts = {**POLLED, "Queue": queue("Dead", VisibilityTimeout=60), "Dead": dead_letters()}
    assert told(flow_of(**parts, Alarm=age(threshold, of="Dead")), "fails on 5 receives") is tells


EVENTS = {
    "Topic": topic(),
    "Subscription": subscription("Worker", protocol="lambda"),
    "Permission": permission("sns", ref("Topic")),
    "Worker": function(),
    "Role": role(),
    "Config": async_config(MaximumEventAgeInSeconds=600),
}


@pytest.mark.parametrize(("threshold", "tells"), [(300_000, True), (540_000, False), (700_000, False)])
def test_an_event_grows_no_older_than_its_maximum_age_in_milliseconds(threshold, tells):
    old = changed(alarm("AWS/Lambda", "AsyncEventAge", FunctionName=ref("Worker")), Threshold=threshold)
    (throttled,) = [f for f in losses(flow_of(**EVENTS, Alarm=old)) if "throttled" in f.condition]
    assert throttled.told is tells


# --- functions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "limit", "tells"), [("Errors", 0, False), ("Throttles", 0, True), ("Errors", 5, True)]
)
def test_what_may_not_run_is_throttled_and_makes_no_errors(metric, limit, tells):
    parts = {**POLLED, "Worker": function(ReservedConcurrentExecutions=limit)}
    flow = flow_of(**parts, Alarm=alarm("AWS/Lambda", metric, FunctionName=ref("Worker")))
    assert told(flow, "on every receive") is tells


@pytest.mark.parametrize(("metric", "tells"), [("Errors", True), ("Throttles", False), ("AsyncEventsDropped", False)])
def test_an_alarm_on_all_functions_looks_at_each(metric, tells):
    """https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_lambda.Function.html"""
    assert told(flow_of(**POLLED, Alarm=alarm("AWS/Lambda", metric)), "on every receive") is tells


@pytest.mark.parametrize("change", [{"AlarmActions": []}, {"Threshold": 5}])
def test_an_alarm_on_all_functions_has_to_act_and_to_fire(change):
    look = changed(alarm("AWS/Lambda", "Errors"), **change)
    assert not told(flow_of(**POLLED, Alarm=look), "on every receive")


def test_an_alarm_on_all_throttles_looks_at_what_may_not_run():
    parts = {**POLLED, "Worker": function(ReservedConcurrentExecutions=0)}
    assert told(flow_of(**parts, Alarm=alarm("AWS/Lambda", "Throttles")), "on every receive")


def test_what_is_counted_for_each_function_alone_is_not_counted_for_all():
    flow = flow_of(**EVENTS, Alarm=alarm("AWS/Lambda", "AsyncEventsDropped"))
    assert not any(lost.told for lost in losses(flow))


def test_an_alarm_on_a_lag_fires_at_any_threshold():
    (found,) = flow_of(Watch=changed(alarm("AWS/Lambda", "MaxOffsetLag"), Threshold=1_000)).alarms.values()
    assert found.fires is True


@pytest.mark.parametrize(
    ("of", "tells"), [("111122223333/eu-west-1", True), ("111122223333/eu-west-2", False), ("1/eu-west-1", False)]
)
def test_all_functions_are_those_of_the_alarm_s_account_and_region(of, tells, tmp_path):
    watch = {"Alarm": alarm("AWS/Lambda", "Errors")}
    flow = deployed(tmp_path, ("111122223333/eu-west-1", of), S=POLLED, Watch=watch)
    assert told(flow, "on every receive") is tells


@pytest.mark.parametrize("dimensions", [ref("Open"), [ref("Open")]])
def test_an_alarm_whose_dimensions_cannot_be_told_is_not_one_on_all_functions(dimensions):
    flow = flow_of(**POLLED, Alarm=changed(alarm("AWS/Lambda", "Errors"), Dimensions=dimensions))
    assert told(flow, "on every receive") is False
    assert any("what Alarm watches" in note for note in flow.notes)


@pytest.mark.parametrize(
    ("metric", "name", "tells"),
    [
        ("ExecutionFailed", ref("Pipe"), True),
        ("TargetStageFailed", "orders", True),
        ("ExecutionFailed", "another", False),
        ("ExecutionThrottled", ref("Pipe"), False),
    ],
)
def test_a_pipe_counts_the_executions_that_fail(metric, name, tells):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-monitoring.html"""
    failed = alarm("AWS/EventBridge/Pipes", metric, PipeName=name)

    def piped(source, **parts):
        role_of = role(allow("*", "sqs:*", "kinesis:*"))
        pipe = resource("AWS::Pipes::Pipe", Name="orders", Source=arn(source), Target=arn("Out"), RoleArn=arn("Role"))
        return flow_of(**parts, Out=queue(), Role=role_of, Pipe=pipe, Alarm=failed)

    assert told(piped("Queue", Queue=queue()), "on every receive") is tells
    (lost,) = losses(piped("Stream", Stream=STREAM["Stream"]))
    assert lost.told is tells


PARTIAL = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


@pytest.mark.parametrize(
    ("answers", "metric", "limit", "tells"),
    [
        ({}, "Errors", 5, True),
        (PARTIAL, "Errors", 5, False),
        (PARTIAL, "Throttles", 0, True),
        ({"FunctionResponseTypes": ref("Open")}, "Errors", 5, True),
    ],
)
def test_an_invocation_that_reports_the_messages_that_failed_is_no_error(answers, metric, limit, tells):
    """https://github.com/aws-powertools/powertools-lambda-typescript/discussions/1785"""
    errors = alarm("AWS/Lambda", metric, FunctionName=ref("Worker"))
    worker = function(ReservedConcurrentExecutions=limit)
    polled = flow_of(**{**POLLED, "Worker": worker, "Poll": changed(mapping(), **answers)}, Alarm=errors)
    assert told(polled, "on every receive") is tells
    (lost,) = losses(flow_of(**{**STREAM, "Worker": worker}, Poll=reads(**answers), Alarm=errors))
    assert lost.told is tells


def qualified(name):
    return {"Fn::Join": ["", [ref("Worker"), name]]}


@pytest.mark.parametrize(
    ("on", "tells"),
    [
        (None, True),
        (qualified(":live"), True),
        (qualified(":blue"), False),
        (ref("Worker"), False),
        (qualified({"Fn::Join": [":", ["", {"Fn::ImportValue": "alias"}]]}), True),
    ],
)
def test_the_errors_of_another_alias_are_not_those_of_this_one(on, tells):
    alias = resource("AWS::Lambda::Alias", FunctionName=ref("Worker"), FunctionVersion="1", Name="live")
    parts = {
        **EVENTS,
        "Alias": alias,
        "Subscription": changed(EVENTS["Subscription"], Endpoint=ref("Alias")),
        "Permission": permission("sns", ref("Topic"), to=ref("Alias")),
    }
    dimensions = {"FunctionName": ref("Worker"), **({} if on is None else {"Resource": on})}
    flow = flow_of(**parts, Alarm=alarm("AWS/Lambda", "Errors", **dimensions))
    (failed,) = [f for f in losses(flow) if "fails 3 times" in f.condition]
    assert failed.told is tells


def test_the_errors_of_latest_stand_under_the_name_of_the_function():
    flow = flow_of(**EVENTS, Alarm=alarm("AWS/Lambda", "Errors", FunctionName=ref("Worker"), Resource=ref("Worker")))
    assert [f.told for f in losses(flow) if "fails 3 times" in f.condition] == [True]


@pytest.mark.parametrize(
    ("metric", "target", "tells"),
    [
        ("DestinationDeliveryFailures", "destination", True),
        ("DeadLetterErrors", "destination", False),
        ("DeadLetterErrors", "dead-letter target", True),
        ("DestinationDeliveryFailures", "dead-letter target", False),
    ],
)
def test_a_net_that_cannot_be_written_to_is_counted_by_its_kind(metric, target, tells):
    dead = target == "dead-letter target"
    parts = {
        **EVENTS,
        "Failed": dead_letters(),
        "Worker": function(**({"DeadLetterConfig": {"TargetArn": arn("Failed")}} if dead else {})),
        "Config": async_config("" if dead else "Failed"),
    }
    flow = flow_of(**parts, Alarm=alarm("AWS/Lambda", metric, FunctionName=ref("Worker")))
    dropped = [f for f in losses(flow) if target in f.condition]
    assert len(dropped) == 2
    assert [f.told for f in dropped] == [tells, tells]


# --- streams -----------------------------------------------------------------------------------------

STREAM = {
    "Stream": resource("AWS::Kinesis::Stream", RetentionPeriodHours=48),
    "Worker": function(),
    "Role": role(allow(arn("Stream"), "kinesis:GetRecords", "kinesis:GetShardIterator")),
    "Failed": dead_letters(),
}
TO_FAILED = {"DestinationConfig": {"OnFailure": {"Destination": arn("Failed")}}}


def reads(**properties):
    return resource(
        "AWS::Lambda::EventSourceMapping", FunctionName=ref("Worker"), EventSourceArn=arn("Stream"), **properties
    )


@pytest.mark.parametrize(
    ("reader", "hours", "tells"),
    [
        ({}, 24, True),
        ({}, 48, False),
        ({"MaximumRecordAgeInSeconds": 7_200}, 1, True),
        ({"MaximumRecordAgeInSeconds": 7_200}, 2, False),
        ({"MaximumRetryAttempts": 3}, 1, False),
        ({"MaximumRetryAttempts": 3, "MaximumRecordAgeInSeconds": 7_200}, 1, False),
    ],
)
def test_a_record_that_blocks_its_shard_grows_old(reader, hours, tells):
    iterator = alarm("AWS/Lambda", "IteratorAge", FunctionName=ref("Worker"))
    flow = flow_of(**STREAM, Poll=reads(**reader), Alarm=changed(iterator, Threshold=hours * 3_600_000))
    (lost,) = [lost for lost in losses(flow) if "fails on the record" in lost.condition]
    assert lost.told is tells


@pytest.mark.parametrize(
    ("metrics", "tells"), [(None, False), (["ErrorCount"], False), (["EventCount"], True), ([ref("Open")], True)]
)
def test_what_a_mapping_drops_is_counted_where_its_metrics_are_asked_for(metrics, tells):
    more = {} if metrics is None else {"MetricsConfig": {"Metrics": metrics}}
    dropped = alarm("AWS/Lambda", "DroppedEventCount", EventSourceMappingUUID=ref("Poll"))
    flow = flow_of(**STREAM, Poll=reads(MaximumRetryAttempts=3, **more), Alarm=dropped)
    (lost,) = losses(flow)
    assert lost.told is tells


def test_a_stream_s_destination_that_refuses_is_counted():
    poll = reads(MaximumRetryAttempts=3, **TO_FAILED)
    failures = alarm("AWS/Lambda", "DestinationDeliveryFailures", FunctionName=ref("Worker"))
    flow = flow_of(**STREAM, Poll=poll, Alarm=failures)
    (lost,) = losses(flow)
    assert lost.told


def test_what_is_tried_until_it_expires_is_not_dropped():
    dropped = alarm("AWS/Lambda", "DroppedEventCount", EventSourceMappingUUID=ref("Poll"))
    (lost,) = losses(flow_of(**STREAM, Poll=reads(MetricsConfig={"Metrics": ["EventCount"]}), Alarm=dropped))
    assert not lost.told


def test_a_stream_without_a_destination_has_none_that_refuses():
    failures = alarm("AWS/Lambda", "DestinationDeliveryFailures", FunctionName=ref("Worker"))
    (lost,) = losses(flow_of(**STREAM, Poll=reads(MaximumRetryAttempts=3), Alarm=failures))
    assert not lost.told


def test_what_a_destination_takes_is_not_dropped():
    reading = allow(arn("Stream"), "kinesis:GetRecords", "kinesis:GetShardIterator")
    parts = {**STREAM, "Role": role(reading, allow(arn("Failed"), "sqs:SendMessage"))}
    poll = reads(MaximumRetryAttempts=3, MetricsConfig={"Metrics": ["EventCount"]}, **TO_FAILED)
    dropped = alarm("AWS/Lambda", "DroppedEventCount", EventSourceMappingUUID=ref("Poll"))
    flow = flow_of(**parts, Poll=poll, Alarm=dropped)
    assert [fate.told for fate in ends(flow, "Stream", Outcome.DESTINATION)] == [False]


def test_a_destination_of_a_shard_ends_no_retries():
    parts = {**STREAM, "Role": role(allow("*", "kinesis:*", "sqs:SendMessage"))}
    old = changed(alarm("AWS/Lambda", "IteratorAge", FunctionName=ref("Worker")), Threshold=24 * 3_600_000)
    (lost,) = losses(flow_of(**parts, Poll=reads(**TO_FAILED), Alarm=old))
    assert lost.told


def test_what_goes_to_a_destination_blocks_no_partition():
    """https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html"""
    cluster = "arn:aws:kafka:eu-central-1:111122223333:cluster/c/1"
    poll = changed(reads(**TO_FAILED), EventSourceArn=cluster, Topics=["orders"])
    parts = {"Worker": function(), "Role": role(allow(arn("Failed"), "sqs:SendMessage")), "Failed": dead_letters()}
    lag = alarm("AWS/Lambda", "OffsetLag", FunctionName=ref("Worker"))
    (found,) = fates(flow_of(**parts, Poll=poll, Alarm=lag)).values()
    assert [fate.told for fate in found if fate.outcome is Outcome.DESTINATION] == [False]


@pytest.mark.parametrize(("retries", "tells"), [(-1, True), (3, False)])
def test_a_record_that_blocks_its_partition_makes_a_lag(retries, tells):
    cluster = "arn:aws:kafka:eu-central-1:111122223333:cluster/c/1"
    poll = changed(reads(), EventSourceArn=cluster, Topics=["orders"], MaximumRetryAttempts=retries)
    lag = alarm("AWS/Lambda", "OffsetLag", FunctionName=ref("Worker"))
    (lost,) = losses(flow_of(Worker=function(), Role=role(), Poll=poll, Alarm=changed(lag, Threshold=1_000)))
    assert lost.told is tells


@pytest.mark.parametrize(("hours", "tells"), [(24, True), (48, False)])
def test_a_reader_that_falls_behind_grows_old_records(hours, tells):
    iterator = changed(alarm("AWS/Lambda", "IteratorAge", FunctionName=ref("Worker")), Threshold=hours * 3_600_000)
    flow = flow_of(**STREAM, Poll=reads(MaximumRetryAttempts=3), Alarm=iterator)
    assert [fate.told for fate in ends(flow, "Stream", Outcome.EXPIRED)] == [tells]


@pytest.mark.parametrize(
    ("metric", "dimension", "target", "tells"),
    [
        ("Errors", "FunctionName", "Worker", False),
        ("IteratorAge", "FunctionName", "Worker", True),
        ("DroppedEventCount", "EventSourceMappingUUID", "Poll", True),
    ],
)
def test_a_record_that_is_given_up_untried_is_no_error_of_its_function(metric, dimension, target, tells):
    poll = reads(MaximumRecordAgeInSeconds=7_200, MetricsConfig={"Metrics": ["EventCount"]})
    flow = flow_of(**STREAM, Poll=poll, Alarm=alarm("AWS/Lambda", metric, **{dimension: ref(target)}))
    (untried,) = [lost for lost in losses(flow) if "untried" in lost.condition]
    assert untried.told is tells


@pytest.mark.parametrize(("hours", "tells"), [(24, True), (48, False)])
def test_what_is_read_from_a_stream_grows_as_old_as_what_its_reader_is_given(hours, tells):
    read = alarm("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", StreamName=ref("Stream"))
    flow = flow_of(**STREAM, Poll=reads(), Alarm=changed(read, Threshold=hours * 3_600_000))
    blocked, behind = ends(flow, "Stream", Outcome.EXPIRED)
    assert (blocked.told, behind.told) == (tells, tells)
    pipe = resource("AWS::Pipes::Pipe", RoleArn=arn("Role"), Source=arn("Stream"), Target=arn("Failed"))
    parts = {name: part for name, part in STREAM.items() if name != "Worker"}
    flow = flow_of(**parts, Pipe=pipe, Alarm=changed(read, Threshold=hours * 3_600_000))
    assert {fate.told for fate in ends(flow, "Stream", Outcome.EXPIRED)} == {tells}


def test_what_is_pushed_to_a_consumer_is_no_record_that_somebody_gets():
    parts = {
        **STREAM,
        "Consumer": resource("AWS::Kinesis::StreamConsumer", StreamARN=arn("Stream"), ConsumerName="fast"),
        "Role": role(allow(ref("Consumer"), "kinesis:SubscribeToShard")),
        "Poll": changed(reads(), EventSourceArn=ref("Consumer")),
        "Read": alarm("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", StreamName=ref("Stream")),
    }
    assert [fate.told for fate in ends(flow_of(**parts), "Stream", Outcome.EXPIRED)] == [False, False]


@pytest.mark.parametrize("retries", [-1, 3])
def test_a_reader_of_a_kafka_topic_that_falls_behind_has_a_lag(retries):
    cluster = "arn:aws:kafka:eu-central-1:111122223333:cluster/c/1"
    poll = changed(reads(), EventSourceArn=cluster, Topics=["orders"], MaximumRetryAttempts=retries)
    lag = changed(alarm("AWS/Lambda", "OffsetLag", FunctionName=ref("Worker")), Threshold=1_000)
    (found,) = fates(flow_of(Worker=function(), Role=role(), Poll=poll, Alarm=lag)).values()
    assert [fate.told for fate in found if "a backlog" in fate.condition] == [True]


def test_metric_math_may_compare_an_age_with_anything():
    inside = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": arn("Queue", "QueueName")}],
    }
    share = changed(age(0), Namespace=None, MetricName=None, Dimensions=None, Statistic=None, Period=None)
    queries = [
        {"Id": "e", "Expression": "m * 1000"},
        {"Id": "m", "MetricStat": {"Metric": inside, "Period": 60, "Stat": "Maximum"}, "ReturnData": False},
    ]
    flow = flow_of(**POLLED, Alarm=changed(share, Metrics=queries, Threshold=100_000_000))
    assert flow.alarms["S/Alarm"].threshold is None
    assert told(flow, "a backlog that outlives")
    assert len(ends(flow, "Queue", Outcome.EXPIRED)) == 2


def _queried(look, *expressions, **more):
    """The alarm with its metric among queries, as the CDK writes one that has a label, and with metric math."""
    wanted = look["Properties"]
    metric = {key: wanted[key] for key in ("Namespace", "MetricName", "Dimensions")}
    stat = {"Metric": metric, "Period": wanted["Period"], "Stat": wanted["Statistic"]}
    queries = [{"Id": "m", "MetricStat": stat}, *({"Id": "e", "Expression": each} for each in expressions)]
    bare = changed(look, Namespace=None, MetricName=None, Dimensions=None, Statistic=None, Period=None)
    return changed(bare, Metrics=queries, **more)


@pytest.mark.parametrize(("threshold", "tells"), [(345_000, True), (345_600, False)])
def test_a_metric_alone_among_queries_is_compared_as_it_is(threshold, tells):
    flow = flow_of(**POLLED, Alarm=_queried(age(threshold)))
    assert flow.alarms["S/Alarm"].threshold == threshold
    assert told(flow, "a backlog that outlives") is tells


SHARE = "it compares a share, which depends on what else there is"


@pytest.mark.parametrize(
    ("expressions", "more", "fires", "why"),
    [
        ((), {"Threshold": 5}, False, "it waits for more than 5"),
        (("100 * m / 200",), {"Threshold": 5}, None, SHARE),
        (("m / 200",), {"Threshold": 0.05}, None, SHARE),
        (("m / 200",), {"Threshold": 0}, True, ""),
        (("m * 10",), {"Threshold": 5}, None, "metric math makes what it compares"),
        (("m + 0",), {"Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}, True, ""),
    ],
)
def test_what_metric_math_makes_of_one_message_is_told_as_far_as_it_is_known(expressions, more, fires, why):
    look = alarm("AWS/Lambda", "Errors", FunctionName=ref("Worker"))
    (found,) = flow_of(Worker=function(), Role=role(), Watch=_queried(look, *expressions, **more)).alarms.values()
    assert (found.fires, found.why) == (fires, why)


@pytest.mark.parametrize(
    ("metric", "statistic", "threshold", "fires"),
    [
        ("Errors", "Average", 0.5, None),
        ("Errors", "Average", 0, True),
        ("Errors", "Sum", 0.5, True),
        ("IteratorAge", "Average", 0.5, True),
    ],
)
def test_the_average_of_errors_is_a_share_of_the_invocations(metric, statistic, threshold, fires):
    look = changed(alarm("AWS/Lambda", metric, FunctionName="f"), Statistic=statistic, Threshold=threshold)
    (found,) = flow_of(Watch=look).alarms.values()
    assert found.fires is fires


def test_a_metric_of_one_s_own_is_no_share():
    look = changed(alarm("Shop", "Errors"), Statistic="Average", Threshold=0.5)
    (found,) = flow_of(Watch=look).alarms.values()
    assert found.fires is True


def test_which_metrics_a_query_finds_cannot_be_told():
    look = changed(age(0), Namespace=None, MetricName=None, Dimensions=None, Statistic=None, Period=None)
    query = 'SELECT MAX(ApproximateNumberOfMessagesVisible) FROM SCHEMA("AWS/SQS", QueueName)'
    (found,) = flow_of(Watch=changed(look, Metrics=[{"Id": "q", "Expression": query, "Period": 60}])).alarms.values()
    assert (found.fires, found.why) == (None, "a query finds its metrics")
    (found,) = flow_of(Watch=look).alarms.values()
    assert (found.fires, found.why) == (False, "it looks at no metric")


def _missing_is_breaching(watched, **more):
    look = changed(
        alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=watched), TreatMissingData="breaching"
    )
    return flow_of(Queue=queue("Dead"), Dead=dead_letters(), Watch=look, **more)


def test_an_alarm_on_a_queue_that_nobody_uses_rings_all_the_time_where_missing_data_are_breaching():
    (found,) = _missing_is_breaching(arn("Dead", "QueueName")).alarms.values()
    assert found.fires is False
    assert found.why == "it is in ALARM while its queue is not in use, because missing data count as breaching"


def test_a_queue_that_is_polled_is_always_measured():
    read = {"Role": role(polls("Dead")), "Worker": function(), "Poll": mapping("Dead")}
    (found,) = _missing_is_breaching(arn("Dead", "QueueName"), **read).alarms.values()
    assert found.fires is True


@pytest.mark.parametrize(
    ("periods", "enough", "fires"),
    [(1, None, True), (3, None, False), ("3", None, False), (5, 2, False), (5, "2", False), (5, 1, True)],
)
def test_what_counts_a_message_once_gives_an_alarm_one_data_point(periods, enough, fires):
    look = changed(
        alarm("AWS/Events", "InvocationsSentToDlq", RuleName="r"),
        EvaluationPeriods=periods,
        DatapointsToAlarm=enough,
        TreatMissingData="notBreaching",
    )
    (found,) = flow_of(Watch=look).alarms.values()
    assert found.fires is fires


def test_a_data_point_among_missing_ones_is_enough_unless_those_count_as_not_breaching():
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"""
    look = changed(alarm("AWS/Events", "InvocationsSentToDlq", RuleName="r"), EvaluationPeriods=3)
    (found,) = flow_of(Watch=look).alarms.values()
    assert found.fires is True


@pytest.mark.parametrize(
    ("metric", "fires"), [("FailedInvocations", False), ("InvocationsSentToDlq", False), ("Invocations", True)]
)
def test_what_is_measured_only_when_something_fails_rings_all_the_time_where_missing_data_breach(metric, fires):
    look = changed(alarm("AWS/Events", metric, RuleName="r"), TreatMissingData="breaching")
    (found,) = flow_of(Watch=look).alarms.values()
    assert found.fires is fires


def test_what_stays_in_a_queue_is_measured_again():
    look = changed(
        alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName="q"),
        EvaluationPeriods=3,
        TreatMissingData="notBreaching",
    )
    (found,) = flow_of(Watch=look).alarms.values()
    assert found.fires is True
