"""ScheduleAsync: EventBridge Scheduler invokes a function at its times; what fails either way is kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patterns._checks import flag, seconds, warn, whole_seconds, within

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns._alarms import Alarms, alarm_actions_checked
from patterns._keys import may_use
from patterns._permissions import (
    ACCOUNT,
    KEY_ACTIONS,
    DeadLetters,
    allow_key,
    dead_letters_checked,
    service,
)
from patterns._places import refuse_elsewhere, stack_of
from patterns._queues import define_dead_letters
from patterns.async_dlq._link import check_key, check_net, define_net
from patterns.async_dlq.expressions import check_expression, check_time_zone
from patterns.async_dlq.invoked import Invoked, invoked
from patterns.async_dlq.net import AsyncDlq
from patterns.errors import PatternError
from patterns.flow import limits

A_SCHEDULE = "a schedule expression (aws_scheduler.ScheduleExpression)"
SCHEDULER = "EventBridge Scheduler"
PRINCIPAL = "scheduler.amazonaws.com"


class ScheduleAsync(Construct):
    """A schedule that invokes a function; a run that cannot be started and one that fails each have their queue.

    What happens to a run: at its time Scheduler hands the input to Lambda, and is done when Lambda has accepted it;
    whether the function works is not Scheduler's business (see ``AsyncDlq`` for that, it is the second net here). When
    Lambda cannot be reached, Scheduler tries ``retry_attempts`` times within ``max_event_age``. Then the run goes to
    ``undelivered``, by the same role that invokes the function.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html

    Args:
        scope: the construct or stack that this belongs to.
        id: its name there.
        function: a Lambda function, version or alias, in any runtime and in any stack of the Region.
        schedule: when, with its time zone, for example ``ScheduleExpression.cron(hour="3", minute="0")``.
        input: the event that the function gets, a JSON object. Default: Scheduler's own, which names the schedule.
        enabled: whether the schedule runs. Default: yes.
        retry_attempts: how often Scheduler tries again to reach Lambda, 0 to 185. Default: 185.
            https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
        max_event_age: how long Scheduler tries, 60 to 86,400 seconds. Default: 24 hours.
        undelivered: the standard queue for runs that could not be started. Default: one is defined, encrypted, TLS
            only, 14 days, retained when the stack is deleted.
        net: the function's own net, for what could not be processed. Default: an ``AsyncDlq`` with its defaults; a
            function that has one already (it has several sources, or other settings are wanted) needs that one here.
        encryption_key: a customer-managed KMS key for the queues that are defined here; Scheduler, its role and the
            function's role are allowed to use it. Default: SQS-managed encryption.
        alarm_actions: what every alarm here does, for example ``[SnsAction(topic)]``. Default: nothing, with a synth
            warning that nobody is told.

    Attributes:
        schedule: the schedule.
        group: its schedule group, of its own: Scheduler counts failures for a group.
        role: what Scheduler assumes, for this group alone: it may invoke the function and send to ``undelivered``.
        undelivered: the queue for runs that could not be started.
        net: the function's own net; ``net.on_failure`` has what could not be processed.
        alarms: the alarms: a run in ``undelivered``, its oldest past half of the retention there, a run that was
            dropped, and one that could not even be put into ``undelivered``. The net has its own.

    Raises:
        PatternError: an argument that AWS or the CDK would refuse later, or would accept and lose runs with; nothing
            has been created then.
    """

    schedule: scheduler.CfnSchedule
    group: scheduler.CfnScheduleGroup
    role: iam.Role
    undelivered: sqs.IQueue
    net: AsyncDlq
    alarms: tuple[cloudwatch.Alarm, ...]

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.IFunction,
        schedule: scheduler.ScheduleExpression,
        input: Mapping[str, Any] | None = None,
        enabled: bool = True,
        retry_attempts: int = limits.EVENTBRIDGE_RETRY_ATTEMPTS_DEFAULT,
        max_event_age: cdk.Duration | None = None,
        undelivered: sqs.IQueue | None = None,
        net: AsyncDlq | None = None,
        encryption_key: kms.IKey | None = None,
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
    ) -> None:
        plan = _make_plan(
            stack_of(scope, id),
            function=function,
            schedule=schedule,
            input=input,
            enabled=enabled,
            retry_attempts=retry_attempts,
            max_event_age=max_event_age,
            undelivered=undelivered,
            net=net,
            encryption_key=encryption_key,
        )
        actions = alarm_actions_checked(alarm_actions)
        super().__init__(scope, id)
        for rule, message in plan.warnings:
            warn(self, rule, message)
        self.undelivered = undelivered or define_dead_letters(self, "Undelivered", key=encryption_key)
        self.net = define_net(self, net, function, encryption_key, actions)
        self.group = scheduler.CfnScheduleGroup(self, "Group")
        group_arn = self.group.attr_arn
        self.role = iam.Role(
            self,
            "Role",
            # The confused deputy, as Scheduler documents it: by group, because a schedule names this role.
            # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
            assumed_by=service(PRINCIPAL, {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": group_arn}}),
        )
        policy = self._allow(plan)
        of = scheduler.CfnSchedule
        self.schedule = of(
            self,
            "Schedule",
            group_name=self.group.ref,
            schedule_expression=schedule.expression_string,
            schedule_expression_timezone=plan.time_zone,
            flexible_time_window=of.FlexibleTimeWindowProperty(mode="OFF"),
            state="ENABLED" if enabled else "DISABLED",
            target=of.TargetProperty(
                arn=plan.invoked.arn,
                role_arn=self.role.role_arn,
                input=plan.input,
                dead_letter_config=of.DeadLetterConfigProperty(arn=self.undelivered.queue_arn),
                retry_policy=of.RetryPolicyProperty(
                    maximum_retry_attempts=retry_attempts,
                    maximum_event_age_in_seconds=(
                        max_event_age.to_seconds()
                        if max_event_age is not None and plan.max_event_age is None
                        else plan.max_event_age
                    ),
                ),
            ),
        )
        self.schedule.node.add_dependency(policy)

        alarms = Alarms(self, actions)
        alarms.kept_messages("Undelivered", self.undelivered, plan.dead_letters.retention, "A run could not be started")
        dimensions = {"ScheduleGroup": self.group.ref}
        for name, metric, means in _TOLD:
            alarms.over(
                name,
                cloudwatch.Metric(
                    namespace="AWS/Scheduler",
                    metric_name=metric,
                    dimensions_map=dimensions,
                    statistic="Sum",
                    period=seconds(60),
                ),
                0,
                means,
            )
        self.alarms = tuple(alarms.made)

    def _allow(self, plan: "_Plan") -> iam.Policy:
        statements = [
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[plan.invoked.arn]),
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.undelivered.queue_arn]),
        ]
        key = plan.dead_letters.key
        if key is not None:
            statements += may_use(key, KEY_ACTIONS)
            allow_key(self, key, PRINCIPAL, {"StringEquals": {"aws:SourceAccount": ACCOUNT}})
        role: Any = self.role
        return iam.Policy(self, "Run", statements=statements, roles=[role])


# https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html; Scheduler counts for a group.
_TOLD = (
    ("RunDropped", "InvocationDroppedCount", "Scheduler gave up a run that it could not start."),
    (
        "DeadLetterFailed",
        "InvocationsFailedToBeSentToDeadLetterCount",
        "Scheduler could not put a run that it gave up into its dead-letter queue: it is lost.",
    ),
)


@dataclass(frozen=True, slots=True)
class _Plan:
    invoked: Invoked
    time_zone: str | None
    input: str | None
    max_event_age: int | None
    dead_letters: DeadLetters
    warnings: tuple[tuple[str, str], ...]


def _make_plan(
    stack: cdk.Stack,
    *,
    function: Any,
    schedule: Any,
    input: Any,
    enabled: Any,
    retry_attempts: Any,
    max_event_age: Any,
    undelivered: Any,
    net: Any,
    encryption_key: Any,
) -> _Plan:
    warnings: list[tuple[str, str]] = []
    target = invoked("function", function)
    refuse_elsewhere("function", target.behind, stack)
    if not isinstance(schedule, scheduler.ScheduleExpression):
        raise PatternError(f"schedule must be {A_SCHEDULE}, got {schedule!r}")
    check_expression("schedule", schedule.expression_string, once=True)
    zone = schedule.time_zone
    zone_name = zone.timezone_name if zone is not None else None
    if zone_name is not None:
        check_time_zone("schedule", zone_name)
    text = None
    if input is not None:
        if not isinstance(input, Mapping):
            raise PatternError(f"input must be a JSON object, as a mapping, got {input!r}")
        try:
            text = json.dumps(dict(input), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise PatternError(f"input must be a JSON object: {error}, got {input!r}") from None
        except RecursionError:
            raise PatternError("input must be a JSON object, got one nested too deep to write") from None
        size = len(text.encode())
        if size > limits.SCHEDULER_INPUT_BYTES:
            raise PatternError(f"input must be at most {limits.SCHEDULER_INPUT_BYTES} bytes as JSON, got {size}")
    flag("enabled", enabled)
    if retry_attempts is None:
        raise PatternError("retry_attempts must be 0 to 185, got None")
    within("retry_attempts", retry_attempts, *limits.EVENTBRIDGE_RETRY_ATTEMPTS)
    age = whole_seconds("max_event_age", max_event_age, *limits.EVENTBRIDGE_EVENT_AGE_SECONDS)
    if max_event_age is None:
        age = limits.EVENTBRIDGE_EVENT_AGE_DEFAULT
    dead_letters = dead_letters_checked("undelivered", undelivered, encryption_key, SCHEDULER, warnings)
    check_key(encryption_key, stack, undelivered=undelivered, net=net)
    if undelivered is not None:
        refuse_elsewhere("undelivered", undelivered, stack, account=False)
    check_net(net, target)
    return _Plan(target, zone_name, text, age, dead_letters, tuple(warnings))
