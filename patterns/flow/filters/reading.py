"""JSON texts, read as a whole or only where a policy looks."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from patterns.flow.filters.grammar import Condition, Items, Leaf
from patterns.flow.filters.walking import SHORT, Tree, names, tree_of, ways

_FEW = 3  # strings to look for in a text before it is read
_TypedDict: Any = TypedDict  # type checkers want its keys spelled out
_Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Invalid:
    """What stands where a value cannot be read, and why."""

    why: str


NOT_JSON = Invalid("not JSON")


def parsed(message: object) -> Any:
    """A message that is text as what its JSON says, or ``NOT_JSON``; an object as a dict; anything else as it is."""
    if not isinstance(message, str | bytes):
        return dict(message) if isinstance(message, Mapping) and not isinstance(message, dict) else message
    try:
        text = message if isinstance(message, str) else message.decode(json.detect_encoding(message))
        return _read(text)
    except (ValueError, RecursionError):
        return NOT_JSON


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


_strict = json.JSONDecoder(parse_constant=_refuse).decode
# Python reads no integer of more than 4,300 digits. As a number that is far out of any range, it is one of many.
_long = json.JSONDecoder(parse_constant=_refuse, parse_int=float).decode


def _read(text: str) -> Any:
    try:
        return _strict(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _long(text)


def reader(paths: Iterable[tuple[str, ...]]) -> Callable[[str], Any]:
    """A function that reads a text as `parsed` does, and may leave out what stands under none of these keys.

    Nearly all of what matching costs is reading JSON, and nearly all of that is making objects that no policy asks
    for. msgspec checks them and passes over. For what it does not read as Python does (arrays in arrays, half
    characters, what is no JSON), and for names with dots that lead several levels on, it raises an error; then `parsed`
    has to be asked.

    Args:
        paths: the keys, level by level.
    """
    paths = list(paths)
    if any(len(path) > SHORT for path in paths):
        return parsed
    import msgspec  # here, because only who matches texts has to wait for it

    nothing = Annotated[int, msgspec.Meta(gt=0, lt=0)]
    return msgspec.json.Decoder(_type(tree_of(paths), nothing)).decode


def _type(tree: Tree, nothing: Any) -> Any:
    """What msgspec shall read below a key: an object with the names that lead on, an array of such, or a scalar."""
    if not names(tree):
        return Any
    known = {way: nothing for way, _ in ways(tree)} | {name: _type(tree[name], nothing) for name in names(tree)}
    node = _TypedDict("node", known, total=False)
    return node | list[node | _Scalar] | _Scalar


def needles(items: Items) -> tuple[tuple[str, ...], ...]:
    """For each key that has to have one of a few strings: how these look in JSON without escapes, quotes included.

    Reading JSON costs many times what matching does. A string in a text without a backslash stands there as it is,
    for every other spelling of a character is an escape. So a text that has neither a backslash nor one of these
    matches nothing, be it JSON or not, and need not be read.
    """
    found = []
    for item in items:
        if isinstance(item, Leaf) and len(item.conditions) <= _FEW:
            looks = [_in_text(condition) for condition in item.conditions]
            if None not in looks:
                found.append(tuple(look for look in looks if look is not None))
    return tuple(found)


def _in_text(condition: Condition) -> str | None:
    if not isinstance(condition.operand, str) or condition.ignore_case:
        return None
    match condition.operator:
        case "equals":
            return f'"{condition.operand}"'
        case "prefix":
            return f'"{condition.operand}'
        case "suffix":
            return f'{condition.operand}"'
    return None
