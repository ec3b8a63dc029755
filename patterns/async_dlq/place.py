"""Where an imported resource is, when its ARN tells: some links work within one account and Region only."""

from typing import Any

from patterns._checks import is_token_text

# isort: split
import aws_cdk as cdk

from patterns.errors import PatternError


def refuse_elsewhere(name: str, arn: str, scope: Any, *, account: bool = True) -> None:
    """Refuse a resource whose ARN names another Region, or another account, than the stack that links it.

    Says nothing where either of them is known only at deployment.

    Args:
        name: the argument as the caller typed it.
        arn: the resource's ARN.
        scope: a construct in the stack.
        account: whether the account has to be the same as well.

    Raises:
        PatternError: it is elsewhere.
    """
    if is_token_text(arn):
        return
    _, _, _, region, owner, *_ = arn.split(":")
    stack = cdk.Stack.of(scope)
    for what, theirs, ours in (("Region", region, stack.region), ("account", owner if account else "", stack.account)):
        if theirs and not is_token_text(ours) and theirs != ours:
            raise PatternError(
                f"{name} must be in the {what} of the stack that links it, or the deployment fails or nothing arrives: "
                f"{ours}, got {arn}"
            )
