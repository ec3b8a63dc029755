"""What arrives: how often, and in which order."""

from patterns.flow.model import (
    Bucket,
    Bus,
    Call,
    Delivery,
    Edge,
    Flow,
    Function,
    Node,
    Pipe,
    Poll,
    Queue,
    Rule,
    Schedule,
    Stream,
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


def duplicates_of(flow: Flow, start: str, path: tuple[str, ...]) -> str:
    nodes = _hops_of(flow, start, path)
    last = flow.edges[path[-1]] if path else None
    if isinstance(last, Poll) and last.may_delete.denied:
        return f"again and again: {last.may_delete.why}"
    who = [name for node in nodes for kind, name in _AGAIN if isinstance(node, kind)]
    if any(_shared(flow.edges[key]) for key in path):
        who = ["the broker" if name == "the stream's reader" else name for name in who]
    if isinstance(nodes[-1], Function) and (not path or _queued(flow.edges[path[-1]])):
        who.append("Lambda's own queue")
    return f"more than once: {', '.join(dict.fromkeys(who))} may deliver again" if who else ""


def several_times(flow: Flow, ways: list[tuple[str, ...]], most: int) -> str:
    """How often every message arrives, where it is more than once, and by which ways."""
    if len(ways) < 2:
        return ""
    count = "twice" if len(ways) == 2 else f"{len(ways)} times"
    if len(ways) >= most:
        count = f"at least {count}"
    ways = sorted(ways, key=lambda way: (len(way), way))
    said = [_by(flow, way) for way in ways]
    if len(set(said)) < len(said):
        said = [f"by {_differing(ways, way)}" for way in ways]
    return f"{count}: {', '.join(said[:-1])} and {said[-1]}"


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
    ordered = [
        keeps for node, link in zip(nodes, links, strict=True) if (keeps := _keeps_order(node, link)) is not None
    ]
    last = links[-2] if path else None
    if isinstance(nodes[-1], Function) and not (isinstance(last, Poll) or (last and _in_groups(last))):
        return "in no order"
    if not ordered or not all(ordered) or any(link and _shared(link) for link in links):
        return "in no order"
    streams = any(isinstance(node, Stream) for node in nodes)
    return "in order within a shard or partition" if streams else "in order within a message group"


def _keeps_order(node: Node, link: Edge | None) -> bool | None:
    """Whether what leaves a node by a link keeps its order; ``None`` where nothing is kept waiting."""
    if isinstance(node, Queue | Topic):
        return bool(node.fifo)
    if isinstance(node, Stream):
        return node.service != "mq"
    if isinstance(node, Bus):
        return link is not None and _in_groups(link)
    return False if isinstance(node, Rule | Bucket | Schedule) else None


def _in_groups(link: Edge) -> bool:
    """Whether a subscriber of a new bus waits for the answer about one event of a group before the next."""
    return isinstance(link, Delivery) and link.fifo is True and not link.asynchronous
