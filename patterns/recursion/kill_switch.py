"""KillSwitch: an alarm sets a function's reserved concurrency to 0, and a person switches it on again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from patterns._checks import is_a, seconds

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns._alarms import Alarms, alarm_actions_checked
from patterns._checks import has
from patterns._functions import A_FUNCTION
from patterns._places import refuse_elsewhere, stack_of
from patterns._queues import LONGEST_RETENTION, define_dead_letters
from patterns.errors import PatternError

AN_ALARM = "an alarm that takes actions (aws_cloudwatch.Alarm or CompositeAlarm)"
# What cdk-nag's Serverless pack would ask of the switch, and whoever uses it could not change.
_ACKNOWLEDGED = {
    "LambdaDLQ": "its on-failure destination keeps what it could not do",
    "LambdaTracing": "it makes one call, when an alarm fires; X-Ray would need a right on every resource",
}
_CODE = Path(__file__).with_name("kill_switch_handler.py")


class KillSwitch(Construct):
    """An alarm that switches a function off: its reserved concurrency becomes 0, and nothing invokes it any more.

    What happens to a message from then on: one that a queue is polled for is received, throttled and, after its
    maximum of receives, in the queue's dead-letter queue. An asynchronous event goes straight to the function's
    on-failure destination or dead-letter queue, and is lost where it has none. A caller that waits gets a
    ``TooManyRequestsException``. https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html

    Nothing switches the function on again by itself. A deployment does when it changes the reserved concurrency in the
    template; ``aws lambda delete-function-concurrency --function-name NAME`` does at once (or
    ``put-function-concurrency`` with what was reserved before).

    Args:
        scope: the construct or stack that this belongs to.
        id: its name there.
        function: the function to switch off, with all its versions and aliases, in this account and Region.
        alarm: what switches it off, when it goes to ALARM; in the same stack as this.
        alarm_actions: what the alarms on the switch itself do. Default: nothing, with a synth warning that nobody is
            told.

    Attributes:
        switch: the function that does it, which may do nothing else.
        dead_letters: keeps what the switch could not do after three tries, 14 days.
        alarms: the alarms on ``dead_letters``.

    Raises:
        PatternError: no function, no alarm, or an alarm in another stack.
    """

    switch: lambda_.Function
    dead_letters: sqs.Queue
    alarms: tuple[cloudwatch.Alarm, ...]

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.IFunction,
        alarm: cloudwatch.AlarmBase,
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
    ) -> None:
        here = stack_of(scope, id)
        is_a("function", function, "function_arn", A_FUNCTION)
        behind: Any = function.lambda_ if has(function, "lambda_") else function  # pyright: ignore[reportAttributeAccessIssue]
        refuse_elsewhere("function", behind, here)
        is_a("alarm", alarm, "add_alarm_action", AN_ALARM)
        if not cdk.Resource.is_owned_resource(alarm):
            raise PatternError(
                "alarm must be defined in this app: the action of an imported alarm cannot be set, it would switch "
                f"nothing off, got {alarm.node.path}"
            )
        there = alarm.stack
        if here is not there:
            raise PatternError(
                "alarm must be in the stack of the kill switch, each needs the other's ARN: "
                f"{here.node.path}, got one in {there.node.path}"
            )
        told = alarm_actions_checked(alarm_actions)
        super().__init__(scope, id)
        arn = behind.function_arn
        group = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.SIX_MONTHS, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        self.dead_letters = define_dead_letters(self, "DeadLetters")
        to: Any = destinations.SqsDestination(self.dead_letters)
        role: Any = self._role(arn, group.log_group_arn)
        log_group: Any = group
        self.switch = lambda_.Function(
            self,
            "Switch",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_inline(_CODE.read_text(encoding="utf-8")),
            timeout=seconds(30),
            memory_size=256,
            environment={"FUNCTION": arn},
            log_group=log_group,
            role=role,
            on_failure=to,
            description="Sets the reserved concurrency of another function to 0 when an alarm says so",
        )
        for rule, reason in _ACKNOWLEDGED.items():
            cdk.Validations.of(self.switch).acknowledge(
                cdk.Acknowledgment(id=f"Serverless::Serverless-{rule}", reason=reason)
            )
        switch: Any = self.switch
        action: Any = actions.LambdaAction(switch, use_unique_permission_id=True)
        alarm.add_alarm_action(action)
        alarms = Alarms(self, told)
        alarms.kept_messages(
            "DeadLetters", self.dead_letters, LONGEST_RETENTION, "A function could not be switched off"
        )
        self.alarms = tuple(alarms.made)

    def _role(self, function_arn: str, log_group_arn: str) -> iam.Role:
        assumed_by: Any = iam.ServicePrincipal("lambda.amazonaws.com")
        role = iam.Role(self, "Role", assumed_by=assumed_by)
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:PutFunctionConcurrency"], resources=[function_arn]))
        # A log group's ARN ends in ":*", which stands for its streams.
        role.add_to_policy(
            iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group_arn])
        )
        return role
