"""A drawing holds every box, arrow and loss, overlaps nothing, and is plain XML whatever the names."""

import random
import re
from itertools import combinations, pairwise
from math import hypot
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.draw import Picture, as_svg, picture_of
from patterns.draw.layout import Layout, Link, Rect, lay_out
from patterns.flow import read_flow
from patterns.flow.model import Delivery, Flow, Function, Rule
from tests.draw._flows import NASTY, drawn, everything, hostile, orders

SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "style", "defs", "marker", "path", "circle", "rect", "g", "title", "text"}
PICTURES = drawn()


def texts(element: ElementTree.Element) -> str:
    return " ".join(one.text or "" for one in element.iter(f"{SVG}text"))


@pytest.mark.parametrize("name", PICTURES)
def test_every_box_and_arrow_has_its_element_with_its_words(name: str) -> None:
    drawn = PICTURES[name]
    root = ElementTree.fromstring(as_svg(drawn))
    groups = {one.get("id"): one for one in root.iter(f"{SVG}g")}
    for box in drawn.boxes:
        group = groups[box.key]
        assert group.get("class") == f"box {box.shape}"
        assert group.findall(f"{SVG}path")
        if len(box.title) < 34:
            assert box.title in texts(group)
        assert ("LOST" in texts(group).split()) is box.lost or "LOST" in box.title
    for arrow in drawn.arrows:
        group = groups[arrow.key]
        assert (group.get("class"), group.get("data-from")) == (f"arrow {arrow.line}", arrow.source)
        assert "".join(texts(group).split()) == "".join(arrow.label.split())
    assert len(groups) == len(drawn.boxes) + len(drawn.arrows) + 1


@pytest.mark.parametrize("name", PICTURES)
def test_a_drawing_has_no_script_no_link_and_no_address(name: str) -> None:
    root = ElementTree.fromstring(as_svg(PICTURES[name]))
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in ALLOWED
        for attribute, value in element.attrib.items():
            assert not attribute.startswith("on")
            assert "href" not in attribute
            assert "url(" not in value or value.startswith("url(#")
    assert "url(" not in (root.findtext(f"{SVG}style") or "")


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_name_is_xml(names: list[str]) -> None:
    ElementTree.fromstring(as_svg(picture_of(hostile(names))))


def test_the_same_flow_in_another_order_is_the_same_drawing() -> None:
    flow = everything()
    nodes, edges = list(flow.nodes.values()), list(flow.edges.values())
    random.Random(7).shuffle(nodes)
    random.Random(8).shuffle(edges)
    assert as_svg(picture_of(Flow.build(nodes, edges))) == as_svg(picture_of(flow))


def test_a_loss_is_told_apart_without_colour() -> None:
    root = ElementTree.fromstring(as_svg(picture_of(orders())))
    lost = [one for one in root.iter(f"{SVG}g") if one.get("class") == "box lost"]
    assert len(lost) == 2
    for one in lost:
        assert texts(one) == "LOST nobody is told"
        outlines = [path.get("d", "").count("L") for path in one.findall(f"{SVG}path")]
        assert outlines == [7, 7]  # two octagons, one inside the other: no other box is drawn so


def test_heads_of_arrows_tell_what_gets_through() -> None:
    drawn = picture_of(everything())
    groups = {one.get("id"): one for one in ElementTree.fromstring(as_svg(drawn)).iter(f"{SVG}g")}
    plain = {"solid": "go", "dashed": "go", "dotted": "maybe", "lost": "loss"}
    for arrow in drawn.arrows:
        head = groups[arrow.key].find(f"{SVG}path")
        assert head is not None
        assert head.get("marker-end") == f"url(#head-{'barred' if arrow.barred else plain[arrow.line]})"


def corners(way: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", way)]


def distance(point: tuple[float, float], one: tuple[float, float], other: tuple[float, float]) -> float:
    """From a point to the stretch between two others."""
    dx, dy = other[0] - one[0], other[1] - one[1]
    along = ((point[0] - one[0]) * dx + (point[1] - one[1]) * dy) / (dx * dx + dy * dy)
    along = min(max(along, 0), 1)
    return hypot(point[0] - one[0] - along * dx, point[1] - one[1] - along * dy)


def test_arrows_begin_and_end_on_outlines_slanted_ones_too() -> None:
    drawn = picture_of(everything())
    groups = {one.get("id"): one for one in ElementTree.fromstring(as_svg(drawn)).iter(f"{SVG}g")}
    shapes = {box.key: box.shape for box in drawn.boxes}
    checked = set()
    for arrow in drawn.arrows:
        if arrow.source == arrow.target:
            continue
        way = groups[arrow.key].findall(f"{SVG}path")[0].get("d", "")
        begin = re.match(r"M([\d.]+) ([\d.]+)", way)
        end = re.search(r"([\d.]+) ([\d.]+)(?:H([\d.]+))?$", way)
        assert begin
        assert end
        ends = [
            (arrow.source, (float(begin[1]), float(begin[2]))),
            (arrow.target, (float(end[3] or end[1]), float(end[2]))),
        ]
        for key, point in ends:
            outline = corners(groups[key].findall(f"{SVG}path")[0].get("d", ""))
            if shapes[key] in ("dead-letters", "stream", "bus", "rule", "schedule", "lost"):
                sides = pairwise([*outline, outline[0]])
                assert min(distance(point, *side) for side in sides) < 0.2, (key, point)
                checked.add(shapes[key])
    assert checked == {"dead-letters", "stream", "bus", "rule", "schedule", "lost"}


def test_a_drawing_of_nothing_is_a_drawing() -> None:
    ElementTree.fromstring(as_svg(Picture((), ())))


def test_a_number_stays_with_its_unit() -> None:
    late = Delivery(id="s", source="r", target="f", attempts=10_000, seconds=93_600)
    nodes = [Rule(id="r", name="R", expression="rate(1 day)"), Function(id="f", name="F")]
    text = as_svg(picture_of(Flow.build(nodes, [late])))
    assert ">10,000 attempts in 1\u00a0d 2\u00a0h<" in text


def test_an_arrow_between_stacks_makes_boxes_say_their_stack() -> None:
    text = as_svg(picture_of(everything()))
    assert ">function in Front<" in text
    assert ">Back + Front<" in text
    assert ">Kinesis stream<" in text


# --- layout ----------------------------------------------------------------------------------------


def overlaps(one: Rect, other: Rect) -> bool:
    return (
        one.x < other.x + other.width - 0.01
        and other.x < one.x + one.width - 0.01
        and one.y < other.y + other.height - 0.01
        and other.y < one.y + one.height - 0.01
    )


def label_rects(layout: Layout, links: list[Link]) -> list[Rect]:
    rects = []
    for link in links:
        (x, y), (width, height) = layout.routes[link.key].label, link.label
        if width:
            rects.append(Rect(x - width / 2, y - height / 2, width, height))
    return rects


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, tuple[float, float]], list[Link], dict[str, str]]:
    count = draw(st.integers(1, 14))
    side = st.floats(20, 200).map(lambda one: round(one, 1))
    sizes = {f"b{number}": (draw(side), draw(side)) for number in range(count)}
    key = st.sampled_from(sorted(sizes))
    label = st.one_of(st.just((0.0, 0.0)), st.tuples(side, side))
    ends = draw(st.lists(st.tuples(key, key, label), max_size=24))
    links = [Link(f"l{number}", *one) for number, one in enumerate(ends)]
    return sizes, links, {one: draw(st.sampled_from(["", "A", "B"])) for one in sizes}


@given(graphs())
def test_boxes_and_labels_never_overlap_and_all_lies_inside(
    graph: tuple[dict[str, tuple[float, float]], list[Link], dict[str, str]],
) -> None:
    sizes, links, groups = graph
    layout = lay_out(sizes, links, groups)
    assert layout.boxes.keys() == sizes.keys()
    assert layout.routes.keys() == {link.key for link in links}
    everything = [*layout.boxes.values(), *label_rects(layout, links)]
    for one, other in combinations(everything, 2):
        assert not overlaps(one, other)
    for one in everything:
        assert -0.01 <= one.x <= one.x + one.width <= layout.width + 0.01
        assert -0.01 <= one.y <= one.y + one.height <= layout.height + 0.01
    for one, other in combinations([rect for _, rect in layout.frames], 2):
        assert not overlaps(one, other)


@given(graphs())
def test_arrows_end_at_their_boxes_and_cross_no_other(
    graph: tuple[dict[str, tuple[float, float]], list[Link], dict[str, str]],
) -> None:
    sizes, links, groups = graph
    layout = lay_out(sizes, links, groups)
    for link in links:
        route, source, target = layout.routes[link.key], layout.boxes[link.source], layout.boxes[link.target]
        if route.loop:
            assert {y for _, y in (route.points[0], route.points[-1])} == {source.y}
            continue
        for (x, y), box in ((route.points[0], source), (route.points[-1], target)):
            assert min(abs(x - box.x), abs(x - box.x - box.width)) < 0.01
            assert box.y - 0.01 <= y <= box.y + box.height + 0.01
        for number, ((x, y), (to_x, to_y)) in enumerate(pairwise(route.points)):
            if number % 2 == 0:  # the level stretches; between layers stands no box
                assert abs(y - to_y) < 0.01
                stretch = Rect(min(x, to_x), y - 0.005, abs(to_x - x), 0.01)
                crossed = [key for key, box in layout.boxes.items() if overlaps(stretch, box)]
                assert set(crossed) <= {link.source, link.target}


def test_a_tree_has_no_crossings_and_reads_from_left_to_right() -> None:
    links = [Link(f"{one}{other}", one, other) for one, other in ("ab", "ac", "bd", "be", "cf", "cg")]
    layout = lay_out(dict.fromkeys("abcdefg", (80.0, 40.0)), links, dict.fromkeys("abcdefg", ""))
    place = {key: (box.x, box.y) for key, box in layout.boxes.items()}
    assert place["a"][0] < place["b"][0] == place["c"][0] < place["d"][0]
    upper, lower = ("b", "c") if place["b"][1] < place["c"][1] else ("c", "b")
    children = {"b": "de", "c": "fg"}
    assert max(place[one][1] for one in children[upper]) < min(place[one][1] for one in children[lower])


def test_layers_are_sorted_so_that_arrows_do_not_cross() -> None:
    links = [Link("ad", "a", "d"), Link("bc", "b", "c"), Link("xa", "x", "a"), Link("xb", "x", "b")]
    layout = lay_out(dict.fromkeys("xabcd", (80.0, 40.0)), links, dict.fromkeys("xabcd", ""))
    box = layout.boxes
    assert (box["a"].y < box["b"].y) == (box["d"].y < box["c"].y)


def test_a_cycle_is_drawn_with_one_arrow_going_back() -> None:
    links = [Link("ab", "a", "b"), Link("bc", "b", "c"), Link("ca", "c", "a")]
    layout = lay_out(dict.fromkeys("abc", (80.0, 40.0)), links, dict.fromkeys("abc", ""))
    back = [key for key, route in layout.routes.items() if route.points[0][0] > route.points[-1][0]]
    assert back == ["ca"]


def test_names_that_look_like_markup_stay_text() -> None:
    text = as_svg(picture_of(hostile()))
    for name in NASTY:
        if "<script" in name:
            assert name not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_name_in_capitals_stays_inside_its_box() -> None:
    def width(name: str) -> float:
        drawing = as_svg(picture_of(read_flow({"S": {"Resources": {name: {"Type": "AWS::SQS::Queue"}}}})))
        ((first, second),) = re.findall(r'class="shape" d="M([\d.]+) [\d.]+L([\d.]+)', drawing)
        return float(second) - float(first)

    # DejaVu Sans Bold, which browsers take where they have no other: 0.77 em for an average capital.
    assert width("ORDERSDEADLETTERQUEUE") > 21 * 0.77 * 12
    assert width("o" * 21) < width("ORDERSDEADLETTERQUEUE")
