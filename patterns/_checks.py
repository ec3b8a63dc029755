"""Checks that speak the caller's words, and cross the bridge to Node.js only for what fails in Python."""

from collections.abc import Iterable
from functools import cache
from math import isfinite
from typing import Any

from patterns._node import require_node

require_node()

import aws_cdk as cdk  # noqa: E402 - Node.js must be found first

from patterns.errors import PatternError  # noqa: E402


def within(name: str, value: Any, low: int, high: int, unit: str = "") -> None:
    """Refuse what is not a whole number from ``low`` to ``high``. CDK tokens and ``None`` pass.

    Raises:
        PatternError: ``<name> must be <low> to <high> <unit>, got <value>``.
    """
    if value is None:
        return
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if low <= value <= high and value == int(value):
            return
        if is_token_number(value):
            return
    limits = f"{low} to {high}" + (f" {unit}" if unit else "")
    raise PatternError(f"{name} must be {limits}, got {value!r}")


def whole_seconds(name: str, value: Any, low: int, high: int) -> int | None:
    """The seconds of a duration within ``low`` to ``high``; ``None`` for none, and for one that is a token.

    Raises:
        PatternError: not an ``aws_cdk.Duration``, not whole seconds, outside the range, or a token in another unit
            than seconds, which the CDK cannot convert.
    """
    if value is None:
        return None
    if not isinstance(value, cdk.Duration):
        raise PatternError(f"{name} must be an aws_cdk.Duration of {low} to {high} seconds, got {value!r}")
    try:
        seconds = value.to_seconds(integral=False)
    except RuntimeError:
        raise PatternError(
            f"{name} must be {low} to {high} seconds, whole: a token must be in seconds, Duration.seconds(…), because "
            "it cannot be converted, got one in another unit"
        ) from None
    if low <= seconds <= high and seconds == int(seconds):
        return int(seconds)
    if is_token_number(seconds):
        return None
    shown = f"{seconds:g}" if seconds != int(seconds) else f"{int(seconds)}"
    raise PatternError(f"{name} must be {low} to {high} seconds, whole, got {shown} seconds")


def flag(name: str, value: Any) -> None:
    """Refuse what is neither ``True`` nor ``False``: a string such as "no" would count as true.

    Raises:
        PatternError: ``<name> must be True or False, got <value>``.
    """
    if not isinstance(value, bool):
        raise PatternError(f"{name} must be True or False, got {value!r}")


def is_a(name: str, value: Any, member: str, what: str) -> None:
    """Refuse what does not look like the CDK interface that is asked for; imported resources pass.

    Args:
        name: the argument as the caller typed it.
        value: what was given.
        member: a property that only this interface has, such as ``queue_arn``.
        what: the interface in words, such as ``an SQS queue (aws_sqs.IQueue)``.

    Raises:
        PatternError: ``<name> must be <what>, got <value>``.
    """
    if not has(value, member):
        raise PatternError(f"{name} must be {what}, got {value!r}")


def has(value: Any, member: str) -> bool:
    """Whether a value's class has a member. Does not read it, which would cross the bridge.

    What the CDK makes inside (an imported version, ``latest_version``) comes as a proxy for several interfaces.
    """
    parts = value._delegates if type(value).__name__ == "InterfaceDynamicProxy" else (value,)
    return any(hasattr(type(part), member) for part in parts)


def all_are(name: str, values: Any, member: str, what: str) -> tuple[Any, ...]:
    """The members of a sequence, each checked as ``is_a`` does.

    Raises:
        PatternError: not a sequence, or ``<name>[<i>] must be <what>, got <value>``.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise PatternError(f"{name} must be a sequence, each of it {what}, got {values!r}")
    members = tuple(values)
    for i, value in enumerate(members):
        is_a(f"{name}[{i}]", value, member, what)
    return members


def is_token(value: Any) -> bool:
    """Whether a value is known only at deployment. Crosses the bridge: ask after a cheaper test failed."""
    return bool(cdk.Token.is_unresolved(value))


def is_token_number(value: Any) -> bool:
    """Whether a number is a token, which the CDK encodes as a huge negative float.

    Only such a number is worth a question to Node.js, which would not survive ``nan`` or ``inf`` either.
    """
    return isfinite(value) and value < -1e200 and is_token(value)


def is_token_text(value: str) -> bool:
    """Whether a text is a token or contains one, as the CDK encodes it. Does not cross the bridge."""
    return "${Token[" in value


def plain_number(value: Any, default: int | None = None) -> int | None:
    """A number as the CDK's L1 has it: ``default`` where it is absent, ``None`` where it is a token."""
    if value is None:
        return default
    return None if is_token_number(value) else int(value)


@cache
def seconds(amount: int) -> cdk.Duration:
    """A duration, made once for each process."""
    return cdk.Duration.seconds(amount)


def warn(scope: Any, rule: str, message: str) -> None:
    """Add a synth warning that can be acknowledged by its id, ``cdk-messaging-patterns:<rule>``."""
    cdk.Annotations.of(scope).add_warning_v2(f"cdk-messaging-patterns:{rule}", message)
