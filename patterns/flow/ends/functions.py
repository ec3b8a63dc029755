"""What becomes of an event at a function."""

from collections.abc import Iterator

from patterns.flow.ends.nets import into_net
from patterns.flow.ends.rounds import loop_of, round_trip
from patterns.flow.ends.steps import QUEUED, RECORDS, End, Go, doubts_of, siblings_of
from patterns.flow.ends.watching import MILLISECONDS, Wanted, named_metrics, told_by, told_by_age
from patterns.flow.model import Bus, Destination, Edge, Flow, Function, Outcome, Poll, Way
from patterns.flow.words import duration, times

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
ASYNC_RETRY_AFTER_SECONDS = (60, 180)


# A condition, the attempts, the soonest and latest time, the metrics that tell of it, and whether the event grows old.
_Failure = tuple[str, int | None, int, int | None, list[Wanted], bool]


def at_function(flow: Flow, node: Function, mode: str) -> Iterator[End | Go]:
    limit = (f"the reserved concurrency of {node.name}",) if "reserved_concurrency" in node.unknown else ()
    if node.reserved_concurrency != 0:
        # What Lambda queues itself may wait for its run as long as it is kept.
        waits = node.event_age if mode == QUEUED else 0
        yield End(Outcome.PROCESSED, node.id, "", f"{node.name} returns", latest=waits, unsure=limit)
    if mode != QUEUED:
        # A poller sees that it fails, a caller gets the error: they are told of there.
        return
    out = [e for e in flow.leaving(node.id) if isinstance(e, Destination)]
    for edge in out:
        if edge.way is Way.SUCCESS and node.reserved_concurrency != 0:
            yield _succeeded(flow, node, edge, limit)
    nets = [e for e in out if e.way is Way.FAILURE]
    usable = [e for e in nets if not e.verdict.denied]
    unsure = tuple(f"the {f.replace('_', ' ')} of {node.name}" for f in node.unknown if f in ("retries", "event_age"))
    unsure = (*unsure, *limit)
    for condition, attempts, soonest, latest, metrics, aging in (*_failures(node), *_stopped(flow, node)):
        alarms = tuple(dict.fromkeys((*told_by(flow, *metrics), *(_aging(flow, node) if aging else ()))))
        if usable:
            for edge in usable:
                outcome = Outcome.DLQ if edge.dead_letter else Outcome.DESTINATION
                yield from into_net(flow, edge, outcome, condition, attempts, soonest, latest, None, alarms, unsure)
            continue
        told = "async_config" not in node.unknown
        why = ""
        remedy = f"give asynchronous invocations of {node.name} an on-failure destination"
        if nets:
            why = f"; its {_net_name(nets[0])} cannot be written to: {nets[0].verdict.why}"
            remedy = f"make the {_net_name(nets[0])} writable: {nets[0].verdict.why}"
            alarms = tuple(dict.fromkeys((*alarms, *told_by(flow, *named_metrics(node, *map(_net_metric, nets))))))
        elif others := [f for f in siblings_of(flow, node) if f.async_config]:
            why = f"; the event invoke config is for {others[0].qualifier_name}, not for {node.qualifier_name}"
            remedy = f"set the event invoke config on {node.qualifier_name}"
        yield End(
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


def _stopped(flow: Flow, node: Function) -> Iterator[_Failure]:
    """Where every message goes round: after about 16 rounds Lambda does not run the function again.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """
    loop = loop_of(flow, node.id)
    into = [flow.edges[key] for key in loop.edges] if loop else []
    if loop and any(_place(flow, edge) == node.function for edge in into if not isinstance(edge, Poll)):
        metrics = [*named_metrics(node, "AsyncEventsDropped"), *named_metrics(node, "RecursiveInvocationsDropped")]
        condition = f"Lambda stops {node.name} after about 16 rounds of {round_trip(flow, loop)}"
        yield condition, None, 0, None, metrics, False


def _place(flow: Flow, edge: Edge) -> str:
    target = flow.nodes[edge.target]
    return target.function if isinstance(target, Function) else ""


def _succeeded(flow: Flow, node: Function, edge: Destination, unsure: tuple[str, ...]) -> End | Go:
    """The record of a success: it goes on, or nobody gets it."""
    target = flow.nodes[edge.target]
    if not edge.verdict.denied:
        to = QUEUED if isinstance(target, Function) else RECORDS[edge.way] if isinstance(target, Bus) else "in"
        return Go(edge, to, latest=node.event_age, unsure=(*doubts_of(edge.verdict, target.name), *unsure))
    return End(
        Outcome.DROPPED,
        edge.target,
        edge.id,
        f"{node.name} returns and its on-success destination cannot be written to: {edge.verdict.why}",
        lost=True,
        remedy=f"make the on-success destination writable: {edge.verdict.why}",
        alarms=told_by(flow, *named_metrics(node, _net_metric(edge))),
        unsure=unsure,
    )


def _net_name(edge: Destination) -> str:
    return "dead-letter target" if edge.dead_letter else "on-failure destination"


def _net_metric(edge: Destination) -> str:
    return "DeadLetterErrors" if edge.dead_letter else "DestinationDeliveryFailures"


def _aging(flow: Flow, node: Function) -> tuple[str, ...]:
    """The alarms on the age of events that wait: none grows older than the maximum."""
    (age,) = named_metrics(node, "AsyncEventAge")
    return told_by_age(flow, age, node.event_age, MILLISECONDS)


def _failures(node: Function) -> Iterator[_Failure]:
    """How an event can fail."""
    dropped = named_metrics(node, "AsyncEventsDropped")
    if node.reserved_concurrency == 0:
        condition = f"the reserved concurrency of {node.name} is 0, so no event is run"
        yield condition, 0, 0, 0, dropped, False
        return
    retries, age = node.retries, node.event_age
    attempts, soonest = None, 0
    if retries is not None:
        waits = [w for w in ASYNC_RETRY_AFTER_SECONDS[: max(0, retries)] if age is None or w < age]
        attempts, soonest = len(waits) + 1, waits[-1] if waits else 0
    failing = f"{node.name} fails {times(attempts, 'time')}"
    yield failing, attempts, soonest, age, [*dropped, *named_metrics(node, "Errors")], False
    waiting = [*dropped, *named_metrics(node, "Throttles")]
    yield f"{node.name} cannot be run within {duration(age)} (throttled)", None, age or 0, age, waiting, True
