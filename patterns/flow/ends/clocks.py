"""How old a message is when it comes into a queue: redrives do not set its clock back."""

from typing import NamedTuple

from patterns.flow.ends.steps import MOVED
from patterns.flow.model import Flow, Kept, Node, Queue, Redrive


class Clock(NamedTuple):
    """The age that a message has when it arrives: a standard dead-letter queue counts from the first enqueue.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
    """

    low: int = 0
    high: int | None = 0

    def left(self, retention: int | None) -> int | None:
        """How long a queue still keeps the youngest, counted from when the oldest arrives."""
        return None if retention is None else max(0, retention - (self.high or 0))

    def kept(self, node: Node, retention: int | None) -> Kept:
        if retention is None:
            return Kept(node.id, None, None)
        least = None if self.high is None else retention - self.high
        return Kept(node.id, least, max(0, retention - self.low))


def clock_of(flow: Flow, mode: str) -> Clock:
    redrive = flow.edges.get(mode.removeprefix(MOVED)) if mode.startswith(MOVED) else None
    source = flow.nodes[redrive.source] if redrive else None
    if not isinstance(redrive, Redrive) or not isinstance(source, Queue):
        return Clock()
    target = flow.nodes[redrive.target]
    low = _youngest(flow).get(source.id, 0) + (taken_by(source, redrive) or 0)
    high = oldest_in(source, target)
    return Clock(low, high)


def oldest_in(source: Queue, target: Node) -> int | None:
    """How old a message can be that arrives in a dead-letter queue and is not deleted there at once."""
    if source.retention is None or not isinstance(target, Queue) or target.retention is None or target.fifo:
        return source.retention
    return min(source.retention, target.retention)


def taken_by(node: Queue, redrive: Redrive) -> int | None:
    """How long the receives take until the move, at least."""
    count, visibility, delay = redrive.max_receive_count, node.visibility, node.delay
    return None if count is None or visibility is None or delay is None else delay + count * visibility


def _youngest(flow: Flow) -> dict[str, int]:
    """How old a message is at least that arrives in a queue which only redrives lead to.

    A queue has one redrive, so what comes after a ring of queues is the ring: nothing there has a least age.
    """
    known = flow._memo.get("youngest")
    if known is not None:
        return known
    into: dict[str, list[Redrive]] = {}
    for redrive in flow.edges_of(Redrive):
        into.setdefault(redrive.target, []).append(redrive)
    onward = {redrive.source: redrive.target for redrive in flow.edges_of(Redrive)}
    awaited = {key: len(redrives) for key, redrives in into.items()}
    ready = [key for key in onward if key not in awaited]
    ages: dict[str, int] = {}
    for key in ready:
        target = onward.get(key)
        if key in into and all(isinstance(edge, Redrive) for edge in flow.arriving(key)):
            ages[key] = min(_at_move(flow, redrive, ages) for redrive in into[key])
        if target is not None:
            awaited[target] -= 1
            if not awaited[target]:
                ready.append(target)
    flow._memo["youngest"] = ages
    return ages


def _at_move(flow: Flow, redrive: Redrive, ages: dict[str, int]) -> int:
    source = flow.nodes[redrive.source]
    return ages.get(source.id, 0) + ((taken_by(source, redrive) or 0) if isinstance(source, Queue) else 0)
