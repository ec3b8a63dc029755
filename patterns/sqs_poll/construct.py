"""SqsPoll: messages wait in a queue, Lambda polls them for a function, what fails is kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from patterns._checks import all_are, flag, is_a, is_token_number, seconds, warn, whole_seconds, within

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns._alarms import Alarms, alarm_actions_checked, oldest_message
from patterns._functions import FunctionSettings
from patterns._functions import settings_of as function_settings
from patterns._queues import A_KEY, A_QUEUE, LONGEST_RETENTION, define_dead_letters, define_queue
from patterns._queues import settings_of as queue_settings
from patterns.errors import PatternError
from patterns.flow import limits
from patterns.flow.filters import check_event_source_filter

ALERT_AFTER_AT_LEAST = 3_600


class SqsPoll(Construct):
    """A queue that Lambda polls for a function; what the function cannot process ends in a dead-letter queue.

    What happens to a message: it waits in ``queue`` for at most ``retention``. Lambda receives it, alone or in a
    batch, and invokes the function. The function returns: the message is deleted. The function fails, times out,
    is throttled, or reports the message in ``batchItemFailures``: the message is invisible until the visibility
    timeout has passed, then it is received again. After ``max_receive_count`` receives SQS moves it to
    ``dead_letters``, where it is kept for 14 days and an alarm tells.

    Args:
        scope: the construct or stack that this belongs to.
        id: its name there.
        function: a Lambda function, version or alias, in any runtime and in any stack of the Region.
        queue: the queue to poll. Default: one is defined, encrypted, TLS only. A queue that is given is used as it
            is: it must bring its own dead-letter queue, and the arguments that shape a defined queue
            (``dead_letters`` apart, see there) are refused.
        dead_letters: the dead-letter queue of a queue that is defined here. Default: one is defined, of the same
            kind, encrypted, TLS only, 14 days, retained when the stack is deleted, and open to this source queue
            alone. Beside an imported ``queue``, whose settings nobody can read: the dead-letter queue it has, so
            that alarms watch it.
        fifo: whether the queues defined here are FIFO. Default: standard queues.
        content_based_deduplication: whether a FIFO queue takes the SHA-256 of the body as deduplication id.
            Default: no; the sender gives ids. Equal bodies within 5 minutes would be one message.
        max_receive_count: receives before a message moves to the dead-letter queue, 1 to 1000. Default: 5. Below 5
            a synth warning: a throttled or timed-out receive counts, so good messages get there too.
            https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        retention: how long the queue keeps a message that nobody has processed, 60 to 1,209,600 seconds.
            Default: 4 days. It must outlast ``max_receive_count`` visibility timeouts, or a message expires before
            it can reach the dead-letter queue.
        visibility_timeout: how long a received message is hidden from other receives, 0 to 43,200 seconds, and not
            less than the function's timeout. Default: 6 times the function's timeout plus the batching window, as
            AWS recommends; a synth warning when it is less.
            https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        function_timeout: the timeout of a function whose settings cannot be read (imported, or set by a token),
            1 to 900 seconds. Default: read from the function.
        encryption_key: a customer-managed KMS key for both queues. Default: SQS-managed encryption.
        batch_size: the most messages in one invocation: 1 to 10,000, FIFO 1 to 10; above 10 needs a
            ``max_batching_window`` of at least 1 second. Default: 10.
            https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
        max_batching_window: how long Lambda gathers a batch, 0 to 300 seconds, standard queues only. Default: it
            does not wait.
        report_batch_item_failures: whether the function's ``batchItemFailures`` decides message by message.
            Default: yes; the function must return it (Powertools' batch processor does). Without it one failed
            message sends its whole batch back.
        filters: event patterns, at most 10, that look at ``body`` only; a message that matches one of them is
            processed. **A message that matches none is deleted**: a synth warning says so, and
            ``metric_filtered_out`` counts them. Default: no filter.
            https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
        max_concurrency: the most concurrent invocations for this queue, 2 to 1000, and not more than the function's
            reserved concurrency. Default: no limit of its own.
            https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
        minimum_pollers: provisioned event pollers that always run, 2 to 200. Default: no provisioned pollers, or 2
            where only ``maximum_pollers`` is given. Not together with ``max_concurrency``.
        maximum_pollers: provisioned event pollers at most, 2 to 10,000. Default: no provisioned pollers, or 200
            where only ``minimum_pollers`` is given.
        oldest_message_alarm: the age of the oldest waiting message above which an alarm tells, 1 to 1,209,600
            seconds and below ``retention``. Default: twice the time to the dead-letter queue (receive count times
            visibility timeout), at least an hour, at most half of ``retention``.
        alarm_actions: what every alarm here does, for example ``[SnsAction(topic)]``. Default: nothing, with a synth
            warning that nobody is told.

    Attributes:
        queue: the queue that is polled.
        dead_letters: the dead-letter queue; ``None`` only for an imported ``queue`` given without it.
        mapping: the event source mapping.
        alarms: the alarms: a message in the dead-letter queue, its oldest message past half of the retention there,
            the oldest message waiting in the queue.
        visibility_timeout: the seconds that were decided; ``None`` for an imported queue or a token.

    Raises:
        PatternError: an argument that AWS or the CDK would refuse later, or would accept and lose messages with;
            nothing has been created then.
    """

    queue: sqs.IQueue
    dead_letters: sqs.IQueue | None
    mapping: lambda_.EventSourceMapping
    alarms: tuple[cloudwatch.Alarm, ...]
    visibility_timeout: int | None

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.IFunction,
        queue: sqs.IQueue | None = None,
        dead_letters: sqs.IQueue | None = None,
        fifo: bool | None = None,
        content_based_deduplication: bool | None = None,
        max_receive_count: int | None = None,
        retention: cdk.Duration | None = None,
        visibility_timeout: cdk.Duration | None = None,
        function_timeout: cdk.Duration | None = None,
        encryption_key: kms.IKey | None = None,
        batch_size: int = limits.ESM_BATCH_SIZE_DEFAULT,
        max_batching_window: cdk.Duration | None = None,
        report_batch_item_failures: bool = True,
        filters: Sequence[Mapping[str, Any]] = (),
        max_concurrency: int | None = None,
        minimum_pollers: int | None = None,
        maximum_pollers: int | None = None,
        oldest_message_alarm: cdk.Duration | None = None,
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
    ) -> None:
        plan = _plan(
            function=function,
            queue=queue,
            dead_letters=dead_letters,
            fifo=fifo,
            content_based_deduplication=content_based_deduplication,
            max_receive_count=max_receive_count,
            retention=retention,
            visibility_timeout=visibility_timeout,
            function_timeout=function_timeout,
            encryption_key=encryption_key,
            batch_size=batch_size,
            max_batching_window=max_batching_window,
            report_batch_item_failures=report_batch_item_failures,
            filters=filters,
            max_concurrency=max_concurrency,
            minimum_pollers=minimum_pollers,
            maximum_pollers=maximum_pollers,
            oldest_message_alarm=oldest_message_alarm,
        )
        actions = alarm_actions_checked(alarm_actions)
        super().__init__(scope, id)
        for rule, message in plan.warnings:
            warn(self, rule, message)

        self.visibility_timeout = plan.visibility_timeout
        if queue is None:
            self.queue, self.dead_letters = self._define_queues(plan, dead_letters, encryption_key, visibility_timeout)
        else:
            self.queue, self.dead_letters = queue, plan.dead_letters
        queue_arn = self.queue.queue_arn
        self.mapping = lambda_.EventSourceMapping(
            self,
            "Poll",
            target=function,
            event_source_arn=queue_arn,
            batch_size=batch_size,
            max_batching_window=max_batching_window,
            report_batch_item_failures=report_batch_item_failures or None,
            max_concurrency=max_concurrency,
            filters=[{"pattern": pattern} for pattern in plan.patterns] or None,
            metrics_config=lambda_.MetricsConfig(metrics=[lambda_.MetricType.EVENT_COUNT]) if plan.patterns else None,
        )
        if plan.pollers:
            self._provision(*plan.pollers)
        self._allow_polling(function, queue_arn, encryption_key if queue is None else queue.encryption_master_key)

        alarms = Alarms(self, actions)
        if self.dead_letters is not None:
            alarms.kept_messages(
                "DeadLetters",
                self.dead_letters,
                plan.dead_letter_retention,
                "A message could not be processed",
            )
        alarms.over(
            "OldestMessage",
            oldest_message(self.queue),
            plan.alert_after,
            "Messages wait longer than expected: the function fails, is throttled or does not keep up.",
        )
        self.alarms = tuple(alarms.made)

    def metric_filtered_out(self) -> cloudwatch.Metric:
        """How many messages matched no filter and were deleted, per minute. Has data only where there are filters.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
        """
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="FilteredOutEventCount",
            dimensions_map={"EventSourceMappingUUID": self.mapping.event_source_mapping_id},
            statistic="Sum",
            period=seconds(60),
        )

    def _define_queues(
        self,
        plan: "_Plan",
        given: sqs.IQueue | None,
        key: kms.IKey | None,
        visibility_timeout: cdk.Duration | None,
    ) -> tuple[sqs.Queue, sqs.IQueue]:
        name = None
        if given is None:
            dead_letters: sqs.IQueue = define_dead_letters(self, "DeadLetters", key=key, fifo=plan.fifo)
            name = self._allow_redrive(dead_letters, plan.fifo)
        else:
            dead_letters = given
        queue = define_queue(
            self,
            "Queue",
            key=key,
            fifo=plan.fifo,
            content_based_deduplication=plan.content_based_deduplication or None,
            queue_name=name,
            retention_period=seconds(plan.retention) if plan.retention else plan.retention_token,
            visibility_timeout=visibility_timeout or seconds(plan.visibility_timeout or 0),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=plan.max_receive_count),
        )
        return queue, dead_letters

    def _allow_redrive(self, dead_letters: sqs.Queue, fifo: bool) -> str:
        """Open the dead-letter queue to the one source queue, by the name that the source queue will have.

        Each queue names the other, and CloudFormation refuses a cycle of references. So the source gets a name that
        both can spell: construct path and the stack's own UUID, new with each deployment of each stack. See
        docs/decisions/0001-source-queue-name.md.
        """
        name = f"{cdk.Names.unique_resource_name(self, max_length=38, separator='-')}-{_stack_uuid()}"
        if fifo:
            name += ".fifo"
        partition, region, account = ({"Ref": f"AWS::{part}"} for part in ("Partition", "Region", "AccountId"))
        arn = {"Fn::Join": [":", ["arn", partition, "sqs", region, account, name]]}
        child = dead_letters.node.default_child
        assert isinstance(child, sqs.CfnQueue)
        child.redrive_allow_policy = {"redrivePermission": "byQueue", "sourceQueueArns": [arn]}
        return name

    def _provision(self, minimum: int | None, maximum: int | None) -> None:
        # The L2's own argument still refuses more than 2,000 pollers.
        child = self.mapping.node.default_child
        assert isinstance(child, lambda_.CfnEventSourceMapping)
        child.provisioned_poller_config = lambda_.CfnEventSourceMapping.ProvisionedPollerConfigProperty(
            minimum_pollers=minimum, maximum_pollers=maximum
        )

    def _allow_polling(self, function: lambda_.IFunction, queue_arn: str, key: kms.IKey | None) -> None:
        """Let the function's role receive from this queue, by a policy in this scope.

        A statement in the role's own default policy would make the role's stack depend on this one, which depends
        on the function: a cycle when they are two.
        """
        role = function.role
        if role is None:
            warn(
                self,
                "sqs-poll.unknown-role",
                "The role of the imported function is not known, so nothing could be granted. It needs "
                "sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes on the queue (and kms:Decrypt on its "
                "key). Import the function with from_function_attributes(role=…), and it is granted here.",
            )
            return
        statements = [
            iam.PolicyStatement(
                actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                resources=[queue_arn],
            )
        ]
        if key is not None:
            statements.append(iam.PolicyStatement(actions=["kms:Decrypt"], resources=[key.key_arn]))
        policy = iam.Policy(self, "Consume", statements=statements, roles=[role])
        self.mapping.node.add_dependency(policy)


@cache
def _stack_uuid() -> str:
    """The last part of AWS::StackId, which CloudFormation makes anew for each stack that it creates."""
    return cdk.Token.as_string({"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]})


@dataclass(frozen=True, slots=True)
class _Plan:
    """What was decided, in plain values, before anything is created. Seconds; ``None``: a token, or not ours."""

    fifo: bool
    content_based_deduplication: bool
    max_receive_count: int
    retention: int | None
    retention_token: cdk.Duration | None
    visibility_timeout: int | None
    dead_letters: sqs.IQueue | None
    dead_letter_retention: int
    alert_after: int
    patterns: tuple[str, ...]
    pollers: tuple[int | None, int | None] | None
    warnings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Source:
    """The queue as it is or will be. ``None``: cannot be told."""

    fifo: bool
    max_receive_count: int | None
    retention: int | None
    visibility_timeout: int | None
    dead_letters: sqs.IQueue | None
    visibility_is: str  # who set it, in the caller's words


def _plan(
    *,
    function: Any,
    queue: Any,
    dead_letters: Any,
    fifo: Any,
    content_based_deduplication: Any,
    max_receive_count: Any,
    retention: Any,
    visibility_timeout: Any,
    function_timeout: Any,
    encryption_key: Any,
    batch_size: Any,
    max_batching_window: Any,
    report_batch_item_failures: Any,
    filters: Any,
    max_concurrency: Any,
    minimum_pollers: Any,
    maximum_pollers: Any,
    oldest_message_alarm: Any,
) -> _Plan:
    """Check every argument, alone and against each other, and decide what was left open."""
    warnings: list[tuple[str, str]] = []
    settings = function_settings("function", function)
    timeout = whole_seconds("function_timeout", function_timeout, *limits.LAMBDA_TIMEOUT_SECONDS_MANAGED)
    if settings.timeout is not None:
        if timeout is not None and timeout != settings.timeout:
            raise PatternError(
                f"function_timeout must be left out, or be the function's own {settings.timeout} seconds, "
                f"got {timeout} seconds"
            )
        timeout = settings.timeout
    if dead_letters is not None:
        is_a("dead_letters", dead_letters, "queue_arn", A_QUEUE)
    window = whole_seconds("max_batching_window", max_batching_window, *limits.ESM_BATCHING_WINDOW_SECONDS)

    if queue is None:
        source = _defined_source(
            dead_letters,
            fifo=fifo,
            content_based_deduplication=content_based_deduplication,
            max_receive_count=max_receive_count,
            retention=retention,
            visibility_timeout=visibility_timeout,
            encryption_key=encryption_key,
            timeout=timeout,
            window=window or 0,
        )
    else:
        is_a("queue", queue, "queue_arn", A_QUEUE)
        _refuse_shape_of_a_given_queue(
            fifo=fifo,
            content_based_deduplication=content_based_deduplication,
            max_receive_count=max_receive_count,
            retention=retention,
            visibility_timeout=visibility_timeout,
            encryption_key=encryption_key,
        )
        source = _given_source(queue, dead_letters, warnings)
    dead_letter_retention = _check_dead_letters(source, queue, warnings)

    _check_visibility(source, timeout, window or 0, warnings)
    _check_receives(source, warnings)
    _check_batches(source.fifo, batch_size, max_batching_window, window, report_batch_item_failures, warnings)
    _check_concurrency(settings, max_concurrency, minimum_pollers, maximum_pollers, warnings)
    patterns = _checked_filters(filters, warnings)
    return _Plan(
        fifo=source.fifo,
        content_based_deduplication=bool(content_based_deduplication),
        max_receive_count=source.max_receive_count or limits.SQS_RECOMMENDED_RECEIVE_COUNT,
        retention=source.retention,
        retention_token=retention,
        visibility_timeout=source.visibility_timeout,
        dead_letters=source.dead_letters,
        dead_letter_retention=dead_letter_retention,
        alert_after=_alert_after(source, oldest_message_alarm),
        patterns=patterns,
        pollers=None if minimum_pollers is None and maximum_pollers is None else (minimum_pollers, maximum_pollers),
        warnings=tuple(warnings),
    )


def _defined_source(
    dead_letters: Any,
    *,
    fifo: Any,
    content_based_deduplication: Any,
    max_receive_count: Any,
    retention: Any,
    visibility_timeout: Any,
    encryption_key: Any,
    timeout: int | None,
    window: int,
) -> _Source:
    for name, value in (("fifo", fifo), ("content_based_deduplication", content_based_deduplication)):
        if value is not None:
            flag(name, value)
    if content_based_deduplication and not fifo:
        raise PatternError("content_based_deduplication must be left out of a standard queue, got True with fifo False")
    within("max_receive_count", max_receive_count, *limits.SQS_MAX_RECEIVE_COUNT)
    if encryption_key is not None:
        is_a("encryption_key", encryption_key, "key_arn", A_KEY)
    keeps: int | None = limits.SQS_RETENTION_DEFAULT
    if retention is not None:
        keeps = whole_seconds("retention", retention, *limits.SQS_RETENTION_SECONDS)
    if timeout is None:
        raise PatternError(
            "function_timeout must be given for a function whose timeout cannot be read (imported, or a token): "
            "an aws_cdk.Duration of 1 to 900 seconds, got None"
        )
    if visibility_timeout is None:
        visibility: int | None = limits.SQS_VISIBILITY_PER_FUNCTION_TIMEOUT * timeout + window
    else:
        visibility = whole_seconds("visibility_timeout", visibility_timeout, *limits.SQS_VISIBILITY_TIMEOUT_SECONDS)
    receives = limits.SQS_RECOMMENDED_RECEIVE_COUNT if max_receive_count is None else max_receive_count
    return _Source(
        fifo=bool(fifo),
        max_receive_count=receives,
        retention=keeps,
        visibility_timeout=visibility,
        dead_letters=dead_letters,
        visibility_is="visibility_timeout",
    )


def _refuse_shape_of_a_given_queue(**shape: Any) -> None:
    for name, value in shape.items():
        if value is not None:
            raise PatternError(
                f"{name} must be left out when queue is given: a given queue is used as it is, got {value!r}"
            )


def _given_source(queue: Any, dead_letters: Any, warnings: list[tuple[str, str]]) -> _Source:
    settings = queue_settings(queue)
    if settings is None:
        seen = (
            "its alarms here watch dead_letters" if dead_letters is not None else "pass dead_letters to have it watched"
        )
        warnings.append(
            (
                "sqs-poll.imported-queue",
                "The queue is imported, so its visibility timeout and its redrive policy cannot be read here. Make "
                "sure that it has a dead-letter queue and a visibility timeout of at least 6 times the function's timeout; "
                f"{seen}.",
            )
        )
        return _Source(bool(queue.fifo), None, None, None, dead_letters, "the visibility timeout of queue")
    redrive = queue.dead_letter_queue
    if redrive is None:
        raise PatternError(
            "queue must have a dead-letter queue, or a message that the function cannot process is retried until it "
            "expires and is lost: define it with sqs.Queue(…, dead_letter_queue=sqs.DeadLetterQueue(…)), or leave "
            f"queue out and let SqsPoll define both, got {queue.node.path} without one"
        )
    if dead_letters is not None and dead_letters is not redrive.queue:
        raise PatternError(
            "dead_letters must be left out, or be the dead-letter queue that the given queue has: "
            f"{redrive.queue.node.path}, got {dead_letters.node.path}"
        )
    return _Source(
        fifo=bool(queue.fifo),
        max_receive_count=int(redrive.max_receive_count),
        retention=settings.retention,
        visibility_timeout=settings.visibility_timeout,
        dead_letters=redrive.queue,
        visibility_is="the visibility timeout of queue",
    )


def _check_dead_letters(source: _Source, queue: Any, warnings: list[tuple[str, str]]) -> int:
    """Refuse a dead-letter queue that cannot keep what it gets; how long it keeps it, in seconds."""
    dead_letters = source.dead_letters
    if dead_letters is None:
        return LONGEST_RETENTION
    if dead_letters is queue:
        raise PatternError("dead_letters must be another queue than queue, got the same")
    if bool(dead_letters.fifo) != source.fifo:
        kinds = ("standard", "FIFO")
        raise PatternError(
            f"dead_letters must be of the same kind as its source, a {kinds[source.fifo]} queue, "
            f"got a {kinds[not source.fifo]} queue"
        )
    settings = queue_settings(dead_letters)
    if settings is None or settings.retention is None:
        return limits.SQS_RETENTION_DEFAULT
    allow = settings.redrive_allow
    if isinstance(allow, Mapping) and allow.get("redrivePermission") == "denyAll":
        raise PatternError("dead_letters must allow its source queue to redrive to it, got redrivePermission denyAll")
    # A standard queue keeps a message's first timestamp when SQS moves it; a FIFO queue starts anew.
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
    if not source.fifo and source.retention is not None:
        if settings.retention < source.retention:
            raise PatternError(
                "dead_letters must keep messages at least as long as its source, and counts from when they were "
                f"first sent: {source.retention} to {LONGEST_RETENTION} seconds, got {settings.retention} seconds"
            )
        if settings.retention < LONGEST_RETENTION:
            warnings.append(
                (
                    "sqs-poll.dead-letter-retention",
                    f"The dead-letter queue keeps messages for {settings.retention} seconds, counted from when they "
                    f"were first sent, not from when they failed. {LONGEST_RETENTION} seconds (14 days) give time to "
                    "look.",
                )
            )
    return settings.retention


def _check_visibility(
    source: _Source,
    timeout: int | None,
    window: int,
    warnings: list[tuple[str, str]],
) -> None:
    visibility = source.visibility_timeout
    if visibility is None:
        return
    if timeout is None:
        raise PatternError(
            "function_timeout must be given for a function whose timeout cannot be read (imported, or a token): "
            "an aws_cdk.Duration of 1 to 900 seconds, got None"
        )
    if visibility > limits.SQS_VISIBILITY_TIMEOUT_SECONDS[1]:
        raise PatternError(
            f"visibility_timeout must be 0 to {limits.SQS_VISIBILITY_TIMEOUT_SECONDS[1]} seconds, and 6 times the "
            f"function's timeout plus the batching window is more, got {visibility} seconds"
        )
    if visibility < timeout:
        raise PatternError(
            f"{source.visibility_is} must be at least the function's timeout, {timeout} to "
            f"{limits.SQS_VISIBILITY_TIMEOUT_SECONDS[1]} seconds, got {visibility} seconds"
        )
    advised = limits.SQS_VISIBILITY_PER_FUNCTION_TIMEOUT * timeout + window
    if visibility < advised:
        warnings.append(
            (
                "sqs-poll.visibility-timeout",
                f"The visibility timeout is {visibility} seconds; 6 times the function's timeout plus the batching "
                f"window is {advised}. A batch that is throttled and tried again may become visible while it is still "
                "worked on: duplicates, and receives are counted that were no failures.",
            )
        )


def _check_receives(source: _Source, warnings: list[tuple[str, str]]) -> None:
    receives = source.max_receive_count
    if receives is None or is_token_number(receives):
        return
    if receives < limits.SQS_RECOMMENDED_RECEIVE_COUNT:
        warnings.append(
            (
                "sqs-poll.max-receive-count",
                f"max_receive_count is {receives}. A throttled, timed-out or interrupted receive counts as well as a "
                f"failed one, so below {limits.SQS_RECOMMENDED_RECEIVE_COUNT} good messages reach the dead-letter "
                "queue under load.",
            )
        )
    if source.retention is not None and source.visibility_timeout is not None:
        until = receives * source.visibility_timeout
        if source.retention <= until:
            raise PatternError(
                f"retention must be more than {until} seconds (max_receive_count {receives} times visibility timeout "
                f"{source.visibility_timeout}), or a failing message expires before it reaches the dead-letter queue, "
                f"got {source.retention} seconds"
            )


def _check_batches(
    fifo: bool, size: Any, window_given: Any, window: int | None, report: Any, warnings: list[tuple[str, str]]
) -> None:
    if size is None:
        raise PatternError("batch_size must be 1 to 10000, got None")
    flag("report_batch_item_failures", report)
    if fifo:
        within("batch_size", size, *limits.ESM_BATCH_SIZE_FIFO, "for a FIFO queue")
        if window_given is not None:
            raise PatternError("max_batching_window must be left out for a FIFO queue, got " + _shown(window))
    else:
        within("batch_size", size, *limits.ESM_BATCH_SIZE_STANDARD)
        if (
            size > limits.ESM_BATCH_SIZE_WITHOUT_WINDOW
            and not window
            and (window_given is None or window == 0)
            and not is_token_number(size)
        ):
            raise PatternError(
                f"max_batching_window must be 1 to {limits.ESM_BATCHING_WINDOW_SECONDS[1]} seconds for a batch_size "
                f"above {limits.ESM_BATCH_SIZE_WITHOUT_WINDOW}, got {_shown(window)} with batch_size {size}"
            )
    if not report and size != 1:
        warnings.append(
            (
                "sqs-poll.batch-item-failures",
                f"report_batch_item_failures is off with a batch_size of {size}: one failed message sends its whole "
                "batch back, so good messages are processed again and reach the dead-letter queue with it.",
            )
        )


def _shown(window: int | None) -> str:
    return "none" if window is None else f"{window} seconds"


def _check_concurrency(
    settings: FunctionSettings,
    maximum: Any,
    minimum_pollers: Any,
    maximum_pollers: Any,
    warnings: list[tuple[str, str]],
) -> None:
    within("max_concurrency", maximum, *limits.ESM_MAXIMUM_CONCURRENCY)
    within("minimum_pollers", minimum_pollers, *limits.ESM_SQS_MINIMUM_POLLERS)
    within("maximum_pollers", maximum_pollers, *limits.ESM_SQS_MAXIMUM_POLLERS)
    pollers = minimum_pollers is not None or maximum_pollers is not None
    if pollers and maximum is not None:
        raise PatternError(
            "max_concurrency must be left out when minimum_pollers or maximum_pollers is given: Lambda takes one of "
            f"them, got {maximum!r}"
        )
    lowest = minimum_pollers if minimum_pollers is not None else limits.ESM_SQS_MINIMUM_POLLERS[0]
    most = maximum_pollers if maximum_pollers is not None else limits.ESM_SQS_MAXIMUM_POLLERS_DEFAULT
    if most < lowest and not (is_token_number(lowest) or is_token_number(most)):
        raise PatternError(
            f"maximum_pollers must be {lowest} (minimum_pollers) to {limits.ESM_SQS_MAXIMUM_POLLERS[1]}, got {most!r}"
        )
    reserved = settings.reserved_concurrency
    if reserved is None:
        return
    if reserved == 0:
        raise PatternError(
            "function must have reserved concurrency, or none reserved: with 0 every receive is throttled and every "
            "message ends in the dead-letter queue; disable the event source mapping to pause instead, got 0"
        )
    if maximum is None:
        warnings.append(
            (
                "sqs-poll.reserved-concurrency",
                f"The function has a reserved concurrency of {reserved} and the queue no max_concurrency: Lambda "
                "receives more than the function may take, throttled receives count, and good messages reach the "
                "dead-letter queue. Set max_concurrency to at most the reserved concurrency.",
            )
        )
    elif maximum > reserved and not is_token_number(maximum):
        raise PatternError(
            f"max_concurrency must be at most the function's reserved concurrency, 2 to {reserved}, got {maximum!r}"
        )


def _checked_filters(filters: Any, warnings: list[tuple[str, str]]) -> tuple[str, ...]:
    patterns = all_are("filters", filters, "keys", "an event pattern as a mapping")
    if len(patterns) > limits.ESM_FILTERS:
        raise PatternError(f"filters must be 0 to {limits.ESM_FILTERS} event patterns, got {len(patterns)}")
    for i, pattern in enumerate(patterns):
        check_event_source_filter(pattern, argument=f"filters[{i}]")
    if patterns:
        warnings.append(
            (
                "sqs-poll.filtered-messages",
                "A message that matches none of the filters is deleted from the queue, and no dead-letter queue gets "
                "it. Where another consumer needs the rest, filter in front of the queue (an SNS subscription, an "
                "EventBridge rule). metric_filtered_out() counts what is deleted.",
            )
        )
    if len(patterns) > limits.ESM_FILTERS_DEFAULT_QUOTA:
        warnings.append(
            (
                "sqs-poll.filter-quota",
                f"{len(patterns)} filters: more than {limits.ESM_FILTERS_DEFAULT_QUOTA} need a raised quota, or the "
                "deployment fails.",
            )
        )
    return tuple(json.dumps(pattern, separators=(",", ":")) for pattern in patterns)


def _alert_after(source: _Source, given: Any) -> int:
    retention = source.retention or limits.SQS_RETENTION_DEFAULT
    asked = whole_seconds("oldest_message_alarm", given, 1, limits.SQS_RETENTION_SECONDS[1])
    if asked is not None:
        if asked >= retention:
            raise PatternError(
                f"oldest_message_alarm must be 1 to {retention - 1} seconds, below the queue's retention, "
                f"got {asked} seconds"
            )
        return asked
    until = (source.max_receive_count or limits.SQS_RECOMMENDED_RECEIVE_COUNT) * (source.visibility_timeout or 0)
    return min(max(ALERT_AFTER_AT_LEAST, 2 * until), retention // 2)
