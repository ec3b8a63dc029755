"""Where things are: app, account and Region. Most links work within one of each, and fail late where they do not."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from patterns._checks import is_token_text

# isort: split
import aws_cdk as cdk
from constructs import Construct

from patterns.errors import PatternError


@dataclass(frozen=True, slots=True)
class _Place:
    """Region and account; a text that begins with ``unknown`` where only the deployment decides."""

    stage: Any
    region: str
    account: str
    defined: bool


_STACKS: WeakKeyDictionary[Any, cdk.Stack | None] = WeakKeyDictionary()
_PLACES: WeakKeyDictionary[Any, _Place] = WeakKeyDictionary()  # many constructs ask for one function


def stack_of(scope: Any, id: Any) -> cdk.Stack:
    """The stack that a construct is going to be in.

    Raises:
        PatternError: ``scope`` is no construct or in no stack, or ``id`` is no name.
    """
    if not isinstance(scope, Construct):
        raise PatternError(f"scope must be a construct in a stack (constructs.Construct), got {scope!r}")
    if not isinstance(id, str) or not id:
        raise PatternError(f"id must be a text that is not empty, got {id!r}")
    if isinstance(scope, cdk.Stack):
        return scope
    try:
        return cdk.Stack.of(scope)
    except RuntimeError:
        raise PatternError(f"scope must be a construct in a stack, got {scope.node.path or 'an app'}") from None


def refuse_elsewhere(name: str, value: Any, stack: cdk.Stack, *, account: bool = True) -> None:
    """Refuse a resource that is in another app, Stage, Region or account than the stack that links it.

    Says nothing about an imported resource where either place is known only at deployment.

    Args:
        name: the argument as the caller typed it.
        value: the resource.
        stack: the stack that links it.
        account: whether an imported resource must be in the same account. One that is defined here must always:
            the CDK cannot refer to it from another.

    Raises:
        PatternError: it is elsewhere.
    """
    if _own_stack(value) is stack:
        return  # the usual case, and the cheap one
    theirs, ours = _place(value), _place(stack)
    if theirs.defined and theirs.stage is not ours.stage:
        raise PatternError(
            f"{name} must be in the same app and Stage as the construct, or be imported, "
            f"got {value.node.path} of another"
        )
    for what, there, here in (("Region", theirs.region, ours.region), ("account", theirs.account, ours.account)):
        if there == here or (what == "account" and not account and not theirs.defined):
            continue
        if not theirs.defined and "unknown" in (there[:7], here[:7]):
            continue
        raise PatternError(
            f"{name} must be in the {what} of the stack that links it, {here}, got {value.node.path} in {there}"
        )


def _place(value: Any) -> _Place:
    place = _PLACES.get(value)
    if place is None:
        place = _PLACES[value] = _find(value)
    return place


def _own_stack(value: Any) -> cdk.Stack | None:
    """The stack that defines a resource; ``None`` for an imported one."""
    if value not in _STACKS:
        _STACKS[value] = value.stack if cdk.Resource.is_owned_resource(value) else None
    return _STACKS[value]


def _find(value: Any) -> _Place:
    if isinstance(value, cdk.Stack):
        account, region = value.environment.removeprefix("aws://").split("/")
        return _Place(cdk.Stage.of(value), region, account, True)
    stack = _own_stack(value)
    if stack is not None:
        return _place(stack)  # asked once for each stack
    env = value.env
    return _Place(None, _known(env.region, "unknown-region"), _known(env.account, "unknown-account"), False)


def _known(text: str, otherwise: str) -> str:
    return otherwise if not text or is_token_text(text) else text
