"""Event source mappings and pipes that read queues."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from patterns.errors import PatternError
from patterns.flow import limits
from patterns.flow.ends.screens import ENVELOPE
from patterns.flow.filters import check_event_source_filter
from patterns.flow.model import (
    Delivery,
    Edge,
    External,
    Function,
    Notification,
    Poll,
    Queue,
    Send,
    Subscription,
)
from patterns.flow.template import Ref
from patterns.guard.rule import Example, Found, Rule, Severity, span
from patterns.guard.view import View, as_written, exists, number

_CONFIGURE = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"
_ERRORS = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"
_SCALING = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"
_FILTERING = "https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html"
_API = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html"

_MAPPING = "AWS::Lambda::EventSourceMapping"


def _names(view: View, poll: Poll) -> dict[str, object]:
    return {"queue": view.flow.name(poll.source), "function": view.flow.name(poll.target)}


def _visibility(view: View) -> Iterator[tuple[Poll, Queue, Function, int, int]]:
    for poll, queue, function in view.served:
        if queue.visibility is not None and function.timeout is not None:
            yield poll, queue, function, queue.visibility, function.timeout


def _below_timeout(view: View) -> Iterator[Found]:
    for _, queue, function, visibility, timeout in _visibility(view):
        if visibility < timeout and queue.resource:
            yield Found(
                queue.resource,
                "VisibilityTimeout",
                {
                    "queue": queue.name,
                    "function": function.name,
                    "visibility": span(visibility),
                    "timeout": span(timeout),
                },
                subject=function.id,
            )


def _below_six(view: View) -> Iterator[Found]:
    factor = limits.SQS_VISIBILITY_PER_FUNCTION_TIMEOUT
    for poll, queue, function, visibility, timeout in _visibility(view):
        if poll.window is None or not queue.resource:
            continue
        wanted = factor * timeout + poll.window
        if timeout <= visibility < wanted:
            yield Found(
                queue.resource,
                "VisibilityTimeout",
                {
                    "queue": queue.name,
                    "function": function.name,
                    "visibility": span(visibility),
                    "timeout": span(timeout),
                    "window": f" and a batching window of {span(poll.window)}" if poll.window else "",
                    "wanted": wanted,
                },
                subject=function.id,
            )


def _no_partial(view: View) -> Iterator[Found]:
    for poll in view.mappings:
        size = poll.batch_size
        if poll.partial is False and size is not None and size > 1 and poll.resource:
            yield Found(
                poll.resource,
                "FunctionResponseTypes",
                {**_names(view, poll), "size": size, "others": size - 1},
            )


_REPORTS = re.compile(r"batchItemFailures|batch_item_failures|BatchProcessor|process_partial_response")


def _never_reports(view: View) -> Iterator[Found]:
    for poll in view.mappings:
        function = view.function_of(poll) if poll.partial else None
        if function is None or function.definition is None:
            continue
        code = view.value(function.definition, "Code", "ZipFile")
        if isinstance(code, str) and code.strip() and not _REPORTS.search(code):
            yield Found(function.definition, "Code.ZipFile", _names(view, poll), subject=poll.id)


def _filter_deletes(view: View) -> Iterator[Found]:
    for poll in view.polls:
        if not poll.filters or poll.resource is None or _never_matches(view, poll):
            continue
        watch = view.watched("AWS/Lambda", ("FilteredOutEventCount",), "EventSourceMappingUUID", poll.id)
        if watch.told:
            continue
        yield Found(
            poll.resource,
            "FilterCriteria" if poll.resource.type == _MAPPING else "SourceParameters.FilterCriteria",
            _names(view, poll),
        )


def _never_matches(view: View, poll: Poll) -> Subscription | None:
    """The subscription whose envelope no filter of this reader matches."""
    patterns = [as_written(pattern) for pattern in poll.filters]
    bodies = [pattern.get("body") for pattern in patterns if isinstance(pattern, Mapping)]
    if len(bodies) != len(poll.filters) or not all(_not_in_envelope(body) for body in bodies):
        return None
    for edge in view.flow.arriving(poll.source):
        if isinstance(edge, Subscription) and edge.raw is False and edge.enabled is not False:
            return edge
    return None


def _not_in_envelope(body: Any) -> bool:
    """Whether a pattern for the body asks for what the SNS envelope does not have."""
    if not isinstance(body, Mapping) or "$or" in body:
        return False
    for key, value in body.items():
        if key not in ENVELOPE and not _asks_for_absence(value):
            return True
        if key == "Message" and isinstance(value, Mapping):
            return True
    return False


def _asks_for_absence(value: Any) -> bool:
    """Whether ``exists: false`` or an exclusion stands in a pattern: what is not there can match."""
    if isinstance(value, Mapping):
        return any(_asks_for_absence(item) for item in value.values())
    return isinstance(value, list) and any(
        isinstance(item, Mapping) and (item.get("exists") is False or "anything-but" in item) for item in value
    )


def _filter_on_envelope(view: View) -> Iterator[Found]:
    for poll in view.polls:
        edge = _never_matches(view, poll) if poll.filters else None
        if edge and edge.resource:
            yield Found(
                edge.resource,
                "RawMessageDelivery",
                {**_names(view, poll), "topic": view.flow.name(edge.source)},
                subject=poll.id,
            )


def _filter_invalid(view: View) -> Iterator[Found]:
    for poll in view.mappings:
        assert poll.resource is not None
        most = limits.ESM_FILTERS
        if len(poll.filters) > most:
            why = f"there are {len(poll.filters)} filters, Lambda takes {most}"
            yield Found(poll.resource, "FilterCriteria.Filters", {**_names(view, poll), "why": why})
        for index, pattern in enumerate(poll.filters):
            place = f"FilterCriteria.Filters[{index}].Pattern"
            pattern = as_written(pattern)
            if isinstance(pattern, Mapping):
                try:
                    check_event_source_filter(pattern, argument="the pattern")
                except PatternError as error:
                    yield Found(poll.resource, place, {**_names(view, poll), "why": str(error)}, subject=str(index))
            elif isinstance(pattern, str):
                why = "the pattern is not a JSON object"
                yield Found(poll.resource, place, {**_names(view, poll), "why": why}, subject=str(index))


def _by_function(view: View) -> Iterator[tuple[Function, list[Poll]]]:
    """Functions with reserved concurrency, and the mappings that poll for them under any qualifier."""
    found: dict[str, list[Poll]] = {}
    for poll in view.mappings:
        function = view.function_of(poll)
        if function and function.reserved_concurrency:
            found.setdefault(function.function, []).append(poll)
    for key, polls in sorted(found.items()):
        function = view.function_of(polls[0])
        if function and key:
            yield function, polls


def _above_reserved(view: View) -> Iterator[Found]:
    for function, polls in _by_function(view):
        together = sum(poll.maximum_concurrency or 0 for poll in polls)
        reserved = function.reserved_concurrency or 0
        if together > reserved and function.definition:
            some = [poll for poll in polls if poll.maximum_concurrency]
            certain = [poll.maximum_concurrency or 0 for poll in some if poll.resource and not poll.resource.condition]
            alone = max(poll.maximum_concurrency or 0 for poll in some) > reserved
            unsure = "" if alone or sum(certain) > reserved else exists(*(poll.resource for poll in some))
            yield Found(
                function.definition,
                "ReservedConcurrentExecutions",
                {
                    "function": function.name,
                    "together": together,
                    "reserved": reserved,
                    "queues": ", ".join(sorted({view.flow.name(poll.source) for poll in polls})),
                },
                unsure=unsure,
            )


def _without_maximum(view: View) -> Iterator[Found]:
    for function, polls in _by_function(view):
        for poll in polls:
            if poll.maximum_concurrency is None and "maximum_concurrency" not in poll.unknown and not poll.provisioned:
                assert poll.resource is not None
                yield Found(
                    poll.resource,
                    "ScalingConfig.MaximumConcurrency",
                    {**_names(view, poll), "reserved": function.reserved_concurrency},
                )


def _maximum_and_provisioned(view: View) -> Iterator[Found]:
    for poll in view.mappings:
        if poll.provisioned and poll.maximum_concurrency is not None and poll.resource:
            yield Found(poll.resource, "ProvisionedPollerConfig", _names(view, poll))


def _pollers(view: View) -> Iterator[Found]:
    for poll in view.mappings:
        assert poll.resource is not None
        config = view.value(poll.resource, "ProvisionedPollerConfig")
        if not isinstance(config, Mapping):
            continue
        low, high = number(config.get("MinimumPollers")), number(config.get("MaximumPollers"))
        problem = ""
        for name, value, (least, most) in (
            ("MinimumPollers", low, limits.ESM_SQS_MINIMUM_POLLERS),
            ("MaximumPollers", high, limits.ESM_SQS_MAXIMUM_POLLERS),
        ):
            if value is not None and not least <= value <= most:
                problem = problem or f"{name} must be {least} to {most} for a queue, it is {value}"
        if not problem and low is not None and high is not None and high < low:
            problem = f"MaximumPollers {high} is below MinimumPollers {low}"
        if problem:
            yield Found(poll.resource, "ProvisionedPollerConfig", {**_names(view, poll), "why": problem})


def _batch(view: View) -> Iterator[Found]:
    for poll in view.mappings:
        queue = view.queue_of(poll)
        size, window = poll.batch_size, poll.window
        fifo = queue.fifo if queue else None
        problem = ""
        if size is not None:
            least, most = limits.ESM_BATCH_SIZE_FIFO if fifo else limits.ESM_BATCH_SIZE_STANDARD
            if not least <= size <= most and fifo is not None:
                problem = (
                    f"BatchSize must be {least} to {most} for a {'FIFO' if fifo else 'standard'} queue, it is {size}"
                )
            elif size > limits.ESM_BATCH_SIZE_WITHOUT_WINDOW and window == 0:
                problem = f"BatchSize {size} needs a MaximumBatchingWindowInSeconds of at least 1"
        if not problem and fifo and window:
            problem = "a FIFO queue takes no MaximumBatchingWindowInSeconds"
        if not problem and window is not None and window > limits.ESM_BATCHING_WINDOW_SECONDS[1]:
            problem = f"MaximumBatchingWindowInSeconds must be at most {limits.ESM_BATCHING_WINDOW_SECONDS[1]}"
        if problem and poll.resource:
            yield Found(poll.resource, "BatchSize", {**_names(view, poll), "why": problem})


_PRODUCES = (Subscription, Delivery, Notification, Send)


def _disabled(view: View) -> Iterator[Found]:
    for poll in view.flow.edges_of(Poll):
        if poll.enabled is not False or poll.service != "sqs" or view.readers(poll.source) or not poll.resource:
            continue
        producers = [
            edge
            for edge in view.flow.arriving(poll.source)
            if isinstance(edge, _PRODUCES) and edge.enabled is not False
        ]
        # What a policy lets in from elsewhere may never send.
        known = [edge for edge in producers if not _lets_in(view, edge)]
        queue = view.flow.nodes[poll.source]
        if producers and poll.source not in view.kept_in:
            retention = span(queue.retention) if isinstance(queue, Queue) else "their retention"
            certain = any(not edge.resource or not edge.resource.condition for edge in known)
            names = ", ".join(sorted({view.flow.name(edge.source) for edge in known or producers}))
            unsure = "" if known else f"whether {names} sends there, as a policy allows"
            if not certain or poll.resource.condition:
                unsure = exists(poll.resource, (known or producers)[0].resource) or unsure
            yield Found(
                poll.resource,
                "Enabled" if poll.resource.type == _MAPPING else "DesiredState",
                {**_names(view, poll), "producers": names, "retention": retention},
                unsure=unsure,
            )


def _lets_in(view: View, edge: Edge) -> bool:
    """Whether a link is no more than a policy's permission for a sender elsewhere."""
    return isinstance(edge, Send) and isinstance(view.flow.nodes[edge.source], External)


_STREAM_ONLY = (
    "DestinationConfig",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
)


def _stream_options(view: View) -> Iterator[Found]:
    for poll in view.mappings:
        assert poll.resource is not None
        given = poll.resource.properties
        named = [name for name in _STREAM_ONLY if name in given]
        if not named or view.queue_of(poll) is None:
            continue
        for name in named:
            value = view.value(poll.resource, name)
            if name == "DestinationConfig":
                value = view.value(poll.resource, name, "OnFailure", "Destination")
            if value not in (None, False):
                yield Found(poll.resource, name, {**_names(view, poll), "option": name}, subject=name)


def _async_net(view: View) -> Iterator[Found]:
    for poll in view.mappings:
        queue, function = view.queue_of(poll), view.function_of(poll)
        if not queue or not function or queue.redrive or queue.broken_redrive or not view.only_polled(function):
            continue
        nets = view.failure_nets(function.id)
        if nets and nets[0].resource:
            yield Found(
                nets[0].resource,
                nets[0].place,
                {**_names(view, poll), "net": view.flow.name(nets[0].target)},
                subject=poll.id,
            )


def _denied(view: View) -> Iterator[Found]:
    for poll in view.polls:
        if poll.resource and (poll.verdict.denied or poll.verdict.unknown):
            yield Found(
                poll.resource,
                "",
                {**_names(view, poll), "why": poll.verdict.why},
                unsure=poll.verdict.why if poll.verdict.unknown else "",
            )


def _cannot_delete(view: View) -> Iterator[Found]:
    for poll in view.polls:
        if poll.resource and poll.may_delete.denied and poll.verdict.allowed:
            yield Found(poll.resource, "", {**_names(view, poll), "why": poll.may_delete.why})


def _competing(view: View) -> Iterator[Found]:
    for polls in view.readers_of.values():
        queue = view.queue_of(polls[0]) if len(polls) > 1 else None
        if queue is None or not queue.resource:
            continue
        readers, certain = {}, set()
        for other in polls:
            function = view.function_of(other)
            key = function.function if function else other.target
            readers.setdefault(key, view.flow.name(other.target))
            if other.resource and not other.resource.condition:
                certain.add(key)
        if len(readers) > 1:
            yield Found(
                queue.resource,
                "",
                {"queue": queue.name, "count": len(readers), "functions": " and ".join(sorted(readers.values()))},
                unsure="" if len(certain) > 1 else exists(*(other.resource for other in polls)),
            )


def _unqualified(view: View) -> Iterator[Found]:
    for poll in view.mappings:
        qualified = view.qualifiers(poll.target)
        if len(qualified) < 2 or not poll.resource:
            continue
        aliases = [other for other in qualified if other.resource and other.resource.type == "AWS::Lambda::Alias"]
        used = next((other for other in aliases if view.flow.arriving(other.id) or _offered(view, other)), None)
        if used:
            yield Found(poll.resource, "FunctionName", {**_names(view, poll), "alias": used.name})


def _offered(view: View, alias: Function) -> bool:
    """Whether a permission or a URL lets somebody invoke an alias, who stands in no template."""
    assert alias.resource is not None
    mine, name = alias.resource.ref, view.value(alias.resource, "Name")
    for one in view.template.of_type("AWS::Lambda::Permission", "AWS::Lambda::Url"):
        key = "FunctionName" if one.type.endswith("Permission") else "TargetFunctionArn"
        target = view.template.target(one.stack, view.value(one, key, default=""))
        if target == mine:
            return True
        qualifier = view.value(one, "Qualifier")
        if isinstance(target, Ref) and f"{target.stack}/{target.logical_id}" == alias.function and qualifier == name:
            return qualifier is not None
    return False


_DISABLED_PRODUCER = {
    "Notify": {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "ScheduleExpression": "rate(1 minute)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": {"Fn::GetAtt": ["Orders", "Arn"]},
                "RoleArn": {"Fn::GetAtt": ["NotifyRole", "Arn"]},
                "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Missed", "Arn"]}},
            },
        },
    },
    "NotifyRole": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "scheduler.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ]
            },
            "Policies": [
                {
                    "PolicyName": "Send",
                    "PolicyDocument": {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": "sqs:SendMessage",
                                "Resource": [
                                    {"Fn::GetAtt": ["Orders", "Arn"]},
                                    {"Fn::GetAtt": ["Missed", "Arn"]},
                                ],
                            }
                        ]
                    },
                }
            ],
        },
    },
    "Missed": {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"MessageRetentionPeriod": 1_209_600},
    },
    "MissedAlarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Missed", "QueueName"]}}],
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0,
            "AlarmActions": ["arn:aws:sns:eu-west-1:111122223333:on-call"],
        },
    },
}

_FED_BY_TOPIC = {
    "Events": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": "alias/aws/sns"}},
    "Subscription": {
        "Type": "AWS::SNS::Subscription",
        "Properties": {
            "TopicArn": {"Ref": "Events"},
            "Protocol": "sqs",
            "Endpoint": {"Fn::GetAtt": ["Orders", "Arn"]},
            "RawMessageDelivery": True,
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Missed", "Arn"]}},
        },
    },
    "FromEvents": {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": "Orders"}, {"Ref": "Missed"}],
            "PolicyDocument": {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "sns.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": "*",
                        "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "Events"}}},
                    }
                ]
            },
        },
    },
    "EventsAlarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "Namespace": "AWS/SNS",
            "MetricName": "NumberOfNotificationsFailed",
            "Dimensions": [{"Name": "TopicName", "Value": {"Fn::GetAtt": ["Events", "TopicName"]}}],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0,
            "AlarmActions": ["arn:aws:sns:eu-west-1:111122223333:on-call"],
        },
    },
    "Missed": _DISABLED_PRODUCER["Missed"],
    "MissedAlarm": _DISABLED_PRODUCER["MissedAlarm"],
    "Poll.Properties.FilterCriteria": {"Filters": [{"Pattern": '{"body": {"kind": ["order"]}}'}]},
    "Poll.Properties.MetricsConfig": {"Metrics": ["EventCount"]},
    "FilteredAlarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "Namespace": "AWS/Lambda",
            "MetricName": "FilteredOutEventCount",
            "Dimensions": [{"Name": "EventSourceMappingUUID", "Value": {"Ref": "Poll"}}],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0,
            "AlarmActions": ["arn:aws:sns:eu-west-1:111122223333:on-call"],
        },
    },
}

_INLINE = "import json\ndef handler(event, context):\n    %s\n"

RULES = (
    Rule(
        "poll-filter-deletes",
        Severity.CRITICAL,
        "A filter deletes messages from a queue",
        "Messages in {queue} that match no filter are deleted, not left for somebody else and not moved to a "
        "dead-letter queue; {function} never sees them, and no alarm counts them.",
        "Filter where messages are copied (an SNS filter policy, an EventBridge rule); or watch "
        "SqsPoll.metric_filtered_out() with an alarm.",
        "Move the filter to the subscription or rule; or set MetricsConfig {{Metrics: [EventCount]}} and an alarm on "
        "FilteredOutEventCount.",
        _FILTERING,
        _filter_deletes,
        Example(
            "polled", {"Poll.Properties.FilterCriteria": {"Filters": [{"Pattern": '{"body": {"kind": ["order"]}}'}]}}
        ),
    ),
    Rule(
        "poll-filter-on-envelope",
        Severity.CRITICAL,
        "A filter looks for fields that the SNS envelope hides",
        "What {topic} sends arrives in {queue} wrapped: the body is SNS's envelope and the message a string in it. "
        "No filter of {function} matches that, so every such message is deleted.",
        "Set raw_message_delivery=True on the subscription.",
        "Set RawMessageDelivery: true on the subscription.",
        _FILTERING,
        _filter_on_envelope,
        Example("polled", {"Subscription.Properties.RawMessageDelivery": None}, good=_FED_BY_TOPIC),
    ),
    Rule(
        "poll-never-reports-failures",
        Severity.CRITICAL,
        "The function promises batch item failures and returns none",
        "{function} is polled with ReportBatchItemFailures, but its code never returns batchItemFailures: whatever it "
        "returns counts as success for all, and failed messages are deleted from {queue}.",
        "Return the failed ids, as Powertools' BatchProcessor does.",
        'Return {{"batchItemFailures": [{{"itemIdentifier": messageId}}]}} for the messages that failed.',
        _ERRORS,
        _never_reports,
        Example(
            "polled",
            {"Worker.Properties.Code": {"ZipFile": _INLINE % "return {'statusCode': 200}"}},
            good={"Worker.Properties.Code": {"ZipFile": _INLINE % "return {'batchItemFailures': []}"}},
        ),
    ),
    Rule(
        "poll-no-batch-item-failures",
        Severity.HIGH,
        "One failed message sends its whole batch back",
        "{function} gets up to {size} messages at once from {queue}. When one fails, up to {others} good ones are "
        "processed again and again with it, and reach the dead-letter queue together.",
        "Set report_batch_item_failures=True and return the failed ids, or batch_size=1.",
        "Set FunctionResponseTypes: [ReportBatchItemFailures] and return the failed ids, or BatchSize: 1.",
        _ERRORS,
        _no_partial,
        Example("polled", {"Poll.Properties.FunctionResponseTypes": None}),
    ),
    Rule(
        "poll-visibility-below-timeout",
        Severity.HIGH,
        "Messages become visible again while they are processed",
        "{queue} shows a message again after {visibility}, but {function} may take {timeout}: it is processed twice "
        "at the same time. Lambda refuses to create such a mapping.",
        "Set visibility_timeout to 6 times the function's timeout.",
        "Set VisibilityTimeout to 6 times the function's Timeout.",
        _CONFIGURE,
        _below_timeout,
        Example("polled", {"Orders.Properties.VisibilityTimeout": 20}),
    ),
    Rule(
        "poll-visibility-short",
        Severity.MEDIUM,
        "The visibility timeout leaves no time for throttled batches",
        "{queue} shows a message again after {visibility}; with a timeout of {timeout}{window} of {function}, batches "
        "that are throttled for a while run out of it, count as received and are doubled.",
        "Set visibility_timeout=Duration.seconds({wanted}).",
        "Set VisibilityTimeout: {wanted} (6 times the function's Timeout, plus the batching window).",
        _CONFIGURE,
        _below_six,
        Example("polled", {"Orders.Properties.VisibilityTimeout": 60}),
    ),
    Rule(
        "poll-filter-invalid",
        Severity.HIGH,
        "A filter pattern does not work for a queue",
        "A filter of {function} on {queue}: {why}. Such a pattern is refused, or matches nothing, and what matches "
        "nothing is deleted.",
        "Write the pattern for the key body, for example FilterCriteria.filter({{'body': {{'kind': ['order']}}}}).",
        'Write Pattern for the key body: {{"body": {{"kind": ["order"]}}}}.',
        _FILTERING,
        _filter_invalid,
        Example(
            "polled",
            {
                "Poll.Properties.FilterCriteria": {
                    "Filters": [{"Pattern": '{"messageAttributes": {"kind": ["order"]}}'}]
                }
            },
            good={key: value for key, value in _FED_BY_TOPIC.items() if key.startswith(("Poll.", "Filtered"))},
        ),
    ),
    Rule(
        "poll-concurrency-above-reserved",
        Severity.HIGH,
        "Pollers may run more invocations than the function has reserved",
        "The mappings of {queues} may run {together} invocations of {function} at once, {reserved} are reserved: the "
        "rest is throttled, counts as received, and good messages end in the dead-letter queue.",
        "Reserve at least {together}, or lower max_concurrency.",
        "Set ReservedConcurrentExecutions to at least {together}, or lower ScalingConfig.MaximumConcurrency.",
        _SCALING,
        _above_reserved,
        Example(
            "polled",
            {"Poll.Properties.ScalingConfig.MaximumConcurrency": 20},
            good={
                "Worker.Properties.ReservedConcurrentExecutions": 10,
                "Poll.Properties.ScalingConfig": {"MaximumConcurrency": 10},
            },
        ),
    ),
    Rule(
        "poll-no-maximum-concurrency",
        Severity.HIGH,
        "Pollers do not know the function's reserved concurrency",
        "Lambda starts with 5 batches of {queue} at once and adds more, whatever {function} has reserved ({reserved}). "
        "What is above is throttled and counts as received: good messages end in the dead-letter queue under load.",
        "Set max_concurrency to at most the reserved concurrency.",
        "Set ScalingConfig.MaximumConcurrency to at most ReservedConcurrentExecutions.",
        _SCALING,
        _without_maximum,
        Example(
            "polled",
            {"Poll.Properties.ScalingConfig": None},
            good={
                "Worker.Properties.ReservedConcurrentExecutions": 10,
                "Poll.Properties.ScalingConfig": {"MaximumConcurrency": 10},
            },
        ),
    ),
    Rule(
        "poll-disabled",
        Severity.HIGH,
        "Nobody polls a queue that is written to",
        "{producers} write to {queue}, but its only mapping is disabled: messages are deleted when they are "
        "{retention} old.",
        "Set enabled=True, or stop the producers.",
        "Set Enabled: true, or stop the producers.",
        _API,
        _disabled,
        Example("polled", {"Poll.Properties.Enabled": False}, good=_DISABLED_PRODUCER),
    ),
    Rule(
        "poll-option-for-streams-only",
        Severity.HIGH,
        "A mapping of a queue has an option that works for streams only",
        "{option} has no effect on {queue}: what looks like a safety net of {function} is none.",
        "Use the queue's dead_letter_queue instead.",
        "Remove {option}; set RedrivePolicy on the queue instead.",
        _API,
        _stream_options,
        Example("polled", {"Poll.Properties.MaximumRetryAttempts": 2}),
    ),
    Rule(
        "poll-net-for-asynchronous-only",
        Severity.HIGH,
        "A polled function has a safety net for asynchronous invocations only",
        "{net} takes failures of asynchronous invocations; {function} is invoked by the poller of {queue}, so nothing "
        "ever gets there, and the queue has no dead-letter queue.",
        "Give the queue a dead_letter_queue.",
        "Set RedrivePolicy on the queue.",
        "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
        _async_net,
        Example(
            "polled",
            {
                "Worker.Properties.DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["OrdersDead", "Arn"]}},
                "WorkerRole.Properties.Policies": [
                    {
                        "PolicyName": "KeepFailures",
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": "sqs:SendMessage",
                                    "Resource": {"Fn::GetAtt": ["OrdersDead", "Arn"]},
                                }
                            ]
                        },
                    }
                ],
                "Orders.Properties.RedrivePolicy": None,
            },
            also=("sqs-no-dead-letter-queue",),
        ),
    ),
    Rule(
        "poll-not-permitted",
        Severity.HIGH,
        "The consumer's role may not read its queue",
        "{function} gets nothing from {queue}: {why}. Messages wait there until they expire.",
        "Grant it: queue.grant_consume_messages(function).",
        "Allow sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes (and kms:Decrypt on the queue's key).",
        _CONFIGURE,
        _denied,
        Example(
            "polled",
            {
                "WorkerRole.Properties.ManagedPolicyArns.0": (
                    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
                )
            },
        ),
    ),
    Rule(
        "poll-not-permitted-to-delete",
        Severity.HIGH,
        "The consumer's role may not delete what it has processed",
        "{function} reads {queue} but cannot delete: {why}. Every message is processed again and again until it is "
        "moved to the dead-letter queue or expires.",
        "Grant it: queue.grant_consume_messages(function).",
        "Allow sqs:DeleteMessage on the queue.",
        _CONFIGURE,
        _cannot_delete,
        Example(
            "polled",
            {"WorkerRole.Properties.Policies.0.PolicyDocument.Statement.0.Action.2": None},
            good={
                "WorkerRole.Properties.ManagedPolicyArns": [
                    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
                ],
                "WorkerRole.Properties.Policies": [
                    {
                        "PolicyName": "Consume",
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": ["sqs:ReceiveMessage", "sqs:GetQueueAttributes", "sqs:DeleteMessage"],
                                    "Resource": {"Fn::GetAtt": ["Orders", "Arn"]},
                                }
                            ]
                        },
                    }
                ],
            },
        ),
    ),
    Rule(
        "poll-competing-consumers",
        Severity.HIGH,
        "Consumers of one queue take messages from each other",
        "{count} consumers poll {queue} ({functions}): each message goes to only one of them. That is no fan-out.",
        "Give each consumer a queue of its own, subscribed to a topic.",
        "Use one queue for each consumer behind an SNS topic or an EventBridge rule.",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-common-scenarios.html",
        _competing,
        Example(
            "polled",
            {
                "Second": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Runtime": "python3.13",
                        "Handler": "index.handler",
                        "Code": {"S3Bucket": "code", "S3Key": "second.zip"},
                        "Timeout": 30,
                        "Role": {"Fn::GetAtt": ["SecondRole", "Arn"]},
                    },
                },
                "SecondRole": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {
                        "AssumeRolePolicyDocument": {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Principal": {"Service": "lambda.amazonaws.com"},
                                    "Action": "sts:AssumeRole",
                                }
                            ]
                        },
                        "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"],
                    },
                },
                "PollSecond": {
                    "Type": "AWS::Lambda::EventSourceMapping",
                    "Properties": {
                        "EventSourceArn": {"Fn::GetAtt": ["Orders", "Arn"]},
                        "FunctionName": {"Ref": "Second"},
                        "FunctionResponseTypes": ["ReportBatchItemFailures"],
                    },
                },
            },
        ),
    ),
    Rule(
        "poll-maximum-and-provisioned",
        Severity.MEDIUM,
        "A mapping has both maximum concurrency and provisioned pollers",
        "Lambda takes only one of the two for {queue}: the deployment fails.",
        "Use max_concurrency or provisioned pollers.",
        "Remove ScalingConfig or ProvisionedPollerConfig.",
        _SCALING,
        _maximum_and_provisioned,
        Example(
            "polled",
            {
                "Poll.Properties.ScalingConfig": {"MaximumConcurrency": 10},
                "Poll.Properties.ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 10},
            },
        ),
    ),
    Rule(
        "poll-provisioned-range",
        Severity.MEDIUM,
        "The number of provisioned pollers is not allowed",
        "{why}: Lambda refuses the mapping of {queue}.",
        "Set at least 2 pollers, and not more at least than at most.",
        "Set MinimumPollers 2 to 200 and MaximumPollers from there to 10000.",
        _API,
        _pollers,
        Example("polled", {"Poll.Properties.ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 10}}),
    ),
    Rule(
        "poll-batch-not-allowed",
        Severity.MEDIUM,
        "Batch size and batching window do not go together",
        "{why}: Lambda refuses the mapping of {queue}.",
        "Set max_batching_window=Duration.seconds(1) or more, or batch_size=10 or less.",
        "Set MaximumBatchingWindowInSeconds 1 to 300, or BatchSize 10 or less; FIFO queues take no window.",
        _CONFIGURE,
        _batch,
        Example("polled", {"Poll.Properties.BatchSize": 100}),
    ),
    Rule(
        "poll-unqualified-function",
        Severity.LOW,
        "A queue is polled for the unpublished code",
        "{function} is invoked through its alias {alias} elsewhere, but {queue} is polled for $LATEST: a deployment "
        "reaches the queue's messages before it is released.",
        "Pass the alias as the mapping's target.",
        "Set FunctionName to the alias's ARN.",
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html",
        _unqualified,
        Example(
            "polled",
            {"Poll.Properties.FunctionName": {"Ref": "Worker"}},
            good={
                "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Worker"}}},
                "Live": {
                    "Type": "AWS::Lambda::Alias",
                    "Properties": {
                        "FunctionName": {"Ref": "Worker"},
                        "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
                        "Name": "live",
                    },
                },
                "Poll.Properties.FunctionName": {"Ref": "Live"},
                "Address": {
                    "Type": "AWS::Lambda::Url",
                    "Properties": {"TargetFunctionArn": {"Ref": "Live"}, "AuthType": "AWS_IAM"},
                },
            },
        ),
    ),
)
