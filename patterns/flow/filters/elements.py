"""EventBridge wants keys under one array to match in the same element of it; SNS does not.

What has to be found is an index for each array, so that every key has an accepted value in what is chosen. Keys that
have no array in common do not ask anything of each other, so each such group is searched by itself; within a group the
indices of one array are tried in turn, which leaves smaller groups. With ``$or`` the question is as hard as any that is
asked by trying (NP-hard): there the way with fewer choices is taken, and what has failed once is not tried again.
"""

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from functools import reduce
from math import prod
from typing import Any

from patterns.flow.filters.conditions import Test, accepts_absence, values_test
from patterns.flow.filters.grammar import Items, Leaf, Scope, leaves
from patterns.flow.filters.walking import Within, found_at, is_array, is_object, segments_of


class _Array(dict[int, "_Place"]):
    """An array of the message: the elements that accepted values stand in. Equal to itself alone."""

    __hash__ = object.__hash__  # pyright: ignore[reportAssignmentType]
    __eq__ = object.__eq__
    __ne__ = object.__ne__

    def __init__(self, array: int) -> None:
        super().__init__()
        self.array = array


class _Place:
    """A place in the message: whether an accepted value stands here outside further arrays, and those arrays."""

    __slots__ = ("arrays", "has_value")

    def __init__(self) -> None:
        self.has_value = False
        self.arrays: dict[int, _Array] = {}

    @property
    def key(self) -> "_Key":
        return None if self.has_value else frozenset(self.arrays.values())


# The arrays that the accepted values of a key stand in: in one of them an element has to be chosen. None: no need to.
_Key = frozenset[_Array] | None
# What has to hold at once: keys, and for each $or its branches, of which one has to.
_All = tuple["_Key | tuple[_All, ...]", ...]
_Search = Generator[_All, bool, bool]


def shared_levels(items: Items) -> frozenset[str]:
    """The first levels that more than one key has: only under these can keys meet in one array."""
    roots = Counter(segments_of(leaf.path)[0] for leaf in leaves(items))
    return frozenset(root for root, count in roots.items() if count > 1)


def has_array(event: dict[str, Any], levels: Collection[str]) -> bool:
    """Whether there is an array of more than one element anywhere under one of these levels."""
    stack = [event[level] for level in levels if level in event]
    stack += [value for name, value in event.items() if "." in name and name.partition(".")[0] in levels]
    while stack:
        node = stack.pop()
        if is_object(node):
            stack += node.values()
        elif is_array(node):
            if len(node) > 1:
                return True
            stack += node
    return False


def same_elements(items: Items, scope: Scope) -> Test:
    """Whether values can be chosen in a subject so that no two stand in different elements of one array."""
    tests = {id(leaf): values_test(leaf.conditions, scope) for leaf in leaves(items)}

    def test(subject: dict[str, Any]) -> bool:
        def accepted(leaf: Leaf) -> _Key:
            found = list(found_at(subject, segments_of(leaf.path)))
            if not found and accepts_absence(leaf):
                return None
            accepts = tests[id(leaf)]
            return _key(within for value, within in found if accepts(value))

        return _run(_asked(items, accepted))

    return test


def _asked(items: Items, accepted: Callable[[Leaf], _Key]) -> _All:
    return tuple(
        accepted(item) if isinstance(item, Leaf) else tuple(_asked(branch, accepted) for branch in item.branches)
        for item in items
    )


def _key(places: Iterable[Within]) -> _Key:
    root = _Place()
    for within in places:
        place = root
        for array, i in within:
            elements = place.arrays.get(array)
            if elements is None:
                elements = place.arrays[array] = _Array(array)
            if i not in elements:
                elements[i] = _Place()
            place = elements[i]
        place.has_value = True
    return root.key


def _run(question: _All) -> bool:
    """Answer a question by those that it leads to: with a stack of its own, for arrays can be nested deep."""
    failed: set[_All] = set()
    stack, answer = [_search(question, failed)], None
    while stack:
        try:
            stack.append(_search(stack[-1].send(answer), failed))  # pyright: ignore[reportArgumentType]
            answer = None
        except StopIteration as done:
            stack.pop()
            answer = done.value
    return answer is True


def _search(question: _All, failed: set[_All]) -> _Search:
    """Yields smaller questions, takes their answers and returns its own."""
    rest = _plain(question)
    if not rest:
        return rest is not None
    if rest in failed:
        return False
    for group in _groups(rest):
        for smaller in _choices(group):
            if (yield smaller):
                break
        else:
            failed.add(rest)
            return False
    return True


def _plain(question: _All) -> _All | None:
    """Without what holds whatever is chosen; None where something cannot hold."""
    left: list[Any] = []
    for item in question:
        if item is None:
            continue
        if isinstance(item, frozenset):
            if not item:
                return None
            left.append(item)
            continue
        branches = [branch for branch in map(_plain, item) if branch is not None]
        if not branches:
            return None
        if len(branches) == 1:
            left += branches[0]
        elif () not in branches:
            left.append(tuple(branches))
    return tuple(left)


def _keys(item: Any) -> Iterator[frozenset[_Array]]:
    if isinstance(item, frozenset):
        yield item
    elif item is not None:
        for branch in item:
            for each in branch:
                yield from _keys(each)


def _groups(question: _All) -> list[_All]:
    """What has arrays in common, directly or by way of something else."""
    groups: list[tuple[list[Any], set[int]]] = []
    of: dict[int, int] = {}  # array → its group
    for item in question:
        arrays = {each.array for key in _keys(item) for each in key}
        met = sorted({of[array] for array in arrays if array in of}, key=lambda n: -len(groups[n][1]))
        into = met[0] if met else len(groups)
        if not met:
            groups.append(([], set()))
        groups[into][0].append(item)
        for other in met[1:]:  # the smaller ones into the largest
            groups[into][0].extend(groups[other][0])
            arrays |= groups[other][1]
            groups[other] = ([], set())
        groups[into][1].update(arrays)
        of.update(dict.fromkeys(arrays, into))
    return [tuple(items) for items, _ in groups if items]


def _choices(group: _All) -> Iterator[_All]:
    """Smaller questions, of which one has to be answered with yes."""
    ors = [item for item in group if isinstance(item, tuple)]
    if not ors and len(group) == 1:
        yield ()  # whichever value
        return
    keys = [key for item in group for key in _keys(item)]
    indices: dict[int, set[int]] = {}
    for key in keys:
        for each in key:
            indices.setdefault(each.array, set()).update(each)
    if ors and prod(map(len, ors)) <= prod(map(len, indices.values())):
        chosen = min(ors, key=len)
        others = tuple(item for item in group if item is not chosen)
        for branch in chosen:
            yield (*others, *branch)
        return
    # Whatever else is chosen, it stands beside one element of the array that most keys have.
    [(array, _)] = Counter(each.array for key in keys for each in key).most_common(1)
    bound = [next(iter(item)) for item in group if isinstance(item, frozenset) and len(item) == 1]
    only = [set(each) for each in bound if each.array == array]
    for i in sorted(reduce(set.__and__, only, indices[array])):
        yield tuple(_at(item, array, i) for item in group)


def _at(item: Any, array: int, i: int) -> Any:
    """What is left to be chosen at an index of the array."""
    if item is None:
        return None
    if not isinstance(item, frozenset):
        return tuple(tuple(_at(each, array, i) for each in branch) for branch in item)
    left: set[_Array] = set()
    for each in item:
        if each.array != array:
            left.add(each)
        elif i in each:
            inner = each[i].key
            if inner is None:
                return None
            left |= inner
    return frozenset(left)
