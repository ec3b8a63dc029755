"""A topic whose messages are filtered into queues and functions, and what catches those that no filter wants.

Writing and checking policies needs no CDK and no Node.js; the construct is imported when it is asked for.
"""

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

__all__ = [
    "Condition",
    "FilterPolicy",
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
