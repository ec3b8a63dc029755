"""Cycles, and whether Lambda's recursive loop detection would stop them.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from collections import deque

from patterns.flow.model import Bucket, Edge, Flow, Function, Loop, Node, Queue, Topic, Way

# Every cycle of a small tangle is looked for; of a large one, the shortest through its first node.
_TANGLE = 40

# Links from the ends of a flow over which dead ends are cut off: each pass is over all that is left.
_PASSES = 8

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
_SEEN = (Function, Queue, Topic, Bucket)


def loops(flow: Flow) -> list[Loop]:
    """The cycles of a flow: for each node in a tangle the shortest one through it, each told once."""
    graph = _graph(flow, (Edge,))
    found: dict[frozenset[str], Loop] = {}
    for tangle in _tangles(graph):
        for start in tangle if len(tangle) <= _TANGLE else tangle[:1]:
            cycle = _shortest(graph, start, set(tangle))
            if cycle:
                found.setdefault(frozenset(e.id for e in cycle), _loop(flow, cycle))
    return sorted(found.values(), key=lambda loop: (len(loop.nodes), loop.nodes, loop.edges))


def tangles(flow: Flow, kinds: tuple[type[Edge], ...]) -> list[list[str]]:
    """Groups of nodes that can all reach each other over links of these kinds that work, each sorted."""
    return _tangles(_graph(flow, kinds))


def _graph(flow: Flow, kinds: tuple[type[Edge], ...]) -> dict[str, list[tuple[str, Edge]]]:
    places = {node.id: _place(flow, node.id) for node in flow.nodes_of(Function)}
    graph: dict[str, list[tuple[str, Edge]]] = {}
    for edge in flow.edges.values():
        if isinstance(edge, kinds) and edge.enabled is not False and not edge.verdict.denied:
            source, target = edge.source, edge.target
            graph.setdefault(places.get(source, source), []).append((places.get(target, target), edge))
    return graph


def _without_dead_ends(graph: dict[str, list[tuple[str, Edge]]]) -> dict[str, list[tuple[str, Edge]]]:
    """Without most of what leads nowhere. Few flows have a cycle: little or nothing is left to be searched."""
    for _ in range(_PASSES):
        kept = {node: on for node, ways in graph.items() if (on := [way for way in ways if way[0] in graph])}
        if len(kept) == len(graph):
            break
        graph = kept
    return graph


def _place(flow: Flow, key: str) -> str:
    """All qualifiers of a function are one place: what any of them sends, the function sends."""
    node = flow.nodes[key]
    return node.function or key if isinstance(node, Function) else key


def _tangles(graph: dict[str, list[tuple[str, Edge]]]) -> list[list[str]]:
    """The strongly connected components that hold a cycle, found without recursion."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on: set[str] = set()
    stack: list[str] = []
    found: list[list[str]] = []
    graph = _without_dead_ends(graph)
    for root in sorted(graph):
        if root in index:
            continue
        work = [(root, iter(graph.get(root, ())))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on.add(root)
        while work:
            node, targets = work[-1]
            for target, _ in targets:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    on.add(target)
                    work.append((target, iter(graph.get(target, ()))))
                    break
                if target in on:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group = []
                    while True:
                        member = stack.pop()
                        on.discard(member)
                        group.append(member)
                        if member == node:
                            break
                    if len(group) > 1 or any(t == node for t, _ in graph.get(node, ())):
                        found.append(sorted(group))
    return found


def _shortest(graph: dict[str, list[tuple[str, Edge]]], start: str, inside: set[str]) -> list[Edge]:
    came: dict[str, tuple[str, Edge]] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for target, edge in graph.get(node, ()):
            if target == start:
                cycle = [edge]
                while node != start:
                    node, edge = came[node]
                    cycle.append(edge)
                return cycle[::-1]
            if target in inside and target not in came:
                came[target] = (node, edge)
                waiting.append(target)
    return []


def _loop(flow: Flow, cycle: list[Edge]) -> Loop:
    places = [_place(flow, edge.source) for edge in cycle]
    first = places.index(min(places))
    places, cycle = places[first:] + places[:first], cycle[first:] + cycle[:first]
    nodes = [flow.nodes[place] for place in places]
    stopped, why = _stopped(nodes)
    certain = all(edge.way is not Way.LIKELY for edge in cycle)
    return Loop(nodes=tuple(places), edges=tuple(e.id for e in cycle), certain=certain, stopped=stopped, why=why)


def _stopped(nodes: list[Node]) -> tuple[bool, str]:
    functions = [node for node in nodes if isinstance(node, Function)]
    if not functions:
        return False, "no function is in it, and only Lambda looks for loops"
    unseen = [node for node in nodes if not isinstance(node, _SEEN)]
    if unseen:
        return False, f"Lambda's loop detection does not see through {unseen[0].name} ({unseen[0].kind})"
    strict = [node for node in functions if node.recursive_loop == "Terminate"]
    open_ones = [node for node in functions if not node.recursive_loop]
    if not strict and open_ones:
        return False, f"whether Lambda stops it cannot be told: RecursiveLoop of {open_ones[0].name} is open"
    if not strict:
        return False, f"RecursiveLoop of {functions[0].name} is {functions[0].recursive_loop}"
    return True, f"Lambda stops {strict[0].name} after about 16 rounds, if its SDK passes the trace header on"
