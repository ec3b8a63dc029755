"""What becomes of a message in a queue."""

from collections.abc import Iterator

from patterns.flow.ends.clocks import Clock, clock_of, oldest_in, taken_by
from patterns.flow.ends.nets import into_net, refusal_of
from patterns.flow.ends.rings import Ring, ring_of
from patterns.flow.ends.rounds import loop_of
from patterns.flow.ends.screens import lets_nothing_through
from patterns.flow.ends.steps import POLLED, End, Go, doubts_of, existence, siblings_of
from patterns.flow.ends.streams import reader_of, turned_on
from patterns.flow.ends.watching import Wanted, queue_alarms, reader_metrics, told_by
from patterns.flow.model import Flow, Function, Kept, Node, Outcome, Poll, Queue, Redrive
from patterns.flow.values import is_plain
from patterns.flow.words import duration, times


def at_queue(flow: Flow, node: Node, polls: list[Poll], mode: str, net: bool) -> Iterator[End | Go]:
    queue = node if isinstance(node, Queue) else None
    retention = queue.retention if queue else None
    delay = (queue.delay or 0) if queue else 0
    clock = clock_of(flow, mode)
    unsure = tuple(f"the {f} of {node.name}" for f in node.unknown if f in ("retention", "visibility", "delay"))
    if not polls:
        yield End(
            Outcome.DLQ if net else Outcome.OUTSIDE,
            node.id,
            "",
            f"it waits in {node.name} for a consumer that stands in none of the templates",
            soonest=delay,
            latest=delay if net else retention,
            kept=Kept(node.id, retention, retention),
            alarms=queue_alarms(flow, node, True) if net else (),
            unsure=unsure,
        )
        redrive = next((e for e in flow.leaving(node.id) if isinstance(e, Redrive)), None)
        if queue and redrive and not net and not redrive.verdict.denied:
            yield from _redriven(flow, queue, redrive, f"the consumer of {node.name} fails", (), unsure, clock)
        return
    open_polls = [p for p in polls if p.enabled is not False and not p.verdict.denied]
    if not open_polls:
        yield _unread(flow, node, polls, net, retention, unsure, clock)
        return
    contested = len(open_polls) > 1 and any(poll.filters for poll in open_polls)
    idle = {poll.id for poll in open_polls if lets_nothing_through(flow, poll, net)}
    for poll in open_polls:
        doubts = (*doubts_of(poll.verdict, flow.name(poll.target)), *existence(poll))
        if poll.enabled is None:
            doubts = (*doubts, f"whether {reader_of(flow, poll)} is enabled")
        if poll.filters:
            told = is_plain(poll.filters)
            yield End(
                Outcome.FILTERED,
                node.id,
                poll.id,
                _rejected(flow, poll, contested, poll.id in idle),
                latest=clock.left(retention),
                lost=told,
                unsure=() if told else (f"the filter of {reader_of(flow, poll)}",),
                unless_covered=True,
                remedy="filter before the queue (subscription or rule), or give the rest a queue of its own",
                alarms=told_by(flow, Wanted("AWS/Lambda", "FilteredOutEventCount", "EventSourceMappingUUID", poll.id)),
            )
        if poll.id not in idle:
            filtered, several = bool(poll.filters) or contested, len(open_polls) > 1
            yield Go(poll, POLLED, net, delay, clock.left(retention), filtered, doubts, several)
    perhaps = [doubt for poll in open_polls for doubt in existence(poll)]
    if len(perhaps) == len(open_polls):
        unsure = (*unsure, *perhaps)
    if working := [poll for poll in open_polls if poll.id not in idle]:
        yield from _poison(flow, node, working, mode, net, unsure)
    if not net and queue:
        yield End(
            Outcome.EXPIRED,
            node.id,
            "",
            f"it is not received within {duration(retention)} (a backlog that outlives the retention)",
            attempts=0,
            soonest=retention or 0,
            latest=retention,
            alarms=queue_alarms(flow, node, True),
            unsure=unsure,
        )


def _rejected(flow: Flow, poll: Poll, contested: bool, idle: bool) -> str:
    reader = reader_of(flow, poll)
    if idle:
        return f"no message can match a filter of {reader}, which deletes it"
    if contested:
        # Readers of one queue compete: none of them leaves to another what it does not want.
        return f"{reader} receives it, and deletes it because it matches none of its filters"
    return f"it matches no filter of {reader}, which deletes it"


def _unread(
    flow: Flow,
    node: Node,
    polls: list[Poll],
    net: bool,
    retention: int | None,
    unsure: tuple[str, ...],
    clock: Clock,
) -> End:
    poll = polls[0]
    if poll.enabled is False:
        condition = f"{reader_of(flow, poll)} is disabled"
        if polls[1:]:
            condition = "everything that reads it is disabled"
        remedy = turned_on(flow, poll)
    else:
        condition, remedy = poll.verdict.why, f"let {flow.name(poll.target)} read {node.name}"
    alarms = queue_alarms(flow, node, True)
    if net or not isinstance(node, Queue):
        outcome, latest = (Outcome.DLQ, 0) if net else (Outcome.OUTSIDE, retention)
        return End(outcome, node.id, poll.id, condition, 0, 0, latest, clock.kept(node, retention), alarms=alarms)
    return End(
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


def _poison(
    flow: Flow, node: Node, polls: list[Poll], mode: str, net: bool, unsure: tuple[str, ...]
) -> Iterator[End | Go]:
    """What becomes of a message whose every processing fails."""
    who = " or ".join(dict.fromkeys(flow.name(p.target) for p in polls))
    function = flow.nodes[polls[0].target]
    fails = f"{who} fails"
    if any(_throttled(flow, poll) for poll in polls):
        fails = f"{who} fails or is throttled"
    if any(loop and node.id in loop.nodes for loop in (loop_of(flow, poll.target) for poll in polls)):
        fails = f"{fails} or is stopped as a loop"
    if isinstance(function, Function) and function.reserved_concurrency == 0:
        fails = f"{who} is throttled (its reserved concurrency is 0)"
    if refused := refusal_of(flow, polls):
        fails = f"{refused} and fails"
    if any(poll.may_delete.denied for poll in polls):
        fails = f"{fails}, or processes it and may not delete it,"
    alarms = told_by(flow, *(m for p in polls for m in reader_metrics(flow, p)))
    if not isinstance(node, Queue):
        yield End(
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
    retention, clock = node.retention, clock_of(flow, mode)
    redrive = next((e for e in flow.leaving(node.id) if isinstance(e, Redrive)), None)
    if redrive is None or redrive.verdict.denied:
        why = "" if redrive is None else f"; its redrive is refused: {redrive.verdict.why}"
        if redrive is None and node.broken_redrive:
            why = f"; its RedrivePolicy {node.broken_redrive}"
        # A copy in a dead-letter queue stays there while its reader fails; the clock that runs is the first queue's.
        yield End(
            Outcome.DLQ if net else Outcome.EXPIRED,
            node.id,
            "" if redrive is None else redrive.id,
            f"{fails} on every receive{'' if net else f' for {duration(retention)}'}{why}",
            attempts=None,
            soonest=0 if net else retention or 0,
            latest=0 if net else retention,
            kept=clock.kept(node, retention) if net else None,
            lost=not net,
            remedy="" if net else f"give {node.name} a redrive policy to a dead-letter queue that takes it",
            alarms=tuple(dict.fromkeys((*alarms, *queue_alarms(flow, node, True, often=True)))),
            unsure=unsure,
        )
        return
    yield from _redriven(flow, node, redrive, fails, alarms, unsure, clock)


def _throttled(flow: Flow, poll: Poll) -> bool:
    """Whether the pollers can receive more than the function may run: such a receive counts as a failed one."""
    function = flow.nodes[poll.target]
    if not isinstance(function, Function) or function.reserved_concurrency is None:
        return False
    reading = [e for each in (function, *siblings_of(flow, function)) for e in flow.arriving(each.id)]
    most = [e.maximum_concurrency for e in reading if isinstance(e, Poll) and e.service == "sqs" and _reads(e)]
    return poll.maximum_concurrency is None or sum(n or 0 for n in most) > function.reserved_concurrency


def _reads(poll: Poll) -> bool:
    return poll.enabled is not False and not poll.verdict.denied


def _redriven(
    flow: Flow,
    node: Queue,
    redrive: Redrive,
    fails: str,
    alarms: tuple[str, ...],
    unsure: tuple[str, ...],
    clock: Clock,
) -> Iterator[End | Go]:
    count, retention = redrive.max_receive_count, node.retention
    dead = flow.nodes[redrive.target]
    dead_retention = dead.retention if isinstance(dead, Queue) else None
    unsure = (*unsure, *doubts_of(redrive.verdict, dead.name))
    if count is None:
        unsure = (*unsure, f"the maximum receive count of {node.name}")
    if isinstance(dead, Queue) and dead.retention is None:
        unsure = (*unsure, f"the retention of {dead.name}")
    takes = taken_by(node, redrive)
    youngest = clock.low
    condition = why = f"{fails} on {times(count, 'receive')}"
    if node.fifo:
        condition += "; its message group waits until then"
    if ring := ring_of(flow, dead.id):
        if node.id not in ring.queues or not clock.high:
            yield _rounds(flow, ring, fails, redrive, clock, alarms, unsure)
        last = clock.left(oldest_in(node, dead))
        way_on = into_net(flow, redrive, Outcome.DLQ, condition, count, takes or 0, last, None, alarms, unsure)
        yield from (step for step in way_on if isinstance(step, Go))
        return
    if takes is not None and retention is not None and takes >= retention - youngest:
        yield End(
            Outcome.EXPIRED,
            node.id,
            redrive.id,
            f"{condition}, which takes {duration(takes)}; its retention ends after {duration(retention)}",
            attempts=count,
            aged=retention,
            latest=max(0, retention - youngest),
            lost=True,
            remedy=f"keep messages in {node.name} for longer than {duration(takes + youngest)}",
            alarms=alarms,
            unsure=unsure,
        )
        return
    if isinstance(dead, Queue) and not dead.fifo and dead_retention is not None and retention is not None:
        if dead_retention == retention:
            condition += f"; {dead.name} forgets when {node.name} does, so what fails late expires as it arrives there"
        if dead_retention < retention:
            yield End(
                Outcome.EXPIRED,
                dead.id,
                redrive.id,
                f"{condition} when it is older than {duration(dead_retention)}: {dead.name} counts from the first"
                " enqueue and keeps it no longer",
                attempts=count,
                soonest=takes or 0,
                aged=dead_retention,
                latest=clock.left(retention),
                lost=True,
                remedy=f"keep messages in {dead.name} for longer than the {duration(retention)} of {node.name}",
                alarms=alarms,
                unsure=unsure,
            )
        if takes is not None and takes + youngest >= dead_retention:
            return
    at_least = at_most = dead_retention
    if isinstance(dead, Queue) and not dead.fifo and dead_retention is not None:
        at_least = None if retention is None else max(0, dead_retention - retention)
        at_most = None if takes is None else dead_retention - takes - youngest
    yield from into_net(
        flow,
        redrive,
        Outcome.DLQ,
        condition,
        count,
        takes or 0,
        clock.left(oldest_in(node, dead)),
        Kept(dead.id, at_least, at_most) if isinstance(dead, Queue) else None,
        alarms,
        unsure,
        why,
    )


def _rounds(
    flow: Flow,
    ring: Ring,
    fails: str,
    redrive: Redrive,
    clock: Clock,
    alarms: tuple[str, ...],
    unsure: tuple[str, ...],
) -> End:
    """A message that queues hand round among each other: none of them keeps it, and its first clock goes on."""
    names = [flow.name(key) for key in ring.queues]
    how = f"{', '.join(names[:-1])} and {names[-1]} hand it round" if names[1:] else f"{names[0]} moves it to itself"
    found = tuple(alarm for key in ring.queues for alarm in queue_alarms(flow, flow.nodes[key], True))
    return End(
        Outcome.EXPIRED,
        ring.queues[0],
        redrive.id,
        f"{fails} on every receive; {how} until it is {duration(ring.soonest)} old",
        attempts=None,
        aged=ring.soonest,
        latest=max(0, ring.latest - clock.low),
        lost=True,
        remedy=f"let the redrive of {names[-1]} end in a queue from which nothing comes back",
        alarms=tuple(dict.fromkeys((*alarms, *found))),
        unsure=(*unsure, *existence(redrive)),
    )
