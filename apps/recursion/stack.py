"""A function that reads one queue and writes another; in the broken twin both are the same."""

from pathlib import Path
from typing import Any

from apps._common import acknowledge, acknowledge_polling, define_function, define_on_call

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns.recursion import RecursionGuard
from patterns.sqs_poll import SqsPoll

HANDLERS = Path(__file__).parent / "handlers" / "orders"


class OrdersStack(cdk.Stack):
    """Source queue → function → target queue, with Lambda's loop detection, its alarm and a dead-letter queue.

    Args:
        scope: the app.
        id: name of the stack.
        repaired: whether orders go on to the target queue. In the broken twin the function's target is its own source:
            the mistake of one environment variable. After 16 rounds Lambda stops the order, SQS offers it again until
            its receives are used up, and it ends in the dead-letter queue.
        function_timeout: the function's timeout; the visibility timeout is 6 times as long. Default: 20 seconds.
        max_receive_count: receives before an order moves to the dead-letter queue. Default: 5.
        options: passed to ``aws_cdk.Stack``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        repaired: bool,
        function_timeout: cdk.Duration | None = None,
        max_receive_count: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(scope, id, **options)
        on_call = [actions.SnsAction(define_on_call(self))]
        function = define_function(
            self, "Function", HANDLERS, "orders.handler", timeout=function_timeout or cdk.Duration.seconds(20)
        )
        orders = SqsPoll(
            self,
            "Orders",
            function=function,
            batch_size=1,  # of a larger batch the longest lineage counts, and all of it would be stopped
            max_receive_count=max_receive_count,
            alarm_actions=on_call,
        )
        processed = sqs.Queue(
            self,
            "Processed",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        target = processed if repaired else orders.queue
        target.grant_send_messages(function)
        function.add_environment("SOURCE_QUEUE_URL", orders.queue.queue_url)
        function.add_environment("TARGET_QUEUE_URL", target.queue_url)
        RecursionGuard(self, "Loops", function=function, alarm_actions=on_call)

        assert orders.dead_letters is not None
        acknowledge_polling(function, orders.mapping, orders.dead_letters)
        for plugin, rule in (("Serverless", "Serverless-SQSRedrivePolicy"), ("AwsSolutions", "AwsSolutions-SQS3")):
            acknowledge(processed, plugin, rule, "another system fetches the orders from here, and has its own")
        cdk.CfnOutput(self, "QueueUrl", value=orders.queue.queue_url)
        cdk.CfnOutput(self, "TargetUrl", value=processed.queue_url)
        cdk.CfnOutput(self, "DeadLettersUrl", value=orders.dead_letters.queue_url)
        cdk.CfnOutput(self, "FunctionName", value=function.function_name)
