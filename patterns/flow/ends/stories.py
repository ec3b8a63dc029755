"""Every fate of a message, by following each hop from where it enters."""

from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter
from typing import Any, NamedTuple

from patterns._collect import paused
from patterns.flow.cycles import tangles
from patterns.flow.ends.arriving import MOST_WAYS, ByWay, duplicates_of, order_kept, several_times
from patterns.flow.ends.entrances import entrance, mode_of
from patterns.flow.ends.hops import steps_at
from patterns.flow.ends.pushes import doubts_about
from patterns.flow.ends.steps import LEADS, MOVED, End, Go, Perhaps, State, presence
from patterns.flow.ends.topics import replayed_from
from patterns.flow.model import (
    Bus,
    Delivery,
    External,
    Fate,
    Flow,
    Kept,
    Match,
    Outcome,
    Poll,
    Queue,
    Subscription,
    Topic,
    Way,
)

# How fates are sorted: what arrives first, then what somebody still has, then what is gone.
_RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}


# A message is followed so far; what comes after is told as a source of its own. Sources that all lead to the same
# places would cost N²: beyond so many fates, what another source has told already is not told again.
_HOPS = 100
_TOLD_FOR_EACH_NODE = 10
_TOLD = 10_000

# So many ways by which a message arrives, and so many failures before one end, are told one by one.
_WAYS = 4
_CAUSES = 3


def fates(flow: Flow) -> dict[str, list[Fate]]:
    """Every fate of a message, by the node where it enters; what is lost comes first."""
    known = flow._memo.get("fates")
    if known is None:
        with paused():
            known = flow._memo["fates"] = _Stories(flow).tell()
    return known


def losses(flow: Flow) -> list[Fate]:
    """The fates in which a message ends without a copy although the template could have kept one."""
    return [fate for told in fates(flow).values() for fate in told if fate.lost]


def unwatched(flow: Flow) -> list[Fate]:
    """The fates in which a failed message is kept and no alarm tells anybody before the copy expires."""
    kept = (Outcome.DLQ, Outcome.DESTINATION)
    return [
        fate
        for told in fates(flow).values()
        for fate in told
        if fate.outcome in kept
        and fate.kept
        and not fate.alarms
        # What is kept elsewhere may be watched there.
        and not isinstance(flow.nodes[fate.kept.place], External)
    ]


class _Stories:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._hops: dict[State, list[End | Go]] = {}
        self._followed: list[str] = []  # where a story was cut because it was too long
        self._left = _TOLD + _TOLD_FOR_EACH_NODE * len(flow.nodes)

    def tell(self) -> dict[str, list[Fate]]:
        flow = self._flow
        told: dict[str, list[Fate]] = {}
        seen: set[str] = set()
        for node in flow.nodes.values():
            if mode := entrance(flow, node):
                told[node.id] = self._story((node.id, mode, False), seen)
        for tangle in tangles(flow, LEADS):
            if any(key in seen for key in tangle):
                continue
            # A cycle that nothing outside feeds: a message enters where code can put one, else anywhere.
            open_to_code = [key for key in tangle if isinstance(flow.nodes[key], Queue | Topic | Bus)]
            for key in open_to_code or tangle[:1]:
                # What is put on a bus is forwarded, what another bus forwards to it is not.
                if key not in seen or isinstance(flow.nodes[key], Bus):
                    told[key] = self._story((key, mode_of(flow.nodes[key]), False), seen)
        for key in self._followed:
            if key not in seen:
                told[key] = self._story((key, mode_of(flow.nodes[key]), False), seen)
        return dict(sorted(told.items()))

    def _story(self, start: State, seen: set[str]) -> list[Fate]:
        order = self._order(start, seen if self._left < 0 else set())
        told = set(order)
        ways: dict[State, _Way] = {start: _Way(doubts=presence(self._flow.nodes[start[0]]))}
        covered = False
        arrivals: dict[str, dict[State, _Way]] = {}
        ends: list[tuple[_Way, End]] = []
        for state in order:
            seen.add(state[0])
            way = ways[state]
            for step in self._steps(state):
                if isinstance(step, Go) and _arrives(step) not in told:
                    step = self._elsewhere(step)
                if isinstance(step, End):
                    ends.append((way, step))
                    arrives = step.outcome in (Outcome.PROCESSED, Outcome.OUTSIDE)
                    if arrives and not state[2] and not way.causes and not self._fails(step):
                        covered = covered or way.clear
                        if step.at == state[0]:
                            arrivals.setdefault(step.at, {})[state] = way
                    continue
                to = _arrives(step)
                on = way.onto(step, replayed_from(self._flow.nodes[state[0]]))
                ways[to] = ways[to].joined(on, _drops_copies(self._flow, to)) if to in ways else on
        times = {
            key: several_times(self._flow, [one for way in found.values() for one in way.ways], _WAYS)
            for key, found in arrivals.items()
        }
        found = _merged([self._fate(start, end, way, covered, times.get(end.at, "")) for way, end in ends])
        found.sort(key=lambda f: (not f.lost, _RANK[f.outcome], f.at, f.hop, f.condition, f.path))
        self._left -= len(found)
        return found

    def _fails(self, step: End) -> bool:
        """Whether it is the end of a message that cannot go on from where it is."""
        hop = self._flow.edges.get(step.hop)
        return hop is not None and hop.source == step.at

    def _elsewhere(self, step: Go) -> End:
        """A message that goes on, where another source's story tells how."""
        self._followed.append(step.edge.target)
        condition = f"it goes on from {self._flow.name(step.edge.target)}, as told for other sources"
        return End(Outcome.OUTSIDE, step.edge.target, step.edge.id, condition, unsure=step.unsure)

    def _order(self, start: State, known: set[str]) -> list[State]:
        """The states that can be reached, each before those it leads to (cycles are cut)."""
        done: list[State] = []
        begun = {start}
        stack: list[tuple[State, Iterator[End | Go]]] = [(start, iter(self._steps(start)))]
        while stack:
            state, steps = stack[-1]
            for step in steps:
                if isinstance(step, Go):
                    to = _arrives(step)
                    if to not in begun and to[0] not in known and len(stack) < _HOPS:
                        begun.add(to)
                        stack.append((to, iter(self._steps(to))))
                        break
            else:
                stack.pop()
                done.append(state)
        return done[::-1]

    def _fate(self, start: State, end: End, way: "_Way", covered: bool, times: str) -> Fate:
        arrives = end.outcome in (Outcome.PROCESSED, Outcome.OUTSIDE)
        latest = None if way.latest is None or end.latest is None else way.latest + end.latest
        unsure = tuple(dict.fromkeys((*way.doubts, *end.unsure)))
        kept = end.kept
        lost = end.lost and not (end.unless_covered and covered) and not any(isinstance(u, Perhaps) for u in unsure)
        gone = end.outcome in (Outcome.EXPIRED, Outcome.DROPPED, Outcome.FILTERED)
        if gone and kept is None and way.archive and latest is not None:
            # The archive of a bus or topic it came by still has a copy to replay.
            days = way.archive.at_least
            if days is None or days > latest:
                kept, lost = way.archive, False
                unsure = tuple(dict.fromkeys((*unsure, *doubts_about(self._flow, kept))))
        return Fate(
            source=start[0],
            outcome=end.outcome,
            at=end.at,
            hop=end.hop,
            condition=f"{way.after}; then {end.condition}" if way.causes else end.condition,
            path=(*way.path, end.hop) if end.hop else way.path,
            attempts=end.attempts,
            soonest=max(way.soonest + end.soonest, way.enqueued + end.aged),
            latest=latest,
            kept=kept,
            lost=lost,
            remedy=end.remedy if lost else "",
            alarms=end.alarms,
            unsure=unsure,
            duplicates=self._duplicates(start, way, times) if arrives else "",
            order=order_kept(self._flow, start[0], way.path) if arrives else "",
        )

    def _duplicates(self, start: State, way: "_Way", times: str) -> str:
        again = duplicates_of(self._flow, start[0], way.path)
        if not times or way.causes:
            return again
        return f"{times}; each {again}" if again else times

    def _steps(self, state: State) -> list[End | Go]:
        known = self._hops.get(state)
        if known is None:
            known = self._hops[state] = list(steps_at(self._flow, *state))
        return known


class _Way(NamedTuple):
    """How a message comes to a place: when, by which links, and what that depends on."""

    soonest: int = 0
    latest: int | None = 0
    path: tuple[str, ...] = ()
    clear: bool = True  # some way there asks no filter
    doubts: tuple[str, ...] = ()
    archive: Kept | None = None  # what every way there has passed and still has a copy
    causes: tuple[str, ...] = ()  # the failures after which alone it comes there
    ways: tuple[ByWay, ...] = (ByWay((), False),)  # those that a message takes while nothing fails
    enqueued: int = 0  # when its clock began at the soonest: redrives do not set it back

    @property
    def after(self) -> str:
        more = len(self.causes) > _CAUSES
        return " or ".join((*self.causes[:_CAUSES], "in another way") if more else self.causes)

    def onto(self, step: Go, archive: Kept | None) -> "_Way":
        soonest = self.soonest + step.soonest
        return _Way(
            soonest,
            None if self.latest is None or step.latest is None else self.latest + step.latest,
            (*self.path, step.edge.id),
            self.clear and not step.filtered,
            (*self.doubts, *step.unsure),
            archive or self.archive,
            (step.why,) if step.why else self.causes,
            tuple([one.onto(step.edge.id, step.filtered) for one in self.ways]) if _unless_it_fails(step) else (),
            self.enqueued if step.mode.startswith(MOVED) else soonest,
        )

    def joined(self, other: "_Way", drops_copies: bool) -> "_Way":
        causes = dict.fromkeys((*self.causes, *other.causes)) if self.causes and other.causes else ()
        ways = sorted((*self.ways, *other.ways), key=attrgetter("filtered"))
        return _Way(
            min(self.soonest, other.soonest),
            None if self.latest is None or other.latest is None else max(self.latest, other.latest),
            self.path,
            self.clear or other.clear,
            tuple(d for d in self.doubts if not isinstance(d, Perhaps) or d in other.doubts),
            self.archive if other.archive else None,
            tuple(causes)[: _CAUSES + 1],
            tuple(ways[: 1 if drops_copies else MOST_WAYS]),
            min(self.enqueued, other.enqueued),
        )


def _unless_it_fails(step: Go) -> bool:
    """Whether every message that passes the filter goes on by this step, as long as nothing fails."""
    return (
        isinstance(step.edge, Subscription | Match | Delivery | Poll)
        and step.edge.way is Way.MESSAGE
        and not (step.shared or step.net or step.why or step.unsure)
    )


def _drops_copies(flow: Flow, state: State) -> bool:
    node = flow.nodes[state[0]]
    return isinstance(node, Queue | Topic) and node.fifo is not False


def _merged(found: list[Fate]) -> list[Fate]:
    """One fate for ends that read the same, reached in different ways."""
    by_end: dict[tuple[Any, ...], Fate] = {}
    for fate in found:
        place = fate.kept.place if fate.kept else ""
        key = (fate.outcome, fate.at, fate.hop, fate.condition, fate.attempts, place, fate.lost)
        old = by_end.get(key)
        by_end[key] = fate if old is None else _joined(old, fate)
    return list(by_end.values())


def _joined(one: Fate, other: Fate) -> Fate:
    kept = one.kept
    if kept and other.kept:
        low = (kept.at_least, other.kept.at_least)
        high = (kept.at_most, other.kept.at_most)
        kept = Kept(
            kept.place,
            None if None in low else min(n for n in low if n is not None),
            None if None in high else max(n for n in high if n is not None),
        )
    return replace(
        one,
        soonest=min(one.soonest, other.soonest),
        latest=None if one.latest is None or other.latest is None else max(one.latest, other.latest),
        kept=kept,
        # Only an alarm that fires either way tells of it.
        alarms=tuple(alarm for alarm in one.alarms if alarm in other.alarms),
        unsure=tuple(dict.fromkeys((*one.unsure, *other.unsure))),
        duplicates=one.duplicates or other.duplicates,
        order=one.order if one.order == other.order else "in no order",
    )


def _arrives(step: Go) -> State:
    return (step.edge.target, step.mode, step.net)
