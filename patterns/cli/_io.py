"""What every command reads, and how it says no: exit code 2 and one line on standard error."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import typer

BAD_INPUT = 2


def refuse(message: object) -> NoReturn:
    """End the command: its input is wrong. Prints the message to standard error, exit code 2."""
    typer.echo(f"patterns: {printable(str(message))}", err=True)
    raise typer.Exit(BAD_INPUT)


def read_text(path: str) -> str:
    """The text of a file; ``-`` is standard input. Ends the command when it cannot be read as UTF-8."""
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        refuse(f"{named(path)}: {error.strerror or error}")
    except ValueError as error:  # a path with a NUL character
        refuse(f"{path!r}: {error}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse(f"{named(path)}: must be UTF-8 text, got the byte 0x{raw[error.start]:02x} at {error.start}")


def read_json(path: str, *, unique_keys: bool = False) -> Any:
    """The one JSON value in a file; ``-`` is standard input. Ends the command when there is none, or more.

    Args:
        path: the file, or ``-``.
        unique_keys: refuse an object with the same key twice, which JSON readers drop silently.
    """
    values = [value for _, value in read_json_lines(path, unique_keys=unique_keys)]
    if len(values) != 1:
        refuse(f"{named(path)}: must have one JSON value, got {len(values)}")
    return values[0]


def read_json_lines(path: str, *, unique_keys: bool = False) -> Iterator[tuple[int, Any]]:
    """The JSON values in a file, each with the line it begins on: one document or JSON lines.

    Values may span lines. ``-`` is standard input. Ends the command at what is not JSON, or when there is
    nothing at all.
    """
    text = read_text(path)
    decoder = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_unique if unique_keys else None)
    at = _skip_space(text, 0)
    if at == len(text):
        refuse(f"{named(path)}: must be JSON, got nothing")
    line, counted = 1, 0
    while at < len(text):
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            refuse(f"{named(path)}: must be JSON: {error.msg} at line {error.lineno} column {error.colno}")
        except RecursionError:
            refuse(f"{named(path)}: line {line}: must be JSON, got values nested too deep to read")
        except ValueError as error:
            refuse(f"{named(path)}: line {line}: must be JSON: {error}")
        yield line, value
        at = _skip_space(text, end)


def named(path: str) -> str:
    """A file as messages call it."""
    return "standard input" if path == "-" else path


def printable(text: str) -> str:
    """Text that any terminal takes: half a character pair, which JSON can hold, is written as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise ValueError(f"the key {json.dumps(key)} stands twice in one object")
        seen[key] = value
    return seen
