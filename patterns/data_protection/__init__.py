"""Sensitive data on SNS topics: a typed policy, the native feature, and a relay that enforces the same policy.

The policy, the identifiers and the preview need no CDK; the constructs are imported when they are first asked for.
"""

from typing import TYPE_CHECKING, Any

from patterns.data_protection.identifiers import (
    CATALOGUE,
    Category,
    CustomIdentifier,
    Identifier,
    ManagedIdentifier,
    Unlisted,
)
from patterns.data_protection.policy import (
    DEFINED,
    Audit,
    DataProtectionPolicy,
    Deidentify,
    Deny,
    Destination,
    PolicyWarning,
    Statement,
)
from patterns.data_protection.preview import apply, refuse_undetectable

if TYPE_CHECKING:
    from patterns.data_protection.native import ProtectedTopic
    from patterns.data_protection.relay import ProtectionRelay, Subscriber

__all__ = [
    "CATALOGUE",
    "DEFINED",
    "Audit",
    "Category",
    "CustomIdentifier",
    "DataProtectionPolicy",
    "Deidentify",
    "Deny",
    "Destination",
    "Identifier",
    "ManagedIdentifier",
    "PolicyWarning",
    "ProtectedTopic",
    "ProtectionRelay",
    "Statement",
    "Subscriber",
    "Unlisted",
    "apply",
    "refuse_undetectable",
]


def __getattr__(name: str) -> Any:
    if name == "ProtectedTopic":
        from patterns.data_protection.native import ProtectedTopic

        return ProtectedTopic
    if name in ("ProtectionRelay", "Subscriber"):
        from patterns.data_protection import relay

        return getattr(relay, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
