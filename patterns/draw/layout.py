"""Where boxes and arrows go: layers from left to right, in the manner of Sugiyama, Tagawa and Toda.

Each connected part is laid out alone: cycles are opened, boxes get a layer, long arrows and labels get places
of their own in the layers between (so nothing is ever drawn over a label), layers are sorted so that few
arrows cross, and heights are chosen so that arrows run straight. Then the parts are packed, those of the same
stacks inside one frame. Everything is plain arithmetic in a fixed order: the same input, the same drawing.
Why not a library: docs/decisions/0003-own-layout.md.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt

GAP = 30.0
"""Space between layers, in pixels; it grows with the steepest arrow between them."""
STEEPEST = 120.0
BETWEEN_BOXES = 22.0
BETWEEN_ARROWS = 10.0
BETWEEN_PARTS = 48.0
TITLE = 30.0
ROUNDS = 16
"""How often layers are sorted, and heights evened out; a part with very many places gets fewer rounds."""
PLACES = 200_000

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow to route; ``label`` is the size of its words, zeros for none."""

    key: str
    source: str
    target: str
    label: Size = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    width: float
    height: float

    def moved(self, dx: float, dy: float) -> "Rect":
        return Rect(self.x + dx, self.y + dy, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Route:
    """The way of an arrow. Between an even and the next odd point it runs level, else in a curve.

    Attributes:
        points: from the source to the target.
        label: the centre of its words.
        loop: whether it leads back to its own box: four points of one curve.
    """

    points: tuple[tuple[float, float], ...]
    label: tuple[float, float]
    loop: bool = False

    def moved(self, dx: float, dy: float) -> "Route":
        points = tuple((x + dx, y + dy) for x, y in self.points)
        return Route(points, (self.label[0] + dx, self.label[1] + dy), self.loop)


@dataclass(slots=True)
class Layout:
    """A drawing: every box and arrow by key, the frames with their titles, and the size of the whole."""

    boxes: dict[str, Rect] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)
    frames: list[tuple[str, Rect]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def take(self, part: "Layout", dx: float, dy: float) -> None:
        """Add another drawing at a place."""
        self.boxes.update({key: one.moved(dx, dy) for key, one in part.boxes.items()})
        self.routes.update({key: one.moved(dx, dy) for key, one in part.routes.items()})
        self.frames.extend((title, one.moved(dx, dy)) for title, one in part.frames)


def lay_out(sizes: Mapping[str, Size], links: Sequence[Link], groups: Mapping[str, str]) -> Layout:
    """Lay out a whole picture.

    Args:
        sizes: width and height of every box.
        links: the arrows.
        groups: the stack of every box. Parts that touch the same stacks share a frame; with fewer than two
            stacks there are no frames.
    """
    framed: dict[tuple[str, ...], list[Layout]] = {}
    for keys, inside in parts_of(sizes, links):
        stacks = tuple(sorted({groups[key] for key in keys} - {""}))
        framed.setdefault(stacks, []).append(_Part(keys, sizes, inside).drawn())
    frames = len({group for group in groups.values() if group}) > 1
    packed = []
    for stacks, parts in sorted(framed.items()):
        inner = _pack(parts)
        if frames and stacks:
            more = [f"{len(stacks) - 3} more"] if len(stacks) > 4 else []
            inner = _frame(" + ".join([*stacks[: 3 if more else 4], *more]), inner)
        packed.append(inner)
    return _pack(packed)


def _frame(title: str, inner: Layout) -> Layout:
    outer = Layout(width=max(inner.width, 8.0 * len(title)) + TITLE, height=inner.height + 1.5 * TITLE)
    outer.frames.append((title, Rect(0, 0, outer.width, outer.height)))
    outer.take(inner, TITLE / 2, TITLE)
    return outer


def _pack(parts: Iterable[Layout]) -> Layout:
    """Parts in rows, tall ones first, in about the shape of a screen."""
    ordered = sorted(parts, key=lambda part: -part.height)
    area = sum((part.width + BETWEEN_PARTS) * (part.height + BETWEEN_PARTS) for part in ordered)
    widest = max([sqrt(area * 1.8), *(part.width for part in ordered)])
    whole = Layout()
    x = y = row = 0.0
    for part in ordered:
        if x and x + part.width > widest:
            x, y, row = 0.0, y + row + BETWEEN_PARTS, 0.0
        whole.take(part, x, y)
        x, row = x + part.width + BETWEEN_PARTS, max(row, part.height)
        whole.width = max(whole.width, x - BETWEEN_PARTS)
        whole.height = y + row
    return whole


def parts_of(keys: Iterable[str], links: Sequence[Link]) -> Iterable[tuple[list[str], list[Link]]]:
    """The connected parts, by their first box; boxes and links in the order given."""
    near: dict[str, list[str]] = {key: [] for key in keys}
    for link in links:
        near[link.source].append(link.target)
        near[link.target].append(link.source)
    part_of: dict[str, str] = {}
    for first in near:
        if first not in part_of:
            waiting = [first]
            part_of[first] = first
            while waiting:
                for other in near[waiting.pop()]:
                    if other not in part_of:
                        part_of[other] = first
                        waiting.append(other)
    found: dict[str, tuple[list[str], list[Link]]] = {}
    for key in near:
        found.setdefault(part_of[key], ([], []))[0].append(key)
    for link in links:
        found[part_of[link.source]][1].append(link)
    return found.values()


class _Part:
    """One connected part. Items are boxes, then the places that arrows pass; each stands in a layer."""

    def __init__(self, keys: list[str], sizes: Mapping[str, Size], links: list[Link]) -> None:
        self.keys = keys
        self.sizes = sizes
        self.links = [link for link in links if link.source != link.target]
        self.loops: dict[str, list[Link]] = {}
        for link in links:
            if link.source == link.target:
                self.loops.setdefault(link.source, []).append(link)
        self.item = {key: number for number, key in enumerate(keys)}
        self.box_of = dict(enumerate(keys))
        self.width: list[float] = []
        self.height: list[float] = []
        for key in keys:
            width, height = sizes[key]
            loops = self.loops.get(key, ())
            self.width.append(max([width, *(link.label[0] for link in loops)]))
            self.height.append(height + 2 * self._above(key))
        self.layers: list[list[int]] = []
        self.chains: dict[str, list[int]] = {}
        self.turned: set[str] = set()
        self.left: dict[int, list[int]] = {}
        self.right: dict[int, list[int]] = {}

    def _above(self, key: str) -> float:
        """The space that a box needs above it (and, to stay in the middle, below it) for its loops."""
        return sum(link.label[1] + 28.0 for link in self.loops.get(key, ()))

    def drawn(self) -> Layout:
        rank = self._ranks()
        self._make_layers(rank)
        self._sort_layers()
        middles = self._heights()
        return self._geometry(middles)

    def _rounds(self) -> int:
        return max(2, min(ROUNDS, PLACES // len(self.width)))

    # --- layers --------------------------------------------------------------------------------------

    def _ranks(self) -> dict[str, int]:
        """A layer for each box, so that every arrow but the turned ones goes to the right."""
        out: dict[str, list[Link]] = {key: [] for key in self.keys}
        entered: set[str] = set()
        for link in self.links:
            out[link.source].append(link)
            entered.add(link.target)
        state: dict[str, int] = {}
        finished: list[str] = []
        for root in [key for key in self.keys if key not in entered] + self.keys:
            if root in state:
                continue
            state[root] = 1
            stack = [(root, iter(out[root]))]
            while stack:
                key, following = stack[-1]
                link = next(following, None)
                if link is None:
                    state[key] = 2
                    finished.append(key)
                    stack.pop()
                elif state.get(link.target) == 1:
                    self.turned.add(link.key)
                elif link.target not in state:
                    state[link.target] = 1
                    stack.append((link.target, iter(out[link.target])))
        forward: dict[str, list[str]] = {key: [] for key in self.keys}
        behind: set[str] = set()
        for link in self.links:
            source, target = self._ends(link)
            forward[source].append(target)
            behind.add(target)
        # Turning the arrows that lead back in a depth-first search leaves the order in which it ended acyclic.
        rank = dict.fromkeys(self.keys, 0)
        for key in reversed(finished):
            for other in forward[key]:
                rank[other] = max(rank[other], rank[key] + 1)
        for key in finished:
            if key not in behind and forward[key]:
                rank[key] = min(rank[other] for other in forward[key]) - 1
        return rank

    def _ends(self, link: Link) -> tuple[str, str]:
        return (link.target, link.source) if link.key in self.turned else (link.source, link.target)

    def _make_layers(self, rank: Mapping[str, int]) -> None:
        """Boxes in even layers; every arrow gets a place in each layer that it crosses, its words in the first."""
        self.layers = [[] for _ in range(2 * max(rank.values()) + 1)]
        for key in self.keys:
            self.layers[2 * rank[key]].append(self.item[key])
        for link in self.links:
            source, target = self._ends(link)
            first, last = 2 * rank[source] + 1, 2 * rank[target]
            said = last - 1 if link.key in self.turned else first
            chain = [self.item[source]]
            for layer in range(first, last):
                width, height = link.label if layer == said else (0.0, 0.0)
                chain.append(len(self.width))
                self.layers[layer].append(len(self.width))
                self.width.append(width)
                self.height.append(height)
            chain.append(self.item[target])
            self.chains[link.key] = chain
            for one, other in pairwise(chain):
                self.right.setdefault(one, []).append(other)
                self.left.setdefault(other, []).append(one)

    # --- order within layers -------------------------------------------------------------------------

    def _sort_layers(self) -> None:
        best = [list(layer) for layer in self.layers]
        fewest = self._crossings()
        for turn in range(self._rounds()):
            if not fewest:
                break
            rightwards = turn % 2 == 0
            near = self.left if rightwards else self.right
            at: dict[int, float] = {}
            for layer in self.layers if rightwards else reversed(self.layers):
                wanted: dict[int, float] = {}
                for place, item in enumerate(layer):
                    places = [at[other] for other in near.get(item, ())]
                    wanted[item] = sum(places) / len(places) if places else (place + 0.5) / len(layer)
                layer.sort(key=wanted.__getitem__)
                at.update({item: (place + 0.5) / len(layer) for place, item in enumerate(layer)})
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _crossings(self) -> int:
        """How many pairs of arrows cross, over all neighbouring layers."""
        count = 0
        for one, other in pairwise(self.layers):
            place = {item: number for number, item in enumerate(other)}
            seen: list[int] = []
            for item in one:
                ends = sorted(place[target] for target in self.right.get(item, ()))
                count += sum(len(seen) - bisect_right(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return count

    # --- heights -------------------------------------------------------------------------------------

    def _heights(self) -> dict[int, float]:
        """The middle of every item: near the mean of its neighbours, in order, and never overlapping."""
        middle: dict[int, float] = {}
        for layer in self.layers:
            place = 0.0
            for item in layer:
                middle[item] = place + self.height[item] / 2
                place += self.height[item] + self._room(item)
        for turn in range(self._rounds()):
            layers = self.layers if turn % 2 == 0 else self.layers[::-1]
            for layer in layers:
                wanted = []
                for item in layer:
                    near = [*self.left.get(item, ()), *self.right.get(item, ())]
                    weights = [4.0 if item not in self.box_of and one not in self.box_of else 1.0 for one in near]
                    total = sum(weights)
                    mean = sum(middle[one] * weight for one, weight in zip(near, weights, strict=True))
                    wanted.append(mean / total if near else middle[item])
                for item, place in zip(layer, self._apart(layer, wanted), strict=True):
                    middle[item] = place
        return middle

    def _room(self, item: int) -> float:
        return BETWEEN_BOXES if item in self.box_of else BETWEEN_ARROWS

    def _apart(self, layer: list[int], wanted: list[float]) -> list[float]:
        """The places nearest to those wanted (least squares) that leave room between: pooled violators."""
        offsets = [0.0]
        for one, other in pairwise(layer):
            room = max(self._room(one), self._room(other))
            offsets.append(offsets[-1] + (self.height[one] + self.height[other]) / 2 + room)
        pools: list[tuple[float, int]] = []
        for place, offset in zip(wanted, offsets, strict=True):
            mean, count = place - offset, 1
            while pools and pools[-1][0] > mean:
                other, size = pools.pop()
                mean, count = (mean * count + other * size) / (count + size), count + size
            pools.append((mean, count))
        flat = [mean for mean, count in pools for _ in range(count)]
        return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]

    # --- geometry ------------------------------------------------------------------------------------

    def _geometry(self, middle: dict[int, float]) -> Layout:
        top = min(middle[item] - self.height[item] / 2 for layer in self.layers for item in layer)
        middle = {item: place - top for item, place in middle.items()}
        spans = self._columns(middle)
        drawn = Layout(
            width=spans[-1][1],
            height=max(middle[item] + self.height[item] / 2 for layer in self.layers for item in layer),
        )
        column = {item: span for layer, span in zip(self.layers, spans, strict=True) for item in layer}
        for key in self.keys:
            item = self.item[key]
            width, height = self.sizes[key]
            left, right = column[item]
            drawn.boxes[key] = Rect((left + right - width) / 2, middle[item] - height / 2, width, height)
            drawn.routes.update(self._loop_routes(key, drawn.boxes[key]))
        leaves, arrives = self._ports(drawn.boxes, middle)
        for link in self.links:
            source, target = self._ends(link)
            chain = self.chains[link.key]
            points: list[tuple[float, float]] = [
                (drawn.boxes[source].x + drawn.boxes[source].width, leaves[link.key]),
                (column[chain[0]][1], leaves[link.key]),
            ]
            label = (0.0, 0.0)
            for item in chain[1:-1]:
                left, right = column[item]
                points += [(left, middle[item]), (right, middle[item])]
                if self.width[item] or not label[0]:
                    label = ((left + right) / 2, middle[item])
            points += [(column[chain[-1]][0], arrives[link.key]), (drawn.boxes[target].x, arrives[link.key])]
            if link.key in self.turned:
                points.reverse()
            drawn.routes[link.key] = Route(tuple(points), label)
        return drawn

    def _columns(self, middle: Mapping[int, float]) -> list[tuple[float, float]]:
        spans: list[tuple[float, float]] = []
        x = 0.0
        for number, layer in enumerate(self.layers):
            if number:
                steep = max(
                    (abs(middle[one] - middle[item]) for item in layer for one in self.left.get(item, ())), default=0.0
                )
                x += GAP + min(steep / 6, STEEPEST)
            width = max((self.width[item] for item in layer), default=0.0)
            spans.append((x, x + width))
            x += width
        return spans

    def _ports(
        self, boxes: Mapping[str, Rect], middle: Mapping[int, float]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Where arrows leave and arrive: spread over the side of a box, in the order of where they go."""
        leaving: dict[str, list[tuple[float, str]]] = {}
        arriving: dict[str, list[tuple[float, str]]] = {}
        for link in self.links:
            source, target = self._ends(link)
            chain = self.chains[link.key]
            leaving.setdefault(source, []).append((middle[chain[1]], link.key))
            arriving.setdefault(target, []).append((middle[chain[-2]], link.key))
        return _spread(boxes, leaving), _spread(boxes, arriving)

    def _loop_routes(self, key: str, box: Rect) -> Iterable[tuple[str, Route]]:
        up = 0.0
        for link in self.loops.get(key, ()):
            up += link.label[1] + 28.0
            left, right = box.x + box.width * 0.3, box.x + box.width * 0.7
            high = box.y - (up - link.label[1]) * 1.2
            points = ((left, box.y), (left, high), (right, high), (right, box.y))
            yield link.key, Route(points, (box.x + box.width * 0.5, box.y - up + link.label[1] / 2), loop=True)


def _spread(boxes: Mapping[str, Rect], ends: Mapping[str, list[tuple[float, str]]]) -> dict[str, float]:
    places: dict[str, float] = {}
    for box, links in ends.items():
        rect = boxes[box]
        for number, (_, key) in enumerate(sorted(links), 1):
            places[key] = rect.y + rect.height * number / (len(links) + 1)
    return places
