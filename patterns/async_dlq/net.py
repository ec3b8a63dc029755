"""AsyncDlq: what Lambda does with an event that a function could not process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from patterns._checks import flag, has, is_a, plain_number, seconds, warn, whole_seconds, within

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns._alarms import Alarms, alarm_actions_checked
from patterns._keys import MANAGED_BY_AWS
from patterns._places import refuse_elsewhere, stack_of
from patterns._queues import A_KEY, LONGEST_RETENTION, define_dead_letters
from patterns.async_dlq.destinations import Destination, destination_checked, retention_of
from patterns.async_dlq.invoked import Invoked, invoked
from patterns.errors import PatternError
from patterns.flow import limits

FAILURE_KINDS = ("queue", "topic", "bus", "function", "bucket")
SUCCESS_KINDS = ("queue", "topic", "bus", "function")
RAW_KINDS = ("queue", "topic")
SHORT_EVENT_AGE = 600
_CONFIGURED = "EventInvokeConfig"  # the id that the CDK's own configure_async_invoke takes, and refuses to take twice


class AsyncDlq(Construct):
    """The net of a function that is invoked asynchronously: what it cannot process is kept, and an alarm tells.

    What happens to an event: SNS, EventBridge, S3, Scheduler or an ``Invoke`` of type ``Event`` hands it to Lambda,
    which puts it into a queue of its own and answers at once; the sender is done. Lambda invokes the function. It
    fails or times out: Lambda waits one minute and tries again, then two minutes, then gives up. It is throttled, or
    Lambda has a fault: tried again, up to five minutes apart, until ``max_event_age``. When Lambda gives up, a record
    of the invocation, with the event in it, goes to ``on_failure``. Without a net the event would be gone.

    Args:
        scope: the construct or stack that this belongs to.
        id: its name there.
        function: a Lambda function, version or alias, in any runtime and in any stack of the Region: **the one that
            is really invoked**. Lambda keeps these settings for each qualifier; settings of ``$LATEST`` do nothing
            for events that are sent to an alias.
        retry_attempts: how often Lambda tries again after the function failed, 0 to 2. Default: 2.
            https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
        max_event_age: how long Lambda keeps an event to try, 60 to 21,600 seconds. Default: 6 hours. Below 10 minutes
            a synth warning for a function with reserved concurrency: a burst expires while it is throttled.
        on_failure: where the record of a failed event goes: a standard queue or topic, an event bus, another function
            or a bucket. Default: a queue is defined, encrypted, TLS only, 14 days, retained when the stack is deleted.
            https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        on_success: where the record of every processed event goes: a standard queue or topic, an event bus or another
            function. Default: nowhere.
        raw_event: whether ``on_failure`` (then a queue or topic) gets the event as it was sent, by the function's
            dead-letter queue, in place of a record that says what went wrong. Default: no. The dead-letter queue is a
            property of the function and holds for all its qualifiers, so this must be in the function's stack.
        encryption_key: a customer-managed KMS key for the queue that is defined. Default: SQS-managed encryption.
        alarm_actions: what every alarm here does, for example ``[SnsAction(topic)]``. Default: nothing, with a synth
            warning that nobody is told.

    Attributes:
        on_failure: where failed events go: the queue that is defined here, or what was given.
        on_success: where processed events go, or ``None``.
        config: the event invoke config of the qualifier.
        alarms: the alarms: an event was given up, events wait for longer than half of their maximum age, the net
            itself failed, a loop was stopped, and for a queue or topic that keeps failed events what it tells.
        max_event_age: the seconds that were decided; ``None`` for a token.

    Raises:
        PatternError: an argument that AWS or the CDK would refuse later, or would accept and lose events with;
            nothing has been created then.
    """

    on_failure: Any  # a queue, or what was given: a union would make every use of the queue a type error
    on_success: Any
    config: lambda_.CfnEventInvokeConfig
    alarms: tuple[cloudwatch.Alarm, ...]
    max_event_age: int | None

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.IFunction,
        retry_attempts: int = limits.ASYNC_RETRY_ATTEMPTS_DEFAULT,
        max_event_age: cdk.Duration | None = None,
        on_failure: sqs.IQueue | sns.ITopic | events.IEventBus | lambda_.IFunction | s3.IBucket | None = None,
        on_success: sqs.IQueue | sns.ITopic | events.IEventBus | lambda_.IFunction | None = None,
        raw_event: bool = False,
        encryption_key: kms.IKey | None = None,
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
    ) -> None:
        plan = _make_plan(
            stack_of(scope, id),
            function=function,
            retry_attempts=retry_attempts,
            max_event_age=max_event_age,
            on_failure=on_failure,
            on_success=on_success,
            raw_event=raw_event,
            encryption_key=encryption_key,
        )
        actions = alarm_actions_checked(alarm_actions)
        super().__init__(scope, id)
        for rule, message in plan.warnings:
            warn(self, rule, message)
        self.invoked = plan.invoked
        self.max_event_age = plan.max_event_age
        if plan.on_failure is None:
            queue = define_dead_letters(self, "OnFailure", key=encryption_key)
            failure = Destination("queue", queue, queue.queue_arn, encryption_key)
        else:
            failure = plan.on_failure
        self.on_failure, self.on_success = failure.given, on_success
        self.destinations = tuple(d for d in (failure, plan.on_success) if d is not None)

        policy = self._allow_sending()
        self.config = self._configure(failure, plan, retry_attempts, max_event_age)
        if policy is not None:
            # Lambda refuses a destination that the role may not send to.
            self.config.node.add_dependency(policy)
            if raw_event:
                plan.function_resource.node.add_dependency(policy)
        if isinstance(plan.invoked.construct, Construct):  # not a proxy for an imported version or alias
            # Marks the qualifier, so that the CDK refuses a second configuration of it as well.
            Construct(plan.invoked.construct, _CONFIGURED)
        _remember(self)
        self.alarms = self._tell(plan, failure, actions)

    def protects(self, function: Invoked) -> bool:
        """Whether this is the net of exactly that qualifier."""
        return self.invoked.same_as(function)

    def _allow_sending(self) -> iam.Policy | None:
        """Let the function's role send to the destinations, by a policy in this scope.

        A statement in the role's own default policy would make the role's stack depend on this one, which depends
        on the function: a cycle when they are two.
        """
        role = self.invoked.behind.role
        if role is None:
            warn(
                self,
                "async-dlq.unknown-role",
                "The role of the imported function is not known, so nothing could be granted. It must be allowed to "
                "send to the destinations and to use their keys, or what it cannot process is lost. Import the "
                "function with from_function_attributes(role=…), and it is granted here.",
            )
            return None
        statements = [statement for destination in self.destinations for statement in destination.statements()]
        return iam.Policy(self, "Send", statements=statements, roles=[role])

    def _configure(
        self, failure: Destination, plan: "_Plan", retry_attempts: int, max_event_age: cdk.Duration | None
    ) -> lambda_.CfnEventInvokeConfig:
        of = lambda_.CfnEventInvokeConfig
        to: dict[str, Any] = {}
        if plan.raw_event:
            plan.function_resource.dead_letter_config = lambda_.CfnFunction.DeadLetterConfigProperty(
                target_arn=failure.arn
            )
        else:
            to["on_failure"] = of.OnFailureProperty(destination=failure.arn)
        if plan.on_success is not None:
            to["on_success"] = of.OnSuccessProperty(destination=plan.on_success.arn)
        return of(
            self,
            "Config",
            function_name=plan.invoked.name,
            qualifier=plan.invoked.qualifier,
            maximum_retry_attempts=retry_attempts,
            maximum_event_age_in_seconds=(
                max_event_age.to_seconds()
                if plan.max_event_age is None and max_event_age is not None
                else plan.max_event_age
            ),
            destination_config=of.DestinationConfigProperty(**to) if to else None,
        )

    def _tell(
        self, plan: "_Plan", failure: Destination, actions: Sequence[cloudwatch.IAlarmAction]
    ) -> tuple[cloudwatch.Alarm, ...]:
        alarms = Alarms(self, actions)
        name = plan.invoked.name
        alarms.over(
            "EventsDropped",
            _metric(name, "AsyncEventsDropped"),
            0,
            "Lambda gave up an event that the function could not process.",
        )
        alarms.over(
            "EventAge",
            _metric(name, "AsyncEventAge", "Maximum"),
            (plan.max_event_age or limits.ASYNC_EVENT_AGE_DEFAULT) * 1000 // 2,
            "Events wait for longer than half of the time that Lambda keeps them: the function fails or is throttled.",
        )
        if plan.raw_event or plan.has_dead_letters:
            alarms.over(
                "DeadLetterErrors",
                _metric(name, "DeadLetterErrors"),
                0,
                "Lambda could not put a failed event into the function's dead-letter queue: it is lost.",
            )
        if not plan.raw_event or plan.on_success is not None:
            alarms.over(
                "DestinationFailures",
                _metric(name, "DestinationDeliveryFailures"),
                0,
                "Lambda could not send the record of an event to its destination: the record is lost.",
            )
        alarms.over(
            "LoopsStopped",
            _metric(name, "RecursiveInvocationsDropped"),
            0,
            "Lambda stopped a loop: the function, or what it sends, came back to it 16 times.",
        )
        if failure.kind == "queue":
            alarms.kept_messages(
                "OnFailure", failure.given, plan.on_failure_retention, "An event could not be processed"
            )
        elif failure.kind == "topic":
            alarms.over(
                "OnFailureUndelivered",
                failure.given.metric_number_of_notifications_failed(period=seconds(60), statistic="Sum"),
                0,
                "The topic for failed events could not deliver one to a subscriber.",
            )
        return tuple(alarms.made)


def _metric(function_name: str, metric: str, statistic: str = "Sum") -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=metric,
        dimensions_map={"FunctionName": function_name},
        statistic=statistic,
        period=seconds(60),
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    invoked: Invoked
    max_event_age: int | None
    on_failure: Destination | None
    on_failure_retention: int
    on_success: Destination | None
    raw_event: bool
    has_dead_letters: bool
    function_resource: Any
    warnings: tuple[tuple[str, str], ...]


def _make_plan(
    stack: cdk.Stack,
    *,
    function: Any,
    retry_attempts: Any,
    max_event_age: Any,
    on_failure: Any,
    on_success: Any,
    raw_event: Any,
    encryption_key: Any,
) -> _Plan:
    warnings: list[tuple[str, str]] = []
    target = invoked("function", function)
    refuse_elsewhere("function", target.behind, stack)
    resource, reserved = _resource(target)
    if retry_attempts is None:
        raise PatternError("retry_attempts must be 0 to 2, got None")
    within("retry_attempts", retry_attempts, *limits.ASYNC_RETRY_ATTEMPTS)
    age = whole_seconds("max_event_age", max_event_age, *limits.ASYNC_EVENT_AGE_SECONDS)
    if max_event_age is None:
        age = limits.ASYNC_EVENT_AGE_DEFAULT
    flag("raw_event", raw_event)
    if encryption_key is not None:
        is_a("encryption_key", encryption_key, "key_arn", A_KEY)
        refuse_elsewhere("encryption_key", encryption_key, stack, account=False)
        alias = encryption_key.alias_name if has(encryption_key, "alias_name") else ""
        if alias.startswith(MANAGED_BY_AWS) and alias != "alias/aws/sqs":
            raise PatternError(f"encryption_key must be a key that SQS can use, got {alias}")
        if on_failure is not None:
            raise PatternError(
                "encryption_key must be left out when on_failure is given: a given destination is used as it is, "
                f"got {encryption_key.node.path}"
            )
    refuse_second_net(target)
    kinds = RAW_KINDS if raw_event else FAILURE_KINDS
    failure = success = None
    retention = LONGEST_RETENTION
    if on_failure is not None:
        failure = destination_checked("on_failure", on_failure, target, kinds, warnings)
        if failure.kind == "queue":
            retention = retention_of("on_failure", on_failure, warnings)
    if on_success is not None:
        success = destination_checked("on_success", on_success, target, SUCCESS_KINDS, warnings)
    for name, destination in (("on_failure", failure), ("on_success", success)):
        if destination is not None:
            # A bus of another account takes what its policy lets in; every other destination is the account's own.
            refuse_elsewhere(name, destination.given, stack, account=destination.kind != "bus")
            _refuse_loop(name, destination, target)
    if failure is not None and success is not None and failure.kind == "queue" and success.arn == failure.arn:
        raise PatternError(
            "on_success must be another queue than on_failure: the alarms on failed events would tell every event "
            f"that was processed, got {failure.given.node.path} for both"
        )
    own = resource.dead_letter_config if resource is not None else None
    if raw_event:
        _check_raw_event(stack, target, resource, own)
    elif own is not None and failure is not None and getattr(own, "target_arn", None) == failure.arn:
        raise PatternError(
            "on_failure must be another queue or topic than the function's dead-letter queue: every failed event "
            f"would be there twice, as a record and as it was sent, got {failure.given.node.path}"
        )
    if reserved == 0:
        warnings.append(
            (
                "async-dlq.no-concurrency",
                "The function has a reserved concurrency of 0: no event is processed or tried again, every one goes "
                "straight to on_failure.",
            )
        )
    elif reserved is not None and age is not None and age < SHORT_EVENT_AGE:
        warnings.append(
            (
                "async-dlq.event-age",
                f"max_event_age is {age} seconds, and the function has a reserved concurrency of "
                f"{reserved}: events of a burst expire while they are throttled.",
            )
        )
    return _Plan(
        invoked=target,
        max_event_age=age,
        on_failure=failure,
        on_failure_retention=retention,
        on_success=success,
        raw_event=raw_event,
        has_dead_letters=own is not None,
        function_resource=resource,
        warnings=tuple(warnings),
    )


def _resource(target: Invoked) -> tuple[Any, int | None]:
    """The function's resource and its reserved concurrency; nothing for an imported function, which shows neither."""
    node = target.node if target.construct is target.behind else target.behind.node
    resource = node.default_child if isinstance(target.behind, lambda_.Function) else None
    if not isinstance(resource, lambda_.CfnFunction):
        return None, None
    return resource, plain_number(resource.reserved_concurrent_executions)


def _check_raw_event(here: cdk.Stack, target: Invoked, resource: Any, own: Any) -> None:
    if resource is None:
        raise PatternError(
            "raw_event must be False for an imported function: its dead-letter queue is a property of the function, "
            f"which cannot be set here, got True for {target.behind.node.path}"
        )
    if own is not None:
        raise PatternError(
            "raw_event must be False for a function that has a dead-letter queue of its own already: give it none, "
            f"or leave raw_event out and have records beside it, got True for {target.behind.node.path}"
        )
    there = target.behind.stack
    if here is not there:
        raise PatternError(
            "raw_event must be False outside of the function's stack, or the two stacks need each other: its "
            "dead-letter queue is a property of the function. Create this in "
            f"{there.node.path}, got True in {here.node.path}"
        )


# --- the nets that are there already --------------------------------------------------------------

_NETS: WeakKeyDictionary[Any, list[AsyncDlq]] = WeakKeyDictionary()  # by the function behind
_IMPORTED: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()  # by app: ARNs that have a net


def _remember(net: AsyncDlq) -> None:
    _NETS.setdefault(net.invoked.behind, []).append(net)
    if net.invoked.imported_arn:
        _IMPORTED.setdefault(net.node.root, set()).add(net.invoked.imported_arn)


def refuse_second_net(target: Invoked) -> None:
    """Lambda has one event invoke config for each qualifier; a second one fails at deployment."""
    where = ""
    if target.node.try_find_child(_CONFIGURED) is not None:
        own = (net.node.path for net in _NETS.get(target.behind, ()) if net.invoked.same_as(target))
        where = next(own, f"configure_async_invoke (or on_failure, retry_attempts…) of {target.node.path}")
    elif target.imported_arn and target.imported_arn in _IMPORTED.get(target.behind.node.root, ()):
        where = f"another AsyncDlq of {target.imported_arn}"
    if where:
        raise PatternError(
            "function must have no event invoke config yet, Lambda takes one for each qualifier: use the one that "
            f"there is (net=… where a pattern takes it), got {target.shown} configured by {where}"
        )


def _refuse_loop(name: str, destination: Destination, target: Invoked) -> None:
    """Refuse a destination that leads back to the function it comes from."""
    if destination.function is not None:
        for hop in _reached(destination.function):
            if hop.same_function_as(target):
                raise PatternError(
                    f"{name} must not lead back to the function itself, or events go round until Lambda stops them: "
                    f"got {destination.given.node.path}, whose own destinations end at {target.behind.node.path}"
                )
        names = {target.arn, target.behind.function_arn}
        for back in _configured_by_cdk(destination.function, names):
            raise PatternError(
                f"{name} must not lead back to the function itself, or events go round until Lambda stops them: "
                f"got {destination.given.node.path}, which {back} sends there"
            )
    if destination.kind in ("queue", "topic"):
        for link in _links(destination, target):
            raise PatternError(
                f"{name} must not feed the function itself, or a failed event comes back until Lambda stops it: "
                f"got {destination.given.node.path}, which {link} hands to the function"
            )


def _reached(start: Invoked) -> Iterator[Invoked]:
    """Every function that destinations lead to from here."""
    seen: set[int] = set()
    todo = [start]
    while todo:
        at = todo.pop()
        if id(at.behind) in seen:
            continue
        seen.add(id(at.behind))
        yield at
        for net in _NETS.get(at.behind, ()):
            todo += [d.function for d in net.destinations if d.function is not None]


def _configured_by_cdk(function: Invoked, arns: set[str]) -> Iterator[str]:
    """The configuration that the CDK's own ``on_success`` and ``on_failure`` made, if it sends to one of the ARNs."""
    child = function.node.try_find_child(_CONFIGURED)
    config = child.node.default_child if child is not None else None
    if isinstance(config, lambda_.CfnEventInvokeConfig):
        to: Any = config.destination_config
        ends = [getattr(getattr(to, outcome, None), "destination", None) for outcome in ("on_success", "on_failure")]
        if arns & {end for end in ends if end}:
            yield config.node.path


def _links(destination: Destination, target: Invoked) -> Iterator[str]:
    """Event source mappings and subscriptions, so far, from a queue or topic to the function."""
    names = {target.name, target.arn, target.behind.function_arn, target.construct.function_name}
    for stack in {destination.given.stack, target.behind.stack}:
        for child in stack.node.find_all():
            if isinstance(child, lambda_.CfnEventSourceMapping) and destination.kind == "queue":
                if child.event_source_arn == destination.arn and child.function_name in names:
                    yield child.node.path
            elif (
                isinstance(child, sns.CfnSubscription)
                and destination.kind == "topic"
                and child.topic_arn == destination.arn
                and child.endpoint in names
            ):
                yield child.node.path
