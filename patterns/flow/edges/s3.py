"""Bucket → queue, topic, function or the default event bus.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from patterns.flow.draft import Draft, items
from patterns.flow.model import Answer, Bucket, Edge, External, Notification, Queue, Topic, Verdict, node_id
from patterns.flow.rendered import render
from patterns.flow.template import Resource, Unknown

SERVICE = "s3.amazonaws.com"

# CloudFormation's own names, and those of the S3 API, which the CDK's custom resource uses.
_KINDS = (
    ("QueueConfigurations", "Queue", "QueueArn", "sqs"),
    ("TopicConfigurations", "Topic", "TopicArn", "sns"),
    ("LambdaConfigurations", "Function", "LambdaFunctionArn", "lambda"),
    ("LambdaFunctionConfigurations", "Function", "LambdaFunctionArn", "lambda"),
)


def links(draft: Draft) -> Iterator[Edge]:
    for resource in draft.template.of_type("AWS::S3::Bucket"):
        yield from _notifications(draft, resource, node_id(resource))
    for resource in draft.template.of_type("Custom::S3BucketNotifications"):
        value = draft.value(resource, "BucketName", default=Unknown("it names no bucket"))
        if isinstance(value, str) and ":" not in value and not draft.inside(resource.stack, value, "s3"):
            value = f"arn:aws:s3:::{value}"  # as policies name a bucket that stands elsewhere
        bucket = draft.endpoint(resource, "BucketName", value, "s3")
        node = draft.nodes[bucket]
        if isinstance(node, External):
            draft.add(Bucket(id=bucket, name=node.name))
        yield from _notifications(draft, resource, bucket)


def _notifications(draft: Draft, resource: Resource, bucket: str) -> Iterator[Edge]:
    configuration = draft.value(resource, "NotificationConfiguration")
    if isinstance(configuration, Unknown):
        draft.note(f"cannot be told: NotificationConfiguration of {draft.name(resource)}: {configuration.reason}")
    if not isinstance(configuration, Mapping):
        return
    for kind, cfn, api, service in _KINDS:
        for number, item in draft.listed(resource, f"NotificationConfiguration.{kind}", configuration.get(kind)):
            place = f"NotificationConfiguration.{kind}[{number}]"
            value = item.get(cfn, item.get(api, Unknown("it has no target")))
            target = draft.endpoint(resource, place, value, service)
            events = item.get("Event", item.get("Events"))
            yield Notification(
                id=f"{node_id(resource)}#{place.removeprefix('NotificationConfiguration.')}",
                source=bucket,
                target=target,
                resource=resource,
                place=place,
                events=tuple(render(e) for _, e in items(events)),
                filters=_filters(item.get("Filter")),
                verdict=_may(draft, bucket, target, resource),
            )
    bridge = configuration.get("EventBridgeConfiguration")
    if isinstance(bridge, Unknown):
        draft.note(f"cannot be told: whether {draft.name(resource)} sends to EventBridge: {bridge.reason}")
    if isinstance(bridge, Mapping) and bridge.get("EventBridgeEnabled", True) not in (False, "false"):
        yield Notification(
            id=f"{node_id(resource)}#EventBridgeConfiguration",
            source=bucket,
            target=draft.default_bus(),
            resource=resource,
            place="NotificationConfiguration.EventBridgeConfiguration",
        )


def _may(draft: Draft, bucket: str, target: str, link: Resource) -> Verdict:
    node = draft.nodes[target]
    if isinstance(node, Queue | Topic) and node.fifo:
        kind = "queue" if isinstance(node, Queue) else "topic"
        return Verdict(Answer.DENIED, f"{node.name} is a FIFO {kind}, which S3 cannot notify")
    return draft.may(SERVICE, bucket, target, link)


def _filters(value: Any) -> tuple[tuple[str, str], ...]:
    key = value.get("S3Key", value.get("Key")) if isinstance(value, Mapping) else None
    rules = key.get("Rules", key.get("FilterRules")) if isinstance(key, Mapping) else None
    return tuple(
        (render(rule.get("Name", "")).lower(), render(rule.get("Value", "")))
        for _, rule in items(rules)
        if isinstance(rule, Mapping)
    )
