"""Source → pipe → enrichment and target: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes.html"""

from collections.abc import Iterator, Mapping
from typing import Any

from patterns.flow.draft import Draft, both, fifo_refuses, given_in, net_of, numbers
from patterns.flow.edges import lambda_
from patterns.flow.edges.events import by_role, event_of
from patterns.flow.model import (
    ALLOWED,
    Call,
    Delivery,
    Edge,
    External,
    Pipe,
    Poll,
    Queue,
    Stream,
    node_id,
)
from patterns.flow.rendered import render
from patterns.flow.template import Resource, Unknown

_PARAMETERS = {
    "sqs": "SqsQueueParameters",
    "kinesis": "KinesisStreamParameters",
    "dynamodb": "DynamoDBStreamParameters",
    "kafka": "ManagedStreamingKafkaParameters",
    "mq": "ActiveMQBrokerParameters",
}


def links(draft: Draft) -> Iterator[Edge]:
    for resource in draft.template.of_type("AWS::Pipes::Pipe"):
        yield from _pipe(draft, resource)


def _pipe(draft: Draft, resource: Resource) -> Iterator[Edge]:
    key = node_id(resource)
    node = draft.nodes[key]
    enabled = node.enabled if isinstance(node, Pipe) else True
    role_value = draft.value(resource, "RoleArn")
    role = draft.role(resource.stack, role_value)
    source, service = _source(draft, resource)
    parameters = draft.value(resource, "SourceParameters", default={})
    parameters = parameters if isinstance(parameters, Mapping) else {}
    own = parameters.get(_PARAMETERS[service])
    own = own if isinstance(own, Mapping) else {}
    read = numbers(draft, resource)

    def number(field: str, name: str, default: int) -> int | None:
        value = own.get(name)
        return default if value is None else read.as_integer(field, value)

    verdict = lambda_.may_read(draft, role, source, service, resource)
    may_delete = draft.role_may(role, "sqs:DeleteMessage", source, resource) if service == "sqs" else ALLOWED
    poll = Poll(
        id=f"{key}#Source",
        source=source,
        target=key,
        resource=resource,
        place="Source",
        enabled=enabled,
        verdict=verdict,
        service=service,
        batch_size=number("batch_size", "BatchSize", 10 if service == "sqs" else 100),
        window=number("window", "MaximumBatchingWindowInSeconds", 0),
        filters=lambda_.read_filters(draft, resource, parameters.get("FilterCriteria")),
        partial=True if service == "sqs" else own.get("OnPartialBatchItemFailure") is not None,
        retries=number("retries", "MaximumRetryAttempts", -1),
        record_age=number("record_age", "MaximumRecordAgeInSeconds", -1),
        parallel=number("parallel", "ParallelizationFactor", 1),
        may_delete=may_delete,
        starting_position=render(own.get("StartingPosition", "")),
        unknown=tuple(read.unknown),
    )
    yield poll
    net = net_of(own.get("DeadLetterConfig"))
    if net is not None:
        yield lambda_.stream_net(draft, resource, poll, "DeadLetterConfig", net, role)
    enrichment = draft.value(resource, "Enrichment")
    if enrichment is not None:
        target = draft.endpoint(resource, "Enrichment", enrichment)
        yield Call(
            id=f"{key}#Enrichment",
            source=key,
            target=target,
            resource=resource,
            place="Enrichment",
            verdict=by_role(draft, resource, role_value, target),
        )
    target = draft.endpoint(resource, "Target", draft.value(resource, "Target", default=Unknown("it has none")))
    options = draft.value(resource, "TargetParameters", default={})
    forgets = _fire_and_forget(options)
    sqs = options.get("SqsQueueParameters") if isinstance(options, Mapping) else options
    event = options.get("EventBridgeEventBusParameters") if isinstance(options, Mapping) else None
    event = event if isinstance(event, Mapping) else {}
    grouped, deduplicated = given_in(sqs, "MessageGroupId"), given_in(sqs, "MessageDeduplicationId")
    refused = fifo_refuses(draft.nodes[target], grouped, deduplicated) or ALLOWED
    yield Delivery(
        id=f"{key}#Target",
        source=key,
        target=target,
        resource=resource,
        place="Target",
        by="pipes",
        attempts=1,
        seconds=0,
        enabled=enabled,
        asynchronous=bool(forgets),
        message_group=bool(grouped),
        event=event_of(draft.nodes[target], event.get("Source"), event.get("DetailType")),
        verdict=both(refused, by_role(draft, resource, role_value, target)),
        unknown=("asynchronous",) if forgets is None else (),
    )


def _source(draft: Draft, resource: Resource) -> tuple[str, str]:
    value = draft.value(resource, "Source", default=Unknown("it has no source"))
    parameters = draft.value(resource, "SourceParameters", default={})
    given = parameters if isinstance(parameters, Mapping) else {}
    text = render(value)
    for name, service in (
        ("ManagedStreamingKafkaParameters", "kafka"),
        ("SelfManagedKafkaParameters", "kafka"),
    ):
        if name in given:
            own = given[name]
            topic = render(own.get("TopicName", "")) if isinstance(own, Mapping) else ""
            return lambda_.kafka(draft, draft.inside(resource.stack, value) or text, topic), service
    for name in ("ActiveMQBrokerParameters", "RabbitMQBrokerParameters"):
        if name in given:
            own = given[name]
            queue = render(own.get("QueueName", "")) if isinstance(own, Mapping) else ""
            return lambda_.broker_queue(draft, draft.inside(resource.stack, value) or text, queue), "mq"
    source = draft.endpoint(resource, "Source", value)
    node = draft.nodes[source]
    if isinstance(node, Stream):
        return source, node.service if node.service in _PARAMETERS else "kinesis"
    if isinstance(node, Queue):
        return source, "sqs"
    for name, service in (("KinesisStreamParameters", "kinesis"), ("DynamoDBStreamParameters", "dynamodb")):
        if name in given or f":{service}:" in text:
            retention = 86_400 if service == "dynamodb" else None
            name = node.name
            stream = Stream(id=source, name=name, resource=node.resource, service=service, retention=retention)
            return draft.add(stream), service
    return source, "sqs" if not isinstance(node, External) or node.service in ("sqs", "") else "kinesis"


def _fire_and_forget(options: Any) -> bool | None:
    """Whether a function or state machine is only told to run; ``None`` if it cannot be told."""
    if isinstance(options, Unknown):
        return None
    for name in ("LambdaFunctionParameters", "StepFunctionStateMachineParameters"):
        own = options.get(name) if isinstance(options, Mapping) else None
        kind = own.get("InvocationType") if isinstance(own, Mapping) else own
        if isinstance(kind, Unknown):
            return None
        if kind == "FIRE_AND_FORGET":
            return True
    return False
