"""What can become of a message: every end it can have, from each place where one enters.

**What counts as a loss.** A message is lost where it ends without a copy under a failure for which the
template could have provided:

* a delivery that fails for good and has no dead-letter queue, or one that cannot be written to;
* an asynchronous event that a function cannot process, with no destination or dead-letter queue on exactly
  the qualifier that is invoked, or none that it may write to;
* a message that fails until its queue's retention ends: no redrive, a redrive the queue refuses, or a
  retention too short to reach the last receive;
* a message that is older than its dead-letter queue's retention when it gets there (standard queues keep
  the first enqueue time);
* a message that nobody can read: every mapping disabled or without permission;
* a record that a stream's reader gives up on without a destination, or that blocks its shard until it
  expires;
* a message that every filter rejects - every subscription of a topic, every rule of a custom bus, the only
  mapping of a queue - unless another path without a filter takes it to somebody, or the filters provably
  leave no gap. That is a designed end (`FILTERED`), but one that nobody sees.

* a message that an IoT rule cannot hand on and that has no error action: the device is not told.

Not a loss: a copy that waits in a dead-letter queue or destination (see `unwatched` for those that no
alarm tells of), or in the archive of a bus or FIFO topic that it came by and that keeps it for longer than
it takes to fail, what a consumer outside the templates takes, what a caller is told has failed (`REJECTED`),
events on the default bus that match no rule, a backlog that outlives the retention (no template can keep
that; watch the age of the oldest message), and whatever cannot be told - which each fate then says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from patterns.errors import PatternError
from patterns.flow._collect import paused
from patterns.flow.cycles import tangles
from patterns.flow.filters import covers_everything
from patterns.flow.model import (
    Answer,
    Bucket,
    Bus,
    Call,
    DeadLetter,
    Delivery,
    Destination,
    Edge,
    External,
    Fate,
    Flow,
    Function,
    Kept,
    Match,
    Node,
    Notification,
    Opaque,
    Outcome,
    Pipe,
    Poll,
    Queue,
    Redrive,
    Rule,
    Schedule,
    Send,
    Stream,
    Subscription,
    Topic,
    Verdict,
    Way,
    node_id,
)
from patterns.flow.permissions import readable, render
from patterns.flow.template import Ref
from patterns.flow.words import duration, times

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
ASYNC_RETRY_AFTER_SECONDS = (60, 180)

# https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
KAFKA_RETRIES_WITH_DESTINATION = 10

# How fates are sorted: what arrives first, then what somebody still has, then what is gone.
_RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}

_CARRIES = (Subscription, Match, Delivery, Notification, Call, Poll)
_LEADS = (*_CARRIES, Redrive, DeadLetter, Destination)

# A message is followed so far; what comes after is told as a source of its own. Sources that all lead to the same
# places would cost N²: beyond so many fates, what another source has told already is not told again.
_HOPS = 100
_TOLD_FOR_EACH_NODE = 10
_TOLD = 10_000


@dataclass(frozen=True, slots=True)
class _End:
    """An end on one hop, its times counted from the arrival at the node."""

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


@dataclass(frozen=True, slots=True)
class _Go:
    """A message, its copy or its record going on to the next node."""

    edge: Edge
    mode: str = ""
    net: bool = False
    soonest: int = 0
    latest: int | None = 0
    filtered: bool = False
    unsure: tuple[str, ...] = ()


# How a message arrives at a function: polled (the poller sees the result), called (the caller does), or
# queued by Lambda itself.
POLLED, CALLED, QUEUED = "polled", "called", "queued"

_State = tuple[str, str, bool]


# --- what a reader asks ------------------------------------------------------------------------------


def fates(flow: Flow) -> dict[str, list[Fate]]:
    """Every fate of a message, by the node where it enters; what is lost comes first."""
    known = flow._memo.get("fates")
    if known is None:
        with paused():
            known = flow._memo["fates"] = _Stories(flow).tell()
    return known


def losses(flow: Flow) -> list[Fate]:
    """The fates in which a message ends without a copy although the template could have kept one."""
    return [fate for told in fates(flow).values() for fate in told if fate.lost]


def unwatched(flow: Flow) -> list[Fate]:
    """The fates in which a failed message is kept and no alarm tells anybody before the copy expires."""
    kept = (Outcome.DLQ, Outcome.DESTINATION)
    return [
        fate
        for told in fates(flow).values()
        for fate in told
        if fate.outcome in kept
        and fate.kept
        and not fate.alarms
        # What is kept elsewhere may be watched there.
        and not isinstance(flow.nodes[fate.kept.place], External)
    ]


# --- stories -----------------------------------------------------------------------------------------


class _Stories:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._hops: dict[_State, list[_End | _Go]] = {}
        self._followed: list[str] = []  # where a story was cut because it was too long
        self._left = _TOLD + _TOLD_FOR_EACH_NODE * len(flow.nodes)

    def tell(self) -> dict[str, list[Fate]]:
        flow = self._flow
        told: dict[str, list[Fate]] = {}
        seen: set[str] = set()
        for node in flow.nodes.values():
            if mode := _enters(flow, node):
                told[node.id] = self._story((node.id, mode, False), seen)
        for tangle in tangles(flow, _LEADS):
            if any(key in seen for key in tangle):
                continue
            # A cycle that nothing outside feeds: a message enters where code can put one, else anywhere.
            open_to_code = [key for key in tangle if isinstance(flow.nodes[key], Queue | Topic | Bus)]
            for key in open_to_code or tangle[:1]:
                if key not in seen:
                    told[key] = self._story((key, _mode(flow.nodes[key]), False), seen)
        for key in self._followed:
            if key not in seen:
                told[key] = self._story((key, _mode(flow.nodes[key]), False), seen)
        return dict(sorted(told.items()))

    def _story(self, start: _State, seen: set[str]) -> list[Fate]:
        order = self._order(start, seen if self._left < 0 else set())
        told = set(order)
        ways: dict[_State, _Way] = {start: _Way()}
        covered = False
        ends: list[tuple[_Way, _End]] = []
        for state in order:
            seen.add(state[0])
            way = ways[state]
            for step in self._hop(state):
                if isinstance(step, _Go) and _arrives(step) not in told:
                    step = self._elsewhere(step)
                if isinstance(step, _End):
                    ends.append((way, step))
                    arrives = step.outcome in (Outcome.PROCESSED, Outcome.OUTSIDE)
                    covered = covered or (arrives and way.clear and not state[2])
                    continue
                to = _arrives(step)
                on = way.onto(step, _replayed(self._flow.nodes[state[0]]))
                ways[to] = ways[to].joined(on) if to in ways else on
        found = _merged([self._fate(start, end, way, covered) for way, end in ends])
        found.sort(key=lambda f: (not f.lost, _RANK[f.outcome], f.at, f.hop, f.condition, f.path))
        self._left -= len(found)
        return found

    def _elsewhere(self, step: _Go) -> _End:
        """A message that goes on, where another source's story tells how."""
        self._followed.append(step.edge.target)
        condition = f"it goes on from {self._flow.name(step.edge.target)}, as told for other sources"
        return _End(Outcome.OUTSIDE, step.edge.target, step.edge.id, condition, unsure=step.unsure)

    def _order(self, start: _State, known: set[str]) -> list[_State]:
        """The states that can be reached, each before those it leads to (cycles are cut)."""
        done: list[_State] = []
        begun = {start}
        stack: list[tuple[_State, Iterator[_End | _Go]]] = [(start, iter(self._hop(start)))]
        while stack:
            state, steps = stack[-1]
            for step in steps:
                if isinstance(step, _Go):
                    to = _arrives(step)
                    if to not in begun and to[0] not in known and len(stack) < _HOPS:
                        begun.add(to)
                        stack.append((to, iter(self._hop(to))))
                        break
            else:
                stack.pop()
                done.append(state)
        return done[::-1]

    def _fate(self, start: _State, end: _End, way: "_Way", covered: bool) -> Fate:
        arrives = end.outcome in (Outcome.PROCESSED, Outcome.OUTSIDE)
        latest = None if way.latest is None or end.latest is None else way.latest + end.latest
        unsure = tuple(dict.fromkeys((*way.doubts, *end.unsure)))
        kept = end.kept
        lost = end.lost and not (end.unless_covered and covered) and not any(isinstance(u, _Perhaps) for u in unsure)
        gone = end.outcome in (Outcome.EXPIRED, Outcome.DROPPED, Outcome.FILTERED)
        if gone and kept is None and way.archive and latest is not None:
            # The archive of a bus or topic it came by still has a copy to replay.
            days = way.archive.at_least
            if days is None or days > latest:
                kept, lost = way.archive, False
        return Fate(
            source=start[0],
            outcome=end.outcome,
            at=end.at,
            hop=end.hop,
            condition=end.condition,
            path=(*way.path, end.hop) if end.hop else way.path,
            attempts=end.attempts,
            soonest=way.soonest + end.soonest,
            latest=latest,
            kept=kept,
            lost=lost,
            remedy=end.remedy if lost else "",
            alarms=end.alarms,
            unsure=unsure,
            duplicates=_duplicates(self._flow, start[0], way.path) if arrives else "",
            order=_order_kept(self._flow, start[0], way.path) if arrives else "",
        )

    def _hop(self, state: _State) -> list[_End | _Go]:
        known = self._hops.get(state)
        if known is None:
            known = self._hops[state] = list(_hop(self._flow, *state))
        return known


@dataclass(frozen=True, slots=True)
class _Way:
    """How a message comes to a place: when, by which links, and what that depends on."""

    soonest: int = 0
    latest: int | None = 0
    path: tuple[str, ...] = ()
    clear: bool = True  # some way there asks no filter
    doubts: tuple[str, ...] = ()
    archive: Kept | None = None  # what every way there has passed and still has a copy

    def onto(self, step: _Go, archive: Kept | None) -> "_Way":
        return _Way(
            self.soonest + step.soonest,
            None if self.latest is None or step.latest is None else self.latest + step.latest,
            (*self.path, step.edge.id),
            self.clear and not step.filtered,
            (*self.doubts, *step.unsure),
            archive or self.archive,
        )

    def joined(self, other: "_Way") -> "_Way":
        return _Way(
            min(self.soonest, other.soonest),
            None if self.latest is None or other.latest is None else max(self.latest, other.latest),
            self.path,
            self.clear or other.clear,
            tuple(d for d in self.doubts if not isinstance(d, _Perhaps) or d in other.doubts),
            self.archive if other.archive else None,
        )


class _Perhaps(str):
    """The doubt whether a link is there at all: what happens on it is no loss that a template decides."""

    __slots__ = ()


def _merged(found: list[Fate]) -> list[Fate]:
    """One fate for ends that read the same, reached in different ways."""
    by_end: dict[tuple[Any, ...], Fate] = {}
    for fate in found:
        place = fate.kept.place if fate.kept else ""
        key = (fate.outcome, fate.at, fate.hop, fate.condition, fate.attempts, place, fate.lost)
        old = by_end.get(key)
        by_end[key] = fate if old is None else _joined(old, fate)
    return list(by_end.values())


def _joined(one: Fate, other: Fate) -> Fate:
    kept = one.kept
    if kept and other.kept:
        low = (kept.at_least, other.kept.at_least)
        high = (kept.at_most, other.kept.at_most)
        kept = Kept(
            kept.place,
            None if None in low else min(n for n in low if n is not None),
            None if None in high else max(n for n in high if n is not None),
        )
    return replace(
        one,
        soonest=min(one.soonest, other.soonest),
        latest=None if one.latest is None or other.latest is None else max(one.latest, other.latest),
        kept=kept,
        # Only an alarm that fires either way tells of it.
        alarms=tuple(alarm for alarm in one.alarms if alarm in other.alarms),
        unsure=tuple(dict.fromkeys((*one.unsure, *other.unsure))),
        duplicates=one.duplicates or other.duplicates,
        order=one.order if one.order == other.order else "in no order",
    )


def _arrives(step: _Go) -> _State:
    return (step.edge.target, step.mode, step.net)


def _enters(flow: Flow, node: Node) -> str:
    """Whether messages enter the graph at this node, and how; empty if they do not."""
    reached = [e for e in flow.arriving(node.id) if _reaches(e)]
    carries = any(isinstance(e, _CARRIES) for e in flow.leaving(node.id))
    if isinstance(node, Function):
        guarded = any(isinstance(e, Destination) for e in flow.leaving(node.id)) or node.async_config
        if not guarded or reached:
            return ""
        if any(f.function == node.function and flow.arriving(f.id) for f in _siblings(flow, node)):
            return ""
        return QUEUED
    if isinstance(node, Rule):
        return "clock" if node.expression and node.enabled is not False else ""
    if isinstance(node, Bus) and node.default:
        return "in" if carries else ""
    if reached:
        return ""
    if isinstance(node, Schedule):
        return "in" if node.enabled is not False and carries else ""
    if isinstance(node, Topic) and node.id in _alarmed(flow):
        # What alarms are sent to is not where messages come in, unless code takes them.
        return "in" if any(isinstance(flow.nodes[e.target], Function | Queue) for e in flow.leaving(node.id)) else ""
    if isinstance(node, Queue | Topic | Bus):
        return "in"
    return "in" if carries else ""


def _alarmed(flow: Flow) -> set[str]:
    known = flow._memo.get("alarmed")
    if known is None:
        known = flow._memo["alarmed"] = {target for alarm in flow.alarms.values() for target in alarm.actions}
    return known


def _reaches(edge: Edge) -> bool:
    """Whether something that is told elsewhere arrives by this edge."""
    if isinstance(edge, Send):
        return False
    return edge.way is not Way.MESSAGE or (edge.enabled is not False and not edge.verdict.denied)


def _siblings(flow: Flow, node: Function) -> list[Function]:
    index = flow._memo.get("qualifiers")
    if index is None:
        index = {}
        for function in flow.nodes_of(Function):
            index.setdefault(function.function, []).append(function)
        flow._memo["qualifiers"] = index
    return [f for f in index.get(node.function, ()) if f.id != node.id]


def _mode(node: Node) -> str:
    return QUEUED if isinstance(node, Function) else "in"


# --- one hop -----------------------------------------------------------------------------------------


def _hop(flow: Flow, key: str, mode: str, net: bool) -> Iterator[_End | _Go]:
    node = flow.nodes[key]
    out = flow.leaving(key)
    if isinstance(node, Function):
        yield from _function(flow, node, mode)
        return
    polls = [e for e in out if isinstance(e, Poll)]
    if isinstance(node, Stream):
        yield from _stream(flow, node, polls, net)
        return
    if isinstance(node, Queue) or polls:
        yield from _queue(flow, node, polls, net)
        return
    subscriptions = [e for e in out if isinstance(e, Subscription)]
    if isinstance(node, Topic) or subscriptions:
        yield from _topic(flow, node, subscriptions, net)
        return
    if isinstance(node, Bus) or any(isinstance(e, Match) for e in out):
        yield from _bus(flow, node, mode, net)
        return
    if isinstance(node, Rule | Schedule):
        yield from _deliveries(flow, node, net)
        return
    if isinstance(node, Pipe):
        yield from _pipe(flow, node, net)
        return
    notifications = [e for e in out if isinstance(e, Notification)]
    if notifications and not net:
        yield from _bucket(flow, notifications)
        return
    calls = [e for e in out if isinstance(e, Call)]
    if calls and not net and mode == "in":
        yield from _caller(flow, node, calls)
        return
    yield _outside(node, net)


def _outside(node: Node, net: bool) -> _End:
    if net:
        # Who looks into it stands elsewhere, so an alarm may stand there too.
        place = "a bucket" if isinstance(node, Bucket) else "somewhere that no template describes"
        unsure = () if isinstance(node, Bucket) else (f"what becomes of it in {node.name}",)
        kept = Kept(node.id, None, None) if isinstance(node, Bucket) else None
        return _End(Outcome.DESTINATION, node.id, "", f"it is put into {place}", kept=kept, unsure=unsure)
    what = node.type if isinstance(node, Opaque) else "which stands in none of the templates"
    unsure = (node.why,) if isinstance(node, External) and node.why else ()
    return _End(Outcome.OUTSIDE, node.id, "", f"it is handed to {node.name} ({what})", unsure=unsure)


# --- queues ------------------------------------------------------------------------------------------


def _queue(flow: Flow, node: Node, polls: list[Poll], net: bool) -> Iterator[_End | _Go]:
    queue = node if isinstance(node, Queue) else None
    retention = queue.retention if queue else None
    delay = (queue.delay or 0) if queue else 0
    unsure = tuple(f"the {f} of {node.name}" for f in node.unknown if f in ("retention", "visibility", "delay"))
    if not polls:
        yield _End(
            Outcome.DLQ if net else Outcome.OUTSIDE,
            node.id,
            "",
            f"it waits in {node.name} for a consumer that stands in none of the templates",
            soonest=delay,
            latest=retention,
            kept=Kept(node.id, retention, retention),
            alarms=_queue_alarms(flow, node, True) if net else (),
            unsure=unsure,
        )
        redrive = next((e for e in flow.leaving(node.id) if isinstance(e, Redrive)), None)
        if queue and redrive and not net and not redrive.verdict.denied:
            yield from _redriven(flow, queue, redrive, f"the consumer of {node.name} fails", (), unsure)
        return
    open_polls = [p for p in polls if p.enabled is not False and not p.verdict.denied]
    if not open_polls:
        yield _unread(flow, node, polls, net, retention, unsure)
        return
    for poll in open_polls:
        doubts = (*_doubts(poll.verdict, flow.name(poll.target)), *_exists(poll))
        if poll.enabled is None:
            doubts = (*doubts, f"whether {_reader(flow, poll)} is enabled")
        if poll.filters:
            told = _plain(poll.filters)
            yield _End(
                Outcome.FILTERED,
                node.id,
                poll.id,
                f"it matches no filter of {_reader(flow, poll)}, which deletes it",
                latest=retention,
                lost=told,
                unsure=() if told else (f"the filter of {_reader(flow, poll)}",),
                unless_covered=True,
                remedy="filter before the queue (subscription or rule), or give the rest a queue of its own",
                alarms=_alarms(flow, ("AWS/Lambda", "FilteredOutEventCount", "EventSourceMappingUUID", poll.id)),
            )
        yield _Go(poll, POLLED, net, delay, retention, bool(poll.filters), doubts)
    perhaps = [doubt for poll in open_polls for doubt in _exists(poll)]
    if len(perhaps) == len(open_polls):
        unsure = (*unsure, *perhaps)
    yield from _poison(flow, node, open_polls, net, unsure)
    if not net and queue:
        yield _End(
            Outcome.EXPIRED,
            node.id,
            "",
            f"it is not received within {duration(retention)} (a backlog that outlives the retention)",
            attempts=0,
            soonest=retention or 0,
            latest=retention,
            alarms=_queue_alarms(flow, node, True),
            unsure=unsure,
        )


def _unread(
    flow: Flow, node: Node, polls: list[Poll], net: bool, retention: int | None, unsure: tuple[str, ...]
) -> _End:
    poll = polls[0]
    if poll.enabled is False:
        condition, remedy = "every mapping that reads it is disabled", "enable the mapping"
    else:
        condition, remedy = poll.verdict.why, "let the consumer read it: " + poll.verdict.why
    alarms = _queue_alarms(flow, node, True)
    if net or not isinstance(node, Queue):
        kept = Kept(node.id, retention, retention)
        return _End(
            Outcome.DLQ if net else Outcome.OUTSIDE, node.id, poll.id, condition, 0, 0, retention, kept, alarms=alarms
        )
    return _End(
        Outcome.EXPIRED,
        node.id,
        poll.id,
        condition,
        attempts=0,
        soonest=retention or 0,
        latest=retention,
        lost=True,
        remedy=remedy,
        alarms=alarms,
        unsure=unsure,
    )


def _poison(flow: Flow, node: Node, polls: list[Poll], net: bool, unsure: tuple[str, ...]) -> Iterator[_End | _Go]:
    """What becomes of a message whose every processing fails."""
    who = " or ".join(dict.fromkeys(flow.name(p.target) for p in polls))
    function = flow.nodes[polls[0].target]
    fails = f"{who} fails"
    if any(_throttled(flow, poll) for poll in polls):
        fails = f"{who} fails or is throttled"
    if isinstance(function, Function) and function.reserved_concurrency == 0:
        fails = f"{who} is throttled (its reserved concurrency is 0)"
    if refused := _refused(flow, polls):
        fails = f"{refused} and fails"
    if any(poll.may_delete.denied for poll in polls):
        fails = f"{fails}, or processes it and may not delete it,"
    alarms = _alarms(flow, *(m for p in polls for m in _function_metrics(flow, p.target)))
    if not isinstance(node, Queue):
        yield _End(
            Outcome.OUTSIDE,
            node.id,
            polls[0].id,
            f"{fails} on every receive",
            None,
            0,
            None,
            alarms=alarms,
            unsure=(f"whether {node.name} has a dead-letter queue",),
        )
        return
    retention = node.retention
    redrive = next((e for e in flow.leaving(node.id) if isinstance(e, Redrive)), None)
    if redrive is None or redrive.verdict.denied:
        why = "" if redrive is None else f"; its redrive is refused: {redrive.verdict.why}"
        if redrive is None and node.broken_redrive:
            why = f"; its RedrivePolicy {node.broken_redrive}"
        condition = f"{fails} on every receive for {duration(retention)}{why}"
        kept = Kept(node.id, retention, retention) if net else None
        yield _End(
            Outcome.DLQ if net else Outcome.EXPIRED,
            node.id,
            "" if redrive is None else redrive.id,
            condition,
            attempts=None,
            soonest=retention or 0,
            latest=retention,
            kept=kept,
            lost=not net,
            remedy="" if net else f"give {node.name} a redrive policy to a dead-letter queue that takes it",
            alarms=tuple(dict.fromkeys((*alarms, *_queue_alarms(flow, node, True)))),
            unsure=unsure,
        )
        return
    yield from _redriven(flow, node, redrive, fails, alarms, unsure)


def _refused(flow: Flow, polls: list[Poll]) -> str:
    """Why a pipe can never hand on what it reads, else empty."""
    for poll in polls:
        if isinstance(flow.nodes[poll.target], Pipe):
            for edge in flow.leaving(poll.target):
                if isinstance(edge, Call | Delivery) and edge.verdict.denied:
                    return f"{flow.name(poll.target)} may not send to {flow.name(edge.target)} ({edge.verdict.why})"
    return ""


def _throttled(flow: Flow, poll: Poll) -> bool:
    """Whether the poller can receive more than the function may run: such a receive counts as a failed one."""
    function = flow.nodes[poll.target]
    reserved = function.reserved_concurrency if isinstance(function, Function) else None
    return reserved is not None and (poll.maximum_concurrency is None or poll.maximum_concurrency > reserved)


def _redriven(
    flow: Flow, node: Queue, redrive: Redrive, fails: str, alarms: tuple[str, ...], unsure: tuple[str, ...]
) -> Iterator[_End | _Go]:
    count, retention = redrive.max_receive_count, node.retention
    dead = flow.nodes[redrive.target]
    dead_retention = dead.retention if isinstance(dead, Queue) else None
    unsure = (*unsure, *_doubts(redrive.verdict, dead.name))
    if count is None:
        unsure = (*unsure, f"the maximum receive count of {node.name}")
    if isinstance(dead, Queue) and dead.retention is None:
        unsure = (*unsure, f"the retention of {dead.name}")
    takes = None
    if None not in (count, node.visibility, node.delay):
        takes = (node.delay or 0) + (count or 0) * (node.visibility or 0)
    condition = f"{fails} on {times(count, 'receive')}"
    if node.fifo:
        condition += "; its message group waits until then"
    if takes is not None and retention is not None and takes >= retention:
        yield _End(
            Outcome.EXPIRED,
            node.id,
            redrive.id,
            f"{condition}, which takes {duration(takes)}; its retention ends after {duration(retention)}",
            attempts=count,
            soonest=retention,
            latest=retention,
            lost=True,
            remedy=f"keep messages in {node.name} for longer than {duration(takes)}",
            alarms=alarms,
            unsure=unsure,
        )
        return
    if isinstance(dead, Queue) and not dead.fifo and dead_retention is not None and retention is not None:
        if dead_retention < retention:
            yield _End(
                Outcome.EXPIRED,
                dead.id,
                redrive.id,
                f"{condition} when it is older than {duration(dead_retention)}: {dead.name} counts from the first"
                " enqueue and keeps it no longer",
                attempts=count,
                soonest=max(dead_retention, takes or 0),
                latest=retention,
                lost=True,
                remedy=f"keep messages in {dead.name} for longer than the {duration(retention)} of {node.name}",
                alarms=alarms,
                unsure=unsure,
            )
        if takes is not None and takes >= dead_retention:
            return
    at_least = at_most = dead_retention
    if isinstance(dead, Queue) and not dead.fifo and dead_retention is not None:
        at_least = None if retention is None else max(0, dead_retention - retention)
        at_most = None if takes is None else dead_retention - takes
    edge_end = _into(
        flow,
        redrive,
        Outcome.DLQ,
        condition,
        count,
        takes or 0,
        retention,
        Kept(dead.id, at_least, at_most) if isinstance(dead, Queue) else None,
        alarms,
        unsure,
    )
    yield from edge_end


def _into(
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
) -> Iterator[_End | _Go]:
    """A failed message put into its net: an end there, and the way on where something takes it from there."""
    node = flow.nodes[edge.target]
    unsure = (*unsure, *_doubts(edge.verdict, node.name), *_exists(edge))
    if node.resource is not None and node.resource.condition is not None:
        unsure = (*unsure, f"whether {node.name} exists: {node.resource.condition}")
    onward = [e for e in flow.leaving(node.id) if isinstance(e, _CARRIES)]
    if isinstance(node, Topic | Bus) and not onward:
        takes = "subscribers" if isinstance(node, Topic) else "rules"
        condition = f"{condition}; it goes to {node.name}, whose {takes} stand in none of the templates"
        unsure, kept = (*unsure, f"which {takes} {node.name} has"), _archive(node)
    if isinstance(node, Queue) or not (onward or isinstance(node, Function)):
        if kept is None and isinstance(node, Queue):
            kept = Kept(node.id, node.retention, node.retention)
        if isinstance(node, Bucket):
            kept = Kept(node.id, None, None)
        if isinstance(node, External):
            unsure = (*unsure, node.why or f"how long {node.name} keeps it: it stands in none of the templates")
            kept = Kept(node.id, None, None)
        if isinstance(node, Queue):
            own = _queue_alarms(flow, node, isinstance(edge, Redrive), kept.at_most if kept else None)
            alarms = tuple(dict.fromkeys((*own, *alarms)))
        yield _End(
            outcome, node.id, edge.id, condition, attempts, soonest, latest, kept, False, "", False, alarms, unsure
        )
        if not onward:
            return
    yield _Go(edge, QUEUED if isinstance(node, Function) else "in", True, soonest, latest, False, unsure)


# --- deliveries that are pushed ----------------------------------------------------------------------


def _topic(flow: Flow, node: Node, subscriptions: list[Subscription], net: bool) -> Iterator[_End | _Go]:
    archive = _archive(node)
    if isinstance(node, Topic) and node.data_protection:
        yield from _protection(node)
    if not subscriptions:
        outcome = Outcome.DESTINATION if net else Outcome.OUTSIDE
        unsure = (f"who subscribes to {node.name}",)
        condition = f"it is published on {node.name}, whose subscribers stand in none of the templates"
        yield _End(outcome, node.id, "", condition, unsure=unsure)
        return
    filtered = [s for s in subscriptions if s.filter is not None or "filter" in s.unknown]
    choosy = {s.id for s in filtered}
    for each in subscriptions:
        who = flow.name(each.target)
        if each.id in choosy and (len(filtered) > 1 or len(subscriptions) > 1):
            yield _End(
                Outcome.FILTERED,
                each.target,
                each.id,
                f"it does not match the filter policy of {who}",
                attempts=0,
                alarms=_filter_alarms(flow, node),
            )
        unknown = tuple(f"the {f} of the subscription of {who}" for f in each.unknown)
        yield from _pushed(
            flow,
            each,
            who,
            each.attempts,
            each.seconds,
            each.id in choosy,
            True,
            _topic_metrics(node),
            archive,
            f"give the subscription of {who} a dead-letter queue",
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
            yield _End(
                Outcome.FILTERED,
                node.id,
                "",
                f"it does not match {names} on {node.name}",
                attempts=0,
                kept=archive,
                lost=archive is None and not unsure,
                unless_covered=True,
                remedy=f"subscribe a queue without a filter to {node.name}, or one for what the others reject",
                alarms=_filter_alarms(flow, node),
                unsure=unsure,
            )


def _replayed(node: Node) -> Kept | None:
    """The archive from which a message can come again. What a new bus retains, no subscriber calls up twice."""
    return None if isinstance(node, Bus) and node.version != 1 else _archive(node)


def _archive(node: Node) -> Kept | None:
    if isinstance(node, Topic | Bus) and node.archive_days != 0:
        seconds = None if node.archive_days is None else node.archive_days * 86_400
        return Kept(node.id, seconds, seconds)
    return None


def _protection(node: Topic) -> Iterator[_End]:
    statements = (node.data_protection or {}).get("Statement")
    for statement in statements if isinstance(statements, list) else []:
        operation = statement.get("Operation") if isinstance(statement, Mapping) else None
        if isinstance(operation, Mapping) and "Deny" in operation:
            inbound = statement.get("DataDirection") == "Inbound"
            yield _End(
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


def _bus(flow: Flow, node: Node, mode: str, net: bool) -> Iterator[_End | _Go]:
    archive = _archive(node)
    matches = [e for e in flow.leaving(node.id) if isinstance(e, Match)]
    subscribers = [e for e in flow.leaving(node.id) if isinstance(e, Delivery)]
    if not matches and not subscribers:
        outcome = Outcome.DESTINATION if net else Outcome.OUTSIDE
        condition = f"it is put on {node.name}, whose rules stand in none of the templates"
        yield _End(outcome, node.id, "", condition, kept=archive, unsure=(f"which rules {node.name} has",))
        return
    bucket = flow.nodes.get(mode.removeprefix(_FROM)) if mode.startswith(_FROM) else None
    for match in matches if bucket is None else _concerned(flow, node.id, matches, bucket):
        rule = flow.name(match.target)
        if match.enabled is False:
            yield _End(
                Outcome.DROPPED,
                match.target,
                match.id,
                f"it matches {rule}, which is disabled",
                attempts=0,
                kept=archive,
                lost=archive is None,
                remedy=f"enable {rule}, delete it, or archive the events of {node.name}",
                unless_covered=True,
            )
            continue
        unsure = (f"whether {rule} is enabled",) if match.enabled is None else ()
        yield _Go(match, "in", net, filtered=not match.everything, unsure=unsure)
    for delivery in subscribers:
        who = flow.name(delivery.target)
        if delivery.filters:
            condition = f"it matches no filter of the subscriber of {who}"
            yield _End(Outcome.FILTERED, delivery.target, delivery.id, condition, attempts=0, kept=archive)
        if delivery.enabled is False:
            yield _End(
                Outcome.EXPIRED,
                node.id,
                delivery.id,
                f"the subscriber of {who} is stopped",
                attempts=0,
                latest=archive.at_most if archive else None,
                lost=True,
                remedy=f"let the subscriber of {who} run",
            )
            continue
        # The bus retains the event, but nobody calls it up again: what a subscriber drops is gone for it.
        yield from _delivered(flow, delivery, None)
    rest = [m for m in matches if m.everything and m.enabled is not False] or [d for d in subscribers if not d.filters]
    if not rest and matches:
        custom = isinstance(node, Bus) and not node.default
        unsure = tuple(f"the pattern of {flow.name(m.target)}" for m in matches if "pattern" in m.unknown)
        if not isinstance(node, Bus):
            unsure = (*unsure, f"which other rules {node.name} has")
        yield _End(
            Outcome.FILTERED,
            node.id,
            "",
            f"it matches no rule of {node.name}",
            attempts=0,
            kept=archive,
            lost=custom and archive is None and not unsure,
            unless_covered=True,
            remedy=f"archive the events of {node.name}, or add a rule for what the others do not match",
            unsure=unsure,
        )


def _deliveries(flow: Flow, node: Rule | Schedule, net: bool) -> Iterator[_End | _Go]:
    deliveries = [e for e in flow.leaving(node.id) if isinstance(e, Delivery)]
    archive = _archive(flow.nodes[node.bus]) if isinstance(node, Rule) and node.bus in flow.nodes else None
    if not deliveries:
        told = "targets" not in node.unknown
        yield _End(
            Outcome.DROPPED,
            node.id,
            "",
            f"{node.name} has no target",
            attempts=0,
            kept=archive,
            lost=archive is None and told and not isinstance(node, Schedule),
            remedy=f"give {node.name} a target",
            unsure=() if told else (f"the targets of {node.name}",),
        )
    for delivery in deliveries:
        yield from _delivered(flow, delivery, archive, net)


def _delivered(flow: Flow, edge: Delivery, archive: Kept | None, net: bool = False) -> Iterator[_End | _Go]:
    who = flow.name(edge.target)
    target = "the schedule's target" if edge.by == "scheduler" else "the target"
    remedy = f"give {target} {who} of {flow.name(edge.source)} a dead-letter queue"
    unknown = tuple(f"the {f} of the target {who}" for f in edge.unknown)
    yield from _pushed(
        flow,
        edge,
        who,
        edge.attempts,
        edge.seconds,
        bool(edge.filters),
        edge.asynchronous,
        _rule_metrics(edge),
        archive,
        remedy,
        "",
        unknown,
        net,
    )


def _pushed(
    flow: Flow,
    edge: Subscription | Delivery,
    who: str,
    attempts: int | None,
    seconds: int | None,
    filtered: bool,
    asynchronous: bool,
    metrics: list[tuple[str, str, str, str]],
    archive: Kept | None,
    remedy: str,
    broken: str,
    unsure: tuple[str, ...],
    net: bool = False,
) -> Iterator[_End | _Go]:
    """A delivery with retries: arrives, or is put into its dead-letter queue, or is gone."""
    unsure = (*unsure, *_doubts(edge.verdict, who), *_exists(edge))
    alarms = _alarms(flow, *metrics)
    if edge.verdict.denied:
        condition, tries, latest = f"it cannot be delivered to {who}: {edge.verdict.why}", 1, 0
        remedy = f"let it be delivered ({edge.verdict.why}), and {remedy}"
    else:
        node = flow.nodes[edge.target]
        mode = (QUEUED if asynchronous else POLLED) if isinstance(node, Function) else "in"
        yield _Go(edge, mode, net, 0, seconds, filtered, unsure)
        tries, latest = attempts, seconds
        condition = (
            f"it cannot be delivered to {who}: at once where access or the target is missing,"
            f" else after {times(attempts, 'try').replace('trys', 'tries')} within {duration(seconds)}"
        )
    nets = flow.nets(edge)
    usable = [n for n in nets if not n.verdict.denied]
    for dead in usable:
        yield from _into(flow, dead, Outcome.DLQ, condition, tries, 0, latest, None, alarms, unsure)
    if usable:
        return
    refused = nets[0].verdict.why if nets else broken
    broken_net = f"; its dead-letter queue cannot take it: {refused}" if nets else f"; {refused}" if refused else ""
    yield _End(
        Outcome.DROPPED,
        edge.target,
        nets[0].id if nets else edge.id,
        condition + broken_net,
        attempts=tries,
        latest=latest,
        kept=archive,
        lost=archive is None,
        remedy=f"make the dead-letter queue writable: {refused}" if nets else remedy,
        alarms=alarms,
        unsure=unsure,
    )


def _pipe(flow: Flow, node: Pipe, net: bool) -> Iterator[_End | _Go]:
    """A pipe's failures go back to its source; only what succeeds goes on."""
    for edge in flow.leaving(node.id):
        if isinstance(edge, Delivery) and not edge.verdict.denied:
            target = flow.nodes[edge.target]
            mode = (QUEUED if edge.asynchronous else POLLED) if isinstance(target, Function) else "in"
            yield _Go(edge, mode, net, unsure=_doubts(edge.verdict, target.name))


def _bucket(flow: Flow, notifications: list[Notification]) -> Iterator[_End | _Go]:
    for edge in notifications:
        target = flow.nodes[edge.target]
        if edge.verdict.denied:
            yield _End(
                Outcome.DROPPED,
                edge.target,
                edge.id,
                f"S3 cannot notify {target.name}: {edge.verdict.why}",
                lost=True,
                remedy=f"let S3 in: {edge.verdict.why}",
            )
            continue
        mode = QUEUED if isinstance(target, Function) else "in"
        if isinstance(target, Bus):
            mode = f"{_FROM}{edge.source}"
        yield _Go(edge, mode, unsure=_doubts(edge.verdict, target.name))


# How the events of one bucket arrive at a bus: only rules that can match them concern it.
_FROM = "from "


def _concerned(flow: Flow, bus: str, matches: list[Match], bucket: Node) -> list[Match]:
    """The rules that can match events of this bucket, as far as source and bucket name decide it."""
    index: dict[str, list[Match]] | None = flow._memo.get(f"s3 on {bus}")
    if index is None:
        index = flow._memo[f"s3 on {bus}"] = {}
        for match in matches:
            for name in _named_buckets(match.pattern or {}):
                index.setdefault(name, []).append(match)
    name = bucket.resource.properties.get("BucketName") if bucket.resource else bucket.name
    keys = dict.fromkeys(("*", bucket.id, name if isinstance(name, str) else "*"))
    return sorted((match for key in keys for match in index.get(key, ())), key=lambda match: match.id)


def _named_buckets(pattern: Mapping[str, Any]) -> Iterator[str]:
    """The buckets that a pattern names by id or name, ``*`` where it leaves that open; none if not S3's."""
    source = pattern.get("source")
    if isinstance(source, list) and all(isinstance(item, str) and item != "aws.s3" for item in source):
        return
    detail = pattern.get("detail")
    bucket = detail.get("bucket") if isinstance(detail, Mapping) else None
    names = bucket.get("name") if isinstance(bucket, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(name, str | Ref) for name in names):
        yield "*"
        return
    yield from dict.fromkeys(name if isinstance(name, str) else node_id(name) for name in names)


def _caller(flow: Flow, node: Node, calls: list[Call]) -> Iterator[_End | _Go]:
    """A service that calls others. What becomes of a call that fails depends on who waits for its answer."""
    nets = [edge for edge in calls if edge.way is Way.FAILURE]
    works = [edge for edge in calls if edge.way is not Way.FAILURE]
    failing = False
    for edge in works:
        target = flow.nodes[edge.target]
        doubts = (*_doubts(edge.verdict, target.name), *_exists(edge))
        if edge.verdict.denied:
            condition = f"{node.name} may not send to {target.name}: {edge.verdict.why}"
            yield from _call_failed(flow, node, nets, condition, edge)
            continue
        if isinstance(target, Function):
            yield _Go(edge, QUEUED if edge.asynchronous else CALLED, unsure=doubts)
        else:
            yield _Go(edge, "in", unsure=doubts)
        failing = failing or not (isinstance(target, Function) and edge.asynchronous and not nets)
    if failing:
        yield from _call_failed(flow, node, nets, f"a call by {node.name} fails", None)


# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html (how long a history is kept)
EXECUTION_HISTORY_SECONDS = 90 * 86_400


def _call_failed(flow: Flow, node: Node, nets: list[Call], condition: str, edge: Call | None) -> Iterator[_End | _Go]:
    hop = edge.id if edge else ""
    kind = node.type if isinstance(node, Opaque) else ""
    if kind == "AWS::IoT::TopicRule":
        # The device that published is not told; only an error action is.
        # https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
        for net in nets:
            yield from _into(flow, net, Outcome.DESTINATION, condition, 1, 0, 0, None, (), ())
        if not nets:
            remedy = f"give {node.name} an error action"
            yield _End(Outcome.DROPPED, node.id, hop, condition, lost=True, remedy=remedy)
    elif kind == "AWS::StepFunctions::StateMachine":
        express = (
            node.resource is not None and node.resource.properties.get("StateMachineType", "STANDARD") != "STANDARD"
        )
        kept = None if express else Kept(node.id, EXECUTION_HISTORY_SECONDS, EXECUTION_HISTORY_SECONDS)
        unsure = (f"what {node.name} logs, and who waits for its result",) if express else ()
        how = "its execution fails, unless its definition catches it"
        yield _End(Outcome.OUTSIDE, node.id, hop, f"{condition}: {how}", kept=kept, unsure=unsure)
    elif kind in _WAITED_FOR:
        yield _End(Outcome.REJECTED, node.id, hop, f"{condition}: whoever called it gets the error")
    else:
        unsure = (f"what {kind or node.name} does with a call that fails",)
        yield _End(Outcome.DROPPED, node.id, hop, condition, unsure=unsure)


# Somebody waits for the answer of these.
_WAITED_FOR = (
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Method",
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::AppSync::GraphQLApi",
    "AWS::AppSync::DataSource",
    "AWS::Cognito::UserPool",
    "AWS::Lambda::Url",
)


# --- streams -----------------------------------------------------------------------------------------


def _stream(flow: Flow, node: Stream, polls: list[Poll], net: bool) -> Iterator[_End | _Go]:
    kept = Kept(node.id, node.retention, node.retention)
    if not polls:
        yield _End(
            Outcome.OUTSIDE, node.id, "", f"it waits in {node.name} for a reader", latest=node.retention, kept=kept
        )
    for poll in polls:
        who = flow.name(poll.target)
        if poll.enabled is False or poll.verdict.denied:
            disabled = poll.enabled is False
            yield _End(
                Outcome.EXPIRED,
                node.id,
                poll.id,
                f"{_reader(flow, poll)} is disabled" if disabled else poll.verdict.why,
                attempts=0,
                soonest=node.retention or 0,
                latest=node.retention,
                lost=True,
                remedy="enable the mapping" if disabled else f"let {who} read it: {poll.verdict.why}",
            )
            continue
        if poll.filters:
            yield _End(
                Outcome.FILTERED,
                poll.target,
                poll.id,
                f"it matches no filter of {_reader(flow, poll)}, which skips it",
                attempts=0,
                latest=node.retention,
                kept=kept,
            )
        yield _Go(poll, POLLED, net, 0, node.retention, bool(poll.filters), _doubts(poll.verdict, who))
        yield from _stuck(flow, node, poll, who)


def _stuck(flow: Flow, node: Stream, poll: Poll, who: str) -> Iterator[_End | _Go]:
    nets = flow.nets(poll)
    usable = [n for n in nets if not n.verdict.denied]
    unsure = tuple(f"the {f.replace('_', ' ')} of {_reader(flow, poll)}" for f in poll.unknown)
    unsure = (*unsure, *_exists(poll))
    if node.service == "mq":
        yield _End(
            Outcome.OUTSIDE,
            node.id,
            poll.id,
            f"{who} fails on the message, which goes back to {node.name}",
            None,
            latest=None,
            unsure=(*unsure, f"what {node.name} does with a message that is not acknowledged"),
        )
        return
    alarms = _alarms(flow, *_function_metrics(flow, poll.target))
    endless = poll.retries == -1 and poll.record_age == -1
    attempts = None if poll.retries in (-1, None) else (poll.retries or 0) + 1
    if endless and usable and node.service == "kafka":
        attempts, endless = KAFKA_RETRIES_WITH_DESTINATION + 1, False
    latest = node.retention if poll.record_age in (-1, None) else poll.record_age
    tries = "until it expires" if attempts is None else times(attempts, "time")
    if poll.record_age not in (-1, None):
        tries = f"for {duration(poll.record_age)}" if attempts is None else f"{tries} or {duration(poll.record_age)}"
    refused_by = _refused(flow, [poll])
    condition = f"{refused_by + ' and' if refused_by else who} fails on the record {tries}"
    if usable:
        for dead in usable:
            yield from _into(flow, dead, Outcome.DESTINATION, condition, attempts, 0, latest, None, alarms, unsure)
        return
    refused = f"; its destination cannot be written to: {nets[0].verdict.why}" if nets else ""
    blocked = "; it blocks what comes after it until then" if endless else ""
    yield _End(
        Outcome.EXPIRED if endless else Outcome.DROPPED,
        node.id if endless else poll.target,
        poll.id,
        condition + blocked + refused,
        attempts,
        latest=latest,
        soonest=(node.retention or 0) if endless else 0,
        lost=not unsure,
        remedy=_stream_remedy(flow, node, poll),
        alarms=alarms,
        unsure=unsure,
    )


def _reader(flow: Flow, poll: Poll) -> str:
    name = flow.name(poll.target)
    return f"the pipe {name}" if isinstance(flow.nodes[poll.target], Pipe) else f"the mapping to {name}"


def _stream_remedy(flow: Flow, node: Stream, poll: Poll) -> str:
    if not isinstance(flow.nodes[poll.target], Pipe):
        return f"give {_reader(flow, poll)} an on-failure destination, and retries that end"
    if node.service == "kafka":
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-dlq.html (Kinesis and DynamoDB only)
        return f"read {node.name} by an event source mapping with an on-failure destination, which a pipe cannot have"
    return f"give {_reader(flow, poll)} a dead-letter queue, and retries that end"


# --- functions ---------------------------------------------------------------------------------------


def _function(flow: Flow, node: Function, mode: str) -> Iterator[_End | _Go]:
    if node.reserved_concurrency != 0:
        yield _End(Outcome.PROCESSED, node.id, "", f"{node.name} returns")
    if mode != QUEUED:
        # A poller sees that it fails, a caller gets the error: they are told of there.
        return
    out = [e for e in flow.leaving(node.id) if isinstance(e, Destination)]
    for edge in out:
        if edge.way is Way.SUCCESS and not edge.verdict.denied and node.reserved_concurrency != 0:
            target = flow.nodes[edge.target]
            to = QUEUED if isinstance(target, Function) else "in"
            yield _Go(edge, to, unsure=_doubts(edge.verdict, target.name))
    nets = [e for e in out if e.way is Way.FAILURE]
    usable = [e for e in nets if not e.verdict.denied]
    unsure = tuple(f"the {f.replace('_', ' ')} of {node.name}" for f in node.unknown if f in ("retries", "event_age"))
    for condition, attempts, soonest, latest, metrics in _failures(node):
        alarms = _alarms(flow, *metrics)
        if usable:
            for edge in usable:
                outcome = Outcome.DLQ if edge.dead_letter else Outcome.DESTINATION
                yield from _into(flow, edge, outcome, condition, attempts, soonest, latest, None, alarms, unsure)
            continue
        told = "async_config" not in node.unknown
        why = ""
        remedy = f"give asynchronous invocations of {node.name} an on-failure destination"
        if nets:
            why = f"; its {_net_name(nets[0])} cannot be written to: {nets[0].verdict.why}"
            remedy = f"make the {_net_name(nets[0])} writable: {nets[0].verdict.why}"
        elif others := [f for f in _siblings(flow, node) if f.async_config]:
            why = f"; the event invoke config is for {others[0].qualifier_name}, not for {node.qualifier_name}"
            remedy = f"set the event invoke config on {node.qualifier_name}"
        yield _End(
            Outcome.DROPPED,
            node.id,
            nets[0].id if nets else "",
            condition + why,
            attempts,
            soonest,
            latest,
            lost=told,
            remedy=remedy,
            alarms=alarms,
            unsure=unsure if told else (*unsure, f"whether {node.name} has an event invoke config"),
        )


def _net_name(edge: Destination) -> str:
    return "dead-letter target" if edge.dead_letter else "on-failure destination"


def _failures(node: Function) -> Iterator[tuple[str, int | None, int, int | None, list[tuple[str, str, str, str]]]]:
    dropped = _named_metrics(node, "AsyncEventsDropped")
    if node.reserved_concurrency == 0:
        condition = f"the reserved concurrency of {node.name} is 0, so no event is run"
        yield condition, 0, 0, 0, dropped
        return
    retries, age = node.retries, node.event_age
    attempts, soonest = None, 0
    if retries is not None:
        waits = [w for w in ASYNC_RETRY_AFTER_SECONDS[: max(0, retries)] if age is None or w < age]
        attempts, soonest = len(waits) + 1, waits[-1] if waits else 0
    failing = f"{node.name} fails {times(attempts, 'time')}"
    yield failing, attempts, soonest, age, [*dropped, *_named_metrics(node, "Errors")]
    waiting = [*dropped, *_named_metrics(node, "AsyncEventAge"), *_named_metrics(node, "Throttles")]
    yield f"{node.name} cannot be run within {duration(age)} (throttled)", None, age or 0, age, waiting


# --- alarms ------------------------------------------------------------------------------------------

_Wanted = tuple[str, str, str, str]


def _alarms(flow: Flow, *wanted: _Wanted) -> tuple[str, ...]:
    """The alarms on these metrics that can fire and have an action."""
    found: dict[str, None] = {}
    for namespace, metric, dimension, node in wanted:
        for alarm in flow.watching(namespace, metric, dimension, node):
            if alarm.acts and alarm.fires and _precise(flow, alarm.metrics, namespace, metric, node):
                found[alarm.id] = None
    return tuple(found)


def _precise(flow: Flow, metrics: Any, namespace: str, name: str, node: str) -> bool:
    """Whether the dimensions are those under which the service emits the metric."""
    for metric in metrics:
        if metric.namespace != namespace or metric.name != name:
            continue
        dimensions = dict(metric.dimensions)
        if node not in dimensions.values():
            continue
        if namespace == "AWS/Events":
            rule = flow.nodes.get(node)
            custom = isinstance(rule, Rule) and rule.bus and not _is_default(flow, rule.bus)
            return set(dimensions) == ({"RuleName", "EventBusName"} if custom else {"RuleName"})
        if namespace == "AWS/Lambda":
            return set(dimensions) <= {"FunctionName", "Resource", "EventSourceMappingUUID"}
        return len(dimensions) == 1
    return False


def _is_default(flow: Flow, bus: str) -> bool:
    node = flow.nodes.get(bus)
    return isinstance(node, Bus) and node.default


def _queue_alarms(flow: Flow, node: Node, redriven: bool, at_most: int | None = None) -> tuple[str, ...]:
    metrics = ["ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"]
    if not redriven:
        # SQS does not count what it moves itself.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        metrics.append("NumberOfMessagesSent")
    found = _alarms(flow, *(("AWS/SQS", metric, "QueueName", node.id) for metric in metrics))
    if at_most is None:
        return found
    return tuple(a for a in found if (flow.alarms[a].seconds or 0) < at_most)


def _named_metrics(node: Function, metric: str) -> list[_Wanted]:
    return [("AWS/Lambda", metric, "FunctionName", node.function)]


def _function_metrics(flow: Flow, key: str) -> list[_Wanted]:
    node = flow.nodes[key]
    return _named_metrics(node, "Errors") if isinstance(node, Function) else []


def _topic_metrics(node: Node) -> list[_Wanted]:
    names = (
        "NumberOfNotificationsFailed",
        "NumberOfNotificationsFailedToRedriveToDlq",
        "NumberOfNotificationsRedrivenToDlq",
    )
    return [("AWS/SNS", name, "TopicName", node.id) for name in names]


def _filter_alarms(flow: Flow, node: Node) -> tuple[str, ...]:
    names = (
        "",
        "-MessageAttributes",
        "-MessageBody",
        "-NoMessageAttributes",
        "-InvalidAttributes",
        "-InvalidMessageBody",
    )
    return _alarms(
        flow, *(("AWS/SNS", f"NumberOfNotificationsFilteredOut{n}", "TopicName", node.id) for n in names[:3])
    )


def _rule_metrics(edge: Delivery) -> list[_Wanted]:
    names = ("FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq")
    return [("AWS/Events", name, "RuleName", edge.source) for name in names] if edge.by == "events" else []


# --- filters that leave no gap -----------------------------------------------------------------------


def _covered(policies: list[Mapping[str, Any] | None], scopes: set[str]) -> bool | None:
    """Whether the filter policies take every message between them; ``None`` if it cannot be told."""
    known = [policy for policy in policies if policy is not None and _plain(policy)]
    scope = _SCOPES.get(next(iter(scopes))) if len(scopes) == 1 else None
    if scope is None or len(known) < len(policies):
        return None
    try:
        return covers_everything(known, scope)
    except PatternError:
        return None


_SCOPES = {"MessageBody": "body", "MessageAttributes": "attributes"}


def _plain(value: Any) -> bool:
    """Whether a document holds nothing that a template leaves open."""
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and _plain(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return all(_plain(item) for item in value)
    return value is None or isinstance(value, str | int | float)


# --- what arrives: how often, in which order ---------------------------------------------------------


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


def _duplicates(flow: Flow, start: str, path: tuple[str, ...]) -> str:
    nodes = _hops_of(flow, start, path)
    last = flow.edges[path[-1]] if path else None
    if isinstance(last, Poll) and last.may_delete.denied:
        return f"again and again: {last.may_delete.why}"
    who = [name for node in nodes for kind, name in _AGAIN if isinstance(node, kind)]
    if isinstance(nodes[-1], Function) and (not path or _queued(flow.edges[path[-1]])):
        who.append("Lambda's own queue")
    return f"more than once: {', '.join(dict.fromkeys(who))} may deliver again" if who else ""


def _queued(edge: Edge) -> bool:
    """Whether a function that is reached by this link gets its events from Lambda's own queue."""
    return edge.asynchronous if isinstance(edge, Call | Delivery) else not isinstance(edge, Poll)


def _order_kept(flow: Flow, start: str, path: tuple[str, ...]) -> str:
    ordered = [
        node.fifo if isinstance(node, Queue | Topic) else node.service != "mq"
        for node in _hops_of(flow, start, path)
        if isinstance(node, Queue | Topic | Stream)
    ]
    loose = any(isinstance(n, Bus | Rule | Bucket | Schedule) for n in _hops_of(flow, start, path))
    if not ordered or loose or None in ordered or not all(ordered):
        return "in no order"
    last = flow.nodes[flow.edges[path[-1]].target] if path else None
    if isinstance(last, Function) and not isinstance(flow.edges[path[-1]], Poll):
        return "in no order"
    streams = any(isinstance(n, Stream) for n in _hops_of(flow, start, path))
    return "in order within a shard or partition" if streams else "in order within a message group"


def _exists(edge: Edge) -> tuple[str, ...]:
    """The doubt about a link that is there only under a condition that no template decides."""
    if edge.resource is not None and edge.resource.condition is not None:
        return (_Perhaps(f"whether {edge.resource.logical_id} exists: {edge.resource.condition}"),)
    return ()


def _doubts(verdict: Verdict, who: str) -> tuple[str, ...]:
    if verdict.answer is Answer.UNKNOWN:
        return (f"the permission to reach {who}: {verdict.why}",)
    return ()
