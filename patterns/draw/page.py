"""One HTML page that needs nothing else: no network, no server. It pans, zooms, searches and shows details.

A content security policy lets nothing run but this page's own script, and nothing load at all.
"""

import base64
import hashlib
import json
from importlib.resources import files

from patterns.draw.picture import Picture
from patterns.draw.svg import STYLE, drawing


def as_page(picture: Picture) -> str:
    """A picture as one HTML document, ended by a line feed."""
    style = STYLE + _part("page.css")
    script = _part("page.js")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Message flow</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Message flow</h1>
<input id="search" type="search" placeholder="Search names and settings" aria-label="Search names and settings">
<span id="count" role="status"></span>
<button id="loss" type="button">Next loss</button>
<button id="in" type="button" aria-label="Zoom in">+</button>
<button id="out" type="button" aria-label="Zoom out">−</button>
<button id="all" type="button">Everything</button>
</header>
<main>
{drawing(picture)}
</main>
<aside aria-live="polite"></aside>
<script type="application/json" id="data">{_data(picture)}</script>
<script>{script}</script>
</body>
</html>
"""


def _part(name: str) -> str:
    return files("patterns.draw").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a policy names an inline part by. https://www.w3.org/TR/CSP3/#grammardef-hash-source"""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(picture: Picture) -> str:
    """What the script shows, as JSON in which nothing can end the element that holds it."""
    document = {
        "boxes": {
            box.key: {
                "title": box.title,
                "kind": box.kind,
                "stack": box.group,
                "facts": box.facts,
                "settings": box.settings,
                "ends": box.ends,
                "lost": box.lost,
            }
            for box in picture.boxes
        },
        "arrows": {
            one.key: {"from": one.source, "to": one.target, "label": one.label, "notes": one.notes}
            for one in picture.arrows
        },
        "notes": picture.notes,
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
