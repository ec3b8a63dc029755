"""A function that comes back to itself is stopped, somebody is told, and whoever allows loops has said why."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns

from patterns import PatternError
from patterns.async_dlq import AsyncDlq
from patterns.flow import as_text, losses, read_flow
from patterns.recursion import RecursionGuard
from tests._synth import new_app, new_function, new_stack, of_type, template_of, the, warnings_of

FUNCTION, ALARM = "AWS::Lambda::Function", "AWS::CloudWatch::Alarm"
A_FUNCTION = "a Lambda function, version or alias (aws_lambda.IFunction)"
RUNTIME = "arn:aws:lambda:eu-west-1::runtime:0123456789abcdef"
Mode = lambda_.RuntimeManagementMode
_count = iter(range(1000))


def guarded(stack: cdk.Stack | None = None, **arguments: Any) -> tuple[RecursionGuard, cdk.Stack]:
    """A guard of a function of its own, whose alarms tell somebody."""
    stack = stack or new_stack()
    if "function" not in arguments:
        arguments["function"] = new_function(stack)
    arguments.setdefault("alarm_actions", [actions.SnsAction(sns.Topic(stack, "OnCall"))])
    return RecursionGuard(stack, "Loops", **arguments), stack


def test_loops_are_terminated_and_the_template_says_so(template_snapshot: Any, flow_snapshot: Any) -> None:
    stack = new_stack()
    function = new_function(stack)
    on_call = [actions.SnsAction(sns.Topic(stack, "OnCall"))]
    AsyncDlq(stack, "Net", function=function, alarm_actions=on_call)
    RecursionGuard(stack, "Loops", function=function, kill_switch=True, alarm_actions=on_call)
    template = template_of(stack)
    assert the(template, FUNCTION, "Function")["RecursiveLoop"] == "Terminate"
    flow = read_flow({"Stack": template})
    assert losses(flow) == []
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot
    assert warnings_of(stack) == {}


def test_logical_ids_are_api_and_do_not_change() -> None:
    _, stack = guarded(kill_switch=True)
    assert sorted(id for id in template_of(stack)["Resources"] if id.startswith("Loops")) == [
        "LoopsKillSwitch76F3BE91",
        "LoopsKillSwitchDeadLettersDAD74147",
        "LoopsKillSwitchDeadLettersExpiring1ED9A143",
        "LoopsKillSwitchDeadLettersNotEmpty0196B3C6",
        "LoopsKillSwitchDeadLettersPolicyB1A1DD77",
        "LoopsKillSwitchEventInvokeConfigFD8A2007",
        "LoopsKillSwitchLog2F20AC27",
        "LoopsKillSwitchRole184D3AB3",
        "LoopsKillSwitchRoleDefaultPolicy2F712233",
        "LoopsKillSwitchStackLoopsLoopsStopped5EBE8467AlarmPermission852CD5D2",
        "LoopsLoopsStopped0D3990AF",
    ]


def test_a_stopped_loop_is_told_of_at_once() -> None:
    made, stack = guarded()
    alarm = the(template_of(stack), ALARM)
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == (
        "AWS/Lambda",
        "RecursiveInvocationsDropped",
        "Sum",
    )
    # The alarm of AWS's own sample compares with >= 0, and is in ALARM whatever happens.
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert (alarm["TreatMissingData"], len(alarm["AlarmActions"])) == ("notBreaching", 1)
    assert made.alarms == (made.alarm,)
    assert made.kill_switch is None


@pytest.mark.parametrize("qualified", ["version", "alias"])
def test_the_setting_is_the_functions_whatever_is_given(qualified: str) -> None:
    stack = new_stack()
    function = new_function(stack)
    target: Any = function.current_version
    if qualified == "alias":
        target = lambda_.Alias(stack, "Live", alias_name="live", version=target)
    guarded(stack, function=target)
    template = template_of(stack)
    assert the(template, FUNCTION)["RecursiveLoop"] == "Terminate"
    assert the(template, ALARM)["Dimensions"] == [
        {"Name": "FunctionName", "Value": {"Ref": stack.get_logical_id(function.node.default_child)}}  # type: ignore[arg-type]
    ]


def test_a_function_of_another_stack_is_guarded_without_a_cycle() -> None:
    there = new_stack("There")
    here = cdk.Stack(there.node.scope, "Here")
    function = new_function(there)
    guarded(here, function=function, kill_switch=True)
    assert the(template_of(there), FUNCTION)["RecursiveLoop"] == "Terminate"


# --- allowed loops ---------------------------------------------------------------------------------


def test_a_loop_that_is_allowed_carries_its_reason_as_a_tag_and_a_warning() -> None:
    _, stack = guarded(allow_because="pages through the archive until it is empty")
    template = template_of(stack)
    function = the(template, FUNCTION)
    assert function["RecursiveLoop"] == "Allow"
    assert function["Tags"] == [
        {"Key": "recursive-loop-allowed", "Value": "pages through the archive until it is empty"}
    ]
    assert warnings_of(stack) == {
        "cdk-messaging-patterns:recursion.allowed": (
            "Lambda does not stop Stack/Function when it comes back to itself, because: "
            "pages through the archive until it is empty"
        )
    }


def test_no_alarm_pretends_to_watch_a_loop_that_is_allowed() -> None:
    made, stack = guarded(allow_because="wanted")
    assert not of_type(template_of(stack), ALARM)
    assert (made.alarm, made.alarms) == (None, ())


@pytest.mark.parametrize("reason", ["x", "y" * 256, "Größe 7_.:/=+-@"])
def test_reasons_that_fit_a_tag_are_taken(reason: str) -> None:
    _, stack = guarded(allow_because=reason)
    assert the(template_of(stack), FUNCTION)["Tags"][0]["Value"] == reason


@pytest.mark.parametrize("reason", ["", "   ", "y" * 257, "a, b", "a\nb", "<b>", 7, True, ["x"]], ids=repr)
def test_a_reason_that_is_none_or_does_not_fit_a_tag_is_refused(reason: Any) -> None:
    refused(
        f"allow_because must be 1 to 256 letters, digits, spaces and _.:/=+-@, because it becomes a tag, "
        f"got {reason!r}",
        allow_because=reason,
    )


def refused(message: str, stack: cdk.Stack | None = None, **arguments: Any) -> None:
    stack = stack or new_stack()
    if "function" not in arguments:
        arguments["function"] = new_function(stack)
    before = len(stack.node.children)
    with pytest.raises(PatternError) as error:
        RecursionGuard(stack, f"Guard{next(_count)}", **arguments)
    assert str(error.value) == message
    assert len(stack.node.children) == before


def test_a_function_that_allows_loops_needs_a_reason_here() -> None:
    stack = new_stack()
    function = new_function(stack, recursive_loop=lambda_.RecursiveLoop.ALLOW)
    refused(
        "allow_because must say why, for a function whose recursive_loop is Allow: 1 to 256 characters, got None",
        stack,
        function=function,
    )
    guarded(stack, function=function, allow_because="wanted")


def test_a_function_that_terminates_loops_is_not_overruled() -> None:
    stack = new_stack()
    function = new_function(stack, recursive_loop=lambda_.RecursiveLoop.TERMINATE)
    refused(
        "allow_because must be left out for a function whose recursive_loop is Terminate (its own, or set by another "
        "RecursionGuard), got 'wanted'",
        stack,
        function=function,
        allow_because="wanted",
    )


def test_a_kill_switch_beside_allowed_loops_would_never_work_and_is_refused() -> None:
    refused(
        "kill_switch must be False where loops are allowed: Lambda counts none then, and the alarm would never fire. "
        "Give patterns.recursion.KillSwitch an alarm of your own, got True",
        allow_because="wanted",
        kill_switch=True,
    )


def test_what_is_refused_changes_nothing_in_the_function() -> None:
    stack = new_stack()
    function = new_function(stack)
    refused("kill_switch must be True or False, got 'yes'", stack, function=function, kill_switch="yes")
    assert "RecursiveLoop" not in the(template_of(stack), FUNCTION)


@pytest.mark.parametrize("wrong", [None, "f", 3, {}], ids=str)
def test_what_is_no_function_is_refused(wrong: Any) -> None:
    refused(f"function must be {A_FUNCTION}, got {wrong!r}", function=wrong)


def test_an_imported_function_is_refused() -> None:
    stack = new_stack()
    refused(
        "function must be defined in this app: recursive loop detection is a property of the function, which cannot be "
        "set here, got the imported Stack/F",
        stack,
        function=lambda_.Function.from_function_name(stack, "F", "f"),
    )


def test_a_function_of_another_region_is_refused() -> None:
    app = new_app()
    stack = cdk.Stack(app, "Ours", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    there = cdk.Stack(app, "Theirs", env=cdk.Environment(account="111122223333", region="us-east-1"))
    refused(
        "function must be in the Region of the stack that links it, eu-west-1, got Theirs/Function in us-east-1",
        stack,
        function=new_function(there),
    )


def test_what_is_no_scope_is_refused() -> None:
    nowhere: Any = None
    with pytest.raises(PatternError) as error:
        RecursionGuard(nowhere, "Loops", function=new_function(new_stack()))
    assert str(error.value) == "scope must be a construct in a stack (constructs.Construct), got None"


# --- the runtime -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "config"),
    [
        (lambda: Mode.AUTO, {"UpdateRuntimeOn": "Auto"}),
        (lambda: Mode.FUNCTION_UPDATE, {"UpdateRuntimeOn": "FunctionUpdate"}),
        (lambda: Mode.manual(RUNTIME), {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": RUNTIME}),
    ],
    ids=["Auto", "FunctionUpdate", "Manual"],
)
def test_the_runtime_is_updated_as_it_was_asked_for(mode: Any, config: dict[str, str]) -> None:
    _, stack = guarded(runtime_management_mode=mode())
    assert the(template_of(stack), FUNCTION)["RuntimeManagementConfig"] == config


def test_the_runtime_is_left_as_it_is_unless_asked_for() -> None:
    _, stack = guarded()
    assert "RuntimeManagementConfig" not in the(template_of(stack), FUNCTION)


@pytest.mark.parametrize("where", ["here", "on the function"])
def test_a_runtime_that_is_held_is_warned_of(where: str) -> None:
    stack = new_stack()
    if where == "here":
        guarded(stack, runtime_management_mode=Mode.manual(RUNTIME))
    else:
        guarded(stack, function=new_function(stack, runtime_management_mode=Mode.manual(RUNTIME)))
    assert warnings_of(stack) == {
        "cdk-messaging-patterns:recursion.manual-runtime": (
            f"The runtime of Stack/Function is held at {RUNTIME}: it gets no security updates, and when it stops "
            "working every event fails. Use Manual to roll back, and return to Auto."
        )
    }


def test_runtime_modes_that_lambda_would_refuse_are_refused() -> None:
    message = "runtime_management_mode must be "
    manual = (
        f"{message}Manual with the ARN of a runtime version (arn:aws:lambda:<Region>::runtime:<id>, from the "
        "function's logs), got {!r}"
    )
    mode = "a runtime management mode (aws_lambda.RuntimeManagementMode)"
    refused(f"{message}{mode}, got 'Auto'", runtime_management_mode="Auto")
    refused(f"{message}Auto, FunctionUpdate or Manual, got 'Never'", runtime_management_mode=Mode("Never"))
    refused(manual.format(None), runtime_management_mode=Mode("Manual"))
    refused(manual.format("python3.13"), runtime_management_mode=Mode.manual("python3.13"))


def test_the_runtime_of_a_container_image_is_its_own() -> None:
    stack = new_stack()
    image = lambda_.Code.from_ecr_image(ecr.Repository(stack, "Images"))
    function = lambda_.Function(
        stack, "Image", runtime=lambda_.Runtime.FROM_IMAGE, handler=lambda_.Handler.FROM_IMAGE, code=image
    )
    refused(
        "runtime_management_mode must be left out for a container image, whose runtime Lambda does not manage, got "
        "FunctionUpdate",
        stack,
        function=function,
        runtime_management_mode=Mode.FUNCTION_UPDATE,
    )
    RecursionGuard(stack, "Loops", function=function)
