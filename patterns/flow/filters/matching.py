"""Match messages against filter policies, and say which key, operator and value decided.

A policy is compiled once; matching walks the message along the policy's keys and touches nothing else. A key is
found as its service finds it: through arrays, whose elements are alternatives, and with a dot in a name standing
for a level, since both services flatten what they compare
(https://github.com/localstack/localstack/pull/10684, https://github.com/aws/event-ruler#json-text-matching).
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from patterns.errors import PatternError
from patterns.flow.filters.conditions import Test, accepts_absence, condition_test
from patterns.flow.filters.elements import has_array, same_elements, shared_levels
from patterns.flow.filters.grammar import Items, Leaf, Or, Scope, leaves, parse, shown
from patterns.flow.filters.reading import NOT_JSON, Invalid, needles, parsed, reader
from patterns.flow.filters.walking import compiled, found_at, segments_of

_FILTERED_OUT = "NumberOfNotificationsFilteredOut"
_MISSING = object()
# Texts that match in a row, after which looking at the next one before it is read is in vain.
_ENOUGH = 8
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


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
        document = parse(policy, self.scope, argument=argument)
        self.warnings = document.warnings
        self.items = document.items
        self._plain = self.scope in (Scope.BODY, Scope.EVENTBRIDGE)
        self._attributes = frozenset(leaf.path[0] for leaf in leaves(self.items))
        self._shared = shared_levels(self.items) if not self.scope.is_sns else frozenset[str]()
        self._needles = needles(self.items) if self.scope is Scope.BODY else ()
        self._in_a_row = 0

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
        if message.__class__ is str and self.scope is Scope.BODY and self.items:
            return self._matches_text(message)
        subject, _ = self._subject(message)
        return subject is not None and self._test(subject) and self._consistent(subject)

    def _matches_text(self, text: str) -> bool:
        if self._in_a_row < _ENOUGH and "\\" not in text:
            for needles in self._needles:
                for needle in needles:  # a loop, for any() would cost as much as all the rest
                    if needle in text:
                        break
                else:
                    return False
        try:
            body, test = self._read(text), self._test_read
        except Exception:  # whatever it did not take, Python's own reader has the last word
            body, test = parsed(text), self._test
        matched = body.__class__ is dict and test(body)
        self._in_a_row = self._in_a_row + 1 if matched else 0
        return matched

    @cached_property
    def _test(self) -> Test:
        return compiled(self.items, self.scope)

    @cached_property
    def _test_read(self) -> Test:
        return compiled(self.items, self.scope, dotted=self._read is parsed)

    @cached_property
    def _read(self) -> Callable[[str], Any]:
        return reader(segments_of(leaf.path) for leaf in leaves(self.items))

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
                body = parsed(message)
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
        body = parsed(message)
        kinds = self.body_kinds
        if isinstance(body, dict):
            if True not in kinds:
                return None, f"the pattern is for plain text, and the body is {_kind(body)}"
            return {"body": body}, ""
        if False not in kinds:
            return None, f"the pattern is for JSON objects, and the body is {_kind(body)}"
        if isinstance(body, list):
            return None, f"the pattern is for plain text, and the body is {_kind(body)}"
        return {"body": message if isinstance(message, str) else shown(body)}, ""

    @cached_property
    def body_kinds(self) -> frozenset[bool]:
        """Of an event source filter: whether it is for JSON objects (True), text (False), or has branches for both."""
        # A key of the body has a second level; the body itself, as text, has none.
        return frozenset(len(segments_of(leaf.path)) > 1 for leaf in leaves(self.items))

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
            if isinstance(value, Invalid):
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
        return not self._shared or not has_array(subject, self._shared) or self._in_same_elements(subject)

    @cached_property
    def _in_same_elements(self) -> Test:
        return same_elements(self.items, self.scope)


def match(policy: Mapping[str, Any], scope: Scope | str, message: Any) -> bool:
    """Whether one message passes one policy; for many, make a ``Filter`` once."""
    return Filter(policy, scope).matches(message)


def explain(policy: Mapping[str, Any], scope: Scope | str, message: Any) -> Verdict:
    """Whether one message passes one policy, and which key, operator and value decided."""
    return Filter(policy, scope).explain(message)


# Message attributes ---------------------------------------------------------------------------------------


def _kind(value: object) -> str:
    if value is NOT_JSON:
        return "text that is not JSON"
    if isinstance(value, list | tuple):
        return "an array"
    names = {dict: "a JSON object", str: "a string", bool: "a boolean", type(None): "null", int: "a number"}
    names[float] = "a number"
    return names.get(type(value), f"no JSON, of the type {type(value).__name__}")


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
        array = parsed(value)
        if not isinstance(array, list) or any(isinstance(one, dict | list) for one in array):
            return Invalid(f"{name}: String.Array must be a JSON array of scalars, got {shown(value)}")
        return array
    if kind.startswith("Number"):
        number = _number(value)
        return Invalid(f"{name}: Number must be a number, got {shown(value)}") if number is None else number
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
        values = tuple(value for value, _ in found_at(subject, segments_of(leaf.path)))
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
    text = f"{key}: {got}, and the policy wants {_wanted(leaf)}"
    return Reason(key, False, None, values, text + _other_type(leaf, values, scope))


def _other_type(leaf: Leaf, values: tuple[Any, ...], scope: Scope) -> str:
    """Where a value differs from what is wanted by its JSON type alone: in so many words."""
    for value in values[:3]:
        other = _read_otherwise(value)
        for condition in leaf.conditions:
            if other is not None and condition.operator in ("equals", "numeric"):
                test = condition_test(condition, scope)
                if test(other) and not test(value):
                    one, two = ("text", "number") if isinstance(value, str) else ("number", "text")
                    return f" ({shown(value)} is a {one}, the {two} {shown(other)} would match)"
    return ""


def _read_otherwise(value: Any) -> str | float | None:
    """A number for text that is one, the text for a number."""
    if isinstance(value, str):
        return _number(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return shown(value)
    return None


def _wanted(leaf: Leaf) -> str:
    sources = [shown(condition.source) for condition in leaf.conditions]
    return sources[0] if len(sources) == 1 else "one of " + ", ".join(sources)


def _whole(text: str) -> Reason:
    return Reason("", False, None, (), text)
