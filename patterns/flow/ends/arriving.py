"""What arrives: how often, and in which order."""

from collections.abc import Mapping
from itertools import chain, combinations, product
from math import prod
from typing import Any, NamedTuple

from patterns.errors import PatternError
from patterns.flow.ends.screens import SCOPES, scope_of
from patterns.flow.filters.cover import common
from patterns.flow.model import (
    Bucket,
    Bus,
    Call,
    Delivery,
    Edge,
    External,
    Flow,
    Function,
    Match,
    Node,
    Pipe,
    Poll,
    Queue,
    Rule,
    Schedule,
    Stream,
    Subscription,
    Topic,
)


def _hops_of(flow: Flow, start: str, path: tuple[str, ...]) -> list[Node]:
    nodes = [flow.nodes[start]]
    nodes.extend(flow.nodes[flow.edges[key].target] for key in path)
    return nodes


_AGAIN = (
    (Topic, "SNS"),
    (Queue, "SQS"),
    (Bus, "EventBridge"),
    (Rule, "EventBridge"),
    (Schedule, "EventBridge Scheduler"),
    (Bucket, "S3"),
    (Stream, "the stream's reader"),
    (Pipe, "the pipe"),
)
# What a queue or topic is that stands in no template, by what leads out of it.
_FROM_ELSEWHERE = ((Poll, "SQS"), (Subscription, "SNS"))


def _again(node: Node, link: Edge | None) -> list[str]:
    """Who may deliver again what leaves a node by a link."""
    if isinstance(node, External):
        return [name for kind, name in _FROM_ELSEWHERE if isinstance(link, kind)]
    return [name for kind, name in _AGAIN if isinstance(node, kind)]


def duplicates_of(flow: Flow, start: str, path: tuple[str, ...]) -> str:
    nodes = _hops_of(flow, start, path)
    last = flow.edges[path[-1]] if path else None
    if isinstance(last, Poll) and last.may_delete.denied:
        return f"again and again: {last.may_delete.why}"
    links = [*(flow.edges[key] for key in path), None]
    who = [name for node, link in zip(nodes, links, strict=True) for name in _again(node, link)]
    if any(_shared(flow.edges[key]) for key in path):
        who = ["the broker" if name == "the stream's reader" else name for name in who]
    if isinstance(nodes[-1], Function) and (not path or _queued(flow.edges[path[-1]])):
        who.append("Lambda's own queue")
    return f"more than once: {', '.join(dict.fromkeys(who))} may deliver again" if who else ""


Path = tuple[str, ...]


class ByWay(NamedTuple):
    """The links by which a message arrives, and whether one of them asks a filter."""

    path: tuple[str, ...]
    filtered: bool

    def onto(self, link: str, filtered: bool) -> "ByWay":
        return ByWay((*self.path, link), self.filtered or filtered)


def several_times(flow: Flow, found: list[ByWay], most: int) -> str:
    """How often a message arrives, where it is more than once, and by which ways: for certain, or if filters let it."""
    if len(found) < 2 or len(found := _deployed(flow, found)) < 2:
        return ""
    ways = [one.path for one in found if not one.filtered][:most]
    where = ""
    if len(ways) < 2:
        ways, where = _together(flow, found)[:most], " where it passes the filters"
    if len(ways) < 2:
        return ""
    count = "twice" if len(ways) == 2 else f"{len(ways)} times"
    if len(ways) >= most:
        count = f"at least {count}"
    ways = sorted(ways, key=lambda way: (len(way), way))
    said = [_by(flow, way) for way in ways]
    if len(set(said)) < len(said):
        said = [f"by {_differing(ways, way)}" for way in ways]
    return f"{count}{where}: {', '.join(said[:-1])} and {said[-1]}"


def is_certain(duplicates: str) -> bool:
    """Whether what `several_times` tells is so for every message."""
    count = duplicates.partition(":")[0]
    return count == "twice" or count.endswith(" times")


def _deployed(flow: Flow, found: list[ByWay]) -> list[ByWay]:
    """The ways that there are: SNS takes a second subscription of an endpoint for the first one.

    https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
    """
    ways: dict[tuple[Any, ...], ByWay] = {}
    for one in found:
        edges = (flow.edges[key] for key in one.path)
        links = (
            (edge.source, edge.target, edge.protocol) if isinstance(edge, Subscription) else edge.id for edge in edges
        )
        ways.setdefault(tuple(links), one)
    return list(ways.values())


MOST_WAYS = 16
"""So many ways to one place are told apart by their filters."""

# Choices among the filters of readers that are thought about.
_MOST_CHOICES = 100


def _together(flow: Flow, found: list[ByWay]) -> list[Path]:
    """Most of the ways that one message can take: filters of theirs are not proved to exclude each other."""
    ways = [one.path for one in sorted(found, key=lambda one: (one.filtered, len(one.path), one.path))[:MOST_WAYS]]
    asked = {way: _filters_on(flow, way) for way in ways}
    apart = {frozenset(two) for two in combinations(ways, 2) if _exclude(flow, [asked[way] for way in two])}
    best: list[Path] = []
    for first in ways:
        taken = [first]
        for one in ways:
            if one is first or any(frozenset((one, other)) in apart for other in taken):
                continue
            if len(taken) == 1 or not _exclude(flow, [asked[way] for way in (one, *taken)]):
                taken.append(one)
        best = max(best, taken, key=len)
        if len(best) == len(ways):
            break
    return best


def _filters_on(flow: Flow, way: Path) -> list[tuple[str, "_Asked"]]:
    return [(key, asked) for key in way if (asked := _asked(flow.edges[key]))]


def _exclude(flow: Flow, ways: list[list[tuple[str, "_Asked"]]]) -> bool:
    """Whether no message takes all these ways, because filters at one place have nothing in common."""
    known: dict[Path, bool] = flow._memo.setdefault("filters that exclude each other", {})
    places: dict[tuple[str, str], dict[str, tuple[Mapping[str, Any], ...]]] = {}
    for key, asked in chain(*ways):
        places.setdefault((asked.place, asked.scope), {})[key] = asked.any
    for (_, scope), filters in places.items():
        if len(filters) > 1:
            links = tuple(sorted(filters))
            if links not in known:
                known[links] = _nothing_in_common([filters[link] for link in links], scope)
            if known[links]:
                return True
    return False


def _nothing_in_common(asked: list[tuple[Mapping[str, Any], ...]], scope: str) -> bool:
    """Whether it is proved that no message passes one filter of each."""
    if prod(map(len, asked)) > _MOST_CHOICES:
        return False
    try:
        return all(_differ(*choice[:2]) or common(choice, scope) is False for choice in product(*asked))
    except PatternError:
        return False


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two filters want other texts or numbers under one key, which is seen at once."""
    for key, wanted in one.items():
        against = other.get(key)
        if isinstance(wanted, Mapping) and isinstance(against, Mapping):
            if _differ(wanted, against):
                return True
        elif isinstance(wanted, list) and isinstance(against, list):
            kinds = {type(each) for each in (*wanted, *against)}
            if kinds in ({str}, {int}) and set(wanted).isdisjoint(against):
                return True
    return False


class _Asked(NamedTuple):
    """The filters of which a message has to pass one, and where they are asked."""

    place: str
    scope: str
    any: tuple[Mapping[str, Any], ...]


def _asked(edge: Edge) -> _Asked | None:
    """What a link asks of a message; ``None`` for nothing, or what no template says."""
    found: tuple[Any, ...] = ()
    scope = ""
    if isinstance(edge, Subscription):
        found, scope = (edge.filter,), SCOPES.get(edge.scope, "")
    elif isinstance(edge, Match):
        found, scope = (edge.pattern,), "eventbridge"
    elif isinstance(edge, Poll):
        found, scope = edge.filters, scope_of(edge)
    elif isinstance(edge, Delivery):
        found, scope = edge.filters, "eventbridge"
    known = bool(found) and all(isinstance(one, Mapping) for one in found)
    return _Asked(edge.source, scope, found) if known and scope else None


def _by(flow: Flow, way: tuple[str, ...]) -> str:
    between = [flow.name(flow.edges[key].target) for key in way[:-1]]
    return f"by {' and '.join(between)}" if between else "directly"


def _differing(ways: list[tuple[str, ...]], way: tuple[str, ...]) -> str:
    """The first link at which a way is not like the others."""
    for place, key in enumerate(way):
        if sum(other[place : place + 1] == (key,) for other in ways) < len(ways):
            return key.rpartition("/")[2]
    return way[-1].rpartition("/")[2]


def _shared(edge: Edge) -> bool:
    """Whether a broker shares out single records of a topic instead of its partitions."""
    return isinstance(edge, Poll) and edge.consumption == "queue"


def _queued(edge: Edge) -> bool:
    """Whether a function that is reached by this link gets its events from Lambda's own queue."""
    return edge.asynchronous if isinstance(edge, Call | Delivery) else not isinstance(edge, Poll)


def order_kept(flow: Flow, start: str, path: tuple[str, ...]) -> str:
    links: list[Edge | None] = [*(flow.edges[key] for key in path), None]
    nodes = _hops_of(flow, start, path)
    pairs = list(zip(nodes, links, strict=True))
    ordered = [keeps for node, link in pairs if (keeps := _keeps_order(node, link)) is not None]
    last = links[-2] if path else None
    if isinstance(nodes[-1], Function) and not (last and _waits(last)):
        return "in no order"
    if not ordered or not all(ordered) or any(link and _shared(link) for link in links):
        return "in no order"
    if any(isinstance(node, Queue | Topic | Bus) or _from_elsewhere(node, link) for node, link in pairs):
        return "in order within a message group"
    return f"in order within {_ordered_by(nodes, links)}"


def _ordered_by(nodes: list[Node], links: list[Edge | None]) -> str:
    """Within what a stream's records keep their order: batches of one shard may be processed side by side.

    https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
    https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
    """
    if all(not isinstance(link, Poll) or link.parallel == 1 for link in links):
        return "a shard or partition"
    tables = any(isinstance(node, Stream) and node.service == "dynamodb" for node in nodes)
    return "an item" if tables else "a partition key"


def _keeps_order(node: Node, link: Edge | None) -> bool | None:
    """Whether what leaves a node by a link keeps its order; ``None`` where nothing is kept waiting."""
    if isinstance(node, Queue | Topic):
        return bool(node.fifo)
    if _from_elsewhere(node, link):
        return node.name.endswith(".fifo")
    if isinstance(node, Stream):
        return node.service != "mq"
    if isinstance(node, Bus):
        return link is not None and _in_groups(link)
    return False if isinstance(node, Rule | Bucket | Schedule) else None


def _from_elsewhere(node: Node, link: Edge | None) -> bool:
    """Whether a node is a queue or topic that stands in no template."""
    return isinstance(node, External) and isinstance(link, Poll | Subscription)


def _waits(link: Edge) -> bool:
    """Whether who invokes a function waits for its answer before what comes next in order.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-source.html
    """
    if isinstance(link, Delivery) and link.by == "pipes":
        return not link.asynchronous and "asynchronous" not in link.unknown
    return isinstance(link, Poll) or _in_groups(link)


def _in_groups(link: Edge) -> bool:
    """Whether a subscriber of a new bus waits for the answer about one event of a group before the next."""
    return isinstance(link, Delivery) and link.fifo is True and not link.asynchronous
