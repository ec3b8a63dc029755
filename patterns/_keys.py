"""KMS keys that are given: a permission must name the key, and an alias is not one.

https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
"""

from collections.abc import Sequence
from typing import Any

from patterns._checks import has

# isort: split
from aws_cdk import aws_iam as iam

from patterns.errors import PatternError

MANAGED_BY_AWS = "alias/aws/"


def refuse_imported_alias(name: str, key: Any) -> None:
    """Refuse an imported alias, which does not tell its key.

    Raises:
        PatternError: ``<name> must be a KMS key, …, got <alias>``.
    """
    if has(key, "alias_name") and _target(key) is None:
        raise PatternError(
            f"{name} must be a KMS key, or an alias defined in this app: permissions must name the key, and an "
            f"imported alias does not tell it; import the key with Key.from_key_arn, got {key.alias_name}"
        )


def may_use(key: Any, actions: Sequence[str]) -> list[iam.PolicyStatement]:
    """What lets a role use a key, behind whatever alias. Nothing for AWS managed keys: they let everybody."""
    if not has(key, "alias_name"):
        return [iam.PolicyStatement(actions=list(actions), resources=[key.key_arn])]
    target = _target(key)
    if target is not None:
        return [iam.PolicyStatement(actions=list(actions), resources=[target.key_arn])]
    alias = key.alias_name
    if alias.startswith(MANAGED_BY_AWS):
        return []
    return [
        iam.PolicyStatement(
            actions=list(actions),
            resources=[key.stack.format_arn(service="kms", resource="key", resource_name="*")],
            conditions={"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}},
        )
    ]


def _target(alias: Any) -> Any:
    try:
        return alias.alias_target_key
    except RuntimeError:
        return None
