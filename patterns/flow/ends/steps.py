"""What a hop tells of a message: an end, or a step to the next node."""

import json
from typing import NamedTuple

from patterns.flow.meeting import event_by, forwards
from patterns.flow.model import (
    Answer,
    Call,
    DeadLetter,
    Delivery,
    Destination,
    Edge,
    Flow,
    Function,
    Kept,
    Match,
    Node,
    Notification,
    Outcome,
    Poll,
    Redrive,
    Subscription,
    Verdict,
    Way,
)

CARRIES = (Subscription, Match, Delivery, Notification, Call, Poll)
LEADS = (*CARRIES, Redrive, DeadLetter, Destination)


class End(NamedTuple):
    """An end on one hop, its times counted from the arrival at the node.

    ``aged``: seconds since the message was first put into a queue that it has to be old.
    """

    outcome: Outcome
    at: str
    hop: str
    condition: str
    attempts: int | None = 1
    soonest: int = 0
    latest: int | None = 0
    kept: Kept | None = None
    lost: bool = False
    remedy: str = ""
    unless_covered: bool = False
    alarms: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    aged: int = 0


class Go(NamedTuple):
    """A message, its copy or its record going on to the next node.

    ``shared``: one of several readers gets it; ``why``: the failure after which it takes this way.
    """

    edge: Edge
    mode: str = ""
    net: bool = False
    soonest: int = 0
    latest: int | None = 0
    filtered: bool = False
    unsure: tuple[str, ...] = ()
    shared: bool = False
    why: str = ""


# How a message arrives at a function: polled (the poller sees the result), called (the caller does), or
# queued by Lambda itself.
POLLED, CALLED, QUEUED = "polled", "called", "queued"


# How a message arrives at a standard dead-letter queue: by which redrive, because its clock goes on.
MOVED = "moved by "


# How the record of an asynchronous invocation arrives at a bus: only rules that can match its kind concern it.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
RECORD = "record of "
RECORDS = {Way.FAILURE: f"{RECORD}Failure", Way.SUCCESS: f"{RECORD}Success"}


# How an event arrives at a bus: with what is known of its source and detail type, and whether a rule forwarded it.
EVENT, FORWARDED = "event ", "forwarded "


def mode_into(flow: Flow, edge: Edge) -> str:
    """How what comes by a link arrives at a bus."""
    if isinstance(edge, Destination):
        return RECORDS[edge.way]
    known = event_by(edge)
    if forwards(flow, edge):
        return f"{FORWARDED}{json.dumps(known, sort_keys=True)}"
    return f"{EVENT}{json.dumps(known, sort_keys=True)}" if known else "in"


State = tuple[str, str, bool]


class Perhaps(str):
    """The doubt whether a link is there at all: what happens on it is no loss that a template decides."""

    __slots__ = ()


def siblings_of(flow: Flow, node: Function) -> list[Function]:
    index = flow._memo.get("qualifiers")
    if index is None:
        index = {}
        for function in flow.nodes_of(Function):
            index.setdefault(function.function, []).append(function)
        flow._memo["qualifiers"] = index
    return [f for f in index.get(node.function, ()) if f.id != node.id]


def presence(node: Node) -> tuple[str, ...]:
    """The doubt about a node that is there only under a condition that no template decides."""
    if node.resource is not None and node.resource.condition is not None:
        return (f"whether {node.resource.logical_id} exists: {node.resource.condition}",)
    return ()


def existence(edge: Edge) -> tuple[str, ...]:
    """The doubt about a link that is there only under a condition that no template decides."""
    if edge.resource is not None and edge.resource.condition is not None:
        return (Perhaps(f"whether {edge.resource.logical_id} exists: {edge.resource.condition}"),)
    return ()


def doubts_of(verdict: Verdict, who: str) -> tuple[str, ...]:
    if verdict.answer is Answer.UNKNOWN:
        return (f"the permission to reach {who}: {verdict.why}",)
    return ()
