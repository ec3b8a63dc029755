"""Sensitive data on SNS topics: a typed policy, the native feature, and a relay that enforces the same policy.

The policy, the identifiers and the preview need no CDK.
"""

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
    "Statement",
    "Unlisted",
    "apply",
    "refuse_undetectable",
]
