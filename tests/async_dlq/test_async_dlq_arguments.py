"""What AWS would refuse later, or accept and lose events with, is refused here, in the caller's words, at once."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as lambda_destinations
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs

from patterns import PatternError
from patterns.async_dlq import AsyncDlq, EventBridgeAsync, ScheduleAsync, SnsAsync
from patterns.sqs_poll import SqsPoll
from tests._synth import new_app, new_function, new_stack, warnings_of

A_FUNCTION = "a Lambda function, version or alias (aws_lambda.IFunction)"
minutes, hours, days, seconds = cdk.Duration.minutes, cdk.Duration.hours, cdk.Duration.days, cdk.Duration.seconds
HOURLY = scheduler.ScheduleExpression.rate(hours(1))
PATTERN = {"source": ["shop"]}
_count = iter(range(10_000))


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    """One stack for all refusals: what is refused leaves nothing in it."""
    return new_stack()


@pytest.fixture(scope="module")
def function(stack: cdk.Stack) -> lambda_.Function:
    return new_function(stack)


def a_function(stack: cdk.Stack, **properties: Any) -> lambda_.Function:
    return new_function(stack, f"F{next(_count)}", **properties)


def make(kind: Any, stack: cdk.Stack, **arguments: Any) -> Any:
    if kind is EventBridgeAsync and "schedule" not in arguments:
        arguments.setdefault("event_pattern", PATTERN)
    if kind is ScheduleAsync:
        arguments.setdefault("schedule", HOURLY)
    return kind(stack, f"P{next(_count)}", **arguments)


def refused(kind: Any, stack: cdk.Stack, message: str, **arguments: Any) -> None:
    before = len(stack.node.children)
    with pytest.raises(PatternError) as error:
        make(kind, stack, **arguments)
    assert str(error.value) == message
    assert len(stack.node.children) == before, "a refused construct leaves nothing behind"


EVERY = [AsyncDlq, SnsAsync, EventBridgeAsync, ScheduleAsync]
SOURCES = [SnsAsync, EventBridgeAsync, ScheduleAsync]

# --- ranges ----------------------------------------------------------------------------------------

NUMBERS = [(AsyncDlq, 0, 2), (EventBridgeAsync, 0, 185), (ScheduleAsync, 0, 185)]
AGES = [(AsyncDlq, 60, 21_600), (EventBridgeAsync, 60, 86_400), (ScheduleAsync, 60, 86_400)]


@pytest.mark.parametrize(("kind", "low", "high"), NUMBERS)
def test_both_ends_of_retry_attempts_are_accepted_and_what_is_beyond_refused(
    stack: cdk.Stack, function: Any, kind: Any, low: int, high: int
) -> None:
    for value in (low, high, float(high)):
        make(kind, stack, function=a_function(stack), retry_attempts=value)
    for value in (low - 1, high + 1, 0.5, "1", True, [], float("nan"), float("inf"), None):
        refused(
            kind,
            stack,
            f"retry_attempts must be {low} to {high}, got {value!r}",
            function=function,
            retry_attempts=value,
        )


@pytest.mark.parametrize(("kind", "low", "high"), AGES)
def test_both_ends_of_the_event_age_are_accepted_and_what_is_beyond_refused(
    stack: cdk.Stack, function: Any, kind: Any, low: int, high: int
) -> None:
    for value in (low, high):
        make(kind, stack, function=a_function(stack), max_event_age=seconds(value))
    for value in (low - 1, high + 1):
        refused(
            kind,
            stack,
            f"max_event_age must be {low} to {high} seconds, whole, got {value} seconds",
            function=function,
            max_event_age=seconds(value),
        )
    refused(
        kind,
        stack,
        f"max_event_age must be {low} to {high} seconds, whole, got 60.5 seconds",
        function=function,
        max_event_age=cdk.Duration.millis(60_500),
    )
    for wrong in (60, "1h", True):
        refused(
            kind,
            stack,
            f"max_event_age must be an aws_cdk.Duration of {low} to {high} seconds, got {wrong!r}",
            function=function,
            max_event_age=wrong,
        )


@pytest.mark.parametrize("kind", [AsyncDlq, EventBridgeAsync, ScheduleAsync])
def test_tokens_pass(kind: Any) -> None:
    stack = new_stack()
    number = cdk.CfnParameter(stack, "N", type="Number").value_as_number
    make(kind, stack, function=new_function(stack), retry_attempts=number, max_event_age=seconds(number))


# --- wrong types -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("wrong", [None, "arn:aws:lambda:eu-west-1:1:function:f", 3, object, {}], ids=str)
def test_what_is_no_function_is_refused(stack: cdk.Stack, kind: Any, wrong: Any) -> None:
    refused(kind, stack, f"function must be {A_FUNCTION}, got {wrong!r}", function=wrong)


def test_a_queue_in_place_of_a_function_is_refused(stack: cdk.Stack) -> None:
    queue = sqs.Queue(stack, "NoFunction")
    refused(SnsAsync, stack, f"function must be {A_FUNCTION}, got {queue!r}", function=queue)


@pytest.mark.parametrize(
    ("kind", "name", "what"),
    [
        (SnsAsync, "topic", "an SNS topic (aws_sns.ITopic)"),
        (EventBridgeAsync, "bus", "an event bus (aws_events.IEventBus)"),
        (SnsAsync, "undelivered", "an SQS queue (aws_sqs.IQueue)"),
        (EventBridgeAsync, "undelivered", "an SQS queue (aws_sqs.IQueue)"),
        (ScheduleAsync, "undelivered", "an SQS queue (aws_sqs.IQueue)"),
        (AsyncDlq, "encryption_key", "a KMS key (aws_kms.IKey)"),
        (SnsAsync, "encryption_key", "a KMS key (aws_kms.IKey)"),
        (EventBridgeAsync, "schedule", "a schedule (aws_events.Schedule)"),
        (ScheduleAsync, "schedule", "a schedule expression (aws_scheduler.ScheduleExpression)"),
        (SnsAsync, "net", "an AsyncDlq (patterns.async_dlq.AsyncDlq)"),
        (EventBridgeAsync, "net", "an AsyncDlq (patterns.async_dlq.AsyncDlq)"),
        (ScheduleAsync, "net", "an AsyncDlq (patterns.async_dlq.AsyncDlq)"),
    ],
)
@pytest.mark.parametrize("wrong", ["x", 7, {"a": 1}], ids=str)
def test_a_value_of_another_type_is_refused(
    stack: cdk.Stack, function: Any, kind: Any, name: str, what: str, wrong: Any
) -> None:
    refused(kind, stack, f"{name} must be {what}, got {wrong!r}", function=function, **{name: wrong})


@pytest.mark.parametrize("kind", EVERY)
def test_what_is_no_alarm_action_is_refused(stack: cdk.Stack, function: Any, kind: Any) -> None:
    refused(
        kind,
        stack,
        "alarm_actions[0] must be an alarm action (aws_cloudwatch.IAlarmAction), got 'mail'",
        function=function,
        alarm_actions=["mail"],
    )


@pytest.mark.parametrize(("kind", "name"), [(AsyncDlq, "raw_event"), (ScheduleAsync, "enabled")])
@pytest.mark.parametrize("wrong", ["no", 1, None])
def test_a_flag_is_true_or_false(stack: cdk.Stack, function: Any, kind: Any, name: str, wrong: Any) -> None:
    refused(kind, stack, f"{name} must be True or False, got {wrong!r}", function=function, **{name: wrong})


# --- destinations ----------------------------------------------------------------------------------

FAILURES = f"an SQS queue, an SNS topic, an EventBridge bus, {A_FUNCTION} or an S3 bucket"
SUCCESSES = f"an SQS queue, an SNS topic, an EventBridge bus or {A_FUNCTION}"


@pytest.mark.parametrize(("name", "what"), [("on_failure", FAILURES), ("on_success", SUCCESSES)])
@pytest.mark.parametrize("wrong", ["x", 7, object()], ids=["text", "number", "object"])
def test_what_is_no_destination_is_refused(stack: cdk.Stack, function: Any, name: str, what: str, wrong: Any) -> None:
    refused(AsyncDlq, stack, f"{name} must be {what}, got {wrong!r}", function=function, **{name: wrong})


def test_a_bucket_takes_no_successes(stack: cdk.Stack, function: Any) -> None:
    bucket = s3.Bucket(stack, "Done")
    refused(
        AsyncDlq,
        stack,
        f"on_success must be {SUCCESSES}; it cannot be an S3 bucket, got Stack/Done",
        function=function,
        on_success=bucket,
    )


@pytest.mark.parametrize("name", ["on_failure", "on_success"])
def test_fifo_destinations_are_refused(stack: cdk.Stack, function: Any, name: str) -> None:
    id = f"Fifo{next(_count)}"
    for what, value in (
        ("queue", sqs.Queue(stack, id + "Q", fifo=True)),
        ("topic", sns.Topic(stack, id + "T", fifo=True)),
        ("queue", sqs.Queue.from_queue_arn(stack, id + "I", "arn:aws:sqs:eu-west-1:111122223333:q.fifo")),
        ("topic", sns.Topic.from_topic_arn(stack, id + "J", "arn:aws:sns:eu-west-1:111122223333:t.fifo")),
    ):
        refused(
            AsyncDlq,
            stack,
            f"{name} must be a standard {what}: Lambda cannot send to a FIFO {what}, got a FIFO {what}",
            function=function,
            **{name: value},
        )


@pytest.mark.parametrize("kind", ["bus", "function", "bucket"])
def test_the_raw_event_goes_to_a_queue_or_topic_only(stack: cdk.Stack, function: Any, kind: str) -> None:
    id = f"Raw{next(_count)}"
    makes = {"bus": events.EventBus, "bucket": s3.Bucket, "function": new_function}
    words = {"bus": "an EventBridge bus", "bucket": "an S3 bucket", "function": A_FUNCTION}
    refused(
        AsyncDlq,
        stack,
        f"on_failure must be an SQS queue or an SNS topic; it cannot be {words[kind]}, got Stack/{id}",
        function=function,
        raw_event=True,
        on_failure=makes[kind](stack, id),
    )


def test_a_key_beside_a_given_destination_is_refused(stack: cdk.Stack, function: Any) -> None:
    refused(
        AsyncDlq,
        stack,
        "encryption_key must be left out when on_failure is given: a given destination is used as it is, got Stack/K",
        function=function,
        on_failure=sqs.Queue(stack, "Q"),
        encryption_key=kms.Key(stack, "K"),
    )


# --- loops -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["on_failure", "on_success"])
def test_the_function_itself_is_no_destination_under_whatever_qualifier(stack: cdk.Stack, name: str) -> None:
    function = a_function(stack)
    alias = lambda_.Alias(stack, f"A{next(_count)}", alias_name="live", version=function.current_version)
    for target, to in ((function, function), (function, alias), (alias, function)):
        refused(
            AsyncDlq,
            stack,
            f"{name} must be another function: a failed event would go to the function that failed, "
            "got the function itself",
            function=target,
            **{name: to},
        )


def test_destinations_that_lead_back_over_another_function_are_refused(stack: cdk.Stack) -> None:
    first, second, third = a_function(stack), a_function(stack), a_function(stack)
    make(AsyncDlq, stack, function=third, on_success=first)
    make(AsyncDlq, stack, function=second, on_failure=third)
    refused(
        AsyncDlq,
        stack,
        "on_success must not lead back to the function itself, or events go round until Lambda stops them: "
        f"got {second.node.path}, whose own destinations end at {first.node.path}",
        function=first,
        on_success=second,
    )


@pytest.mark.parametrize("outcome", ["on_success", "on_failure"])
def test_a_function_that_the_cdk_lets_send_back_is_no_destination(stack: cdk.Stack, outcome: str) -> None:
    function = a_function(stack)
    back: Any = {outcome: lambda_destinations.LambdaDestination(function)}
    other = a_function(stack, **back)
    refused(
        AsyncDlq,
        stack,
        "on_success must not lead back to the function itself, or events go round until Lambda stops them: got "
        f"{other.node.path}, which {other.node.path}/EventInvokeConfig/Resource sends there",
        function=function,
        on_success=other,
    )
    make(AsyncDlq, stack, function=a_function(stack), on_success=other)


def test_processed_and_failed_events_do_not_go_to_one_queue_its_alarms_would_tell_nothing(
    stack: cdk.Stack, function: Any
) -> None:
    queue = sqs.Queue(stack, f"Q{next(_count)}")
    message = (
        "on_success must be another queue than on_failure: the alarms on failed events would tell every event that was "
        f"processed, got {queue.node.path} for both"
    )
    refused(AsyncDlq, stack, message, function=function, on_failure=queue, on_success=queue)
    bus = events.EventBus(stack, f"B{next(_count)}")
    make(AsyncDlq, stack, function=a_function(stack), on_failure=bus, on_success=bus)


def test_a_queue_that_feeds_the_function_is_no_destination(stack: cdk.Stack) -> None:
    function, queue = a_function(stack), sqs.Queue(stack, "Feeds", visibility_timeout=seconds(180))
    function.add_event_source(sources.SqsEventSource(queue))
    with pytest.raises(PatternError, match=r"^on_failure must not feed the function itself, or a failed event .*Feeds"):
        make(AsyncDlq, stack, function=function, on_failure=queue)


def test_a_queue_that_is_polled_for_the_function_is_no_destination(stack: cdk.Stack) -> None:
    function = a_function(stack)
    poll = SqsPoll(stack, "Poll", function=function)
    refused(
        AsyncDlq,
        stack,
        "on_failure must not feed the function itself, or a failed event comes back until Lambda stops it: got "
        "Stack/Poll/Queue, which Stack/Poll/Poll/Resource hands to the function",
        function=function,
        on_failure=poll.queue,
    )
    make(AsyncDlq, stack, function=function, on_failure=poll.dead_letters)


def test_a_topic_that_feeds_the_function_is_no_destination(stack: cdk.Stack) -> None:
    function, topic = a_function(stack), sns.Topic(stack, "FeedingTopic")
    topic.add_subscription(subscriptions.LambdaSubscription(function))
    with pytest.raises(PatternError, match=r"^on_failure must not feed the function itself, .* got Stack/FeedingTopic"):
        make(AsyncDlq, stack, function=function, on_failure=topic)


def test_a_net_that_sends_back_to_the_topic_is_refused(stack: cdk.Stack) -> None:
    function, topic = a_function(stack), sns.Topic(stack, "Round")
    net = AsyncDlq(stack, "RoundNet", function=function, on_failure=topic)
    refused(
        SnsAsync,
        stack,
        "net must not send to the topic that invokes the function, or a failed event comes back until somebody stops "
        "it: got Stack/RoundNet with the destination Stack/Round",
        function=function,
        topic=topic,
        net=net,
    )


def test_a_net_that_sends_records_to_a_bus_whose_rule_matches_them_is_refused(stack: cdk.Stack) -> None:
    function, bus = a_function(stack), events.EventBus(stack, "RoundBus")
    net = AsyncDlq(stack, "RoundBusNet", function=function, on_failure=bus)
    message = (
        "net must not send to the bus that invokes the function, or a failed event comes back until somebody stops it: "
        "got Stack/RoundBusNet with the destination Stack/RoundBus"
    )
    for pattern in (
        {"source": [{"prefix": ""}]},
        {"detail-type": [{"prefix": "Lambda Function"}]},
        {"resources": [{"prefix": "arn:aws:lambda:"}]},
        {"detail": {"version": ["1.0"], "requestContext": {"condition": ["RetriesExhausted"]}}},
    ):
        refused(EventBridgeAsync, stack, message, function=function, bus=bus, event_pattern=pattern, net=net)
    make(EventBridgeAsync, stack, function=function, bus=bus, event_pattern=PATTERN, net=net)
    make(EventBridgeAsync, stack, function=function, event_pattern={"source": [{"prefix": ""}]}, net=net)


# --- one net for each qualifier --------------------------------------------------------------------


@pytest.mark.parametrize("kind", EVERY)
def test_a_second_net_under_the_same_function_is_refused(stack: cdk.Stack, kind: Any) -> None:
    function = a_function(stack)
    net = make(AsyncDlq, stack, function=function)
    for same in (function, function.latest_version):
        refused(
            kind,
            stack,
            "function must have no event invoke config yet, Lambda takes one for each qualifier: use the one that "
            f"there is (net=… where a pattern takes it), got $LATEST configured by {net.node.path}",
            function=same,
        )


def test_a_version_without_a_number_yet_is_shown_by_its_path(stack: cdk.Stack) -> None:
    function = a_function(stack)
    version = function.current_version
    net = make(AsyncDlq, stack, function=version)
    refused(
        AsyncDlq,
        stack,
        "function must have no event invoke config yet, Lambda takes one for each qualifier: use the one that there is "
        f"(net=… where a pattern takes it), got the version {version.node.path} configured by {net.node.path}",
        function=version,
    )


@pytest.mark.parametrize("kind", EVERY)
def test_a_function_that_is_configured_already_is_refused(stack: cdk.Stack, kind: Any) -> None:
    function = a_function(stack, retry_attempts=1)
    refused(
        kind,
        stack,
        "function must have no event invoke config yet, Lambda takes one for each qualifier: use the one that there is "
        "(net=… where a pattern takes it), got $LATEST configured by configure_async_invoke (or on_failure, "
        f"retry_attempts…) of {function.node.path}",
        function=function,
    )


def test_the_cdk_refuses_to_configure_the_function_again_afterwards(stack: cdk.Stack) -> None:
    function = a_function(stack)
    make(AsyncDlq, stack, function=function)
    with pytest.raises(RuntimeError, match="An EventInvokeConfig has already been configured"):
        function.configure_async_invoke(retry_attempts=1)


def test_two_nets_under_one_imported_function_are_refused(stack: cdk.Stack) -> None:
    arn = "arn:aws:lambda:eu-west-1:111122223333:function:twice"
    once, twice = (lambda_.Function.from_function_arn(stack, id, arn) for id in ("Once", "Twice"))
    make(AsyncDlq, stack, function=once)
    refused(
        AsyncDlq,
        stack,
        "function must have no event invoke config yet, Lambda takes one for each qualifier: use the one that there is "
        f"(net=… where a pattern takes it), got $LATEST configured by another AsyncDlq of {arn}",
        function=twice,
    )
    live = lambda_.Function.from_function_arn(stack, "Live", arn + ":live")
    make(AsyncDlq, stack, function=live)


@pytest.mark.parametrize("kind", SOURCES)
def test_several_sources_share_one_net(stack: cdk.Stack, kind: Any) -> None:
    function = a_function(stack)
    net = make(AsyncDlq, stack, function=function)
    for _ in range(2):
        assert make(kind, stack, function=function, net=net).net is net


@pytest.mark.parametrize("kind", SOURCES)
def test_the_net_of_another_function_or_qualifier_is_refused(stack: cdk.Stack, kind: Any) -> None:
    function, other = a_function(stack), a_function(stack)
    alias = lambda_.Alias(stack, f"A{next(_count)}", alias_name="live", version=function.current_version)
    net = make(AsyncDlq, stack, function=function)
    for wrong, qualifier in ((other, "$LATEST"), (alias, "live")):
        behind = other if wrong is other else function
        refused(
            kind,
            stack,
            "net must be the net of the function that is invoked, and of the same version or alias: "
            f"{behind.node.path} {qualifier}, got the net of {function.node.path} $LATEST",
            function=wrong,
            net=net,
        )


# --- the function's dead-letter queue --------------------------------------------------------------


def test_a_dead_letter_queue_and_a_destination_that_are_the_same_queue_are_refused(stack: cdk.Stack) -> None:
    queue = sqs.Queue(stack, "Both")
    function = a_function(stack, dead_letter_queue=queue)
    refused(
        AsyncDlq,
        stack,
        "on_failure must be another queue or topic than the function's dead-letter queue: every failed event would be "
        "there twice, as a record and as it was sent, got Stack/Both",
        function=function,
        on_failure=queue,
    )


def test_raw_events_of_a_function_with_a_dead_letter_queue_are_refused(stack: cdk.Stack) -> None:
    function = a_function(stack, dead_letter_queue_enabled=True)
    refused(
        AsyncDlq,
        stack,
        "raw_event must be False for a function that has a dead-letter queue of its own already: give it none, or "
        f"leave raw_event out and have records beside it, got True for {function.node.path}",
        function=function,
        raw_event=True,
    )


def test_raw_events_of_an_imported_function_are_refused(stack: cdk.Stack) -> None:
    function = lambda_.Function.from_function_name(stack, "Imported", "f")
    refused(
        AsyncDlq,
        stack,
        "raw_event must be False for an imported function: its dead-letter queue is a property of the function, which "
        "cannot be set here, got True for Stack/Imported",
        function=function,
        raw_event=True,
    )


def test_raw_events_from_another_stack_are_refused() -> None:
    there = new_stack("There")
    here = cdk.Stack(there.node.scope, "Here")
    refused(
        AsyncDlq,
        here,
        "raw_event must be False outside of the function's stack, or the two stacks need each other: its dead-letter "
        "queue is a property of the function. Create this in There, got True in Here",
        function=new_function(there),
        raw_event=True,
    )


# --- dead-letter queues of a source ----------------------------------------------------------------

SERVICES = [(SnsAsync, "Amazon SNS"), (EventBridgeAsync, "EventBridge"), (ScheduleAsync, "EventBridge Scheduler")]


@pytest.mark.parametrize(("kind", "service"), SERVICES)
def test_a_fifo_dead_letter_queue_is_refused(stack: cdk.Stack, function: Any, kind: Any, service: str) -> None:
    refused(
        kind,
        stack,
        f"undelivered must be a standard queue: {service} cannot send to a FIFO queue, got a FIFO queue",
        function=function,
        undelivered=sqs.Queue(stack, f"Q{next(_count)}", fifo=True),
    )


@pytest.mark.parametrize(("kind", "service"), SERVICES)
def test_the_key_that_aws_manages_is_refused_however_it_is_given(
    stack: cdk.Stack, function: Any, kind: Any, service: str
) -> None:
    managed = kms.Alias.from_alias_name(stack, f"K{next(_count)}", "alias/aws/sqs")
    message = (
        "{} must be encrypted by SQS (sqs.QueueEncryption.SQS_MANAGED) or with a customer-managed key: "
        f"{service} cannot use the AWS managed key, so nothing would arrive, got alias/aws/sqs"
    )
    by_kind = sqs.Queue(stack, f"Q{next(_count)}", encryption=sqs.QueueEncryption.KMS_MANAGED)
    by_key = sqs.Queue(stack, f"Q{next(_count)}", encryption_master_key=managed)
    imported = sqs.Queue.from_queue_attributes(
        stack,
        f"Q{next(_count)}",
        queue_arn="arn:aws:sqs:eu-west-1:111122223333:q",
        key_arn="arn:aws:kms:eu-west-1:111122223333:alias/aws/sqs",
    )
    for queue in (by_kind, by_key, imported):
        refused(kind, stack, message.format("undelivered"), function=function, undelivered=queue)
    refused(kind, stack, message.format("encryption_key"), function=function, encryption_key=managed)


@pytest.mark.parametrize(("kind", "service"), SERVICES)
def test_a_key_that_aws_manages_for_another_service_is_refused(
    stack: cdk.Stack, function: Any, kind: Any, service: str
) -> None:
    managed = kms.Alias.from_alias_name(stack, f"K{next(_count)}", "alias/aws/sns")
    message = (
        "encryption_key must be encrypted by SQS (sqs.QueueEncryption.SQS_MANAGED) or with a customer-managed key: "
        f"{service} cannot use the AWS managed key, so nothing would arrive, got alias/aws/sns"
    )
    refused(kind, stack, message, function=function, encryption_key=managed)


def test_a_key_that_aws_manages_for_another_service_cannot_encrypt_the_queue(stack: cdk.Stack, function: Any) -> None:
    managed = kms.Alias.from_alias_name(stack, f"K{next(_count)}", "alias/aws/sns")
    message = "encryption_key must be a key that SQS can use, got alias/aws/sns"
    refused(AsyncDlq, stack, message, function=function, encryption_key=managed)
    ours = kms.Alias.from_alias_name(stack, f"K{next(_count)}", "alias/aws/sqs")
    make(AsyncDlq, stack, function=a_function(stack), encryption_key=ours)


@pytest.mark.parametrize("kind", EVERY)
def test_a_key_of_another_region_is_refused(kind: Any) -> None:
    stack = new_stack(env=HERE)
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:us-east-1:{MINE}:key/abc")
    message = ELSEWHERE.format("encryption_key", "Region", "eu-west-1", "Key", "us-east-1")
    refused(kind, stack, message, function=a_function(stack), encryption_key=key)


def test_the_functions_own_role_may_use_the_key_that_aws_manages(stack: cdk.Stack) -> None:
    queue = sqs.Queue(stack, "Managed", encryption=sqs.QueueEncryption.KMS_MANAGED)
    make(AsyncDlq, stack, function=a_function(stack), on_failure=queue)


# --- sources ---------------------------------------------------------------------------------------


def test_a_fifo_topic_cannot_invoke_a_function(stack: cdk.Stack, function: Any) -> None:
    for topic in (
        sns.Topic(stack, "FifoTopic", fifo=True),
        sns.Topic.from_topic_arn(stack, "FifoImported", "arn:aws:sns:eu-west-1:111122223333:t.fifo"),
    ):
        refused(
            SnsAsync,
            stack,
            "topic must be a standard topic: a FIFO topic delivers to queues only, never to a function. Subscribe a "
            f"queue and poll it (patterns.sqs_poll.SqsPoll), got the FIFO topic {topic.node.path}",
            function=function,
            topic=topic,
        )


@pytest.mark.parametrize("wrong", ["MessageAttribute", "messagebody", "", None, 3, ["MessageBody"]], ids=str)
def test_an_unknown_filter_scope_is_refused(stack: cdk.Stack, function: Any, wrong: Any) -> None:
    refused(
        SnsAsync,
        stack,
        f"filter_policy_scope must be MessageAttributes or MessageBody, got {wrong!r}",
        function=function,
        filter_policy={"a": ["b"]},
        filter_policy_scope=wrong,
    )


@pytest.mark.parametrize(
    ("arguments", "starts"),
    [
        ({"filter_policy": {"a": {"b": ["c"]}}}, "filter_policy.a"),
        ({"filter_policy": {"a": [{"like": "x"}]}}, "filter_policy.a"),
        ({"filter_policy": {"a": []}}, "filter_policy.a"),
        ({"filter_policy": {str(n): ["x"] for n in range(6)}}, "filter_policy"),
        ({"filter_policy": "a"}, "filter_policy"),
    ],
)
def test_filter_policies_that_sns_would_refuse_are_refused(
    stack: cdk.Stack, function: Any, arguments: Any, starts: str
) -> None:
    with pytest.raises(PatternError) as error:
        make(SnsAsync, stack, function=function, **arguments)
    assert str(error.value).startswith(starts)


@pytest.mark.parametrize(
    ("pattern", "starts"),
    [
        ({}, "event_pattern"),
        ({"source": []}, "event_pattern.source"),
        ({"source": [{"prefx": "a"}]}, "event_pattern.source"),
        ({"source": "shop"}, "event_pattern.source"),
        ({"detail": {}}, "event_pattern.detail"),
        ("shop", "event_pattern"),
        ({"source": ["x" * 4096]}, "event_pattern"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_patterns_that_eventbridge_would_refuse_are_refused(
    stack: cdk.Stack, function: Any, pattern: Any, starts: str
) -> None:
    with pytest.raises(PatternError) as error:
        make(EventBridgeAsync, stack, function=function, event_pattern=pattern)
    assert str(error.value).startswith(starts)


KEYS = "account, detail, detail-type, id, region, replay-name, resources, source, time, version or $or"


@pytest.mark.parametrize(
    ("pattern", "where", "key"),
    [
        ({"detailType": ["Ordered"]}, "event_pattern", "detailType"),
        ({"source": ["shop"], "Detail": {"a": ["b"]}}, "event_pattern", "Detail"),
        ({"$or": [{"source": ["shop"]}, {"sources": ["shop"]}]}, "event_pattern.$or[1]", "sources"),
    ],
    ids=str,
)
def test_a_key_that_no_event_has_is_refused_the_rule_would_never_match(
    stack: cdk.Stack, function: Any, pattern: Any, where: str, key: str
) -> None:
    message = f"{where} must have keys of an event only, {KEYS}, got {key!r}"
    refused(EventBridgeAsync, stack, message, function=function, event_pattern=pattern)


def test_every_key_of_an_event_may_be_asked_for(stack: cdk.Stack) -> None:
    texts = ("account", "detail-type", "id", "region", "replay-name", "resources", "source", "time", "version")
    pattern = {key: ["x"] for key in texts}
    make(EventBridgeAsync, stack, function=a_function(stack), event_pattern={**pattern, "detail": {"a": ["x"]}})


def test_a_rule_has_a_pattern_or_a_schedule(stack: cdk.Stack, function: Any) -> None:
    rate = events.Schedule.rate(hours(1))
    message = "event_pattern or schedule must be given, one of the two, got {}"
    refused(EventBridgeAsync, stack, message.format("neither"), function=function, event_pattern=None)
    refused(EventBridgeAsync, stack, message.format("both"), function=function, event_pattern=PATTERN, schedule=rate)


def test_a_schedule_on_a_custom_bus_is_refused(stack: cdk.Stack, function: Any) -> None:
    rate = events.Schedule.rate(hours(1))
    refused(
        EventBridgeAsync,
        stack,
        "bus must be left out for a schedule: EventBridge runs schedules on the default bus only, got Stack/Bus",
        function=function,
        schedule=rate,
        bus=events.EventBus(stack, "Bus"),
    )
    default = events.EventBus.from_event_bus_name(stack, "Default", "default")
    make(EventBridgeAsync, stack, function=a_function(stack), schedule=rate, bus=default)


def test_an_archive_keeps_whole_days_of_a_pattern(stack: cdk.Stack, function: Any) -> None:
    for value in (days(0), days(1), hours(48)):
        make(EventBridgeAsync, stack, function=a_function(stack), archive=value)
    for value, shown in ((hours(36), "1.5 days"), (hours(1), "0.0416667 days")):
        refused(
            EventBridgeAsync,
            stack,
            f"archive must be an aws_cdk.Duration of whole days, 0 or more, got {shown}",
            function=function,
            archive=value,
        )
    refused(
        EventBridgeAsync,
        stack,
        "archive must be an aws_cdk.Duration of whole days, got 3",
        function=function,
        archive=3,
    )
    refused(
        EventBridgeAsync,
        stack,
        "archive must be left out for a schedule: its events are made for the target alone, no archive sees them, "
        "got 2 days",
        function=function,
        archive=days(2),
        schedule=events.Schedule.rate(hours(1)),
        event_pattern=None,
    )


def test_the_input_of_a_schedule_is_a_json_object_of_at_most_256_kib(stack: cdk.Stack, function: Any) -> None:
    fits = {"a": "x" * (262_144 - len('{"a": ""}'))}
    make(ScheduleAsync, stack, function=a_function(stack), input=fits)
    refused(
        ScheduleAsync,
        stack,
        "input must be at most 262144 bytes as JSON, got 262145",
        function=function,
        input={"a": fits["a"] + "x"},
    )
    refused(ScheduleAsync, stack, "input must be a JSON object, as a mapping, got '{}'", function=function, input="{}")
    for wrong in ({"a": {1, 2}}, {"a": float("nan")}):
        with pytest.raises(PatternError, match=r"^input must be a JSON object: "):
            make(ScheduleAsync, stack, function=function, input=wrong)


# --- other accounts and Regions --------------------------------------------------------------------

HERE = cdk.Environment(account="111122223333", region="eu-west-1")
ELSEWHERE = "{} must be in the {} of the stack that links it, {}, got Stack/{} in {}"
MINE, THEIRS = "111122223333", "999999999999"


@pytest.mark.parametrize("kind", EVERY)
def test_a_function_of_another_account_or_region_is_refused(kind: Any) -> None:
    stack = new_stack(env=HERE)
    function = lambda_.Function.from_function_arn(stack, "Foreign", f"arn:aws:lambda:eu-west-1:{THEIRS}:function:f")
    refused(kind, stack, ELSEWHERE.format("function", "account", MINE, "Foreign", THEIRS), function=function)
    function = lambda_.Function.from_function_arn(stack, "Far", f"arn:aws:lambda:us-east-1:{MINE}:function:f")
    refused(kind, stack, ELSEWHERE.format("function", "Region", "eu-west-1", "Far", "us-east-1"), function=function)
    ours = lambda_.Function.from_function_arn(stack, "Ours", f"arn:aws:lambda:eu-west-1:{MINE}:function:f")
    make(kind, stack, function=ours)


@pytest.mark.parametrize(("kind", "account"), [(SnsAsync, True), (EventBridgeAsync, False), (ScheduleAsync, False)])
def test_a_dead_letter_queue_of_another_region_is_refused_and_for_a_topic_of_another_account(
    kind: Any, account: bool
) -> None:
    stack = new_stack(env=HERE)
    function = a_function(stack)
    far = sqs.Queue.from_queue_arn(stack, "Far", f"arn:aws:sqs:us-east-1:{MINE}:q")
    message = ELSEWHERE.format("undelivered", "Region", "eu-west-1", "Far", "us-east-1")
    refused(kind, stack, message, function=function, undelivered=far)
    foreign = sqs.Queue.from_queue_arn(stack, "Foreign", f"arn:aws:sqs:eu-west-1:{THEIRS}:q")
    if account:
        message = ELSEWHERE.format("undelivered", "account", MINE, "Foreign", THEIRS)
        refused(kind, stack, message, function=function, undelivered=foreign)
    else:
        make(kind, stack, function=function, undelivered=foreign)


def test_a_bus_of_another_account_takes_no_rule_from_here() -> None:
    stack = new_stack(env=HERE)
    bus = events.EventBus.from_event_bus_arn(stack, "Bus", f"arn:aws:events:eu-west-1:{THEIRS}:event-bus/shop")
    message = ELSEWHERE.format("bus", "account", MINE, "Bus", THEIRS)
    refused(EventBridgeAsync, stack, message, function=a_function(stack), bus=bus)


def imported(stack: cdk.Stack, kind: str, region: str, account: str) -> Any:
    id = f"I{next(_count)}"
    match kind:
        case "queue":
            return sqs.Queue.from_queue_arn(stack, id, f"arn:aws:sqs:{region}:{account}:q")
        case "topic":
            return sns.Topic.from_topic_arn(stack, id, f"arn:aws:sns:{region}:{account}:t")
        case "function":
            return lambda_.Function.from_function_arn(stack, id, f"arn:aws:lambda:{region}:{account}:function:other")
        case _:
            return events.EventBus.from_event_bus_arn(stack, id, f"arn:aws:events:{region}:{account}:event-bus/b")


@pytest.mark.parametrize("kind", ["queue", "topic", "function", "bus"])
@pytest.mark.parametrize("name", ["on_failure", "on_success"])
def test_a_destination_of_another_region_is_refused_and_of_another_account_unless_it_is_a_bus(
    kind: str, name: str
) -> None:
    stack = new_stack(env=HERE)
    function = a_function(stack)
    far = imported(stack, kind, "us-east-1", MINE)
    message = ELSEWHERE.format(name, "Region", "eu-west-1", far.node.id, "us-east-1")
    refused(AsyncDlq, stack, message, function=function, **{name: far})
    foreign = imported(stack, kind, "eu-west-1", THEIRS)
    if kind == "bus":
        make(AsyncDlq, stack, function=function, **{name: foreign})
    else:
        message = ELSEWHERE.format(name, "account", MINE, foreign.node.id, THEIRS)
        refused(AsyncDlq, stack, message, function=function, **{name: foreign})


def test_a_topic_of_another_region_is_refused_its_subscription_would_be_there_too() -> None:
    stack = new_stack(env=HERE)
    topic = imported(stack, "topic", "us-east-1", MINE)
    message = ELSEWHERE.format("topic", "Region", "eu-west-1", topic.node.id, "us-east-1")
    refused(SnsAsync, stack, message, function=a_function(stack), topic=topic)


@pytest.mark.parametrize("kind", EVERY)
def test_a_function_of_another_stage_is_refused(kind: Any) -> None:
    app = new_app()
    elsewhere = new_function(cdk.Stack(cdk.Stage(app, "Prod"), "Theirs"))
    stack = cdk.Stack(app, "Ours")
    message = (
        "function must be in the same app and Stage as the construct, or be imported, got Prod/Theirs/Function of "
        "another"
    )
    refused(kind, stack, message, function=elsewhere)


# --- scope and id ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EVERY)
def test_what_is_no_scope_and_no_id_is_refused(stack: cdk.Stack, function: Any, kind: Any) -> None:
    arguments = {"function": function}
    if kind is EventBridgeAsync:
        arguments["event_pattern"] = PATTERN
    if kind is ScheduleAsync:
        arguments["schedule"] = HOURLY
    for scope, id, message in (
        (None, "A", "scope must be a construct in a stack (constructs.Construct), got None"),
        (new_app(), "A", "scope must be a construct in a stack, got an app"),
        (stack, None, "id must be a text that is not empty, got None"),
        (stack, "", "id must be a text that is not empty, got ''"),
    ):
        with pytest.raises(PatternError) as error:
            kind(scope, id, **arguments)
        assert str(error.value) == message


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (SnsAsync, "topic, undelivered and net"),
        (EventBridgeAsync, "undelivered and net"),
        (ScheduleAsync, "undelivered and net"),
    ],
)
def test_a_key_for_nothing_is_refused(stack: cdk.Stack, kind: Any, names: str) -> None:
    function = a_function(stack)
    given: dict[str, Any] = {
        "undelivered": sqs.Queue(stack, f"Q{next(_count)}"),
        "net": make(AsyncDlq, stack, function=function),
    }
    if kind is SnsAsync:
        given["topic"] = sns.Topic(stack, f"T{next(_count)}")
    key = kms.Key(stack, f"K{next(_count)}")
    refused(
        kind,
        stack,
        f"encryption_key must be left out when {names} are given: what is given is used as it is, got {key.node.path}",
        function=function,
        encryption_key=key,
        **given,
    )


def test_the_net_of_an_imported_function_is_known_by_its_arn(stack: cdk.Stack) -> None:
    arn = "arn:aws:lambda:eu-west-1:111122223333:function:by-arn"
    here, there = (lambda_.Function.from_function_arn(stack, f"F{next(_count)}", arn) for _ in range(2))
    net = make(AsyncDlq, stack, function=here)
    assert make(SnsAsync, stack, function=there, net=net).net is net


# --- warnings --------------------------------------------------------------------------------------


def test_reserved_concurrency_that_lets_events_expire_is_warned_of() -> None:
    stack = new_stack()
    function = new_function(stack, reserved_concurrent_executions=5)
    make(AsyncDlq, stack, function=function, max_event_age=seconds(599))
    assert warnings_of(stack)["cdk-messaging-patterns:async-dlq.event-age"] == (
        "max_event_age is 599 seconds, and the function has a reserved concurrency of 5: events of a burst expire "
        "while they are throttled."
    )


def test_ten_minutes_are_enough() -> None:
    stack = new_stack()
    function = new_function(stack, reserved_concurrent_executions=5)
    make(AsyncDlq, stack, function=function, max_event_age=seconds(600))
    assert "cdk-messaging-patterns:async-dlq.event-age" not in warnings_of(stack)


def test_a_function_that_may_not_run_is_warned_of() -> None:
    stack = new_stack()
    make(AsyncDlq, stack, function=new_function(stack, reserved_concurrent_executions=0))
    assert warnings_of(stack)["cdk-messaging-patterns:async-dlq.no-concurrency"] == (
        "The function has a reserved concurrency of 0: no event is processed or tried again, every one goes straight "
        "to on_failure."
    )
