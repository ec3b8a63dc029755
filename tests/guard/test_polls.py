"""Readers of queues: the batching window, numbers in quotes, and aliases that somebody unknown invokes."""

from typing import Any

import pytest

from patterns.guard import examples
from patterns.guard.rule import Example
from patterns.guard.rules import BY_ID
from tests.guard._check import findings, ids


def polled(change: dict[str, Any]) -> dict[str, Any]:
    return examples.good(Example("polled", {}, change))


@pytest.mark.parametrize(("window", "visibility", "found"), [(0, 180, False), (1, 180, True), (1, 181, False)])
def test_the_batching_window_counts_against_the_visibility_timeout(window: int, visibility: int, found: bool) -> None:
    change = {
        "Poll.Properties.MaximumBatchingWindowInSeconds": window,
        "Orders.Properties.VisibilityTimeout": visibility,
    }
    assert ("poll-visibility-short" in ids(polled(change))) is found


@pytest.mark.parametrize(("low", "high", "found"), [("2", "10", False), ("1", "10", True), ("10", "2", True)])
def test_pollers_in_quotes_are_numbers(low: str, high: str, found: bool) -> None:
    change = {"Poll.Properties.ProvisionedPollerConfig": {"MinimumPollers": low, "MaximumPollers": high}}
    assert ("poll-provisioned-range" in ids(polled(change))) is found


def unqualified(**uses: dict[str, Any]) -> bool:
    """Whether it is found that the queue is polled for $LATEST beside an alias that is used so."""
    template = examples.bad(BY_ID["poll-unqualified-function"].example)
    del template["Resources"]["Address"]
    template["Resources"] |= uses
    return "poll-unqualified-function" in ids(template)


PERMISSION = {"Action": "lambda:InvokeFunction", "Principal": "111122223333"}


@pytest.mark.parametrize(
    ("kind", "properties", "found"),
    [
        ("Permission", {**PERMISSION, "FunctionName": {"Ref": "Live"}}, True),
        ("Permission", {**PERMISSION, "FunctionName": {"Ref": "Worker"}}, False),
        ("Url", {"AuthType": "AWS_IAM", "TargetFunctionArn": {"Ref": "Live"}}, True),
        ("Url", {"AuthType": "AWS_IAM", "TargetFunctionArn": {"Ref": "Worker"}, "Qualifier": "live"}, True),
        ("Url", {"AuthType": "AWS_IAM", "TargetFunctionArn": {"Ref": "Worker"}, "Qualifier": "beta"}, False),
        ("Url", {"AuthType": "AWS_IAM", "TargetFunctionArn": {"Ref": "Worker"}}, False),
    ],
)
def test_an_alias_is_used_where_somebody_may_invoke_it(kind: str, properties: dict[str, Any], found: bool) -> None:
    assert unqualified(Use={"Type": f"AWS::Lambda::{kind}", "Properties": properties}) is found


def test_an_alias_that_nothing_uses_is_no_other_traffic() -> None:
    assert not unqualified()


@pytest.mark.parametrize(
    ("principal", "condition", "unsure"),
    [
        ({"AWS": "444455556666"}, {}, "whether account 444455556666 sends there, as a policy allows"),
        ({"Service": "sns.amazonaws.com"}, {"Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "News"}}}}, ""),
    ],
)
def test_whoever_a_policy_lets_in_may_never_write_to_a_queue_whose_mapping_is_disabled(
    principal: dict[str, Any], condition: dict[str, Any], unsure: str
) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", "Resource": "*", **condition}
    template = polled({"Poll.Properties.Enabled": False})
    template["Resources"]["LetIn"] = {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {"Queues": [{"Ref": "Orders"}], "PolicyDocument": {"Statement": [statement]}},
    }
    template["Resources"]["News"] = {"Type": "AWS::SNS::Topic"}
    template["Resources"]["Subscribed"] = {
        "Type": "AWS::SNS::Subscription",
        "Properties": {
            "TopicArn": {"Ref": "News"},
            "Protocol": "sqs",
            "Endpoint": {"Fn::GetAtt": ["Orders", "Arn"]},
        },
    }
    if "AWS" in principal:
        del template["Resources"]["Subscribed"]
    (found,) = [finding.found for finding in findings(template) if finding.rule == "poll-disabled"]
    assert found.unsure == unsure
