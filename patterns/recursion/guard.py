"""RecursionGuard: Lambda's detection of recursive loops, set where everybody sees it, and told of."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from patterns._checks import flag, has, is_a, is_token_text, seconds, warn

# isort: split
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from patterns._alarms import Alarms, alarm_actions_checked
from patterns._functions import A_FUNCTION
from patterns._places import refuse_elsewhere, stack_of
from patterns.errors import PatternError
from patterns.flow import limits
from patterns.recursion.kill_switch import KillSwitch

TAG = "recursive-loop-allowed"
A_MODE = "a runtime management mode (aws_lambda.RuntimeManagementMode)"
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
_REASON = re.compile(r"[\w \-.:/=+@]*", re.UNICODE)
# https://docs.aws.amazon.com/lambda/latest/api/API_PutRuntimeManagementConfig.html
_RUNTIME_ARN = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(eusc-)?[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-\d:"
    r"(:runtime:.+|\d{12}:runtime/[\w.-]{1,128}/version/[\w.-]{1,128})"
)


class RecursionGuard(Construct):
    """What happens when a function comes back to itself: Lambda stops it, and an alarm tells.

    What happens to a message that goes round: Lambda counts the invocations in one chain of requests, through Lambda,
    SQS, SNS and S3. After 16 it stops the next: a message from a queue is received again and again until it is in the
    queue's dead-letter queue, an asynchronous event goes to the function's on-failure destination or dead-letter queue
    (``patterns.async_dlq.AsyncDlq``), a caller that waits gets a ``RecursiveInvocationException``. A loop through any
    other service (EventBridge, DynamoDB, Step Functions…) is not seen.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html

    Args:
        scope: the construct or stack that this belongs to.
        id: its name there.
        function: a function that is defined in this app, or a version or alias of it; the setting is the function's.
        allow_because: why this function may loop for ever, 1 to 256 letters, digits, spaces and ``_.:/=+-@``. It
            switches detection off, becomes the function's tag ``recursive-loop-allowed`` and a synth warning. Default:
            loops are terminated, and the template says so.
        kill_switch: whether the alarm also sets the function's reserved concurrency to 0. Default: no. Needs detection.
        runtime_management_mode: when Lambda updates the function's runtime: ``RuntimeManagementMode.AUTO``,
            ``FUNCTION_UPDATE`` or ``manual(arn)``. Default: as the function has it. Manual warns at synth, here and on
            the function: it gets no security updates, and may stop working.
            https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html
        alarm_actions: what every alarm here does, for example ``[SnsAction(topic)]``. Default: nothing, with a synth
            warning that nobody is told.

    Attributes:
        alarm: goes to ALARM when Lambda has stopped a loop; ``None`` where loops are allowed, for then it counts none.
        kill_switch: the kill switch, or ``None``.
        alarms: every alarm here.

    Raises:
        PatternError: an argument that AWS would refuse later, or that contradicts what the function says; nothing has
            been created or changed then.
    """

    alarm: cloudwatch.Alarm | None
    kill_switch: KillSwitch | None
    alarms: tuple[cloudwatch.Alarm, ...]

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.IFunction,
        allow_because: str | None = None,
        kill_switch: bool = False,
        runtime_management_mode: lambda_.RuntimeManagementMode | None = None,
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
    ) -> None:
        plan = _make_plan(
            stack_of(scope, id),
            function=function,
            allow_because=allow_because,
            kill_switch=kill_switch,
            runtime_management_mode=runtime_management_mode,
        )
        actions = alarm_actions_checked(alarm_actions)
        super().__init__(scope, id)
        for rule, message in plan.warnings:
            warn(self, rule, message)
        plan.resource.recursive_loop = "Terminate" if allow_because is None else "Allow"
        if runtime_management_mode is not None:
            plan.resource.runtime_management_config = runtime_management_mode.runtime_management_config
        self.alarm = self.kill_switch = None
        self.alarms = ()
        if allow_because is not None:
            plan.resource.tags.set_tag(TAG, allow_because)
            return
        alarms = Alarms(self, actions)
        self.alarm = alarms.over(
            "LoopsStopped",
            cloudwatch.Metric(
                namespace="AWS/Lambda",
                metric_name="RecursiveInvocationsDropped",
                dimensions_map={"FunctionName": plan.behind.function_name},
                statistic="Sum",
                period=seconds(60),
            ),
            0,
            "Lambda stopped a loop: the function, or what it sends, came back to it 16 times.",
        )
        if kill_switch:
            self.kill_switch = KillSwitch(
                self, "KillSwitch", function=plan.behind, alarm=self.alarm, alarm_actions=actions
            )
            alarms.made += self.kill_switch.alarms
        self.alarms = tuple(alarms.made)


@dataclass(frozen=True, slots=True)
class _Plan:
    behind: Any
    resource: Any
    warnings: tuple[tuple[str, str], ...]


def _make_plan(
    stack: Any, *, function: Any, allow_because: Any, kill_switch: Any, runtime_management_mode: Any
) -> _Plan:
    warnings: list[tuple[str, str]] = []
    is_a("function", function, "function_arn", A_FUNCTION)
    behind = function.lambda_ if has(function, "lambda_") else function
    resource = behind.node.default_child
    if not isinstance(resource, lambda_.CfnFunction):
        raise PatternError(
            "function must be defined in this app: recursive loop detection is a property of the function, which "
            f"cannot be set here, got the imported {behind.node.path}"
        )
    refuse_elsewhere("function", behind, stack)
    flag("kill_switch", kill_switch)
    now = resource.recursive_loop
    if allow_because is None:
        if now == "Allow":
            raise PatternError(
                "allow_because must say why, for a function whose recursive_loop is Allow: 1 to "
                f"{limits.TAG_VALUE_CHARACTERS} characters, got None"
            )
    else:
        _check_reason(allow_because)
        if now == "Terminate":
            raise PatternError(
                "allow_because must be left out for a function whose recursive_loop is Terminate (its own, or set by "
                f"another RecursionGuard), got {allow_because!r}"
            )
        if kill_switch:
            raise PatternError(
                "kill_switch must be False where loops are allowed: Lambda counts none then, and the alarm would "
                "never fire. Give patterns.recursion.KillSwitch an alarm of your own, got True"
            )
        warnings.append(
            (
                "recursion.allowed",
                f"Lambda does not stop {behind.node.path} when it comes back to itself, because: {allow_because}",
            )
        )
    arn = _manual_runtime(resource, runtime_management_mode)
    if arn is not None:
        warnings.append(
            (
                "recursion.manual-runtime",
                f"The runtime of {behind.node.path} is held at {arn or 'a version that is not named'}: it gets no "
                "security updates, and when it stops working every event fails. Use Manual to roll back, and return "
                "to Auto.",
            )
        )
    return _Plan(behind, resource, tuple(warnings))


def _check_reason(reason: Any) -> None:
    most = limits.TAG_VALUE_CHARACTERS
    if (
        not isinstance(reason, str)
        or is_token_text(reason)
        or not reason.strip()
        or len(reason) > most
        or not _REASON.fullmatch(reason)
    ):
        raise PatternError(
            f"allow_because must be 1 to {most} letters, digits, spaces and _.:/=+-@, because it becomes a tag, "
            f"got {reason!r}"
        )


def _manual_runtime(resource: Any, mode: Any) -> str | None:
    """The runtime version that the function is held at, empty when that is not named; ``None`` when it is updated."""
    if mode is None:
        config = resource.runtime_management_config
        if getattr(config, "update_runtime_on", None) != "Manual":
            return None
        return config.runtime_version_arn or ""
    if not isinstance(mode, lambda_.RuntimeManagementMode):
        raise PatternError(f"runtime_management_mode must be {A_MODE}, got {mode!r}")
    if resource.package_type == "Image":
        raise PatternError(
            "runtime_management_mode must be left out for a container image, whose runtime Lambda does not manage, "
            f"got {mode.mode}"
        )
    name = mode.mode
    if name not in ("Auto", "FunctionUpdate", "Manual"):
        raise PatternError(f"runtime_management_mode must be Auto, FunctionUpdate or Manual, got {name!r}")
    if name != "Manual":
        return None
    arn = mode.arn
    if arn is None or not (is_token_text(arn) or _RUNTIME_ARN.fullmatch(arn)):
        raise PatternError(
            "runtime_management_mode must be Manual with the ARN of a runtime version "
            f"(arn:aws:lambda:<Region>::runtime:<id>, from the function's logs), got {arn!r}"
        )
    return arn
