"""Asynchronous pattern with a bus as destination: who wants to know of a result adds a rule, and no code."""

from pathlib import Path
from typing import Any

from apps._common import define_function, define_on_call
from apps.error_handling._asynchronous import acknowledge_destination, acknowledge_queues

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from constructs import Construct

from patterns.async_dlq import AsyncDlq, EventBridgeAsync, SnsAsync

HANDLERS = Path(__file__).parent / "handlers" / "asynchronous"


class EventBusStack(cdk.Stack):
    """Topic → function → bus → two consumers: one for what was processed, one for what failed.

    Each consumer is a function that is invoked asynchronously, so each has nets of its own.

    Args:
        scope: the app.
        id: name of the stack.
        options: passed to ``aws_cdk.Stack``.
    """

    def __init__(self, scope: Construct, id: str, **options: Any) -> None:
        super().__init__(scope, id, **options)
        on_call = [actions.SnsAction(define_on_call(self))]
        timeout = cdk.Duration.seconds(15)
        function = define_function(self, "Function", HANDLERS, "asynchronous.from_topic", timeout=timeout)
        results: Any = events.EventBus(self, "Results")
        net = AsyncDlq(self, "Net", function=function, on_failure=results, on_success=results, alarm_actions=on_call)
        source = SnsAsync(self, "Source", function=function, net=net, alarm_actions=on_call)
        cdk.CfnOutput(self, "TopicArn", value=source.topic.topic_arn)
        cdk.CfnOutput(self, "BusName", value=results.event_bus_name)
        cdk.CfnOutput(self, "UndeliveredUrl", value=source.undelivered.queue_url)
        acknowledge_destination(function)
        acknowledge_queues(source.undelivered)
        archive = cdk.Duration.days(7)
        for result, name, rule_name in (("Success", "OnSuccess", "Successes"), ("Failure", "OnFailure", "Failures")):
            consumer = define_function(self, name, HANDLERS, "asynchronous.from_bus", timeout=timeout)
            rule = EventBridgeAsync(
                self,
                rule_name,
                function=consumer,
                bus=results,
                # By detail-type alone: the source that Lambda gives its records is not the same everywhere.
                event_pattern={"detail-type": [f"Lambda Function Invocation Result - {result}"]},
                archive=archive,
                alarm_actions=on_call,
            )
            archive = None  # one archive holds everything that the bus carries
            acknowledge_destination(consumer)
            acknowledge_queues(rule.undelivered, rule.net.on_failure)
            cdk.CfnOutput(self, f"{name}Name", value=consumer.function_name)
            cdk.CfnOutput(self, f"{name}FailuresUrl", value=rule.net.on_failure.queue_url)
