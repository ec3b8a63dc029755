"""What is really invoked: a function, and which qualifier of it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from patterns._checks import has, is_a, is_token_text

# isort: split
from aws_cdk import aws_lambda as lambda_

from patterns._functions import A_FUNCTION

LATEST = "$LATEST"
_QUALIFIED_ARN_PARTS = 8  # arn:aws:lambda:Region:account:function:name:qualifier


@dataclass(frozen=True, slots=True, eq=False)
class Invoked:
    """A function, version or alias as its caller names it.

    Attributes:
        construct: what settings of this qualifier hang on; the function itself for ``$LATEST``.
        node: its node.
        behind: the function behind it.
        name: the function's name.
        qualifier: ``$LATEST``, a version or an alias: the one whose event invoke config counts.
        arn: what a sender has to invoke.
        imported_arn: the ARN where it can be read, without ``$LATEST``; else empty.
    """

    construct: Any
    node: Any
    behind: Any
    name: str
    qualifier: str
    arn: str
    imported_arn: str

    @property
    def shown(self) -> str:
        """The qualifier for a message; a version of this app has its number only after the deployment."""
        return f"the version {self.construct.node.path}" if is_token_text(self.qualifier) else self.qualifier

    def same_as(self, other: "Invoked") -> bool:
        """Whether both are one qualifier of one function."""
        if self.imported_arn or other.imported_arn:
            return self.imported_arn == other.imported_arn
        return self.construct is other.construct or (self.behind is other.behind and self.qualifier == other.qualifier)

    def same_function_as(self, other: "Invoked") -> bool:
        """Whether both are the same function, whatever the qualifier."""
        return self.behind is other.behind or bool(
            self.imported_arn and _unqualified(self.imported_arn) == _unqualified(other.imported_arn)
        )


def invoked(name: str, function: Any) -> Invoked:
    """What a given function, version or alias stands for.

    Raises:
        PatternError: ``<name>`` is no Lambda function.
    """
    is_a(name, function, "function_arn", A_FUNCTION)
    return _invoked(function)


@lru_cache(maxsize=4)  # a pattern asks, and then the net that it defines asks again: each answer crosses the bridge
def _invoked(function: Any) -> Invoked:
    arn = function.function_arn
    if has(function, "lambda_"):
        behind = function.lambda_
        qualifier = function.alias_name if has(function, "alias_name") else function.version
        construct = behind if qualifier == LATEST else function
    else:
        behind, construct, qualifier = function, function, LATEST
    node = construct.node
    if isinstance(behind, lambda_.Function):
        return Invoked(construct, node, behind, behind.function_name, qualifier, arn, "")
    literal = "" if is_token_text(arn) else arn.removesuffix(":" + LATEST)
    if literal.count(":") == _QUALIFIED_ARN_PARTS - 1:
        _, _, qualifier = literal.rpartition(":")
        return Invoked(construct, node, behind, literal.split(":")[6], qualifier, arn, literal)
    return Invoked(construct, node, behind, behind.function_name, qualifier, arn, literal)


def _unqualified(arn: str) -> str:
    return ":".join(arn.split(":")[: _QUALIFIED_ARN_PARTS - 1])
