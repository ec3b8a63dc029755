"""Governance: who may use a queue or topic, what a role may do, who shares one, and what is not encrypted."""

from datetime import date, timedelta
from typing import Any

import pytest

from patterns.flow import read_flow
from patterns.guard import Options, examples
from patterns.guard.rules import BY_ID
from patterns.guard.run import Settings, check
from patterns.guard.runtimes import LIFECYCLES
from tests.guard._check import findings, ids

ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}


def public(*statements: dict[str, Any]) -> bool:
    template = examples.good(BY_ID["govern-public-policy"].example)
    template["Resources"]["OpenPolicy"]["Properties"]["PolicyDocument"]["Statement"] = list(statements)
    return "govern-public-policy" in ids(template)


@pytest.mark.parametrize(
    ("operator", "key", "value", "found"),
    [
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:*:*:*", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:::*", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:::uploads", False),
        ("ArnLike", "aws:SourceArn", "arn:aws:sns:eu-west-1:*:orders", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:sns:*:111122223333:*", False),
        ("ArnLike", "aws:SourceArn", {"Fn::Sub": "arn:aws:events:*:${AWS::AccountId}:rule/*"}, False),
        ("ArnEquals", "aws:SourceArn", {"Ref": "Events"}, False),
        ("ArnEquals", "aws:SourceArn", [{"Ref": "Events"}, "*"], True),
        ("StringNotEquals", "aws:SourceAccount", "111122223333", True),
        ("StringEquals", "aws:SourceAccount", "111122223333", False),
        ("StringEquals", "AWS:SourceOwner", "111122223333", False),
        ("StringEquals", "aws:UserAgent", "x", True),
        ("StringEquals", "aws:PrincipalTag/team", "shop", True),
        ("StringLike", "aws:PrincipalOrgID", "o-*", True),
        ("StringEquals", "aws:PrincipalOrgID", "o-example", False),
        ("IpAddress", "aws:SourceIp", "0.0.0.0/0", True),
        ("IpAddress", "aws:SourceIp", "192.0.2.0/24", False),
        ("Null", "aws:SourceArn", "false", True),
        ("Bool", "aws:SecureTransport", "true", True),
    ],
)
def test_a_condition_limits_a_policy_only_where_it_says_who(operator: str, key: str, value: Any, found: bool) -> None:
    assert public({**ALLOW, "Condition": {operator: {key: value}}}) is found


def test_everybody_but_one_is_everybody() -> None:
    statement = {key: value for key, value in ALLOW.items() if key != "Principal"}
    assert public({**statement, "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"}})


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-example"}}, False),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-example"}}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
    ],
)
def test_a_denial_of_everybody_else_keeps_the_public_out(condition: dict[str, Any], found: bool) -> None:
    assert public(ALLOW, {**ALLOW, "Effect": "Deny", "Condition": condition}) is found


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("SQS::QueueInlinePolicy", {"Queue": {"Ref": "Inbox"}}),
        ("SQS::QueuePolicy", {"Queues": [{"Ref": "Inbox"}]}),
        ("SNS::TopicInlinePolicy", {"TopicArn": {"Ref": "Events"}}),
        ("SNS::TopicPolicy", {"Topics": [{"Ref": "Events"}]}),
    ],
)
def test_every_kind_of_policy_is_read(kind: str, place: dict[str, Any]) -> None:
    template = examples.design("fanned")
    policy = {"PolicyDocument": {"Statement": [ALLOW]}, **place}
    template["Resources"]["Open"] = {"Type": f"AWS::{kind}", "Properties": policy}
    assert "govern-public-policy" in ids(template, groups=("governance",))


# --- grants ---------------------------------------------------------------------------------------------


def wide(who: str = "lambda.amazonaws.com", **properties: Any) -> list[str]:
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": who}, "Action": "sts:AssumeRole"}]}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust, **properties}}
    found = findings({"Resources": {"Role": role, "Topic": {"Type": "AWS::SNS::Topic"}}}, groups=("governance",))
    return [f.why.partition(" allows ")[2].partition(": code")[0] for f in found if f.rule == "govern-wildcard-grant"]


def allowed(**statement: Any) -> list[str]:
    document = {"Statement": [{"Effect": "Allow", **statement}]}
    return wide(Policies=[{"PolicyName": "Grant", "PolicyDocument": document}])


@pytest.mark.parametrize(
    ("arn", "told"),
    [
        ("arn:aws:iam::aws:policy/AmazonSQSFullAccess", ["sqs:* (AmazonSQSFullAccess) on every resource"]),
        ("arn:aws:iam::aws:policy/AdministratorAccess", ["* (AdministratorAccess) on every resource"]),
        (
            {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/AmazonSNSFullAccess"]]},
            ["sns:* (AmazonSNSFullAccess) on every resource"],
        ),
        (
            {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AWSLambda_FullAccess"},
            ["lambda:* (AWSLambda_FullAccess) on every resource"],
        ),
        ("arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole", []),
        ("arn:aws:iam::111122223333:policy/ours", []),
        ({"Ref": "AWS::NoValue"}, []),
    ],
)
def test_a_policy_of_aws_that_allows_everything_is_a_wide_grant(arn: Any, told: list[str]) -> None:
    assert wide(ManagedPolicyArns=[arn]) == told


def test_a_role_that_only_deploys_may_do_everything() -> None:
    administrator = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    assert wide("cloudformation.amazonaws.com", ManagedPolicyArns=administrator) == []
    assert wide("states.amazonaws.com", ManagedPolicyArns=administrator) != []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ({"NotAction": "iam:*", "Resource": "*"}, ["everything but iam:* on every resource"]),
        ({"NotAction": ["*"], "Resource": "*"}, []),
        ({"Action": "sqs:SendMessage", "NotResource": "arn:aws:sqs:*:*:a"}, ["sqs:SendMessage on every resource"]),
        ({"Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:*"}, ["sqs:SendMessage on arn:aws:sqs:*:*:*"]),
        (
            {"Action": "sns:Publish", "Resource": {"Fn::Sub": "arn:aws:sns:${AWS::Region}:${AWS::AccountId}:*"}},
            ["sns:Publish on arn:aws:sns:<Region>:<AccountId>:*"],
        ),
        ({"Action": "lambda:InvokeFunction", "Resource": "arn:aws:lambda:eu-west-1:1:function:shop-*"}, []),
        ({"Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:111122223333:orders"}, []),
        ({"Action": "s3:PutObject", "Resource": "*"}, []),
    ],
)
def test_a_grant_is_wide_however_it_says_everything(statement: dict[str, Any], told: list[str]) -> None:
    assert allowed(**statement) == told


@pytest.mark.parametrize(
    ("roles", "shared"),
    [
        (("arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a"), True),
        (("arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b"), False),
        (({"Fn::ImportValue": "a"}, {"Fn::ImportValue": "b"}), False),
    ],
)
def test_functions_may_share_a_role_of_another_stack(roles: tuple[Any, Any], shared: bool) -> None:
    functions = {
        name: {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Runtime": "python3.13", "Handler": "i.h", "Timeout": 20, "Code": {}, "Role": role},
        }
        for name, role in zip(("First", "Second"), roles, strict=True)
    }
    found = findings({"Resources": functions})
    assert [f.rule for f in found] == ["govern-shared-role"] * shared
    assert all(f.why.startswith("2 functions (First, Second) run as a: ") for f in found)


@pytest.mark.parametrize(
    ("encryption", "found"),
    [
        (None, True),
        ({"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}, False),
        ({"Fn::If": ["Elsewhere", {"Ref": "AWS::NoValue"}, {"EncryptionType": "KMS", "KeyId": "x"}]}, False),
    ],
)
def test_a_stream_is_encrypted(encryption: Any, found: bool) -> None:
    template = examples.design("streamed")
    properties = template["Resources"]["Clicks"]["Properties"]
    del properties["StreamEncryption"]
    if encryption:
        properties["StreamEncryption"] = encryption
    template["Parameters"] = {"Region": {"Type": "String"}}
    template["Conditions"] = {"Elsewhere": {"Fn::Equals": [{"Ref": "Region"}, "x"]}}
    assert ids(template) == ["govern-not-encrypted"] * found


@pytest.mark.parametrize(("days", "found"), [(180, True), (181, False)])
def test_a_runtime_is_told_of_half_a_year_before(days: int, found: bool) -> None:
    template = examples.design("polled")
    today: date = LIFECYCLES["python3.13"].deprecated - timedelta(days=days)
    result = check(read_flow({"Example": template}), Settings(groups=("governance",), options=Options(today=today)))
    assert [f.rule for f in result.findings] == ["govern-runtime-deprecated"] * found
