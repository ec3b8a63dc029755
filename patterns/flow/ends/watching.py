"""Which alarms tell of an end: those on a metric that the service emits for exactly this end."""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from patterns.flow.model import (
    Alarm,
    Bus,
    Delivery,
    Flow,
    Function,
    Metric,
    Node,
    Pipe,
    Poll,
    Queue,
    Rule,
    Schedule,
    Stream,
)
from patterns.flow.rendered import GAP, OPEN


class Wanted(NamedTuple):
    """A metric that counts an end, and the dimension that names what it ends at.

    Attributes:
        node: id of the node or link that the dimension names.
        qualifiers: of a function: how a dimension ``Resource`` may call what is invoked.
    """

    namespace: str
    metric: str
    dimension: str
    node: str
    qualifiers: tuple[str, ...] = ()


class Net(Enum):
    """What becomes of a failed delivery: each has metrics of its own."""

    NONE = "no dead-letter queue"
    TAKES = "the dead-letter queue takes it"
    REFUSES = "the dead-letter queue cannot take it"


def told_by(flow: Flow, *wanted: Wanted) -> tuple[str, ...]:
    """The alarms on these metrics that can fire and have an action."""
    found: dict[str, None] = {}
    for one in wanted:
        for alarm in flow.watching(one.namespace, one.metric, one.dimension, one.node):
            if alarm.acts and alarm.fires and _precise(flow, alarm.metrics, one):
                found[alarm.id] = None
        if one.metric in _OF_ALL:
            found.update(dict.fromkeys(_of_all(flow, one)))
    return tuple(found)


# Lambda adds these up over all functions of an account in a Region, too.
# https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_lambda.Function.html
_OF_ALL = ("Errors", "Throttles")


def _of_all(flow: Flow, one: Wanted) -> list[str]:
    """The alarms on a metric of all functions where a function may be, worked out once for each account and Region."""
    node = flow.nodes.get(one.node)  # none in a flow that was put together by hand
    place = _place(flow, node.stack if node else "")
    key = f"of all {one.namespace} {one.metric} {place}"
    if key not in flow._memo:
        alarms = flow.watching(one.namespace, one.metric, "", "")
        told = (alarm for alarm in alarms if alarm.acts and alarm.fires)
        flow._memo[key] = [one.id for one in told if _may_be_one(place, _place(flow, one.resource.stack))]
    return flow._memo[key]


def _place(flow: Flow, stack: str) -> tuple[str | None, str | None]:
    """The account and the Region of a stack, as far as they are known."""
    return (flow.template.account(stack), flow.template.region(stack)) if flow.template and stack else (None, None)


def _may_be_one(place: tuple[str | None, ...], other: tuple[str | None, ...]) -> bool:
    return all(one == another or not one or not another for one, another in zip(place, other, strict=True))


def told_by_age(flow: Flow, wanted: Wanted, reached: int | None, unit: int = 1) -> tuple[str, ...]:
    """The alarms on an age that fire before the message is gone.

    Args:
        reached: seconds that the message grows old; ``None`` where that cannot be told.
        unit: the metric's units in a second: Lambda measures ages in milliseconds.
    """
    found = told_by(flow, wanted)
    if reached is None:
        return found
    return tuple(key for key in found if _in_time(flow.alarms[key], reached, unit))


def _in_time(alarm: Alarm, reached: int, unit: int) -> bool:
    """Whether it is so old for long enough. Metric math may measure anything: such an alarm has no threshold."""
    return (alarm.threshold or 0) + (alarm.seconds or 0) * unit < reached * unit


def _precise(flow: Flow, metrics: tuple[Metric, ...], wanted: Wanted) -> bool:
    """Whether the dimensions are those under which the service emits the metric."""
    return any(
        metric.namespace == wanted.namespace and metric.name == wanted.metric and _emitted(flow, metric, wanted)
        for metric in metrics
    )


def _emitted(flow: Flow, metric: Metric, wanted: Wanted) -> bool:
    dimensions = dict(metric.dimensions)
    if dimensions.get(wanted.dimension) != wanted.node:
        return False
    if metric.namespace == "AWS/Events":
        rule = flow.nodes.get(wanted.node)
        custom = isinstance(rule, Rule) and rule.bus and not _is_default(flow, rule.bus)
        return set(dimensions) == ({"RuleName", "EventBusName"} if custom else {"RuleName"})
    if metric.namespace == "AWS/EventsV2":
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-observability.html
        edge = flow.edges.get(wanted.node)
        return edge is not None and dimensions == {"EventBus": edge.source, "Subscriber": edge.id}
    if metric.namespace == "AWS/Lambda":
        if not set(dimensions) <= {"FunctionName", "Resource", "EventSourceMappingUUID"}:
            return False
        if "Resource" in dimensions and wanted.qualifiers:
            qualifier = dimensions["Resource"].partition(":")[2]
            if qualifier not in wanted.qualifiers and not (GAP in qualifier or OPEN in qualifier):
                return False
        return metric.name not in _OPTED_IN or _opted_in(flow, wanted.node, metric.name)
    return len(dimensions) == 1


def _is_default(flow: Flow, bus: str) -> bool:
    node = flow.nodes.get(bus)
    return isinstance(node, Bus) and node.default


# A mapping emits these only where its MetricsConfig asks for them.
# https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingMetricsConfig.html
_OPTED_IN = {
    "FilteredOutEventCount": "EventCount",
    "DroppedEventCount": "EventCount",
    "OnFailureDestinationDeliveryErrorCount": "ErrorCount",
    "MaxOffsetLag": "KafkaMetrics",
}


def _opted_in(flow: Flow, mapping: str, metric: str) -> bool:
    """Whether the mapping emits a metric, as far as its template says: what a parameter decides counts as yes."""
    edge = flow.edges.get(mapping)
    if edge is None or edge.resource is None:
        return True
    config = edge.resource.properties.get("MetricsConfig")
    asked = config.get("Metrics") if isinstance(config, Mapping) and "Metrics" in config else config
    if isinstance(asked, list) and all(isinstance(one, str) for one in asked):
        return _OPTED_IN[metric] in asked
    return asked is not None


# --- queues ------------------------------------------------------------------------------------------


def queue_alarms(
    flow: Flow, node: Node, redriven: bool, at_most: int | None = None, often: bool = False
) -> tuple[str, ...]:
    """The alarms on a queue that tell of a message in it.

    Args:
        redriven: whether SQS itself moves the message there, or it stays where it is.
        at_most: seconds that it is in the queue; ``None``: as long as the queue keeps messages.
        often: whether it is received again and again.
    """
    metrics = ["ApproximateNumberOfMessagesVisible"]
    if not redriven:
        # SQS does not count what it moves itself.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        metrics.append("NumberOfMessagesSent")
    found = told_by(flow, *[Wanted("AWS/SQS", metric, "QueueName", node.id) for metric in metrics])
    queue = node if isinstance(node, Queue) else None
    if at_most is None:
        at_most = queue.retention if queue else None
    else:
        found = tuple(alarm for alarm in found if (flow.alarms[alarm].seconds or 0) < at_most)
    reached = at_most
    if often and queue and not queue.fifo:
        # A message that was received three times no longer counts (same page).
        reached = 2 * (queue.visibility or 0)
    aged = told_by_age(flow, Wanted("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", node.id), reached)
    return tuple(dict.fromkeys((*found, *aged)))


# --- functions ---------------------------------------------------------------------------------------

MILLISECONDS = 1_000  # how Lambda measures ages


def named_metrics(node: Function, *metrics: str) -> list[Wanted]:
    """Metrics of a function: alarms look at all of it, or at exactly this alias or version."""
    qualifiers = (node.qualifier, node.qualifier_name)
    if node.id == node.function:
        qualifiers = (*qualifiers, "")
    return [Wanted("AWS/Lambda", metric, "FunctionName", node.function, qualifiers) for metric in metrics]


def function_metrics(flow: Flow, key: str) -> list[Wanted]:
    """What counts the failures of a function whose caller waits."""
    node = flow.nodes[key]
    if not isinstance(node, Function):
        return []
    # What may not run at all makes no errors.
    return named_metrics(node, "Throttles" if node.reserved_concurrency == 0 else "Errors")


def reader_metrics(flow: Flow, poll: Poll) -> list[Wanted]:
    """What counts the failures of a function that a poller calls, or of a pipe.

    An invocation that reports the messages which failed has succeeded, so it is no error.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    https://github.com/aws-powertools/powertools-lambda-typescript/discussions/1785
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-monitoring.html
    """
    if isinstance(flow.nodes[poll.target], Pipe):
        names = ("ExecutionFailed", "TargetStageFailed")
        return [Wanted("AWS/EventBridge/Pipes", name, "PipeName", poll.target) for name in names]
    found = function_metrics(flow, poll.target)
    return [one for one in found if not (poll.partial and one.metric == "Errors")]


# --- streams -----------------------------------------------------------------------------------------


def stream_alarms(flow: Flow, node: Stream, poll: Poll) -> tuple[str, ...]:
    """The alarms that tell of a record which its reader cannot get processed.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    kafka = node.service == "kafka"
    # With a destination to write to, Lambda's retries of Kafka records end.
    endless = poll.retries == -1 and poll.record_age == -1 and not (kafka and _is_kept(flow, poll))
    wanted = [*reader_metrics(flow, poll), *_discards(flow, poll, not endless)]
    # A record is as old as the reader lets it grow: until it expires, or to its maximum age. Retries may end at once.
    reached = node.retention if endless else poll.record_age if poll.retries in (-1, None) else 0
    # What comes after a record that blocks its partition makes the lag of a Kafka topic.
    behind = () if kafka and not endless else _behind(flow, node, poll, reached)
    return tuple(dict.fromkeys((*told_by(flow, *wanted), *behind)))


def lag_alarms(flow: Flow, node: Stream, poll: Poll) -> tuple[str, ...]:
    """The alarms that tell of a reader that falls behind, before records expire. A share group has no such metric."""
    return () if poll.consumption == "queue" else _behind(flow, node, poll, node.retention)


def age_alarms(flow: Flow, node: Stream, poll: Poll) -> tuple[str, ...]:
    """The alarms that tell of a record which is too old for its reader before it is tried."""
    behind = () if poll.consumption == "queue" else _behind(flow, node, poll, poll.record_age)
    return tuple(dict.fromkeys((*behind, *told_by(flow, *_discards(flow, poll)))))


def _is_kept(flow: Flow, poll: Poll) -> bool:
    return any(not net.verdict.denied for net in flow.nets(poll))


def _discards(flow: Flow, poll: Poll, counted: bool = True) -> list[Wanted]:
    """What counts a record that its mapping discards: in itself, and at a destination that refuses it."""
    function = flow.nodes[poll.target]
    if not isinstance(function, Function) or _is_kept(flow, poll):
        return []
    found = [_of_mapping(poll, "DroppedEventCount")] if counted else []
    if flow.nets(poll):
        found.extend(named_metrics(function, "DestinationDeliveryFailures"))
        found.append(_of_mapping(poll, "OnFailureDestinationDeliveryErrorCount"))
    return found


def _behind(flow: Flow, node: Stream, poll: Poll, reached: int | None) -> tuple[str, ...]:
    """The alarms on how far a reader is behind that fire before its records are so old.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
    https://repost.aws/knowledge-center/kinesis-data-streams-iteratorage-metric
    """
    function = flow.nodes[poll.target]
    if node.service == "kafka":
        lag = named_metrics(function, "OffsetLag") if isinstance(function, Function) else []
        return told_by(flow, *lag, _of_mapping(poll, "MaxOffsetLag"))
    ages = named_metrics(function, "IteratorAge") if isinstance(function, Function) else []
    if node.service == "kinesis" and poll.consumption != "fan-out":
        # What is pushed to a consumer with throughput of its own takes no GetRecords.
        ages.append(Wanted("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", node.id))
    return tuple(alarm for age in ages for alarm in told_by_age(flow, age, reached, MILLISECONDS))


def _of_mapping(poll: Poll, metric: str) -> Wanted:
    return Wanted("AWS/Lambda", metric, "EventSourceMappingUUID", poll.id)


# --- topics and buses --------------------------------------------------------------------------------


def topic_metrics(node: Node, net: Net) -> list[Wanted]:
    """What counts a delivery that SNS gives up. https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html"""
    more = {
        Net.NONE: (),
        Net.TAKES: ("NumberOfNotificationsRedrivenToDlq",),
        Net.REFUSES: ("NumberOfNotificationsFailedToRedriveToDlq",),
    }
    names = ("NumberOfNotificationsFailed", *more[net])
    return [Wanted("AWS/SNS", name, "TopicName", node.id) for name in names]


def filter_alarms(flow: Flow, node: Node) -> tuple[str, ...]:
    """The alarms on what the filter policies of a topic reject."""
    names = ("", "-MessageAttributes", "-MessageBody")
    return told_by(
        flow, *(Wanted("AWS/SNS", f"NumberOfNotificationsFilteredOut{name}", "TopicName", node.id) for name in names)
    )


def delivery_metrics(flow: Flow, edge: Delivery, net: Net) -> list[Wanted]:
    """What counts a delivery that EventBridge gives up.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
    """
    if edge.by == "events":
        more = {
            Net.NONE: (),
            Net.TAKES: ("InvocationsSentToDlq",),
            Net.REFUSES: ("InvocationsFailedToBeSentToDlq",),
        }
        names = ("FailedInvocations", *more[net])
        return [Wanted("AWS/Events", name, "RuleName", edge.source) for name in names]
    schedule = flow.nodes[edge.source]
    if isinstance(schedule, Schedule):
        more = {
            Net.NONE: (),
            Net.TAKES: ("InvocationsSentToDeadLetterCount",),
            Net.REFUSES: ("InvocationsFailedToBeSentToDeadLetterCount",),
        }
        names = ("InvocationDroppedCount", *more[net])
        return [Wanted("AWS/Scheduler", name, "ScheduleGroup", schedule.group) for name in names]
    if edge.by == "eventsv2":
        name = "OnFailureDestinationDelivered" if net is Net.TAKES else "EventsDropped"
        return [Wanted("AWS/EventsV2", name, "Subscriber", edge.id)]
    return []
