"""Asynchronous pattern with a dead-letter queue: the event itself is kept, as the function got it."""

from pathlib import Path
from typing import Any

from apps._common import acknowledge, define_function, define_on_call
from apps.error_handling._asynchronous import acknowledge_queues

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from patterns.async_dlq import AsyncDlq, SnsAsync

HANDLERS = Path(__file__).parent / "handlers" / "asynchronous"


class DeadLettersStack(cdk.Stack):
    """Topic → function with a dead-letter queue of its own; what cannot be delivered goes to another.

    Args:
        scope: the app.
        id: name of the stack.
        options: passed to ``aws_cdk.Stack``.
    """

    def __init__(self, scope: Construct, id: str, **options: Any) -> None:
        super().__init__(scope, id, **options)
        on_call = [actions.SnsAction(define_on_call(self))]
        function = define_function(
            self, "Function", HANDLERS, "asynchronous.from_topic", timeout=cdk.Duration.seconds(15)
        )
        net = AsyncDlq(self, "Net", function=function, raw_event=True, alarm_actions=on_call)
        source = SnsAsync(self, "Source", function=function, net=net, alarm_actions=on_call)
        acknowledge(
            net.config,
            "Serverless",
            "Serverless-LambdaAsyncFailureDestination",
            "the function's dead-letter queue keeps the event itself, which is what this stack shows",
        )
        acknowledge_queues(net.on_failure, source.undelivered)
        cdk.CfnOutput(self, "TopicArn", value=source.topic.topic_arn)
        cdk.CfnOutput(self, "FunctionName", value=function.function_name)
        cdk.CfnOutput(self, "FailuresUrl", value=net.on_failure.queue_url)
        cdk.CfnOutput(self, "UndeliveredUrl", value=source.undelivered.queue_url)
