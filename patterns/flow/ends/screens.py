"""Filters of a reader that no message can pass."""

from collections.abc import Mapping
from typing import Any

from patterns.errors import PatternError
from patterns.flow.filters import can_match, match, overlap
from patterns.flow.model import Flow, Notification, Poll, Subscription, Way
from patterns.flow.values import is_plain

# https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
ENVELOPE = frozenset(
    [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "UnsubscribeURL",
        "MessageAttributes",
        "SequenceNumber",
    ]
)
"""The names in a notification as a queue gets it without raw delivery."""

SCOPES = {"MessageBody": "body", "MessageAttributes": "attributes"}
"""How filters call what SNS calls a filter policy scope."""


def lets_nothing_through(flow: Flow, poll: Poll, net: bool) -> bool:
    """Whether it is proved that none of what arrives passes a filter of this reader."""
    if not poll.filters or not is_plain(poll.filters):
        return False
    wrapped = not net and _all_wrapped(flow, poll.source)
    scope = scope_of(poll)
    return all(isinstance(pattern, Mapping) and _rejects(pattern, scope, wrapped) for pattern in poll.filters)


def scope_of(poll: Poll) -> str:
    """How filters call what a reader's filters look at."""
    return "event-source" if poll.service == "sqs" else "eventbridge"


def takes_nothing(flow: Flow, subscription: Subscription) -> bool:
    """Whether it is proved that none of what arrives on its topic passes the filter policy of a subscription."""
    policy = subscription.filter
    scope = SCOPES.get(subscription.scope)
    if policy is None or scope is None or not is_plain(policy):
        return False
    try:
        if can_match(policy, scope) is False:
            return True
        # A bucket sends no message attributes.
        arriving = [edge for edge in flow.arriving(subscription.source) if edge.way is not Way.FAILURE]
        bare = bool(arriving) and all(isinstance(edge, Notification) for edge in arriving)
        return bare and scope == "attributes" and not match(policy, scope, {})
    except PatternError:
        return False


def _all_wrapped(flow: Flow, key: str) -> bool:
    """Whether all that arrives in a queue is a topic's, in the envelope of SNS."""
    arriving = [edge for edge in flow.arriving(key) if edge.way is not Way.FAILURE]
    return bool(arriving) and all(isinstance(edge, Subscription) and edge.raw is False for edge in arriving)


def _rejects(pattern: Mapping[str, Any], scope: str, wrapped: bool) -> bool:
    try:
        if can_match(pattern, scope) is False:
            return True
        return wrapped and overlap(pattern, _envelope(pattern.get("body")), scope) is False
    except PatternError:
        return False


def _envelope(body: Any) -> dict[str, Any]:
    """A pattern for SNS's envelope as far as a pattern asks of it: what it has is text, other keys are absent."""
    known: dict[str, Any] = {"Type": ["Notification"]}
    for key, asked in body.items() if isinstance(body, Mapping) else ():
        if (key not in ENVELOPE and key != "$or") or (key == "Message" and isinstance(asked, Mapping)):
            known[key] = _absent(asked)
    return {"body": known}


def _absent(asked: Any) -> Any:
    if isinstance(asked, Mapping):
        return {key: _absent(value) for key, value in asked.items() if key != "$or"}
    return [{"exists": False}]
