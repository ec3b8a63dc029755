"""What a condition of a policy accepts: tests of single values."""

import ipaddress
from collections.abc import Callable
from operator import methodcaller
from typing import Any

from patterns.flow.filters.grammar import COMPARE, Condition, Leaf, Scope, wildcard_tokens

Test = Callable[[Any], bool]


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
            excluded = values_test(operand, scope)
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


def text_test(conditions: tuple[Condition, ...]) -> Test | None:
    """One call of Python's for all texts, where all conditions of a key are of one kind that has such a call."""
    operands = tuple(c.operand for c in conditions if isinstance(c.operand, str) and not c.ignore_case)
    if len(operands) < len(conditions):
        return None
    match list({c.operator for c in conditions}):
        case ["equals"]:
            return frozenset(operands).__contains__
        case ["prefix"]:
            return methodcaller("startswith", operands)
        case ["suffix"]:
            return methodcaller("endswith", operands)
    return None


def values_test(conditions: tuple[Condition, ...], scope: Scope) -> Test:
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
