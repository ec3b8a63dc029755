"""Files: JSON and YAML templates, with the place and the reason when one cannot be read."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from patterns.errors import PatternError
from patterns.flow.values import Note

SUFFIXES = (".json", ".yaml", ".yml", ".template")
_RESOURCES = re.compile(r"""^["']?Resources["']?[ \t]*:|"Resources"\s*:""", re.MULTILINE)


def text_of(path: Path) -> str:
    """A file's text.

    Raises:
        PatternError: the file is missing, not readable or not UTF-8.
    """
    try:
        if not path.is_file():
            raise PatternError(f"{path}: is {'not a file' if path.exists() else 'not there'}")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, PatternError):
            raise
        raise PatternError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PatternError(f"{path}, byte {error.start}: is not UTF-8 text") from None


def parse(text: str, source: str, notes: list[Note]) -> Any:
    """The value of a JSON or YAML document. A key that stands twice is noted; the last one counts.

    Raises:
        PatternError: with file, line, column and reason.
    """
    if not text.strip():
        raise PatternError(f"{source}: is empty")
    if text.lstrip()[0] == "{":
        try:
            return json.loads(
                text,
                object_pairs_hook=_objects(source, notes),
                parse_constant=_constant,
                parse_int=_integer,
            )
        except json.JSONDecodeError as error:
            if source.endswith(".json"):
                raise PatternError(
                    f"{source}, line {error.lineno}, column {error.colno}: is not JSON: {error.msg}"
                ) from None
        except RecursionError:
            raise PatternError(f"{source}: is nested too deeply to be read") from None
        except _Number as error:
            raise PatternError(f"{source}{_place(text, error.text)}: {error}") from None
    from patterns.flow import _yaml

    return _yaml.load(text, source, notes)


def _objects(source: str, notes: list[Note]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """What makes objects of their keys and values, and notes keys that stand twice."""

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    notes.append(Note(source, "", f"the key {key!r} stands twice in one object, the last one counts"))
                seen.add(key)
        return value

    return made


class _Number(Exception):
    def __init__(self, text: str, reason: str) -> None:
        super().__init__(reason)
        self.text = text


def _constant(name: str) -> Any:
    raise _Number(name, f"is not JSON: {name} is not a JSON number")


DIGITS = 1_000
"""Digits of a whole number that is read; no property takes so many."""


def _integer(digits: str) -> int:
    if len(digits) > DIGITS:
        raise _Number(digits, f"a number of {len(digits.lstrip('-')):,} digits is too long")
    return int(digits)


def _place(text: str, number: str) -> str:
    """Where a number stands: the first one that is no part of a text."""
    found = re.search(rf"(?<=[:\[,\s]){re.escape(number[:DIGITS])}", text)
    if found is None:
        return ""
    before = text[: found.start()]
    return f", line {before.count(chr(10)) + 1}, column {found.start() - before.rfind(chr(10))}"


def template(path: Path, notes: list[Note], may_be_empty: bool = False) -> dict[str, Any]:
    """The template in a file that was named as one. ``may_be_empty``: the CDK writes stacks without resources, too.

    Raises:
        PatternError: there is none.
    """
    document = parse(text_of(path), str(path), notes)
    if may_be_empty and isinstance(document, dict):
        document.setdefault("Resources", {})
    check(document, str(path))
    return document


def plain(document: Any) -> Any:
    """A template that was given as objects of another kind than ``dict`` (ordered, read only) as one of dicts."""
    if not isinstance(document, Mapping) or {type(document), type(document.get("Resources"))} == {dict}:
        return document
    return _as_dicts(document, 0)


# Deeper, nothing is read.
_DEPTH = 100


def _as_dicts(value: Any, depth: int) -> Any:
    if depth > _DEPTH:
        return value
    if isinstance(value, Mapping):
        return {key: _as_dicts(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_dicts(item, depth + 1) for item in value]
    return value


def check(document: Any, source: str) -> None:
    """Refuse what is not a template as a whole; a malformed part of one is noted later, not refused."""
    if not isinstance(document, dict):
        raise PatternError(f"{source}: a template must be an object, got {named(document)}")
    if "Resources" not in document:
        raise PatternError(f"{source}: is not a template: it has no Resources")
    for section in ("Resources", "Parameters", "Conditions", "Mappings", "Outputs", "Globals"):
        part = document.get(section)
        if part is not None and not isinstance(part, dict):
            raise PatternError(f"{source}, {section}: must be an object, got {named(part)}")
    if document["Resources"] is None:
        raise PatternError(f"{source}, Resources: must be an object, got nothing")
    for logical_id in document["Resources"]:
        if not isinstance(logical_id, str):
            raise PatternError(f"{source}, Resources: a logical id must be text, got {named(logical_id)}")


def found(path: Path, notes: list[Note]) -> dict[str, Any] | None:
    """The template in a file that was come across in a folder, None when the file is something else.

    Raises:
        PatternError: the file has a Resources section and cannot be read.
    """
    try:
        text = text_of(path)
    except PatternError:
        return None
    if not _RESOURCES.search(text):
        return None
    mine: list[Note] = []
    document = parse(text, str(path), mine)
    if not isinstance(document, dict) or "Resources" not in document:
        return None
    resources = document["Resources"]
    claims = "AWSTemplateFormatVersion" in document or "Transform" in document or ".template." in path.name
    holds = isinstance(resources, dict) and any(
        isinstance(one, dict) and isinstance(one.get("Type"), str) and "::" in one["Type"] for one in resources.values()
    )
    if not claims and not holds:
        return None
    check(document, str(path))
    notes.extend(mine)
    return document


def named(value: Any) -> str:
    """A value in an error message: its kind, and itself where that is short."""
    if value is None:
        return "nothing"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
