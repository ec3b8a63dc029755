"""``patterns check``: hazards that lose or double messages, found before they are deployed."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from patterns.cli._io import printable, refuse
from patterns.cli._templates import Parameters, Sources, read


class Format(StrEnum):
    """How the report is printed."""

    text = "text"
    markdown = "markdown"
    json = "json"
    sarif = "sarif"
    junit = "junit"
    github = "github"


_Format = Annotated[Format, typer.Option("--format", help="How to print the report.")]
_FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="SEVERITY",
        help="Exit with 1 from this severity on: critical, high, medium, low or never. Default: high.",
    ),
]
_Ignore = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="ID", help="Do not ask this rule. May be repeated.")
]
_Group = Annotated[
    list[str] | None,
    typer.Option(
        "--group", metavar="GROUP", help="Ask only these rules: delivery (default), governance. May be repeated."
    ),
]
_Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A pyproject.toml with a table [tool.patterns.check]. Default: the nearest one, from here upwards.",
    ),
]


def check(
    sources: Sources,
    fmt: _Format = Format.text,
    fail_on: _FailOn = None,
    ignore: _Ignore = None,
    group: _Group = None,
    config: _Config = None,
    parameter: Parameters = None,
) -> None:
    """Find hazards that lose or double messages. Exit code 0: no errors; 1: errors; 2: bad input.

    \b
    Examples:
      patterns check cdk.out
      patterns check orders.yaml billing.yaml --group delivery --group governance
      patterns check cdk.out --format sarif > findings.sarif

    A finding has its id in brackets: --ignore leaves its rule out, docs/rules says how to accept it with a reason.
    """
    from dataclasses import replace

    from patterns.errors import PatternError
    from patterns.guard import config as configuration
    from patterns.guard.acknowledge import InAssemblies
    from patterns.guard.reports import WRITERS
    from patterns.guard.run import Settings
    from patterns.guard.run import check as run

    try:
        path = Path(config) if config is not None else configuration.find(Path.cwd())
        settings = configuration.load(path) if path else Settings()
        if fail_on is not None:
            settings = replace(settings, fail_on=configuration.level("--fail-on", fail_on))
        if ignore:
            settings = replace(settings, ignore=settings.ignore | set(ignore))
        if group:
            settings = replace(settings, groups=tuple(dict.fromkeys(group)))
        report = run(read(sources, parameter), settings, [InAssemblies(sources)])
    except PatternError as error:
        refuse(error)
    typer.echo(printable(WRITERS[fmt.value](report)))
    if report.errors:
        raise typer.Exit(1)
