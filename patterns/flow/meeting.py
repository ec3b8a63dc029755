"""What is known of an event that comes to a bus, and which rules it meets there."""

from collections.abc import Mapping, Sequence
from typing import Any

from patterns.errors import PatternError
from patterns.flow.filters import overlap
from patterns.flow.model import Bus, Call, Delivery, Edge, External, Flow, Match, Node, Rule
from patterns.flow.values import is_plain

# The values that its source and its detail type may have.
Event = Mapping[str, Sequence[str]]


def is_bus(node: Node) -> bool:
    """Whether a node is a bus, here or elsewhere. API destinations and built-in targets are of EventBridge too.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    """
    if not isinstance(node, External):
        return isinstance(node, Bus)
    return node.service == "events" and not any(kind in f"{node.id} {node.why}" for kind in _NO_BUSES)


API_DESTINATION = ":api-destination/"
_NO_BUSES = (API_DESTINATION, ":target/")


def forwards(flow: Flow, edge: Edge) -> bool:
    """Whether a rule sends events by this link to another bus, which EventBridge does only once with each.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """
    to = flow.nodes[edge.target]
    is_new = isinstance(to, Bus) and to.version != 1
    return is_bus(to) and not is_new and isinstance(edge, Delivery) and edge.by == "events"


def event_by(edge: Edge) -> Event:
    """What is known of the events that come by a link; empty: nothing."""
    return edge.event if isinstance(edge, Delivery | Call) else {}


def may_match(match: Match | Rule, event: Event) -> bool:
    """Whether a rule can match an event, as far as what is known of it decides."""
    pattern = match.pattern or {}
    asked = event.keys() & pattern
    return all(any(_passes(pattern[key], key, one) is not False for one in event[key]) for key in asked)


def takes(match: Match, event: Event) -> bool:
    """Whether a rule matches every such event: it asks for nothing but what is known of it."""
    pattern = match.pattern or {}
    return bool(pattern) and all(
        key in event and all(_passes(wanted, key, one) for one in event[key]) for key, wanted in pattern.items()
    )


def _passes(wanted: Any, key: str, value: str) -> bool | None:
    """Whether a value is what a pattern wants there; ``None`` if it cannot be told."""
    if isinstance(wanted, list) and value in wanted:
        return True
    if not is_plain(wanted):
        return None
    try:
        return overlap({key: wanted}, {key: [value]}, "eventbridge")
    except PatternError:
        return None
