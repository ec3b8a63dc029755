"""One template with fifteen delivery defects that general linters pass over: each of them is found.

cfn-lint 1.58.0 and CloudFormation's own validator find three: the visibility timeout, the runtime, and the 500 retries.
"""

from typing import Any

import pytest

from tests.guard._check import findings

ROLE = {
    "AssumeRolePolicyDocument": {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    },
    "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"],
    "Policies": [
        {
            "PolicyName": "Send",
            "PolicyDocument": {
                "Statement": [
                    {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["Source", "Arn"]}}
                ]
            },
        }
    ],
}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def subscription(queue: str, **properties: Any) -> dict[str, Any]:
    endpoint = {"Fn::GetAtt": [queue, "Arn"]}
    return resource("SNS::Subscription", TopicArn={"Ref": "Topic"}, Protocol="sqs", Endpoint=endpoint, **properties)


PLANTED = {
    "Source": resource(
        "SQS::Queue",
        VisibilityTimeout=10,
        MessageRetentionPeriod=1_209_600,
        RedrivePolicy={"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 5_000},
    ),
    "Dead": resource("SQS::Queue", MessageRetentionPeriod=60),
    "Role": resource("IAM::Role", **ROLE),
    "Worker": resource(
        "Lambda::Function",
        Runtime="python3.9",
        Handler="index.handler",
        Timeout=60,
        Role={"Fn::GetAtt": ["Role", "Arn"]},
        RecursiveLoop="Allow",
        ReservedConcurrentExecutions=2,
        Environment={"Variables": {"OUT": {"Ref": "Source"}}},
        Code={"S3Bucket": "code", "S3Key": "worker.zip"},
    ),
    "Poll": resource(
        "Lambda::EventSourceMapping",
        EventSourceArn={"Fn::GetAtt": ["Source", "Arn"]},
        FunctionName={"Ref": "Worker"},
        BatchSize=100,
        ScalingConfig={"MaximumConcurrency": 5},
        ProvisionedPollerConfig={"MinimumPollers": 2, "MaximumPollers": 10},
    ),
    "Topic": resource("SNS::Topic"),
    "Misspelt": subscription("Source", FilterPolicyScope="MessageAttribute", FilterPolicy={"kind": ["a"]}),
    "Nested": subscription("Second", FilterPolicy={"order": {"kind": ["a"]}}),
    "Seven": subscription("Third", FilterPolicy={key: ["x"] for key in "abcdefg"}),
    "Operator": subscription("Fourth", FilterPolicy={"kind": [{"starts-with": "a"}]}),
    **{name: resource("SQS::Queue") for name in ("Second", "Third", "Fourth")},
    "Placed": resource(
        "Events::Rule",
        EventPattern={"source": ["shop"]},
        Targets=[
            {
                "Id": "Source",
                "Arn": {"Fn::GetAtt": ["Source", "Arn"]},
                "RetryPolicy": {"MaximumRetryAttempts": 500},
            }
        ],
    ),
}


@pytest.fixture(scope="module")
def found() -> set[tuple[str, str]]:
    return {(finding.rule, finding.logical_id) for finding in findings({"Resources": PLANTED})}


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("poll-visibility-below-timeout", "Source"),
        ("sqs-dead-letter-queue-expires", "Dead"),
        ("sqs-max-receive-count-range", "Source"),
        ("poll-concurrency-above-reserved", "Worker"),
        ("poll-maximum-and-provisioned", "Poll"),
        ("poll-batch-not-allowed", "Poll"),
        ("poll-no-batch-item-failures", "Poll"),
        ("function-loop-allowed", "Worker"),
        ("sns-filter-invalid", "Misspelt"),
        ("sns-nested-filter-in-attributes", "Nested"),
        ("sns-filter-invalid", "Seven"),
        ("sns-filter-invalid", "Operator"),
        ("sns-queue-denied", "Misspelt"),
        ("events-target-denied", "Placed"),
        ("events-retry-policy-invalid", "Placed"),
        ("events-no-dead-letter-queue", "Placed"),
        ("dead-letter-queue-unwatched", "Dead"),
        ("govern-runtime-deprecated", "Worker"),
    ],
)
def test_a_planted_defect_is_found_in_its_place(found: set[tuple[str, str]], rule: str, place: str) -> None:
    assert (rule, place) in found


def test_a_number_of_retries_that_aws_refuses_is_not_told_as_a_number_of_tries() -> None:
    whys = [finding.why for finding in findings({"Resources": PLANTED}) if finding.logical_id == "Placed"]
    assert any("MaximumRetryAttempts must be 0 to 185, it is 500" in why for why in whys)
    assert not any("501" in why for why in whys)
