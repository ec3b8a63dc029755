"""What becomes of a message that is pushed, with retries and a dead-letter queue."""

from collections.abc import Callable, Iterator

from patterns.flow.ends.nets import into_net
from patterns.flow.ends.steps import POLLED, QUEUED, End, Go, Perhaps, doubts_of, existence, mode_into
from patterns.flow.ends.watching import Net, Wanted, function_metrics, told_by
from patterns.flow.model import Delivery, Edge, External, Flow, Function, Kept, Outcome, Rule, Subscription
from patterns.flow.words import duration, times

# A condition, the tries until it is so, how long they take at most, the alarms that tell, and its own doubts.
_Failure = tuple[str, int | None, int | None, tuple[str, ...], tuple[str, ...]]


def pushed(
    flow: Flow,
    edge: Subscription | Delivery,
    who: str,
    attempts: int | None,
    seconds: int | None,
    filtered: bool,
    asynchronous: bool,
    metrics: Callable[[Net], list[Wanted]],
    archive: Kept | None,
    remedy: str,
    broken: str,
    unsure: tuple[str, ...],
    net: bool = False,
) -> Iterator[End | Go]:
    """A delivery with retries: arrives, or is put into its dead-letter queue, or is gone."""
    unsure = (*unsure, *doubts_of(edge.verdict, who), *existence(edge))
    nets = flow.nets(edge)
    usable = [n for n in nets if not n.verdict.denied]
    failed = told_by(flow, *metrics(Net.TAKES if usable else Net.REFUSES if nets else Net.NONE))
    ways: list[_Failure] = []
    to = f"{who} by {flow.name(edge.source)}" if _one_of_several(flow, edge) else who
    if edge.verdict.denied:
        ways.append((f"it cannot be delivered to {to}: {edge.verdict.why}", 1, 0, failed, ()))
        remedy = f"let it be delivered ({edge.verdict.why}), and {remedy}"
    else:
        if (attempts is None or seconds is None) and not edge.unknown:
            unsure = (f"how often it is tried to deliver to {who}",)
        node = flow.nodes[edge.target]
        modes, either = arrivals(flow, edge, asynchronous)
        for mode in modes:
            yield Go(edge, mode, net, 0, seconds, filtered, (*unsure, *either))
        tries = "its last try" if attempts is None else times(attempts, "try").replace("trys", "tries")
        within = "" if seconds is None else f" within {duration(seconds)}"
        waits = _waits(edge)
        condition = (
            f"it cannot be delivered to {to}: at once where access or the target is missing,"
            f" else after {tries}{within}{waits}"
        )
        ways.append((condition, attempts, seconds, failed, ()))
        if isinstance(node, Function) and not asynchronous and node.reserved_concurrency != 0:
            # Who waits for the function's answer takes its error for a failed delivery.
            # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-targets.html
            alarms = tuple(dict.fromkeys((*failed, *told_by(flow, *function_metrics(flow, node.id)))))
            if isinstance(edge, Delivery) and edge.by == "scheduler":
                either = (*either, Perhaps("whether EventBridge Scheduler takes a function's error for a failed call"))
            ways.append((f"{who} fails {times(attempts, 'time')}{within}{waits}", attempts, seconds, alarms, either))
    for condition, tried, latest, alarms, perhaps in ways:
        doubts = (*unsure, *perhaps)
        for dead in usable:
            yield from into_net(flow, dead, Outcome.DLQ, condition, tried, 0, latest, None, alarms, doubts)
        if usable:
            continue
        refused = nets[0].verdict.why if nets else broken
        broken_net = f"; its dead-letter queue cannot take it: {refused}" if nets else f"; {refused}" if refused else ""
        yield End(
            Outcome.DROPPED,
            edge.target,
            nets[0].id if nets else edge.id,
            condition + broken_net,
            attempts=tried,
            latest=latest,
            kept=archive,
            lost=archive is None,
            remedy=f"make the dead-letter queue writable: {refused}" if nets else remedy,
            alarms=alarms,
            unsure=(*doubts, *doubts_about(flow, archive)),
        )


def _one_of_several(flow: Flow, edge: Edge) -> bool:
    """Whether several rules deliver to one target, whose failures read the same without their names."""
    if not isinstance(flow.nodes[edge.source], Rule):
        return False
    others = (other for other in flow.arriving(edge.target) if other.source != edge.source)
    return any(isinstance(flow.nodes[other.source], Rule) for other in others)


def arrivals(flow: Flow, edge: Subscription | Delivery, asynchronous: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How what is delivered can arrive, and the doubt about it.

    Where the template leaves open which of two ways it comes, what happens on either is no loss it decides.
    """
    node = flow.nodes[edge.target]
    if not isinstance(node, Function):
        return (mode_into(flow, edge),), ()
    if "asynchronous" in edge.unknown:
        return (QUEUED, POLLED), (Perhaps(f"whether {node.name} is invoked as an event or its answer waited for"),)
    return (QUEUED if asynchronous else POLLED,), ()


def is_not_told(flow: Flow, edge: Edge) -> bool:
    """Whether no template tells what a link leads to: its name says where that is left open, which is long to say."""
    node = flow.nodes[edge.target]
    return isinstance(node, External) and bool(node.why)


def _waits(edge: Subscription | Delivery) -> str:
    return "; later events of its group wait until then" if isinstance(edge, Delivery) and edge.fifo else ""


def doubts_about(flow: Flow, archive: Kept | None) -> tuple[str, ...]:
    """The doubt about an archive that no template says the days of."""
    if archive is None or archive.at_least is not None:
        return ()
    return (f"how long {flow.name(archive.place)} keeps what it archives",)
