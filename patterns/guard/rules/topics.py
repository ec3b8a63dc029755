"""Topics and their subscriptions."""

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from patterns.errors import PatternError
from patterns.flow import limits
from patterns.flow.filters import Scope, can_match, uncovered
from patterns.flow.filters import check as check_filter
from patterns.flow.model import (
    Delivery,
    Destination,
    Edge,
    Function,
    Notification,
    Queue,
    Subscription,
    Topic,
)
from patterns.flow.rendered import GAP, render
from patterns.flow.template import Ref
from patterns.guard.rule import Example, Found, Rule, Severity
from patterns.guard.view import (
    View,
    as_written,
    by_key,
    document,
    documents,
    exists,
    may_exclude_itself,
    number,
    redrive_problem,
)

_DLQ = "https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html"
_CONFIGURE_DLQ = "https://docs.aws.amazon.com/sns/latest/dg/sns-configure-dead-letter-queue.html"
_KEYS = "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html"
_QUEUE = "https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html"
_FIFO = "https://docs.aws.amazon.com/sns/latest/dg/fifo-message-delivery.html"
_FILTERS = "https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html"
_ATTRIBUTES = "https://docs.aws.amazon.com/sns/latest/dg/attribute-key-matching.html"
_SCOPE = "https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering-scope.html"
_RETRIES = "https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html"
_METRICS = "https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html"
_PROTECTION = "https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-operations.html"
_TOPIC_API = "https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html"

_KEEPS = ("sqs", "lambda", "http", "https", "firehose")


def _names(view: View, edge: Edge) -> dict[str, object]:
    return {"topic": view.flow.name(edge.source), "endpoint": view.flow.name(edge.target)}


def _found(edge: Edge, place: str, facts: dict[str, object], unsure: str = "") -> Found:
    assert edge.resource is not None
    return Found(edge.resource, place, facts, unsure=unsure, subject=edge.place)


def _no_net(view: View) -> Iterator[Found]:
    for edge in view.subscriptions:
        if edge.protocol in _KEEPS and not view.flow.nets(edge) and not edge.broken_redrive:
            if edge.protocol in ("http", "https"):
                lost = "after its retries SNS drops the message"
            else:
                lost = (
                    "when its policy or key refuses SNS, or it is gone, SNS drops the message at once, without a retry"
                )
            yield _found(edge, edge.place or "RedrivePolicy", {**_names(view, edge), "lost": lost})


_REDRIVE_KEYS: dict[str, None] = {"deadLetterTargetArn": None}


def _broken_redrive(view: View) -> Iterator[Found]:
    for edge in view.subscriptions:
        if edge.place or edge.resource is None or "RedrivePolicy" not in edge.resource.properties:
            continue
        why = edge.broken_redrive or redrive_problem(view, edge.resource, _REDRIVE_KEYS)
        if why:
            yield _found(edge, "RedrivePolicy", {**_names(view, edge), "why": why})


def _wrong_kind(view: View, edge: Edge) -> str:
    """Why SNS refuses the endpoint for its kind, else empty."""
    topic, node = view.flow.nodes[edge.source], view.flow.nodes[edge.target]
    protocol = edge.protocol if isinstance(edge, Subscription) else "sqs"
    if not isinstance(topic, Topic) or topic.fifo is None:
        return ""
    if topic.fifo and protocol not in ("sqs", ""):
        return f"a FIFO topic delivers to queues only, not to {protocol}"
    if topic.fifo is False and isinstance(node, Queue) and node.fifo:
        return "a standard topic cannot deliver to a FIFO queue"
    return ""


def _fifo_endpoint(view: View) -> Iterator[Found]:
    for edge in view.subscriptions:
        why = _wrong_kind(view, edge)
        if why:
            yield _found(edge, edge.place or "Endpoint", {**_names(view, edge), "why": why})


def _refused(view: View, kind: type) -> Iterator[Found]:
    for edge in view.subscriptions:
        node = view.flow.nodes[edge.target]
        if not isinstance(node, kind) or edge.verdict.allowed or _wrong_kind(view, edge):
            continue
        if not by_key(edge.verdict):
            yield _found(
                edge,
                edge.place or "Endpoint",
                {**_names(view, edge), "why": edge.verdict.why},
                edge.verdict.why if edge.verdict.unknown else "",
            )


def _queue_denied(view: View) -> Iterator[Found]:
    yield from _refused(view, Queue)


def _function_denied(view: View) -> Iterator[Found]:
    yield from _refused(view, Function)


def _net_kinds(view: View, edge: Edge) -> tuple[bool, bool] | None:
    topic, dead = view.flow.nodes[edge.source], view.flow.nodes[edge.target]
    if not isinstance(topic, Topic) or not isinstance(dead, Queue) or None in (topic.fifo, dead.fifo):
        return None
    return (bool(topic.fifo), bool(dead.fifo)) if topic.fifo != dead.fifo else None


def _net_denied(view: View) -> Iterator[Found]:
    for edge in view.subscriptions:
        for net in view.flow.nets(edge):
            if net.verdict.allowed or _net_kinds(view, net) or by_key(net.verdict):
                continue
            facts = {**_names(view, edge), "dead": view.flow.name(net.target), "why": net.verdict.why}
            yield _found(net, net.place, facts, net.verdict.why if net.verdict.unknown else "")


def _key_denied(view: View) -> Iterator[Found]:
    for edge in view.subscriptions:
        nets = view.flow.nets(edge)
        refused = not edge.verdict.allowed and by_key(edge.verdict) and not _wrong_kind(view, edge)
        if refused and isinstance(view.flow.nodes[edge.target], Queue):
            then = "the message is lost" if not nets else f"the message goes to {view.flow.name(nets[0].target)}"
            facts = {**_names(view, edge), "queue": view.flow.name(edge.target), "why": edge.verdict.why, "then": then}
            yield _found(edge, edge.place or "Endpoint", facts, edge.verdict.why if edge.verdict.unknown else "")
        for net in nets:
            if not net.verdict.allowed and by_key(net.verdict) and not _net_kinds(view, net):
                facts = {**_names(view, edge), "queue": view.flow.name(net.target), "why": net.verdict.why}
                facts["then"] = f"what it could not deliver to {view.flow.name(edge.target)} is lost"
                yield _found(net, net.place, facts, net.verdict.why if net.verdict.unknown else "")


def _net_type(view: View) -> Iterator[Found]:
    for edge in view.subscriptions:
        for net in view.flow.nets(edge):
            kinds = _net_kinds(view, net)
            if kinds:
                words = {True: "FIFO", False: "standard"}
                facts = {"dead": view.flow.name(net.target), "topic_kind": words[kinds[0]], "kind": words[kinds[1]]}
                yield _found(net, net.place, {**_names(view, edge), **facts})


def _redrive_on_topic(view: View) -> Iterator[Found]:
    for topic in view.flow.nodes_of(Topic):
        for name in ("RedrivePolicy", "DeadLetterConfig"):
            if topic.resource is not None and name in topic.resource.properties:
                yield Found(topic.resource, name, {"topic": topic.name, "property": name})


# --- filter policies --------------------------------------------------------------------------------


def _scope(edge: Subscription) -> Scope | None:
    return {"MessageAttributes": Scope.ATTRIBUTES, "MessageBody": Scope.BODY}.get(edge.scope)


def _nested(policy: Any) -> bool:
    return isinstance(policy, Mapping) and any(
        isinstance(value, Mapping) for key, value in policy.items() if key != "$or"
    )


def _nested_filter(view: View) -> Iterator[Found]:
    for edge, policy in view.filtered:
        if _scope(edge) is Scope.ATTRIBUTES and _nested(policy):
            key = next(key for key, value in policy.items() if isinstance(value, Mapping))
            yield _found(edge, "FilterPolicyScope", {**_names(view, edge), "key": key})


def _filter_invalid(view: View) -> Iterator[Found]:
    for edge, policy in view.filtered:
        scope = _scope(edge)
        if scope is None:
            if edge.scope:
                why = f"FilterPolicyScope must be MessageAttributes or MessageBody, it is {edge.scope}"
                yield _found(edge, "FilterPolicyScope", {**_names(view, edge), "why": why})
            continue
        if scope is Scope.ATTRIBUTES and _nested(policy):
            continue
        try:
            if not isinstance(policy, Mapping):
                raise PatternError("it is not a JSON object")
            check_filter(policy, scope, argument="FilterPolicy")
        except PatternError as error:
            yield _found(edge, "FilterPolicy", {**_names(view, edge), "why": str(error)})


def _readable(view: View, edge: Subscription) -> Mapping[str, Any] | None:
    """The filter policy, when SNS would accept it."""
    policy, scope = view.policies.get(edge.id), _scope(edge)
    if not isinstance(policy, Mapping) or not policy or scope is None:
        return None
    try:
        check_filter(policy, scope)
    except PatternError:
        return None
    return policy


def _matches_nothing(view: View) -> Iterator[Found]:
    for edge, _ in view.filtered:
        policy, scope = _readable(view, edge), _scope(edge)
        if policy is None or scope is None or not may_exclude_itself(policy):
            continue
        if can_match(policy, scope) is False:
            yield _found(edge, "FilterPolicy", _names(view, edge))


def _for_nobody(view: View) -> Iterator[Found]:
    for topic in view.flow.nodes_of(Topic):
        edges = [edge for edge in view.flow.leaving(topic.id) if isinstance(edge, Subscription)]
        if topic.resource is None or len(edges) < 2 or not all(edge.filter for edge in edges):
            continue
        policies = [_readable(view, edge) for edge in edges]
        scopes = {_scope(edge) for edge in edges}
        scope = scopes.pop()
        if scopes or scope is None or None in policies:
            continue
        missed = uncovered([policy for policy in policies if policy is not None], scope)
        if missed is not None:
            shown = json.dumps(missed, ensure_ascii=False)
            yield Found(topic.resource, "", {"topic": topic.name, "count": len(edges), "example": shown[:120]})


def _service_messages(view: View) -> Iterator[Found]:
    for edge, policy in view.filtered:
        if _scope(edge) is not Scope.ATTRIBUTES or not isinstance(policy, Mapping) or not edge.filter:
            continue
        producer = _without_attributes(view, edge.source)
        if producer:
            yield _found(edge, "FilterPolicyScope", {**_names(view, edge), "producer": producer})


def _without_attributes(view: View, topic: str) -> str:
    """What publishes to a topic and gives its messages no attributes, else empty."""
    for edge in view.flow.arriving(topic):
        if edge.enabled is not False and _sends_bare(view, edge):
            sender = view.flow.name(edge.source)
            return f"Lambda, for the destination of {sender}," if isinstance(edge, Destination) else sender
    alarms = view.memo.get("alarms by topic")
    if alarms is None:
        alarms = view.memo["alarms by topic"] = {
            action: alarm.name for alarm in view.flow.alarms.values() if alarm.acts for action in alarm.actions
        }
    return alarms.get(topic, "")


def _sends_bare(view: View, edge: Edge) -> bool:
    """Whether a service publishes, which has no way to set attributes.

    A function's dead-letter topic gets three of them (RequestID, ErrorCode, ErrorMessage), and the input of a
    universal target of Scheduler may set any.
    """
    if isinstance(edge, Delivery) and edge.by == "scheduler" and edge.resource is not None:
        return ":aws-sdk:" not in render(view.value(edge.resource, "Target", "Arn", default=""))
    if isinstance(edge, Destination):
        return not edge.dead_letter
    return isinstance(edge, Notification | Delivery)


def _asks_absence(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get("exists") is False or any(_asks_absence(item) for item in value.values())
    return isinstance(value, list) and any(_asks_absence(item) for item in value)


def _exists_false(view: View) -> Iterator[Found]:
    for edge, _ in view.filtered:
        policy = as_written(edge.filter)
        if _scope(edge) is Scope.ATTRIBUTES and isinstance(policy, Mapping) and not _nested(policy):
            key = next((key for key, value in policy.items() if _asks_absence(value)), None)
            if key is not None:
                yield _found(edge, "FilterPolicy", {**_names(view, edge), "key": key})


def _same_endpoint(view: View) -> Iterator[Found]:
    seen: dict[tuple[str, str, str], Subscription] = {}
    for edge in view.subscriptions:
        if edge.target.endswith("?"):
            continue
        first = seen.setdefault((edge.source, edge.protocol, edge.target), edge)
        if first is not edge and edge.resource and first.resource:
            facts = {**_names(view, edge), "first": first.resource.logical_id}
            yield _found(edge, edge.place, facts, exists(first.resource, edge.resource))


def _large(view: View) -> Iterator[Found]:
    for topic in view.flow.nodes_of(Topic):
        if topic.resource is None:
            continue
        size = number(view.value(topic.resource, "MaximumMessageSize"))
        if size is None or size <= limits.SNS_MESSAGE_SIZE_DEFAULT:
            continue
        edges = [edge for edge in view.flow.leaving(topic.id) if isinstance(edge, Subscription)]
        other = sorted({edge.protocol for edge in edges} - {"sqs", "lambda", "firehose", ""})
        if other or len(edges) > limits.SNS_SUBSCRIPTIONS_OF_LARGE_MESSAGES:
            why = f"it has {len(edges)} subscriptions" if not other else f"it has subscriptions of {', '.join(other)}"
            yield Found(topic.resource, "MaximumMessageSize", {"topic": topic.name, "size": f"{size:,}", "why": why})


def _no_http_retries(view: View) -> Iterator[Found]:
    for edge in view.subscriptions:
        if edge.protocol in ("http", "https") and edge.resource and "DeliveryPolicy" in edge.resource.properties:
            policy = documents(document(view.value(edge.resource, "DeliveryPolicy")))
            if number(documents(policy.get("healthyRetryPolicy")).get("numRetries")) == 0:
                yield _found(edge, "DeliveryPolicy.healthyRetryPolicy.numRetries", _names(view, edge))


_FAILED = (
    "NumberOfNotificationsFailed",
    "NumberOfNotificationsFailedToRedriveToDlq",
    "NumberOfNotificationsRedrivenToDlq",
)


def _unwatched(view: View) -> Iterator[Found]:
    for topic in view.flow.nodes_of(Topic):
        if topic.resource is None:
            continue
        if not any(isinstance(edge, Subscription) and edge.protocol in _KEEPS for edge in view.flow.leaving(topic.id)):
            continue
        watch = view.watched("AWS/SNS", _FAILED, "TopicName", topic.id)
        if not watch.told and not watch.unsure:
            logged = "DeliveryStatusLogging" in topic.resource.properties
            facts = {
                "topic": topic.name,
                "alarm": f" ({watch.why})" if watch.why else "",
                "logged": "; the logs of its deliveries tell nobody by themselves" if logged else "",
            }
            yield Found(topic.resource, "", facts)


# --- message data protection ------------------------------------------------------------------------


def _statements(topic: Topic) -> list[Mapping[str, Any]]:
    found = documents(topic.data_protection).get("Statement")
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _operation(statement: Mapping[str, Any], name: str) -> Any:
    return documents(statement.get("Operation")).get(name)


def _protection_problem(view: View, topic: Topic) -> tuple[str, str]:
    """What SNS refuses in a topic's policy; and what cannot be told about that."""
    if topic.fifo:
        return "a FIFO topic takes no data protection policy", ""
    statements = _statements(topic)
    if not statements:
        return "it has no Statement", ""
    audits = [audit for s in statements if (audit := _operation(s, "Audit")) is not None]
    if len(audits) > 1:
        return f"it has {len(audits)} Audit statements, 1 is allowed", ""
    for statement in statements:
        operation = statement.get("Operation")
        if isinstance(operation, Mapping) and len(operation) != 1:
            return "a statement needs exactly one Operation", ""
        if statement.get("DataDirection") not in ("Inbound", "Outbound") and isinstance(
            statement.get("DataDirection"), str | None
        ):
            return "DataDirection must be Inbound or Outbound", ""
    for audit in audits:
        problem = _audit_problem(view, documents(audit))
        if problem:
            return problem, ""
    return _identifier_problem(topic, statements)


def _audit_problem(view: View, audit: Mapping[str, Any]) -> str:
    least, most = limits.SNS_PROTECTION_SAMPLE_RATE_PERCENT
    percent = number(audit.get("SampleRate"))
    if percent is not None and not least <= percent <= most:
        return f"SampleRate must be {least} to {most}, it is {percent}"
    for place in ("FindingsDestination", "NoFindingsDestination"):
        group = documents(documents(audit.get(place)).get("CloudWatchLogs")).get("LogGroup")
        name = group
        if isinstance(group, Ref):
            made = view.template.resources.get((group.stack, group.logical_id))
            if made is None or made.type != "AWS::Logs::LogGroup":
                continue
            # Without a name CloudFormation makes one of the stack's name.
            name = view.value(made, "LogGroupName", default=group.logical_id)
        if isinstance(name, str) and not name.startswith("/aws/vendedlogs/"):
            return f"the name of the log group {name} must begin with /aws/vendedlogs/"
    return ""


def _identifier_problem(topic: Topic, statements: list[Mapping[str, Any]]) -> tuple[str, str]:
    """A data identifier that SNS does not know; AWS may have added to the list since it was last openly archived."""
    from patterns.data_protection.identifiers import CATALOGUE, DESCRIBED_ONLY

    configured = documents(documents(topic.data_protection).get("Configuration")).get("CustomDataIdentifier")
    own = {documents(one).get("Name") for one in configured} if isinstance(configured, list) else set()
    open_ = configured is not None and not isinstance(configured, list)
    for statement in statements:
        named = statement.get("DataIdentifier")
        for text in map(render, named if isinstance(named, list) else ()):
            prefix, arn, name = text.rpartition(":data-identifier/")
            if GAP in text or not text:
                continue
            if not arn:
                if text not in own and not open_:
                    return f"{text} is neither the ARN of a managed identifier nor a custom one of the policy", ""
            elif name not in CATALOGUE and name not in DESCRIBED_ONLY and prefix.endswith(":dataprotection::aws"):
                near = get_close_matches(name, CATALOGUE, 1)
                if near:
                    return f"there is no managed identifier {name}; it may mean {near[0]}", ""
                return f"there is no managed identifier {name}", f"whether AWS has added {name} to its identifiers"
    return "", ""


def _protection_invalid(view: View) -> Iterator[Found]:
    for topic in view.flow.nodes_of(Topic):
        if topic.resource is not None and topic.data_protection is not None:
            problem, unsure = _protection_problem(view, topic)
            if problem:
                facts = {"topic": topic.name, "why": problem}
                yield Found(topic.resource, "DataProtectionPolicy", facts, unsure=unsure)


def _silent_deny(view: View) -> Iterator[Found]:
    for topic in view.flow.nodes_of(Topic):
        if topic.resource is None or view.value(topic.resource, "DeliveryStatusLogging"):
            continue
        for statement in _statements(topic):
            if statement.get("DataDirection") == "Outbound" and _operation(statement, "Deny") is not None:
                yield Found(topic.resource, "DeliveryStatusLogging", {"topic": topic.name})
                break


def _protection_closed(view: View) -> Iterator[Found]:
    for topic in view.flow.nodes_of(Topic):
        if topic.resource is not None and topic.data_protection is not None:
            yield Found(
                topic.resource,
                "DataProtectionPolicy",
                {"topic": topic.name},
                unsure="whether the account used message data protection before 30 April 2026",
            )


_AUDIT = {
    "Name": "protect",
    "Version": "2021-06-01",
    "Statement": [
        {
            "DataDirection": "Inbound",
            "Principal": ["*"],
            "DataIdentifier": ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],
            "Operation": {
                "Audit": {
                    "SampleRate": 99,
                    "FindingsDestination": {"CloudWatchLogs": {"LogGroup": "/aws/vendedlogs/findings"}},
                }
            },
        }
    ],
}
_DENY_OUT = {
    "Name": "protect",
    "Version": "2021-06-01",
    "Statement": [
        {
            "DataDirection": "Outbound",
            "Principal": ["*"],
            "DataIdentifier": ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],
            "Operation": {"Deny": {}},
        }
    ],
}
_LOGGED = [{"Protocol": "sqs", "FailureFeedbackRoleArn": "arn:aws:iam::111122223333:role/sns-logs"}]
_HTTPS = {
    "Subscription.Properties.Protocol": "https",
    "Subscription.Properties.Endpoint": "https://example.com/inbox",
    "Subscription.Properties.RawMessageDelivery": None,
}

RULES = (
    Rule(
        "sns-queue-denied",
        Severity.CRITICAL,
        "A topic may not send to its subscribed queue",
        "{topic} cannot deliver to {endpoint}: {why}. SNS does not retry that; the message goes to the subscription's "
        "dead-letter queue, or is lost.",
        "Subscribe with topic.add_subscription(SqsSubscription(queue)), which writes the queue policy.",
        "Add an AWS::SQS::QueuePolicy that allows sns.amazonaws.com sqs:SendMessage, with ArnEquals aws:SourceArn.",
        _QUEUE,
        _queue_denied,
        Example("fanned", {"InboxPolicy": None}),
    ),
    Rule(
        "sns-function-denied",
        Severity.CRITICAL,
        "A topic may not invoke its subscribed function",
        "{topic} cannot invoke {endpoint}: {why}. SNS does not retry that; the message goes to the subscription's "
        "dead-letter queue, or is lost.",
        "Subscribe with topic.add_subscription(LambdaSubscription(function)), which adds the permission.",
        "Add an AWS::Lambda::Permission for sns.amazonaws.com with SourceArn of the topic.",
        "https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html",
        _function_denied,
        Example("invoked", {"Invoke": None}),
    ),
    Rule(
        "sns-dead-letter-queue-denied",
        Severity.CRITICAL,
        "A topic may not send to the dead-letter queue of its subscription",
        "What {topic} cannot deliver to {endpoint} cannot be put into {dead} either: {why}. It is lost, although there "
        "is a dead-letter queue.",
        "Grant it: queue.grant_send_messages(ServicePrincipal('sns.amazonaws.com', conditions=…)).",
        "Add an AWS::SQS::QueuePolicy on the dead-letter queue for sns.amazonaws.com, with ArnEquals aws:SourceArn.",
        _CONFIGURE_DLQ,
        _net_denied,
        Example("fanned", {"UndeliveredPolicy": None}),
    ),
    Rule(
        "sns-key-denied",
        Severity.CRITICAL,
        "A topic cannot use the key of a queue",
        "{topic} cannot write to {queue}: {why}. SNS does not retry that, and {then}.",
        "Use SQS_MANAGED encryption, or a customer-managed key that is granted to sns.amazonaws.com.",
        "Set SqsManagedSseEnabled, or use a key whose policy gives sns.amazonaws.com kms:GenerateDataKey* and "
        "kms:Decrypt; alias/aws/sqs cannot be used.",
        _KEYS,
        _key_denied,
        Example("fanned", {"Inbox.Properties": {"KmsMasterKeyId": "alias/aws/sqs"}}),
    ),
    Rule(
        "sns-filter-needs-attributes",
        Severity.CRITICAL,
        "A filter looks at attributes that an AWS service does not send",
        "{producer} publishes to {topic} without message attributes, and the filter for {endpoint} looks at nothing "
        "else: every such message is filtered out.",
        "Use filter_policy_with_message_body, or SnsFilter with the body scope.",
        "Set FilterPolicyScope: MessageBody and write the policy for the body.",
        _SCOPE,
        _service_messages,
        Example(
            "fanned",
            {"Subscription.Properties.FilterPolicyScope": None},
            good={
                "Uploads": {
                    "Type": "AWS::S3::Bucket",
                    "Properties": {
                        "BucketName": "uploads-111122223333",
                        "NotificationConfiguration": {
                            "TopicConfigurations": [{"Event": "s3:ObjectCreated:*", "Topic": {"Ref": "Events"}}]
                        },
                    },
                },
                "Events.Properties": {},
                "EventsPolicy": {
                    "Type": "AWS::SNS::TopicPolicy",
                    "Properties": {
                        "Topics": [{"Ref": "Events"}],
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Principal": {"Service": "s3.amazonaws.com"},
                                    "Action": "sns:Publish",
                                    "Resource": {"Ref": "Events"},
                                    "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::uploads-111122223333"}},
                                }
                            ]
                        },
                    },
                },
                "Subscription.Properties.FilterPolicyScope": "MessageBody",
                "Subscription.Properties.FilterPolicy": {"eventName": ["ObjectCreated:Put"]},
            },
            also=("govern-not-encrypted",),
        ),
    ),
    Rule(
        "sns-no-dead-letter-queue",
        Severity.HIGH,
        "A subscription has no dead-letter queue",
        "{topic} delivers to {endpoint}: {lost}, and only NumberOfNotificationsFailed counts it.",
        "Pass dead_letter_queue to the subscription.",
        "Set RedrivePolicy {{deadLetterTargetArn}} on the AWS::SNS::Subscription.",
        _DLQ,
        _no_net,
        Example(
            "fanned",
            {
                "Subscription.Properties.RedrivePolicy": None,
                "Undelivered": None,
                "UndeliveredPolicy": None,
                "UndeliveredAlarm": None,
            },
        ),
    ),
    Rule(
        "sns-nested-filter-in-attributes",
        Severity.HIGH,
        "A nested filter policy is set for message attributes",
        "The filter for {endpoint} nests objects under {key}, which exist in a body only, and FilterPolicyScope is "
        "MessageAttributes: SNS refuses it.",
        "Use filter_policy_with_message_body instead of filter_policy.",
        "Set FilterPolicyScope: MessageBody.",
        _SCOPE,
        _nested_filter,
        Example(
            "fanned",
            {"Subscription.Properties.FilterPolicyScope": None},
            good={
                "Subscription.Properties.FilterPolicyScope": "MessageBody",
                "Subscription.Properties.FilterPolicy": {"order": {"kind": ["book"]}},
            },
        ),
    ),
    Rule(
        "sns-protection-silent-deny",
        Severity.HIGH,
        "Denied messages disappear without a trace",
        "{topic} does not deliver messages with sensitive data to some subscribers; without delivery status logging "
        "nothing says which.",
        "Set logging_configs on the topic.",
        "Set DeliveryStatusLogging on the topic.",
        _PROTECTION,
        _silent_deny,
        Example(
            "fanned",
            {"Events.Properties.DeliveryStatusLogging": None},
            good={
                "Events.Properties.DataProtectionPolicy": _DENY_OUT,
                "Events.Properties.DeliveryStatusLogging": _LOGGED,
            },
            also=("sns-protection-closed",),
        ),
    ),
    Rule(
        "sns-filter-invalid",
        Severity.MEDIUM,
        "SNS refuses a filter policy",
        "The filter of {topic} for {endpoint}: {why}. CloudFormation does not check it; the deployment fails.",
        "Use SnsFilter, which checks the policy when it is defined.",
        "Correct the policy; `patterns filter` checks one offline.",
        _FILTERS,
        _filter_invalid,
        Example(
            "fanned",
            {"Subscription.Properties.FilterPolicyScope": "MessageAttribute"},
            good={
                "Subscription.Properties.FilterPolicyScope": "MessageAttributes",
                "Subscription.Properties.FilterPolicy": {"kind": ["book"]},
            },
        ),
    ),
    Rule(
        "sns-filter-exists-false",
        Severity.MEDIUM,
        "A filter for missing attributes drops messages without any",
        "The filter for {endpoint} asks that {key} does not exist. A message with no attributes at all does not match "
        "that: it is filtered out.",
        "Have the publisher set an attribute on every message, or filter on the body.",
        "Have the publisher set an attribute on every message, or set FilterPolicyScope: MessageBody.",
        _ATTRIBUTES,
        _exists_false,
        Example(
            "fanned",
            {"Subscription.Properties.FilterPolicy": {"test": [{"exists": False}]}},
            good={"Subscription.Properties.FilterPolicy": {"test": [{"exists": True}]}},
        ),
    ),
    Rule(
        "sns-dead-letter-queue-type",
        Severity.MEDIUM,
        "A topic and the dead-letter queue of its subscription are of different kinds",
        "{topic} is a {topic_kind} topic and {dead} a {kind} queue: SNS refuses it, or the order is lost.",
        "Make both FIFO or both standard.",
        "Set FifoTopic and FifoQueue on both or on neither.",
        _DLQ,
        _net_type,
        Example("fanned", {"Undelivered.Properties.FifoQueue": True}),
    ),
    Rule(
        "sns-fifo-endpoint",
        Severity.MEDIUM,
        "A topic cannot deliver to an endpoint of this kind",
        "{topic} does not deliver to {endpoint}: {why}. SNS refuses the subscription.",
        "Put a queue of the right kind between them.",
        "Subscribe a queue of the right kind; FIFO topics deliver to queues only.",
        _FIFO,
        _fifo_endpoint,
        Example("fanned", {"Inbox.Properties.FifoQueue": True}),
    ),
    Rule(
        "sns-redrive-unreadable",
        Severity.MEDIUM,
        "A subscription's RedrivePolicy does not have the key that it needs",
        "The RedrivePolicy for {endpoint} {why}: SNS refuses it, or there is no dead-letter queue.",
        "Use the dead_letter_queue argument instead of a raw document.",
        "Write {{deadLetterTargetArn}}, exactly so spelled.",
        _CONFIGURE_DLQ,
        _broken_redrive,
        Example(
            "fanned",
            {
                "Subscription.Properties.RedrivePolicy": {"deadLetterQueueArn": {"Fn::GetAtt": ["Undelivered", "Arn"]}},
                "Undelivered": None,
                "UndeliveredPolicy": None,
                "UndeliveredAlarm": None,
            },
        ),
    ),
    Rule(
        "sns-redrive-on-topic",
        Severity.MEDIUM,
        "A dead-letter queue is set on a topic",
        "{topic} has {property}, which topics do not have: it does nothing, or the deployment fails. Dead-letter "
        "queues belong to subscriptions.",
        "Pass dead_letter_queue to each subscription.",
        "Move RedrivePolicy to each AWS::SNS::Subscription.",
        _DLQ,
        _redrive_on_topic,
        Example(
            "fanned",
            {"Events.Properties.RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Undelivered", "Arn"]}}},
        ),
    ),
    Rule(
        "sns-subscribed-twice",
        Severity.MEDIUM,
        "An endpoint is subscribed twice to one topic",
        "{topic} and {endpoint} are linked by {first} as well: SNS refuses the second one when they differ, and what "
        "both filters let through was meant to come once.",
        "Keep one subscription; join the filters with $or.",
        "Keep one AWS::SNS::Subscription; join the filter policies with $or.",
        "https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html",
        _same_endpoint,
        Example(
            "fanned",
            {
                "SubscriptionAgain": {
                    "Type": "AWS::SNS::Subscription",
                    "Properties": {
                        "TopicArn": {"Ref": "Events"},
                        "Protocol": "sqs",
                        "Endpoint": {"Fn::GetAtt": ["Inbox", "Arn"]},
                        "FilterPolicy": {"kind": ["book"]},
                        "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Undelivered", "Arn"]}},
                    },
                }
            },
        ),
    ),
    Rule(
        "sns-large-topic",
        Severity.MEDIUM,
        "A topic for large messages has subscriptions that cannot take them",
        "{topic} takes {size} bytes, but {why}: above 262,144 bytes SNS allows 100 subscriptions of queues, functions "
        "and Firehose.",
        "Lower the size, or move the other subscriptions to a topic of their own.",
        "Set MaximumMessageSize to 262144 or less, or remove the subscriptions.",
        _TOPIC_API,
        _large,
        Example("fanned", {"Events.Properties.MaximumMessageSize": 1_048_576}, good=_HTTPS),
    ),
    Rule(
        "sns-no-http-retries",
        Severity.MEDIUM,
        "An HTTP endpoint gets one try",
        "{topic} calls {endpoint} once; numRetries is 0, so one timeout gives the message up.",
        "Set num_retries in the delivery policy to 3 or more.",
        "Set DeliveryPolicy.healthyRetryPolicy.numRetries to 3 or more.",
        _RETRIES,
        _no_http_retries,
        Example(
            "fanned",
            {"Subscription.Properties.DeliveryPolicy": {"healthyRetryPolicy": {"numRetries": 0}}},
            good=_HTTPS,
        ),
    ),
    Rule(
        "sns-protection-invalid",
        Severity.MEDIUM,
        "SNS refuses a data protection policy",
        "The data protection policy of {topic}: {why}. The deployment fails.",
        "Use the data_protection module, which checks the policy when it is defined.",
        "Correct the DataProtectionPolicy.",
        _PROTECTION,
        _protection_invalid,
        Example(
            "fanned",
            {"Events.Properties.DataProtectionPolicy.Statement.0.Operation.Audit.SampleRate": 100},
            good={"Events.Properties.DataProtectionPolicy": _AUDIT},
            also=("sns-protection-closed",),
        ),
    ),
    Rule(
        "sns-protection-closed",
        Severity.MEDIUM,
        "Message data protection is closed to new accounts",
        "{topic} has a data protection policy. An account that did not use the feature before 30 April 2026 cannot "
        "deploy it.",
        "Leave it out for new accounts and mask in the publisher.",
        "Remove DataProtectionPolicy for new accounts.",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-release-notes.html",
        _protection_closed,
        Example("fanned", {"Events.Properties.DataProtectionPolicy": _AUDIT}),
    ),
    Rule(
        "sns-failures-unwatched",
        Severity.LOW,
        "Nobody is told when a topic cannot deliver",
        "No alarm watches NumberOfNotificationsFailed of {topic}{alarm}: a broken subscription is noticed by its "
        "consumers only{logged}.",
        "Add an Alarm on topic.metric_number_of_notifications_failed(), above 0.",
        "Add an AWS::CloudWatch::Alarm on AWS/SNS NumberOfNotificationsFailed > 0.",
        _METRICS,
        _unwatched,
        Example("fanned", {"EventsAlarm": None}),
    ),
    Rule(
        "sns-filter-matches-nothing",
        Severity.HIGH,
        "A filter policy matches no message at all",
        "The conditions of the filter for {endpoint} exclude each other: {topic} never delivers anything to it.",
        "Correct the filter policy; SnsFilter refuses one that matches nothing.",
        "Correct FilterPolicy; `patterns filter` tries one offline.",
        _FILTERS,
        _matches_nothing,
        Example(
            "fanned",
            {"Subscription.Properties.FilterPolicy.kind": [{"exists": False}]},
            good={
                "Subscription.Properties.FilterPolicyScope": "MessageBody",
                "Subscription.Properties.FilterPolicy": {
                    "kind": [{"exists": True}],
                    "$or": [{"kind": ["book"]}, {"kind": ["film"]}],
                },
            },
        ),
    ),
    Rule(
        "sns-no-catch-all",
        Severity.LOW,
        "Some messages of a topic are for nobody",
        "Each of the {count} subscriptions of {topic} has a filter, and a message such as {example} passes none of "
        "them: it is discarded, and counts as filtered only.",
        "Add a subscription for the rest; SnsFilter makes one.",
        "Add an AWS::SNS::Subscription without FilterPolicy, or with the complement of the others.",
        _FILTERS,
        _for_nobody,
        Example(
            "fanned",
            {"Other.Properties.FilterPolicy": {"kind": ["film"]}},
            good={
                "Subscription.Properties.FilterPolicy": {"kind": ["book"]},
                "Other": {
                    "Type": "AWS::SNS::Subscription",
                    "Properties": {
                        "TopicArn": {"Ref": "Events"},
                        "Protocol": "sqs",
                        "Endpoint": {"Fn::GetAtt": ["Rest", "Arn"]},
                        "RawMessageDelivery": True,
                        "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Undelivered", "Arn"]}},
                    },
                },
                "Rest": {"Type": "AWS::SQS::Queue", "Properties": {"SqsManagedSseEnabled": True}},
                "InboxPolicy.Properties.Queues": [{"Ref": "Inbox"}, {"Ref": "Rest"}],
                "InboxPolicy.Properties.PolicyDocument.Statement.0.Resource": "*",
            },
        ),
    ),
)
