"""What becomes of a message on a topic."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from patterns.errors import PatternError
from patterns.flow.ends.nets import archive_of
from patterns.flow.ends.pushes import doubts_about, is_not_told, pushed
from patterns.flow.ends.screens import SCOPES, takes_nothing
from patterns.flow.ends.steps import End, Go
from patterns.flow.ends.watching import filter_alarms, topic_metrics
from patterns.flow.filters import covers_everything
from patterns.flow.model import Bus, Flow, Kept, Node, Outcome, Subscription, Topic
from patterns.flow.rendered import readable, render
from patterns.flow.values import is_plain


def at_topic(flow: Flow, node: Node, subscriptions: list[Subscription], net: bool) -> Iterator[End | Go]:
    archive = archive_of(node)
    if isinstance(node, Topic):
        yield from _protection(node)
    if not subscriptions:
        outcome = Outcome.DESTINATION if net else Outcome.OUTSIDE
        unsure = (f"who subscribes to {node.name}",)
        condition = f"it is published on {node.name}, whose subscribers stand in none of the templates"
        yield End(outcome, node.id, "", condition, unsure=unsure)
        return
    filtered = [s for s in subscriptions if s.filter is not None or "filter" in s.unknown]
    choosy = {s.id for s in filtered}
    for each in subscriptions:
        who = flow.name(each.target)
        if each.id in choosy and (len(filtered) > 1 or len(subscriptions) > 1):
            yield End(
                Outcome.FILTERED,
                each.target,
                each.id,
                f"it does not match the filter policy of {who}",
                attempts=0,
                alarms=filter_alarms(flow, node),
            )
        if takes_nothing(flow, each):
            continue
        unknown = tuple(f"the {f} of the subscription of {who}" for f in each.unknown)
        whose = f"the subscription of {who}"
        if each.resource and is_not_told(flow, each):
            whose = f"the {each.place} of {node.name}" if each.place else each.resource.logical_id
        yield from pushed(
            flow,
            each,
            who,
            each.attempts,
            each.seconds,
            each.id in choosy,
            True,
            partial(topic_metrics, node),
            archive,
            f"give {whose} a dead-letter queue",
            each.broken_redrive and f"the RedrivePolicy of its subscription {each.broken_redrive}",
            unknown,
        )
    if len(filtered) == len(subscriptions):
        covered = _covered([s.filter for s in filtered], {s.scope for s in filtered})
        unsure = tuple(f"the filter of {flow.name(s.target)}" for s in filtered if "filter" in s.unknown)
        if not isinstance(node, Topic):
            unsure = (*unsure, f"which other subscriptions {node.name} has")
        names = "the filter policy" if len(filtered) == 1 else f"any of the {len(filtered)} filter policies"
        if covered is None and not unsure:
            unsure = (f"whether the filter policies on {node.name} leave a gap",)
        if not covered:
            yield End(
                Outcome.FILTERED,
                node.id,
                "",
                f"it does not match {names} on {node.name}",
                attempts=0,
                kept=archive,
                lost=archive is None and not unsure,
                unless_covered=True,
                remedy=f"subscribe a queue without a filter to {node.name}, or one for what the others reject",
                alarms=filter_alarms(flow, node),
                unsure=(*unsure, *doubts_about(flow, archive)),
            )


def replayed_from(node: Node) -> Kept | None:
    """The archive from which a message can come again. What a new bus retains, no subscriber calls up twice."""
    return None if isinstance(node, Bus) and node.version != 1 else archive_of(node)


def _protection(node: Topic) -> Iterator[End]:
    if "data_protection" in node.unknown:
        what = f"it has data that the data protection policy of {node.name} denies"
        unsure = (f"the data protection policy of {node.name}",)
        rejected, blocked = (
            f"{what}; the publisher gets an error",
            f"{what} to a subscriber; only delivery logs show it",
        )
        yield End(Outcome.REJECTED, node.id, "", rejected, attempts=0, unsure=unsure)
        yield End(Outcome.BLOCKED, node.id, "", blocked, attempts=0, unsure=unsure)
    statements = (node.data_protection or {}).get("Statement")
    for statement in statements if isinstance(statements, list) else []:
        operation = statement.get("Operation") if isinstance(statement, Mapping) else None
        if isinstance(operation, Mapping) and "Deny" in operation:
            inbound = statement.get("DataDirection") == "Inbound"
            yield End(
                Outcome.REJECTED if inbound else Outcome.BLOCKED,
                node.id,
                "",
                f"it has data that the data protection policy of {node.name} denies"
                + ("; the publisher gets an error" if inbound else f" to {_to(statement)}; only delivery logs show it"),
                attempts=0,
            )


def _to(statement: Mapping[str, Any]) -> str:
    """The subscribers that a statement of a data protection policy is about."""
    who = statement.get("Principal")
    names = [readable(render(one)).rsplit("/", 1)[-1] for one in (who if isinstance(who, list) else [who])]
    return "every subscriber" if "*" in names or not who else " and ".join(sorted(names))


def _covered(policies: list[Mapping[str, Any] | None], scopes: set[str]) -> bool | None:
    """Whether the filter policies take every message between them; ``None`` if it cannot be told."""
    known = [policy for policy in policies if policy is not None and is_plain(policy)]
    scope = SCOPES.get(next(iter(scopes))) if len(scopes) == 1 else None
    if scope is None or len(known) < len(policies):
        return None
    try:
        return covers_everything(known, scope)
    except PatternError:
        return None
