"""Asynchronous pattern with destinations: a record of every message ends in one of two queues."""

from pathlib import Path
from typing import Any

from apps._common import define_function, define_on_call
from apps.error_handling._asynchronous import acknowledge_destination, acknowledge_queues, define_results

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from patterns.async_dlq import AsyncDlq, SnsAsync

HANDLERS = Path(__file__).parent / "handlers" / "asynchronous"


class DestinationsStack(cdk.Stack):
    """Topic → function; on success and on failure a record goes to a queue, what cannot be delivered to a third.

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
        results = define_results(self, "Results")
        net = AsyncDlq(self, "Net", function=function, on_success=results, alarm_actions=on_call)
        source = SnsAsync(self, "Source", function=function, net=net, alarm_actions=on_call)
        acknowledge_destination(function)
        acknowledge_queues(net.on_failure, source.undelivered)
        cdk.CfnOutput(self, "TopicArn", value=source.topic.topic_arn)
        cdk.CfnOutput(self, "FunctionName", value=function.function_name)
        cdk.CfnOutput(self, "ResultsUrl", value=results.queue_url)
        cdk.CfnOutput(self, "FailuresUrl", value=net.on_failure.queue_url)
        cdk.CfnOutput(self, "UndeliveredUrl", value=source.undelivered.queue_url)
