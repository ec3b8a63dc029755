"""SqsPoll against the same template written by hand, and against AWS Solutions Constructs' aws-sqs-lambda."""

from typing import Any

from bench._constructs import compare, run_variant
from patterns._node import require_node

require_node()


def _function(scope: Any) -> Any:
    import aws_cdk as cdk
    from aws_cdk import aws_lambda as lambda_

    return lambda_.Function(
        scope,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): pass"),
        timeout=cdk.Duration.seconds(30),
    )


def _topic(scope: Any) -> Any:
    from aws_cdk import aws_sns as sns

    return sns.Topic(scope, "OnCall")


_shared: list[Any] = []  # the function and the alarm action, made before anything is counted


def prepare(stack: Any) -> None:
    """What every variant is given."""
    from aws_cdk import aws_cloudwatch_actions as actions

    _shared.extend([_function(stack), actions.SnsAction(_topic(stack))])


def sqs_poll(stack: Any, id: str) -> None:
    """Ours."""
    from patterns.sqs_poll import SqsPoll

    function, action = _shared
    SqsPoll(stack, id, function=function, alarm_actions=[action])


def hand_written(stack: Any, id: str) -> None:
    """The same template from aws-cdk-lib alone, as somebody would write it who knows all that SqsPoll knows."""
    import aws_cdk as cdk
    from aws_cdk import aws_cloudwatch as cloudwatch
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sqs as sqs
    from constructs import Construct

    function, action = _shared
    scope = Construct(stack, id)
    dead = sqs.Queue(
        scope,
        "DeadLetters",
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(14),
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
    uuid = cdk.Fn.select(2, cdk.Fn.split("/", cdk.Aws.STACK_ID))
    name = f"{cdk.Names.unique_resource_name(scope, max_length=38, separator='-')}-{uuid}"
    place = ["arn", cdk.Aws.PARTITION, "sqs", cdk.Aws.REGION, cdk.Aws.ACCOUNT_ID, name]
    child: Any = dead.node.default_child
    child.redrive_allow_policy = {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [{"Fn::Join": [":", place]}],
    }
    queue = sqs.Queue(
        scope,
        "Queue",
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        queue_name=name,
        retention_period=cdk.Duration.days(4),
        visibility_timeout=cdk.Duration.minutes(3),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=5),
    )
    mapping = lambda_.EventSourceMapping(
        scope,
        "Poll",
        target=function,
        event_source_arn=queue.queue_arn,
        batch_size=10,
        report_batch_item_failures=True,
    )
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    policy = iam.Policy(
        scope,
        "Consume",
        statements=[iam.PolicyStatement(actions=actions, resources=[queue.queue_arn])],
        roles=[function.role],
    )
    mapping.node.add_dependency(policy)
    minute = cdk.Duration.minutes(1)
    failed = "A message could not be processed"
    for alarm_id, metric, threshold, description in (
        (
            "DeadLettersNotEmpty",
            dead.metric_approximate_number_of_messages_visible(period=minute, statistic="Maximum"),
            0,
            f"{failed}.",
        ),
        (
            "DeadLettersExpiring",
            dead.metric_approximate_age_of_oldest_message(period=minute, statistic="Maximum"),
            604_800,
            f"{failed}, and the oldest has waited for half of the 1209600 seconds that the queue keeps it.",
        ),
        (
            "OldestMessage",
            queue.metric_approximate_age_of_oldest_message(period=minute, statistic="Maximum"),
            3_600,
            "Messages wait longer than expected: the function fails, is throttled or does not keep up.",
        ),
    ):
        alarm = cloudwatch.Alarm(
            scope,
            alarm_id,
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        alarm.add_alarm_action(action)


def solutions_constructs(stack: Any, id: str) -> None:
    """AWS Solutions Constructs: queue, dead-letter queue and key policies; no alarms."""
    from aws_solutions_constructs.aws_sqs_lambda import SqsToLambda

    function, _ = _shared
    SqsToLambda(stack, id, existing_lambda_obj=function)


VARIANTS = {
    "SqsPoll": sqs_poll,
    "hand-written": hand_written,
    "Solutions Constructs": solutions_constructs,
}


def main() -> None:
    """Print the comparison."""
    compare("bench.sqs_poll", "SqsPoll", "hand-written", "Solutions Constructs")


if __name__ == "__main__":
    run_variant(VARIANTS, prepare)
