"""What becomes of a message that is pushed, with retries and a dead-letter queue."""

from collections.abc import Iterator

from patterns.flow.ends.nets import into_net
from patterns.flow.ends.steps import POLLED, QUEUED, End, Go, doubts_of, existence
from patterns.flow.ends.watching import told_by
from patterns.flow.model import Delivery, Flow, Function, Kept, Outcome, Subscription
from patterns.flow.words import duration, times


def pushed(
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
) -> Iterator[End | Go]:
    """A delivery with retries: arrives, or is put into its dead-letter queue, or is gone."""
    unsure = (*unsure, *doubts_of(edge.verdict, who), *existence(edge))
    alarms = told_by(flow, *metrics)
    if edge.verdict.denied:
        condition, tries, latest = f"it cannot be delivered to {who}: {edge.verdict.why}", 1, 0
        remedy = f"let it be delivered ({edge.verdict.why}), and {remedy}"
    else:
        node = flow.nodes[edge.target]
        mode = (QUEUED if asynchronous else POLLED) if isinstance(node, Function) else "in"
        yield Go(edge, mode, net, 0, seconds, filtered, unsure)
        tries, latest = attempts, seconds
        condition = (
            f"it cannot be delivered to {who}: at once where access or the target is missing,"
            f" else after {times(attempts, 'try').replace('trys', 'tries')} within {duration(seconds)}"
        )
    nets = flow.nets(edge)
    usable = [n for n in nets if not n.verdict.denied]
    for dead in usable:
        yield from into_net(flow, dead, Outcome.DLQ, condition, tries, 0, latest, None, alarms, unsure)
    if usable:
        return
    refused = nets[0].verdict.why if nets else broken
    broken_net = f"; its dead-letter queue cannot take it: {refused}" if nets else f"; {refused}" if refused else ""
    yield End(
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
