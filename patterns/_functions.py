"""What a function that is given says about itself: its timeout, its reserved concurrency."""

from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_lambda as lambda_

from patterns._checks import has, is_a, plain_number
from patterns.flow.limits import LAMBDA_TIMEOUT_DEFAULT

A_FUNCTION = "a Lambda function, version or alias (aws_lambda.IFunction)"


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """Settings of the function behind a function, version or alias; ``None`` where they cannot be read.

    Attributes:
        timeout: seconds; ``None`` for an imported function and for a token.
        reserved_concurrency: executions; ``None`` where none are reserved, or it cannot be told.
        defined: whether the function is defined in this app, so that its settings can be read at all.
    """

    timeout: int | None
    reserved_concurrency: int | None
    defined: bool


def settings_of(name: str, function: Any) -> FunctionSettings:
    """Read a given function's settings.

    Raises:
        PatternError: ``<name>`` is no Lambda function.
    """
    is_a(name, function, "function_arn", A_FUNCTION)
    behind = function.lambda_ if has(function, "lambda_") else function
    child = behind.node.default_child if isinstance(behind, lambda_.Function) else None
    if not isinstance(child, lambda_.CfnFunction):
        return FunctionSettings(None, None, False)
    return FunctionSettings(
        plain_number(child.timeout, LAMBDA_TIMEOUT_DEFAULT),
        plain_number(child.reserved_concurrent_executions),
        True,
    )
