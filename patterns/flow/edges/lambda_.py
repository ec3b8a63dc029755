"""Queue or stream → function (event source mappings), function → destination or dead-letter target, own sends.

What an execution role needs: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from patterns.flow import limits
from patterns.flow.draft import DEFAULT_BUS, Draft, as_json, both, condition_of, items, numbers
from patterns.flow.model import (
    ALLOWED,
    Answer,
    Bucket,
    Bus,
    DeadLetter,
    Destination,
    Edge,
    External,
    Function,
    Node,
    Poll,
    Queue,
    Send,
    Stream,
    Topic,
    Verdict,
    Way,
    node_id,
)
from patterns.flow.permissions import names
from patterns.flow.permissions.wildcards import wild
from patterns.flow.rendered import CLOSE, GAP, OPEN, readable, render
from patterns.flow.template import Ref, Resource, Text, Unknown

_READ = {
    "sqs": ("sqs:ReceiveMessage", "sqs:GetQueueAttributes"),
    "kinesis": ("kinesis:GetRecords", "kinesis:GetShardIterator"),
    "dynamodb": ("dynamodb:GetRecords", "dynamodb:GetShardIterator"),
}

# https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html (DestinationConfig)
_PUTS_ASIDE = ("kinesis", "dynamodb", "kafka")


def links(draft: Draft) -> Iterator[Edge]:
    for resource in draft.template.of_type("AWS::Lambda::EventSourceMapping"):
        yield from _mapping(draft, resource)


def nets(draft: Draft) -> Iterator[Edge]:
    """Where functions put what fails and what succeeds: asked when every other link has named its versions.

    A destination may name yet another one.
    """
    asked: set[str] = set()
    while waiting := [n for n in draft.nodes.values() if isinstance(n, Function) and n.id not in asked]:
        for node in waiting:
            asked.add(node.id)
            yield from _destinations(draft, node)


def late_links(draft: Draft, known: list[Edge]) -> Iterator[Edge]:
    """A function's own sends: whatever its role grants or its environment names and no other link explains."""
    linked = {(_function_of(draft, e.source), e.target) for e in known if isinstance(e, Destination | DeadLetter)}
    functions = [n for n in draft.nodes.values() if isinstance(n, Function) and n.id == n.function]
    sharing = Counter(node.role for node in functions)
    named = _names(draft)
    grants = {role: _granted(draft, role, named) for role in sharing}
    for role, granted in grants.items():
        if sharing[role] * len(granted) > _LIKELY_BY_ONE_ROLE:
            draft.note(
                f"cannot be told: which of the {sharing[role]:,} functions with the role {role.rpartition('/')[2]} send"
                f" to which of the {len(granted):,} places it may send to; only what their environment names is shown"
            )
            grants[role] = {}
    for node in functions:
        yield from _sends(draft, node, grants[node.role], linked)


def _function_of(draft: Draft, key: str) -> str:
    """The function of an alias or version: its role writes for all of them."""
    node = draft.nodes[key]
    return node.function if isinstance(node, Function) else key


# --- event source mappings ---------------------------------------------------------------------------


def _mapping(draft: Draft, resource: Resource) -> Iterator[Edge]:
    key = node_id(resource)
    name = draft.value(resource, "FunctionName")
    function = draft.endpoint(resource, "FunctionName", name, "lambda")
    source, service = event_source(draft, resource)
    read = numbers(draft, resource)
    stream = service != "sqs"
    batch = read.integer("batch_size", "BatchSize", default=100 if stream else limits.ESM_BATCH_SIZE_DEFAULT)
    window = read.integer("window", "MaximumBatchingWindowInSeconds", default=0)
    concurrency = read.integer("maximum_concurrency", "ScalingConfig", "MaximumConcurrency", default=-1)
    types = draft.value(resource, "FunctionResponseTypes")
    node = draft.nodes[function]
    role = node.role if isinstance(node, Function) else ""
    consumer = draft.inside(resource.stack, draft.value(resource, "EventSourceArn"))
    filters = read_filters(draft, resource, draft.value(resource, "FilterCriteria"))
    if dedicated := draft.type_of(consumer) == "AWS::Kinesis::StreamConsumer":
        given, stream_node = condition_of(resource), draft.nodes[source]
        verdict = both(
            draft.permissions.role_allows(role, "kinesis:SubscribeToShard", consumer, stream_node.name, given),
            draft.may_use_key(role, "kinesis:SubscribeToShard", stream_node, given),
        )
    else:
        verdict = may_read(draft, role, source, service, resource)
    # https://docs.aws.amazon.com/lambda/latest/dg/polling-kafka-queue.html (no retries of Lambda's own by default)
    shared = draft.value(resource, "SelfManagedKafkaEventSourceConfig", "ConsumptionMode") == "Queue"
    poll = Poll(
        id=key,
        source=source,
        target=function,
        resource=resource,
        verdict=verdict,
        enabled=read.flag("enabled", "Enabled", default=True),
        service=service,
        batch_size=batch,
        window=window,
        filters=filters,
        partial=None
        if isinstance(types, Unknown)
        else "ReportBatchItemFailures" in (types if isinstance(types, list) else [types]),
        maximum_concurrency=None if concurrency == -1 else concurrency,
        provisioned=draft.value(resource, "ProvisionedPollerConfig") is not None,
        retries=read.integer("retries", "MaximumRetryAttempts", default=0 if shared else -1),
        record_age=read.integer("record_age", "MaximumRecordAgeInSeconds", default=-1),
        bisect=read.flag("bisect", "BisectBatchOnFunctionError", default=False),
        parallel=read.integer("parallel", "ParallelizationFactor", default=1),
        may_delete=draft.role_may(role, "sqs:DeleteMessage", source, resource) if not stream else ALLOWED,
        starting_position=render(draft.value(resource, "StartingPosition", default="")),
        consumption="queue" if shared else "fan-out" if dedicated else "stream",
        unknown=tuple(read.unknown),
    )
    yield poll
    failure = draft.value(resource, "DestinationConfig", "OnFailure", "Destination")
    if failure is not None and service in _PUTS_ASIDE:
        yield stream_net(draft, resource, poll, "DestinationConfig.OnFailure", failure, role)


def stream_net(draft: Draft, resource: Resource, poll: Poll, place: str, value: Any, role: str) -> DeadLetter:
    """The failure destination of a stream's reader."""
    text = render(value)
    if text.startswith("kafka://"):
        topic = text.removeprefix("kafka://")
        target = draft.add(External(id=f"{poll.source}:{topic}", name=f"Kafka topic {topic}", service="kafka"))
        verdict = Verdict(Answer.UNKNOWN, "a cluster's own permissions stand in none of the templates")
    else:
        target = draft.endpoint(resource, place, value)
        verdict = may_keep(draft, role, target, resource)
    return DeadLetter(
        id=f"{poll.id}#{place}",
        source=poll.target,
        target=target,
        resource=resource,
        place=place,
        of=poll.id,
        verdict=verdict,
    )


def read_filters(draft: Draft, resource: Resource, criteria: Any) -> tuple[Any, ...]:
    """The patterns of a FilterCriteria as documents; one that cannot be read stays what it was."""
    filters = criteria.get("Filters") if isinstance(criteria, Mapping) else criteria
    if isinstance(filters, Unknown):
        draft.note(f"cannot be told: the filter of {draft.name(resource)}")
        return (filters,)
    if not isinstance(criteria, Mapping):
        return ()
    found = []
    for _, item in items(filters):
        pattern = item.get("Pattern") if isinstance(item, Mapping) else item
        if isinstance(pattern, Mapping):
            found.append(pattern)
            continue
        document = as_json(pattern) if pattern is not None else None
        found.append(document if isinstance(document, Mapping) else pattern)
    # The patterns are ORed, so one that asks for nothing lets everything through.
    return () if {} in found else tuple(p for p in found if p is not None)


def event_source(draft: Draft, resource: Resource) -> tuple[str, str]:
    """The node that a mapping reads, and its service."""
    value = draft.value(resource, "EventSourceArn")
    topic = next((render(t) for _, t in items(draft.value(resource, "Topics"))), "")
    queue = next((render(q) for _, q in items(draft.value(resource, "Queues"))), "")
    if draft.value(resource, "SelfManagedEventSource") is not None:
        return kafka(draft, "a self-managed cluster", topic), "kafka"
    if value is None:
        return draft.endpoint(resource, "EventSourceArn", Unknown("there is no event source")), "sqs"
    text = render(value)
    inside = draft.inside(resource.stack, value)
    kind = draft.type_of(inside) if inside else ""
    if kind == "AWS::Kinesis::StreamConsumer":
        consumer = draft.template.resources[cast(Any, tuple(inside.rpartition("/")[::2]))]
        source = draft.endpoint(consumer, "StreamARN", draft.value(consumer, "StreamARN"), "kinesis")
        node = draft.nodes[source]
        return (source if isinstance(node, Stream) else stream(draft, source, "kinesis", node.name)), "kinesis"
    broker = queue or kind == "AWS::AmazonMQ::Broker" or ":mq:" in text
    if topic or broker or "kafka" in text or kind.startswith("AWS::MSK::"):
        if GAP in text:
            # Two clusters or brokers that no template names are not one.
            text = f"{node_id(resource)}#EventSourceArn?"
            draft.note(f"cannot be told: the {'broker' if broker else 'cluster'} of {draft.name(resource)}")
        if broker:
            return broker_queue(draft, inside or text, queue), "mq"
        return kafka(draft, inside or text, topic), "kafka"
    if kind == "AWS::DocDB::DBCluster" or ":rds:" in text or draft.value(resource, "DocumentDBEventSourceConfig"):
        return stream(draft, inside or text, "documentdb"), "documentdb"
    source = draft.endpoint(resource, "EventSourceArn", value)
    node = draft.nodes[source]
    if isinstance(node, Stream):
        return source, node.service
    if isinstance(node, External) and (":kinesis:" in text or ":dynamodb:" in text):
        service = "kinesis" if ":kinesis:" in text else "dynamodb"
        return stream(draft, node.id, service, name=node.name), service
    if kind.startswith("AWS::DynamoDB::"):
        return stream(draft, inside, "dynamodb"), "dynamodb"
    if kind.startswith("AWS::Kinesis::"):
        return stream(draft, inside, "kinesis"), "kinesis"
    if isinstance(node, External) and draft.value(resource, "StartingPosition") is not None:
        # Only streams are read from a position.
        return stream(draft, node.id, "kinesis", name=node.name), "kinesis"
    return source, "sqs"


def kafka(draft: Draft, cluster: str, topic: str) -> str:
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonmanagedstreamingforapachekafka.html
    where = _named(cluster, r":cluster/([^/]+)/", "cluster")
    return _part(draft, cluster, topic, f"Kafka topic {readable(topic) or '?'} on {where}", "kafka")


def broker_queue(draft: Draft, broker: str, queue: str) -> str:
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonmq.html
    where = _named(broker, r":broker:([^:]+)", "broker")
    return _part(draft, broker, queue, f"queue {readable(queue) or '?'} on {where}", "mq")


def _named(key: str, pattern: str, kind: str) -> str:
    """How a reader calls a cluster or broker: by the name in its ARN."""
    arn = re.search(pattern, readable(key))
    where = arn[1] if arn else readable(key).rsplit("/", 1)[-1] or f"a {kind}"
    return f"the {kind} of {where.partition('#')[0]}" if where.endswith("?") else where


def _part(draft: Draft, whole: str, part: str, name: str, service: str) -> str:
    """The node of one topic of a cluster, or one queue of a broker."""
    key = f"{readable(whole)}:{readable(part)}" if part else readable(whole)
    inside = draft.template.resources.get(cast(Any, tuple(whole.rpartition("/")[::2])))
    return draft.add(Stream(id=key, name=name, resource=inside, service=service))


def stream(draft: Draft, key: str, service: str, name: str = "") -> str:
    """The node of a log that is read by a service."""
    resource = draft.template.resources.get(cast(Any, tuple(key.rpartition("/")[::2])))
    kind = "cluster " if service == "documentdb" else ""
    label = draft.name(resource) if resource else name or kind + re.split("[/:]", readable(key))[-1]
    retention = 86_400 if service == "dynamodb" else None
    return draft.add(Stream(id=key, name=label, resource=resource, service=service, retention=retention))


def may_read(draft: Draft, role: str, source: str, service: str, link: Resource) -> Verdict:
    """Whether the role of a mapping or a pipe may read its source."""
    actions = _READ.get(service)
    if not actions:
        return Verdict(Answer.UNKNOWN, "whether the role may read it is not worked out for this service")
    verdict = ALLOWED
    for action in actions:
        verdict = both(verdict, draft.role_may(role, action, source, link))
    return verdict


# --- asynchronous nets -------------------------------------------------------------------------------


def _destinations(draft: Draft, node: Function) -> Iterator[Edge]:
    config, definition = node.async_config, cast(Resource, node.definition)
    if config is not None:
        for when, way in (("OnFailure", Way.FAILURE), ("OnSuccess", Way.SUCCESS)):
            value = draft.value(config, "DestinationConfig", when, "Destination")
            if value is not None:
                target = draft.endpoint(config, when, value)
                yield Destination(
                    id=f"{node_id(config)}#{when}",
                    source=node.id,
                    target=target,
                    resource=config,
                    place=f"DestinationConfig.{when}",
                    way=way,
                    verdict=may_keep(draft, node.role, target, config),
                )
    value = draft.value(definition, "DeadLetterConfig", "TargetArn")
    if value is not None:
        target = draft.endpoint(definition, "DeadLetterConfig", value)
        # Versions and aliases share the dead-letter target of the function.
        yield Destination(
            id=f"{node.id}#DeadLetterConfig",
            source=node.id,
            target=target,
            resource=definition,
            place="DeadLetterConfig",
            dead_letter=True,
            verdict=may_keep(draft, node.role, target, definition),
        )


def may_keep(draft: Draft, role: str, target: str, link: Resource) -> Verdict:
    """Whether a role may put a record or an event into its destination, and the destination takes it."""
    node = draft.nodes[target]
    if isinstance(node, Queue | Topic) and node.fifo:
        kind = "queue" if isinstance(node, Queue) else "topic"
        return Verdict(Answer.DENIED, f"{node.name} is a FIFO {kind}, which Lambda cannot write to")
    action = write_action(node)
    if not action:
        return Verdict(Answer.UNKNOWN, f"what {node.name} takes is not known")
    verdict = draft.role_may(role, action, target, link)
    if isinstance(node, Bucket):
        verdict = both(verdict, draft.role_may(role, "s3:ListBucket", target, link))
    return verdict


def write_action(node: Node) -> str:
    """The action that sending to a node asks of a role, empty where it is not known."""
    if isinstance(node, External):
        return _ACTIONS.get(node.service, "")
    return next((action for kind, action in _WRITES.items() if isinstance(node, kind)), "")


_WRITES: dict[type[Node], str] = {
    Queue: "sqs:SendMessage",
    Topic: "sns:Publish",
    Bus: "events:PutEvents",
    Function: "lambda:InvokeFunction",
    Bucket: "s3:PutObject",
}
_ACTIONS = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "events": "events:PutEvents",
    "lambda": "lambda:InvokeFunction",
    "s3": "s3:PutObject",
}

# --- own sends ---------------------------------------------------------------------------------------

# Functions that share a role × what it lets them send to: beyond so many links they say nothing.
_LIKELY_BY_ONE_ROLE = 1_000

_SENDS: dict[type[Node | None], tuple[str, ...]] = {
    Queue: ("sqs:SendMessage",),
    Topic: ("sns:Publish",),
    Bus: ("events:PutEvents",),
    Function: ("lambda:InvokeFunction", "lambda:InvokeAsync"),
    Bucket: ("s3:PutObject",),
}
_RECORDS = {
    "kinesis": ("kinesis:PutRecord", "kinesis:PutRecords"),
    "dynamodb": ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"),
}


def _sent_by(node: Node | None) -> tuple[str, ...]:
    """The actions by which a function sends to a node, or writes what then stands in a table's stream."""
    return _RECORDS.get(node.service, ()) if isinstance(node, Stream) else _SENDS.get(type(node), ())


@dataclass(slots=True)
class _Grant:
    """What a role lets a function do to a place that it may send to."""

    action: str
    keys: dict[str, None] = field(default_factory=dict)
    events: dict[str, None] = field(default_factory=dict)


# What an action brings about in a bucket, as its notifications name it.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
_MAKES = {
    "s3:putobject": "ObjectCreated",
    "s3:deleteobject": "ObjectRemoved",
    "s3:restoreobject": "ObjectRestore",
    "s3:putobjecttagging": "ObjectTagging",
    "s3:deleteobjecttagging": "ObjectTagging",
    "s3:putobjectacl": "ObjectAcl",
}


def _granted(draft: Draft, role: str, named: dict[str, str]) -> dict[str, _Grant]:
    """What a role lets its function send to, each with the action."""
    granted: dict[str, _Grant] = {}
    for statement in draft.permissions.grants(role):
        if statement.deny or statement.not_actions or statement.not_resources:
            continue
        for pattern in statement.resources:
            key, rest = _pattern(pattern, named)
            target = _sendable(draft, key)
            if not target or (target == DEFAULT_BUS and draft.elsewhere(role.rpartition("/")[0], pattern)):
                continue
            asked = names.DEFAULT_BUS if target == DEFAULT_BUS else target
            whole = pattern.removesuffix(rest) if rest else pattern
            if not pattern.startswith(OPEN) and draft.permissions.matches(whole, asked) is False:
                continue
            bucket = isinstance(draft.nodes[target], Bucket)
            action = _granted_action(draft, statement.actions, target)
            if not action or draft.permissions.denies(role, action, asked):
                continue
            grant = granted.setdefault(target, _Grant(action))
            if bucket:
                grant.keys[rest.removeprefix("/") or "*"] = None
                grant.events.update(dict.fromkeys(_made(statement.actions)))
    return granted


def _made(actions: tuple[str, ...]) -> Iterator[str]:
    for wanted, event in _MAKES.items():
        if any(wild(pattern, wanted) for pattern in actions):
            yield event


def _names(draft: Draft) -> dict[str, str]:
    """The places that functions send to, by the service and the last part of their ARN."""
    found: dict[str, str] = {}
    for key, node in draft.nodes.items():
        if _sent_by(node) and node.resource is not None and names.is_named(node.resource):
            _, _, service, _, _, rest = draft.permissions.arn(key).split(":", 5)
            if GAP not in rest:
                found.setdefault(f"{service}:{rest}", key)
    if DEFAULT_BUS in draft.nodes:
        found["events:event-bus/default"] = DEFAULT_BUS
    return found


def _pattern(pattern: str, named: dict[str, str]) -> tuple[str, str]:
    """The place that a pattern of a policy is about, and what of it; empty where it names no single one."""
    if pattern.startswith(OPEN):
        inner, _, rest = pattern[1:].partition(CLOSE)
        return inner, rest
    parts = pattern.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return "", ""
    service, name, rest = parts[2], parts[5], ""
    if service == "s3":
        name, slash, rest = name.partition("/")
        rest = slash + rest
    elif service == "lambda":
        kind, _, name = name.partition(":")
        name, colon, rest = name.partition(":")
        name, rest = f"{kind}:{name}", colon + rest
    return named.get(f"{service}:{name}", ""), rest


def _sends(draft: Draft, node: Function, granted: dict[str, _Grant], linked: set[tuple[str, str]]) -> Iterator[Edge]:
    named = _environment(draft, node)
    for target in sorted({**named, **granted}):
        variable, grant = named.get(target, ""), granted.get(target)
        action = grant.action if grant else ""
        if target == node.id or (not variable and (node.id, target) in linked):
            continue
        if action:
            verdict = draft.may_use_key(node.role, action, draft.nodes[target])
        else:
            verdict = draft.role_may(node.role, _sent_by(draft.nodes[target])[0], target)
            if verdict.denied:
                continue
        yield Send(
            id=f"{node.id}~{target}",
            source=node.id,
            target=target,
            resource=node.definition,
            place="Role" if action else "Environment",
            verdict=verdict,
            action=action,
            variable=variable,
            keys=tuple(grant.keys) if grant and "*" not in grant.keys else (),
            events=tuple(grant.events) if grant else (),
        )


def _granted_action(draft: Draft, actions: tuple[str, ...], target: str) -> str:
    for wanted in _sent_by(draft.nodes[target]):
        if any(wild(pattern, wanted.lower()) for pattern in actions):
            return wanted
    return ""


def _sendable(draft: Draft, key: str) -> str:
    return key if _sent_by(draft.nodes.get(key)) else ""


def _environment(draft: Draft, node: Function) -> dict[str, str]:
    variables = draft.value(cast(Resource, node.definition), "Environment", "Variables")
    found: dict[str, str] = {}
    if isinstance(variables, Mapping):
        for variable, value in sorted(variables.items(), key=lambda one: str(one[0])):
            for ref in _refs(value):
                target = _sendable(draft, f"{ref.stack}/{ref.logical_id}")
                if target and target != node.id:
                    found.setdefault(target, str(variable))
    return found


def _refs(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Text):
        for part in value.parts:
            if isinstance(part, Ref):
                yield part
