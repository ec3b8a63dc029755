"""``Fn::ForEach``, written out before anything is read.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from patterns.errors import PatternError
from patterns.flow.resolve import PSEUDO
from patterns.flow.values import Note, Unknown, concatenate, text

_LOOP = "Fn::ForEach::"
_VALUES = 100_000  # that the loops of one template may write


def expand(document: dict[str, Any], source: str, resolve: Callable[[Any], Any], notes: list[Note]) -> dict[str, Any]:
    """The template with its loops written out. A loop whose collection is not known is noted and left out.

    Args:
        document: the template.
        source: the file it was read from.
        resolve: works out a collection.
        notes: where what is not known is noted.

    Raises:
        PatternError: the loops write more than 100,000 values, or are nested too deeply.
    """
    try:
        return _Loops(source, resolve, notes).write(document, {}, "")
    except RecursionError:
        raise PatternError(f"{source}: is nested too deeply to write its loops out") from None


class _Loops:
    def __init__(self, source: str, resolve: Callable[[Any], Any], notes: list[Note]) -> None:
        self._source, self._resolve, self._notes, self._written = source, resolve, notes, 0

    def write(self, value: Any, words: Mapping[str, str], place: str) -> Any:
        if words:
            self._written += 1
            if self._written > _VALUES:
                raise PatternError(f"{self._source}, {place}: loops write more than {_VALUES:,} values")
        if isinstance(value, str):
            return _filled(value, words)
        if isinstance(value, list):
            return [self.write(item, words, place) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and isinstance(name := value.get("Ref"), str) and name in words:
            return words[name]
        out: dict[Any, Any] = {}
        for key, item in value.items():
            where = f"{place}.{key}" if place else str(key)
            if isinstance(key, str) and key.startswith(_LOOP):
                self._loop(item, words, where, out)
            else:
                out[_filled(key, words) if isinstance(key, str) else key] = self.write(item, words, where)
        return out

    def _loop(self, loop: Any, words: Mapping[str, str], place: str, out: dict[Any, Any]) -> None:
        if (
            not isinstance(loop, list)
            or len(loop) != 3
            or not isinstance(loop[0], str)
            or not isinstance(loop[2], dict)
        ):
            self._notes.append(Note(self._source, place, "must be an identifier, a collection and an object"))
            return
        identifier, collection, body = loop
        resolved = self._resolve(self.write(collection, words, place))
        items = self._items(resolved)
        if items is None:
            why = f": {resolved.reason}" if isinstance(resolved, Unknown) else ""
            self._notes.append(Note(self._source, place, f"the collection of this loop is not known{why}"))
            return
        for item in items:
            out.update(self.write(body, {**words, identifier: item}, place))

    @staticmethod
    def _items(collection: Any) -> list[str] | None:
        if not isinstance(collection, list):
            return None
        items = [concatenate(text(item)) for item in collection]
        known = [item for item in items if isinstance(item, str) and not PSEUDO.search(item)]
        return known if len(known) == len(items) else None


def _filled(written: str, words: Mapping[str, str]) -> str:
    for name, word in words.items():
        if name in written:
            written = written.replace(f"${{{name}}}", word)
            written = written.replace(f"&{{{name}}}", re.sub(r"[^A-Za-z0-9]", "", word))
    return written
