"""What filters do together: leave a gap, overlap, never match. Proved, or said to be unknown.

The values that a key can have fall into classes which no condition of the policies at hand tells apart: for
prefixes ``a`` and ``ab`` the strings that begin with neither, with ``a`` only, with both. One value stands
for each class, and what is true of it is true of the class. That is exact for values, anything-but, prefix,
suffix, numeric and exists. For equals-ignore-case, wildcard and cidr the values tried may miss a class: an
example that is found still proves, but that none is found proves nothing, and the answer is None.

A message is taken to have one value under a key: two records in one message can match two filters that no
single record matches. A policy is assumed to be one that its service accepts.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, product
from typing import Any

from patterns.errors import PatternError
from patterns.flow.filters.conditions import Test, accepts_absence, condition_test
from patterns.flow.filters.grammar import Condition, Items, Leaf, Scope, wildcard_tokens
from patterns.flow.filters.matching import Filter
from patterns.flow.filters.walking import segments_of

# Enough for every policy that SNS accepts (150 combinations); above it the answer is None, not a long wait.
_MOST_BRANCHES = 1_000
_MOST_KEYS = 100
_MOST_STEPS = 20_000
# Texts to try for a key: above it, not each prefix with each suffix, and no proof.
_MOST_TEXTS = 1_000

Policies = Sequence[Mapping[str, Any]]
_ABSENT = object()
_PROVABLE = frozenset(("equals", "exists", "numeric", "prefix", "suffix", "anything-but"))


def covers_everything(policies: Policies, scope: Scope | str) -> bool | None:
    """Whether every message passes at least one of the policies.

    Every message means: with scope ``body`` every JSON object (another body passes no policy but the empty
    one), with ``attributes`` every set of attributes and none at all, with ``eventbridge`` every event,
    with ``event-source`` every JSON object when a pattern is for JSON, else every text. A message has one value
    under each key: one with an array can pass no policy of EventBridge, which wants all keys in one element of it,
    where each of its elements would pass.

    Returns:
        True when it is proved, False when a message is known that passes none (see ``uncovered``), None
        when it cannot be told: operators that cannot be decided, or only messages whose treatment the
        service does not document (null, and empty strings under ``exists``, in SNS).
    """
    covered, _ = _cover(_filters(policies, scope), Scope(scope))
    return covered


def uncovered(policies: Policies, scope: Scope | str) -> dict[str, Any] | None:
    """A message that passes none of the policies, as ``Filter.matches`` reads it; None when none is known."""
    _, example = _cover(_filters(policies, scope), Scope(scope))
    return example


def can_match(policy: Mapping[str, Any], scope: Scope | str) -> bool | None:
    """Whether some message passes the policy.

    Returns:
        True when one is known, False when there is proved to be none, None when it cannot be told.
    """
    return _meet(_filters([policy], scope), Scope(scope), single=False)


def overlap(one: Mapping[str, Any], other: Mapping[str, Any], scope: Scope | str) -> bool | None:
    """Whether some message passes both policies, and so is delivered twice where both lead to one endpoint.

    Returns:
        True when one is known, False when there is proved to be none, None when it cannot be told.
    """
    return common([one, other], scope)


def common(policies: Policies, scope: Scope | str) -> bool | None:
    """Whether some message passes all the policies; the answers are those of ``overlap``."""
    return _meet(_filters(policies, scope), Scope(scope), single=True)


def _filters(policies: Policies, scope: Scope | str) -> list[Filter]:
    return [Filter(policy, scope) for policy in policies]


def _meet(filters: list[Filter], scope: Scope, *, single: bool) -> bool | None:
    """Whether one message passes all the filters; ``single``: with one value under each key."""
    if scope is Scope.EVENT_SOURCE and len(kinds := {each.body_kinds for each in filters}) > 1:
        return None if any(len(kind) > 1 for kind in kinds) else False
    boxes = _boxes(filters, scope)
    if boxes is None:
        return None
    domains = _domains(chain(*boxes), scope)
    unsure = False
    for choice in product(*boxes):
        chosen: dict[str, Any] = {}
        possible = True
        for key in {key for box in choice for key in box}:
            sets = [box[key] for box in choice if key in box]
            values = domains[key].values
            value = next((v for v in values if all(one.accepts(v, False) for one in sets)), None)
            if value is None and not single:
                value = _several(sets, values)
            if value is None:
                doubtful = any(all(one.accepts(v, True) for one in sets) for v in values)
                unsure = unsure or doubtful or not domains[key].complete
                possible = False
                break
            chosen[key] = value
        if possible:
            message = _message(chosen, scope)
            if all(each.matches(message) for each in filters):
                return True
            unsure = True
    return None if unsure else False


def complement(policies: Policies, scope: Scope | str) -> dict[str, Any] | None:
    """A policy for what passes none of the policies: proved to leave no gap beside them, and known to meet none.

    Exists where all policies look at one key of the body, and what they accept there can be turned around: exact
    values, one prefix, ``anything-but`` with values, ``exists``. A message that has an array under the key may pass
    both.

    Returns:
        The policy; None where there is none, or where it could not be proved.
    """
    scope = Scope(scope)
    if scope is not Scope.BODY:  # messages without attributes pass no attribute filter at all
        return None
    filters = _filters(policies, scope)
    found = [each.items[0] for each in filters if len(each.items) == 1 and isinstance(each.items[0], Leaf)]
    if len(found) != len(filters):
        return None
    if len({leaf.path for leaf in found}) != 1:
        return None
    values = _turned_around([condition for leaf in found for condition in leaf.conditions])
    if values is None:
        return None
    document: Any = values
    for level in reversed(found[0].path):
        document = {level: document}
    try:
        rest = Filter(document, scope)
    except PatternError:  # too many values for one policy
        return None
    if rest.warnings:
        return None
    covered, _ = _cover([*filters, rest], scope)
    apart = all(_meet([each, rest], scope, single=True) is not True for each in filters)
    return document if covered and apart else None


def _turned_around(conditions: list[Condition]) -> list[Any] | None:
    """Conditions for all values that none of these accepts."""
    kinds = {_operator(condition) for condition in conditions}
    literals = [c.source for c in conditions if c.operator == "equals" and c.operand is not None]
    rest = kinds - {"absent", "equals"}
    turned: list[Any] = []
    if rest == {"exists"} and not literals:
        turned = [""]
    elif rest == {"prefix"} and not literals:
        prefixes = {c.operand for c in conditions if c.operator == "prefix"}
        if len(prefixes) != 1:
            return None
        turned = [{"anything-but": {"prefix": prefixes.pop()}}]
    elif rest == {"anything-but"} and len(conditions) == 1:
        turned = [inner.source for inner in conditions[0].operand if inner.operator == "equals"]
    elif not rest and literals:
        turned = [{"anything-but": literals}]
    else:
        return None
    if not any(c.operator == "equals" and c.operand is None for c in conditions):
        turned.append(None)
    return turned if "absent" in kinds else [*turned, {"exists": False}]


# Boxes: a policy as alternatives, each a set of values for each key ---------------------------------------


@dataclass(frozen=True, slots=True)
class _Value:
    """A value that stands for its class, and the operators under which SNS's treatment of it is in doubt."""

    value: Any
    doubtful: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Domain:
    """The values to try for a key, and whether every class of values is among them."""

    values: tuple[_Value, ...]
    complete: bool


class _Set:
    """The values that one key may have: those that every array of conditions on it accepts."""

    def __init__(self, leaves: list[Leaf], scope: Scope) -> None:
        self.conditions = [condition for leaf in leaves for condition in leaf.conditions]
        self._absent = all(accepts_absence(leaf) for leaf in leaves)
        self._tests: list[list[tuple[str, Test]]] = [
            [(_operator(condition), condition_test(condition, scope)) for condition in leaf.conditions]
            for leaf in leaves
        ]

    def accepts(self, value: _Value, doubt: bool) -> bool:
        """Whether a value is in the set; ``doubt`` is what a doubtful condition is taken to say."""
        if value.value is _ABSENT:
            return self._absent
        return all(_accepted(tests, value, doubt) for tests in self._tests)

    def one_each(self, values: tuple[_Value, ...]) -> list[Any] | None:
        """A value for each array of conditions, for a message that has an array."""
        chosen = [
            next((v.value for v in values if v.value is not _ABSENT and _accepted(tests, v, False)), _ABSENT)
            for tests in self._tests
        ]
        return None if _ABSENT in chosen else chosen


_Box = dict[str, _Set]


def _operator(condition: Condition) -> str:
    """``exists`` stands for true only: that null and empty text are not absent is not in doubt."""
    return "absent" if condition.operator == "exists" and not condition.operand else condition.operator


def _accepted(tests: list[tuple[str, Test]], value: _Value, doubt: bool) -> bool:
    return any(doubt if operator in value.doubtful else test(value.value) for operator, test in tests)


def _several(sets: list[_Set], values: tuple[_Value, ...]) -> _Value | None:
    found = [one.one_each(values) for one in sets]
    return None if None in found else _Value([value for each in found if each for value in each])


def _boxes(filters: list[Filter], scope: Scope) -> list[list[_Box]] | None:
    """For each filter its alternatives; None when there are too many to think about."""
    result = []
    for each in filters:
        if _count(each.items) > _MOST_BRANCHES:
            return None
        result.append([_box(branch, scope) for branch in _branches(each.items)])
    return None if len({key for boxes in result for box in boxes for key in box}) > _MOST_KEYS else result


def _count(items: Items) -> int:
    return math.prod(1 if isinstance(item, Leaf) else sum(map(_count, item.branches)) for item in items)


def _branches(items: Items) -> list[tuple[Leaf, ...]]:
    choices = [
        [(item,)] if isinstance(item, Leaf) else [b for branch in item.branches for b in _branches(branch)]
        for item in items
    ]
    return [tuple(chain(*choice)) for choice in product(*choices)]


def _box(branch: tuple[Leaf, ...], scope: Scope) -> _Box:
    by_key: dict[str, list[Leaf]] = {}
    for leaf in branch:
        by_key.setdefault(".".join(leaf.path), []).append(leaf)
    return {key: _Set(found, scope) for key, found in by_key.items()}


# Values that stand for their classes ----------------------------------------------------------------------


def _domains(boxes: Iterable[_Box], scope: Scope) -> dict[str, _Domain]:
    conditions: dict[str, list[Condition]] = {}
    for box in boxes:
        for key, allowed in box.items():
            conditions.setdefault(key, []).extend(allowed.conditions)
    return {key: _domain(key, found, scope) for key, found in conditions.items()}


def _domain(key: str, conditions: list[Condition], scope: Scope) -> _Domain:
    simple = [
        inner
        for condition in conditions
        for inner in (condition.operand if condition.operator == "anything-but" else (condition,))
    ]
    texts, all_texts = _strings(simple)
    complete = all_texts and all(c.operator in _PROVABLE and not c.ignore_case for c in simple)
    values = [_Value(text) for text in texts if text]
    empty = _Value("", ("exists",) if scope.is_sns else ())
    if scope is Scope.EVENT_SOURCE and key == "body":
        return _Domain((*values, empty), complete)
    values += [_Value(one) for one in (*_numbers(simple), True, False, _ABSENT)]
    null = _Value(None, ("anything-but", "exists") if scope.is_sns else ())
    return _Domain((*values, empty, null), complete)


def _strings(conditions: list[Condition]) -> tuple[list[str], bool]:
    """Every exact value, and each prefix with each suffix around what nothing else begins or ends with.

    Where these are too many, each prefix and each suffix by itself: then it is not every class of texts.
    """
    exact, starts, ends, wildcards = [], [""], [""], []
    for condition in conditions:
        operand = condition.operand
        match condition.operator:
            case "equals" if isinstance(operand, str):
                exact.append(operand)
            case "prefix":
                starts += [operand, operand.upper(), operand.lower()] if condition.ignore_case else [operand]
            case "suffix":
                ends += [operand, operand.upper(), operand.lower()] if condition.ignore_case else [operand]
            case "equals-ignore-case":
                exact += [operand, operand.upper(), operand.lower(), operand.swapcase()]
            case "wildcard":
                wildcards.append(wildcard_tokens(operand) or [])
            case "cidr":
                exact += [str(operand.network_address), str(operand.broadcast_address)]
    named = {character for text in (*exact, *starts, *ends) for character in text}
    mark = next(m for m in chain("~-_", map(chr, range(0x100, 0x10000))) if m not in named)
    other = f"{mark}other{mark}"
    for tokens in wildcards:
        exact += ["".join(fill if token is None else token for token in tokens) for fill in ("", other)]
    starts, ends = dict.fromkeys(starts), dict.fromkeys(ends)
    every = len(starts) * len(ends) <= _MOST_TEXTS
    pairs = product(starts, ends) if every else chain(product(starts, [""]), product([""], ends))
    return list(dict.fromkeys(chain(exact, (f"{start}{other}{end}" for start, end in pairs)))), every


def _numbers(conditions: list[Condition]) -> list[float]:
    """Every number that is named, one between each two, and one beyond either end."""
    named = {c.operand for c in conditions if c.operator == "equals" and type(c.operand) in (int, float)}
    named |= {number for c in conditions if c.operator == "numeric" for _, number in c.operand}
    ordered = sorted(named)
    if not ordered:
        return [0]
    between = [(low + high) / 2 for low, high in pairwise(ordered)]
    return sorted({*ordered, *between, ordered[0] - 1, ordered[-1] + 1})


# Covering -------------------------------------------------------------------------------------------------


def _cover(filters: list[Filter], scope: Scope) -> tuple[bool | None, Any]:
    if scope is Scope.ATTRIBUTES and not any(each.matches({}) for each in filters):
        return False, {}
    told = filters
    if scope is Scope.EVENT_SOURCE:
        if any(len(each.body_kinds) > 1 for each in filters):
            return None, None
        told = [each for each in filters if True in each.body_kinds] or filters
    boxes = _boxes(told, scope)
    if boxes is None:
        return None, None
    flat = list(chain(*boxes))
    search = _Search(flat, _domains(flat, scope), scope)
    gap = search.gap(doubt=True)
    if gap is not None:
        message = _message(gap, scope)
        # Where one key is a level of another, the message may not be what was reasoned about.
        return (None, None) if any(each.matches(message) for each in filters) else (False, message)
    if search.unsure or search.gap(doubt=False) is not None or search.unsure:
        return None, None
    return True, None


class _Search:
    """Look for a choice of one value for each key that no box accepts, key by key."""

    def __init__(self, boxes: list[_Box], domains: dict[str, _Domain], scope: Scope) -> None:
        self._boxes, self._domains, self._scope = boxes, domains, scope
        self._keys = sorted(domains, key=lambda key: -sum(key in box for box in boxes))
        self.unsure = not all(domain.complete for domain in domains.values())

    def gap(self, *, doubt: bool) -> dict[str, _Value] | None:
        """Values that no box accepts; ``doubt`` is what doubtful conditions are taken to say."""
        self._doubt = doubt
        self._steps = 0
        self._covered: set[tuple[int, frozenset[int]]] = set()
        return self._gap(frozenset(range(len(self._boxes))), {})

    def _gap(self, left: frozenset[int], chosen: dict[str, _Value]) -> dict[str, _Value] | None:
        """``left``: the boxes that accept everything chosen so far."""
        depth = len(chosen)
        if not left:
            return chosen
        if (depth, left) in self._covered or any(self._boxes[i].keys() <= chosen.keys() for i in left):
            return None
        self._steps += 1
        if self._steps > _MOST_STEPS:
            self.unsure = True
            return None
        key = self._keys[depth]
        tried: set[frozenset[int]] = set()
        for value in self._domains[key].values:
            boxes = self._boxes
            still = frozenset(i for i in left if key not in boxes[i] or boxes[i][key].accepts(value, self._doubt))
            if still not in tried:
                tried.add(still)
                found = self._gap(still, {**chosen, key: value})
                if found is not None:
                    return found
        self._covered.add((depth, left))
        return None


def _message(chosen: Mapping[str, _Value], scope: Scope) -> Any:
    present = {key: value.value for key, value in chosen.items() if value.value is not _ABSENT}
    if scope is Scope.ATTRIBUTES:
        attributes = {key: _attribute(value) for key, value in present.items()}
        return attributes or {_free_name(chosen): {"DataType": "String", "StringValue": "any"}}
    message: dict[str, Any] = {}
    for key, value in present.items():
        *levels, last = segments_of((key,))
        node = message
        for level in levels:
            node = node.setdefault(level, {})
            if not isinstance(node, dict):
                return {}
        node[last] = value
    return message.get("body", {}) if scope is Scope.EVENT_SOURCE else message


def _attribute(value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return {"DataType": "String.Array", "StringValue": json.dumps(value)}
    if isinstance(value, str) and value:
        return {"DataType": "String", "StringValue": value}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"DataType": "Number", "StringValue": repr(value)}
    return {"DataType": "String.Array", "StringValue": json.dumps([value])}


def _free_name(chosen: Mapping[str, Any]) -> str:
    name = "other"
    while name in chosen:
        name += "_"
    return name
