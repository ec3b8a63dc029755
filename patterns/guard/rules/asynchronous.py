"""Functions that are invoked asynchronously: retries, event age, failure destinations, function dead-letter queues."""

from collections.abc import Iterator

from patterns.flow import limits
from patterns.flow.model import Bucket, Destination, External, Function, Queue, Topic, Way
from patterns.flow.template import Ref
from patterns.guard.rule import Example, Found, Rule, Severity, span
from patterns.guard.view import View, mentions, number

_RETAIN = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"
_ERRORS = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"
_METRICS = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"
_SHORT_AGE = 600
_ACCOUNT = ("s3:ResourceAccount", "aws:ResourceAccount")
_UNPLACED = "which function or qualifier an AWS::Lambda::EventInvokeConfig of this stack is for"


def _invoked(view: View) -> Iterator[tuple[Function, str]]:
    """Functions that are invoked asynchronously, and who does it."""
    for key, edges in sorted(view.asynchronous.items()):
        node = view.flow.nodes[key]
        if isinstance(node, Function) and node.definition:
            yield node, ", ".join(sorted({view.flow.name(edge.source) for edge in edges}))


def _misses(view: View, function: Function) -> Function | None:
    """The qualifier that has the configuration which this one, the one that is invoked, should have."""
    if function.async_config is not None:
        return None
    for other in view.qualifiers(function.function):
        if other.id != function.id and other.async_config is not None and other.id not in view.asynchronous:
            return other
    return None


def _configured_by_arn(view: View, function: Function) -> tuple[bool, str]:
    """Whether a configuration whose qualifier is cut out of an alias' ARN brings a net; and what cannot be told.

    The CDK writes the qualifier of an alias so.
    """
    if "async_config" not in function.unknown:
        return False, ""
    aliases = {one.resource.logical_id for one in view.qualifiers(function.function) if one.resource}
    for config in view.template.of_type("AWS::Lambda::EventInvokeConfig"):
        target = view.template.target(config.stack, view.value(config, "FunctionName"))
        if isinstance(target, Ref) and f"{target.stack}/{target.logical_id}" != function.function:
            continue
        if not isinstance(target, Ref):
            return False, _UNPLACED
        if isinstance(view.value(config, "Qualifier", default="$LATEST"), str | Ref):
            continue
        raw = config.properties.get("Qualifier")
        named = {alias for alias in aliases if mentions(raw, alias)}
        if function.resource and function.resource.logical_id in named:
            return view.value(config, "DestinationConfig", "OnFailure", "Destination") is not None, ""
        if not named:
            return False, _UNPLACED
    return False, ""


def _no_net(view: View) -> Iterator[Found]:
    for function, sources in _invoked(view):
        if view.failure_nets(function.id) or function.retries == 0 or _misses(view, function):
            continue
        kept, unsure = _configured_by_arn(view, function)
        if kept:
            continue
        retries = "an unknown number of" if function.retries is None else function.retries
        yield Found(
            _definition(function),
            "",
            {
                "function": function.name,
                "sources": sources,
                "tries": "an unknown number of tries" if function.retries is None else f"{function.retries + 1} tries",
                "retries": retries,
                "age": span(function.event_age),
            },
            severity=Severity.HIGH if all(view.is_clock(e.source) for e in view.asynchronous[function.id]) else None,
            unsure=unsure,
            subject=function.qualifier,
        )


def _no_retries(view: View) -> Iterator[Found]:
    for function, sources in _invoked(view):
        if function.retries == 0 and not view.failure_nets(function.id) and function.async_config:
            yield Found(function.async_config, "MaximumRetryAttempts", {"function": function.name, "sources": sources})


def _short_age(view: View) -> Iterator[Found]:
    for function, _ in _invoked(view):
        reserved = function.reserved_concurrency
        if reserved and function.event_age is not None and function.event_age < _SHORT_AGE and function.async_config:
            yield Found(
                function.async_config,
                "MaximumEventAgeInSeconds",
                {"function": function.name, "age": span(function.event_age), "reserved": reserved},
            )


def _config_refused(view: View) -> Iterator[Found]:
    for config in view.template.of_type("AWS::Lambda::EventInvokeConfig"):
        for name, (least, most) in (
            ("MaximumRetryAttempts", limits.ASYNC_RETRY_ATTEMPTS),
            ("MaximumEventAgeInSeconds", limits.ASYNC_EVENT_AGE_SECONDS),
        ):
            value = number(view.value(config, name)) if name in config.properties else None
            if value is not None and not least <= value <= most:
                target = view.template.target(config.stack, view.value(config, "FunctionName", default=""))
                known = isinstance(target, Ref)
                facts = {
                    "function": view.flow.name(f"{target.stack}/{target.logical_id}") if known else "a function",
                    "why": f"{name} must be {least} to {most:,}, it is {value:,}",
                }
                yield Found(config, name, facts)


def _other_qualifier(view: View) -> Iterator[Found]:
    for function, sources in _invoked(view):
        other = _misses(view, function)
        if other and other.async_config and not view.failure_nets(function.id):
            yield Found(
                other.async_config,
                "Qualifier",
                {
                    "function": function.name,
                    "sources": sources,
                    "configured": other.qualifier if "/" not in other.qualifier else other.name,
                    "invoked": function.qualifier if "/" not in function.qualifier else function.name,
                },
                subject=function.id,
            )


def _nets(view: View) -> Iterator[tuple[Destination, Function]]:
    for edge in view.flow.edges_of(Destination):
        function = view.flow.nodes[edge.source]
        if isinstance(function, Function) and edge.resource is not None:
            yield edge, function


def _is_fifo(view: View, edge: Destination) -> bool:
    node = view.flow.nodes[edge.target]
    return isinstance(node, Queue | Topic) and bool(node.fifo)


def _fifo(view: View) -> Iterator[Found]:
    for edge, function in _nets(view):
        if _is_fifo(view, edge):
            kind = "queue" if isinstance(view.flow.nodes[edge.target], Queue) else "topic"
            yield _at(edge, {"function": function.name, "target": view.flow.name(edge.target), "kind": kind})


def _at(edge: Destination, facts: dict[str, object], unsure: str = "") -> Found:
    assert edge.resource is not None
    return Found(edge.resource, edge.place, facts, unsure=unsure, subject=edge.target)


def _denied(view: View) -> Iterator[Found]:
    for edge, function in _nets(view):
        if _is_fifo(view, edge) or edge.verdict.allowed:
            continue
        if edge.dead_letter and function.id != function.function:
            continue  # an alias shares it with the function
        yield _at(
            edge,
            {"function": function.name, "target": view.flow.name(edge.target), "why": edge.verdict.why},
            edge.verdict.why if edge.verdict.unknown else "",
        )


def _topic_limit(view: View) -> Iterator[Found]:
    for edge, function in _nets(view):
        node = view.flow.nodes[edge.target]
        if edge.way is not Way.FAILURE or edge.dead_letter or not isinstance(node, Topic) or node.resource is None:
            continue
        size = number(view.value(node.resource, "MaximumMessageSize", default=limits.SNS_MESSAGE_SIZE_DEFAULT))
        if size is not None and size <= limits.SNS_MESSAGE_SIZE_DEFAULT:
            yield _at(edge, {"function": function.name, "topic": node.name, "size": f"{int(size) // 1024} KiB"})


def _foreign_bucket(view: View) -> Iterator[Found]:
    for edge, function in _nets(view):
        node = view.flow.nodes[edge.target]
        elsewhere = (isinstance(node, External) and node.service == "s3") or (
            isinstance(node, Bucket) and node.resource is None
        )
        if not elsewhere or _own_account_only(view, function):
            continue
        known = function.role and function.role in {f"{r.stack}/{r.logical_id}" for r in _roles(view)}
        yield _at(
            edge,
            {"function": function.name, "bucket": node.name},
            "" if known else "the function's role stands in none of the templates",
        )


def _roles(view: View):
    return view.template.of_type("AWS::IAM::Role")


def _own_account_only(view: View, function: Function) -> bool:
    """Whether a statement for S3 in the role's policies asks for the bucket's account."""
    return any(mentions(document, *_ACCOUNT) for document in _policies(view, function))


def _policies(view: View, function: Function) -> Iterator[object]:
    for role in _roles(view):
        if f"{role.stack}/{role.logical_id}" == function.role:
            yield view.value(role, "Policies")
    for policy in view.template.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for item in view.value(policy, "Roles", default=()):
            named = view.template.target(policy.stack, item)
            if str(named).replace(".", "/") == function.role:
                yield view.value(policy, "PolicyDocument")


def _loop(view: View) -> Iterator[Found]:
    for edge, function in _nets(view):
        if edge.dead_letter and function.id != function.function:
            continue
        if view.comes_back(edge.target, edge.source):
            stopped = (
                "Lambda does not stop it, because RecursiveLoop is Allow"
                if function.recursive_loop == "Allow"
                else "Lambda stops it after about 16 rounds, if every hop is Lambda, SQS, SNS or S3"
            )
            yield _at(
                edge,
                {"function": function.name, "target": view.flow.name(edge.target), "stopped": stopped},
            )


def _unwatched(view: View) -> Iterator[Found]:
    reported: set[str] = set()
    for function, _ in _invoked(view):
        nets = view.failure_nets(function.id)
        if not nets or function.function in reported:
            continue
        metrics = ["AsyncEventsDropped"]
        if any(not net.dead_letter for net in nets):
            metrics.append("DestinationDeliveryFailures")
        if any(net.dead_letter for net in nets):
            metrics.append("DeadLetterErrors")
        keys = dict.fromkeys((function.function, function.id))
        watches = [view.watched("AWS/Lambda", metrics, "FunctionName", key) for key in keys]
        if any(watch.told or watch.unsure for watch in watches):
            continue
        reported.add(function.function)
        yield Found(
            _definition(function),
            "",
            {
                "function": function.name,
                "target": view.flow.name(nets[0].target),
                "metrics": " or ".join(metrics[1:]),
                "alarm": next((f" ({watch.why})" for watch in watches if watch.why), ""),
            },
        )


def _twice(view: View) -> Iterator[Found]:
    for node in view.flow.nodes_of(Function):
        nets = view.failure_nets(node.id)
        kept = {net.target: net for net in nets if net.dead_letter}
        for net in nets:
            if not net.dead_letter and net.target in kept and net.resource:
                yield Found(net.resource, net.place, {"function": node.name, "target": view.flow.name(net.target)})


def _definition(function: Function):
    assert function.definition is not None
    return function.definition


_ALIAS = {
    "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Worker"}}},
    "Live": {
        "Type": "AWS::Lambda::Alias",
        "Properties": {
            "FunctionName": {"Ref": "Worker"},
            "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
            "Name": "live",
        },
    },
    "Subscription.Properties.Endpoint": {"Ref": "Live"},
    "Invoke.Properties.FunctionName": {"Ref": "Live"},
    "Async.Properties.Qualifier": "live",
    "Async.DependsOn": "Live",
}

RULES = (
    Rule(
        "async-no-failure-destination",
        Severity.CRITICAL,
        "Events of a function that fails are dropped",
        "{sources} invokes {function} asynchronously. After {tries}, or {age} of throttling, Lambda drops the event, "
        "and nothing keeps it.",
        "Set on_failure=SqsDestination(queue), or use AsyncDlq.",
        "Add an AWS::Lambda::EventInvokeConfig with DestinationConfig.OnFailure, or a DeadLetterConfig.",
        _ERRORS,
        _no_net,
        Example(
            "invoked",
            {
                "Async.Properties.DestinationConfig": None,
                "Failed": None,
                "FailedAlarm": None,
                "LostAlarm": None,
                "WorkerRole.Properties.Policies": None,
            },
        ),
    ),
    Rule(
        "async-no-retries-no-destination",
        Severity.CRITICAL,
        "The first error of a function loses the event",
        "{sources} invokes {function} asynchronously, with no retry and no failure destination: one exception, one "
        "timeout, and the event is gone.",
        "Set retry_attempts=2 and on_failure=SqsDestination(queue).",
        "Set MaximumRetryAttempts: 2 and DestinationConfig.OnFailure.",
        _ERRORS,
        _no_retries,
        Example(
            "invoked",
            {
                "Async.Properties.MaximumRetryAttempts": 0,
                "Async.Properties.DestinationConfig": None,
                "Failed": None,
                "FailedAlarm": None,
                "LostAlarm": None,
                "WorkerRole.Properties.Policies": None,
            },
        ),
    ),
    Rule(
        "async-destination-fifo",
        Severity.CRITICAL,
        "A failure destination is FIFO",
        "Lambda cannot write to {target}, a FIFO {kind}: every record of {function} is lost, only "
        "DestinationDeliveryFailures or DeadLetterErrors counts it.",
        "Use a standard queue or topic.",
        "Point the destination at a standard queue or topic.",
        _RETAIN,
        _fifo,
        Example("invoked", {"Failed.Properties.FifoQueue": True}),
    ),
    Rule(
        "async-destination-denied",
        Severity.CRITICAL,
        "A function may not write to its failure destination",
        "Lambda writes to {target} with the role of {function}: {why}. The record of every failed event is lost.",
        "Pass the destination to the construct, which grants it; or grant_send_messages(function).",
        "Allow the function's role sqs:SendMessage, sns:Publish, lambda:InvokeFunction, events:PutEvents, or "
        "s3:PutObject with s3:ListBucket; with a customer-managed key also kms:GenerateDataKey and kms:Decrypt.",
        _RETAIN,
        _denied,
        Example("invoked", {"WorkerRole.Properties.Policies": None}),
    ),
    Rule(
        "async-destination-loop",
        Severity.CRITICAL,
        "A destination leads back to the function",
        "What {function} puts into {target} invokes it again: every event goes round. {stopped}.",
        "Send failures to a queue that does not trigger the function.",
        "Point the destination at a queue that does not trigger the function.",
        "https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html",
        _loop,
        Example(
            "invoked",
            {
                "Async.Properties.DestinationConfig.OnSuccess": {"Destination": {"Ref": "Alerts"}},
                "WorkerRole.Properties.Policies.0.PolicyDocument.Statement.1": {
                    "Effect": "Allow",
                    "Action": "sns:Publish",
                    "Resource": {"Ref": "Alerts"},
                },
            },
        ),
    ),
    Rule(
        "async-config-other-qualifier",
        Severity.HIGH,
        "The asynchronous configuration is of another qualifier than the one invoked",
        "{sources} invokes {function} as {invoked}, but its retries and destination are set for {configured}: they do "
        "nothing, and failed events are dropped.",
        "Configure the alias: alias.configure_async_invoke(on_failure=…).",
        "Set Qualifier to what the event source invokes.",
        "https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html",
        _other_qualifier,
        Example("invoked", {"Async.Properties.Qualifier": "$LATEST"}, good=_ALIAS),
    ),
    Rule(
        "async-event-age-short",
        Severity.HIGH,
        "Throttled events expire soon",
        "{function} has {reserved} reserved executions, and events wait at most {age} for one: what a burst brings "
        "beyond that is given up without a try.",
        "Set max_event_age=Duration.hours(1) or more.",
        "Set MaximumEventAgeInSeconds to 3600 or more.",
        _ERRORS,
        _short_age,
        Example(
            "invoked",
            {"Async.Properties.MaximumEventAgeInSeconds": 60},
            good={
                "Worker.Properties.ReservedConcurrentExecutions": 10,
                "Async.Properties.MaximumEventAgeInSeconds": 21_600,
            },
        ),
    ),
    Rule(
        "async-config-invalid",
        Severity.MEDIUM,
        "Lambda refuses an asynchronous configuration",
        "The configuration of {function} for asynchronous invocations: {why}. The deployment fails.",
        "Set retry_attempts to 0 to 2 and max_event_age to 1 minute to 6 hours.",
        "Set MaximumRetryAttempts to 0 to 2 and MaximumEventAgeInSeconds to 60 to 21600.",
        "https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html",
        _config_refused,
        Example("invoked", {"Async.Properties.MaximumRetryAttempts": 3}),
    ),
    Rule(
        "async-destination-topic-limit",
        Severity.MEDIUM,
        "A failure destination takes less than an event can hold",
        "An event may have 1 MB, {topic} takes {size}: the record of a large event of {function} loses its payload or "
        "is not delivered.",
        "Use SqsDestination or S3Destination.",
        "Use a queue or bucket as OnFailure, or raise the topic's MaximumMessageSize.",
        _RETAIN,
        _topic_limit,
        Example(
            "invoked",
            {"Records.Properties.MaximumMessageSize": None},
            good={
                "Records": {
                    "Type": "AWS::SNS::Topic",
                    "Properties": {"KmsMasterKeyId": "alias/aws/sns", "MaximumMessageSize": 1_048_576},
                },
                "Async.Properties.DestinationConfig.OnFailure.Destination": {"Ref": "Records"},
                "WorkerRole.Properties.Policies.0.PolicyDocument.Statement.0": {
                    "Effect": "Allow",
                    "Action": "sns:Publish",
                    "Resource": {"Ref": "Records"},
                },
                "Failed": None,
                "FailedAlarm": None,
            },
        ),
    ),
    Rule(
        "async-destination-foreign-bucket",
        Severity.MEDIUM,
        "Failure records may go to somebody else's bucket",
        "{bucket} is not defined here, and the role of {function} may write to it whoever owns it: when it is deleted, "
        "anybody can take its name and get the records.",
        "Add the condition s3:ResourceAccount to the grant.",
        "Add Condition {{StringEquals: {{'s3:ResourceAccount': '111122223333'}}}} to the role's S3 statements.",
        _RETAIN,
        _foreign_bucket,
        Example(
            "invoked",
            {"WorkerRole.Properties.Policies.0.PolicyDocument.Statement.0.Condition": None},
            good={
                "Async.Properties.DestinationConfig.OnFailure.Destination": "arn:aws:s3:::failure-records",
                "WorkerRole.Properties.Policies.0.PolicyDocument.Statement.0": {
                    "Effect": "Allow",
                    "Action": ["s3:PutObject", "s3:ListBucket"],
                    "Resource": ["arn:aws:s3:::failure-records", "arn:aws:s3:::failure-records/*"],
                    "Condition": {"StringEquals": {"s3:ResourceAccount": "111122223333"}},
                },
                "Failed": None,
                "FailedAlarm": None,
            },
            also=("async-destination-denied",),
        ),
    ),
    Rule(
        "async-destination-unwatched",
        Severity.MEDIUM,
        "Nobody is told when the safety net itself fails",
        "When Lambda cannot put a record of {function} into {target}, the event is gone; no alarm watches "
        "{metrics}{alarm}.",
        "Add an Alarm on the function's {metrics}, above 0.",
        "Add an AWS::CloudWatch::Alarm on AWS/Lambda {metrics} > 0 with AlarmActions.",
        _METRICS,
        _unwatched,
        Example("invoked", {"LostAlarm": None}),
    ),
    Rule(
        "async-two-nets-one-queue",
        Severity.LOW,
        "Two safety nets put the same failure into one queue",
        "{target} gets every failed event of {function} twice, as a record and as the bare event.",
        "Keep on_failure, drop dead_letter_queue.",
        "Keep DestinationConfig.OnFailure, remove DeadLetterConfig.",
        _RETAIN,
        _twice,
        Example(
            "invoked",
            {"Worker.Properties.DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["Failed", "Arn"]}}},
        ),
    ),
)
