"""``patterns draw``: a template's message flow as a picture."""

import os
import shutil
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
    if not output:
        refuse("--output must name a file, got ''")
    try:
        path = Path(output)
        if path.is_symlink() or (path.exists() and not path.is_file()):  # a link may be /dev/stdout
            path.write_bytes(content)
        else:
            _replace(path, content)
    except OSError as error:
        refuse(f"--output: {output}: {error.strerror or error}")
    except ValueError as error:  # a path with a NUL character
        refuse(f"--output: {output!r}: {error}")


def _replace(path: Path, content: bytes) -> None:
    """Write all of a file or nothing: on a full disk, what stood there before is still there."""
    new = path.with_name(f".patterns-{os.getpid()}")
    try:
        if path.exists():
            with path.open("r+b"):  # refuses a file that may not be written
                pass
        with new.open("xb") as file:
            file.write(content)
        if path.exists():
            shutil.copymode(path, new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
