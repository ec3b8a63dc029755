"""Hazards that lose or double messages, found in a template before it is deployed.

In a CDK app: ``cdk.Validations.of(app).add_plugins(MessagingChecks())``. In a test: ``assert_no_hazards(stack)``.
On the command line: ``patterns check cdk.out``. Everything but `MessagingChecks` works without the CDK.
"""

from typing import TYPE_CHECKING, Any

from patterns.guard.rule import Finding, Rule, Severity
from patterns.guard.rules import RULES
from patterns.guard.run import Acknowledged, Report, Settings, check
from patterns.guard.testing import assert_no_hazards
from patterns.guard.view import Options

if TYPE_CHECKING:
    from patterns.guard.plugin import MessagingChecks

__all__ = [
    "RULES",
    "Acknowledged",
    "Finding",
    "MessagingChecks",
    "Options",
    "Report",
    "Rule",
    "Settings",
    "Severity",
    "assert_no_hazards",
    "check",
]


def __getattr__(name: str) -> Any:
    if name == "MessagingChecks":
        from patterns.guard.plugin import MessagingChecks

        return MessagingChecks
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
