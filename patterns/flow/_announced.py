"""Alarms that tell somebody without an action: CloudWatch puts each change of their state on the default event bus.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from collections.abc import Iterable

from patterns.errors import PatternError
from patterns.flow.draft import DEFAULT_BUS, Draft
from patterns.flow.filters import match
from patterns.flow.meeting import may_match
from patterns.flow.model import Delivery, Edge, Rule
from patterns.flow.values import is_plain

_CHANGE = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}
_FIRES = {**{key: value for key, (value,) in _CHANGE.items()}, "detail": {"state": {"value": "ALARM"}}}

# The account and the Region of a stack.
Place = tuple[str | None, str | None]


def place_of(draft: Draft, stack: str) -> Place:
    return draft.template.account(stack), draft.template.region(stack)


def announced(draft: Draft, edges: Iterable[Edge]) -> dict[Place, bool | None]:
    """Where a rule hands on that alarms fire: each of them (``True``), or perhaps not each (``None``)."""
    delivers = {edge.source for edge in edges if isinstance(edge, Delivery) and not edge.verdict.denied}
    found: dict[Place, bool | None] = {}
    for node in draft.nodes.values():
        if isinstance(node, Rule) and (hands_on := _hands_on(node, node.id in delivers)) is not False:
            place = place_of(draft, node.stack)
            found[place] = hands_on or found.get(place)
    return found


def _hands_on(rule: Rule, delivers: bool) -> bool | None:
    pattern = rule.pattern or {}
    if rule.resource is None or rule.bus != DEFAULT_BUS or rule.enabled is False or not _CHANGE.keys() & pattern:
        return False
    if not may_match(rule, _CHANGE) or not (delivers or "targets" in rule.unknown):
        return False
    try:
        each = is_plain(pattern) and match(pattern, "eventbridge", _FIRES)
    except PatternError:
        each = False
    return True if each and delivers and rule.enabled and rule.resource.condition is None else None
