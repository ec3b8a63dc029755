"""EventBridge wants keys under one array to match in the same element of it; SNS does not."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from patterns.flow.filters.conditions import accepts_absence, values_test
from patterns.flow.filters.grammar import Items, Leaf, Scope, leaves
from patterns.flow.filters.walking import Within, found_at, segments_of


def shared_levels(items: Items) -> tuple[str, ...]:
    """The first levels that more than one key has: only under these can keys meet in one array."""
    roots = Counter(segments_of(leaf.path)[0] for leaf in leaves(items))
    return tuple(root for root, count in roots.items() if count > 1)


def has_array(event: dict[str, Any], level: str) -> bool:
    """Whether there is an array of more than one element anywhere under a level."""
    stack = [value for name, value in event.items() if name == level or name.startswith(f"{level}.")]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack += [child for child in node.values() if child.__class__ is dict or child.__class__ is list]
        elif isinstance(node, list):
            if len(node) > 1:
                return True
            stack += node
    return False


def in_same_elements(items: Items, subject: dict[str, Any], scope: Scope) -> bool:
    """Whether values can be chosen so that no two stand in different elements of one array."""
    candidates: dict[int, frozenset[Within]] = {}
    for leaf in leaves(items):
        test, found = values_test(leaf.conditions, scope), list(found_at(subject, segments_of(leaf.path)))
        accepted = {within for value, within in found if test(value)}
        if not found and accepts_absence(leaf):
            accepted.add(())
        candidates[id(leaf)] = frozenset(accepted)
    todo: list[tuple[_Step | None, dict[int, int]]] = [(_chain(items, None, candidates), {})]
    seen: set[tuple[int, frozenset[tuple[int, int]]]] = set()
    while todo:
        step, chosen = todo.pop()
        if step is None:
            return True
        # Only the arrays that later keys stand in still bind.
        state = id(step), frozenset((array, i) for array, i in chosen.items() if array in step.arrays)
        if state in seen:
            continue
        seen.add(state)
        todo += [(branch, chosen) for branch in step.branches]
        todo += [
            (step.rest, chosen | dict(within))
            for within in step.beside(chosen)
            if all(chosen.get(array, i) == i for array, i in within)
        ]
    return False


@dataclass(frozen=True, slots=True)
class _Step:
    """One key on the way through a policy: where its accepted values stand, then the rest; or branches."""

    accepted: frozenset[Within]
    rest: "_Step | None"
    branches: tuple["_Step | None", ...]
    arrays: frozenset[int]
    pivot: int | None  # the array that most accepted values stand in, seen from outside
    places: dict[int | None, list[Within]]  # index in that array, or None outside it → accepted there

    def beside(self, chosen: dict[int, int]) -> Iterable[Within]:
        """The accepted values that can stand beside what is chosen: looked up by one array, not searched for."""
        if self.pivot is None or self.pivot not in chosen:
            return self.accepted
        return self.places.get(chosen[self.pivot], []) + self.places.get(None, [])


def _step(accepted: frozenset[Within], rest: _Step | None, arrays: frozenset[int]) -> _Step:
    outermost = Counter(within[0][0] for within in accepted if within)
    pivot = max(outermost, key=outermost.__getitem__, default=None)
    places: dict[int | None, list[Within]] = {}
    for within in accepted:
        at = within[0][1] if within and within[0][0] == pivot else None
        places.setdefault(at, []).append(within)
    return _Step(accepted, rest, (), arrays, pivot, places)


def _chain(items: Items, rest: _Step | None, candidates: dict[int, frozenset[Within]]) -> _Step | None:
    for item in reversed(items):
        later = rest.arrays if rest else frozenset()
        if isinstance(item, Leaf):
            accepted = candidates[id(item)]
            own = {array for within in accepted for array, _ in within}
            rest = _step(accepted, rest, later | own)
        else:
            branches = tuple(_chain(branch, rest, candidates) for branch in item.branches)
            bound = frozenset().union(*(branch.arrays for branch in branches if branch))
            rest = _Step(frozenset(), None, branches, bound, None, {})
    return rest
