"""What every command reads, and how it says no: exit code 2 and one line on standard error."""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, NoReturn

import typer

BAD_INPUT = 2
_SPACE = " \t\r\n"  # as JSON has it


def refuse(message: object) -> NoReturn:
    """End the command: its input is wrong. Prints the message to standard error, exit code 2."""
    say(message)
    raise typer.Exit(BAD_INPUT)


def say(message: object) -> None:
    """Print one line to standard error."""
    with suppress(OSError):  # that nobody can be told why does not change how it ends
        typer.echo(f"patterns: {printable(str(message))}", err=True)


def read_text(path: str) -> str:
    """The text of a file; ``-`` is standard input. Ends the command when it cannot be read as UTF-8."""
    return "".join(_text_lines(path))


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

    Values may span lines. They come as they are read, so a file may be larger than memory and a pipe may never end.
    ``-`` is standard input. Ends the command at what is not JSON, or when there is nothing at all.
    """
    decoder = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_unique if unique_keys else None)
    lines = _text_lines(path)
    text, first, at = "", 1, 0  # whole lines, the number of the first, and how far they have been read
    found = ended = False
    while not ended:
        # An unfinished value is tried again when twice as much is there: often, and still in linear time.
        more = list(_at_least(lines, len(text) - at))
        ended = not more
        text, first, at = (text, first, at) if at < len(text) else ("", first + text.count("\n"), 0)
        text += "".join(more)
        line, counted = first, 0
        while (at := _skip_space(text, at)) < len(text):
            line, counted = line + text.count("\n", counted, at), at
            try:
                value, end = decoder.raw_decode(text, at)
            except json.JSONDecodeError as error:
                if not ended and error.pos >= len(text.rstrip(_SPACE)):
                    break  # it goes on in the next line
                place = f"line {first + error.lineno - 1} column {error.colno}"
                refuse(f"{named(path)}: must be JSON: {error.msg} at {place}")
            except RecursionError:
                refuse(f"{named(path)}: line {line}: must be JSON, got values nested too deep to read")
            except ValueError as error:
                refuse(f"{named(path)}: line {line}: must be JSON: {error}")
            found = True
            yield line, value
            at = end
    if not found:
        refuse(f"{named(path)}: must be JSON, got nothing")


def named(path: str) -> str:
    """A file as messages call it."""
    return "standard input" if path == "-" else path


def printable(text: str) -> str:
    """Text that any terminal takes: half a character pair, which JSON can hold, is written as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _text_lines(path: str) -> Iterator[str]:
    """A file's lines, with their ends. Ends the command when they cannot be read as UTF-8."""
    if path == "-" and sys.stdin is None:  # closed by the shell: <&-
        refuse("standard input: is closed")
    read = 0
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as file:
            for raw in file:
                try:
                    yield raw.decode("utf-8" if read else "utf-8-sig")
                except UnicodeDecodeError as error:
                    place = read + error.start
                    refuse(f"{named(path)}: must be UTF-8 text, got the byte 0x{raw[error.start]:02x} at {place}")
                read += len(raw)
    except OSError as error:
        refuse(f"{named(path)}: {error.strerror or error}")
    except ValueError as error:  # a path with a NUL character
        refuse(f"{path!r}: {error}")


def _at_least(lines: Iterator[str], characters: int) -> Iterator[str]:
    """The next line, and further ones while they are fewer characters than that."""
    for line in lines:
        yield line
        characters -= len(line)
        if characters <= 0:
            return


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
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
