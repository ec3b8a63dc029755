"""``patterns draw``: a template's message flow as a picture."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from patterns.cli._io import refuse
from patterns.cli._templates import Parameters, Sources, read


class Format(StrEnum):
    """What the picture is made of."""

    mermaid = "mermaid"
    svg = "svg"
    html = "html"


_Format = Annotated[
    Format,
    typer.Option(
        "--format",
        help="mermaid: text for a README or a pull request; svg: a drawing; html: one page to pan, zoom and search, "
        "with every node's details.",
    ),
]
_Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="The file to write; - is standard output.")
]


def draw(sources: Sources, fmt: _Format = Format.mermaid, output: _Output = "-", parameter: Parameters = None) -> None:
    """Draw where every message goes, and where one can be lost. Exit code 0: drawn; 2: bad input."""
    from patterns.draw import as_mermaid, as_page, as_svg, picture_of
    from patterns.draw.mermaid import MOST_CHARACTERS, MOST_EDGES

    drawn = picture_of(read(sources, parameter))
    text = {Format.mermaid: as_mermaid, Format.svg: as_svg, Format.html: as_page}[fmt](drawn)
    _write(text.encode(), output)
    if fmt is Format.mermaid and (len(drawn.arrows) > MOST_EDGES or len(text) > MOST_CHARACTERS):
        typer.echo(
            f"patterns: Mermaid draws at most {MOST_EDGES} arrows and {MOST_CHARACTERS:,} characters, "
            f"got {len(drawn.arrows):,} and {len(text):,}; svg and html have no such limit",
            err=True,
        )


def _write(content: bytes, output: str) -> None:
    if output == "-":
        typer.echo(content, nl=False)
        return
    try:
        Path(output).write_bytes(content)
    except OSError as error:
        refuse(f"--output: {output}: {error.strerror or error}")
    except ValueError as error:  # a path with a NUL character
        refuse(f"--output: {output!r}: {error}")
