"""What is to be drawn: boxes and arrows with their words, in a fixed order, before any format is chosen.

Messages that end without a copy get an arrow to a box of their own that says LOST. A dead-letter queue
that no alarm watches says so in its box. Alarms are facts of the box they watch, not boxes.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from patterns.draw.words import LONGEST, brief, clean, facts_of, kind_of, label_of
from patterns.flow.cycles import loops
from patterns.flow.ends import fates
from patterns.flow.model import DeadLetter, Destination, Edge, Fate, Flow, Node, Outcome, Queue, Redrive, Way, node_id
from patterns.flow.template import Ref
from patterns.flow.words import duration, span, times


class Line(StrEnum):
    """How an arrow is drawn. The words on it say the same."""

    SOLID = "solid"
    DASHED = "dashed"
    DOTTED = "dotted"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Box:
    """A node of the flow, or the end of lost messages.

    Attributes:
        key: unique in the picture, of ASCII letters, digits and ``_``.
        shape: kind of the node, ``dead-letters`` or ``lost``.
        kind: the same as a reader calls it.
        title: its name.
        facts: lines below the name.
        group: the stack it belongs to; empty outside the templates.
        settings: every setting with its value, for who asks.
        ends: which messages end here and how, as sentences.
    """

    key: str
    shape: str
    kind: str
    title: str
    facts: tuple[str, ...] = ()
    group: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    ends: tuple[str, ...] = ()

    @property
    def lost(self) -> bool:
        return self.shape == "lost"


@dataclass(frozen=True, slots=True)
class Arrow:
    """A link, or the way of lost messages. ``source`` and ``target`` are keys of boxes.

    Attributes:
        barred: whether permissions deny the link: nothing gets through.
        notes: everything known about it, as words and their values.
    """

    key: str
    source: str
    target: str
    label: str
    line: Line
    barred: bool = False
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and arrows, each sorted.

    Attributes:
        notes: what could not be resolved, as sentences.
    """

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """The stacks, sorted."""
        return tuple(sorted({box.group for box in self.boxes if box.group}))


def picture_of(flow: Flow) -> Picture:
    """The picture of a flow, with what becomes of its messages: losses, and copies that no alarm tells of."""
    flow = _without_hashes(flow)
    known = [fate for story in fates(flow).values() for fate in story]
    keys = _Keys()
    boxes: dict[str, Box] = {}
    dead_letters = _dead_letters(flow)
    ends, silent, watched = _by_place(flow, known)
    called = _alarm_actions(flow)
    looking = _alarms(flow)
    for node in flow.nodes.values():
        alarm = ("NO ALARM",) if node.id in silent else ("alarm",) if node.id in watched else ()
        alarm += ("alarms tell it",) if node.id in called else ()
        settings = (*_settings(flow, node), *looking.get(node.id, ()))
        boxes[node.id] = _box(node, keys, node.id in dead_letters, alarm, settings, tuple(ends.get(node.id, ())))
    turning = _loops(flow)
    arrows = [
        _arrow(flow, edge, boxes[edge.source].key, boxes[edge.target].key, keys, turning.get(edge.id, ""))
        for edge in flow.edges.values()
    ]
    drawn = list(boxes.values())
    _draw_losses(flow, known, boxes, keys, drawn, arrows)
    return Picture(
        tuple(sorted(drawn, key=lambda box: (box.group, box.key))),
        tuple(sorted(arrows, key=lambda arrow: arrow.key)),
        tuple(clean(note) for note in flow.notes),
    )


class _Keys:
    """Keys that are identifiers in every format, read like the id they stand for, and never collide."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._alike: Counter[str] = Counter()

    def of(self, kind: str, name: str) -> str:
        wanted = re.sub(r"[^A-Za-z0-9]+", "_", f"{kind}_{name}").strip("_")[:60]
        key = wanted
        while key in self._taken:
            self._alike[wanted] += 1
            key = f"{wanted}_{self._alike[wanted] + 1}"
        self._taken.add(key)
        return key


def _without_hashes(flow: Flow) -> Flow:
    """The flow with names as they are in code, where a template has only the CDK's logical ids.

    These end in eight hexadecimal digits, which no reader wants. A name that would not be unique keeps them.
    https://docs.aws.amazon.com/cdk/v2/guide/identifiers.html
    """
    short: dict[str, str] = {}
    for item in (*flow.nodes.values(), *flow.alarms.values()):
        if item.resource is not None and item.resource.path is None and item.name == item.resource.logical_id:
            name, digits = item.name[:-8], item.name[-8:]
            if name and re.fullmatch(r"[0-9A-F]{8}", digits):
                short[item.id] = name
    often = Counter(short.get(item.id, item.name) for item in (*flow.nodes.values(), *flow.alarms.values()))
    short = {key: name for key, name in short.items() if often[name] == 1}
    return Flow.build(
        [replace(node, name=short.get(node.id, node.name)) for node in flow.nodes.values()],
        flow.edges.values(),
        [replace(alarm, name=short.get(alarm.id, alarm.name)) for alarm in flow.alarms.values()],
        flow.notes,
        flow.template,
    )


def _alarm_actions(flow: Flow) -> set[str]:
    """The nodes that alarms send to."""
    if flow.template is None:
        return set()
    found: set[str] = set()
    for alarm in flow.alarms.values():
        actions = flow.template.value(alarm.resource, "AlarmActions", default=())
        for action in actions if isinstance(actions, list | tuple) else (actions,):
            target = flow.template.target(alarm.resource.stack, action)
            if isinstance(target, Ref):
                found.add(node_id(target))
    return found


def _dead_letters(flow: Flow) -> set[str]:
    """The queues that only failures lead to."""
    into: dict[str, set[bool]] = {}
    for edge in flow.edges.values():
        failure = isinstance(edge, DeadLetter | Redrive) or (
            isinstance(edge, Destination) and edge.way is Way.FAILURE and isinstance(flow.nodes.get(edge.target), Queue)
        )
        into.setdefault(edge.target, set()).add(failure)
    return {node for node, failures in into.items() if failures == {True}}


def _by_place(flow: Flow, fates: Sequence[Fate]) -> tuple[dict[str, list[str]], set[str], set[str]]:
    """For each node: the fates that end there as sentences; and where copies are kept with and without alarm."""
    ends: dict[str, dict[str, None]] = {}
    silent: set[str] = set()
    watched: set[str] = set()
    for fate in fates:
        ends.setdefault(_origin(flow, fate), {})[_sentence(flow, fate)] = None
        if fate.kept is not None and fate.outcome in (Outcome.DLQ, Outcome.DESTINATION):
            (watched if fate.told else silent).add(fate.kept.place)
            if fate.kept.place != _origin(flow, fate):
                ends.setdefault(fate.kept.place, {})[_sentence(flow, fate)] = None
    return {place: list(sentences) for place, sentences in ends.items()}, silent, watched


def _origin(flow: Flow, fate: Fate) -> str:
    """Where a message is when it ends: the node, or the one before the edge it ends on."""
    edge = flow.edges.get(fate.hop)
    return edge.source if edge is not None else fate.at


def _sentence(flow: Flow, fate: Fate) -> str:
    parts = [f"From {flow.name(fate.source)}: {'LOST, ' if fate.lost else ''}{fate.outcome}"]
    parts[0] += f": {fate.condition}" if fate.condition else ""
    if fate.outcome not in (Outcome.PROCESSED, Outcome.OUTSIDE):
        tries = f"{times(fate.attempts, 'attempt')}, " if fate.attempts else ""
        parts.append(tries + span(fate.soonest, fate.latest))
    if fate.kept is not None:
        kept = span(fate.kept.at_least, fate.kept.at_most)
        parts.append(f"kept {kept} in {flow.name(fate.kept.place)}")
    if fate.lost or fate.outcome in (Outcome.DLQ, Outcome.DESTINATION):
        alarms = ", ".join(flow.alarms[one].name if one in flow.alarms else one for one in fate.alarms)
        parts.append(f"alarm {alarms}" if fate.told else "no alarm tells")
    if fate.remedy:
        parts.append(f"remedy: {fate.remedy}")
    if fate.unsure:
        parts.append(f"not certain: {', '.join(fate.unsure)}")
    return clean("; ".join(parts))


def _box(
    node: Node,
    keys: _Keys,
    dead_letters: bool,
    alarm: tuple[str, ...],
    settings: tuple[tuple[str, str], ...],
    ends: tuple[str, ...],
) -> Box:
    dead = dead_letters and isinstance(node, Queue)
    facts = facts_of(node)
    if dead and isinstance(node, Queue):
        facts.insert(0, f"keeps {duration(node.retention)}")
    return Box(
        key=keys.of(node.kind, node.resource.logical_id if node.resource else node.id),
        shape="dead-letters" if dead else node.kind,
        kind=clean(kind_of(node, dead), LONGEST),
        title=clean(node.name, LONGEST),
        facts=tuple(clean(fact, LONGEST) for fact in (*facts, *alarm)),
        group=clean(node.stack, LONGEST) if node.stack else "",
        settings=settings,
        ends=ends,
    )


_SECONDS = frozenset({"retention", "visibility", "delay", "timeout", "event_age", "window", "record_age", "seconds"})
_SKIPPED = frozenset({"resource", "unknown", "name", "definition", "async_config", "verdict", "may_delete"})


def _settings(flow: Flow, item: Node | Edge) -> tuple[tuple[str, str], ...]:
    rows: list[tuple[str, str]] = []
    if item.resource is not None:
        rows.append(("type", item.resource.type))
    for one in fields(item):
        value = getattr(item, one.name)
        if one.name in _SKIPPED:
            continue
        if value is None:
            if one.name in item.unknown:
                rows.append((one.name, "cannot be told"))
        elif not (isinstance(value, str | tuple) and not value):
            rows.append((one.name, _value(flow, one.name, value)))
    return tuple((name.replace("_", " "), clean(text)) for name, text in rows)


def _value(flow: Flow, name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        if value == -1 and name in ("retries", "record_age"):
            return "until the record expires"
        return duration(value) if name in _SECONDS else f"{value:,}"
    if name in ("source", "target"):
        return flow.name(value)
    return _text(value)


def _text(value: Any) -> str:
    """A document of a template in one line; what was not resolved reads as its own text."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key}: {_text(value[key])}" for key in sorted(value, key=str))
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(one) for one in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _alarms(flow: Flow) -> dict[str, list[tuple[str, str]]]:
    """What the alarms on a node come to, by its id."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for alarm in flow.alarms.values():
        acts = {True: "acts", False: "TELLS NOBODY", None: "its action cannot be told"}[alarm.acts]
        if alarm.acts is False and alarm.fires is not False and alarm.why:
            acts = f"CANNOT TELL: {alarm.why}"
        fires = f"; does not fire: {alarm.why}" if alarm.fires is False else ""
        for metric in alarm.metrics:
            for key in dict.fromkeys(value for _, value in metric.dimensions):
                row = ("alarm", clean(f"{alarm.name} on {metric.name}, {acts}{fires}"))
                rows.setdefault(key, []).append(row)
    return rows


def _loops(flow: Flow) -> dict[str, str]:
    """For each link in a cycle, the words that say so; the worst ones where it stands in several."""
    words: dict[str, str] = {}
    for loop in sorted(loops(flow), key=lambda loop: (not loop.stopped, loop.certain)):
        said = "loop, Lambda stops it" if loop.stopped else "LOOP, nothing stops it"
        words.update(dict.fromkeys(loop.edges, said if loop.certain else f"likely {said}"))
    return words


def _arrow(flow: Flow, edge: Edge, source: str, target: str, keys: _Keys, loop: str) -> Arrow:
    line = {Way.FAILURE: Line.DASHED, Way.LIKELY: Line.DOTTED}.get(edge.way, Line.SOLID)
    label = ", ".join(filter(None, (label_of(flow, edge), loop)))
    permission = edge.verdict.answer.value + (f": {edge.verdict.why}" if edge.verdict.why else "")
    return Arrow(
        key=keys.of("edge", edge.id),
        source=source,
        target=target,
        label=clean(label, LONGEST) if label else "",
        line=line,
        barred=edge.verdict.denied or edge.enabled is False,
        notes=(("link", edge.kind), *_settings(flow, edge), ("permission", clean(permission))),
    )


def _draw_losses(
    flow: Flow, fates: Sequence[Fate], boxes: Mapping[str, Box], keys: _Keys, drawn: list[Box], arrows: list[Arrow]
) -> None:
    """One LOST box beside every node where messages are lost, one arrow for each outcome."""
    places: dict[str, dict[Outcome, list[Fate]]] = {}
    for fate in fates:
        if fate.lost:
            places.setdefault(_origin(flow, fate), {}).setdefault(fate.outcome, []).append(fate)
    for origin in sorted(places):
        near = boxes[origin]
        lost = [fate for group in places[origin].values() for fate in group]
        heard = {True: "an alarm tells", False: "nobody is told"}
        told = {fate.told for fate in lost}
        box = Box(
            key=keys.of("lost", near.key),
            shape="lost",
            kind="",
            title="LOST",
            facts=(heard[told.pop()] if len(told) == 1 else "alarms tell of some",),
            group=near.group,
            ends=tuple(dict.fromkeys(_sentence(flow, fate) for fate in lost)),
        )
        drawn.append(box)
        for outcome, group in sorted(places[origin].items()):
            conditions = sorted({brief(fate.condition) for fate in group}, key=lambda one: (len(one), one))
            more = f" or {len(conditions) - 2} more" if len(conditions) > 2 else ""
            longest = LONGEST if len(conditions) == 1 else LONGEST // 2
            why = " or ".join(clean(one, longest) for one in conditions[:2])
            arrows.append(
                Arrow(
                    key=keys.of("edge", f"{box.key}_{outcome}"),
                    source=near.key,
                    target=box.key,
                    label=f"{outcome}: {why}{more}",
                    line=Line.LOST,
                    notes=tuple(dict.fromkeys(("lost", _sentence(flow, fate)) for fate in group)),
                )
            )
