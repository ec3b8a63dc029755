"""Queues and their dead-letter queues."""

from collections.abc import Iterator, Sequence

from patterns.flow import limits
from patterns.flow.model import Alarm, DeadLetter, Edge, External, Function, Poll, Queue, Redrive, Subscription
from patterns.flow.template import Unknown
from patterns.guard.rule import Example, Found, Rule, Severity, span
from patterns.guard.view import View, Watch, exists, number, redrive_problem

_DLQ = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"
_RETENTION = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "setting-up-dead-letter-queue-retention.html"
)
_ATTRIBUTES = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"
_METRICS = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html"
)
_POLLED = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"
_MOVE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html"
_DELETION = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html"

_LONGEST = limits.SQS_RETENTION_SECONDS[1]
_HOUR = 3_600


def _no_redrive(view: View) -> Iterator[Found]:
    for source in sorted({poll.source for poll in view.polls}):
        queue = view.flow.nodes[source]
        if isinstance(queue, Queue) and queue.resource and not queue.redrive and not queue.broken_redrive:
            if source in view.kept_in:
                continue  # a dead-letter queue that is worked off: its own failures stay in it
            yield Found(
                queue.resource,
                "RedrivePolicy",
                {
                    "queue": queue.name,
                    "consumer": view.flow.name(view.readers(source)[0].target),
                    "retention": span(queue.retention),
                    "group": " Until then it blocks its message group." if queue.fifo else "",
                },
            )


_REDRIVE_KEYS: dict[str, None] = dict.fromkeys(("deadLetterTargetArn", "maxReceiveCount"))


def _broken_redrive(view: View) -> Iterator[Found]:
    for queue in view.flow.nodes_of(Queue):
        if queue.resource is None or not (queue.redrive or queue.broken_redrive):
            continue
        why = queue.broken_redrive or redrive_problem(view, queue.resource, _REDRIVE_KEYS)
        if why:
            yield Found(queue.resource, "RedrivePolicy", {"queue": queue.name, "why": why})


def _receive_count(edge: Redrive) -> int | None:
    low, high = limits.SQS_MAX_RECEIVE_COUNT
    count = edge.max_receive_count
    return count if count is not None and not low <= count <= high else None


def _receive_count_range(view: View) -> Iterator[Found]:
    for edge in view.flow.edges_of(Redrive):
        count = _receive_count(edge)
        if count is not None and edge.resource:
            yield Found(
                edge.resource,
                "RedrivePolicy.maxReceiveCount",
                {"queue": view.flow.name(edge.source), "count": count},
            )


def _receive_count_low(view: View) -> Iterator[Found]:
    for edge in view.flow.edges_of(Redrive):
        count = edge.max_receive_count
        if count is None or count >= limits.SQS_RECOMMENDED_RECEIVE_COUNT:
            continue
        functions = [f for poll in view.readers(edge.source) if (f := view.function_of(poll))]
        if functions and edge.resource and not _receive_count(edge):
            once = count == 1
            yield Found(
                edge.resource,
                "RedrivePolicy.maxReceiveCount",
                {
                    "queue": view.flow.name(edge.source),
                    "dead": view.flow.name(edge.target),
                    "function": functions[0].name,
                    "count": "1 receive" if once else f"{count} receives",
                },
                severity=None if once else Severity.MEDIUM,
            )


def _expires_first(view: View) -> Iterator[Found]:
    for edge in view.flow.edges_of(Redrive):
        queue = view.flow.nodes[edge.source]
        if not isinstance(queue, Queue) or not queue.resource or not view.readers(queue.id):
            continue
        count, visibility = edge.max_receive_count, queue.visibility
        if count is None or visibility is None or queue.retention is None or queue.delay is None:
            continue
        needed = count * visibility + queue.delay
        if queue.retention <= needed:
            yield Found(
                queue.resource,
                "MessageRetentionPeriod",
                {
                    "queue": queue.name,
                    "dead": view.flow.name(edge.target),
                    "retention": span(queue.retention),
                    "needed": span(needed),
                    "count": count,
                    "visibility": span(visibility),
                },
            )


def _short_retention(view: View) -> Iterator[Found]:
    for queue in view.flow.nodes_of(Queue):
        if queue.resource is None or queue.retention is None or queue.id in view.kept_in:
            continue
        if queue.retention < _HOUR:
            yield Found(
                queue.resource,
                "MessageRetentionPeriod",
                {"queue": queue.name, "retention": span(queue.retention)},
            )


def _dead_letters_expire(view: View) -> Iterator[Found]:
    worst: dict[str, tuple[Queue, Queue]] = {}
    for _, queue, dead in view.redriven:
        if queue.fifo is not False or dead.fifo is not False:
            continue  # FIFO: the clock starts again when the message is moved
        if queue.retention is None or dead.retention is None or dead.retention > queue.retention:
            continue
        if _chain(view, queue.id)[-1] == queue.id:
            continue
        known = worst.get(dead.id)
        if known is None or (known[0].retention or 0) < queue.retention:
            worst[dead.id] = (queue, dead)
    for queue, dead in worst.values():
        if dead.resource is None or queue.retention is None or dead.retention is None:
            continue
        yield Found(
            dead.resource,
            "MessageRetentionPeriod",
            {
                "dead": dead.name,
                "queue": queue.name,
                "retention": span(dead.retention),
                "source_retention": span(queue.retention),
            },
            severity=Severity.CRITICAL if dead.retention < queue.retention else None,
        )


def _dead_letters_short(view: View) -> Iterator[Found]:
    reported = {found.at.ref for found in _dead_letters_expire(view)}
    for key in view.kept_in:
        dead = view.flow.nodes[key]
        if not isinstance(dead, Queue) or dead.resource is None or dead.retention is None:
            continue
        if dead.retention < _LONGEST and dead.resource.ref not in reported and not view.readers(key):
            yield Found(
                dead.resource,
                "MessageRetentionPeriod",
                {"dead": dead.name, "retention": span(dead.retention)},
                severity=None if dead.retention < limits.SQS_RETENTION_DEFAULT else Severity.LOW,
            )


_TELLING = ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage")
_SENT = "NumberOfMessagesSent"
_IN_TIME = 86_400  # an alarm that waits for older messages tells of expiry, not of the failure
_MANY = 1_000_000  # an alarm that waits for more messages than that never tells of a consumer that stopped


def _unwatched(view: View) -> Iterator[Found]:
    for key, edges in view.kept_in.items():
        dead = view.flow.nodes[key]
        if not isinstance(dead, Queue) or dead.resource is None or view.readers(key):
            continue
        redriven = any(isinstance(edge, Redrive) for edge in edges)
        watch = _told(view, key, redriven)
        if watch.told or (redriven and _on_sent(view, key)):
            continue
        yield Found(
            dead.resource,
            "",
            {
                "dead": dead.name,
                "retention": span(dead.retention),
                "alarm": watch.why if watch.why and not watch.unsure else "no alarm watches it",
            },
            unsure=watch.why if watch.unsure else "",
        )


def _told(view: View, key: str, redriven: bool) -> Watch:
    """Whether somebody is told of the first message in a queue that keeps failures."""
    metrics = _TELLING[:1] if redriven else (_TELLING[0], _SENT)
    watch = view.watched("AWS/SQS", metrics, "QueueName", key)
    if watch.told:
        return watch
    for alarm in view.flow.watching("AWS/SQS", _TELLING[1], "QueueName", key):
        age = number(view.value(alarm.resource, "Threshold"))
        if alarm.fires is not False and alarm.acts is not False and not (age is not None and age > _IN_TIME):
            return Watch(True)
    return watch


def _on_sent(view: View, queue: str) -> Sequence[Alarm]:
    """The alarms on what is sent to a queue, which SQS itself does not count when it moves a message."""
    return view.flow.watching("AWS/SQS", _SENT, "QueueName", queue)


def _wrong_metric(view: View) -> Iterator[Found]:
    for key, edges in view.kept_in.items() if view.measured("AWS/SQS", _SENT) else ():
        misled = _on_sent(view, key)
        if not misled or not any(isinstance(edge, Redrive) for edge in edges) or view.readers(key):
            continue
        if _told(view, key, True).told:
            continue
        for alarm in {alarm.id: alarm for alarm in misled}.values():
            yield Found(alarm.resource, "MetricName", {"alarm": alarm.name, "dead": view.flow.name(key)})


def _type_mismatch(view: View) -> Iterator[Found]:
    for edge, queue, dead in view.redriven:
        if None not in (queue.fifo, dead.fifo) and queue.fifo != dead.fifo and edge.resource:
            kinds = {True: "a FIFO queue", False: "a standard queue"}
            yield Found(
                edge.resource,
                "RedrivePolicy.deadLetterTargetArn",
                {
                    "queue": queue.name,
                    "dead": dead.name,
                    "kind": kinds[bool(queue.fifo)],
                    "dead_kind": kinds[bool(dead.fifo)],
                },
            )


def _not_allowed(view: View) -> Iterator[Found]:
    for edge, queue, dead in view.redriven:
        if edge.verdict.denied and queue.fifo == dead.fifo and dead.resource:
            yield Found(
                dead.resource,
                "RedriveAllowPolicy",
                {"queue": queue.name, "dead": dead.name, "why": edge.verdict.why},
                subject=queue.id,
            )
    for dead in view.flow.nodes_of(Queue):
        if dead.resource is None or "RedriveAllowPolicy" not in dead.resource.properties:
            continue
        named = view.value(dead.resource, "RedriveAllowPolicy", "sourceQueueArns")
        if isinstance(named, list) and len(named) > limits.SQS_REDRIVE_ALLOW_SOURCES:
            why = f"it names {len(named)} source queues, SQS takes {limits.SQS_REDRIVE_ALLOW_SOURCES}"
            yield Found(
                dead.resource,
                "RedriveAllowPolicy.sourceQueueArns",
                {"queue": "every source", "dead": dead.name, "why": why},
            )


def _chain(view: View, start: str) -> list[str]:
    chain = [start]
    while (edge := view.redrive(chain[-1])) and edge.target not in chain:
        chain.append(edge.target)
    return [*chain, edge.target] if edge else chain


def _cycle(view: View) -> Iterator[Found]:
    reported: set[str] = set()
    for edge in view.flow.edges_of(Redrive):
        chain = _chain(view, edge.source)
        if chain[-1] != edge.source or edge.source in reported or not edge.resource:
            continue
        reported.update(chain)
        names = " → ".join(view.flow.name(key) for key in chain)
        yield Found(edge.resource, "RedrivePolicy.deadLetterTargetArn", {"queues": names})


def _dead_letters_of_dead_letters(view: View) -> Iterator[Found]:
    for edge in view.flow.edges_of(Redrive):
        key = edge.source
        if key not in view.kept_in or view.readers(key) or not edge.resource:
            continue
        if _chain(view, key)[-1] == key or all(e.source == e.target for e in view.kept_in[key]):
            continue
        yield Found(edge.resource, "RedrivePolicy", {"dead": view.flow.name(key), "next": view.flow.name(edge.target)})


def _same_function(view: View) -> Iterator[Found]:
    for edge in view.flow.edges_of(Redrive):
        if edge.source == edge.target or not view.readers(edge.target):
            continue
        functions = {f.function: poll for poll in view.readers(edge.source) if (f := view.function_of(poll))}
        for poll in view.readers(edge.target):
            function = view.function_of(poll)
            if function and function.function in functions and poll.resource:
                yield Found(
                    poll.resource,
                    "EventSourceArn",
                    {
                        "function": function.name,
                        "queue": view.flow.name(edge.source),
                        "dead": view.flow.name(edge.target),
                    },
                    unsure=exists(functions[function.function].resource, poll.resource),
                )


def _mixed(view: View) -> Iterator[Found]:
    for key, edges in view.kept_in.items():
        if len(edges) < 2:
            continue
        dead, kinds = view.flow.nodes[key], {}
        for edge in edges:
            kind = _kind(view, edge)
            known: Edge | None = kinds.get(kind)
            if known is None or (known.resource and known.resource.condition):
                kinds[kind] = edge
        if len(kinds) > 1 and dead.resource is not None:
            what = [words.format(view.flow.name(kinds[words].source)) for words in _KINDS if words in kinds]
            back = (
                "SQS can move back only messages that came from a queue, and they look different"
                if _REDRIVES in kinds
                else "they look different, and whoever sends them again needs to know which is which"
            )
            facts = {"dead": dead.name, "what": " and ".join(what), "back": back}
            yield Found(dead.resource, "", facts, unsure=exists(*(edge.resource for edge in kinds.values())))


_REDRIVES = "what {} redrives"
_RECORDS = "what Lambda could not process with {}"
_UNDELIVERED = "what SNS could not deliver from {}"
_EVENTS = "what {} could not deliver"
_SKIPPED = "what was given up from {}"
_KINDS = (_REDRIVES, _RECORDS, _UNDELIVERED, _EVENTS, _SKIPPED)


def _kind(view: View, edge: Edge) -> str:
    """Messages of one kind look alike: a queue's own, records of Lambda, envelopes of SNS, events, stream metadata."""
    if isinstance(edge, Redrive):
        return _REDRIVES
    if not isinstance(edge, DeadLetter):
        return _RECORDS
    kept = view.flow.edges.get(edge.of)
    if isinstance(kept, Subscription):
        return _UNDELIVERED
    return _SKIPPED if isinstance(kept, Poll) else _EVENTS


def _other_key(view: View) -> Iterator[Found]:
    for edge, queue, dead in view.redriven:
        if queue.key and dead.key and queue.key != dead.key and edge.resource:
            yield Found(edge.resource, "RedrivePolicy", {"queue": queue.name, "dead": dead.name})


def _elsewhere(view: View) -> Iterator[Found]:
    for edge in (*view.flow.edges_of(Redrive), *view.flow.edges_of(DeadLetter)):
        dead = view.flow.nodes[edge.target]
        if not isinstance(dead, External) or not dead.id.startswith("arn:") or not edge.resource:
            continue
        parts = dead.id.split(":")
        if len(parts) < 6 or parts[2] != "sqs":
            continue
        region, account = _place_of(view, edge)
        other = [
            f"{what} {theirs}, the stack in {mine}"
            for what, mine, theirs, fixed in (
                ("Region", region, parts[3], True),
                ("account", account, parts[4], not _may_cross_accounts(view, edge)),
            )
            if fixed and mine and theirs and "$" not in theirs and mine != theirs
        ]
        if other:
            yield Found(
                edge.resource,
                edge.place,
                {"source": view.flow.name(edge.source), "dead": dead.name, "other": " and ".join(other)},
                subject=edge.id,
            )


def _place_of(view: View, edge: Edge) -> tuple[str | None, str | None]:
    """The Region and account that a dead-letter queue has to be in, as far as the template says."""
    assert edge.resource is not None
    parts = edge.source.split(":") if edge.source.startswith("arn:") else [""] * 5
    region = parts[3] if "$" not in parts[3] else ""
    account = parts[4] if "$" not in parts[4] else ""
    return region or view.template.region(edge.resource.stack), account or view.template.account(edge.resource.stack)


def _may_cross_accounts(view: View, edge: Edge) -> bool:
    """EventBridge and Scheduler may; SQS and SNS may not."""
    return isinstance(edge, DeadLetter) and not isinstance(view.flow.edges.get(edge.of), Subscription)


def _backlog(view: View) -> Iterator[Found]:
    for source in sorted({poll.source for poll in view.polls}):
        queue = view.flow.nodes[source]
        if not isinstance(queue, Queue) or queue.resource is None or source in view.kept_in:
            continue
        if not view.alarmed("AWS/SQS", source) or not any(
            _tells_of_backlog(view, alarm, queue) for alarm in _alarms_on(view, source)
        ):
            yield Found(queue.resource, "", {"queue": queue.name, "retention": span(queue.retention)})


def _alarms_on(view: View, queue: str) -> Iterator[Alarm]:
    for metric in _TELLING:
        yield from view.flow.watching("AWS/SQS", metric, "QueueName", queue)


def _tells_of_backlog(view: View, alarm: Alarm, queue: Queue) -> bool:
    """Whether an alarm acts before messages expire; one on their number may wait for more than one."""
    if alarm.acts is False:
        return False
    limit = number(view.value(alarm.resource, "Threshold"))
    if any(metric.name == _TELLING[1] for metric in alarm.metrics):
        late = limit is not None and queue.retention is not None and limit >= queue.retention
        return alarm.fires is not False and not late
    if limit is not None and limit > _MANY:
        return False
    return "LessThan" not in str(view.value(alarm.resource, "ComparisonOperator"))


def _deleted(view: View) -> Iterator[Found]:
    for key in view.kept_in:
        dead = view.flow.nodes[key].resource
        if dead is None or view.readers(key):
            continue
        missing = [
            name
            for name, policy in (
                ("DeletionPolicy", dead.deletion_policy),
                ("UpdateReplacePolicy", dead.update_replace_policy),
            )
            if policy not in ("Retain", "RetainExceptOnCreate") and not isinstance(policy, Unknown)
        ]
        if missing:
            yield Found(dead, "", {"dead": view.flow.name(key), "missing": " and ".join(missing)})


def _reserved_zero(view: View) -> Iterator[Found]:
    for node in view.flow.nodes_of(Function):
        if node.id != node.function or node.reserved_concurrency != 0 or node.definition is None:
            continue
        mine = [qualified.id for qualified in view.qualifiers(node.id)]
        polled = [
            edge
            for key in mine
            for edge in view.flow.arriving(key)
            if isinstance(edge, Poll) and edge.service == "sqs" and edge.enabled is not False
        ]
        invoked = [edge for key in mine for edge in view.asynchronous.get(key, [])]
        if polled or invoked:
            sources = sorted({view.flow.name(edge.source) for edge in (*polled, *invoked)})
            yield Found(
                node.definition,
                "ReservedConcurrentExecutions",
                {"function": node.name, "sources": ", ".join(sources)},
            )


RULES = (
    Rule(
        "sqs-no-dead-letter-queue",
        Severity.CRITICAL,
        "A polled queue has no dead-letter queue",
        "A message that {consumer} cannot process goes back to {queue} and is received again until it is {retention} "
        "old; then SQS deletes it, and nothing tells.{group}",
        "Give the queue dead_letter_queue=sqs.DeadLetterQueue(queue=…, max_receive_count=5), or use SqsPoll.",
        "Set RedrivePolicy with the deadLetterTargetArn of another queue and maxReceiveCount 5 or more.",
        _DLQ,
        _no_redrive,
        Example("polled", {"Orders.Properties.RedrivePolicy": None, "OrdersDead": None, "OrdersDeadAlarm": None}),
    ),
    Rule(
        "sqs-dead-letter-queue-expires",
        Severity.HIGH,
        "A dead-letter queue keeps messages no longer than its source queue",
        "SQS keeps the time at which a message was first sent: one that spent most of the {source_retention} of "
        "{queue} there has little or nothing left of the {retention} in {dead}, and is deleted before anybody looks.",
        "Set retention_period=Duration.days(14) on the dead-letter queue, and less on the source.",
        "Set MessageRetentionPeriod 1209600 on the dead-letter queue, and less on the source.",
        _RETENTION,
        _dead_letters_expire,
        Example("polled", {"OrdersDead.Properties.MessageRetentionPeriod": 345_600}),
    ),
    Rule(
        "sqs-expires-before-dead-letter-queue",
        Severity.CRITICAL,
        "Messages expire before they can reach the dead-letter queue",
        "A message needs {needed} of failing ({count} receives, {visibility} apart) before it is moved to {dead}, but "
        "{queue} deletes it after {retention}: it never gets there.",
        "Raise retention_period well above max_receive_count times visibility_timeout.",
        "Raise MessageRetentionPeriod well above maxReceiveCount times VisibilityTimeout.",
        _DLQ,
        _expires_first,
        Example(
            "polled",
            {"Orders.Properties.VisibilityTimeout": 43_200, "Orders.Properties.MessageRetentionPeriod": 86_400},
        ),
    ),
    Rule(
        "sqs-reserved-concurrency-zero",
        Severity.CRITICAL,
        "A consumer's reserved concurrency is 0",
        "{function} is never run. What comes from {sources} is throttled: polled messages go to the dead-letter queue "
        "when they were received too often, asynchronous events go straight to the failure destination or are dropped.",
        "Remove reserved_concurrent_executions=0; to stop a consumer, disable its event source mapping.",
        "Remove ReservedConcurrentExecutions: 0; to stop a consumer, set Enabled: false on its mapping.",
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
        _reserved_zero,
        Example(
            "polled",
            {"Worker.Properties.ReservedConcurrentExecutions": 0},
        ),
    ),
    Rule(
        "dead-letter-queue-unwatched",
        Severity.HIGH,
        "Nobody is told when a message reaches a dead-letter queue",
        "What fails is kept in {dead} for at most {retention}, but {alarm}: it expires there unseen.",
        "Add an Alarm on metric_approximate_number_of_messages_visible, above 0, with an alarm action.",
        "Add an AWS::CloudWatch::Alarm on ApproximateNumberOfMessagesVisible > 0 with AlarmActions.",
        _METRICS,
        _unwatched,
        Example("polled", {"OrdersDeadAlarm": None}),
    ),
    Rule(
        "dead-letter-queue-alarm-never-fires",
        Severity.HIGH,
        "The alarm of a dead-letter queue watches NumberOfMessagesSent",
        "SQS does not count the messages that it moves itself, so {alarm} never fires for what arrives in {dead}.",
        "Use metric_approximate_number_of_messages_visible for the alarm.",
        "Set MetricName: ApproximateNumberOfMessagesVisible, Statistic: Maximum, Threshold: 0.",
        _DLQ,
        _wrong_metric,
        Example("polled", {"OrdersDeadAlarm.Properties.MetricName": "NumberOfMessagesSent"}),
    ),
    Rule(
        "sqs-redrive-cycle",
        Severity.HIGH,
        "Dead-letter queues form a cycle",
        "{queues}: a message that fails goes round until it expires; nothing keeps it.",
        "Use a dead-letter queue that has no dead_letter_queue of its own.",
        "Point deadLetterTargetArn at a queue without a RedrivePolicy back.",
        _DLQ,
        _cycle,
        Example(
            "polled",
            {
                "OrdersDead.Properties.RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["Orders", "Arn"]},
                    "maxReceiveCount": 5,
                }
            },
        ),
    ),
    Rule(
        "dead-letter-queue-same-function",
        Severity.HIGH,
        "A dead-letter queue is polled by the function that failed",
        "{function} gets every message that it could not process from {queue} once more from {dead}, without end, "
        "until the message expires there.",
        "Leave the dead-letter queue alone and redrive when the fault is repaired, or give it another function.",
        "Remove the event source mapping and use StartMessageMoveTask when the fault is repaired.",
        _MOVE,
        _same_function,
        Example(
            "polled",
            {
                "PollDead": {
                    "Type": "AWS::Lambda::EventSourceMapping",
                    "Properties": {
                        "EventSourceArn": {"Fn::GetAtt": ["OrdersDead", "Arn"]},
                        "FunctionName": {"Ref": "Worker"},
                        "FunctionResponseTypes": ["ReportBatchItemFailures"],
                    },
                },
                "OrdersDead.Properties.VisibilityTimeout": 180,
            },
        ),
    ),
    Rule(
        "sqs-redrive-not-allowed",
        Severity.HIGH,
        "A dead-letter queue does not accept its source queue",
        "{why}: SQS refuses the redrive from {queue}, and a message that fails is retried in the source until it "
        "expires.",
        "Name the source in redrive_allow_policy, or leave the policy out.",
        "Add the source's ARN to RedriveAllowPolicy.sourceQueueArns (at most 10), or remove the policy.",
        _ATTRIBUTES,
        _not_allowed,
        Example("polled", {"OrdersDead.Properties.RedriveAllowPolicy": {"redrivePermission": "denyAll"}}),
    ),
    Rule(
        "dead-letter-queue-elsewhere",
        Severity.HIGH,
        "A dead-letter queue is in another Region or account",
        "{dead} is in {other}: what {source} cannot deliver cannot be put there.",
        "Use a queue of the same Region and account.",
        "Point the ARN at a queue of the same Region and account.",
        _DLQ,
        _elsewhere,
        Example(
            "fanned",
            {
                "Subscription.Properties.RedrivePolicy.deadLetterTargetArn": (
                    "arn:aws:sqs:us-east-1:111122223333:undelivered"
                )
            },
            good={
                "Subscription.Properties.TopicArn": "arn:aws:sns:eu-west-1:111122223333:events",
                "Subscription.Properties.RedrivePolicy.deadLetterTargetArn": (
                    "arn:aws:sqs:eu-west-1:111122223333:undelivered"
                ),
                "InboxPolicy.Properties.PolicyDocument.Statement.0.Condition.ArnEquals": {
                    "aws:SourceArn": "arn:aws:sns:eu-west-1:111122223333:events"
                },
                "Events": None,
                "EventsAlarm": None,
                "Undelivered": None,
                "UndeliveredPolicy": None,
                "UndeliveredAlarm": None,
            },
            also=("sns-dead-letter-queue-denied",),
        ),
    ),
    Rule(
        "sqs-max-receive-count-low",
        Severity.HIGH,
        "A message gets few tries before the dead-letter queue",
        "{queue} moves a message to {dead} after {count}. A throttled or timed-out invocation of {function} counts as "
        "one, so good messages end there too.",
        "Set max_receive_count=5 or more.",
        "Set RedrivePolicy.maxReceiveCount to 5 or more.",
        _POLLED,
        _receive_count_low,
        Example("polled", {"Orders.Properties.RedrivePolicy.maxReceiveCount": 1}),
    ),
    Rule(
        "sqs-max-receive-count-range",
        Severity.MEDIUM,
        "maxReceiveCount is outside 1 to 1000",
        "SQS refuses {count} as maxReceiveCount of {queue}: the deployment fails.",
        "Set max_receive_count to 1 to 1000; 5 is a good start.",
        "Set RedrivePolicy.maxReceiveCount to 1 to 1000; 5 is a good start.",
        _DLQ,
        _receive_count_range,
        Example("polled", {"Orders.Properties.RedrivePolicy.maxReceiveCount": 1_001}),
    ),
    Rule(
        "sqs-redrive-unreadable",
        Severity.MEDIUM,
        "A RedrivePolicy does not have the keys that it needs",
        "The RedrivePolicy of {queue} {why}. CloudFormation does not check it: the deployment fails, or the queue has "
        "no dead-letter queue.",
        "Use the dead_letter_queue argument instead of a raw document.",
        "Write {{deadLetterTargetArn, maxReceiveCount}}, exactly so spelled.",
        _ATTRIBUTES,
        _broken_redrive,
        Example(
            "polled",
            {
                "Orders.Properties.RedrivePolicy": {
                    "deadLetterTargetARN": {"Fn::GetAtt": ["OrdersDead", "Arn"]},
                    "maxReceiveCount": 5,
                }
            },
        ),
    ),
    Rule(
        "sqs-redrive-type-mismatch",
        Severity.MEDIUM,
        "A queue and its dead-letter queue are of different kinds",
        "{queue} is {kind} and {dead} {dead_kind}: SQS refuses the redrive policy.",
        "Make both FIFO or both standard.",
        "Set FifoQueue on both or on neither.",
        _DLQ,
        _type_mismatch,
        Example(
            "polled",
            {"OrdersDead.Properties.FifoQueue": True},
        ),
    ),
    Rule(
        "sqs-retention-short",
        Severity.MEDIUM,
        "A queue keeps messages for less than an hour",
        "{queue} deletes a message after {retention}: an outage of its consumer that lasts longer loses everything in "
        "it, without a trace.",
        "Set retention_period to days; the default is 4.",
        "Set MessageRetentionPeriod to days; the default is 345600 seconds.",
        _ATTRIBUTES,
        _short_retention,
        Example("fanned", {"Inbox.Properties.MessageRetentionPeriod": 1_800}),
    ),
    Rule(
        "dead-letter-queue-retention-short",
        Severity.MEDIUM,
        "A dead-letter queue does not keep messages for 14 days",
        "What fails is deleted from {dead} after {retention}; over a weekend or a holiday the evidence is gone.",
        "Set retention_period=Duration.days(14).",
        "Set MessageRetentionPeriod: 1209600.",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html",
        _dead_letters_short,
        Example("fanned", {"Undelivered.Properties.MessageRetentionPeriod": 86_400}),
    ),
    Rule(
        "dead-letter-queue-mixed-sources",
        Severity.MEDIUM,
        "A dead-letter queue holds messages of different kinds",
        "{dead} gets {what}: {back}.",
        "Give each kind of source a dead-letter queue of its own.",
        "Use one queue for each kind of source.",
        _MOVE,
        _mixed,
        Example(
            "fanned",
            {
                "Inbox.Properties.RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["Undelivered", "Arn"]},
                    "maxReceiveCount": 5,
                }
            },
        ),
    ),
    Rule(
        "sqs-backlog-unwatched",
        Severity.LOW,
        "Nobody is told when a queue is not worked off",
        "When its consumer stops, messages wait in {queue} until they are {retention} old and are deleted; no alarm "
        "watches the age of the oldest.",
        "Add an Alarm on metric_approximate_age_of_oldest_message.",
        "Add an AWS::CloudWatch::Alarm on ApproximateAgeOfOldestMessage of the queue.",
        _METRICS,
        _backlog,
        Example("polled", {"OrdersOldAlarm": None}),
    ),
    Rule(
        "dead-letter-queue-of-dead-letter-queue",
        Severity.LOW,
        "A dead-letter queue has a dead-letter queue, and nobody reads it",
        "{dead} is read by nobody, so nothing is ever moved on to {next}.",
        "Leave dead_letter_queue out of the dead-letter queue.",
        "Remove RedrivePolicy from the dead-letter queue.",
        _DLQ,
        _dead_letters_of_dead_letters,
        Example(
            "polled",
            {
                "OrdersDead.Properties.RedrivePolicy": {
                    "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:111122223333:last-resort",
                    "maxReceiveCount": 5,
                }
            },
        ),
    ),
    Rule(
        "dead-letter-queue-other-key",
        Severity.LOW,
        "A queue and its dead-letter queue are encrypted with different keys",
        "Whoever moves messages from {dead} back to {queue} needs both keys; without one of them the move fails.",
        "Use one encryption_master_key for both queues.",
        "Set the same KmsMasterKeyId on both queues.",
        _MOVE,
        _other_key,
        Example(
            "polled",
            {"OrdersDead.Properties.KmsMasterKeyId": "alias/archive"},
            good={
                "Orders.Properties.KmsMasterKeyId": "alias/orders",
                "OrdersDead.Properties.KmsMasterKeyId": "alias/orders",
            },
            also=("poll-not-permitted",),
        ),
    ),
    Rule(
        "dead-letter-queue-deleted-with-stack",
        Severity.LOW,
        "A dead-letter queue is deleted with its stack",
        "{dead} has no {missing} that retains it: deleting the stack, or an update that replaces the queue, deletes "
        "the messages in it.",
        "Set removal_policy=RemovalPolicy.RETAIN on the dead-letter queue.",
        "Set DeletionPolicy: Retain and UpdateReplacePolicy: Retain.",
        _DELETION,
        _deleted,
        Example("polled", {"OrdersDead.DeletionPolicy": None}),
    ),
)
