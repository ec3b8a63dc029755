"""The templates that a command reads as one flow, and the values of their parameters."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from patterns.cli._io import read_text, refuse

if TYPE_CHECKING:
    from patterns.flow import Flow

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="DIR|TEMPLATE...",
        help="A cloud assembly (cdk.out), a folder of templates, or templates (JSON, YAML, SAM; - is standard input),"
        " read together.",
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter", metavar="NAME=VALUE", help="A template parameter; Stack:NAME=VALUE for one stack. Repeatable."
    ),
]


def read(sources: list[str], parameters: list[str] | None) -> "Flow":
    """The flow of the templates. Ends the command when they, or the parameters, cannot be read."""
    from patterns.errors import PatternError
    from patterns.flow import read_flow

    values: dict[str, str] = {}
    for one in parameters or ():
        name, equals, value = one.partition("=")
        if not name or not equals:
            refuse(f"--parameter must be NAME=VALUE, got {one!r}")
        values[name] = value
    try:
        return read_flow(*(_standard_input() if one == "-" else one for one in sources), parameters=values)
    except PatternError as error:
        refuse(error)


def _standard_input() -> dict[str, Any]:
    from patterns.flow._documents import check, parse
    from patterns.flow.values import Note

    notes: list[Note] = []
    document = parse(read_text("-"), "standard input", notes)
    check(document, "standard input")
    return {"template": document}
