"""Loops that every message takes, and that Lambda stops."""

from patterns.flow.cycles import loops
from patterns.flow.model import Edge, Flow, Function, Loop, Poll, Subscription, Way


def loop_of(flow: Flow, key: str) -> Loop | None:
    """The loop in which Lambda stops this function, if every message goes round in it."""
    node = flow.nodes[key]
    if not isinstance(node, Function):
        return None
    known = flow._memo.get("stopped")
    if known is None:
        known = flow._memo["stopped"] = {}
        for loop in loops(flow):
            if loop.stopped and all(_always(flow.edges[edge]) for edge in loop.edges):
                for place in loop.nodes:
                    member = flow.nodes[place]
                    if isinstance(member, Function) and member.recursive_loop == "Terminate":
                        known.setdefault(place, loop)
    return known.get(node.function or node.id)


def _always(edge: Edge) -> bool:
    if edge.way not in (Way.MESSAGE, Way.SUCCESS) or edge.enabled is not True or not edge.verdict.allowed:
        return False
    if isinstance(edge, Subscription):
        return edge.filter is None and "filter" not in edge.unknown
    return not (isinstance(edge, Poll) and edge.filters)


def round_trip(flow: Flow, loop: Loop) -> str:
    return " -> ".join(flow.name(key) for key in (*loop.nodes, loop.nodes[0]))
