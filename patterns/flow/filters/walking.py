"""Walks down a message to the keys of a policy: one function for all of them, made once for each shape of policy."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from patterns.flow.filters.conditions import Test, accepts_absence, text_test, values_test
from patterns.flow.filters.grammar import Items, Leaf, Or, Scope

# The array elements that a value stands in: (identity of the array, index), from the outside in.
Within = tuple[tuple[int, int], ...]
# Levels of a key up to which every way to it, with dots for levels, is written out. Their number grows with the square.
SHORT = 8
_MISSING = object()
_SCALARS = frozenset((int, float, bool, type(None)))


def segments_of(path: tuple[str, ...]) -> tuple[str, ...]:
    """The levels of a key: a dot in a name separates levels too."""
    return tuple(".".join(path).split("."))


def is_object(node: object) -> bool:
    """Whether it stands for a JSON object: a dict, or what only behaves like one."""
    return isinstance(node, dict | Mapping)


def is_array(node: object) -> bool:
    """Whether it stands for a JSON array."""
    return isinstance(node, list | tuple)


def found_at(subject: Mapping[str, Any], segments: tuple[str, ...]) -> Iterator[tuple[Any, Within]]:
    """Every scalar under a key, with the array elements it stands in."""
    depth = len(segments)
    stack: list[tuple[Any, int, Within]] = [(subject, 0, ())]
    while stack:
        node, at, within = stack.pop()
        if is_object(node):
            stack += [(child, end, within) for child, end in _further(node, segments, at)]
        elif is_array(node):
            stack += [(node[i], at, (*within, (id(node), i))) for i in range(len(node) - 1, -1, -1)]
        elif at == depth:
            yield node, within


def _further(node: Mapping[str, Any], segments: tuple[str, ...], at: int) -> Iterator[tuple[Any, int]]:
    """What stands under the names that lead on, and how far they lead. Names are looked up, or read if fewer."""
    depth = len(segments)
    if len(node) < depth - at:
        for name, child in node.items():
            end = at + name.count(".") + 1
            if name == ".".join(segments[at:end]):
                yield child, end
        return
    name = None
    for end in range(at + 1, depth + 1):
        name = segments[at] if name is None else f"{name}.{segments[end - 1]}"
        child = node.get(name, _MISSING)
        if child is not _MISSING:
            yield child, end


Tree = dict[Any, Any]
"""Keys, level by level: name → tree below. ``None`` → the numbers of the keys that end here."""


def tree_of(paths: Iterable[tuple[str, ...]]) -> Tree:
    """The tree of some keys, numbered in their order."""
    tree: Tree = {}
    for number, path in enumerate(paths):
        node = tree
        for name in path:
            node = node.setdefault(name, {})
        node.setdefault(None, []).append(number)
    return tree


def names(tree: Tree) -> list[str]:
    """The names that lead one level on."""
    return [name for name in tree if name is not None]


def ways(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """All names that lead on, by however many levels: a dot in one stands for a level."""
    for name in names(tree):
        yield name, tree[name]
        for further, end in ways(tree[name]):
            yield f"{name}.{further}", end


def compiled(items: Items, scope: Scope, *, dotted: bool = True) -> Test:
    """One test of a subject for all keys of a policy.

    Args:
        items: the policy.
        scope: what it is read against.
        dotted: whether the subject may have names with dots that lead several levels on.
    """
    keys = [item for item in items if isinstance(item, Leaf)]
    branches = [
        _any([compiled(one, scope, dotted=dotted) for one in item.branches]) for item in items if isinstance(item, Or)
    ]
    if scope is Scope.ATTRIBUTES:
        return _all([*(_attribute(leaf, scope) for leaf in keys), *branches])
    each = [_leaf(leaf, scope) for leaf in keys]
    shape = tuple((segments_of(leaf.path), accepts_absence(leaf)) for leaf in keys)
    if not keys or any(len(segments) > SHORT for segments, _ in shape):
        return _all([*each, *branches])
    tests = [values_test(leaf.conditions, scope) for leaf in keys]
    texts = [text_test(leaf.conditions) or test for leaf, test in zip(keys, tests, strict=True)]
    return _all([_straight(shape, dotted)(texts, tests, each, _all(each)), *branches])


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def test(subject: dict[str, Any]) -> bool:
        for one in tests:  # noqa: SIM110 - a loop is twice as fast as all() here
            if not one(subject):
                return False
        return True

    return test


def _any(tests: list[Test]) -> Test:
    return lambda subject: any(test(subject) for test in tests)


def _attribute(leaf: Leaf, scope: Scope) -> Test:
    test, absent, name = values_test(leaf.conditions, scope), accepts_absence(leaf), leaf.path[0]

    def attribute_test(subject: dict[str, Any]) -> bool:
        value = subject.get(name, _MISSING)
        if value is _MISSING or value == []:
            return absent
        return any(test(one) for one in value) if isinstance(value, list) else test(value)

    return attribute_test


def _leaf(leaf: Leaf, scope: Scope) -> Test:
    """The test of one key, wherever in arrays and dotted names its values stand."""
    test, absent, segments = values_test(leaf.conditions, scope), accepts_absence(leaf), segments_of(leaf.path)

    def leaf_test(subject: dict[str, Any]) -> bool:
        values = [value for value, _ in found_at(subject, segments)]
        return any(test(value) for value in values) if values else absent

    return leaf_test


@lru_cache(maxsize=4_096)
def _straight(shape: tuple[tuple[tuple[str, ...], bool], ...], dotted: bool) -> Callable[..., Test]:
    """What makes the test of all keys from their tests, for policies of one shape: keys, and which may be missing.

    Nearly every message is plain objects all the way, or arrays of one element. Written out, the walk to all keys
    takes half the time of a loop over keys and levels, and walks are most of what matching does. Whatever else a
    message holds, classes that only behave like ``dict`` or ``list`` included, is left to the general tests. Names
    enter by ``repr``.
    """
    numbers = range(len(shape))
    lines = ["def maker(texts, scalars, severals, general):"]
    lines += [f"  text{n}, scalar{n}, several{n} = texts[{n}], scalars[{n}], severals[{n}]" for n in numbers]
    lines += ["  def test(subject):"]
    tree, optional = tree_of(segments for segments, _ in shape), {n for n in numbers if shape[n][1]}
    lines += _written(tree, "subject", 2, optional, dotted)
    lines += ["    return True", "  return test"]
    scope: dict[str, Any] = {"MISSING": _MISSING, "SCALARS": _SCALARS}
    exec("\n".join(lines), scope)
    return scope["maker"]


def _written(tree: Tree, node: str, depth: int, optional: set[int], dotted: bool) -> Iterator[str]:
    """The lines that test a node and what is below it; what need not be there are the ``optional`` keys."""
    pad = "  " * depth
    for number in tree.get(None, ()):
        yield f"{pad}kind = {node}.__class__"
        yield f"{pad}if kind is str:"
        yield f"{pad}  if not text{number}({node}): return False"
        yield f"{pad}elif {node} is MISSING:"
        yield f"{pad}  {'pass' if number in optional else 'return False'}"
        yield f"{pad}elif kind in SCALARS:"
        yield f"{pad}  if not scalar{number}({node}): return False"
        yield f"{pad}elif not several{number}(subject): return False"
    if not names(tree):
        return
    if node != "subject":
        yield f"{pad}if {node}.__class__ is not dict:"
        yield f"{pad}  while {node}.__class__ is list and len({node}) == 1: {node} = {node}[0]"
        yield f"{pad}  if {node}.__class__ is not dict: return general(subject)"
    if dotted and (further := [way for way, _ in ways(tree) if way not in tree]):
        # Names with dots that lead further at once are another way to a key.
        yield f"{pad}if {' or '.join(f'{way!r} in {node}' for way in further)}: return general(subject)"
    # What is at hand first: it may decide before anything is looked for.
    for number, name in sorted(enumerate(names(tree)), key=lambda each: None not in tree[each[1]]):
        below = f"{node}_{number}"
        yield f"{pad}{below} = {node}.get({name!r}, MISSING)"
        inner = depth
        if None not in tree[name]:
            may_miss = _numbers(tree[name]) <= optional
            yield f"{pad}if {below} is not MISSING:" if may_miss else f"{pad}if {below} is MISSING: return False"
            inner += may_miss
        yield from _written(tree[name], below, inner, optional, dotted)


def _numbers(tree: Tree) -> set[int]:
    return {*tree.get(None, ()), *(number for name in names(tree) for number in _numbers(tree[name]))}
