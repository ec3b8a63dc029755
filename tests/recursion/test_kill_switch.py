"""An alarm switches off exactly one function; what the switch could not do is kept and told."""

import importlib
import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from patterns import PatternError
from patterns.recursion import KillSwitch
from tests._synth import new_function, new_stack, of_type, template_of, the, warnings_of
from tests.permissions import Request, Template, allowed, role_statements

THEIRS = "999999999999"
ARN = "arn:aws:lambda:eu-west-1:111122223333:function:loops"


def alarm_on(stack: cdk.Stack, function: Any) -> cloudwatch.Alarm:
    return cloudwatch.Alarm(
        stack, "TooMany", metric=function.metric_invocations(), threshold=1000, evaluation_periods=1
    )


@pytest.fixture(scope="module")
def switched() -> tuple[KillSwitch, dict[str, Any], lambda_.Function]:
    stack = new_stack()
    function = new_function(stack, "Target")
    switch = KillSwitch(stack, "Off", function=function, alarm=alarm_on(stack, function))
    return switch, template_of(stack), function


def test_the_alarm_invokes_the_switch_and_may_do_so_for_this_alarm_only(switched: Any) -> None:
    _, template, _ = switched
    [alarm_id] = [id for id in of_type(template, "AWS::CloudWatch::Alarm") if id.startswith("TooMany")]
    [switch_id] = [id for id in of_type(template, "AWS::Lambda::Function") if id.startswith("OffSwitch")]
    arn = {"Fn::GetAtt": [switch_id, "Arn"]}
    assert template["Resources"][alarm_id]["Properties"]["AlarmActions"] == [arn]
    assert the(template, "AWS::Lambda::Permission") == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": arn,
        "Principal": "lambda.alarms.cloudwatch.amazonaws.com",
        "SourceAccount": {"Ref": "AWS::AccountId"},
        "SourceArn": {"Fn::GetAtt": [alarm_id, "Arn"]},
    }


def test_the_switch_may_set_the_concurrency_of_exactly_this_function(switched: Any) -> None:
    _, template, _ = switched
    whole = Template({"Stack": template})
    [role] = [id for _, id, _ in whole.resources("AWS::IAM::Role") if id.startswith("OffRole")]
    [target] = [whole.arn(s, id) for s, id, _ in whole.resources("AWS::Lambda::Function") if id.startswith("Target")]
    statements = role_statements(whole, role)
    assert allowed(statements, Request(role), "lambda:PutFunctionConcurrency", target)
    assert not allowed(statements, Request(role), "lambda:PutFunctionConcurrency", target + "2")
    assert not allowed(statements, Request(role), "lambda:InvokeFunction", target)
    assert {
        action for s in statements for action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    } == {
        "lambda:PutFunctionConcurrency",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
    }
    assert "ManagedPolicyArns" not in the(template, "AWS::IAM::Role", "OffRole")


def test_what_the_switch_could_not_do_is_kept_for_14_days_and_told(switched: Any) -> None:
    switch, template, _ = switched
    queue = the(template, "AWS::SQS::Queue")
    assert queue["MessageRetentionPeriod"] == 14 * 86_400
    config = the(template, "AWS::Lambda::EventInvokeConfig")
    [queue_id] = of_type(template, "AWS::SQS::Queue")
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": {"Fn::GetAtt": [queue_id, "Arn"]}}}
    assert len(switch.alarms) == 2


def test_its_code_stands_in_the_template_and_fits() -> None:
    stack = new_stack()
    function = new_function(stack, "Target")
    KillSwitch(stack, "Off", function=function, alarm=alarm_on(stack, function))
    code = the(template_of(stack), "AWS::Lambda::Function", "OffSwitch")["Code"]["ZipFile"]
    assert "put_function_concurrency" in code
    assert len(code) <= 4096, "Lambda's limit for code in a template"
    compile(code, "index.py", "exec")


def test_an_alias_is_switched_off_with_its_function() -> None:
    stack = new_stack()
    function = new_function(stack, "Target")
    alias = lambda_.Alias(stack, "Live", alias_name="live", version=function.current_version)
    KillSwitch(stack, "Off", function=alias, alarm=alarm_on(stack, function))
    variables = the(template_of(stack), "AWS::Lambda::Function", "OffSwitch")["Environment"]["Variables"]
    assert variables["FUNCTION"] == stack.resolve(function.function_arn)


def test_an_imported_function_can_be_switched_off() -> None:
    stack = new_stack()
    function = lambda_.Function.from_function_arn(stack, "Theirs", ARN)
    KillSwitch(stack, "Off", function=function, alarm=alarm_on(stack, function))
    template = template_of(stack)
    assert the(template, "AWS::Lambda::Function")["Environment"]["Variables"]["FUNCTION"] == ARN


@pytest.mark.parametrize("wrong", [None, "f", 3], ids=str)
def test_what_is_no_function_or_no_alarm_is_refused(wrong: Any) -> None:
    stack = new_stack()
    function = new_function(stack)
    with pytest.raises(PatternError) as error:
        KillSwitch(stack, "A", function=wrong, alarm=alarm_on(stack, function))
    assert (
        str(error.value)
        == f"function must be a Lambda function, version or alias (aws_lambda.IFunction), got {wrong!r}"
    )
    with pytest.raises(PatternError) as error:
        KillSwitch(stack, "B", function=function, alarm=wrong)
    assert str(error.value) == (
        f"alarm must be an alarm that takes actions (aws_cloudwatch.Alarm or CompositeAlarm), got {wrong!r}"
    )


def test_an_alarm_of_another_stack_is_refused() -> None:
    here = new_stack("Here")
    there = cdk.Stack(here.node.scope, "There")
    function = new_function(here)
    with pytest.raises(PatternError) as error:
        KillSwitch(here, "Off", function=function, alarm=alarm_on(there, function))
    assert str(error.value) == (
        "alarm must be in the stack of the kill switch, each needs the other's ARN: Here, got one in There"
    )
    assert here.node.try_find_child("Off") is None


def test_an_imported_alarm_is_refused_its_action_could_not_be_set() -> None:
    stack = new_stack()
    arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:theirs"
    theirs: Any = cloudwatch.Alarm.from_alarm_arn(stack, "Theirs", arn)
    with pytest.raises(PatternError) as error:
        KillSwitch(stack, "Off", function=new_function(stack), alarm=theirs)
    assert str(error.value) == (
        "alarm must be defined in this app: the action of an imported alarm cannot be set, it would switch nothing "
        "off, got Stack/Theirs"
    )
    assert stack.node.try_find_child("Off") is None


@pytest.mark.parametrize(
    ("region", "account", "message"),
    [
        ("us-east-1", "111122223333", "the Region of the stack that links it, eu-west-1, got Stack/F in us-east-1"),
        (
            "eu-west-1",
            "999999999999",
            "the account of the stack that links it, 111122223333, got Stack/F in 9" + "9" * 11,
        ),
    ],
    ids=["Region", "account"],
)
def test_a_function_that_the_switch_could_not_reach_is_refused(region: str, account: str, message: str) -> None:
    stack = new_stack(env=cdk.Environment(account="111122223333", region="eu-west-1"))
    far = lambda_.Function.from_function_arn(stack, "F", f"arn:aws:lambda:{region}:{account}:function:f")
    with pytest.raises(PatternError) as error:
        KillSwitch(stack, "Off", function=far, alarm=alarm_on(stack, new_function(stack)))
    assert str(error.value) == f"function must be in {message}"


def test_what_is_no_scope_is_refused() -> None:
    stack = new_stack()
    function = new_function(stack)
    nowhere: Any = None
    with pytest.raises(PatternError) as error:
        KillSwitch(nowhere, "Off", function=function, alarm=alarm_on(stack, function))
    assert str(error.value) == "scope must be a construct in a stack (constructs.Construct), got None"


def test_nobody_told_is_warned_of() -> None:
    stack = new_stack()
    function = new_function(stack)
    KillSwitch(stack, "Off", function=function, alarm=alarm_on(stack, function))
    assert list(warnings_of(stack)) == ["cdk-messaging-patterns:alarm-without-action"]


# --- what the switch does --------------------------------------------------------------------------


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "FUNCTION": ARN,
    }.items():
        monkeypatch.setenv(name, value)
    return importlib.reload(importlib.import_module("patterns.recursion.kill_switch_handler"))


def event(state: str) -> dict[str, Any]:
    """What CloudWatch sends."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:Loops",
        "accountId": "111122223333",
        "time": "2026-11-23T12:36:15.490+0000",
        "region": "eu-west-1",
        "alarmData": {"alarmName": "Loops", "state": {"value": state, "reason": "test"}},
    }


def test_an_alarm_sets_the_concurrency_to_zero_and_says_so(handler: Any, capsys: Any) -> None:
    with Stubber(handler.client) as lambda_api:
        lambda_api.add_response(
            "put_function_concurrency",
            {"ReservedConcurrentExecutions": 0},
            {"FunctionName": ARN, "ReservedConcurrentExecutions": 0},
        )
        report = handler.handler(event("ALARM"), None)
        lambda_api.assert_no_pending_responses()
    assert report == {"function": ARN, "alarm": "Loops", "state": "ALARM", "done": "switched off"}
    assert json.loads(capsys.readouterr().out) == report


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_any_other_state_leaves_the_function_alone(handler: Any, state: str) -> None:
    with Stubber(handler.client):  # refuses every call
        assert handler.handler(event(state), None)["done"] == "left alone"


def test_a_refusal_fails_the_run_so_that_it_is_tried_again_and_kept(handler: Any) -> None:
    with Stubber(handler.client) as lambda_api:
        lambda_api.add_client_error("put_function_concurrency", "AccessDeniedException")
        with pytest.raises(ClientError):
            handler.handler(event("ALARM"), None)


@pytest.mark.parametrize(
    "event",
    [
        {"source": "aws.events"},
        {"alarmData": {"alarmName": "loops"}},
        {"alarmData": {"alarmName": "loops", "state": {}}},
        {"alarmData": {"state": {"value": "OK"}}},
    ],
    ids=["no alarm", "no state", "no value", "no name"],
)
def test_an_event_that_is_no_alarm_fails_the_run(handler: Any, event: dict[str, Any]) -> None:
    with Stubber(handler.client), pytest.raises(KeyError):
        handler.handler(event, None)
