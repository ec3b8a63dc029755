"""EventBridgeAsync: a rule or a schedule on an event bus invokes a function; what fails either way is kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patterns._checks import is_a, is_token_text, seconds, warn, whole_seconds, within

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns._alarms import Alarms, alarm_actions_checked
from patterns._json import keep_as_written, plain
from patterns._permissions import DeadLetters, Sender, allow_dead_letters, dead_letters_checked
from patterns._places import refuse_elsewhere, stack_of
from patterns._queues import define_dead_letters
from patterns.async_dlq._link import allow_invoking, check_key, check_net, define_net, refuse_return
from patterns.async_dlq.destinations import Destination
from patterns.async_dlq.expressions import check_expression
from patterns.async_dlq.invoked import Invoked, invoked
from patterns.async_dlq.net import AsyncDlq
from patterns.errors import PatternError
from patterns.flow import limits
from patterns.flow.filters import Scope, check_event_pattern, match

A_BUS = "an event bus (aws_events.IEventBus)"
A_SCHEDULE = "a schedule (aws_events.Schedule)"
EVENTBRIDGE = "EventBridge"
DEFAULT_BUS = "default"


class EventBridgeAsync(Construct):
    """A rule that invokes a function; what cannot be delivered and what cannot be processed each have their queue.

    What happens to an event: the bus compares it with ``event_pattern``; an event that no rule matches is discarded.
    A match is handed to Lambda, and EventBridge is done when Lambda has accepted it; whether the function works is not
    EventBridge's business (see ``AsyncDlq`` for that, it is the second net here). **These retries are not the
    function's**: when Lambda cannot be reached EventBridge tries ``retry_attempts`` times within ``max_event_age``;
    when the function is gone, or may not be invoked, it does not try again. Then the event goes to ``undelivered``.

    Args:
        scope: the construct or stack that this belongs to.
        id: its name there.
        function: a Lambda function, version or alias, in any runtime and in any stack of the Region.
        event_pattern: which events, as EventBridge documents it (``{"source": ["shop"], "detail-type": ["Ordered"]}``).
            One of this and ``schedule``.
            https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
        schedule: when, for example ``events.Schedule.rate(Duration.hours(1))``, in UTC. On the default bus only.
        bus: the event bus, of this account and Region. Default: the account's default bus.
        retry_attempts: how often EventBridge tries again to reach Lambda, 0 to 185. Default: 185.
            https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
        max_event_age: how long EventBridge tries, 60 to 86,400 seconds. Default: 24 hours.
        archive: keep a copy of events for so long, whole days, to replay them; 0 days keep them for ever. On a custom
            bus it is every event, those that match no rule too; on the default bus, those that match. Default: none.
            https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
        undelivered: the standard queue for what could not be delivered. Default: one is defined, encrypted, TLS only,
            14 days, retained when the stack is deleted.
        net: the function's own net, for what could not be processed. Default: an ``AsyncDlq`` with its defaults; a
            function that has one already (it has several sources, or other settings are wanted) needs that one here.
        encryption_key: a customer-managed KMS key for the queues that are defined here; EventBridge and the function's
            role are allowed to use it. Default: SQS-managed encryption.
        alarm_actions: what every alarm here does, for example ``[SnsAction(topic)]``. Default: nothing, with a synth
            warning that nobody is told.

    Attributes:
        rule: the rule.
        undelivered: the queue for what could not be delivered.
        net: the function's own net; ``net.on_failure`` has what could not be processed.
        archive: the archive, or ``None``.
        alarms: the alarms: an event in ``undelivered``, its oldest event past half of the retention there, an event
            that could not be delivered, and one that could not even be put into ``undelivered``. The net has its own.

    Raises:
        PatternError: an argument that AWS or the CDK would refuse later, or would accept and lose events with;
            nothing has been created then.
    """

    rule: events.CfnRule
    undelivered: sqs.IQueue
    net: AsyncDlq
    archive: events.CfnArchive | None
    alarms: tuple[cloudwatch.Alarm, ...]

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.IFunction,
        event_pattern: Mapping[str, Any] | None = None,
        schedule: events.Schedule | None = None,
        bus: events.IEventBus | None = None,
        retry_attempts: int = limits.EVENTBRIDGE_RETRY_ATTEMPTS_DEFAULT,
        max_event_age: cdk.Duration | None = None,
        archive: cdk.Duration | None = None,
        undelivered: sqs.IQueue | None = None,
        net: AsyncDlq | None = None,
        encryption_key: kms.IKey | None = None,
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
    ) -> None:
        plan = _make_plan(
            stack_of(scope, id),
            function=function,
            event_pattern=event_pattern,
            schedule=schedule,
            bus=bus,
            retry_attempts=retry_attempts,
            max_event_age=max_event_age,
            archive=archive,
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

        of = events.CfnRule
        self.rule = of(
            self,
            "Rule",
            event_bus_name=plan.bus_name,
            event_pattern=plan.event_pattern,
            schedule_expression=schedule.expression_string if schedule is not None else None,
            state="ENABLED",
            targets=[
                of.TargetProperty(
                    id="Function",
                    arn=plan.invoked.arn,
                    dead_letter_config=of.DeadLetterConfigProperty(arn=self.undelivered.queue_arn),
                    retry_policy=of.RetryPolicyProperty(
                        maximum_retry_attempts=retry_attempts,
                        maximum_event_age_in_seconds=(
                            max_event_age.to_seconds()
                            if max_event_age is not None and plan.max_event_age is None
                            else plan.max_event_age
                        ),
                    ),
                )
            ],
        )
        if plan.event_pattern is not None:
            keep_as_written(self.rule, "EventPattern", plan.event_pattern)
        sender = Sender("events", self.rule.attr_arn, None)  # defined in this very stack
        allow_dead_letters(self, sender, self.undelivered, plan.dead_letters)
        allow_invoking(self, plan.invoked, sender.principal, sender.arn)
        self.archive = self._archive(bus, None if plan.bus_name else plan.event_pattern, plan.archive_days)
        self.alarms = self._tell(plan, actions)

    def _archive(
        self, bus: events.IEventBus | None, pattern: dict[str, Any] | None, days: int | None
    ) -> events.CfnArchive | None:
        if days is None:
            return None
        default = {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}
        arn = cdk.Token.as_string(default) if bus is None else bus.event_bus_arn
        archive = events.CfnArchive(self, "Archive", source_arn=arn, event_pattern=pattern, retention_days=days)
        if pattern is not None:
            keep_as_written(archive, "EventPattern", pattern)
        return archive

    def _tell(self, plan: "_Plan", actions: Sequence[cloudwatch.IAlarmAction]) -> tuple[cloudwatch.Alarm, ...]:
        alarms = Alarms(self, actions)
        alarms.kept_messages(
            "Undelivered", self.undelivered, plan.dead_letters.retention, "An event could not be delivered"
        )
        dimensions = {"RuleName": self.rule.ref}
        if plan.bus_name is not None:
            # Metrics of a rule on a custom bus have both dimensions; an alarm on one of them alone never gets data.
            # Its reference is "<bus>|<rule>"; the name alone is the end of its ARN, "…:rule/<bus>/<rule>".
            # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
            last = 2 + plan.bus_name.count("/")  # a partner's bus has slashes in its name
            dimensions = {
                "EventBusName": plan.bus_name,
                "RuleName": cdk.Fn.select(last, cdk.Fn.split("/", self.rule.attr_arn)),
            }
        for name, metric, means in _TOLD:
            alarms.over(
                name,
                cloudwatch.Metric(
                    namespace="AWS/Events",
                    metric_name=metric,
                    dimensions_map=dimensions,
                    statistic="Sum",
                    period=seconds(60),
                ),
                0,
                means,
            )
        return tuple(alarms.made)


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
_TOLD = (
    ("DeliveryFailed", "FailedInvocations", "EventBridge could not deliver an event to the function."),
    (
        "DeadLetterFailed",
        "InvocationsFailedToBeSentToDlq",
        "EventBridge could not put an undelivered event into its dead-letter queue: it is lost.",
    ),
)


@dataclass(frozen=True, slots=True)
class _Plan:
    invoked: Invoked
    event_pattern: Any  # dict; None for a schedule
    bus_name: str | None  # of a custom bus
    max_event_age: int | None
    archive_days: int | None
    dead_letters: DeadLetters
    warnings: tuple[tuple[str, str], ...]


def _make_plan(
    stack: cdk.Stack,
    *,
    function: Any,
    event_pattern: Any,
    schedule: Any,
    bus: Any,
    retry_attempts: Any,
    max_event_age: Any,
    archive: Any,
    undelivered: Any,
    net: Any,
    encryption_key: Any,
) -> _Plan:
    warnings: list[tuple[str, str]] = []
    target = invoked("function", function)
    refuse_elsewhere("function", target.behind, stack)
    if (event_pattern is None) == (schedule is None):
        given = "neither" if schedule is None else "both"
        raise PatternError(f"event_pattern or schedule must be given, one of the two, got {given}")
    if event_pattern is not None:
        check_event_pattern(event_pattern, argument="event_pattern")
        _check_envelope(event_pattern, "event_pattern")
    elif isinstance(schedule, events.Schedule):
        check_expression("schedule", schedule.expression_string, once=False)
    else:
        raise PatternError(f"schedule must be {A_SCHEDULE}, got {schedule!r}")
    bus_name = _custom_bus_name(bus)
    if bus is not None:
        refuse_elsewhere("bus", bus, stack)
    if schedule is not None and bus is not None and bus_name is not None:
        raise PatternError(
            f"bus must be left out for a schedule: EventBridge runs schedules on the default bus only, "
            f"got {bus.node.path}"
        )
    if retry_attempts is None:
        raise PatternError("retry_attempts must be 0 to 185, got None")
    within("retry_attempts", retry_attempts, *limits.EVENTBRIDGE_RETRY_ATTEMPTS)
    age = whole_seconds("max_event_age", max_event_age, *limits.EVENTBRIDGE_EVENT_AGE_SECONDS)
    if max_event_age is None:
        age = limits.EVENTBRIDGE_EVENT_AGE_DEFAULT
    days = _archive_days(archive, schedule)
    dead_letters = dead_letters_checked("undelivered", undelivered, encryption_key, EVENTBRIDGE, warnings)
    check_key(encryption_key, stack, undelivered=undelivered, net=net)
    if undelivered is not None:
        refuse_elsewhere("undelivered", undelivered, stack, account=False)
    check_net(net, target)
    if event_pattern is not None:
        refuse_return(
            net,
            "bus",
            lambda destination: (
                _is_bus(destination, bus, bus_name)
                and any(match(event_pattern, Scope.EVENTBRIDGE, r) for r in _records(target, destination, stack))
            ),
        )
    return _Plan(target, plain(event_pattern), bus_name, age, days, dead_letters, tuple(warnings))


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html, and replays carry replay-name.
_ENVELOPE = (
    "account",
    "detail",
    "detail-type",
    "id",
    "region",
    "replay-name",
    "resources",
    "source",
    "time",
    "version",
)


def _check_envelope(pattern: Mapping[str, Any], where: str) -> None:
    """Refuse a key that no event has: EventBridge takes it, and the rule never matches (or matches what it should not).

    Raises:
        PatternError: such a key, beside the one that may have been meant.
    """
    for key, value in pattern.items():
        if key == "$or" and isinstance(value, (list, tuple)):
            for i, branch in enumerate(value):
                _check_envelope(branch, f"{where}.$or[{i}]")
        elif key not in _ENVELOPE:
            raise PatternError(f"{where} must have keys of an event only, {', '.join(_ENVELOPE)} or $or, got {key!r}")


def _custom_bus_name(bus: Any) -> str | None:
    """The name of a custom bus; ``None`` for the default bus, however it was given."""
    if bus is None:
        return None
    is_a("bus", bus, "event_bus_arn", A_BUS)
    name = bus.event_bus_name
    return None if name == DEFAULT_BUS or (not is_token_text(name) and name.endswith("/default")) else name


def _records(target: Invoked, destination: Destination, stack: cdk.Stack) -> Iterator[dict[str, Any]]:
    """What Lambda puts on a bus about an invocation, where the event itself is an empty object.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    region, account, partition = (
        known if not is_token_text(known) else otherwise
        for known, otherwise in (
            (stack.region, "us-east-1"),
            (stack.account, "111122223333"),
            (stack.partition, "aws"),
        )
    )
    arn = f"arn:{partition}:lambda:{region}:{account}:function:name:{target.qualifier}"
    bus = (
        destination.arn
        if not is_token_text(destination.arn)
        else f"arn:{partition}:events:{region}:{account}:event-bus/"
    )
    for source in ("lambda", "aws.lambda"):
        for result, condition in (("Failure", "RetriesExhausted"), ("Success", "Success")):
            yield {
                "version": "0",
                "id": "00000000-0000-0000-0000-000000000000",
                "detail-type": f"Lambda Function Invocation Result - {result}",
                "source": source,
                "account": account,
                "time": "2026-01-01T00:00:00Z",
                "region": region,
                "resources": [bus, arn],
                "detail": {
                    "version": "1.0",
                    "timestamp": "2026-01-01T00:00:00.000Z",
                    "requestContext": {
                        "requestId": "00000000-0000-0000-0000-000000000000",
                        "functionArn": arn,
                        "condition": condition,
                        "approximateInvokeCount": 1,
                    },
                    "requestPayload": {},
                    "responseContext": {"statusCode": 200, "executedVersion": target.qualifier},
                    "responsePayload": {},
                },
            }


def _is_bus(destination: Destination, bus: Any, custom: str | None) -> bool:
    if destination.kind != "bus":
        return False
    return destination.arn.endswith(":event-bus/default") if custom is None else destination.arn == bus.event_bus_arn


def _archive_days(archive: Any, schedule: Any) -> int | None:
    if archive is None:
        return None
    if not isinstance(archive, cdk.Duration):
        raise PatternError(f"archive must be an aws_cdk.Duration of whole days, got {archive!r}")
    if schedule is not None:
        raise PatternError(
            "archive must be left out for a schedule: its events are made for the target alone, no archive sees them"
            f", got {archive.to_human_string()}"
        )
    try:
        days = archive.to_days(integral=False)
    except RuntimeError:  # a token in another unit cannot be converted
        days = -1.0
    if days < 0 or days != int(days):
        shown = "a token" if days < 0 else f"{days:g} days"
        raise PatternError(f"archive must be an aws_cdk.Duration of whole days, 0 or more, got {shown}")
    return int(days)
