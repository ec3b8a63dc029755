"""Filter policies of SNS, EventBridge and event source mappings: check them, match with them, ask them why."""

from patterns.flow.filters.checking import check, check_event_pattern, check_event_source_filter, combinations
from patterns.flow.filters.cover import can_match, complement, covers_everything, overlap, uncovered
from patterns.flow.filters.grammar import Scope
from patterns.flow.filters.matching import Filter, Reason, Verdict, explain, match

__all__ = [
    "Filter",
    "Reason",
    "Scope",
    "Verdict",
    "can_match",
    "check",
    "check_event_pattern",
    "check_event_source_filter",
    "combinations",
    "complement",
    "covers_everything",
    "explain",
    "match",
    "overlap",
    "uncovered",
]
