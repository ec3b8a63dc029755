"""SnsAsync and EventBridgeAsync against the same templates written by hand."""

from collections.abc import Callable
from typing import Any

from bench._constructs import compare, run_variant
from patterns._node import require_node

require_node()

_shared: list[Any] = []  # the alarm action, made before anything is counted
PATTERN = {"source": ["shop"], "detail-type": ["Ordered"]}


def prepare(stack: Any) -> None:
    """What every variant is given."""
    from aws_cdk import aws_cloudwatch_actions as actions
    from aws_cdk import aws_sns as sns

    _shared.append(actions.SnsAction(sns.Topic(stack, "OnCall")))


def _function(stack: Any, id: str) -> Any:
    """A function has one net, so each instance needs a function of its own."""
    import aws_cdk as cdk
    from aws_cdk import aws_lambda as lambda_

    return lambda_.Function(
        stack,
        f"{id}Function",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): pass"),
        timeout=cdk.Duration.seconds(30),
    )


def sns_async(stack: Any, id: str) -> None:
    """Ours."""
    from patterns.async_dlq import SnsAsync

    SnsAsync(stack, id, function=_function(stack, id), alarm_actions=_shared)


def eventbridge_async(stack: Any, id: str) -> None:
    """Ours."""
    from patterns.async_dlq import EventBridgeAsync

    EventBridgeAsync(stack, id, function=_function(stack, id), event_pattern=PATTERN, alarm_actions=_shared)


def _kept(scope: Any, id: str) -> Any:
    import aws_cdk as cdk
    from aws_cdk import aws_sqs as sqs

    return sqs.Queue(
        scope,
        id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(14),
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


def _alarm(scope: Any, id: str, metric: Any, threshold: float, description: str) -> None:
    from aws_cdk import aws_cloudwatch as cloudwatch

    alarm = cloudwatch.Alarm(
        scope,
        id,
        metric=metric,
        threshold=threshold,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        alarm_description=description,
    )
    alarm.add_alarm_action(*_shared)


def _metric(namespace: str, name: str, dimensions: dict[str, str], period: Any, statistic: str = "Sum") -> Any:
    from aws_cdk import aws_cloudwatch as cloudwatch

    return cloudwatch.Metric(
        namespace=namespace, metric_name=name, dimensions_map=dimensions, period=period, statistic=statistic
    )


def _kept_alarms(scope: Any, id: str, queue: Any, period: Any, what: str) -> None:
    visible = queue.metric_approximate_number_of_messages_visible(period=period, statistic="Maximum")
    oldest = queue.metric_approximate_age_of_oldest_message(period=period, statistic="Maximum")
    _alarm(scope, f"{id}NotEmpty", visible, 0, f"{what}.")
    half = f"{what}, and the oldest has waited for half of the 1209600 seconds that the queue keeps it."
    _alarm(scope, f"{id}Expiring", oldest, 604_800, half)


def _net(parent: Any, function: Any, period: Any) -> None:
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_lambda as lambda_
    from constructs import Construct

    scope = Construct(parent, "Net")
    queue = _kept(scope, "OnFailure")
    policy = iam.Policy(
        scope,
        "Send",
        statements=[iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[queue.queue_arn])],
        roles=[function.role],
    )
    of = lambda_.CfnEventInvokeConfig
    name = function.function_name
    config = of(
        scope,
        "Config",
        function_name=name,
        qualifier="$LATEST",
        maximum_retry_attempts=2,
        maximum_event_age_in_seconds=21_600,
        destination_config=of.DestinationConfigProperty(on_failure=of.OnFailureProperty(destination=queue.queue_arn)),
    )
    config.node.add_dependency(policy)
    for id, metric, statistic, threshold, description in (
        (
            "EventsDropped",
            "AsyncEventsDropped",
            "Sum",
            0,
            "Lambda gave up an event that the function could not process.",
        ),
        (
            "EventAge",
            "AsyncEventAge",
            "Maximum",
            10_800_000,
            "Events wait for longer than half of the time that Lambda keeps them: the function fails or is throttled.",
        ),
        (
            "DestinationFailures",
            "DestinationDeliveryFailures",
            "Sum",
            0,
            "Lambda could not send the record of an event to its destination: the record is lost.",
        ),
        (
            "LoopsStopped",
            "RecursiveInvocationsDropped",
            "Sum",
            0,
            "Lambda stopped a loop: the function, or what it sends, came back to it 16 times.",
        ),
    ):
        measured = _metric("AWS/Lambda", metric, {"FunctionName": name}, period, statistic)
        _alarm(scope, id, measured, threshold, description)
    _kept_alarms(scope, "OnFailure", queue, period, "An event could not be processed")


def _open(queue: Any, service: str, source: str) -> Any:
    from aws_cdk import aws_iam as iam

    return queue.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["sqs:SendMessage"],
            principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
            resources=[queue.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": source}},
        )
    )


def _permit(scope: Any, function: Any, service: str, source: str) -> Any:
    from aws_cdk import aws_lambda as lambda_

    return lambda_.CfnPermission(
        scope,
        "Invoke",
        action="lambda:InvokeFunction",
        function_name=function.function_arn,
        principal=f"{service}.amazonaws.com",
        source_arn=source,
    )


def sns_by_hand(stack: Any, id: str) -> None:
    """The same template from aws-cdk-lib alone, as somebody would write it who knows all that SnsAsync knows."""
    import aws_cdk as cdk
    from aws_cdk import aws_sns as sns
    from constructs import Construct

    function, period = _function(stack, id), cdk.Duration.minutes(1)
    scope = Construct(stack, id)
    topic = sns.Topic(scope, "Topic", enforce_ssl=True)
    undelivered = _kept(scope, "Undelivered")
    _net(scope, function, period)
    opened = _open(undelivered, "sns", topic.topic_arn)
    permission = _permit(scope, function, "sns", topic.topic_arn)
    subscription = sns.CfnSubscription(
        scope,
        "Subscription",
        topic_arn=topic.topic_arn,
        protocol="lambda",
        endpoint=function.function_arn,
        redrive_policy={"deadLetterTargetArn": undelivered.queue_arn},
    )
    subscription.node.add_dependency(opened.policy_dependable, permission)
    _kept_alarms(scope, "Undelivered", undelivered, period, "A message could not be delivered")
    for name, metric, means in (
        ("DeliveryFailed", "NumberOfNotificationsFailed", "The topic could not deliver a message to a subscriber."),
        (
            "RedriveFailed",
            "NumberOfNotificationsFailedToRedriveToDlq",
            "The topic could not put an undelivered message into its dead-letter queue: it is lost.",
        ),
    ):
        _alarm(scope, name, _metric("AWS/SNS", metric, {"TopicName": topic.topic_name}, period), 0, means)


def eventbridge_by_hand(stack: Any, id: str) -> None:
    """The same template from aws-cdk-lib alone, by somebody who knows all that EventBridgeAsync knows."""
    import aws_cdk as cdk
    from aws_cdk import aws_events as events
    from constructs import Construct

    function, period = _function(stack, id), cdk.Duration.minutes(1)
    scope = Construct(stack, id)
    undelivered = _kept(scope, "Undelivered")
    _net(scope, function, period)
    of = events.CfnRule
    rule = of(
        scope,
        "Rule",
        event_pattern=PATTERN,
        state="ENABLED",
        targets=[
            of.TargetProperty(
                id="Function",
                arn=function.function_arn,
                dead_letter_config=of.DeadLetterConfigProperty(arn=undelivered.queue_arn),
                retry_policy=of.RetryPolicyProperty(maximum_retry_attempts=185, maximum_event_age_in_seconds=86_400),
            )
        ],
    )
    _open(undelivered, "events", rule.attr_arn)
    _permit(scope, function, "events", rule.attr_arn)
    _kept_alarms(scope, "Undelivered", undelivered, period, "An event could not be delivered")
    for name, metric, means in (
        ("DeliveryFailed", "FailedInvocations", "EventBridge could not deliver an event to the function."),
        (
            "DeadLetterFailed",
            "InvocationsFailedToBeSentToDlq",
            "EventBridge could not put an undelivered event into its dead-letter queue: it is lost.",
        ),
    ):
        _alarm(scope, name, _metric("AWS/Events", metric, {"RuleName": rule.ref}, period), 0, means)


VARIANTS: dict[str, Callable[[Any, str], None]] = {
    "SnsAsync": sns_async,
    "hand-written SNS": sns_by_hand,
    "EventBridgeAsync": eventbridge_async,
    "hand-written EventBridge": eventbridge_by_hand,
}


def main() -> None:
    """Print both comparisons."""
    for ours, plain in (("SnsAsync", "hand-written SNS"), ("EventBridgeAsync", "hand-written EventBridge")):
        compare("bench.async_dlq", ours, plain, sizes=(1, 10, 20))  # 20 instances fill a stack's 500 resources


if __name__ == "__main__":
    run_variant(VARIANTS, prepare)
