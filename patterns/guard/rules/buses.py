"""Event buses, rules and their targets, schedules, and subscribers of the new event buses."""

from collections.abc import Iterator

from patterns.errors import PatternError
from patterns.flow import limits
from patterns.flow.filters import Scope, can_match, check_event_pattern
from patterns.flow.model import Bus, DeadLetter, Delivery, Edge, Function, Queue, Stream, Topic
from patterns.flow.model import Rule as EventRule
from patterns.guard.rule import Example, Found, Rule, Severity, span
from patterns.guard.view import View, as_written, may_exclude_itself, mentions

_RETRY = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html"
_DLQ = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html"
_POLICIES = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html"
_MONITORING = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html"
_PATTERNS = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html"
_SQS = "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_SqsParameters.html"
_CUSTOM = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-retry.html"
_SCHEDULER = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"

_SOON = 300
_KNOWN = (Queue, Topic, Function, Bus, Stream)


def _deliveries(view: View, *by: str) -> Iterator[Delivery]:
    for edge in view.flow.edges_of(Delivery):
        if edge.by in by and edge.resource is not None and edge.enabled is not False:
            yield edge


def _names(view: View, edge: Edge) -> dict[str, object]:
    return {"source": view.flow.name(edge.source), "target": view.flow.name(edge.target)}


def _found(edge: Edge, place: str, facts: dict[str, object], unsure: str = "") -> Found:
    assert edge.resource is not None
    return Found(edge.resource, place, facts, unsure=unsure, subject=edge.target)


def _hasty(edge: Delivery) -> bool:
    """Whether a transient fault is enough to give an event up."""
    return edge.attempts == 1 or (edge.seconds is not None and edge.seconds < _SOON)


def _tries(edge: Delivery) -> dict[str, object]:
    tries = (
        "an unknown number of tries"
        if edge.attempts is None or _refused(edge)
        else f"{edge.attempts} tr" + ("y" if edge.attempts == 1 else "ies")
    )
    return {"tries": tries, "seconds": span(edge.seconds)}


def _refused(edge: Delivery) -> str:
    """What AWS does not take in the retry policy of a rule's target or a schedule, else empty."""
    for name, value, (least, most) in (
        ("MaximumRetryAttempts", edge.attempts, limits.EVENTBRIDGE_RETRY_ATTEMPTS),
        ("MaximumEventAgeInSeconds", edge.seconds, limits.EVENTBRIDGE_EVENT_AGE_SECONDS),
    ):
        if value is not None:
            value -= name == "MaximumRetryAttempts"  # the first try is none of them
            if not least <= value <= most:
                return f"{name} must be {least} to {most:,}, it is {value:,}"
    return ""


def _retries_refused(view: View) -> Iterator[Found]:
    for edge in view.flow.edges_of(Delivery):
        if edge.by in ("events", "scheduler") and edge.resource is not None and (why := _refused(edge)):
            yield _found(edge, f"{edge.place}.RetryPolicy", {**_names(view, edge), "why": why})


def _no_net(view: View) -> Iterator[Found]:
    for edge in _deliveries(view, "events"):
        if not view.flow.nets(edge) and not _hasty(edge):
            found = _found(edge, f"{edge.place}.DeadLetterConfig", {**_names(view, edge), **_tries(edge)})
            yield found._replace(severity=Severity.HIGH) if view.is_clock(edge.source) else found


def _hasty_without_net(view: View) -> Iterator[Found]:
    for edge in _deliveries(view, "events"):
        if not view.flow.nets(edge) and _hasty(edge):
            yield _found(edge, f"{edge.place}.RetryPolicy", {**_names(view, edge), **_tries(edge)})


def _scheduler_no_net(view: View) -> Iterator[Found]:
    for edge in _deliveries(view, "scheduler"):
        if not view.flow.nets(edge):
            yield _found(edge, "Target.DeadLetterConfig", {**_names(view, edge), **_tries(edge)})


def _is_fifo(view: View, key: str) -> bool:
    node = view.flow.nodes[key]
    return isinstance(node, Queue) and bool(node.fifo)


def _net_denied(view: View) -> Iterator[Found]:
    for net in view.flow.edges_of(DeadLetter):
        edge = view.flow.edges.get(net.of)
        if not isinstance(edge, Delivery) or net.resource is None or net.verdict.allowed:
            continue
        if edge.by == "events" and _is_fifo(view, net.target):
            continue
        facts = {**_names(view, edge), "dead": view.flow.name(net.target), "why": net.verdict.why}
        yield _found(net, net.place, facts, net.verdict.why if net.verdict.unknown else "")


def _net_fifo(view: View) -> Iterator[Found]:
    for edge in _deliveries(view, "events"):
        for net in view.flow.nets(edge):
            if _is_fifo(view, net.target):
                yield _found(net, net.place, {**_names(view, edge), "dead": view.flow.name(net.target)})


def _fifo_refused(view: View, edge: Delivery) -> bool:
    queue = view.flow.nodes[edge.target]
    return (
        isinstance(queue, Queue)
        and bool(queue.fifo)
        and edge.by != "pipes"
        and (not edge.message_group or queue.content_based_deduplication is False)
    )


def _fifo_target(view: View) -> Iterator[Found]:
    for edge in _deliveries(view, "events", "scheduler"):
        if _fifo_refused(view, edge):
            what = (
                "it gives no MessageGroupId"
                if not edge.message_group
                else "the queue has no content-based deduplication"
            )
            yield _found(edge, f"{edge.place}.SqsParameters", {**_names(view, edge), "why": what})


def _denied(view: View) -> Iterator[Found]:
    for edge in _deliveries(view, "events", "eventsv2", "scheduler", "pipes"):
        if edge.verdict.allowed or _fifo_refused(view, edge):
            continue
        if edge.verdict.unknown and not isinstance(view.flow.nodes[edge.target], _KNOWN):
            continue  # nothing that a template could say would tell
        facts = {**_names(view, edge), "why": edge.verdict.why}
        yield _found(edge, edge.place, facts, edge.verdict.why if edge.verdict.unknown else "")


def _disabled(view: View) -> Iterator[Found]:
    for rule in view.flow.nodes_of(EventRule):
        if rule.enabled is False and rule.bus and rule.resource is not None:
            targets = [view.flow.name(edge.target) for edge in view.flow.leaving(rule.id) if isinstance(edge, Delivery)]
            if targets:
                facts = {"rule": rule.name, "bus": view.flow.name(rule.bus), "targets": ", ".join(sorted(targets))}
                yield Found(rule.resource, "State", facts)


def _pattern_invalid(view: View) -> Iterator[Found]:
    for rule in view.flow.nodes_of(EventRule):
        pattern = as_written(rule.pattern)
        if pattern is None or rule.resource is None:
            continue
        try:
            check_event_pattern(pattern, argument="EventPattern")
        except PatternError as error:
            yield Found(rule.resource, "EventPattern", {"rule": rule.name, "why": str(error)})


def _matches_nothing(view: View) -> Iterator[Found]:
    for rule in view.flow.nodes_of(EventRule):
        pattern = as_written(rule.pattern)
        if pattern is None or rule.resource is None or not may_exclude_itself(pattern):
            continue
        try:
            check_event_pattern(pattern, argument="EventPattern")
        except PatternError:
            continue
        if can_match(pattern, Scope.EVENTBRIDGE) is False:
            targets = sorted(view.flow.name(e.target) for e in view.flow.leaving(rule.id) if isinstance(e, Delivery))
            facts = {"rule": rule.name, "targets": ", ".join(targets) or "its targets"}
            yield Found(rule.resource, "EventPattern", facts)


def _rule_never_measured(view: View) -> Iterator[Found]:
    for alarm in view.flow.alarms.values():
        for metric in alarm.metrics:
            names = dict(metric.dimensions)
            _, both, key = names.get("RuleName", "").rpartition("|")
            rule = view.flow.nodes.get(key)
            if metric.namespace != "AWS/Events" or not isinstance(rule, EventRule):
                continue
            bus, alone = view.flow.nodes.get(rule.bus), "EventBusName" not in names
            if not both and not (alone and isinstance(bus, Bus) and not bus.default):
                continue
            name = view.flow.name(rule.bus)
            asks = "RuleName alone" if alone else f"{name}|{rule.name}, which is what Ref returns"
            facts = {"alarm": alarm.name, "rule": rule.name, "bus": name, "metric": metric.name, "asks": asks}
            yield Found(alarm.resource, "Dimensions", facts, subject=metric.name)


_LOST = ("InvocationsFailedToBeSentToDlq", "FailedInvocations")


def _unwatched(view: View) -> Iterator[Found]:
    for rule in view.flow.nodes_of(EventRule):
        nets = [net for edge in view.flow.leaving(rule.id) for net in view.flow.nets(edge)]
        if not nets or rule.resource is None or rule.enabled is False:
            continue
        watch = view.watched("AWS/Events", _LOST, "RuleName", rule.id)
        if not watch.told and not watch.unsure and not _watched_by_arn(view, rule):
            facts = {"rule": rule.name, "dead": view.flow.name(nets[0].target)}
            yield Found(rule.resource, "", {**facts, "alarm": f" ({watch.why})" if watch.why else ""})


def _watched_by_arn(view: View, rule: EventRule) -> bool:
    """Whether an alarm cuts the rule's name out of its ARN or reference, on a bus whose name no template gives."""
    assert rule.resource is not None
    return any(
        alarm.acts is not False
        and alarm.fires is not False
        and alarm.resource.stack == rule.resource.stack
        and any(
            metric.namespace == "AWS/Events"
            and metric.name in _LOST
            and "|" not in dict(metric.dimensions).get("RuleName", "")
            for metric in alarm.metrics
        )
        and mentions(alarm.resource.properties.get("Dimensions"), rule.resource.logical_id)
        for alarm in view.flow.alarms.values()
    )


def _subscriber_no_net(view: View) -> Iterator[Found]:
    for edge in _deliveries(view, "eventsv2"):
        if not view.flow.nets(edge):
            yield _found(edge, "OnFailureConfiguration", {**_names(view, edge), **_tries(edge)})


def _subscriber_order(view: View) -> Iterator[Found]:
    for edge in _deliveries(view, "eventsv2"):
        assert edge.resource is not None
        if view.value(edge.resource, "Type") == "FIFO" and edge.asynchronous:
            yield _found(edge, "InvokeConfiguration.LambdaParameters.InvocationType", _names(view, edge))


_NO_NET = {
    "Placed.Properties.Targets.0.DeadLetterConfig": None,
    "Undelivered": None,
    "UndeliveredPolicy": None,
    "UndeliveredAlarm": None,
    "PlacedAlarm": None,
}
_TO_FUNCTION = {
    "Subscriber.Properties.Type": "FIFO",
    "Subscriber.Properties.InvokeConfiguration": {
        "TargetArn": {"Fn::GetAtt": ["Worker", "Arn"]},
        "LambdaParameters": {"InvocationType": "REQUEST_RESPONSE"},
        "RoleArn": {"Fn::GetAtt": ["BusRole", "Arn"]},
    },
    "BusRole.Properties.Policies.0.PolicyDocument.Statement.1": {
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": {"Fn::GetAtt": ["Worker", "Arn"]},
    },
    "Worker": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Code": {"S3Bucket": "code", "S3Key": "worker.zip"},
            "Timeout": 30,
            "Role": {"Fn::GetAtt": ["WorkerRole", "Arn"]},
            "DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["Undelivered", "Arn"]}},
        },
    },
    "WorkerRole": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ]
            },
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
            "Policies": [
                {
                    "PolicyName": "KeepFailures",
                    "PolicyDocument": {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": "sqs:SendMessage",
                                "Resource": {"Fn::GetAtt": ["Undelivered", "Arn"]},
                            }
                        ]
                    },
                }
            ],
        },
    },
    "LostAlarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "Namespace": "AWS/Lambda",
            "MetricName": "DeadLetterErrors",
            "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "Worker"}}],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0,
            "AlarmActions": ["arn:aws:sns:eu-west-1:111122223333:on-call"],
        },
    },
}

RULES = (
    Rule(
        "events-no-dead-letter-queue",
        Severity.CRITICAL,
        "A rule's target has no dead-letter queue",
        "When {target} is gone or refuses {source}, EventBridge drops the event at once; when it is throttled or "
        "failing, after {tries} or {seconds}. Nothing keeps the event.",
        "Pass dead_letter_queue to the target.",
        "Set DeadLetterConfig.Arn on the target, with a queue policy for events.amazonaws.com.",
        _DLQ,
        _no_net,
        Example("routed", _NO_NET),
    ),
    Rule(
        "events-dead-letter-queue-denied",
        Severity.CRITICAL,
        "The dead-letter queue of a target cannot be written to",
        "What {source} cannot deliver to {target} cannot be put into {dead} either: {why}. It is lost, although there "
        "is a dead-letter queue.",
        "Grant it: queue.grant_send_messages(ServicePrincipal('events.amazonaws.com', conditions=…)).",
        "Add an AWS::SQS::QueuePolicy for events.amazonaws.com with ArnEquals aws:SourceArn of the rule (Scheduler: "
        "allow its role sqs:SendMessage); a customer-managed key must be granted too.",
        _DLQ,
        _net_denied,
        Example("routed", {"UndeliveredPolicy": None}),
    ),
    Rule(
        "events-target-denied",
        Severity.CRITICAL,
        "A target does not let its sender in",
        "{source} cannot deliver to {target}: {why}. That is not retried; the event goes to the dead-letter queue, or "
        "is lost.",
        "Use the classes of aws_events_targets, which grant what is needed.",
        "Add an AWS::Lambda::Permission or AWS::SQS::QueuePolicy for events.amazonaws.com (with aws:SourceArn), or "
        "allow the action in the RoleArn's role; a customer-managed key must be granted too.",
        _POLICIES,
        _denied,
        Example("routed", {"InboxPolicy": None}),
    ),
    Rule(
        "events-subscriber-no-failure-queue",
        Severity.CRITICAL,
        "A subscriber of an event bus has no failure queue",
        "{source} drops what {target} does not take within {tries} or {seconds}; only EventsDropped counts it.",
        "Set on_failure_configuration, and a retry policy of up to 24 hours.",
        "Set OnFailureConfiguration.Arn, and RetryPolicy.MaximumEventAgeInSeconds up to 86400.",
        _CUSTOM,
        _subscriber_no_net,
        Example(
            "subscribed",
            {"Subscriber.Properties.OnFailureConfiguration": None, "Undelivered": None, "UndeliveredAlarm": None}
            | {"BusRole.Properties.Policies.0.PolicyDocument.Statement.0.Resource": {"Fn::GetAtt": ["Inbox", "Arn"]}},
        ),
    ),
    Rule(
        "events-gives-up-soon",
        Severity.HIGH,
        "A target is given up after a short fault",
        "{source} tries {target} for {tries} or {seconds} and has no dead-letter queue: a moment of throttling loses "
        "the event.",
        "Leave retry_attempts and max_event_age out (185 times, 24 hours), and pass dead_letter_queue.",
        "Remove RetryPolicy (185 times, 24 hours), and set DeadLetterConfig.",
        _RETRY,
        _hasty_without_net,
        Example("routed", {"Placed.Properties.Targets.0.RetryPolicy": {"MaximumRetryAttempts": 0}} | _NO_NET),
    ),
    Rule(
        "events-fifo-target",
        Severity.HIGH,
        "A FIFO queue as target does not get its events",
        "{source} cannot send to {target}, a FIFO queue: {why}.",
        "Pass message_group_id to SqsQueue, and set content_based_deduplication=True on the queue.",
        "Set SqsParameters.MessageGroupId on the target, and ContentBasedDeduplication: true on the queue.",
        _SQS,
        _fifo_target,
        Example(
            "routed",
            {"Placed.Properties.Targets.0.SqsParameters": None},
            good={
                "Inbox.Properties.FifoQueue": True,
                "Inbox.Properties.ContentBasedDeduplication": True,
                "Placed.Properties.Targets.0.SqsParameters": {"MessageGroupId": "orders"},
            },
        ),
    ),
    Rule(
        "events-rule-disabled",
        Severity.HIGH,
        "A rule is disabled",
        "{rule} is disabled: the events of {bus} that it would send to {targets} are discarded, and no archive of the "
        "rule keeps them.",
        "Set enabled=True, or remove the rule.",
        "Set State: ENABLED, or remove the rule.",
        _PATTERNS,
        _disabled,
        Example("routed", {"Placed.Properties.State": "DISABLED"}),
    ),
    Rule(
        "events-alarm-without-bus",
        Severity.HIGH,
        "An alarm on a rule never gets data",
        "{rule} belongs to {bus}. For such a rule EventBridge reports {metric} with EventBusName and RuleName "
        "together; {alarm} asks for {asks}, and never fires.",
        'Give dimensions_map EventBusName, and as RuleName Fn.select(2, Fn.split("/", rule.rule_arn)).',
        'Give the dimensions EventBusName, and as RuleName !Select [1, !Split ["|", !Ref the rule]].',
        _MONITORING,
        _rule_never_measured,
        Example(
            "routed",
            {"PlacedAlarm.Properties.Dimensions": [{"Name": "RuleName", "Value": {"Ref": "Placed"}}]},
            also=("events-dead-letter-queue-unwatched",),
        ),
    ),
    Rule(
        "scheduler-no-dead-letter-queue",
        Severity.HIGH,
        "A schedule's target has no dead-letter queue",
        "When {target} cannot be reached, {source} gives up after {tries} or {seconds}, and the run is missed without "
        "a trace.",
        "Pass dead_letter_queue to the target.",
        "Set Target.DeadLetterConfig.Arn, and allow the role sqs:SendMessage on it.",
        _SCHEDULER,
        _scheduler_no_net,
        Example(
            "scheduled",
            {
                "Nightly.Properties.Target.DeadLetterConfig": None,
                "Missed": None,
                "MissedAlarm": None,
                "SchedulerRole.Properties.Policies.0.PolicyDocument.Statement.0.Resource": {
                    "Fn::GetAtt": ["Inbox", "Arn"]
                },
            },
        ),
    ),
    Rule(
        "events-dead-letter-queue-fifo",
        Severity.MEDIUM,
        "The dead-letter queue of a target is FIFO",
        "EventBridge takes only standard queues: {dead} cannot keep what {source} could not deliver to {target}.",
        "Use a standard queue.",
        "Point DeadLetterConfig.Arn at a standard queue.",
        _DLQ,
        _net_fifo,
        Example("routed", {"Undelivered.Properties.FifoQueue": True}),
    ),
    Rule(
        "events-retry-policy-invalid",
        Severity.MEDIUM,
        "AWS refuses the retry policy of a target",
        "{why} on the way from {source} to {target}. The deployment fails.",
        "Set retry_attempts to 0 to 185 and max_event_age to 1 minute to 24 hours, or leave both out.",
        "Set MaximumRetryAttempts to 0 to 185 and MaximumEventAgeInSeconds to 60 to 86400, or remove RetryPolicy.",
        "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html",
        _retries_refused,
        Example("routed", {"Placed.Properties.Targets.0.RetryPolicy": {"MaximumRetryAttempts": 500}}),
    ),
    Rule(
        "events-pattern-invalid",
        Severity.MEDIUM,
        "EventBridge refuses an event pattern",
        "The pattern of {rule}: {why}. The deployment fails.",
        "Correct event_pattern.",
        "Correct EventPattern; `patterns filter` checks one offline.",
        _PATTERNS,
        _pattern_invalid,
        Example("routed", {"Placed.Properties.EventPattern": {"detail-type": "OrderPlaced"}}),
    ),
    Rule(
        "events-subscriber-order-lost",
        Severity.MEDIUM,
        "An ordered subscriber invokes its function asynchronously",
        "{source} keeps the order of events, but {target} is invoked with EVENT: accepted counts as delivered, so "
        "neither the order nor a failure is seen.",
        "Invoke with REQUEST_RESPONSE.",
        "Set LambdaParameters.InvocationType: REQUEST_RESPONSE.",
        _CUSTOM,
        _subscriber_order,
        Example(
            "subscribed",
            {"Subscriber.Properties.InvokeConfiguration.LambdaParameters.InvocationType": "EVENT"},
            good=_TO_FUNCTION,
            also=("dead-letter-queue-mixed-sources",),
        ),
    ),
    Rule(
        "events-dead-letter-queue-unwatched",
        Severity.LOW,
        "Nobody is told when a rule's own dead-letter queue cannot be written to",
        "When EventBridge cannot put an event of {rule} into {dead}, the event is gone; no alarm watches "
        "InvocationsFailedToBeSentToDlq or FailedInvocations{alarm}.",
        "Add an Alarm on AWS/Events InvocationsFailedToBeSentToDlq of the rule, above 0.",
        "Add an AWS::CloudWatch::Alarm on AWS/Events InvocationsFailedToBeSentToDlq > 0, with EventBusName and "
        "RuleName for a custom bus.",
        _MONITORING,
        _unwatched,
        Example("routed", {"PlacedAlarm": None}),
    ),
    Rule(
        "events-pattern-matches-nothing",
        Severity.HIGH,
        "An event pattern matches no event at all",
        "The conditions of the pattern of {rule} exclude each other: {targets} never gets an event, and what was meant "
        "for it is discarded.",
        "Correct event_pattern.",
        "Correct EventPattern; `patterns filter` tries one offline.",
        _PATTERNS,
        _matches_nothing,
        Example(
            "routed",
            {"Placed.Properties.EventPattern.source": [{"exists": False}]},
            good={
                "Placed.Properties.EventPattern": {
                    "source": [{"exists": True}],
                    "$or": [{"source": ["shop"]}, {"source": ["stall"]}],
                }
            },
        ),
    ),
)
