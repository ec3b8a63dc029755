"""Two halves that differ in one setting: which limit holds the function back."""

from pathlib import Path
from typing import Any

from apps._common import acknowledge, acknowledge_polling, define_function, define_on_call

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from patterns.sqs_poll import SqsPoll

HANDLERS = Path(__file__).parent / "handlers" / "work"
LIMIT = 5  # concurrent executions, in both halves
WORK_SECONDS = 10

# The demonstration sets aside what SqsPoll would decide, in both halves alike, so that one burst shows the difference.
ON_PURPOSE = {
    "sqs-poll.max-receive-count": "1 receive: the first throttle sends a message to the dead-letter queue",
    "sqs-poll.visibility-timeout": "20 seconds: throttled messages come back while the demonstration is watched",
    "sqs-poll.reserved-concurrency": "what this half is here to show",
}
HAZARDS = {
    "sqs-max-receive-count-low": ON_PURPOSE["sqs-poll.max-receive-count"],
    "poll-visibility-short": ON_PURPOSE["sqs-poll.visibility-timeout"],
    "poll-no-maximum-concurrency": ON_PURPOSE["sqs-poll.reserved-concurrency"],
}


class Half(Construct):
    """A queue of one-message batches and a function that works on each for 10 seconds.

    Attributes:
        poll: the pattern.
        function: the function.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        on_call: cloudwatch.IAlarmAction,
        reserved_concurrency: int | None = None,
        max_concurrency: int | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.function = define_function(
            self,
            "Function",
            HANDLERS,
            "work.handler",
            timeout=cdk.Duration.seconds(15),
            environment={"WORK_SECONDS": str(WORK_SECONDS)},
            reserved_concurrent_executions=reserved_concurrency,
        )
        self.poll = SqsPoll(
            self,
            "Poll",
            function=self.function,
            batch_size=1,
            max_receive_count=1,
            visibility_timeout=cdk.Duration.seconds(20),
            max_concurrency=max_concurrency,
            alarm_actions=[on_call],
        )
        assert self.poll.dead_letters is not None
        acknowledge_polling(self.function, self.poll.mapping, self.poll.dead_letters)
        for rule, reason in ON_PURPOSE.items():
            cdk.Annotations.of(self.poll).acknowledge_warning(f"cdk-messaging-patterns:{rule}", reason)
        for rule, reason in HAZARDS.items():
            acknowledge(self.poll, "messaging-checks", rule, reason)


class MaxConcurrencyStack(cdk.Stack):
    """The two halves, and the dashboard that compares them.

    Args:
        scope: the app.
        id: name of the stack.
        options: passed to ``aws_cdk.Stack``.
    """

    def __init__(self, scope: Construct, id: str, **options: Any) -> None:
        super().__init__(scope, id, **options)
        on_call = actions.SnsAction(define_on_call(self))
        halves = {
            "reserved concurrency": Half(self, "Reserved", on_call=on_call, reserved_concurrency=LIMIT),
            "maximum concurrency": Half(self, "Maximum", on_call=on_call, max_concurrency=LIMIT),
        }
        dashboard = cloudwatch.Dashboard(self, "Dashboard")
        dashboard.add_widgets(*(_dead_letters(title, half.poll) for title, half in halves.items()))
        dashboard.add_widgets(*(_invocations(title, half.function) for title, half in halves.items()))
        dashboard.add_widgets(*(_concurrency(title, half.function) for title, half in halves.items()))
        for half in halves.values():
            name = half.node.id
            cdk.CfnOutput(self, f"{name}QueueUrl", value=half.poll.queue.queue_url)
            assert half.poll.dead_letters is not None
            cdk.CfnOutput(self, f"{name}DeadLettersUrl", value=half.poll.dead_letters.queue_url)
        cdk.CfnOutput(self, "DashboardName", value=dashboard.dashboard_name)


def _dead_letters(title: str, poll: SqsPoll) -> cloudwatch.IWidget:
    assert poll.dead_letters is not None
    metric = poll.dead_letters.metric_approximate_number_of_messages_visible(
        period=cdk.Duration.minutes(15), statistic="Maximum", label="good messages in the dead-letter queue"
    )
    return cloudwatch.SingleValueWidget(title=f"Dead letters: {title}", metrics=[metric], width=12, height=4)


def _invocations(title: str, function: lambda_.Function) -> cloudwatch.IWidget:
    metric = function.metric_invocations(period=cdk.Duration.minutes(15), label="invocations")
    return cloudwatch.SingleValueWidget(title=f"Processed: {title}", metrics=[metric], width=12, height=4)


def _concurrency(title: str, function: lambda_.Function) -> cloudwatch.IWidget:
    minute = cdk.Duration.minutes(1)
    return cloudwatch.GraphWidget(
        title=f"Concurrency and throttles: {title}",
        left=[function.metric("ConcurrentExecutions", period=minute, statistic="Maximum")],
        right=[function.metric_throttles(period=minute)],
        width=12,
        height=6,
    )
