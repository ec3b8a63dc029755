"""Checks that speak the caller's words."""

from typing import Any

from patterns.errors import PatternError


def within(name: str, value: Any, low: int, high: int, unit: str = "") -> None:
    """Refuse a whole number outside ``low`` to ``high`` (both accepted). CDK tokens and ``None`` pass.

    The range is tested first and the bridge to Node is crossed only for a value that fails it.

    Raises:
        PatternError: ``<name> must be <low> to <high> <unit>, got <value>``.
    """
    if value is None:
        return
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if not isinstance(value, bool) and whole and low <= value <= high:
        return
    if is_token(value):
        return
    limits = f"{low} to {high}" + (f" {unit}" if unit else "")
    raise PatternError(f"{name} must be {limits}, got {value!r}")


def is_token(value: Any) -> bool:
    """Whether a value is known only at deployment. Crosses the bridge: ask after a cheaper test failed."""
    if isinstance(value, bool) or value is None:
        return False
    from aws_cdk import Token

    return bool(Token.is_unresolved(value))
