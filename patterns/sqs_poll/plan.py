"""What SqsPoll decides before it creates anything: every argument checked, alone and against the others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from patterns._checks import all_are, flag, is_a, is_token_number, is_token_text, whole_seconds, within

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs

from patterns._functions import FunctionSettings
from patterns._functions import settings_of as function_settings
from patterns._keys import refuse_imported_alias
from patterns._places import refuse_elsewhere
from patterns._queues import A_KEY, A_QUEUE, LONGEST_RETENTION
from patterns._queues import settings_of as queue_settings
from patterns.errors import PatternError
from patterns.flow import limits

ALERT_AFTER_AT_LEAST = 3_600


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided, in plain values, before anything is created. Seconds; ``None``: a token, or not ours."""

    fifo: bool
    content_based_deduplication: bool
    max_receive_count: int
    retention: int | None
    retention_token: cdk.Duration | None
    visibility_timeout: int | None
    dead_letters: sqs.IQueue | None
    dead_letter_retention: int
    alert_after: float  # or a token
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


def make_plan(
    stack: cdk.Stack,
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
) -> Plan:
    """Check every argument, alone and against each other, and decide what was left open."""
    warnings: list[tuple[str, str]] = []
    settings = function_settings("function", function)
    refuse_elsewhere("function", function, stack)
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
        if encryption_key is not None:
            is_a("encryption_key", encryption_key, "key_arn", A_KEY)
            refuse_elsewhere("encryption_key", encryption_key, stack, account=False)
            refuse_imported_alias("encryption_key", encryption_key)
        source = _defined_source(
            dead_letters,
            fifo=fifo,
            content_based_deduplication=content_based_deduplication,
            max_receive_count=max_receive_count,
            retention=retention,
            visibility_timeout=visibility_timeout,
            timeout=timeout,
            window=window or 0,
        )
    else:
        is_a("queue", queue, "queue_arn", A_QUEUE)
        refuse_elsewhere("queue", queue, stack, account=False)
        _refuse_shape_of_a_given_queue(
            fifo=fifo,
            content_based_deduplication=content_based_deduplication,
            max_receive_count=max_receive_count,
            retention=retention,
            visibility_timeout=visibility_timeout,
            encryption_key=encryption_key,
        )
        source = _given_source(queue, dead_letters, warnings)
    if source.dead_letters is not None:
        name = "dead_letters" if dead_letters is not None else "the dead-letter queue of queue"
        refuse_elsewhere(name, source.dead_letters, stack, account=queue is None)
    dead_letter_retention = _check_dead_letters(source, queue, warnings)

    _check_visibility(source, timeout, window or 0, warnings)
    _check_receives(source, warnings)
    _check_batches(source.fifo, batch_size, max_batching_window, window, report_batch_item_failures, warnings)
    _check_concurrency(settings, max_concurrency, minimum_pollers, maximum_pollers, warnings)
    patterns = _checked_filters(filters, warnings)
    return Plan(
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
    timeout: int | None,
    window: int,
) -> _Source:
    for name, value in (("fifo", fifo), ("content_based_deduplication", content_based_deduplication)):
        if value is not None:
            flag(name, value)
    if content_based_deduplication and not fifo:
        raise PatternError("content_based_deduplication must be left out of a standard queue, got True with fifo False")
    within("max_receive_count", max_receive_count, *limits.SQS_MAX_RECEIVE_COUNT)
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
                "sure that it has a dead-letter queue and a visibility timeout of at least 6 times the function's "
                f"timeout; {seen}.",
            )
        )
        return _Source(bool(queue.fifo), None, None, None, dead_letters, "the visibility timeout of queue")
    # The template's own property is what counts: it can be set, changed and taken away without `dead_letter_queue`.
    redrive = settings.redrive
    if not isinstance(redrive, Mapping) or "maxReceiveCount" not in redrive:
        raise PatternError(
            "queue must have a dead-letter queue, or a message that the function cannot process is retried until it "
            "expires and is lost: define it with sqs.Queue(…, dead_letter_queue=sqs.DeadLetterQueue(…)), or leave "
            f"queue out and let SqsPoll define both, got {queue.node.path} without one"
        )
    described = queue.dead_letter_queue
    target = dead_letters if described is None else described.queue
    arn = queue.stack.resolve(redrive.get("deadLetterTargetArn"))
    if target is not None and queue.stack.resolve(target.queue_arn) != arn:
        target = dead_letters
    if dead_letters is not None and queue.stack.resolve(dead_letters.queue_arn) != arn:
        raise PatternError(
            "dead_letters must be left out, or be the dead-letter queue that the given queue has: "
            f"{described.queue.node.path if described else arn}, got {dead_letters.node.path}"
        )
    receives = _receives(redrive["maxReceiveCount"])
    if target is None:
        warnings.append(
            (
                "sqs-poll.imported-queue",
                "The queue's dead-letter queue is set by its ARN alone, so no alarm here watches it; pass "
                "dead_letters to have it watched.",
            )
        )
    return _Source(
        fifo=bool(queue.fifo),
        max_receive_count=receives,
        retention=settings.retention,
        visibility_timeout=settings.visibility_timeout,
        dead_letters=target,
        visibility_is="the visibility timeout of queue",
    )


def _receives(count: Any) -> int | None:
    """What a redrive policy says; ``None``: an intrinsic function."""
    if isinstance(count, Mapping) or (isinstance(count, str) and is_token_text(count)):
        return None
    # CloudFormation takes a number as text.
    number: Any = int(count) if isinstance(count, str) and count.isdecimal() else count
    within("maxReceiveCount of queue", number, *limits.SQS_MAX_RECEIVE_COUNT)
    return number


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
    if settings is None:
        return limits.SQS_RETENTION_DEFAULT
    _check_redrive_allowed(settings.redrive_allow, queue)
    if settings.retention is None:
        return limits.SQS_RETENTION_DEFAULT
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


def _check_redrive_allowed(allow: Any, queue: Any) -> None:
    if not isinstance(allow, Mapping):
        return
    permission = allow.get("redrivePermission")
    if permission == "denyAll":
        raise PatternError("dead_letters must allow its source queue to redrive to it, got redrivePermission denyAll")
    if permission != "byQueue":
        return
    if queue is None:
        raise PatternError(
            "dead_letters must not have a redriveAllowPolicy that names queues (byQueue): the queue defined here is "
            "not among them; leave the policy out, or leave dead_letters out and one is defined that is open to it"
        )
    resolve = queue.stack.resolve
    sources = resolve(allow.get("sourceQueueArns"))
    if queue_settings(queue) and isinstance(sources, list) and resolve(queue.queue_arn) not in sources:
        raise PatternError(
            "dead_letters must allow its source queue to redrive to it, got a redriveAllowPolicy (byQueue) that does "
            f"not name {queue.node.path}"
        )


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
    if not patterns:
        return ()
    from patterns.flow.filters import check_event_source_filter  # few polls have filters; their grammar loads slowly

    for i, pattern in enumerate(patterns):
        check_event_source_filter(pattern, argument=f"filters[{i}]")
    warnings.append(
        (
            "sqs-poll.filtered-messages",
            "A message that matches none of the filters is deleted from the queue, and no dead-letter queue gets it. "
            "Where another consumer needs the rest, filter in front of the queue (an SNS subscription, an EventBridge "
            "rule). metric_filtered_out() counts what is deleted.",
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


def _alert_after(source: _Source, given: Any) -> float:
    retention = source.retention or limits.SQS_RETENTION_DEFAULT
    asked = whole_seconds("oldest_message_alarm", given, 1, limits.SQS_RETENTION_SECONDS[1])
    if asked is not None:
        if asked >= retention:
            raise PatternError(
                f"oldest_message_alarm must be 1 to {retention - 1} seconds, below the queue's retention, "
                f"got {asked} seconds"
            )
        return asked
    if given is not None:
        return given.to_seconds()  # a token
    until = (source.max_receive_count or limits.SQS_RECOMMENDED_RECEIVE_COUNT) * (source.visibility_timeout or 0)
    return min(max(ALERT_AFTER_AT_LEAST, 2 * until), retention // 2)
