"""What becomes of a failed message that is put into a dead-letter queue or destination."""

from collections.abc import Iterator

from patterns.flow.ends.steps import CARRIES, MOVED, QUEUED, RECORDS, End, Go, doubts_of, existence
from patterns.flow.ends.watching import queue_alarms
from patterns.flow.model import (
    Bucket,
    Bus,
    Call,
    DeadLetter,
    Delivery,
    Destination,
    Edge,
    External,
    Flow,
    Function,
    Kept,
    Node,
    Outcome,
    Pipe,
    Poll,
    Queue,
    Redrive,
    Rule,
    Topic,
)


def refusal_of(flow: Flow, polls: list[Poll]) -> str:
    """Why a pipe can never hand on what it reads, else empty."""
    for poll in polls:
        if isinstance(flow.nodes[poll.target], Pipe):
            for edge in flow.leaving(poll.target):
                if isinstance(edge, Call | Delivery) and edge.verdict.denied:
                    return f"{flow.name(poll.target)} may not send to {flow.name(edge.target)} ({edge.verdict.why})"
    return ""


def into_net(
    flow: Flow,
    edge: Edge,
    outcome: Outcome,
    condition: str,
    attempts: int | None,
    soonest: int,
    latest: int | None,
    kept: Kept | None,
    alarms: tuple[str, ...],
    unsure: tuple[str, ...],
    why: str = "",
) -> Iterator[End | Go]:
    """A failed message put into its net: an end there, and the way on where something takes it from there.

    ``why`` is the condition in short, for what comes after.
    """
    node = flow.nodes[edge.target]
    unsure = (*unsure, *doubts_of(edge.verdict, node.name), *existence(edge))
    if node.resource is not None and node.resource.condition is not None:
        unsure = (*unsure, f"whether {node.name} exists: {node.resource.condition}")
    if (bus := _described_only(flow, edge)) and kept is None:
        condition += f"; {node.name} gets a description of it, and only {bus.name} keeps the event"
        kept = _left_on(bus, latest)
    onward = [e for e in flow.leaving(node.id) if isinstance(e, CARRIES)]
    if isinstance(node, Topic | Bus) and not onward:
        takes = "subscribers" if isinstance(node, Topic) else "rules"
        condition = f"{condition}; it goes to {node.name}, whose {takes} stand in none of the templates"
        unsure, kept = (*unsure, f"which {takes} {node.name} has"), kept or archive_of(node)
    if isinstance(node, Queue | Bucket) or not (onward or isinstance(node, Function)):
        if kept is None and isinstance(node, Queue):
            kept = Kept(node.id, node.retention, node.retention)
        if isinstance(node, Bucket):
            kept = Kept(node.id, None, None)
        if isinstance(node, External):
            unsure = (*unsure, node.why or f"how long {node.name} keeps it: it stands in none of the templates")
            kept = Kept(node.id, None, None)
        if isinstance(node, Queue):
            own = queue_alarms(flow, node, isinstance(edge, Redrive), kept.at_most if kept else None)
            alarms = tuple(dict.fromkeys((*own, *alarms)))
        yield End(
            outcome, node.id, edge.id, condition, attempts, soonest, latest, kept, False, "", False, alarms, unsure
        )
        if not onward:
            return
    mode = QUEUED if isinstance(node, Function) else "in"
    if isinstance(edge, Destination) and isinstance(node, Bus):
        mode = RECORDS[edge.way]
    if isinstance(edge, Redrive) and isinstance(node, Queue) and not node.fifo:
        mode = f"{MOVED}{edge.id}"
    yield Go(edge, mode, True, soonest, latest, False, unsure, why=why or condition)


def _described_only(flow: Flow, edge: Edge) -> Node | None:
    """The new event bus whose subscriber puts only a description of a failed event into its queue.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-retry.html
    """
    failed = flow.edges.get(edge.of) if isinstance(edge, DeadLetter) else None
    return flow.nodes[failed.source] if isinstance(failed, Delivery) and failed.by == "eventsv2" else None


def _left_on(bus: Node, latest: int | None) -> Kept:
    retained = archive_of(bus)
    if retained is None or retained.at_most is None:
        return Kept(bus.id, None, None)
    return Kept(bus.id, max(0, retained.at_most - (latest or 0)), retained.at_most)


def archive_of(node: Node) -> Kept | None:
    if isinstance(node, Topic | Bus) and node.archive_days != 0:
        seconds = None if node.archive_days is None else node.archive_days * 86_400
        return Kept(node.id, seconds, seconds)
    if isinstance(node, Rule) and node.archive_days:
        return Kept(node.bus, node.archive_days * 86_400, node.archive_days * 86_400)
    return None
