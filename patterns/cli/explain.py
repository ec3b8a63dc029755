"""``patterns explain``: what becomes of every message, and what can be lost."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from patterns.cli._io import printable
from patterns.cli._templates import Parameters, Sources, read


class Format(StrEnum):
    """How the answer is printed."""

    text = "text"
    markdown = "markdown"
    json = "json"


_Format = Annotated[Format, typer.Option("--format", help="How to print the answer.")]


def explain(sources: Sources, fmt: _Format = Format.text, parameter: Parameters = None) -> None:
    """Say where every message can end, losses first. Exit code 0: nothing is lost; 1: losses; 2: bad input."""
    from patterns.flow import losses
    from patterns.flow.explain import as_document, as_report

    flow = read(sources, parameter)
    if fmt is Format.json:
        answer = json.dumps(as_document(flow), indent=2, ensure_ascii=False)
    else:
        answer = as_report(flow, markdown=fmt is Format.markdown).rstrip("\n")
    typer.echo(printable(answer))
    if losses(flow):
        raise typer.Exit(1)
