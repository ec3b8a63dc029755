"""An SVG that stands alone: no script, no font, no address of anything; light or dark as the reader's screen is."""

import html
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from math import ceil, sqrt
from textwrap import wrap

from patterns.draw.layout import Layout, Link, Rect, Route, Size, lay_out, parts_of
from patterns.draw.picture import Arrow, Box, Line, Picture
from patterns.draw.words import clean

LINE = 16.0
"""Pixels from one line of text to the next."""
LETTER = 7.0
"""Pixels of an average letter, generous: no browser measures text here."""
MARGIN = 24.0
TITLE_LETTERS = 34
LABEL_LETTERS = 28

_UNIT = re.compile(r"(?<=\d) (?=(?:d|h|min|s)\b)")
"""The space between a number and its unit, where no line may end."""

STYLE = """
.picture { --paper: #fff; --ink: #1b1f24; --soft: #59636e; --fill: #f3f5f8; --loss: #b3001b; --frame: #b6bec8;
  color-scheme: light dark; font: 12px/16px system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
@media (prefers-color-scheme: dark) {
  .picture { --paper: #12161b; --ink: #e8ecf1; --soft: #9aa6b2; --fill: #1f262e; --loss: #ff7084; --frame: #4a5561; }
}
.picture .paper { fill: var(--paper); }
.picture text { fill: var(--ink); text-anchor: middle; }
.picture .kind, .picture .fact { fill: var(--soft); font-size: 11px; }
.picture .title { font-weight: 600; }
.picture .loud { fill: var(--ink); font-weight: 700; }
.picture .shape { fill: var(--fill); stroke: var(--ink); stroke-width: 1.2; }
.picture .dead-letters .shape { stroke-dasharray: 7 3; stroke-width: 1.6; }
.picture .external .shape { stroke-dasharray: 2 3; }
.picture .lost .shape { fill: var(--paper); stroke: var(--loss); stroke-width: 3; }
.picture .lost .title { fill: var(--loss); font-size: 17px; font-weight: 800; letter-spacing: 1px; }
.picture .way { fill: none; stroke: var(--soft); stroke-width: 1.3; }
.picture .dashed .way { stroke-dasharray: 7 4; stroke: var(--ink); }
.picture .dotted .way { stroke-dasharray: 1.5 4; stroke-linecap: round; stroke-width: 2; }
.picture .arrow.lost .way { stroke: var(--loss); stroke-width: 3.2; }
.picture .behind { fill: var(--paper); }
.picture .label { font-size: 11px; }
.picture .arrow.lost .label { font-weight: 600; }
.picture .frame { fill: none; stroke: var(--frame); }
.picture .stack { fill: var(--soft); font-weight: 600; text-anchor: start; }
.picture .head { fill: var(--ink); stroke: none; }
.picture .head.open { fill: none; stroke: var(--ink); stroke-width: 1.6; }
.picture .head.loss { fill: var(--loss); }
"""

_MARKERS = """<defs>
<marker id="head-go" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse"
 orient="auto"><path class="head" d="M0 1L10 5L0 9z"/></marker>
<marker id="head-maybe" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="10" markerHeight="10"
 markerUnits="userSpaceOnUse" orient="auto"><circle class="head open" cx="5" cy="5" r="3.6"/></marker>
<marker id="head-barred" viewBox="0 0 12 12" refX="10" refY="6" markerWidth="14" markerHeight="14"
 markerUnits="userSpaceOnUse" orient="auto"><path class="head open" d="M1 1L10 11M10 1L1 11"/></marker>
<marker id="head-loss" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="15" markerHeight="15"
 markerUnits="userSpaceOnUse" orient="auto"><path class="head loss" d="M0 0L10 5L0 10z"/></marker>
</defs>"""

_HEADS = {Line.SOLID: "go", Line.DASHED: "go", Line.DOTTED: "maybe", Line.LOST: "loss"}


def as_svg(picture: Picture) -> str:
    """A picture as one SVG document, ended by a line feed."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawing(picture, style=STYLE)}\n'


def drawing(picture: Picture, style: str = "") -> str:
    """The ``svg`` element.

    Args:
        picture: what to draw.
        style: rules to put inside; empty where the page around it has them.
    """
    words = {one.key: wrap(_UNIT.sub("\u00a0", one.label), LABEL_LETTERS) for one in picture.arrows}
    links = [Link(one.key, one.source, one.target, _label_size(words[one.key])) for one in picture.arrows]
    groups = {box.key: clean(box.group, TITLE_LETTERS) if box.group else "" for box in picture.boxes}
    crossing = {
        key for keys, _ in parts_of(groups, links) if len({groups[key] for key in keys} - {""}) > 1 for key in keys
    }
    lines = {box.key: _lines(box, groups[box.key] if box.key in crossing else "") for box in picture.boxes}
    layout = lay_out({box.key: _box_size(box, lines[box.key]) for box in picture.boxes}, links, groups)
    width, height = ceil(layout.width + 2 * MARGIN), ceil(layout.height + 2 * MARGIN)
    shapes = {box.key: box.shape for box in picture.boxes}
    lost = sum(box.lost for box in picture.boxes)
    title = f"Message flow: {len(picture.boxes) - lost} places, {lost} of them lose messages"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{title}">',
        f"<style>{style}</style>" if style else "",
        _MARKERS,
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<g id="drawing" transform="translate({MARGIN:g} {MARGIN:g})">',
        *_frames(layout),
        *(_arrow(one, _to_outlines(one, layout, shapes), words[one.key]) for one in picture.arrows),
        *(_box(one, layout.boxes[one.key], lines[one.key]) for one in picture.boxes),
        "</g>",
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def _lines(box: Box, stack: str) -> list[tuple[str, str]]:
    """The lines of text in a box, each with its class; the stack where an arrow joins it with another stack."""
    kind = f"{box.kind} in {stack}" if stack and box.kind else box.kind
    lines = [("kind", one) for one in wrap(kind, TITLE_LETTERS)]
    lines += [("title", one) for one in wrap(clean(box.title, 3 * TITLE_LETTERS), TITLE_LETTERS)]
    for fact in box.facts:
        loud = fact == "NO ALARM" or fact == "OFF" or fact.startswith("BROKEN") or box.lost
        lines += [("loud" if loud else "fact", one) for one in wrap(fact, TITLE_LETTERS)]
    return lines


def _length(text: str) -> float:
    return sum(map(_width, text)) * LETTER


@cache
def _width(letter: str) -> float:
    """How much wider than an average letter it is."""
    if unicodedata.east_asian_width(letter) in "WF":
        return 2.0
    if letter in "MWmw@%":
        return 1.75
    return 1.35 if letter.isupper() else 1.0


def _box_size(box: Box, lines: list[tuple[str, str]]) -> Size:
    width = max(_length(text) for _, text in lines)
    height = LINE * len(lines)
    slack = {"dead-letters": 64, "stream": 52, "bus": 48, "topic": 40, "rule": 44, "schedule": 44, "lost": 40}
    return max(width + slack.get(box.shape, 28), 90.0), height + {"lost": 34, "bucket": 30}.get(box.shape, 18)


def _label_size(lines: list[str]) -> Size:
    return (max(_length(one) for one in lines) + 8, LINE * len(lines) + 2) if lines else (0.0, 0.0)


def _frames(layout: Layout) -> list[str]:
    drawn = []
    for title, one in layout.frames:
        drawn.append(f'<rect class="frame" {_rect(one)} rx="6"/>')
        drawn.append(f'<text class="stack" x="{one.x + 12:g}" y="{one.y + 20:g}">{html.escape(title)}</text>')
    return drawn


def _rect(one: Rect) -> str:
    return f'x="{one.x:.1f}" y="{one.y:.1f}" width="{one.width:.1f}" height="{one.height:.1f}"'


def _to_outlines(arrow: Arrow, layout: Layout, shapes: Mapping[str, str]) -> Route:
    """The way of an arrow, led on to the outlines of its boxes where these stand back from their sides."""
    route = layout.routes[arrow.key]
    if route.loop:
        return route
    (x, y), *inner, (to_x, to_y) = route.points
    one, other = layout.boxes[arrow.source], layout.boxes[arrow.target]
    right = x > one.x + one.width / 2
    x += _inset(shapes[arrow.source], one, y, right) * (-1 if right else 1)
    right = to_x > other.x + other.width / 2
    to_x += _inset(shapes[arrow.target], other, to_y, right) * (-1 if right else 1)
    return Route(((x, y), *inner, (to_x, to_y)), route.label)


def _inset(shape: str, place: Rect, y: float, right: bool) -> float:
    """How far the outline of a box stands back from its side at a height."""
    down = (y - place.y) / place.height
    match shape:
        case "dead-letters":
            return 20 * down
        case "stream":
            return 18 * (down if right else 1 - down)
        case "bus":
            return 16 * abs(2 * down - 1)
        case "rule" | "schedule":
            return 16 * abs(2 * down - 1) if right else 0
        case "topic":
            half = place.height / 2
            return half - sqrt(half**2 - (y - place.y - half) ** 2)
        case "lost":
            return max(18 - place.height * min(down, 1 - down), 0)
    return 0


def _arrow(arrow: Arrow, route: Route, words: list[str]) -> str:
    head = "barred" if arrow.barred else _HEADS[arrow.line]
    parts = [
        f'<g class="arrow {arrow.line}" id="{arrow.key}" data-from="{arrow.source}" data-to="{arrow.target}">',
        f'<path class="way" d="{_way(route)}" marker-end="url(#head-{head})"/>',
    ]
    if words:
        x, y = route.label
        width, height = _label_size(words)
        parts.append(f'<rect class="behind" {_rect(Rect(x - width / 2, y - height / 2, width, height))} rx="3"/>')
        first = y - LINE * len(words) / 2 + 12
        parts += [_text("label", x, first + LINE * number, text) for number, text in enumerate(words)]
    return "".join([*parts, "</g>"])


def _way(route: Route) -> str:
    (x, y), *others = route.points
    way = [f"M{x:.1f} {y:.1f}"]
    if route.loop:
        return way[0] + "C" + " ".join(f"{a:.1f} {b:.1f}" for a, b in others)
    for number, (to_x, to_y) in enumerate(others):
        if number % 2 == 0:
            if to_x != x:
                way.append(f"H{to_x:.1f}")
        else:
            half = (x + to_x) / 2
            way.append(f"C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    return "".join(way)


def _text(style: str, x: float, y: float, text: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{html.escape(text)}</text>'


def _box(box: Box, place: Rect, lines: list[tuple[str, str]]) -> str:
    x, y = place.x + place.width / 2, place.y + (place.height - LINE * len(lines)) / 2 + 12
    if box.shape == "bucket":
        y += 5
    name = ", ".join(text for text in (box.kind, box.title, *box.facts) if text)
    return "".join(
        [
            f'<g class="box {box.shape}" id="{box.key}" tabindex="-1"><title>{html.escape(name)}</title>',
            *(f'<path class="shape" d="{way}"/>' for way in _outline(box.shape, place)),
            *(_text(style, x, y + LINE * number, text) for number, (style, text) in enumerate(lines)),
            "</g>",
        ]
    )


def _outline(shape: str, place: Rect) -> list[str]:
    """The outline of a kind of box, and lines within it."""
    x, y, right, low = place.x, place.y, place.x + place.width, place.y + place.height
    middle, half = (y + low) / 2, place.height / 2
    match shape:
        case "queue":
            return [_closed((x, y), (right, y), (right, low), (x, low)), f"M{x + 6:.1f} {y:.1f}V{low:.1f}"]
        case "pipe":
            bars = f"M{x + 6:.1f} {y:.1f}V{low:.1f}M{right - 6:.1f} {y:.1f}V{low:.1f}"
            return [_closed((x, y), (right, y), (right, low), (x, low)), bars]
        case "dead-letters":
            return [_closed((x, y), (right, y), (right - 20, low), (x + 20, low))]
        case "stream":
            return [_closed((x + 18, y), (right, y), (right - 18, low), (x, low))]
        case "bus":
            sides = ((right, middle), (right - 16, low), (x + 16, low), (x, middle))
            return [_closed((x + 16, y), (right - 16, y), *sides)]
        case "rule" | "schedule":
            return [_closed((x, y), (right - 16, y), (right, middle), (right - 16, low), (x, low))]
        case "lost":
            return [_octagon(place, 0), _octagon(place, 6)]
        case "topic":
            return [_rounded(place, half)]
        case "external":
            return [_rounded(place, 10)]
        case "bucket":
            arc = f"A{place.width / 2:.1f} 7 0 0"
            body = f"M{x:.1f} {y + 7:.1f}{arc} 1 {right:.1f} {y + 7:.1f}V{low - 7:.1f}{arc} 1 {x:.1f} {low - 7:.1f}z"
            return [body, f"M{x:.1f} {y + 7:.1f}{arc} 0 {right:.1f} {y + 7:.1f}"]
    return [_rounded(place, 3)]


def _closed(*points: tuple[float, float]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "z"


def _octagon(place: Rect, inside: float) -> str:
    x, y = place.x + inside, place.y + inside
    right, low = place.x + place.width - inside, place.y + place.height - inside
    cut = 18 - inside / 2
    return _closed(
        *((x + cut, y), (right - cut, y), (right, y + cut), (right, low - cut)),
        *((right - cut, low), (x + cut, low), (x, low - cut), (x, y + cut)),
    )


def _rounded(place: Rect, radius: float) -> str:
    x, y, right, low = place.x, place.y, place.x + place.width, place.y + place.height
    arc = f"A{radius:.1f} {radius:.1f} 0 0 1"
    return (
        f"M{x + radius:.1f} {y:.1f}H{right - radius:.1f}{arc} {right:.1f} {y + radius:.1f}V{low - radius:.1f}"
        f"{arc} {right - radius:.1f} {low:.1f}H{x + radius:.1f}{arc} {x:.1f} {low - radius:.1f}V{y + radius:.1f}"
        f"{arc} {x + radius:.1f} {y:.1f}z"
    )
