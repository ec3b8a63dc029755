"""The page runs on nobody's server and asks nobody for anything; no name in a template becomes a part of it."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.draw import as_page, picture_of
from tests.draw._flows import NASTY, drawn, hostile, orders

PICTURES = drawn()


class Reader(HTMLParser):
    """What a browser makes of a page: elements with their attributes, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self._in = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = tag if tag in ("script", "style") else ""
        if self._in:
            self.raw.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        assert tag
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in:
            self.raw[-1] = (self._in, self.raw[-1][1] + data)


def data_of(text: str) -> dict[str, Any]:
    return json.loads(Reader(text).raw[1][1])


@pytest.mark.parametrize("name", PICTURES)
def test_a_page_loads_nothing(name: str) -> None:
    read = Reader(as_page(PICTURES[name]))
    for tag, attributes in read.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "a", "base", "form", "image", "use")
        assert not {"src", "href", "xlink:href", "srcset", "action", "style"} & attributes.keys()
        assert not [one for one in attributes if one.startswith("on")]
    code = "".join(text for tag, text in read.raw if tag == "style") + read.raw[-1][1]
    assert not re.search(r"https?:|//[a-z]|@import|url\(|fetch\(|XMLHttpRequest|innerHTML|eval\(", code)


@pytest.mark.parametrize("name", PICTURES)
def test_the_policy_lets_only_the_page_s_own_script_and_style_run(name: str) -> None:
    read = Reader(as_page(PICTURES[name]))
    policy = next(a["content"] for _, a in read.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert [tag for tag, _ in read.raw] == ["style", "script", "script"]
    style, script = (
        base64.b64encode(hashlib.sha256(read.raw[number][1].encode()).digest()).decode() for number in (0, 2)
    )
    assert policy == (f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'")


@pytest.mark.parametrize("name", PICTURES)
def test_no_two_elements_share_an_id(name: str) -> None:
    ids = [attributes["id"] for _, attributes in Reader(as_page(PICTURES[name])).elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_a_page_holds_the_details_of_every_box_and_arrow() -> None:
    drawn = picture_of(orders())
    data = data_of(as_page(drawn))
    assert data["boxes"].keys() == {box.key for box in drawn.boxes}
    assert data["arrows"].keys() == {arrow.key for arrow in drawn.arrows}
    failed = data["boxes"]["queue_Shop_Failed"]
    assert failed["facts"] == ["keeps 14 d", "alarm"]
    assert ["retention", "14 d"] in failed["settings"]
    assert data["boxes"]["lost_topic_Shop_Orders"]["lost"] is True
    assert data["arrows"]["edge_Shop_Mapping"] == {
        "from": "queue_Shop_Inbox",
        "to": "function_Shop_Handler",
        "label": "batch 10",
        "notes": [list(pair) for one in drawn.arrows if one.key == "edge_Shop_Mapping" for pair in one.notes],
    }


def test_names_stay_names() -> None:
    text = as_page(picture_of(hostile()))
    titles = {box["title"] for box in data_of(text)["boxes"].values()}
    assert {"</script><!--", "<script>alert(1)</script><img src=x onerror=alert(1)>", '"quoted"', "end"} <= titles
    assert text.count("<script") == text.count("</script>") == 2
    assert "<!--" not in text
    assert len(NASTY) == len(titles)


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_any_name_leaves_the_page_as_it_is(names: list[str]) -> None:
    read = Reader(as_page(picture_of(hostile(names))))
    plain = Reader(as_page(picture_of(hostile(["Plain"] * len(names)))))
    assert [tag for tag, _ in read.raw] == ["style", "script", "script"]
    assert read.raw[0] == plain.raw[0]
    assert read.raw[2] == plain.raw[2]
    allowed = {tag for tag, _ in plain.elements} | {"style"}
    assert {tag for tag, _ in read.elements} <= allowed
