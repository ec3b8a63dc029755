"""Match messages against filter policies, and say which key, operator and value decided.

A policy is compiled once into closures; matching walks the message along the policy's keys and touches
nothing else. A key is found as its service finds it: through arrays, whose elements are alternatives, and
with a dot in a name standing for a level, since both services flatten what they compare
(https://github.com/localstack/localstack/pull/10684, https://github.com/aws/event-ruler#json-text-matching).
"""

import ipaddress
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from patterns.errors import PatternError
from patterns.flow.filters.grammar import (
    COMPARE,
    Condition,
    Items,
    Leaf,
    Or,
    Scope,
    leaves,
    parse,
    shown,
    wildcard_tokens,
)

Test = Callable[[Any], bool]
# The array elements that a value stands in: (identity of the array, index), from the outside in.
Within = tuple[tuple[int, int], ...]
_FILTERED_OUT = "NumberOfNotificationsFilteredOut"
_MISSING = object()
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FEW = 3  # strings to look for in a text before it is read
# Levels of a key up to which every way to it, with dots for levels, is written out. Their number grows with the square.
_SHORT = 8


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one key was accepted or not.

    Attributes:
        key: the key, with dots between levels; empty when the message as a whole decided.
        matched: whether the key is accepted.
        condition: the element of the policy's array that accepted it, as it stands in the policy; None when
            none did.
        values: what the message has under the key; empty when the key is missing.
        text: the same as a sentence.
    """

    key: str
    matched: bool
    condition: Any
    values: tuple[Any, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one message.

    Attributes:
        matched: whether the message passes the filter.
        reasons: for a match each key with what accepted it; else each key that refused it.
        metric: the CloudWatch metric under which the service counts a message that does not pass; None when
            it passes, and for EventBridge, which counts unmatched events nowhere.
    """

    matched: bool
    reasons: tuple[Reason, ...]
    metric: str | None

    def __str__(self) -> str:
        lines = ["match" if self.matched else "no match"]
        lines += [f"  {reason.text}" for reason in self.reasons]
        if self.metric:
            lines.append(f"  counted as {self.metric}")
        return "\n".join(lines)


class Filter:
    """A filter policy, checked and compiled: ask it about as many messages as you like.

    Args:
        policy: the document, as a dict.
        scope: what it is read against: ``body`` or ``attributes`` (SNS), ``eventbridge`` or ``event-source``
            (an event source mapping on an SQS queue).
        argument: what messages call the document.

    Attributes:
        policy: the document.
        scope: the scope.
        warnings: what the service accepts, or may accept, and the author may not mean.
        items: the policy as it was read.

    Raises:
        PatternError: the policy is one that the service refuses.
    """

    def __init__(self, policy: Mapping[str, Any], scope: Scope | str = Scope.BODY, *, argument: str = "policy") -> None:
        self.scope = Scope(scope)
        self.policy = policy
        parsed = parse(policy, self.scope, argument=argument)
        self.warnings = parsed.warnings
        self.items = parsed.items
        self._plain = self.scope in (Scope.BODY, Scope.EVENTBRIDGE)
        self._test = _all(parsed.items, self.scope)
        self._attributes = frozenset(leaf.path[0] for leaf in leaves(parsed.items))
        self._shared = _shared_levels(parsed.items) if not self.scope.is_sns else ()
        self._needles = _needles(parsed.items) if self.scope is Scope.BODY else ()

    def matches(self, message: Any) -> bool:
        """Whether a message passes.

        Args:
            message: with scope ``body`` the body, as JSON text or parsed; with ``attributes`` the message
                attributes as boto3 writes them, ``{name: {"DataType": …, "StringValue": …}}``; with
                ``eventbridge`` the event, parsed; with ``event-source`` the SQS body, as text or parsed, or
                a whole SQS record.

        Raises:
            PatternError: attributes or an event of another shape than that.
        """
        if message.__class__ is dict and self._plain:
            return self._test(message) and (not self._shared or self._consistent(message))
        if message.__class__ is str and "\\" not in message:
            for needles in self._needles:
                if not any(needle in message for needle in needles):
                    return False
        subject, _ = self._subject(message)
        return subject is not None and self._test(subject) and self._consistent(subject)

    def explain(self, message: Any) -> Verdict:
        """Whether a message passes, and which key, operator and value decided.

        Args:
            message: as for ``matches``.
        """
        subject, fault = self._subject(message)
        if subject is None:
            return Verdict(False, (_whole(fault),), self._metric(message, fault))
        matched, reasons = _explain_all(self.items, subject, self.scope)
        if matched and not self._consistent(subject):
            matched, reasons = False, [_whole("the keys match, but not in the same element of an array")]
        if matched and not reasons:
            reasons = [Reason("", True, None, (), "the policy is empty: it accepts every message")]
        return Verdict(matched, tuple(reasons), None if matched else self._metric(message, fault))

    def _subject(self, message: Any) -> tuple[dict[str, Any] | None, str]:
        """What the keys are looked up in, and what is wrong with the message. None: nothing can match."""
        if message.__class__ is dict and self._plain:
            return message, ""
        if not self.items and self.scope.is_sns:
            return {}, ""
        match self.scope:
            case Scope.BODY:
                body = _parsed(message)
                if isinstance(body, dict):
                    return body, ""
                return None, f"the body is not a JSON object, but {_kind(body)}"
            case Scope.EVENTBRIDGE:
                if not isinstance(message, Mapping):
                    raise PatternError(f"event must be a JSON object, got {shown(message)}")
                return dict(message), ""
            case Scope.EVENT_SOURCE:
                return self._sqs_body(message)
            case Scope.ATTRIBUTES:
                return self._sns_attributes(message)

    def _sqs_body(self, message: object) -> tuple[dict[str, Any] | None, str]:
        if isinstance(message, Mapping) and message.get("eventSource") == "aws:sqs" and "body" in message:
            message = message["body"]
        body = _parsed(message)
        is_json = isinstance(body, dict | list)
        if isinstance(self.policy["body"], Mapping):
            if not isinstance(body, dict):
                return None, f"the pattern is for JSON objects, and the body is {_kind(body)}"
            return {"body": body}, ""
        if is_json:
            return None, f"the pattern is for plain text, and the body is {_kind(body)}"
        return {"body": message if isinstance(message, str) else shown(body)}, ""

    def _sns_attributes(self, message: object) -> tuple[dict[str, Any] | None, str]:
        if not isinstance(message, Mapping):
            raise PatternError(f"message attributes must be a JSON object, got {shown(message)}")
        if not message:
            return None, "the message has no attributes"
        values: dict[str, Any] = {}
        fault = ""
        for name, attribute in message.items():
            value = _attribute(name, attribute)
            if value is _MISSING:
                continue
            if isinstance(value, _Invalid):
                if name in self._attributes:
                    fault = fault or value.why
                continue
            values[name] = value
        return (None, fault) if fault else (values, "")

    def _metric(self, message: object, fault: str) -> str | None:
        match self.scope:
            case Scope.BODY:
                return f"{_FILTERED_OUT}-{'InvalidMessageBody' if fault else 'MessageBody'}"
            case Scope.ATTRIBUTES:
                why = "InvalidAttributes" if message and fault else "MessageAttributes"
                return f"{_FILTERED_OUT}-{why if message else 'NoMessageAttributes'}"
            case Scope.EVENT_SOURCE:
                return "FilteredOutEventCount"
            case Scope.EVENTBRIDGE:
                return None

    def _consistent(self, subject: dict[str, Any]) -> bool:
        """EventBridge wants keys under one array to match in the same element of it; SNS does not."""
        if not any(_has_array(subject, name) for name in self._shared):
            return True
        return _in_same_elements(self.items, subject, self.scope)


def match(policy: Mapping[str, Any], scope: Scope | str, message: Any) -> bool:
    """Whether one message passes one policy; for many, make a ``Filter`` once."""
    return Filter(policy, scope).matches(message)


def explain(policy: Mapping[str, Any], scope: Scope | str, message: Any) -> Verdict:
    """Whether one message passes one policy, and which key, operator and value decided."""
    return Filter(policy, scope).explain(message)


# Compiled tests ------------------------------------------------------------------------------------------


def condition_test(condition: Condition, scope: Scope) -> Test:
    """Whether one condition accepts one value (a JSON scalar that is present)."""
    operand = condition.operand
    match condition.operator:
        case "equals":
            kind = _type(operand)
            return lambda value: _type(value) is kind and value == operand
        case "exists":
            if not operand:
                return lambda value: False  # noqa: ARG005 - the value is present
            if scope.is_sns:
                return lambda value: value is not None and value != ""
            return lambda value: True  # noqa: ARG005
        case "numeric":
            return _numeric_test(operand)
        case "cidr":
            return lambda value: isinstance(value, str) and _in_network(value, operand)
        case "anything-but":
            excluded = _values_test(operand, scope)
            return lambda value: not excluded(value)
        case "wildcard":
            return _wildcard_test(operand)
    if condition.operator == "equals-ignore-case":
        lowered = operand.lower()
        return lambda value: isinstance(value, str) and value.lower() == lowered
    at_start = condition.operator == "prefix"
    if condition.ignore_case:
        lowered = operand.lower()
        if at_start:
            return lambda value: isinstance(value, str) and value.lower().startswith(lowered)
        return lambda value: isinstance(value, str) and value.lower().endswith(lowered)
    if at_start:
        return lambda value: isinstance(value, str) and value.startswith(operand)
    return lambda value: isinstance(value, str) and value.endswith(operand)


def _all(items: Items, scope: Scope) -> Callable[[dict[str, Any]], bool]:
    tests = [_leaf(item, scope) if isinstance(item, Leaf) else _any(item, scope) for item in items]
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda subject: first(subject) and second(subject)

    def test(subject: dict[str, Any]) -> bool:
        for one in tests:  # noqa: SIM110 - a loop is twice as fast as all() here
            if not one(subject):
                return False
        return True

    return test


def _any(item: Or, scope: Scope) -> Callable[[dict[str, Any]], bool]:
    branches = [_all(branch, scope) for branch in item.branches]
    return lambda subject: any(branch(subject) for branch in branches)


def _leaf(leaf: Leaf, scope: Scope) -> Callable[[dict[str, Any]], bool]:
    test = _values_test(leaf.conditions, scope)
    absent = accepts_absence(leaf)
    if scope is Scope.ATTRIBUTES:
        name = leaf.path[0]

        def attribute_test(subject: dict[str, Any]) -> bool:
            value = subject.get(name, _MISSING)
            if value is _MISSING or value == []:
                return absent
            return any(test(one) for one in value) if isinstance(value, list) else test(value)

        return attribute_test

    segments = segments_of(leaf.path)
    walk = _walker(segments)

    def leaf_test(subject: dict[str, Any]) -> bool:
        value = walk(subject)
        kind = value.__class__
        if kind is str:
            return test(value)
        if kind is list or kind is dict:
            values = [value for value, _ in _found(subject, segments)]
            return any(test(value) for value in values) if values else absent
        return absent if value is _MISSING else test(value)

    return leaf_test


def _values_test(conditions: tuple[Condition, ...], scope: Scope) -> Test:
    """One test for all conditions of a key: exact values by hashing, the rest one by one."""
    strings = {c.operand for c in conditions if c.operator == "equals" and isinstance(c.operand, str)}
    others = [c for c in conditions if c.operator != "equals" or not isinstance(c.operand, str)]
    numbers = {c.operand for c in others if c.operator == "equals" and _type(c.operand) is float}
    tests = [condition_test(c, scope) for c in others if c.operator != "equals" or _type(c.operand) is not float]
    if not numbers and not tests:
        return lambda value: value.__class__ is str and value in strings
    if not numbers and not strings and len(tests) == 1:
        return tests[0]

    def test(value: Any) -> bool:
        kind = value.__class__
        if kind is str:
            if value in strings:
                return True
        elif (kind is int or kind is float) and value in numbers:
            return True
        for one in tests:  # noqa: SIM110
            if one(value):
                return True
        return False

    return test


def _numeric_test(pairs: tuple[tuple[str, float], ...]) -> Test:
    (first, low), (second, high) = pairs if len(pairs) == 2 else (*pairs, *pairs)
    above, below = COMPARE[first], COMPARE[second]

    def test(value: Any) -> bool:
        kind = value.__class__
        return (kind is int or kind is float) and above(value, low) and below(value, high)

    return test


def _wildcard_test(pattern: str) -> Test:
    """Greedy from the left, the last part from the right: linear, whatever the pattern."""
    parts = [""]
    for token in wildcard_tokens(pattern) or []:
        if token is None:
            parts.append("")
        else:
            parts[-1] += token
    first, *middle, last = parts if len(parts) > 1 else [parts[0], ""]
    if len(parts) == 1:
        return lambda value: isinstance(value, str) and value == first

    def test(value: Any) -> bool:
        if not isinstance(value, str) or not value.startswith(first):
            return False
        at = len(first)
        for part in middle:
            at = value.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return len(value) - at >= len(last) and value.endswith(last)

    return test


def _in_network(value: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(value) in network
    except ValueError:
        return False


def accepts_absence(leaf: Leaf) -> bool:
    """Whether a key may be missing."""
    return any(c.operator == "exists" and not c.operand for c in leaf.conditions)


def _type(value: object) -> type:
    """The JSON type: 1 and 1.0 are one, 1 and true are not."""
    kind = type(value)
    return float if kind is int else kind


# Finding values ------------------------------------------------------------------------------------------


def segments_of(path: tuple[str, ...]) -> tuple[str, ...]:
    """The levels of a key: a dot in a name separates levels too."""
    return tuple(".".join(path).split("."))


@lru_cache(maxsize=4_096)
def _walker(segments: tuple[str, ...]) -> Callable[[Any], Any]:
    """A function that walks down to a key: its value, ``_MISSING``, or a list or dict where there is more to it.

    Nearly every message is plain objects all the way, or arrays of one element. Written out level by level the walk
    takes half the time of a loop over the levels, and walks are most of what matching does. Names enter by ``repr``.
    """
    if len(segments) > _SHORT:
        return lambda node: node
    lines = ["def walk(node):"]
    for i, name in enumerate(segments):
        lines += [
            "  if node.__class__ is not dict:",
            "    while node.__class__ is list and len(node) == 1: node = node[0]",
            "    if node.__class__ is not dict: return node if node.__class__ is list else MISSING",
        ]
        # Names with dots that lead further at once: another way to the same key.
        dotted = [".".join(segments[i:end]) for end in range(i + 2, len(segments) + 1)]
        if dotted:
            lines.append(f"  if {' or '.join(f'{longer!r} in node' for longer in dotted)}: return node")
        lines.append(f"  node = node.get({name!r}, MISSING)")
    scope: dict[str, Any] = {"MISSING": _MISSING}
    exec("\n".join([*lines, "  return node"]), scope)
    return scope["walk"]


def _found(subject: dict[str, Any], segments: tuple[str, ...]) -> Iterator[tuple[Any, Within]]:
    """Every scalar under a key, with the array elements it stands in."""
    depth = len(segments)
    stack: list[tuple[Any, int, Within]] = [(subject, 0, ())]
    while stack:
        node, at, within = stack.pop()
        if isinstance(node, dict):
            if at == depth:
                continue
            here, dotted = segments[at], f"{segments[at]}."
            for name, child in node.items():
                if name == here:
                    stack.append((child, at + 1, within))
                elif name.startswith(dotted):
                    parts = tuple(name.split("."))
                    if segments[at : at + len(parts)] == parts:
                        stack.append((child, at + len(parts), within))
        elif isinstance(node, list):
            stack += [(node[i], at, (*within, (id(node), i))) for i in range(len(node) - 1, -1, -1)]
        elif at == depth:
            yield node, within


def _shared_levels(items: Items) -> tuple[str, ...]:
    """The first levels that more than one key has: only under these can keys meet in one array."""
    roots = Counter(segments_of(leaf.path)[0] for leaf in leaves(items))
    return tuple(root for root, count in roots.items() if count > 1)


def _has_array(event: dict[str, Any], level: str) -> bool:
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


def _in_same_elements(items: Items, subject: dict[str, Any], scope: Scope) -> bool:
    """Whether values can be chosen so that no two stand in different elements of one array."""
    candidates: dict[int, frozenset[Within]] = {}
    for leaf in leaves(items):
        test, found = _values_test(leaf.conditions, scope), list(_found(subject, segments_of(leaf.path)))
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


def _needles(items: Items) -> tuple[tuple[str, ...], ...]:
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


# Reading messages ----------------------------------------------------------------------------------------


def _parsed(message: object) -> Any:
    if not isinstance(message, str | bytes):
        return message
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return _NOT_JSON


@dataclass(frozen=True, slots=True)
class _Invalid:
    why: str


_NOT_JSON = _Invalid("not JSON")


def _kind(value: object) -> str:
    if value is _NOT_JSON:
        return "text that is not JSON"
    names = {dict: "a JSON object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _attribute(name: object, attribute: object) -> Any:
    """The value as policies see it; ``_MISSING`` for Binary, which they never see."""
    if not isinstance(attribute, Mapping):
        raise PatternError(
            f"message attribute {shown(name)} must be an object with DataType and StringValue, got {shown(attribute)}"
        )
    kind, value = attribute.get("DataType", attribute.get("Type")), None
    for key in ("StringValue", "Value", "BinaryValue"):
        value = attribute[key] if value is None and key in attribute else value
    if not isinstance(kind, str) or kind.partition(".")[0] not in ("String", "Number", "Binary"):
        raise PatternError(
            f"message attribute {shown(name)} must have the DataType String, String.Array, Number or Binary, "
            f"got {shown(kind)}"
        )
    if kind.startswith("Binary"):
        return _MISSING
    if not isinstance(value, str):
        raise PatternError(f"message attribute {shown(name)} must have a string as StringValue, got {shown(value)}")
    if kind == "String.Array":
        array = _parsed(value)
        if not isinstance(array, list) or any(isinstance(one, dict | list) for one in array):
            return _Invalid(f"{name}: String.Array must be a JSON array of scalars, got {shown(value)}")
        return array
    if kind.startswith("Number"):
        number = _number(value)
        return _Invalid(f"{name}: Number must be a number, got {shown(value)}") if number is None else number
    return value


def _number(text: str) -> float | None:
    """A number as SNS takes it: Python's own readers also take digits of other scripts, spaces and underscores."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return int(text) if len(text) < 300 else float(text)
    except ValueError:
        pass
    number = float(text)
    return number if math.isfinite(number) else None


# Reasons -------------------------------------------------------------------------------------------------


def _explain_all(items: Items, subject: dict[str, Any], scope: Scope) -> tuple[bool, list[Reason]]:
    accepted: list[Reason] = []
    refused: list[Reason] = []
    for item in items:
        if isinstance(item, Leaf):
            reason = _explain_leaf(item, subject, scope)
            (accepted if reason.matched else refused).append(reason)
        else:
            matched, reasons = _explain_or(item, subject, scope)
            (accepted if matched else refused).extend(reasons)
    return not refused, refused or accepted


def _explain_or(item: Or, subject: dict[str, Any], scope: Scope) -> tuple[bool, list[Reason]]:
    refused: list[Reason] = []
    for i, branch in enumerate(item.branches):
        matched, reasons = _explain_all(branch, subject, scope)
        named = [
            Reason(r.key, r.matched, r.condition, r.values, f"$or[{i}]: {r.text}")
            for r in reasons or [Reason("", True, None, (), "an empty branch accepts every message")]
        ]
        if matched:
            return True, named
        refused += named
    return False, refused


def _explain_leaf(leaf: Leaf, subject: dict[str, Any], scope: Scope) -> Reason:
    key = ".".join(leaf.path)
    if scope is Scope.ATTRIBUTES:
        value = subject.get(key, [])
        values = tuple(value) if isinstance(value, list) else (value,)
    else:
        values = tuple(value for value, _ in _found(subject, segments_of(leaf.path)))
    if not values:
        matched = accepts_absence(leaf)
        wanted = [c.source for c in leaf.conditions if c.operator == "exists" and not c.operand]
        if matched:
            return Reason(key, True, wanted[0], (), f"{key}: missing, as {shown(wanted[0])} wants")
        return Reason(key, False, None, (), f"{key}: missing, and the policy wants {_wanted(leaf)}")
    for condition in leaf.conditions:
        test = condition_test(condition, scope)
        for value in values:
            if test(value):
                source = condition.source
                by = f"equals {shown(source)}" if condition.operator == "equals" else f"matches {shown(source)}"
                return Reason(key, True, source, values, f"{key}: {shown(value)} {by}")
    got = " and ".join(shown(value) for value in values[:3]) + (
        f" and {len(values) - 3} more" if len(values) > 3 else ""
    )
    return Reason(key, False, None, values, f"{key}: {got}, and the policy wants {_wanted(leaf)}")


def _wanted(leaf: Leaf) -> str:
    sources = [shown(condition.source) for condition in leaf.conditions]
    return sources[0] if len(sources) == 1 else "one of " + ", ".join(sources)


def _whole(text: str) -> Reason:
    return Reason("", False, None, (), text)
