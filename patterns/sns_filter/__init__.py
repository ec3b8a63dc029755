"""A topic whose messages are filtered into queues and functions, and what catches those that no filter wants.

Writing and checking policies needs no CDK and no Node.js; the construct is imported when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from patterns.sns_filter.policy import (
    Condition,
    FilterPolicy,
    anything_but,
    cidr,
    equals_ignore_case,
    exists,
    missing,
    numeric,
    prefix,
    suffix,
    wildcard,
)

if TYPE_CHECKING:
    from patterns.sns_filter.construct import FilteredSubscription, SnsFilter
    from patterns.sns_filter.plan import Subscriber

__all__ = [
    "Condition",
    "FilterPolicy",
    "FilteredSubscription",
    "SnsFilter",
    "Subscriber",
    "anything_but",
    "cidr",
    "equals_ignore_case",
    "exists",
    "missing",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
]


def __getattr__(name: str) -> Any:
    if name in ("FilteredSubscription", "SnsFilter", "Subscriber"):
        from patterns.sns_filter import construct

        return getattr(construct, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
