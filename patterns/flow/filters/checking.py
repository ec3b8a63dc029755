"""Refuse a policy where its service would, before it is deployed."""

from collections.abc import Mapping
from typing import Any

from patterns.flow.filters.grammar import Scope, combinations_of, parse


def check(policy: Mapping[str, Any], scope: Scope | str, *, argument: str = "policy") -> tuple[str, ...]:
    """Check a policy by the rules of the service that reads it.

    Args:
        policy: the document, as a dict.
        scope: whose rules: ``body`` or ``attributes`` (SNS), ``eventbridge``, ``event-source`` (SQS).
        argument: what messages call the document.

    Returns:
        Warnings: what the service accepts, or may accept, and the author may not mean.

    Raises:
        PatternError: with the path in the policy, what is allowed and what was found.
    """
    return parse(policy, Scope(scope), argument=argument).warnings


def check_event_pattern(pattern: Mapping[str, Any], *, argument: str) -> None:
    """Refuse what EventBridge would refuse as the event pattern of a rule.

    Unknown operators, wrong shapes, empty arrays and objects, more than 4,096 characters.

    Raises:
        PatternError: with the path in the pattern, what is allowed and what was found.
    """
    parse(pattern, Scope.EVENTBRIDGE, argument=argument)


def check_event_source_filter(pattern: Mapping[str, Any], *, argument: str) -> None:
    """Refuse what would not work as a filter pattern of an event source mapping on an SQS queue.

    Keys other than ``body``, unknown operators, wrong shapes, empty arrays, more than 4,096 characters.

    Raises:
        PatternError: with the path in the pattern, what is allowed and what was found.
    """
    parse(pattern, Scope.EVENT_SOURCE, argument=argument)


def combinations(policy: Mapping[str, Any]) -> int:
    """How many combinations SNS counts in a policy; 150 are allowed.

    Each key counts its depth times the number of its values, keys are multiplied, branches of ``$or`` added.
    """
    return combinations_of(policy)
