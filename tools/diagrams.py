"""Renew the diagrams in the READMEs: each is what ``patterns draw`` makes of the template snapshot it names.

A diagram stands between ``<!-- diagram: <template> -->`` and ``<!-- /diagram -->``. Run: ``make docs``.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from patterns.draw import as_mermaid, picture_of
from patterns.flow import read_flow

ROOT = Path(__file__).parent.parent
DIAGRAM = re.compile(r"(<!-- diagram: (?P<template>[^\n]+) -->\n).*?(<!-- /diagram -->)", re.DOTALL)


def readmes() -> Iterator[Path]:
    """Every README of the project, in order."""
    for folder in (".", "patterns", "apps", "docs"):
        depth = "README.md" if folder == "." else "**/*.md"
        yield from sorted((ROOT / folder).glob(depth))


def renewed(text: str) -> str:
    """A README's text with its diagrams drawn anew."""
    return DIAGRAM.sub(_drawn, text)


def _drawn(found: re.Match[str]) -> str:
    flow = read_flow(ROOT / found["template"])
    return f"{found[1]}```mermaid\n{as_mermaid(picture_of(flow))}```\n{found[3]}"


if __name__ == "__main__":
    for readme in readmes():
        before = readme.read_text(encoding="utf-8")
        after = renewed(before)
        if after != before:
            readme.write_text(after, encoding="utf-8")
            print(f"renewed {readme.relative_to(ROOT)}")
