"""Queues: what a redrive policy needs, what shares a dead-letter queue, and numbers in quotes."""

from typing import Any

import pytest

from patterns.guard import examples
from patterns.guard.rule import Example
from patterns.guard.rules import BY_ID
from tests.guard._check import findings, ids

DEAD = {"Fn::GetAtt": ["OrdersDead", "Arn"]}
ARN = "arn:aws:sqs:eu-west-1:111122223333:dead"


def polled(change: dict[str, Any]) -> dict[str, Any]:
    return examples.good(Example("polled", {}, change))


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ({"deadLetterTargetArn": DEAD, "maxReceiveCount": 5}, ""),
        (f'{{"deadLetterTargetArn": "{ARN}", "maxReceiveCount": 5}}', ""),
        ({"deadLetterTargetArn": DEAD, "MaxReceiveCount": 5}, "has MaxReceiveCount, which is none of"),
        ({"deadLetterTargetArn": DEAD, "maxReceiveCounts": 5}, "has maxReceiveCounts, which is none of"),
        (
            {"deadLetterTargetArn": DEAD, "maxReceiveCount": 5, "redrivePermission": "allowAll"},
            "has redrivePermission, which is none of deadLetterTargetArn and maxReceiveCount",
        ),
        ({"deadLetterTargetArn": DEAD}, "has no maxReceiveCount"),
        (f'{{"deadLetterTargetArn": "{ARN}"}}', "has no maxReceiveCount"),
        ({"deadLetterTargetARN": DEAD, "maxReceiveCount": 5}, "has no deadLetterTargetArn"),
    ],
)
def test_a_queue_s_redrive_policy_has_both_keys_and_no_other(policy: Any, why: str) -> None:
    found = [f.why for f in findings(polled({"Orders.Properties.RedrivePolicy": policy})) if "unreadable" in f.rule]
    assert len(found) == bool(why)
    assert all(why in one for one in found)


@pytest.mark.parametrize(("more", "found"), [({}, False), ({"maxReceiveCount": 5}, True)])
def test_a_subscription_s_redrive_policy_has_one_key(more: dict[str, int], found: bool) -> None:
    template = examples.design("fanned")
    template["Resources"]["Subscription"]["Properties"]["RedrivePolicy"] |= more
    assert ("sns-redrive-unreadable" in ids(template)) is found


def test_a_redrive_policy_that_no_template_decides_is_not_judged() -> None:
    open_ = polled({"Orders.Properties.RedrivePolicy": {"Fn::ImportValue": "policy"}})
    assert "sqs-redrive-unreadable" not in ids(open_)


# --- a dead-letter queue of several ------------------------------------------------------------------

TO_RULE = {
    "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "shop"}},
    "Placed": {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventBusName": {"Ref": "Bus"},
            "EventPattern": {"source": ["shop"]},
            "Targets": [
                {
                    "Id": "Worker",
                    "Arn": {"Fn::GetAtt": ["Worker", "Arn"]},
                    "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}},
                }
            ],
        },
    },
}
SUBSCRIPTION = "Subscription.Properties.RedrivePolicy.deadLetterTargetArn"
RECORDS = "Async.Properties.DestinationConfig.OnFailure.Destination"


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({}, 0),
        ({SUBSCRIPTION: {"Fn::GetAtt": ["Failed", "Arn"]}}, 2),
        (TO_RULE, 2),
        ({**TO_RULE, RECORDS: {"Fn::GetAtt": ["Undelivered", "Arn"]}}, 3),
        ({"Worker.Properties.DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["Failed", "Arn"]}}}, 0),
    ],
)
def test_two_kinds_of_failures_in_one_queue_are_found_whatever_they_are(change: dict[str, Any], kinds: int) -> None:
    template = examples.good(Example("invoked", {}, change))
    found = [f.why for f in findings(template) if f.rule == "dead-letter-queue-mixed-sources"]
    assert len(found) == bool(kinds)
    for why in found:
        assert "whoever sends them again needs to know which is which" in why
        assert why.count("what ") == kinds


def test_a_queue_s_own_messages_beside_others_cannot_be_moved_back() -> None:
    (finding,) = findings(examples.bad(BY_ID["dead-letter-queue-mixed-sources"].example))
    assert finding.why == (
        "Undelivered gets what Inbox redrives and what SNS could not deliver from Events: SQS can move back only "
        "messages that came from a queue, and they look different."
    )


# --- numbers in quotes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "threshold", "found"),
    [
        ("ApproximateAgeOfOldestMessage", 345_599, False),
        ("ApproximateAgeOfOldestMessage", "345599", False),
        ("ApproximateAgeOfOldestMessage", "345600", True),
        ("ApproximateNumberOfMessagesVisible", 1_000_000, False),
        ("ApproximateNumberOfMessagesVisible", 1_000_001, True),
        ("ApproximateNumberOfMessagesVisible", "1000001.5", True),
    ],
)
def test_an_alarm_on_a_backlog_tells_before_messages_expire(metric: str, threshold: Any, found: bool) -> None:
    change = {"OrdersOldAlarm.Properties.MetricName": metric, "OrdersOldAlarm.Properties.Threshold": threshold}
    assert ("sqs-backlog-unwatched" in ids(polled(change))) is found


@pytest.mark.parametrize(("age", "found"), [("86400", False), ("86401", True)])
def test_an_alarm_on_the_age_of_failures_tells_within_a_day(age: str, found: bool) -> None:
    change = {
        "OrdersDeadAlarm.Properties.MetricName": "ApproximateAgeOfOldestMessage",
        "OrdersDeadAlarm.Properties.Threshold": age,
    }
    assert ("dead-letter-queue-unwatched" in ids(polled(change))) is found


@pytest.mark.parametrize(("delay", "retention", "found"), [(0, 901, False), (1, 901, True), (1, 902, False)])
def test_the_delay_of_a_queue_counts_against_its_retention(delay: int, retention: int, found: bool) -> None:
    change = {"Orders.Properties.DelaySeconds": delay, "Orders.Properties.MessageRetentionPeriod": retention}
    assert ("sqs-expires-before-dead-letter-queue" in ids(polled(change))) is found  # 5 receives, 180 seconds each


def test_a_dead_letter_queue_whose_policies_are_left_open_may_be_kept() -> None:
    changes: dict[str, Any] = {"OrdersDead.DeletionPolicy": {"Ref": "Kept"}, "OrdersDead.UpdateReplacePolicy": "Retain"}
    template = polled(changes) | {"Parameters": {"Kept": {"Type": "String"}}}
    assert "dead-letter-queue-deleted-with-stack" not in ids(template)


def test_an_alarm_that_its_topic_does_not_let_in_is_named_with_the_reason() -> None:
    change = {
        "OrdersDeadAlarm.Properties.AlarmActions": [{"Ref": "OnCall"}],
        "OnCall": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": "alias/aws/sns"}},
    }
    (found,) = [one for one in findings(polled(change)) if one.rule == "dead-letter-queue-unwatched"]
    why = "its alarm OrdersDeadAlarm cannot tell: cloudwatch.amazonaws.com cannot use the key alias/aws/sns"
    assert why in found.why
