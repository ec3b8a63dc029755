"""Mermaid text: a flowchart that GitHub and GitLab draw from a fenced block, readable as text as well.

Names come from templates, so none of their characters may mean anything to Mermaid, to its Markdown or to
HTML: all but a few plain ones are written as ``#<code>;``, which Mermaid turns back at the very end.
https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters
"""

import re

from patterns.draw.picture import Arrow, Box, Line, Picture

MOST_EDGES = 500
"""Arrows that Mermaid draws without a setting of its own.
https://mermaid.js.org/config/schema-docs/config-properties-maxedges.html"""

MOST_CHARACTERS = 50_000
"""Characters of text that Mermaid draws without a setting of its own.
https://mermaid.js.org/config/schema-docs/config-properties-maxtextsize.html"""

_SHAPES = {
    "queue": ("[[", "]]"),
    "dead-letters": ("[\\", "/]"),
    "topic": ("([", "])"),
    "bus": ("{{", "}}"),
    "rule": (">", "]"),
    "schedule": (">", "]"),
    "function": ("[", "]"),
    "bucket": ("[(", ")]"),
    "stream": ("[/", "/]"),
    "pipe": ("[", "]"),
    "opaque": ("[", "]"),
    "external": ("(", ")"),
    "lost": ("(((", ")))"),
}

_ARROWS = {Line.SOLID: "--", Line.DASHED: "-.-", Line.DOTTED: "--", Line.LOST: "=="}
_HEADS = {Line.SOLID: ">", Line.DASHED: ">", Line.DOTTED: "o", Line.LOST: ">"}

# Plain: letters and digits of any script, spaces and , . / ( ) … ? ! ' + - and a colon before a space; but not
# what begins a list in Markdown. A colon elsewhere could name an icon (fa:fa-…), or a style to Mermaid's parser.
_MEANS_SOMETHING = re.compile(r"[^\w ,./()…?!':+-]|_|(?<!\w)[+-]|:(?! )|(?<=\d)[.)](?= |$)")

# Formulas and icons are looked for after decoding as well: an invisible word joiner parts their marks.
_MEANS_SOMETHING_DECODED = re.compile(r"(?<=\$)(?=\$)|(?<=:)(?=fa-)")


def as_mermaid(picture: Picture) -> str:
    """A picture as Mermaid flowchart text, ended by a line feed.

    Dashed arrows are taken after a failure, thick ones lead to LOST, a round head marks a link that a
    function's permissions make likely, and a crossed head one that lets nothing through.
    """
    lines = ["flowchart LR"]
    groups = picture.groups
    if len(groups) < 2:
        lines += [_node(box) for box in picture.boxes]
    else:
        lines += [_node(box) for box in picture.boxes if not box.group]
        for number, group in enumerate(groups, 1):
            lines.append(f'  subgraph stack_{number}["{escaped(group)}"]')
            lines += [f"  {_node(box)}" for box in picture.boxes if box.group == group]
            lines.append("  end")
    lines += [_link(arrow) for arrow in picture.arrows]
    for name, style, members in (
        ("lost", "stroke:#c00,stroke-width:4px", [box.key for box in picture.boxes if box.lost]),
        ("dead", "stroke-dasharray:6 3", [box.key for box in picture.boxes if box.shape == "dead-letters"]),
        ("outside", "stroke-dasharray:2 2", [box.key for box in picture.boxes if box.shape == "external"]),
    ):
        if members:
            lines += [f"  classDef {name} {style}", f"  class {','.join(members)} {name}"]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that Mermaid shows as it is, whatever it holds."""
    text = _MEANS_SOMETHING_DECODED.sub("\u2060", text)
    return _MEANS_SOMETHING.sub(lambda found: f"#{ord(found.group())};", text)


def _node(box: Box) -> str:
    opening, closing = _SHAPES[box.shape]
    text = "<br/>".join(escaped(line) for line in (box.kind, box.title, *box.facts) if line)
    return f'  {box.key}{opening}"{text}"{closing}'


def _link(arrow: Arrow) -> str:
    body = _ARROWS[arrow.line]
    head = "x" if arrow.barred else _HEADS[arrow.line]
    label = f'|"{escaped(arrow.label)}"|' if arrow.label else ""
    return f"  {arrow.source} {body}{head}{label} {arrow.target}"
