"""What every link from a source to a function shares: the permission to invoke it, and the net behind it."""

from collections.abc import Callable, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from patterns._places import refuse_elsewhere
from patterns.async_dlq.destinations import Destination
from patterns.async_dlq.invoked import Invoked
from patterns.async_dlq.net import AsyncDlq, refuse_second_net
from patterns.errors import PatternError


def check_net(net: Any, target: Invoked) -> None:
    """Refuse a net that is none, or that is not under this function.

    Raises:
        PatternError: another kind of value, the net of another function or qualifier, or none where one exists.
    """
    if net is None:
        refuse_second_net(target)
    elif not isinstance(net, AsyncDlq):
        raise PatternError(f"net must be an AsyncDlq (patterns.async_dlq.AsyncDlq), got {net!r}")
    elif not net.invoked.same_as(target):
        raise PatternError(
            "net must be the net of the function that is invoked, and of the same version or alias: "
            f"{target.behind.node.path} {target.shown}, "
            f"got the net of {net.invoked.behind.node.path} {net.invoked.shown}"
        )


def refuse_return(net: AsyncDlq | None, source: str, comes_back: Callable[[Destination], bool]) -> None:
    """Refuse a net that sends back to where the events come from.

    Raises:
        PatternError: one of its destinations is the source.
    """
    if net is None:
        return
    for destination in net.destinations:
        if comes_back(destination):
            raise PatternError(
                f"net must not send to the {source} that invokes the function, or a failed event comes back until "
                f"somebody stops it: got {net.node.path} with the destination {destination.given.node.path}"
            )


def define_net(scope: Any, net: AsyncDlq | None, function: Any, key: Any, actions: Sequence[Any]) -> AsyncDlq:
    """The net that was given, or one with our defaults."""
    if net is not None:
        return net
    return AsyncDlq(scope, "Net", function=function, encryption_key=key, alarm_actions=actions)


def check_key(key: Any, stack: cdk.Stack, **given: Any) -> None:
    """Refuse a key of another Region, and one that nothing here would be encrypted with.

    Raises:
        PatternError: it is elsewhere, or everything that the key could be for was given.
    """
    if key is None:
        return
    refuse_elsewhere("encryption_key", key, stack, account=False)
    if all(value is not None for value in given.values()):
        names = list(given)
        raise PatternError(
            f"encryption_key must be left out when {', '.join(names[:-1])} and {names[-1]} are given: what is given is "
            f"used as it is, got {key.node.path}"
        )


def allow_invoking(scope: Any, target: Invoked, principal: str, source_arn: str) -> lambda_.CfnPermission:
    """Let one topic or rule invoke exactly this qualifier, by a permission in this scope."""
    return lambda_.CfnPermission(
        scope,
        "Invoke",
        action="lambda:InvokeFunction",
        function_name=target.arn,
        principal=principal,
        source_arn=source_arn,
    )
