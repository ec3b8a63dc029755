"""SnsFilter against the same template written by hand: filters to a queue and a function, the rest in a catch-all."""

from typing import Any

from bench._constructs import compare, run_variant
from patterns._node import require_node

require_node()

AUTO: dict[str, Any] = {"kind": ["auto"]}
HOME: dict[str, Any] = {"kind": ["home", "flat"]}
_shared: list[Any] = []  # the function and the alarm action, made before anything is counted


def prepare(stack: Any) -> None:
    """What every variant is given."""
    import aws_cdk as cdk
    from aws_cdk import aws_cloudwatch_actions as actions
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns

    function = lambda_.Function(
        stack,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): pass"),
        timeout=cdk.Duration.seconds(30),
    )
    _shared.extend([function, actions.SnsAction(sns.Topic(stack, "OnCall"))])


def sns_filter(stack: Any, id: str) -> None:
    """Ours."""
    from aws_cdk import aws_sqs as sqs

    from patterns.sns_filter import FilterPolicy, SnsFilter, Subscriber

    function, action = _shared
    SnsFilter(
        stack,
        id,
        subscriptions={
            "Auto": Subscriber(sqs.Queue(stack, f"{id}Auto"), FilterPolicy.message_body(AUTO)),
            "Home": Subscriber(function, FilterPolicy.message_body(HOME)),
        },
        alarm_actions=[action],
    )


def hand_written(stack: Any, id: str) -> None:
    """The same template from aws-cdk-lib alone, as somebody would write it who knows all that SnsFilter knows."""
    import json

    import aws_cdk as cdk
    from aws_cdk import aws_cloudwatch as cloudwatch
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs
    from constructs import Construct

    function, action = _shared
    minute = cdk.Duration.minutes(1)
    fortnight = cdk.Duration.days(14)
    queue = sqs.Queue(stack, f"{id}Auto")
    scope = Construct(stack, id)
    topic = sns.Topic(scope, "Topic", enforce_ssl=True)

    def keep(where: Any, name: str) -> sqs.Queue:
        return sqs.Queue(
            where,
            name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=fortnight,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def alarm(name: str, metric: Any, threshold: float, description: str) -> None:
        made = cloudwatch.Alarm(
            scope,
            name,
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        made.add_alarm_action(action)

    def watch(name: str, queue: sqs.Queue, what: str) -> None:
        age = queue.metric_approximate_age_of_oldest_message(period=minute, statistic="Maximum")
        visible = queue.metric_approximate_number_of_messages_visible(period=minute, statistic="Maximum")
        alarm(f"{name}NotEmpty", visible, 0, f"{what}.")
        late = "and the oldest has waited for half of the 1209600 seconds that the queue keeps it."
        alarm(f"{name}Expiring", age, 604_800, f"{what}, {late}")

    def allow(queue: sqs.Queue) -> Any:
        return queue.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal("sns.amazonaws.com")],
                resources=[queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": topic.topic_arn}},
            )
        ).policy_dependable

    def subscribe(where: Any, name: str, endpoint: Any, policy: dict[str, Any]) -> None:
        here = Construct(where, name)
        undelivered = keep(here, "Undelivered")
        permissions = [allow(undelivered)]
        if isinstance(endpoint, sqs.Queue):
            arn = endpoint.queue_arn
            permissions.append(allow(endpoint))
        else:
            arn = endpoint.function_arn
            permissions.append(
                lambda_.CfnPermission(
                    here,
                    "Invoke",
                    action="lambda:InvokeFunction",
                    function_name=arn,
                    principal="sns.amazonaws.com",
                    source_arn=topic.topic_arn,
                )
            )
        subscription = sns.CfnSubscription(
            here,
            "Subscription",
            topic_arn=topic.topic_arn,
            protocol="sqs" if isinstance(endpoint, sqs.Queue) else "lambda",
            endpoint=arn,
            filter_policy=policy,
            filter_policy_scope="MessageBody",
            redrive_policy={"deadLetterTargetArn": undelivered.queue_arn},
        )
        if None in policy["kind"]:  # the CDK would drop it
            subscription.add_property_override("FilterPolicy", json.dumps(policy, separators=(",", ":")))
        subscription.node.add_dependency(*permissions)
        watch(f"{name}Undelivered", undelivered, f"A message for {name} was not delivered")

    subscriptions = Construct(scope, "Subscriptions")
    subscribe(subscriptions, "Auto", queue, AUTO)
    subscribe(subscriptions, "Home", function, HOME)
    rest = keep(scope, "CatchAll")
    unwanted = {"kind": [{"anything-but": ["auto", "home", "flat"]}, None, {"exists": False}]}
    subscribe(scope, "Unmatched", rest, unwanted)
    watch("CatchAll", rest, "A message matched no filter")
    for name, metric, description in (
        (
            "DeliveryFailed",
            "NumberOfNotificationsFailed",
            "The topic could not deliver a message to a subscriber.",
        ),
        (
            "RedriveFailed",
            "NumberOfNotificationsFailedToRedriveToDlq",
            "The topic could not put an undelivered message into its dead-letter queue: it is lost.",
        ),
        (
            "InvalidBody",
            "NumberOfNotificationsFilteredOut-InvalidMessageBody",
            "A message was filtered out because its body is not a JSON object: no filter by the body can match it.",
        ),
    ):
        told = cloudwatch.Metric(
            namespace="AWS/SNS",
            metric_name=metric,
            dimensions_map={"TopicName": topic.topic_name},
            statistic="Sum",
            period=minute,
        )
        alarm(name, told, 0, description)


VARIANTS = {"SnsFilter": sns_filter, "hand-written": hand_written}


def main() -> None:
    """Print the comparison."""
    compare("bench.sns_filter", "SnsFilter", "hand-written", sizes=(1, 20, 100))


if __name__ == "__main__":
    run_variant(VARIANTS, prepare)
