"""What becomes of a message in a queue."""

from collections.abc import Iterator

from patterns.flow.ends.nets import into_net, refusal_of
from patterns.flow.ends.steps import POLLED, End, Go, doubts_of, existence, is_plain
from patterns.flow.ends.streams import reader_of
from patterns.flow.ends.watching import function_metrics, queue_alarms, told_by
from patterns.flow.model import Flow, Function, Kept, Node, Outcome, Poll, Queue, Redrive
from patterns.flow.words import duration, times


def at_queue(flow: Flow, node: Node, polls: list[Poll], net: bool) -> Iterator[End | Go]:
    queue = node if isinstance(node, Queue) else None
    retention = queue.retention if queue else None
    delay = (queue.delay or 0) if queue else 0
    unsure = tuple(f"the {f} of {node.name}" for f in node.unknown if f in ("retention", "visibility", "delay"))
    if not polls:
        yield End(
            Outcome.DLQ if net else Outcome.OUTSIDE,
            node.id,
            "",
            f"it waits in {node.name} for a consumer that stands in none of the templates",
            soonest=delay,
            latest=retention,
            kept=Kept(node.id, retention, retention),
            alarms=queue_alarms(flow, node, True) if net else (),
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
        doubts = (*doubts_of(poll.verdict, flow.name(poll.target)), *existence(poll))
        if poll.enabled is None:
            doubts = (*doubts, f"whether {reader_of(flow, poll)} is enabled")
        if poll.filters:
            told = is_plain(poll.filters)
            yield End(
                Outcome.FILTERED,
                node.id,
                poll.id,
                f"it matches no filter of {reader_of(flow, poll)}, which deletes it",
                latest=retention,
                lost=told,
                unsure=() if told else (f"the filter of {reader_of(flow, poll)}",),
                unless_covered=True,
                remedy="filter before the queue (subscription or rule), or give the rest a queue of its own",
                alarms=told_by(flow, ("AWS/Lambda", "FilteredOutEventCount", "EventSourceMappingUUID", poll.id)),
            )
        yield Go(poll, POLLED, net, delay, retention, bool(poll.filters), doubts)
    perhaps = [doubt for poll in open_polls for doubt in existence(poll)]
    if len(perhaps) == len(open_polls):
        unsure = (*unsure, *perhaps)
    yield from _poison(flow, node, open_polls, net, unsure)
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


def _unread(
    flow: Flow, node: Node, polls: list[Poll], net: bool, retention: int | None, unsure: tuple[str, ...]
) -> End:
    poll = polls[0]
    if poll.enabled is False:
        condition, remedy = "every mapping that reads it is disabled", "enable the mapping"
    else:
        condition, remedy = poll.verdict.why, "let the consumer read it: " + poll.verdict.why
    alarms = queue_alarms(flow, node, True)
    if net or not isinstance(node, Queue):
        kept = Kept(node.id, retention, retention)
        return End(
            Outcome.DLQ if net else Outcome.OUTSIDE, node.id, poll.id, condition, 0, 0, retention, kept, alarms=alarms
        )
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


def _poison(flow: Flow, node: Node, polls: list[Poll], net: bool, unsure: tuple[str, ...]) -> Iterator[End | Go]:
    """What becomes of a message whose every processing fails."""
    who = " or ".join(dict.fromkeys(flow.name(p.target) for p in polls))
    function = flow.nodes[polls[0].target]
    fails = f"{who} fails"
    if any(_throttled(flow, poll) for poll in polls):
        fails = f"{who} fails or is throttled"
    if isinstance(function, Function) and function.reserved_concurrency == 0:
        fails = f"{who} is throttled (its reserved concurrency is 0)"
    if refused := refusal_of(flow, polls):
        fails = f"{refused} and fails"
    if any(poll.may_delete.denied for poll in polls):
        fails = f"{fails}, or processes it and may not delete it,"
    alarms = told_by(flow, *(m for p in polls for m in function_metrics(flow, p.target)))
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
    retention = node.retention
    redrive = next((e for e in flow.leaving(node.id) if isinstance(e, Redrive)), None)
    if redrive is None or redrive.verdict.denied:
        why = "" if redrive is None else f"; its redrive is refused: {redrive.verdict.why}"
        if redrive is None and node.broken_redrive:
            why = f"; its RedrivePolicy {node.broken_redrive}"
        condition = f"{fails} on every receive for {duration(retention)}{why}"
        kept = Kept(node.id, retention, retention) if net else None
        yield End(
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
            alarms=tuple(dict.fromkeys((*alarms, *queue_alarms(flow, node, True)))),
            unsure=unsure,
        )
        return
    yield from _redriven(flow, node, redrive, fails, alarms, unsure)


def _throttled(flow: Flow, poll: Poll) -> bool:
    """Whether the poller can receive more than the function may run: such a receive counts as a failed one."""
    function = flow.nodes[poll.target]
    reserved = function.reserved_concurrency if isinstance(function, Function) else None
    return reserved is not None and (poll.maximum_concurrency is None or poll.maximum_concurrency > reserved)


def _redriven(
    flow: Flow, node: Queue, redrive: Redrive, fails: str, alarms: tuple[str, ...], unsure: tuple[str, ...]
) -> Iterator[End | Go]:
    count, retention = redrive.max_receive_count, node.retention
    dead = flow.nodes[redrive.target]
    dead_retention = dead.retention if isinstance(dead, Queue) else None
    unsure = (*unsure, *doubts_of(redrive.verdict, dead.name))
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
        yield End(
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
            yield End(
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
    edge_end = into_net(
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
