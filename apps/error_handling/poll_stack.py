"""Poll pattern: messages wait in a queue; what the function cannot process ends in the dead-letter queue."""

from pathlib import Path
from typing import Any

from apps._common import acknowledge_polling, define_function, define_on_call

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from patterns.sqs_poll import SqsPoll

HANDLERS = Path(__file__).parent / "handlers" / "poll"


class PollStack(cdk.Stack):
    """Queue → function. ``{"pass": true}`` is processed, ``{"pass": false}`` fails on every receive.

    Args:
        scope: the app.
        id: name of the stack.
        function_timeout: the function's timeout; the visibility timeout is 6 times as long. Default: 15 seconds.
        max_receive_count: receives before a message moves to the dead-letter queue. Default: 5.
        options: passed to ``aws_cdk.Stack``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function_timeout: cdk.Duration | None = None,
        max_receive_count: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(scope, id, **options)
        function = define_function(
            self, "Function", HANDLERS, "poll.handler", timeout=function_timeout or cdk.Duration.seconds(15)
        )
        poll = SqsPoll(
            self,
            "Poll",
            function=function,
            max_receive_count=max_receive_count,
            alarm_actions=[actions.SnsAction(define_on_call(self))],
        )
        assert poll.dead_letters is not None
        acknowledge_polling(function, poll.mapping, poll.dead_letters)
        cdk.CfnOutput(self, "QueueUrl", value=poll.queue.queue_url)
        cdk.CfnOutput(self, "DeadLettersUrl", value=poll.dead_letters.queue_url)
        cdk.CfnOutput(self, "FunctionName", value=function.function_name)
