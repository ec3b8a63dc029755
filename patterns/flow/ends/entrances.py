"""Where messages enter a flow."""

from patterns.flow.ends.buses import forwards_on, known_of, leaves_rules_out
from patterns.flow.ends.steps import CARRIES, FORWARDED, QUEUED, mode_into, siblings_of
from patterns.flow.model import (
    Bus,
    Destination,
    Edge,
    Flow,
    Function,
    Node,
    Pipe,
    Queue,
    Rule,
    Schedule,
    Send,
    Topic,
    Way,
)


def entrance(flow: Flow, node: Node) -> str:
    """Whether messages enter the graph at this node, and how; empty if they do not."""
    reached = [e for e in flow.arriving(node.id) if _reaches(flow, e)]
    carries = any(isinstance(e, CARRIES) for e in flow.leaving(node.id))
    if isinstance(node, Function):
        guarded = any(isinstance(e, Destination) for e in flow.leaving(node.id)) or node.async_config
        if not guarded or reached:
            return ""
        if any(f.function == node.function and flow.arriving(f.id) for f in siblings_of(flow, node)):
            return ""
        return QUEUED
    if isinstance(node, Pipe):
        return ""
    if isinstance(node, Rule):
        return "clock" if node.expression and node.enabled is not False else ""
    if isinstance(node, Bus) and node.default:
        return "in" if carries else ""
    if reached and not _sent_into_a_net(flow, node, reached) and not _takes_others(flow, node, reached):
        return ""
    if isinstance(node, Schedule):
        return "in" if node.enabled is not False and carries else ""
    if isinstance(node, Topic) and node.id in _alarmed(flow):
        # What alarms are sent to is not where messages come in, unless code takes them.
        return "in" if any(isinstance(flow.nodes[e.target], Function | Queue) for e in flow.leaving(node.id)) else ""
    if isinstance(node, Queue | Topic | Bus):
        return "in"
    return "in" if carries else ""


def _sent_into_a_net(flow: Flow, node: Node, reached: list[Edge]) -> bool:
    """Whether code sends on its own to what is otherwise reached by failures alone: it has another fate than those.

    What somebody elsewhere puts into a dead-letter queue is taken for a failure too.
    """
    sends = (
        e
        for e in flow.arriving(node.id)
        if isinstance(e, Send) and not e.verdict.denied and isinstance(flow.nodes[e.source], Function)
    )
    return isinstance(node, Queue) and all(e.way is Way.FAILURE for e in reached) and any(sends)


def _takes_others(flow: Flow, node: Node, reached: list[Edge]) -> bool:
    """Whether a bus gets events beside those that are known to come there: from code, or for other rules."""
    if not isinstance(node, Bus):
        return False
    modes = {mode_into(flow, edge) for edge in reached}
    if not all(known_of(mode) or mode.startswith(FORWARDED) for mode in modes):
        return False
    # What is forwarded to it goes to no further bus, what code puts there does.
    differs = all(map(known_of, modes)) or forwards_on(flow, node)
    by_code = any(isinstance(edge, Send) and not edge.verdict.denied for edge in flow.arriving(node.id))
    return (by_code and differs) or leaves_rules_out(flow, node, modes)


def _alarmed(flow: Flow) -> set[str]:
    known = flow._memo.get("alarmed")
    if known is None:
        known = flow._memo["alarmed"] = {target for alarm in flow.alarms.values() for target in alarm.actions}
    return known


def _reaches(flow: Flow, edge: Edge) -> bool:
    """Whether something that is told elsewhere arrives by this edge."""
    if isinstance(edge, Send):
        return False
    if edge.way is Way.MESSAGE and (edge.enabled is False or edge.verdict.denied):
        return False
    # A pipe hands on only what it reads.
    source = flow.nodes[edge.source]
    return not isinstance(source, Pipe) or any(_reaches(flow, into) for into in flow.arriving(source.id))


def mode_of(node: Node) -> str:
    return QUEUED if isinstance(node, Function) else "in"
