"""Which alarms tell of an end."""

from typing import Any

from patterns.flow.model import Bus, Delivery, Flow, Function, Node, Rule

Wanted = tuple[str, str, str, str]


def told_by(flow: Flow, *wanted: Wanted) -> tuple[str, ...]:
    """The alarms on these metrics that can fire and have an action."""
    found: dict[str, None] = {}
    for namespace, metric, dimension, node in wanted:
        for alarm in flow.watching(namespace, metric, dimension, node):
            if alarm.acts and alarm.fires and _precise(flow, alarm.metrics, namespace, metric, node):
                found[alarm.id] = None
    return tuple(found)


def _precise(flow: Flow, metrics: Any, namespace: str, name: str, node: str) -> bool:
    """Whether the dimensions are those under which the service emits the metric."""
    for metric in metrics:
        if metric.namespace != namespace or metric.name != name:
            continue
        dimensions = dict(metric.dimensions)
        if node not in dimensions.values():
            continue
        if namespace == "AWS/Events":
            rule = flow.nodes.get(node)
            custom = isinstance(rule, Rule) and rule.bus and not _is_default(flow, rule.bus)
            return set(dimensions) == ({"RuleName", "EventBusName"} if custom else {"RuleName"})
        if namespace == "AWS/Lambda":
            return set(dimensions) <= {"FunctionName", "Resource", "EventSourceMappingUUID"}
        return len(dimensions) == 1
    return False


def _is_default(flow: Flow, bus: str) -> bool:
    node = flow.nodes.get(bus)
    return isinstance(node, Bus) and node.default


def queue_alarms(flow: Flow, node: Node, redriven: bool, at_most: int | None = None) -> tuple[str, ...]:
    metrics = ["ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"]
    if not redriven:
        # SQS does not count what it moves itself.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        metrics.append("NumberOfMessagesSent")
    found = told_by(flow, *(("AWS/SQS", metric, "QueueName", node.id) for metric in metrics))
    if at_most is None:
        return found
    return tuple(a for a in found if (flow.alarms[a].seconds or 0) < at_most)


def named_metrics(node: Function, metric: str) -> list[Wanted]:
    return [("AWS/Lambda", metric, "FunctionName", node.function)]


def function_metrics(flow: Flow, key: str) -> list[Wanted]:
    node = flow.nodes[key]
    return named_metrics(node, "Errors") if isinstance(node, Function) else []


def topic_metrics(node: Node) -> list[Wanted]:
    names = (
        "NumberOfNotificationsFailed",
        "NumberOfNotificationsFailedToRedriveToDlq",
        "NumberOfNotificationsRedrivenToDlq",
    )
    return [("AWS/SNS", name, "TopicName", node.id) for name in names]


def filter_alarms(flow: Flow, node: Node) -> tuple[str, ...]:
    names = (
        "",
        "-MessageAttributes",
        "-MessageBody",
        "-NoMessageAttributes",
        "-InvalidAttributes",
        "-InvalidMessageBody",
    )
    return told_by(
        flow, *(("AWS/SNS", f"NumberOfNotificationsFilteredOut{n}", "TopicName", node.id) for n in names[:3])
    )


def rule_metrics(edge: Delivery) -> list[Wanted]:
    names = ("FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq")
    return [("AWS/Events", name, "RuleName", edge.source) for name in names] if edge.by == "events" else []
