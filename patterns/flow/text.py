"""The flow in lines: what stands beside a template and is read in a pull request.

Sorted, one line for each link and each fate, without anything that changes when code changes.
"""

from collections.abc import Iterator

from patterns.flow.cycles import loops
from patterns.flow.ends import fates
from patterns.flow.model import (
    Bus,
    Call,
    DeadLetter,
    Delivery,
    Destination,
    Edge,
    Fate,
    Flow,
    Function,
    Match,
    Node,
    Notification,
    Outcome,
    Poll,
    Queue,
    Redrive,
    Rule,
    Send,
    Subscription,
    Topic,
    Way,
)
from patterns.flow.words import duration, on_one_line, span, times


def as_text(flow: Flow) -> str:
    """The whole flow as text: what is lost, links, fates, loops. The same flow always gives the same text."""
    names = names_of(flow)
    lines: list[str] = []
    told = fates(flow)
    lines.append("losses")
    lost = [fate for found in told.values() for fate in found if fate.lost]
    lines.extend(f"  {_fate(fate, names)}" for fate in lost)
    if not lost:
        lines.append("  none")
    lines.append("places")
    lines.extend(f"  {names[node.id]}: {described(node)}" for node in flow.nodes.values() if described(node))
    lines.append("links")
    lines.extend(f"  {link(edge, names)}" for edge in sorted(flow.edges.values(), key=lambda e: (e.source, e.id)))
    lines.append("fates")
    for source, found in told.items():
        lines.append(f"  {names[source]}")
        lines.extend(f"    {_fate(fate, names)}" for fate in found)
    cycles = loops(flow)
    if cycles:
        lines.append("loops")
        lines.extend(
            f"  {' -> '.join(names[n] for n in (*c.nodes, c.nodes[0]))}: {'' if c.certain else 'likely, '}"
            f"{'stopped' if c.stopped else 'not stopped'}: {c.why}"
            for c in cycles
        )
    return "\n".join(map(on_one_line, lines)) + "\n"


def names_of(flow: Flow) -> dict[str, str]:
    """What each node is called where all of them stand together: the stack's name only where it is needed."""
    stacks = {node.stack for node in flow.nodes.values() if node.stack}
    several = len(stacks) > 1
    return {
        node.id: f"{node.stack}/{node.name}" if several and node.stack else node.name for node in flow.nodes.values()
    }


def described(node: Node) -> str:
    """The numbers of a node that decide a message's way, empty where there are none."""
    if isinstance(node, Queue):
        return (
            f"{'FIFO ' if node.fifo else ''}queue, keeps {duration(node.retention)}, hides {duration(node.visibility)}"
        )
    if isinstance(node, Topic):
        return "FIFO topic" if node.fifo else "topic"
    if isinstance(node, Function):
        reserved = node.reserved_concurrency
        limit = "" if reserved is None else f", reserved concurrency {reserved}"
        return f"function, {duration(node.timeout)}{limit}"
    if isinstance(node, Bus):
        return "event bus" + (f", archived {node.archive_days} d" if node.archive_days else "")
    if isinstance(node, Rule):
        off = ", disabled" if node.enabled is False else ""
        return f"rule{' on ' + node.expression if node.expression else ''}{off}"
    return ""


def link(edge: Edge, names: dict[str, str]) -> str:
    """One link in one line."""
    arrow = {Way.MESSAGE: "->", Way.SUCCESS: "=>", Way.FAILURE: "-x", Way.LIKELY: "~>"}[edge.way]
    facts = [fact for fact in facts_of(edge) if fact]
    if edge.enabled is False:
        facts.append("disabled")
    if not edge.verdict.allowed:
        facts.append(f"{edge.verdict.answer}: {edge.verdict.why}")
    end = f" [{'; '.join(facts)}]" if facts else ""
    return f"{names[edge.source]} {arrow} {names[edge.target]}: {edge.kind}{end}"


def facts_of(edge: Edge) -> Iterator[str]:
    """What decides a message's way on a link, in short phrases."""
    if isinstance(edge, Subscription):
        yield edge.protocol
        if edge.filter is not None:
            yield f"filter on {edge.scope}"
        if edge.raw:
            yield "raw"
    elif isinstance(edge, Poll):
        yield f"batch {edge.batch_size}" + (f", {edge.window} s window" if edge.window else "")
        if edge.filters:
            yield times(len(edge.filters), "filter")
        if edge.partial:
            yield "reports item failures"
        if edge.maximum_concurrency:
            yield f"at most {edge.maximum_concurrency} at a time"
        if edge.service != "sqs":
            yield f"retries {'until it expires' if edge.retries == -1 else edge.retries}"
    elif isinstance(edge, Match):
        if edge.everything:
            yield "every event"
    elif isinstance(edge, Delivery):
        if edge.by != "pipes":
            yield f"{edge.attempts} tries in {duration(edge.seconds)}"
        if edge.filters:
            yield times(len(edge.filters), "filter")
    elif isinstance(edge, Notification):
        yield ", ".join(edge.events)
        yield ", ".join(f"{name} {value}" for name, value in edge.filters)
    elif isinstance(edge, Redrive):
        yield f"after {times(edge.max_receive_count, 'receive')}"
    elif isinstance(edge, DeadLetter):
        yield f"for {edge.of.rpartition('/')[2]}"
    elif isinstance(edge, Destination):
        yield "dead-letter target" if edge.dead_letter else "on success" if edge.way is Way.SUCCESS else "on failure"
    elif isinstance(edge, Send):
        yield edge.action
        yield f"${edge.variable}" if edge.variable else ""
    elif isinstance(edge, Call) and edge.asynchronous:
        yield "asynchronous"


def _fate(fate: Fate, names: dict[str, str]) -> str:
    lost = "LOST, " if fate.lost else ""
    when = "" if fate.outcome in (Outcome.PROCESSED, Outcome.OUTSIDE) else f" ({span(fate.soonest, fate.latest)})"
    parts = [f"{lost}{fate.outcome} at {names.get(fate.at, fate.at)}{when}: {fate.condition}"]
    if fate.kept:
        parts.append(f"kept {span(fate.kept.at_least, fate.kept.at_most)} in {names.get(fate.kept.place)}")
    if fate.alarms:
        parts.append("alarm " + ", ".join(a.rpartition("/")[2] for a in fate.alarms))
    elif fate.kept and fate.outcome in (Outcome.DLQ, Outcome.DESTINATION):
        parts.append("no alarm")
    if fate.unsure:
        parts.append("not certain: " + ", ".join(fate.unsure))
    return "; ".join(parts)
