"""Queues that are each other's dead-letter queues: a failing message goes round until it is too old."""

from typing import NamedTuple

from patterns.flow.model import Flow, Poll, Queue, Redrive


class Ring(NamedTuple):
    """The queues, and when the first and the last of them deletes what it holds, counted from the first enqueue."""

    queues: tuple[str, ...]
    soonest: int
    latest: int


def ring_of(flow: Flow, key: str) -> Ring | None:
    """The ring that a queue stands in, if every queue of it is read and none keeps a failing message.

    FIFO queues start the clock anew with each move, so nothing expires there; and where nobody reads, it rests.
    """
    known = flow._memo.get("rings")
    if known is None:
        rings = [_clocked(queues) for queues in _circles(flow)]
        known = flow._memo["rings"] = {queue: ring for ring in rings if ring for queue in ring.queues}
    return known.get(key)


def _circles(flow: Flow) -> list[list[Queue]]:
    follows = {edge.source: edge.target for edge in flow.edges_of(Redrive) if edge.verdict.allowed}
    found: list[list[Queue]] = []
    seen: set[str] = set()
    for start in follows:
        walk: dict[str, None] = {}
        key = start
        while key in follows and key not in seen:
            seen.add(key)
            walk[key] = None
            key = follows[key]
        if key in walk:
            keys = list(walk)
            ring = [flow.nodes[one] for one in keys[keys.index(key) :]]
            queues = [node for node in ring if isinstance(node, Queue) and not node.fifo and _is_read(flow, node)]
            if len(queues) == len(ring):
                found.append(sorted(queues, key=lambda node: node.id))
    return found


def _is_read(flow: Flow, node: Queue) -> bool:
    return any(isinstance(edge, Poll) and edge.enabled and edge.verdict.allowed for edge in flow.leaving(node.id))


def _clocked(queues: list[Queue]) -> Ring | None:
    keeps = [queue.retention for queue in queues]
    known = [seconds for seconds in keeps if seconds is not None]
    return Ring(tuple(queue.id for queue in queues), min(known), max(known)) if len(known) == len(keeps) else None
