"""Notifications of buckets."""

from collections.abc import Iterator

from patterns.flow.model import Function, Notification, Queue, Topic
from patterns.guard.rule import Example, Found, Rule, Severity
from patterns.guard.view import View, by_key

_GRANT = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html"
_TYPES = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html"


def _fifo(view: View, edge: Notification) -> bool:
    node = view.flow.nodes[edge.target]
    return isinstance(node, Queue | Topic) and bool(node.fifo)


def _found(view: View, edge: Notification) -> Found:
    assert edge.resource is not None
    return Found(
        edge.resource,
        edge.place,
        {"bucket": view.flow.name(edge.source), "target": view.flow.name(edge.target), "why": edge.verdict.why},
        unsure=edge.verdict.why if edge.verdict.unknown else "",
        subject=edge.target,
    )


def _denied(view: View) -> Iterator[Found]:
    for edge in view.flow.edges_of(Notification):
        node = view.flow.nodes[edge.target]
        if edge.resource is None or edge.verdict.allowed or not isinstance(node, Queue | Topic | Function):
            continue
        if not _fifo(view, edge) and not by_key(edge.verdict):
            yield _found(view, edge)


def _impossible(view: View) -> Iterator[Found]:
    for edge in view.flow.edges_of(Notification):
        if edge.resource is not None and not edge.verdict.allowed and (_fifo(view, edge) or by_key(edge.verdict)):
            yield _found(view, edge)


RULES = (
    Rule(
        "s3-notification-denied",
        Severity.CRITICAL,
        "A bucket may not notify its target",
        "{bucket} cannot notify {target}: {why}. S3 refuses to create such a notification; when the permission goes "
        "away later, every notification is lost, and S3 has no dead-letter queue.",
        "Use bucket.add_event_notification, which writes the policy.",
        "Allow s3.amazonaws.com in the target's policy (with aws:SourceArn), and let the bucket depend on it.",
        _GRANT,
        _denied,
        Example("notified", {"InboxPolicy": None, "Uploads.DependsOn": None}),
    ),
    Rule(
        "s3-notification-impossible",
        Severity.HIGH,
        "A bucket cannot notify a target of this kind",
        "{bucket} cannot notify {target}: {why}.",
        "Use a standard queue or topic, with SQS_MANAGED encryption or a key that is granted to s3.amazonaws.com.",
        "Use a standard queue or topic, unencrypted by KMS or with a key whose policy names s3.amazonaws.com.",
        _TYPES,
        _impossible,
        Example("notified", {"Inbox.Properties": {"KmsMasterKeyId": "alias/aws/sqs"}}),
    ),
)
