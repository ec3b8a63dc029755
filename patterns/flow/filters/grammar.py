"""Read a filter policy: one grammar, spoken by SNS, EventBridge and event source mappings in three dialects.

``parse`` turns the JSON document into a small tree, refuses what the service would refuse with the path in
the document, and returns as warnings what is accepted but means something else than it seems to.

Sources, named in the messages' terms and not repeated below:
- https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
- https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html
- https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
- https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
- https://github.com/aws/event-ruler (the open source of EventBridge's matcher)

Where they disagree: docs/decisions/0004-filter-policies.md.
"""

import ipaddress
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from operator import eq, ge, gt, le, lt
from typing import Any

from patterns.errors import PatternError
from patterns.flow import limits


class Scope(StrEnum):
    """What a policy is read against, and by whose rules.

    ``MessageBody`` and ``MessageAttributes``, the values of ``FilterPolicyScope``, are accepted too.
    """

    BODY = "body"
    ATTRIBUTES = "attributes"
    EVENTBRIDGE = "eventbridge"
    EVENT_SOURCE = "event-source"

    @classmethod
    def _missing_(cls, value: object) -> "Scope":
        spelled = {"MessageBody": cls.BODY, "MessageAttributes": cls.ATTRIBUTES}
        if isinstance(value, str) and value in spelled:
            return spelled[value]
        raise PatternError(f"scope must be {either(cls)}, got {value!r}")

    @property
    def is_sns(self) -> bool:
        """Whether SNS reads the policy."""
        return self in (Scope.BODY, Scope.ATTRIBUTES)


@dataclass(frozen=True, slots=True)
class Condition:
    """One element of a policy's array.

    ``operand`` is what the operator compares with; for ``anything-but`` it is the tuple of conditions of
    which none may hold, for ``numeric`` a tuple of ``(operator, number)`` pairs.
    """

    operator: str
    operand: Any
    source: Any
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """A key and the conditions of which one has to hold for one of its values."""

    path: tuple[str, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """``$or``: one of the branches has to hold."""

    branches: tuple["Items", ...]


Items = tuple[Leaf | Or, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A policy that its service accepts, and what its author should know about it."""

    items: Items
    warnings: tuple[str, ...]


OPERATORS = ("anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard")
_EVENT_FIELDS = frozenset(
    ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail", "replay-name")
)
_LAMBDA_OPERATORS = frozenset(("anything-but", "equals-ignore-case", "exists", "numeric", "prefix", "suffix"))
# A parser's stack, not a quota: SNS counts such a policy as too complex from level 151, and 4,096 characters
# of an event pattern seldom hold as many.
_DEEPEST = 200
COMPARE: dict[str, Callable[[float, float], bool]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


def parse(policy: object, scope: Scope, *, argument: str) -> Parsed:
    """Read a policy, or say where it is wrong.

    Raises:
        PatternError: with the path in the policy, what is allowed and what was found.
    """
    reader = _Reader(scope)
    if not isinstance(policy, Mapping):
        raise PatternError(f"{argument} must be a JSON object, got {shown(policy)}")
    check_depth(policy, argument)
    items = reader.read(policy, argument)
    _check_limits(policy, items, reader, argument)
    return Parsed(items, tuple(dict.fromkeys(reader.warnings)))


def either(words: Any) -> str:
    """``a, b or c``."""
    *most, last = [str(word) for word in words]
    return f"{', '.join(most)} or {last}" if most else last


class _Reader:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.warnings: list[str] = []

    def read(self, node: Mapping[str, Any], where: str) -> Items:
        if self.scope is Scope.EVENT_SOURCE:
            self._check_only_body(node, where)
        return self._object(node, (), where)

    def _object(self, node: Mapping[str, Any], path: tuple[str, ...], where: str) -> Items:
        if not node:
            if not self.scope.is_sns:
                raise PatternError(f"{where} must name at least one key, got {{}}")
            self.warnings.append(f"{where} is empty: it accepts every message")
        items: list[Leaf | Or] = []
        for key, value in node.items():
            if not isinstance(key, str):
                raise PatternError(f"{where} must have strings as keys, got {shown(key)}")
            here = f"{where}.{key}"
            if key == "$or" and self._is_or(value, here):
                items.append(self._or(value, path, here))
            elif isinstance(value, Mapping):
                if self.scope is Scope.ATTRIBUTES:
                    raise PatternError(
                        f"{here} must be an array: the scope MessageAttributes knows no nested keys "
                        f"(the scope MessageBody does), got {shown(value)}"
                    )
                items += self._object(value, (*path, key), here)
            elif isinstance(value, list | tuple):
                items.append(self._leaf(value, (*path, key), here))
            else:
                nested = "an array" if self.scope is Scope.ATTRIBUTES else "an array or an object"
                raise PatternError(f"{here} must be {nested}, got {shown(value)}")
        return tuple(items)

    def _is_or(self, value: object, where: str) -> bool:
        objects = isinstance(value, list | tuple) and value and all(isinstance(v, Mapping) for v in value)
        if objects and len(value) > 1:  # pyright: ignore[reportArgumentType]
            return True
        # EventBridge keeps "$or" as the name of an ordinary key where it cannot be the operator.
        if self.scope.is_sns or objects:
            raise PatternError(f"{where} must be an array of at least 2 objects, got {shown(value)}")
        return False

    def _or(self, branches: list[Mapping[str, Any]], path: tuple[str, ...], where: str) -> Or:
        read = []
        for i, branch in enumerate(branches):
            if not branch and not self.scope.is_sns:
                raise PatternError(f"{where}[{i}] must name at least one key, got {{}}")
            reserved = [key for key in branch if key in OPERATORS]
            if reserved and not self.scope.is_sns:
                raise PatternError(
                    f"{where}[{i}].{reserved[0]} must be a key of the event: an operator stands inside the "
                    f"array of a key, got {shown(branch)}"
                )
            read.append(self._object(branch, path, f"{where}[{i}]"))
        return Or(tuple(read))

    def _leaf(self, values: list[Any] | tuple[Any, ...], path: tuple[str, ...], where: str) -> Leaf:
        if not values:
            raise PatternError(f"{where} must have at least one value, got []")
        if self.scope is not Scope.ATTRIBUTES and sum(name.count(".") + 1 for name in path) > _DEEPEST:
            raise PatternError(f"{where} must have at most {_DEEPEST} levels, a dot in a name being one, got more")
        conditions = tuple(self._condition(value, f"{where}[{i}]") for i, value in enumerate(values))
        if self.scope.is_sns:
            _check_wildcards(conditions, where)
        if self.scope is Scope.ATTRIBUTES:
            self.warnings += [
                f'{where}[{i}] has " or \\: to match message attributes, SNS wants these escaped twice in a policy'
                for i, condition in enumerate(conditions)
                if _has_to_be_escaped(condition)
            ]
        return Leaf(path, conditions)

    def _condition(self, value: Any, where: str) -> Condition:
        if value is None or isinstance(value, str | bool):
            return Condition("equals", value, value)
        if isinstance(value, int | float):
            self._check_number(value, where)
            return Condition("equals", value, value)
        if not isinstance(value, Mapping):
            raise PatternError(
                f"{where} must be a string, number, true, false, null or an object with one operator, "
                f"got {shown(value)}"
            )
        if len(value) != 1:
            raise PatternError(f"{where} must have exactly one operator, got {shown(value)}")
        operator, operand = next(iter(value.items()))
        if operator not in OPERATORS:
            raise PatternError(f"{where} must have one of the operators {either(OPERATORS)}, got {shown(operator)}")
        if self.scope is Scope.EVENT_SOURCE and operator not in _LAMBDA_OPERATORS:
            self.warnings.append(f"{where}: Lambda does not document {operator} for event source filters")
        here = f"{where}.{operator}"
        match operator:
            case "exists":
                if not isinstance(operand, bool):
                    raise PatternError(f"{here} must be true or false, got {shown(operand)}")
                if self.scope is Scope.ATTRIBUTES and not operand:
                    self.warnings.append(f"{here}: false filters out messages that have no attributes at all")
                return Condition("exists", operand, value)
            case "numeric":
                return Condition("numeric", self._range(operand, here), value)
            case "cidr":
                return Condition("cidr", self._network(operand, here), value)
            case "anything-but":
                return Condition("anything-but", self._excluded(operand, here), value)
            case _:
                return self._text(operator, operand, here, value)

    def _text(self, operator: str, operand: Any, where: str, source: Any) -> Condition:
        if not self.scope.is_sns and operator in ("prefix", "suffix") and isinstance(operand, Mapping):
            if list(operand) == ["equals-ignore-case"] and isinstance(operand["equals-ignore-case"], str):
                return Condition(operator, operand["equals-ignore-case"], source, ignore_case=True)
            raise PatternError(f'{where} must be a string or {{"equals-ignore-case": a string}}, got {shown(operand)}')
        if not isinstance(operand, str):
            raise PatternError(f"{where} must be a string, got {shown(operand)}")
        if operator == "wildcard":
            self._check_wildcard(operand, where)
        if operand == "" and operator in ("prefix", "suffix"):
            self.warnings.append(f"{where} is empty: what it accepts is not documented")
        return Condition(operator, operand, source)

    def _excluded(self, operand: Any, where: str) -> tuple[Condition, ...]:
        if isinstance(operand, Mapping):
            return self._excluded_operator(operand, where)
        listed = operand if isinstance(operand, list | tuple) else [operand]
        if not listed:
            raise PatternError(f"{where} must have at least one value, got []")
        literals = []
        for i, value in enumerate(listed):
            here = f"{where}[{i}]" if isinstance(operand, list | tuple) else where
            if not (value is None or isinstance(value, str | int | float)):
                raise PatternError(f"{here} must be a string or a number, got {shown(value)}")
            if value is None or isinstance(value, bool):
                if not self.scope.is_sns:
                    raise PatternError(f"{here} must be a string or a number, got {shown(value)}")
                self.warnings.append(f"{here}: {shown(value)} is documented only outside anything-but")
            elif not isinstance(value, str):
                self._check_number(value, here)
            literals.append(Condition("equals", value, value))
        kinds = {isinstance(value, str) for value in listed}
        if len(kinds) > 1:
            if not self.scope.is_sns:
                raise PatternError(f"{where} must have only strings or only numbers, got {shown(operand)}")
            self.warnings.append(f"{where} mixes strings with other values, which is not documented")
        return tuple(literals)

    def _excluded_operator(self, operand: Mapping[str, Any], where: str) -> tuple[Condition, ...]:
        allowed = ("equals-ignore-case", "prefix", "suffix", "wildcard")
        if len(operand) != 1:
            raise PatternError(f"{where} must have exactly one operator, got {shown(operand)}")
        operator, inner = next(iter(operand.items()))
        if operator not in allowed:
            raise PatternError(f"{where} must have one of the operators {either(allowed)}, got {shown(operator)}")
        if self.scope.is_sns and operator not in ("prefix", "wildcard"):
            self.warnings.append(
                f"{where}.{operator}: SNS documents anything-but with prefix and wildcard only; "
                f"it has been seen to refuse {operator}"
            )
        if self.scope is Scope.EVENT_SOURCE:
            self.warnings.append(
                f"{where}.{operator}: Lambda documents anything-but with values only for event source filters"
            )
        many = isinstance(inner, list | tuple) and not self.scope.is_sns
        if many and not inner:
            raise PatternError(f"{where}.{operator} must have at least one value, got []")
        conditions = []
        for i, value in enumerate(inner if many else [inner]):
            here = f"{where}.{operator}[{i}]" if many else f"{where}.{operator}"
            if not isinstance(value, str):
                listed = "" if self.scope.is_sns else " or an array of strings" if not many else ""
                raise PatternError(f"{here} must be a string{listed}, got {shown(value)}")
            if not value and operator in ("prefix", "suffix"):
                raise PatternError(f"{here} must have at least 1 character: it would exclude every string, got ''")
            conditions.append(self._text(operator, value, here, {operator: value}))
        return tuple(conditions)

    def _check_number(self, value: float, where: str) -> None:
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        if not finite:
            raise PatternError(f"{where} must be a JSON number within double precision, got {shown(value)}")
        if self.scope.is_sns:
            _check_range(value, limits.SNS_FILTER_NUMBER, limits.SNS_FILTER_DECIMALS, where)

    def _range(self, operand: Any, where: str) -> tuple[tuple[str, float], ...]:
        shape = '[operator, number] or [">" or ">=", number, "<" or "<=", number]'
        if not isinstance(operand, list | tuple) or len(operand) not in (2, 4):
            raise PatternError(f"{where} must be {shape}, got {shown(operand)}")
        pairs = tuple(zip(operand[::2], operand[1::2], strict=True))
        for i, (operator, number) in enumerate(pairs):
            if not isinstance(operator, str) or operator not in COMPARE:
                raise PatternError(f"{where}[{2 * i}] must be =, <, <=, > or >=, got {shown(operator)}")
            here = f"{where}[{2 * i + 1}]"
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise PatternError(f"{here} must be a number, got {shown(number)}")
            self._check_number(number, here)
            if not self.scope.is_sns:
                _check_range(number, limits.EVENT_PATTERN_NUMBER, limits.EVENT_PATTERN_DECIMALS, here)
        if len(pairs) == 2:
            (first, low), (second, high) = pairs
            if first not in (">", ">=") or second not in ("<", "<="):
                raise PatternError(f"{where} must be {shape}, got {shown(operand)}")
            if low >= high:
                raise PatternError(f"{where} must have a lower bound below the upper one, got {shown(operand)}")
        return pairs

    def _network(self, operand: Any, where: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        example = 'an address, "/" and a prefix length, such as "10.0.0.0/24"'
        if not isinstance(operand, str) or operand.count("/") != 1 or not operand.split("/")[1].isdecimal():
            raise PatternError(f"{where} must be {example}, got {shown(operand)}")
        try:
            network = ipaddress.ip_network(operand, strict=False)
        except ValueError:
            raise PatternError(f"{where} must be {example}, got {shown(operand)}") from None
        if str(network.network_address) != str(ipaddress.ip_address(operand.split("/")[0])):
            self.warnings.append(f"{where} has bits set behind the prefix length; {network} is meant")
        return network

    def _check_wildcard(self, pattern: str, where: str) -> None:
        stars = previous = 0
        tokens = wildcard_tokens(pattern)
        if tokens is None:
            raise PatternError(f"{where} must have \\ only before * or \\, got {shown(pattern)}")
        for token in tokens:
            star = token is None
            if star and previous:
                if not self.scope.is_sns:
                    raise PatternError(f"{where} must not have two * in a row, got {shown(pattern)}")
                self.warnings.append(f"{where} has two * in a row, which EventBridge refuses")
            stars, previous = stars + star, star
        if self.scope.is_sns and stars > limits.SNS_FILTER_WILDCARDS:
            raise PatternError(
                f"{where} must have at most {limits.SNS_FILTER_WILDCARDS} wildcards, got {stars} in {shown(pattern)}"
            )

    def _check_only_body(self, node: Mapping[str, Any], where: str) -> None:
        for key, value in node.items():
            if key == "$or" and self._is_or(value, f"{where}.$or"):
                self.warnings.append(f"{where}.$or: Lambda documents $or below body for an SQS queue, not beside it")
                for i, branch in enumerate(value):
                    self._check_only_body(branch, f"{where}.$or[{i}]")
            elif key != "body":
                raise PatternError(f'{where} must have only the key "body" for an SQS queue, got {shown(key)}')
        body = node.get("body")
        if isinstance(body, list | tuple):
            for i, value in enumerate(body):
                if value is None or isinstance(value, bool | int | float):
                    raise PatternError(
                        f"{where}.body[{i}] must be a string or an operator: a body that is not an object is "
                        f"compared as text, got {shown(value)}"
                    )


def _has_to_be_escaped(condition: Condition) -> bool:
    if condition.operator == "anything-but":
        return any(map(_has_to_be_escaped, condition.operand))
    return isinstance(condition.operand, str) and not {'"', "\\"}.isdisjoint(condition.operand)


def wildcard_tokens(pattern: str) -> list[str | None] | None:
    """The characters of a wildcard pattern, ``None`` for each wildcard; None for a wrong escape."""
    tokens: list[str | None] = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            escaped = next(characters, "")
            if escaped not in ("*", "\\") or not escaped:
                return None
            tokens.append(escaped)
        else:
            tokens.append(None if character == "*" else character)
    return tokens


def combinations_of(node: Mapping[str, Any], depth: int = 1) -> int:
    """SNS's measure of complexity: depth times values for each key, multiplied; branches of $or added up."""
    product = 1
    for key, value in node.items():
        if isinstance(value, Mapping):
            product *= combinations_of(value, depth + 1)
        elif key == "$or":
            product *= sum(combinations_of(branch, depth) for branch in value)
        else:
            product *= depth * len(value)
    return product


def leaves(items: Items) -> Iterator[Leaf]:
    """Every key with values, those in ``$or`` included."""
    for item in items:
        if isinstance(item, Leaf):
            yield item
        else:
            for branch in item.branches:
                yield from leaves(branch)


def _check_range(value: float, bounds: tuple[int, int], decimals: int, where: str) -> None:
    low, high = bounds
    if not low <= value <= high:
        raise PatternError(f"{where} must be {low} to {high}, got {value!r}")
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > decimals:
        raise PatternError(f"{where} must have at most {decimals} decimal places, got {value!r}")


def _check_wildcards(conditions: tuple[Condition, ...], where: str) -> None:
    """SNS gives each field points for wildcards: 1 for a lone one, 3 for each of several in a pattern."""
    patterns = [
        inner.operand
        for condition in conditions
        for inner in (condition.operand if condition.operator == "anything-but" else (condition,))
        if inner.operator == "wildcard"
    ]
    stars = [(wildcard_tokens(pattern) or []).count(None) for pattern in patterns]
    points = sum(count if count < 2 else 3 * count for count in stars) * len(patterns)
    if points > limits.SNS_FILTER_WILDCARD_POINTS:
        raise PatternError(
            f"{where} must have at most {limits.SNS_FILTER_WILDCARD_POINTS} points of wildcard complexity "
            f"(the points of all patterns times their number; a lone * is 1 point, each of several 3), "
            f"got {points} with {len(patterns)} patterns"
        )


def check_depth(policy: Mapping[Any, Any], argument: str) -> None:
    """Refuse what recursion could not read."""
    level: list[Any] = [policy]
    depth = 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise PatternError(f"{argument} must be nested at most {_DEEPEST} levels deep, got more")
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, Mapping) else node)
            if isinstance(child, Mapping | list | tuple)
        ]


def _check_limits(policy: Mapping[str, Any], items: Items, reader: _Reader, argument: str) -> None:
    text = json.dumps(policy, separators=(",", ":"), ensure_ascii=False, default=dict)
    if not reader.scope.is_sns:
        most = (
            limits.EVENT_PATTERN_CHARACTERS
            if reader.scope is Scope.EVENTBRIDGE
            else limits.ESM_FILTER_PATTERN_CHARACTERS
        )
        if len(text) > most:
            raise PatternError(f"{argument} must be at most {most} characters of JSON, got {len(text)}")
        if reader.scope is Scope.EVENTBRIDGE:
            reader.warnings += [
                f"{argument}.{key}: no event has this field at its top level (those of its sender are in detail)"
                for key in policy
                if key.partition(".")[0] not in _EVENT_FIELDS and key != "$or"
            ]
        return
    if len(policy) > limits.SNS_FILTER_KEYS:
        raise PatternError(f"{argument} must have at most {limits.SNS_FILTER_KEYS} keys, got {len(policy)}")
    keys = {leaf.path for leaf in leaves(items)}
    if len(keys) > limits.SNS_FILTER_KEYS:
        reader.warnings.append(
            f"{argument} has {len(keys)} keys with values: SNS has been documented to count these, nested ones "
            f"included, and to allow {limits.SNS_FILTER_KEYS}"
        )
    count = combinations_of(policy)
    if count > limits.SNS_FILTER_COMBINATIONS:
        raise PatternError(
            f"{argument} must have at most {limits.SNS_FILTER_COMBINATIONS} combinations (for each key its "
            f"depth times the number of its values, multiplied; the branches of $or added up), "
            f"got {count}"
        )
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > limits.SNS_FILTER_BYTES:
        raise PatternError(f"{argument} must be at most {limits.SNS_FILTER_BYTES} bytes of JSON, got {size}")


def shown(value: object) -> str:
    """A value as messages show it: JSON, and not more of it than helps."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError):
        try:
            text = repr(value)
        except ValueError:  # Python writes no integer of more digits
            text = f"{'' if isinstance(value, int) else 'a value with '}a number of more than "
            text += f"{sys.get_int_max_str_digits()} digits"
    return text if len(text) <= 120 else f"{text[:117]}..."
