"""Filter policies of SNS, EventBridge and event source mappings: check them, match with them, ask them why."""

from patterns.flow.filters.check import check, check_event_pattern, check_event_source_filter, combinations
from patterns.flow.filters.grammar import Scope

__all__ = ["Scope", "check", "check_event_pattern", "check_event_source_filter", "combinations"]
