"""Which alarms there are, what each looks at, and whether it can tell anybody.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from patterns.flow._announced import announced, place_of
from patterns.flow._composites import waited_for
from patterns.flow.draft import Draft, items, numbers
from patterns.flow.model import Alarm, Bus, Edge, External, Function, Metric, Rule, Topic, node_id
from patterns.flow.rendered import CLOSE, GAP, OPEN, readable, render
from patterns.flow.template import Ref, Resource, Unknown

# What Lambda reports for each invocation, whatever became of it.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
_MEASURED = ("Errors", "Throttles", "Duration", "Invocations", "ConcurrentExecutions")

# What counts a message that ends once, in one period.
_ONCE = (
    "AsyncEventsDropped",
    "DeadLetterErrors",
    "DestinationDeliveryFailures",
    "DroppedEventCount",
    "EventsDropped",
    "FailedInvocations",
    "InvocationDroppedCount",
    "InvocationsFailedToBeSentToDeadLetterCount",
    "InvocationsFailedToBeSentToDlq",
    "InvocationsSentToDeadLetterCount",
    "InvocationsSentToDlq",
    "NumberOfMessagesSent",
    "NumberOfNotificationsFailedToRedriveToDlq",
    "NumberOfNotificationsRedrivenToDlq",
    "OnFailureDestinationDelivered",
)

_AGES = (
    "ApproximateAgeOfOldestMessage",
    "AsyncEventAge",
    "GetRecords.IteratorAgeMilliseconds",
    "IteratorAge",
    "MaxOffsetLag",
    "OffsetLag",
)


def alarms(draft: Draft, edges: Iterable[Edge]) -> Iterator[Alarm]:
    """Every alarm in the templates, the composite ones too (they look at no metric of their own)."""
    acting = _waited_for(draft, True)
    perhaps = _waited_for(draft, False)
    handed_on = announced(draft, edges)
    for resource in draft.template.of_type("AWS::CloudWatch::CompositeAlarm"):
        acts = _either(_composite_acts(draft, resource), handed_on.get(place_of(draft, resource.stack), False))
        yield Alarm(
            id=node_id(resource),
            name=draft.name(resource),
            resource=resource,
            why=_refused(draft, resource) if acts is False else "",
            acts=acts,
            actions=tuple(_actions(draft, resource)),
        )
    for resource in draft.template.of_type("AWS::CloudWatch::Alarm"):
        acts = _acts_at_all(draft, resource, acting, perhaps)
        yield _alarm(draft, resource, _either(acts, handed_on.get(place_of(draft, resource.stack), False)))


def _either(one: bool | None, other: bool | None) -> bool | None:
    return True if one or other else None if one is None or other is None else False


def _alarm(draft: Draft, resource: Resource, acts: bool | None) -> Alarm:
    read = numbers(draft, resource)
    metrics = tuple(_metrics(draft, resource))
    period = read.integer("period", "Period", default=None)
    if period is None:
        period = max((p for p in _periods(draft, resource) if p), default=60)
    evaluated = read.integer("evaluation_periods", "EvaluationPeriods", default=1)
    fires, why = _fires(draft, resource, metrics, evaluated)
    acts = _exists(draft, resource, metrics, acts)
    return Alarm(
        id=node_id(resource),
        name=draft.name(resource),
        resource=resource,
        metrics=metrics,
        fires=fires,
        why=_refused(draft, resource) if acts is False and fires is not False else why,
        threshold=_threshold(draft, resource),
        acts=acts,
        seconds=None if evaluated is None else period * evaluated,
        actions=tuple(_actions(draft, resource)),
    )


def _threshold(draft: Draft, resource: Resource) -> float | None:
    """What the metric itself is compared with; metric math may turn it into anything."""
    if _math(draft, resource):
        return None
    try:
        return float(render(draft.value(resource, "Threshold")))
    except ValueError:
        return None


def _actions(draft: Draft, resource: Resource) -> Iterator[str]:
    for _, action in items(draft.value(resource, "AlarmActions")):
        inside = draft.inside(resource.stack, action)
        yield inside or readable(render(action))


def _acts_at_all(draft: Draft, resource: Resource, acting: set[str], perhaps: set[str]) -> bool | None:
    """Whether it acts itself, or a composite alarm that waits for it does."""
    tokens = set(_tokens(draft, resource))
    return _either(_acts(draft, resource), True if tokens & acting else None if tokens & perhaps else False)


def _exists(draft: Draft, resource: Resource, metrics: tuple[Metric, ...], acts: bool | None) -> bool | None:
    """What ``acts`` comes to for an alarm that may not be there: it is, where what it watches has its condition."""
    if resource.condition is None or not acts:
        return acts
    watched = [draft.template.resources.get(_split(key)) for metric in metrics for _, key in metric.dimensions]
    shared = any(one and one.condition and one.condition.same == resource.condition.same for one in watched)
    return acts if shared else None


def _split(key: str) -> tuple[str, str]:
    stack, _, logical = key.rpartition("/")
    return stack, logical


def _acts(draft: Draft, resource: Resource) -> bool | None:
    enabled = draft.value(resource, "ActionsEnabled", default=True)
    if enabled in (False, "false"):
        return False
    actions = draft.value(resource, "AlarmActions")
    found = [a for _, a in items(actions) if a not in ("", None) and _tells(draft, resource, a)]
    if isinstance(actions, Unknown) or (found and all(map(_perhaps_none, found))):
        return None
    if found and not isinstance(enabled, bool | str):
        return None
    return bool(found)


def _tells(draft: Draft, resource: Resource, action: Any) -> bool:
    """Whether an action tells somebody: it does not only scale something, and is not refused."""
    return not _scales(draft, resource, action) and not _refusal(draft, resource, action)


def _refusal(draft: Draft, resource: Resource, action: Any) -> str:
    """Why a topic or function does not take what an alarm hands to it, empty where it may.

    A topic without a policy of its own lets in the alarms of its account.
    https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
    """
    target = draft.inside(resource.stack, action)
    node = draft.nodes.get(target)
    if not isinstance(node, Topic | Function):
        return ""
    service = "cloudwatch.amazonaws.com" if isinstance(node, Topic) else "lambda.alarms.cloudwatch.amazonaws.com"
    verdict = draft.may(service, node_id(resource), target, resource, by_default=isinstance(node, Topic))
    return verdict.why if verdict.denied else ""


def _refused(draft: Draft, resource: Resource) -> str:
    """Why the first of its actions that is refused is; empty where none is."""
    actions = (action for _, action in items(draft.value(resource, "AlarmActions")))
    return next(filter(None, (_refusal(draft, resource, action) for action in actions)), "")


_SCALING = ("AWS::ApplicationAutoScaling::ScalingPolicy", "AWS::AutoScaling::ScalingPolicy")


def _scales(draft: Draft, resource: Resource, action: Any) -> bool:
    """Whether an action adds or takes away what works, and tells nobody.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
    """
    inside = draft.inside(resource.stack, action)
    return draft.type_of(inside) in _SCALING or render(action).split(":")[2:3] == ["autoscaling"]


def _waited_for(draft: Draft, certain: bool) -> set[str]:
    """What the composite alarms that act wait for, ids and names, at any depth: any one of these, or any of them.

    Args:
        certain: whether one alarm is enough, and the composite alarm is there.
    """
    composites = {node_id(c): c for c in draft.template.of_type("AWS::CloudWatch::CompositeAlarm")}
    rules = {key: waited_for(render(draft.value(c, "AlarmRule", default=""))) for key, c in composites.items()}
    named = {token: key for key, composite in composites.items() for token in _tokens(draft, composite)}
    acts = {key: _composite_acts(draft, composite) for key, composite in composites.items()}
    waiting = [key for key, act in acts.items() if act or (act is None and not certain)]
    found: set[str] = set()
    done = set(waiting)
    while waiting:
        alone, among = rules[waiting.pop()]
        tokens = alone if certain else among
        found |= tokens
        for token in tokens:
            nested = named.get(token)
            if nested and nested not in done:
                done.add(nested)
                waiting.append(nested)
    return found


def _perhaps_none(action: Any) -> bool:
    """Whether an action may be no action at all. A parameter without a value is one, whatever it comes to."""
    return isinstance(action, Unknown) and action.reason.startswith("condition ")


def _composite_acts(draft: Draft, composite: Resource) -> bool | None:
    acts = _acts(draft, composite)
    return None if acts and composite.condition is not None else acts


def _tokens(draft: Draft, resource: Resource) -> Iterator[str]:
    """How a composite alarm's rule names an alarm."""
    yield f"{OPEN}{node_id(resource)}{CLOSE}"
    name = draft.value(resource, "AlarmName")
    if isinstance(name, str):
        yield name


def _metrics(draft: Draft, resource: Resource) -> Iterator[Metric]:
    name = draft.value(resource, "MetricName")
    if name is not None:
        yield _metric(
            draft,
            resource,
            draft.value(resource, "Namespace", default=""),
            name,
            draft.value(resource, "Dimensions"),
            draft.value(resource, "Statistic", default=draft.value(resource, "ExtendedStatistic", default="")),
        )
    for _, query in items(draft.value(resource, "Metrics")):
        stat = query.get("MetricStat") if isinstance(query, Mapping) else None
        metric = stat.get("Metric") if isinstance(stat, Mapping) else None
        if isinstance(metric, Mapping) and isinstance(stat, Mapping):
            yield _metric(
                draft,
                resource,
                metric.get("Namespace", ""),
                metric.get("MetricName", ""),
                metric.get("Dimensions"),
                stat.get("Stat", ""),
            )


def _math(draft: Draft, resource: Resource) -> list[str]:
    """The expressions of an alarm. A metric that has a label or is of another account stands among queries alone."""
    queries = (query for _, query in items(draft.value(resource, "Metrics")) if isinstance(query, Mapping))
    return [render(query["Expression"]) for query in queries if "Expression" in query]


def _periods(draft: Draft, resource: Resource) -> Iterator[int | None]:
    for _, query in items(draft.value(resource, "Metrics")):
        stat = query.get("MetricStat") if isinstance(query, Mapping) else None
        period = stat.get("Period") if isinstance(stat, Mapping) else None
        yield period if isinstance(period, int) and not isinstance(period, bool) else None


def _metric(draft: Draft, resource: Resource, namespace: Any, name: Any, dimensions: Any, stat: Any) -> Metric:
    found = []
    said = [namespace, name, dimensions]
    for _, dimension in items(dimensions):
        said.append(dimension)
        if isinstance(dimension, Mapping):
            key = render(dimension.get("Name", ""))
            said += (dimension.get("Name"), dimension.get("Value"))
            found.append((key, _dimension(draft, resource, key, dimension.get("Value"))))
    why = next((one.reason for one in said if isinstance(one, Unknown)), "")
    if why:
        draft.note(f"cannot be told: what {draft.name(resource)} watches: {why}")
        found = found or [("", readable(GAP))]  # without dimensions it would be the metric of all resources
    return Metric(render(namespace), render(name), tuple(sorted(found)), render(stat))


_NAMES = {
    "QueueName": "AWS::SQS::Queue",
    "TopicName": "AWS::SNS::Topic",
    "FunctionName": "AWS::Lambda::Function",
    "EventBusName": "AWS::Events::EventBus",
    "PipeName": "AWS::Pipes::Pipe",
    "RuleName": "AWS::Events::Rule",
    "StreamName": "AWS::Kinesis::Stream",
    "ScheduleGroup": "AWS::Scheduler::ScheduleGroup",
}


def _dimension(draft: Draft, resource: Resource, name: str, value: Any) -> str:
    text = render(value)
    if text.startswith(OPEN):
        inner, _, rest = text[1:].partition(CLOSE)
        rule = draft.nodes.get(inner) if isinstance(value, Ref) and not value.attribute else None
        if isinstance(rule, Rule) and _on_own_bus(draft, rule):
            return f"{rule.bus}|{inner}"
        return inner + rest
    inside = draft.named(resource.stack, value, _NAMES.get(name, ""))
    return inside or readable(text)


def _on_own_bus(draft: Draft, rule: Rule) -> bool:
    bus = draft.nodes.get(rule.bus)
    return not bus.default if isinstance(bus, Bus) else isinstance(bus, External) and not bus.why


def _fires(
    draft: Draft, resource: Resource, metrics: tuple[Metric, ...], evaluated: int | None
) -> tuple[bool | None, str]:
    """Whether one message more than none makes it go from quiet to ALARM."""
    math = _math(draft, resource)
    if not metrics:
        return (None, "a query finds its metrics") if math else (False, "it looks at no metric")
    operator = draft.value(resource, "ComparisonOperator", default="")
    threshold = draft.value(resource, "Threshold")
    if draft.value(resource, "ThresholdMetricId") is not None:
        return None, "it compares with a band that CloudWatch learns"
    try:
        limit = float(render(threshold))
    except ValueError:
        return None, "its threshold stands in no template"
    if any(metric.statistic == "SampleCount" for metric in metrics):
        # It counts measurements, and a queue that is empty is measured too.
        measured = any(metric.namespace == "AWS/SQS" or metric.name in _MEASURED for metric in metrics)
        return (False, "SampleCount counts measurements, zeros too") if measured else (None, "SampleCount is no sum")
    missing = draft.value(resource, "TreatMissingData")
    if missing == "notBreaching" and all(metric.name in _ONCE for metric in metrics):
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
        needed = numbers(draft, resource).integer("datapoints_to_alarm", "DatapointsToAlarm", default=evaluated)
        if needed is not None and needed > 1:
            return False, f"one message makes one data point, and it waits for {needed}"
    if missing == "breaching" and (idle := _idle(draft, metrics)):
        return False, f"it is in ALARM while {idle}, because missing data count as breaching"
    if not isinstance(operator, str) or not operator:
        return None, "its comparison cannot be told"
    if operator not in ("GreaterThanThreshold", "GreaterThanOrEqualToThreshold"):
        return False, f"{operator} does not fire when there are more"
    above = operator == "GreaterThanThreshold"
    if limit < 0 or (limit == 0 and not above):
        return False, "it is in ALARM all the time"
    if limit > 0 and (any("/" in each for each in math) or any(map(_is_share, metrics))):
        return None, "it compares a share, which depends on what else there is"
    if all(metric.name in _AGES for metric in metrics) or limit < 1 or (limit == 1 and not above):
        return True, ""
    if math:
        return None, "metric math makes what it compares"
    return False, f"it waits for {'more than ' if above else ''}{limit:g}"


def _is_share(metric: Metric) -> bool:
    """Whether it is the average of zeros and ones, one for each invocation.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    return metric.namespace == "AWS/Lambda" and metric.name in ("Errors", "Throttles") and metric.statistic == "Average"


def _idle(draft: Draft, metrics: tuple[Metric, ...]) -> str:
    """When the only metric of an alarm is missing although nothing failed; empty where it always has data.

    A queue is measured for six hours after it was last used, and what polls a queue uses it.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    """
    if len(metrics) != 1:
        return ""
    (metric,) = metrics
    if metric.namespace == "AWS/Events" and metric.name in _WHEN_IT_FAILS:
        return "nothing fails"
    queue = dict(metric.dimensions).get("QueueName", "")
    if metric.namespace != "AWS/SQS" or draft.type_of(queue) != "AWS::SQS::Queue" or queue in draft.polled:
        return ""
    return "its queue is not in use"


_WHEN_IT_FAILS = ("FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq")
