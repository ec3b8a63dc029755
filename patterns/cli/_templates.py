"""The templates that a command reads as one flow, and the values of their parameters."""

from typing import TYPE_CHECKING, Annotated

import typer

from patterns.cli._io import refuse

if TYPE_CHECKING:
    from patterns.flow import Flow

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="DIR|TEMPLATE...",
        help="A cloud assembly (cdk.out), a folder of templates, or templates (JSON, YAML, SAM), read together.",
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
        return read_flow(*sources, parameters=values)
    except PatternError as error:
        refuse(error)
