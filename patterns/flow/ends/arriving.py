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
    ordered = [
        node.fifo if isinstance(node, Queue | Topic) else node.service != "mq"
        for node in _hops_of(flow, start, path)
        if isinstance(node, Queue | Topic | Stream)
    ]
    loose = any(_shared(flow.edges[key]) for key in path)
    loose = loose or any(isinstance(n, Bus | Rule | Bucket | Schedule) for n in _hops_of(flow, start, path))
    if not ordered or loose or None in ordered or not all(ordered):
        return "in no order"
    last = flow.nodes[flow.edges[path[-1]].target] if path else None
    if isinstance(last, Function) and not isinstance(flow.edges[path[-1]], Poll):
        return "in no order"
    streams = any(isinstance(n, Stream) for n in _hops_of(flow, start, path))
    return "in order within a shard or partition" if streams else "in order within a message group"
