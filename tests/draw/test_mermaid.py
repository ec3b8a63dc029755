"""A Mermaid diagram shows the names it is given, whatever they hold, and is the same text every time."""

import html
import random
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from patterns.draw import as_mermaid, picture_of
from patterns.draw.mermaid import escaped
from patterns.flow.model import Flow
from tests.draw._flows import NASTY, everything, hostile, many, orders

ORDERS = """flowchart LR
  function_Shop_Audit["function<br/>Audit"]
  function_Shop_Handler["function<br/>Handler"]
  lost_function_Shop_Audit((("LOST<br/>nobody is told")))
  lost_topic_Shop_Orders((("LOST<br/>nobody is told")))
  queue_Shop_Failed[\\"dead-letter queue<br/>Work/DeadLetters<br/>keeps 14 d<br/>alarm"/]
  queue_Shop_Inbox[["queue<br/>Work/Inbox"]]
  topic_Shop_Orders(["topic<br/>Orders"])
  queue_Shop_Inbox -.->|"after 5 receives"| queue_Shop_Failed
  queue_Shop_Inbox -->|"batch 10"| function_Shop_Handler
  topic_Shop_Orders -->|"filter on kind"| function_Shop_Audit
  topic_Shop_Orders --> queue_Shop_Inbox
  function_Shop_Audit ==>|"dropped: Audit fails 3 times or Audit cannot be run within 6 h (throttled)"| \
lost_function_Shop_Audit
  topic_Shop_Orders ==>|"dropped: cannot be delivered to Audit or cannot be delivered to Work/Inbox"| \
lost_topic_Shop_Orders
  classDef lost stroke:#c00,stroke-width:4px
  class lost_function_Shop_Audit,lost_topic_Shop_Orders lost
  classDef dead stroke-dasharray:6 3
  class queue_Shop_Failed dead
"""

# What a line may be: this grammar has been drawn by Mermaid 11; names are only ever inside the quotes.
TEXT = r'"(?:[^"<>`$%{}\[\]|\\;\n]|<br/>|[#][0-9]+;)*"'
KEY = r"[A-Za-z0-9_]+"
LINE = re.compile(
    rf"""flowchart\ LR | \ +end | \ +subgraph\ stack_[0-9]+\[{TEXT}\]
    | \ +{KEY}(?: \[\[{TEXT}\]\] | \[\\{TEXT}/\] | \(\[{TEXT}\]\) | \{{\{{{TEXT}\}}\}} | >{TEXT}\] | \[{TEXT}\]
                | \[\({TEXT}\)\] | \[/{TEXT}/\] | \({TEXT}\) | \(\(\({TEXT}\)\)\) )
    | \ +{KEY}\ (?:--|-\.-|==)[>xo](?:\|{TEXT}\|)?\ {KEY}
    | \ +classDef\ (?:lost|dead|outside)\ [a-z0-9:#,\ -]+ | \ +class\ {KEY}(?:,{KEY})*\ (?:lost|dead|outside)""",
    re.VERBOSE,
)


def shown(text: str) -> str:
    """What Mermaid makes of escaped text: it turns ``#<code>;`` into the character, last of all."""
    return html.unescape(re.sub(r"#([0-9]+);", r"&#\1;", text)).replace("\u2060", "")


def test_the_text_of_a_small_flow() -> None:
    assert as_mermaid(picture_of(orders())) == ORDERS


@pytest.mark.parametrize(
    "flow", [orders(), everything(), hostile(), many(90)], ids=["orders", "all", "hostile", "many"]
)
def test_every_line_is_one_that_mermaid_reads_whatever_the_names(flow: Flow) -> None:
    for line in as_mermaid(picture_of(flow)).splitlines():
        assert LINE.fullmatch(line), line


def test_the_same_flow_in_another_order_is_the_same_text() -> None:
    flow = everything()
    nodes, edges = list(flow.nodes.values()), list(flow.edges.values())
    random.Random(7).shuffle(nodes)
    random.Random(8).shuffle(edges)
    assert as_mermaid(picture_of(Flow.build(nodes, edges))) == as_mermaid(picture_of(flow))


def test_heads_of_arrows_tell_what_gets_through() -> None:
    text = as_mermaid(picture_of(everything()))
    assert '  topic_Topic --x|"DENIED"| queue_Queue\n' in text
    assert '  rule_Clock --x|"OFF, ? attempts in ?"| opaque_Machine\n' in text
    assert '  function_Fn --o|"likely: sns#58;Publish"| topic_Topic\n' in text
    assert '  bucket_Bucket -->|"ObjectCreated#58;#42;, prefix in/"| topic_Topic\n' in text


def test_several_stacks_are_frames_and_what_is_outside_stands_outside() -> None:
    text = as_mermaid(picture_of(everything()))
    assert [line.strip() for line in text.splitlines() if "subgraph" in line] == [
        'subgraph stack_1["Back"]',
        'subgraph stack_2["Front"]',
    ]
    assert text.index("external_https_example_com_hook(") < text.index("subgraph")


@pytest.mark.parametrize(
    ("text", "escape"),
    [
        ("Work/Inbox (main), 2.5 h: 10!", "Work/Inbox (main), 2.5 h: 10!"),
        ("dead-letter", "dead-letter"),
        ("日本語 ünïcødé", "日本語 ünïcødé"),
        ('"', "#34;"),
        ("<b>", "#60;b#62;"),
        ("a_b", "a#95;b"),
        ("#35;", "#35;35#59;"),
        ("`${x}`", "#96;#36;#123;x#125;#96;"),
        ("%%{init}", "#37;#37;#123;init#125;"),
        ("1. one", "1#46; one"),
        ("- one", "#45; one"),
        ("$$x$$", "#36;#8288;#36;x#36;#8288;#36;"),
        ("fa:fa-ban", "fa#58;#8288;fa-ban"),
        ("arn:aws", "arn#58;aws"),
    ],
)
def test_what_means_something_to_mermaid_markdown_or_html_is_a_code(text: str, escape: str) -> None:
    assert escaped(text) == escape


@given(st.text(st.characters(exclude_characters="\u2060", exclude_categories=["Cs"])))
@example("".join(NASTY[:10]))
def test_escaped_text_is_shown_as_it_was_and_holds_nothing_that_ends_a_label(text: str) -> None:
    escape = escaped(text)
    assert not re.search(r'["<>`$%{}\[\]|\\*_~&@=^]', escape)
    assert re.fullmatch(r"(?:[^#;]|#[0-9]+;)*", escape)
    if text.isprintable():
        assert shown(escape) == text
