"""``patterns explain``: what becomes of every message, and what can be lost."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from patterns.cli._io import printable, refuse


class Format(StrEnum):
    """How the answer is printed."""

    text = "text"
    markdown = "markdown"
    json = "json"


_Sources = Annotated[
    list[str],
    typer.Argument(metavar="DIR|TEMPLATE...", help="A cloud assembly (cdk.out), folders or templates, read together."),
]
_Format = Annotated[Format, typer.Option("--format", help="How to print the answer.")]
_Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", metavar="NAME=VALUE", help="A template parameter; Stack:NAME=VALUE for one stack."),
]


def explain(sources: _Sources, fmt: _Format = Format.text, parameter: _Parameters = None) -> None:
    """Say where every message can end, losses first. Exit code 0: nothing is lost; 1: losses; 2: bad input."""
    from patterns.errors import PatternError
    from patterns.flow import losses, read_flow
    from patterns.flow.explain import as_document, as_report

    try:
        flow = read_flow(*sources, parameters=_parameters(parameter or []))
    except PatternError as error:
        refuse(error)
    if fmt is Format.json:
        answer = json.dumps(as_document(flow), indent=2, ensure_ascii=False)
    else:
        answer = as_report(flow, markdown=fmt is Format.markdown).rstrip("\n")
    typer.echo(printable(answer))
    if losses(flow):
        raise typer.Exit(1)


def _parameters(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name:
            refuse(f"--parameter must be NAME=VALUE, got {item!r}")
        found[name] = value
    return found
