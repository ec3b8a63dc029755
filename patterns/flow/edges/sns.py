"""Topic → endpoint, and the queue for what SNS could not deliver.

Retries: https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from patterns.flow import limits
from patterns.flow.draft import Draft, as_json, numbers, redrive_policy
from patterns.flow.model import (
    ALLOWED,
    Answer,
    DeadLetter,
    Edge,
    External,
    Function,
    Queue,
    Subscription,
    Topic,
    Verdict,
    node_id,
)
from patterns.flow.template import Resource, Text, Unknown

SERVICE = "sns.amazonaws.com"
_PUSHED_BY_SNS = ("sqs", "lambda", "firehose")
_FIRST_HAND = {"sqs": "sqs", "lambda": "lambda", "firehose": "firehose"}


def links(draft: Draft) -> Iterator[Edge]:
    for resource in draft.template.of_type("AWS::SNS::Subscription"):
        topic = draft.endpoint(resource, "TopicArn", draft.value(resource, "TopicArn"), "sns")
        yield from _subscription(draft, resource, topic)
    for resource in draft.template.of_type("AWS::SNS::Topic"):
        for number, inline in draft.listed(resource, "Subscription", draft.value(resource, "Subscription")):
            place = f"Subscription[{number}]"
            protocol, unknown = _protocol(draft, resource, inline.get("Protocol", ""))
            target = draft.endpoint(resource, place, inline.get("Endpoint"), _FIRST_HAND.get(protocol, protocol))
            yield _push(draft, resource, place, node_id(resource), target, protocol, {"unknown": unknown})


def _subscription(draft: Draft, resource: Resource, topic: str) -> Iterator[Edge]:
    protocol, unsaid = _protocol(draft, resource, draft.value(resource, "Protocol", default=""))
    service = _FIRST_HAND.get(protocol, protocol)
    target = draft.endpoint(resource, "Endpoint", draft.value(resource, "Endpoint"), service)
    read = numbers(draft, resource)
    policy = draft.value(resource, "FilterPolicy")
    if isinstance(policy, str | Text):
        policy = as_json(policy)
    unknown = [*unsaid]
    if policy is not None and not isinstance(policy, Mapping):
        unknown.append("filter")
    scope = draft.value(resource, "FilterPolicyScope", default="MessageAttributes")
    redrive, broken = redrive_policy(draft, resource)
    edge = _push(
        draft,
        resource,
        "",
        topic,
        target,
        protocol,
        {
            "filter": policy if isinstance(policy, Mapping) and policy else None,
            "scope": scope if isinstance(scope, str) else "",
            "raw": read.flag("raw", "RawMessageDelivery", default=False),
            "broken_redrive": broken,
            "unknown": (*unknown, *read.unknown),
        },
    )
    yield edge
    if redrive is not None:
        dead = draft.endpoint(resource, "RedrivePolicy", redrive["deadLetterTargetArn"], "sqs")
        yield DeadLetter(
            id=f"{node_id(resource)}#RedrivePolicy",
            source=topic,
            target=dead,
            resource=resource,
            place="RedrivePolicy",
            of=edge.id,
            verdict=_dead_letter(draft, topic, dead, resource),
        )


def _protocol(draft: Draft, resource: Resource, value: Any) -> tuple[str, tuple[str, ...]]:
    """The protocol of a subscription, and the name of the field if it cannot be told."""
    if isinstance(value, str):
        return value, ()
    draft.note(f"cannot be told: the protocol of {draft.name(resource)}")
    return "", ("protocol",)


def _push(
    draft: Draft, resource: Resource, place: str, topic: str, target: str, protocol: str, more: dict[str, Any]
) -> Subscription:
    attempts, seconds = _retries(draft, resource, protocol)
    key = node_id(resource)
    return Subscription(
        id=f"{key}#{place}" if place else key,
        source=topic,
        target=target,
        resource=resource,
        place=place,
        protocol=protocol,
        attempts=attempts,
        seconds=seconds,
        verdict=_delivery(draft, topic, target, protocol, resource),
        **more,
    )


def _retries(draft: Draft, resource: Resource, protocol: str) -> tuple[int | None, int | None]:
    if protocol in _PUSHED_BY_SNS:
        return limits.SNS_AWS_ENDPOINT_ATTEMPTS, limits.SNS_AWS_ENDPOINT_SECONDS
    if protocol in ("http", "https"):
        policy = draft.value(resource, "DeliveryPolicy")
        if isinstance(policy, str | Text):
            document = as_json(policy)
            policy = Unknown("its delivery policy is no JSON that can be read") if document is None else document
        retry = policy.get("healthyRetryPolicy") if isinstance(policy, Mapping) else None
        if isinstance(policy, Unknown) or isinstance(retry, Unknown):
            return None, None
        retry = retry if isinstance(retry, Mapping) else {}
        read = numbers(draft, resource)
        retries = read.as_integer("numRetries", retry.get("numRetries", 3))
        longest = read.as_integer("maxDelayTarget", retry.get("maxDelayTarget", 20))
        if retries is None or longest is None:
            return None, None
        # The whole of it is cut off after an hour.
        return 1 + retries, min(3600, retries * longest)
    if protocol:
        return 50, 6 * 3600
    return None, None


def _delivery(draft: Draft, topic: str, target: str, protocol: str, link: Resource) -> Verdict:
    source, node = draft.nodes[topic], draft.nodes[target]
    if isinstance(source, Topic) and source.fifo and protocol not in ("sqs", ""):
        return Verdict(Answer.DENIED, f"a FIFO topic delivers to queues only, not to {protocol}")
    if isinstance(source, Topic) and source.fifo is False and isinstance(node, Queue) and node.fifo:
        return Verdict(Answer.DENIED, f"{node.name} is a FIFO queue and {source.name} a standard topic")
    if protocol == "firehose":
        # https://docs.aws.amazon.com/sns/latest/dg/prereqs-kinesis-data-firehose.html
        role = draft.role(link.stack, draft.value(link, "SubscriptionRoleArn"))
        return draft.role_may(role, "firehose:PutRecord", target, link)
    if isinstance(node, Queue | Function):
        return draft.may(SERVICE, topic, target, link)
    if isinstance(node, External) and protocol in _PUSHED_BY_SNS:
        return draft.may(SERVICE, topic, target, link)
    return ALLOWED


def _dead_letter(draft: Draft, topic: str, dead: str, link: Resource) -> Verdict:
    source, node = draft.nodes[topic], draft.nodes[dead]
    if isinstance(source, Topic) and isinstance(node, Queue) and None not in (source.fifo, node.fifo):
        if source.fifo and not node.fifo:
            return Verdict(Answer.DENIED, f"{source.name} is a FIFO topic and {node.name} a standard queue")
        if node.fifo and not source.fifo:
            return Verdict(Answer.DENIED, f"{node.name} is a FIFO queue and {source.name} a standard topic")
    if isinstance(node, Queue | External):
        return draft.may(SERVICE, topic, dead, link)
    return Verdict(Answer.DENIED, f"{node.name} is not a queue")
