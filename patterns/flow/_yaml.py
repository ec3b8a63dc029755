"""YAML as CloudFormation reads it: short intrinsics, no dates, and nothing that can bring the reader down.

Built from the parser's events, not from PyYAML's node graph: the graph is made by recursion in C, where a
deeply nested document ends the process. Aliases are shared, not copied, and their unfolded size is limited.
"""

import re
from collections.abc import Callable
from typing import Any

import yaml

from patterns.errors import PatternError
from patterns.flow._documents import DIGITS
from patterns.flow.values import Note

DEPTH = 100
"""Levels of nesting that are read; deeper documents are refused."""

_ALIASED = 100_000
"""Values that aliases may add to a document, counted as if each alias were written out."""

_FUNCTIONS = frozenset(
    [
        "And",
        "Base64",
        "Cidr",
        "Contains",
        "EachMemberEquals",
        "EachMemberIn",
        "Equals",
        "FindInMap",
        "GetAZs",
        "GetAtt",
        "GetStackOutput",
        "If",
        "ImportValue",
        "Join",
        "Length",
        "Not",
        "Or",
        "RefAll",
        "Select",
        "Split",
        "Sub",
        "ToJsonString",
        "Transform",
        "ValueOf",
        "ValueOfAll",
    ]
)
_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_PREFIX = "tag:yaml.org,2002:"
_RESOLVERS = {
    first: [(tag, expression) for tag, expression in resolvers if tag != _PREFIX + "timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_MERGE = object()
# https://yaml.org/spec/1.2.2/#51-character-set
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBERS = {"int": "whole number", "float": "number", "bool": "truth value", "null": "null"}


class _Problem(Exception):
    def __init__(self, reason: str, mark: Any) -> None:
        super().__init__(reason)
        self.reason, self.mark = reason, mark


def load(text: str, source: str, notes: list[Note]) -> Any:
    """The value of a YAML document. A key that stands twice is noted; the last one counts.

    Raises:
        PatternError: with file, line, column and reason.
    """
    try:
        return _build(text, lambda mark, reason: notes.append(Note(source, _position(mark), reason)))
    except _Problem as problem:
        raise PatternError(f"{_place(source, problem.mark)}: {problem.reason}") from None
    except yaml.MarkedYAMLError as error:
        context = f" ({error.context})" if error.context else ""
        raise PatternError(f"{_place(source, error.problem_mark)}: {error.problem}{context}") from None
    except yaml.reader.ReaderError as error:
        raise PatternError(f"{source}{_unreadable(text)}: is not YAML: {error.reason}") from None
    except yaml.YAMLError as error:
        reason = getattr(error, "reason", None) or str(error)
        raise PatternError(f"{source}: is not YAML: {' '.join(str(reason).split())}") from None


def _unreadable(text: str) -> str:
    """Where the first character stands that YAML does not take."""
    found = _CONTROL.search(text)
    if found is None:
        return ""
    before = text[: found.start()]
    return f", line {before.count(chr(10)) + 1}, column {found.start() - before.rfind(chr(10))}"


def _position(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _place(source: str, mark: Any) -> str:
    return source if mark is None else f"{source}, {_position(mark)}"


class _Open:
    """A list or object that is still being read."""

    __slots__ = ("anchor", "event", "height", "key", "merged", "start", "value", "waiting")

    def __init__(self, value: Any, event: Any, start: int) -> None:
        self.value, self.event, self.anchor, self.start = value, event, event.anchor, start
        self.key: Any = None
        self.waiting = False  # for the value that belongs to the key
        self.height = 1
        self.merged: list[dict[str, Any]] = []


def _build(text: str, note: Callable[[Any, str], None]) -> Any:
    parser = _Parser(text)
    limit = len(text) + _ALIASED
    anchors: dict[str, tuple[Any, int, int]] = {}  # name: value, unfolded size, height
    opened: set[str] = set()
    stack: list[_Open] = []
    count = 0
    documents = 0
    result: Any = None
    try:
        while True:
            event = parser.get_event()
            kind = type(event)
            height = 0
            if kind is yaml.ScalarEvent:
                count += 1
                value = _scalar(event, bool(stack) and type(stack[-1].value) is dict and not stack[-1].waiting)
                if event.anchor:
                    anchors[event.anchor] = (value, 1, 0)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                count += 1
                if len(stack) >= DEPTH:
                    raise _Problem(f"nested more than {DEPTH} levels deep", event.start_mark)
                stack.append(_Open({} if kind is yaml.MappingStartEvent else [], event, count))
                if event.anchor:
                    opened.add(event.anchor)
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                done = stack.pop()
                value, height = _close(done), done.height
                for other in done.merged:
                    count += len(other)
                if done.anchor:
                    opened.discard(done.anchor)
                    anchors[done.anchor] = (value, count - done.start + 1, height)
                event = done.event
            elif kind is yaml.AliasEvent:
                if event.anchor in opened:
                    raise _Problem(f"*{event.anchor} refers to itself", event.start_mark)
                if event.anchor not in anchors:
                    raise _Problem(f"*{event.anchor} refers to nothing", event.start_mark)
                value, size, height = anchors[event.anchor]
                count += size
                if len(stack) + height > DEPTH:
                    raise _Problem(f"nested more than {DEPTH} levels deep", event.start_mark)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise _Problem("holds more than one document", event.start_mark)
                continue
            elif kind is yaml.StreamEndEvent:
                return result
            else:
                continue
            if count > limit:
                raise _Problem(f"aliases unfold to more than {_ALIASED:,} values", event.start_mark)
            if stack:
                _add(stack[-1], value, height, event, note)
            else:
                result = value
    finally:
        parser.dispose()


def _add(parent: _Open, value: Any, height: int, event: Any, note: Callable[[Any, str], None]) -> None:
    parent.height = max(parent.height, height + 1)
    if type(parent.value) is list:
        parent.value.append(value)
    elif not parent.waiting:
        if isinstance(value, list | dict):
            raise _Problem("a key must be text", event.start_mark)
        if value is not _MERGE and not isinstance(value, str):
            value = event.value if type(event) is yaml.ScalarEvent else str(value)
        if value is not _MERGE and value in parent.value:
            note(event.start_mark, f"the key {value!r} stands twice in one object, the last one counts")
        parent.key, parent.waiting = value, True
    else:
        parent.waiting = False
        if parent.key is _MERGE:
            others = value if isinstance(value, list) else [value]
            if not all(isinstance(other, dict) for other in others):
                raise _Problem("<< must be followed by an object or a list of objects", event.start_mark)
            parent.merged.extend(others)
        else:
            parent.value[parent.key] = value


def _close(done: _Open) -> Any:
    value = done.value
    for other in done.merged:
        for key, item in other.items():
            value.setdefault(key, item)
    tag = done.event.tag
    if not tag or tag == "!" or tag.startswith(_PREFIX):
        if tag and tag not in (_PREFIX + "map", _PREFIX + "seq"):
            raise _Problem(f"{tag} is not read", done.event.start_mark)
        return value
    done.height += 1
    return _short(tag, value, done.event.start_mark)


def _short(tag: str, value: Any, mark: Any) -> dict[str, Any]:
    name = tag[1:]
    if name in ("Ref", "Condition"):
        return {name: value}
    if name == "GetAtt" and isinstance(value, str) and "." in value:
        value = value.split(".", 1)
    if name not in _FUNCTIONS:
        raise _Problem(f"{tag} is not an intrinsic function of CloudFormation", mark)
    return {f"Fn::{name}": value}


def _scalar(event: Any, is_key: bool) -> Any:
    value, tag = event.value, event.tag
    if not tag or tag == "!":
        if event.implicit[0] and tag is None:
            return _plain(value, event.start_mark, is_key)
        return value
    if tag.startswith(_PREFIX):
        if tag == _PREFIX + "str":
            return value
        return _convert(tag, value, event.start_mark)
    return _short(tag, value, event.start_mark)


def _plain(value: str, mark: Any, is_key: bool) -> Any:
    for tag, expression in _RESOLVERS.get(value[:1], ()):
        if expression.match(value):
            if tag == _PREFIX + "merge":
                return _MERGE if is_key else value
            return value if is_key else _convert(tag, value, mark)
    return value


def _convert(tag: str, value: str, mark: Any) -> Any:
    if tag == _PREFIX + "value":
        return value
    if tag not in (_PREFIX + "null", _PREFIX + "bool", _PREFIX + "int", _PREFIX + "float"):
        raise _Problem(f"{tag} is not read", mark)
    kind = tag.removeprefix(_PREFIX)
    if kind == "int" and len(value) > DIGITS:
        raise _Problem(f"a number of {len(value):,} digits is too long", mark)
    try:
        construct = _CONSTRUCTOR.yaml_constructors[tag]
        result = construct(_CONSTRUCTOR, yaml.ScalarNode(tag, value))
        if isinstance(result, float) and (result != result or result in (float("inf"), float("-inf"))):
            raise ValueError
        return result
    except (ValueError, KeyError, OverflowError, IndexError):
        shown = value if len(value) <= 40 else value[:37] + "..."
        raise _Problem(f"{shown!r} is not a {_NUMBERS[kind]} that a template can hold", mark) from None
