"""Cycles, and whether Lambda's recursive loop detection would stop them.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

import re
from collections import deque

from patterns.flow.meeting import event_by, forwards, may_match
from patterns.flow.model import (
    Answer,
    Bucket,
    Bus,
    Call,
    Delivery,
    Destination,
    Edge,
    Flow,
    Function,
    Loop,
    Match,
    Node,
    Notification,
    Poll,
    Queue,
    Send,
    Subscription,
    Topic,
    Way,
)
from patterns.flow.rendered import CLOSE, GAP, OPEN

# Every cycle of a small tangle is looked for; of a large one, the shortest through its first node.
_TANGLE = 40

# Links from the ends of a flow over which dead ends are cut off: each pass is over all that is left.
_PASSES = 8

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
_SEEN = (Function, Queue, Topic, Bucket)


def loops(flow: Flow) -> list[Loop]:
    """The cycles of a flow: for each node in a tangle the shortest one through it, each told once."""
    graph = _met(flow, _graph(flow, (Edge,)))
    found: dict[frozenset[str], Loop] = {}
    for tangle in _tangles(graph):
        for start in tangle if len(tangle) <= _TANGLE else tangle[:1]:
            cycle = _shortest(graph, start, set(tangle))
            if cycle and not _forwards_again(flow, cycle):
                found.setdefault(frozenset(e.id for e in cycle), _loop(flow, cycle))
    ordered = sorted(found.values(), key=lambda loop: (len(loop.nodes), loop.nodes, loop.edges))
    # Two notifications of one bucket are two ways round the same places.
    return list({(loop.nodes, loop.certain, loop.stopped): loop for loop in reversed(ordered)}.values())[::-1]


def _forwards_again(flow: Flow, cycle: list[Edge]) -> bool:
    """Whether an event would have to be forwarded from bus to bus twice in a row, which EventBridge does not do."""
    # Between the two is the match of a rule.
    hops = zip(cycle, cycle[2:] + cycle[:2], strict=True)
    return any(forwards(flow, one) and forwards(flow, other) for one, other in hops)


# Writers × notifications of one bucket, or senders × rules of one bus: beyond so many, each is taken to meet each.
_MEETINGS = 2_000

# Where Lambda writes the records of failed invocations and of streams.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
_RECORDS = ("aws/lambda/*",)


def _met(flow: Flow, graph: dict[str, list[tuple[str, Edge]]]) -> dict[str, list[tuple[str, Edge]]]:
    """The graph in which a bucket or bus only hands on what it gets: each notification and rule is a place of its own.

    What is written under ``out/`` brings no notification of ``in/``, an event meets no rule for other sources.
    """
    split: dict[str, list[tuple[str, Edge]]] = {}
    for node in (*flow.nodes_of(Bucket), *flow.nodes_of(Bus)):
        writers = sum(1 for edge in flow.arriving(node.id))
        ways = graph.get(node.id, ())
        if ways and writers * len(ways) <= _MEETINGS:
            split[node.id] = list(ways)
    if not split:
        return graph
    met: dict[str, list[tuple[str, Edge]]] = {}
    for source, ways in graph.items():
        for target, edge in ways:
            if source in split:
                met.setdefault(edge.id, []).append((target, edge))
            elif target in split:
                met.setdefault(source, []).extend((on.id, edge) for _, on in split[target] if _meet(edge, on))
            else:
                met.setdefault(source, []).append((target, edge))
    return met


def _meet(write: Edge, on: Edge) -> bool:
    """Whether what is written can bring this notification, or match this rule."""
    if isinstance(on, Match):
        own = isinstance(write, Call | Destination | Send)
        return not (own and _of_services(on)) and may_match(on, event_by(write))
    return not isinstance(on, Notification) or _brings(write, on)


def _of_services(match: Match) -> bool:
    """Whether a rule is for the events of AWS services alone, which nobody else can put on a bus.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
    """
    source = (match.pattern or {}).get("source")
    return isinstance(source, list) and all(isinstance(one, str) and one.startswith("aws.") for one in source)


def _brings(write: Edge, notification: Notification) -> bool:
    keys, events = _RECORDS, ("ObjectCreated",)
    if isinstance(write, Send):
        keys, events = write.keys, write.events
    told = [event.removeprefix("s3:").partition(":")[0] for event in notification.events]
    if events and told and not any(event in events or event not in _EVENTS for event in told):
        return False
    wanted = dict(notification.filters)
    prefix, suffix = wanted.get("prefix", ""), wanted.get("suffix", "")
    return not keys or any(_may_be(key, prefix, suffix) for key in keys)


# The events that an action in the bucket makes, rather than S3 itself.
_EVENTS = ("ObjectCreated", "ObjectRemoved", "ObjectRestore", "ObjectTagging", "ObjectAcl")


def _may_be(pattern: str, prefix: str, suffix: str) -> bool:
    """Whether a key that fits the pattern can begin and end so."""
    pieces = re.split(f"[*?{OPEN}‹{GAP}]", pattern)
    if len(pieces) == 1:
        return pattern.startswith(prefix) and pattern.endswith(suffix)
    # What is not known of a key ends with the reference or the gap that stands for it.
    head, tail = pieces[0], re.split(f"[*?{CLOSE}›{GAP}]", pattern)[-1]
    known = GAP not in prefix + suffix and OPEN not in prefix + suffix
    begins = head.startswith(prefix) or prefix.startswith(head)
    return not known or (begins and (tail.endswith(suffix) or suffix.endswith(tail)))


def tangles(flow: Flow, kinds: tuple[type[Edge], ...]) -> list[list[str]]:
    """Groups of nodes that can all reach each other over links of these kinds that work, each sorted."""
    return _tangles(_graph(flow, kinds))


def _graph(flow: Flow, kinds: tuple[type[Edge], ...]) -> dict[str, list[tuple[str, Edge]]]:
    places = {node.id: node.function or node.id for node in flow.nodes_of(Function)}
    working = [
        edge
        for edge in flow.edges.values()
        if edge.enabled is not False and edge.verdict.answer is not Answer.DENIED and isinstance(edge, kinds)
    ]
    sources = {places.get(edge.source, edge.source) for edge in working}
    graph: dict[str, list[tuple[str, Edge]]] = {}
    for edge in working:
        target = places.get(edge.target, edge.target)
        if target in sources:  # else nothing leads on from there, which no cycle can
            graph.setdefault(places.get(edge.source, edge.source), []).append((target, edge))
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
    made = any(isinstance(node, Function) for node in nodes)
    certain = not any(edge.way is Way.LIKELY or (made and _filters(edge)) for edge in cycle)
    return Loop(nodes=tuple(places), edges=tuple(e.id for e in cycle), certain=certain, stopped=stopped, why=why)


def _filters(edge: Edge) -> bool:
    """Whether an edge lets only some messages on: what a function has made may not be among them."""
    if isinstance(edge, Match):
        return not edge.everything
    if isinstance(edge, Subscription):
        return edge.filter is not None or "filter" in edge.unknown
    return isinstance(edge, Poll | Delivery | Notification) and bool(edge.filters)


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
