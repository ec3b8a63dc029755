"""The answer to "where can I lose a message?" as text, Markdown or JSON.

The JSON form is described in docs/flow-schema.md; ``VERSION`` changes with it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from patterns.flow.cycles import loops
from patterns.flow.ends import fates, losses, unwatched
from patterns.flow.ends.arriving import is_certain
from patterns.flow.model import Alarm, Edge, External, Fate, Flow, Kept, Loop, Node, Opaque, Outcome, Verdict
from patterns.flow.text import names_of
from patterns.flow.words import duration, on_one_line, span

VERSION = "1.2"

_ENDS = {
    Outcome.PROCESSED: "processed",
    Outcome.OUTSIDE: "leaves these templates",
    Outcome.FILTERED: "filtered out",
    Outcome.DLQ: "in a dead-letter queue",
    Outcome.DESTINATION: "in a failure destination",
    Outcome.EXPIRED: "expires",
    Outcome.DROPPED: "dropped",
    Outcome.REJECTED: "rejected, the sender knows",
    Outcome.BLOCKED: "blocked",
}
_HEADERS = ("when", "how it ends", "where", "after", "tries", "copy kept", "alarm")


# --- text and Markdown -------------------------------------------------------------------------------


def as_report(flow: Flow, markdown: bool = False) -> str:
    """What becomes of every message, in sentences and tables, losses first."""
    names = names_of(flow)
    told = fates(flow)
    lost = losses(flow)
    silent = unwatched(flow)
    page = _Page(markdown)
    page.line(_headline(flow, told, lost, silent))
    if lost:
        page.title("What can be lost")
        for source, found in _by_source(lost).items():
            page.subtitle(f"A message that enters at {_what(flow, source, names)} is lost when")
            for fate in found:
                page.item(_sentence(fate.condition), _loss(fate, names))
    if silent:
        page.title("Kept, but nobody is told")
        refused = _refused(flow)
        for place, found in _by_place(silent).items():
            conditions = list(dict.fromkeys(fate.condition for fate in found))
            page.item(
                f"{names[place]} keeps what failed {_for(found)}, and no alarm with an action watches it.",
                [f"It gets there when {condition}." for condition in conditions[:3]]
                + ([f"And in {len(conditions) - 3} other ways."] if len(conditions) > 3 else [])
                + [f"Its alarm {alarm.name} cannot tell: {alarm.why}." for alarm in refused.get(place, ())],
            )
    if told:
        page.title("Every end")
    if any(fate.unsure for found in told.values() for fate in found):
        page.line("(?) marks what depends on something that could not be told; the last section names it.")
    ordered = sorted(told.items(), key=lambda item: (not any(f.lost for f in item[1]), names[item[0]]))
    for source, found in ordered:
        page.subtitle(_what(flow, source, names, capital=True))
        page.table(_HEADERS, [_row(fate, names) for fate in found])
        for sentence in _arrivals(found, names):
            page.line(sentence)
    cycles = loops(flow)
    if cycles:
        page.title("Loops")
        for cycle in cycles:
            round_trip = " -> ".join(names[n] for n in (*cycle.nodes, cycle.nodes[0]))
            likely = "" if cycle.certain else "Likely only: the function's code decides. "
            page.item(round_trip, [f"{likely}{'Stopped' if cycle.stopped else 'Not stopped'}: {cycle.why}."])
    unsure = _unsure(flow)
    if unsure:
        page.title("What could not be told")
        for note in unsure:
            page.item(note, [])
    return page.text()


def _refused(flow: Flow) -> dict[str, list[Alarm]]:
    """The alarms that would fire and whose action is not let in, by what they look at."""
    found: dict[str, list[Alarm]] = {}
    for alarm in flow.alarms.values():
        if alarm.fires and alarm.why:
            for place in {value for metric in alarm.metrics for _, value in metric.dimensions}:
                found.setdefault(place, []).append(alarm)
    return found


def _headline(flow: Flow, told: Mapping[str, list[Fate]], lost: list[Fate], silent: list[Fate]) -> str:
    """The answer in a sentence or two, no more certain than the answers below it."""
    if not told:
        certain = "No message enters anywhere in these templates"
        return (
            f"{certain}, as far as they tell: the last section names what they leave open."
            if flow.notes
            else f"{certain}."
        )
    doubtful = sum(1 for found in told.values() for fate in found if fate.unsure)
    depend = "1 answer depends" if doubtful == 1 else f"{doubtful:,} answers depend"
    if lost:
        losing, sources = len({fate.source for fate in lost}), len(told)
        who = "The only source" if sources == 1 else f"{losing:,} of {sources:,} sources"
        doubts = f" {depend} on what these templates leave open." if doubtful else ""
        return f"{who} can lose messages, in {'1 way' if len(lost) == 1 else f'{len(lost):,} ways'}.{doubts}"
    where = "1 place" if len(told) == 1 else f"{len(told):,} places"
    doubts = ""
    if doubtful:
        doubts = f", as far as these templates tell: {depend} on what they leave open"
    elif flow.notes:
        doubts = ", as far as these templates tell: the last section names what they leave open"
    places = len({fate.kept.place for fate in silent if fate.kept})
    verb = "is" if places == 1 else "are"
    kept = f" {places} of the places that keep copies {verb} not watched." if places else ""
    return f"Messages enter at {where}. Nothing is lost without a copy{doubts}.{kept}"


def _by_source(found: list[Fate]) -> dict[str, list[Fate]]:
    grouped: dict[str, list[Fate]] = {}
    for fate in found:
        grouped.setdefault(fate.source, []).append(fate)
    return grouped


def _by_place(found: list[Fate]) -> dict[str, list[Fate]]:
    grouped: dict[str, list[Fate]] = {}
    for fate in found:
        if fate.kept:
            grouped.setdefault(fate.kept.place, []).append(fate)
    return dict(sorted(grouped.items()))


_ELSEWHERE = {"sqs": "queue", "sns": "topic", "events": "event bus", "lambda": "function", "s3": "bucket"}


def _what(flow: Flow, key: str, names: Mapping[str, str], capital: bool = False) -> str:
    node = flow.nodes[key]
    if isinstance(node, External):
        noun = "" if names[key].startswith("the ") else f"the {_ELSEWHERE.get(node.service, node.service)} ".lstrip()
        said = f"{noun}{names[key]} (in no template)".replace("the  ", "")
        return said[:1].upper() + said[1:] if capital else said
    kind = node.type.rpartition("::")[2] if isinstance(node, Opaque) and node.type else node.kind
    if names[key].lower().endswith(kind.lower()):
        return names[key]
    if names[key].startswith("the "):
        return f"The {names[key][4:]}" if capital else names[key]
    return f"{kind[:1].upper() + kind[1:] if capital else f'the {kind}'} {names[key]}"


def _sentence(condition: str) -> str:
    return condition + ("" if condition.endswith(".") else ".")


def _loss(fate: Fate, names: Mapping[str, str]) -> list[str]:
    ends = {
        Outcome.EXPIRED: "It expires in {0}",
        Outcome.DROPPED: "It is dropped on the way to {0}" if fate.hop else "It is dropped at {0}",
        Outcome.FILTERED: "It is filtered out at {0}",
    }.get(fate.outcome, "It ends at {0}")
    when = _when(fate)
    lines = [f"{ends.format(names.get(fate.at, fate.at))}{', ' + when if when else ''}, and no copy is left."]
    if fate.remedy:
        lines.append(f"To keep it: {fate.remedy}.")
    lines.append(f"Alarm: {_alarms(fate)}." if fate.alarms else "No alarm with an action tells anybody.")
    if fate.unsure:
        lines.append(f"Depends on what could not be told: {'; '.join(fate.unsure)}.")
    return lines


def _when(fate: Fate) -> str:
    if fate.latest is None:
        return f"{duration(fate.soonest)} or later" if fate.soonest else "at any time"
    if fate.soonest == fate.latest:
        return f"after {duration(fate.soonest)}" if fate.soonest else "at once"
    if fate.soonest:
        return f"{duration(fate.soonest)} to {duration(fate.latest)} after it entered"
    return f"at once or within {duration(fate.latest)}"


def _for(found: list[Fate]) -> str:
    kept = [fate.kept for fate in found if fate.kept]
    if any(k.at_most is None for k in kept):
        return "for a time that no template says"
    at_least = min((k.at_least or 0) for k in kept)
    at_most = max((k.at_most or 0) for k in kept)
    return f"for {duration(at_least)}" if at_least == at_most else f"for {duration(at_least)} to {duration(at_most)}"


def _row(fate: Fate, names: Mapping[str, str]) -> tuple[str, ...]:
    arrives = fate.outcome in (Outcome.PROCESSED, Outcome.OUTSIDE)
    return (
        fate.condition + (" (?)" if fate.unsure else ""),
        ("LOST: " if fate.lost else "") + _ENDS[fate.outcome],
        names.get(fate.at, fate.at),
        "" if arrives else span(fate.soonest, fate.latest),
        "" if arrives or not fate.attempts else f"{fate.attempts:,}",
        _kept(fate.kept, fate, names),
        _alarms(fate) if fate.alarms else "" if arrives or fate.outcome is Outcome.REJECTED else "none",
    )


def _kept(kept: Kept | None, fate: Fate, names: Mapping[str, str]) -> str:
    if kept is None:
        return "" if fate.outcome in (Outcome.PROCESSED, Outcome.OUTSIDE, Outcome.REJECTED) else "no"
    place = "" if kept.place == fate.at else f" in {names.get(kept.place, kept.place)}"
    return (span(kept.at_least, kept.at_most) if kept.at_most is not None else "yes") + place


def _alarms(fate: Fate) -> str:
    return ", ".join(alarm.rpartition("/")[2] for alarm in fate.alarms)


def _arrivals(found: list[Fate], names: Mapping[str, str]) -> Iterator[str]:
    seen: set[str] = set()
    for fate in found:
        if fate.duplicates and fate.path and fate.at not in seen and fate.at != fate.source:
            seen.add(fate.at)
            verb = "reaches" if is_certain(fate.duplicates) else "can reach"
            yield f"It {verb} {names.get(fate.at, fate.at)} {fate.duplicates}; it arrives {fate.order}."


def _unsure(flow: Flow) -> list[str]:
    doubts = {str(doubt) for told in fates(flow).values() for fate in told for doubt in fate.unsure}
    noted = {note.removeprefix("cannot be told: ") for note in flow.notes}
    return list(dict.fromkeys((*flow.notes, *sorted(d for d in doubts if d.removeprefix("the ") not in noted))))


class _Page:
    """Lines of text or Markdown."""

    def __init__(self, markdown: bool) -> None:
        self._markdown = markdown
        self._lines: list[str] = []

    def text(self) -> str:
        return re.sub("\n{3,}", "\n\n", "\n".join(self._lines).strip()) + "\n"

    def line(self, text: str) -> None:
        self._lines.append(self._safe(text))

    def title(self, text: str) -> None:
        self._lines += ["", f"## {text}", ""] if self._markdown else ["", text.upper()]

    def subtitle(self, text: str) -> None:
        self._lines += ["", f"### {self._safe(text)}", ""] if self._markdown else ["", self._safe(text)]

    def item(self, text: str, more: list[str]) -> None:
        if self._markdown:
            self._lines.append(f"- **{self._safe(text)}** " + " ".join(self._safe(line) for line in more))
        else:
            self._lines += [f"  - {self._safe(text)}", *(f"    {self._safe(line)}" for line in more)]

    def table(self, headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        rows = [tuple(self._safe(cell) for cell in row) for row in rows]
        if self._markdown:
            self._lines.append("| " + " | ".join(headers) + " |")
            self._lines.append("|" + " --- |" * len(headers))
            self._lines += ["| " + " | ".join(row) + " |" for row in rows]
            self._lines.append("")
            return
        # The condition is a sentence and stands on a line of its own; the rest is a table.
        widths = [max(len(row[i]) for row in (headers, *rows)) for i in range(1, len(headers))]
        self._lines.append("    " + "  ".join(h.ljust(w) for h, w in zip(headers[1:], widths, strict=True)).rstrip())
        for row in rows:
            cells = "  ".join(cell.ljust(width) for cell, width in zip(row[1:], widths, strict=True))
            self._lines += ["    " + cells.rstrip(), f"        when {row[0]}"]

    def _safe(self, text: str) -> str:
        """Text that stays on its line, and that Markdown takes for text."""
        text = on_one_line(text)
        return text.translate(_MARKS) if self._markdown else text


_MARKS = str.maketrans({mark: "\\" + mark for mark in "\\|*_`<>[]~$&"})


# --- JSON --------------------------------------------------------------------------------------------


def as_document(flow: Flow) -> dict[str, Any]:
    """The whole flow and every fate as a JSON document; see docs/flow-schema.md."""
    told = fates(flow)
    return {
        "version": VERSION,
        "lost": len(losses(flow)),
        "unwatched": len(unwatched(flow)),
        "nodes": [_node(node) for node in flow.nodes.values()],
        "links": [_edge(edge) for edge in flow.edges.values()],
        "alarms": [_alarm(alarm) for alarm in flow.alarms.values()],
        "sources": [{"node": source, "fates": [_fate(fate) for fate in found]} for source, found in told.items()],
        "loops": [_loop(loop) for loop in loops(flow)],
        "notes": list(flow.notes),
    }


_NODE = {"id", "name", "resource", "unknown", "definition", "async_config"}
_EDGE = {"id", "source", "target", "resource", "place", "way", "verdict", "enabled", "unknown"}


def _node(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "kind": node.kind,
        "name": node.name,
        "stack": node.stack,
        "type": node.resource.type if node.resource else None,
        "settings": {f.name: plain(getattr(node, f.name)) for f in fields(node) if f.name not in _NODE},
        "unknown": list(node.unknown),
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "id": edge.id,
        "kind": edge.kind,
        "source": edge.source,
        "target": edge.target,
        "way": str(edge.way),
        "enabled": edge.enabled,
        "permission": _verdict_of(edge.verdict),
        "settings": {f.name: plain(getattr(edge, f.name)) for f in fields(edge) if f.name not in _EDGE},
        "unknown": list(edge.unknown),
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "id": alarm.id,
        "name": alarm.name,
        "acts": alarm.acts,
        "fires": alarm.fires,
        "why": alarm.why,
        "seconds": alarm.seconds,
        "actions": list(alarm.actions),
    }


def _verdict_of(verdict: Verdict) -> dict[str, str]:
    return {"answer": str(verdict.answer), "why": verdict.why}


def _fate(fate: Fate) -> dict[str, Any]:
    kept = fate.kept and {"place": fate.kept.place, "at_least": fate.kept.at_least, "at_most": fate.kept.at_most}
    return {
        "outcome": str(fate.outcome),
        "lost": fate.lost,
        "at": fate.at,
        "hop": fate.hop or None,
        "condition": fate.condition,
        "path": list(fate.path),
        "attempts": fate.attempts,
        "soonest": fate.soonest,
        "latest": fate.latest,
        "kept": kept,
        "remedy": fate.remedy or None,
        "alarms": list(fate.alarms),
        "unsure": list(fate.unsure),
        "duplicates": fate.duplicates or None,
        "order": fate.order or None,
    }


def _loop(loop: Loop) -> dict[str, Any]:
    return {
        "nodes": list(loop.nodes),
        "links": list(loop.edges),
        "certain": loop.certain,
        "stopped": loop.stopped,
        "why": loop.why,
    }


def plain(value: Any) -> Any:
    """A value of the model as JSON: what is not known becomes ``{"unknown": reason}``."""
    if value is None or isinstance(value, bool | int | float | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, Verdict):
        return _verdict_of(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in sorted(value.items(), key=lambda one: str(one[0]))}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return {"unknown": str(value)}
