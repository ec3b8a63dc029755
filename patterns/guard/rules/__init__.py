"""The rules, one module for each family; a new one is a `Rule` in its family's ``RULES``."""

from patterns.guard.rule import Rule
from patterns.guard.rules import (
    asynchronous,
    buckets,
    buses,
    functions,
    governance,
    polls,
    queues,
    streams,
    topics,
)

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            rule
            for family in (queues, polls, asynchronous, topics, buses, streams, buckets, functions, governance)
            for rule in family.RULES
        ),
        key=lambda rule: (rule.severity.rank, rule.id),
    )
)
"""Every rule, the most severe first."""

BY_ID = {rule.id: rule for rule in RULES}
