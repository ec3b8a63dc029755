"""Topics: publishers without attributes, what happens when a key refuses, who is told, and data protection."""

import copy
from typing import Any

import pytest

from patterns.guard import examples
from patterns.guard.rule import Example
from patterns.guard.rules import BY_ID
from tests.guard._check import findings, ids

TOPIC = {"Ref": "Events"}


def filtered(**resources: dict[str, Any]) -> list[str]:
    """What is said about a filter on attributes of a topic that only these publish to."""
    template = examples.design("fanned")
    template["Resources"]["Subscription"]["Properties"]["FilterPolicy"] = {"kind": ["a"]}
    template["Resources"] |= copy.deepcopy(resources)
    return [f.why for f in findings(template) if f.rule == "sns-filter-needs-attributes"]


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def alarm(**properties: Any) -> dict[str, Any]:
    return resource(
        "CloudWatch::Alarm",
        Namespace="AWS/EC2",
        MetricName="CPUUtilization",
        Threshold=90,
        ComparisonOperator="GreaterThanThreshold",
        **properties,
    )


def schedule(arn: Any, **target: Any) -> dict[str, Any]:
    return resource(
        "Scheduler::Schedule",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": "arn:aws:iam::111122223333:role/schedule", **target},
    )


FUNCTION = resource("Lambda::Function", Runtime="python3.13", Handler="i.h", Code={}, Role="arn:aws:iam::1:role/x")
CONFIG = resource(
    "Lambda::EventInvokeConfig",
    FunctionName={"Ref": "Worker"},
    Qualifier="$LATEST",
    DestinationConfig={"OnFailure": {"Destination": TOPIC}},
)
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:sns:publish"


@pytest.mark.parametrize(
    ("resources", "publisher"),
    [
        ({"Busy": alarm(AlarmActions=[TOPIC]), "Events": resource("SNS::Topic")}, "Busy publishes"),
        ({"Nightly": schedule(TOPIC)}, "Nightly publishes"),
        (
            {"Pipe": resource("Pipes::Pipe", Source="arn:aws:sqs:eu-west-1:1:x", Target=TOPIC, RoleArn="r")},
            "Pipe publishes",
        ),
        ({"Worker": FUNCTION, "Async": CONFIG}, "Lambda, for the destination of Worker, publishes"),
    ],
)
def test_a_publisher_without_attributes_gets_nothing_through_a_filter_on_them(
    resources: dict[str, Any], publisher: str
) -> None:
    (why,) = filtered(**resources)
    assert why.startswith(publisher)


@pytest.mark.parametrize(
    "resources",
    [
        {},
        {"Busy": alarm(AlarmActions=[])},
        {"Busy": alarm(AlarmActions=[TOPIC])},  # the topic has a key that alarms cannot use
        {"Busy": alarm(AlarmActions=[TOPIC], ActionsEnabled=False)},
        {"Nightly": {**schedule(TOPIC), "Properties": {**schedule(TOPIC)["Properties"], "State": "DISABLED"}}},
        {"Nightly": schedule(UNIVERSAL, Input='{"TopicArn": "arn:aws:sns:eu-west-1:1:events"}')},
        {"Worker": {**FUNCTION, "Properties": {**FUNCTION["Properties"], "DeadLetterConfig": {"TargetArn": TOPIC}}}},
    ],
)
def test_a_publisher_that_can_set_attributes_or_never_publishes_is_no_hazard(resources: dict[str, Any]) -> None:
    assert filtered(**resources) == []


# --- sizes and retries ----------------------------------------------------------------------------------


def large(count: int, size: Any = 1_048_576) -> bool:
    template = examples.good(Example("fanned", {}, {"Events.Properties.MaximumMessageSize": size}))
    first = template["Resources"]["Subscription"]
    for number in range(count - 1):
        queue = f"arn:aws:sqs:eu-west-1:111122223333:q{number}"
        again = {**first, "Properties": {**first["Properties"], "Endpoint": queue}}
        template["Resources"][f"Subscription{number}"] = again
    return "sns-large-topic" in ids(template)


def test_a_topic_for_large_messages_has_a_hundred_subscriptions() -> None:
    assert not large(100)
    assert large(101)
    assert large(101, "262145")
    assert not large(101, "262144")


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ({"healthyRetryPolicy": {"numRetries": 0}}, True),
        ({"healthyRetryPolicy": {"numRetries": "0"}}, True),
        ('{"healthyRetryPolicy": {"numRetries": 0}}', True),
        ({"healthyRetryPolicy": {"numRetries": 1}}, False),
        ('{"healthyRetryPolicy": {}}', False),
        ("{", False),
        ({}, False),
    ],
)
def test_a_delivery_policy_may_be_json_text(policy: Any, found: bool) -> None:
    template = examples.good(BY_ID["sns-no-http-retries"].example)
    template["Resources"]["Subscription"]["Properties"]["DeliveryPolicy"] = policy
    assert ("sns-no-http-retries" in ids(template)) is found


@pytest.mark.parametrize(("size", "found"), [("262144", True), ("262145", False), (None, True)])
def test_a_failure_topic_s_size_may_stand_in_quotes(size: str | None, found: bool) -> None:
    template = examples.bad(BY_ID["async-destination-topic-limit"].example)
    topic = next(
        one
        for one in template["Resources"].values()
        if one["Type"] == "AWS::SNS::Topic" and one is not template["Resources"].get("Alerts")
    )
    topic["Properties"].pop("MaximumMessageSize", None)
    if size:
        topic["Properties"]["MaximumMessageSize"] = size
    assert ("async-destination-topic-limit" in ids(template)) is found


# --- who is told, and what becomes of the message ---------------------------------------------------------


def test_logs_of_deliveries_tell_nobody_by_themselves() -> None:
    template = examples.bad(BY_ID["sns-failures-unwatched"].example)
    template["Resources"]["Events"]["Properties"]["DeliveryStatusLogging"] = [
        {"Protocol": "sqs", "FailureFeedbackRoleArn": "arn:aws:iam::111122223333:role/logs"}
    ]
    (finding,) = findings(template)
    assert finding.why == (
        "No alarm watches NumberOfNotificationsFailed of Events: a broken subscription is noticed by its consumers "
        "only; the logs of its deliveries tell nobody by themselves."
    )


@pytest.mark.parametrize(
    ("kept", "then"), [(True, "and the message goes to Undelivered."), (False, "and the message is lost.")]
)
def test_what_a_key_refuses_is_lost_only_without_a_dead_letter_queue(kept: bool, then: str) -> None:
    template = examples.bad(BY_ID["sns-key-denied"].example)
    if not kept:
        del template["Resources"]["Subscription"]["Properties"]["RedrivePolicy"]
    (why,) = [f.why for f in findings(template) if f.rule == "sns-key-denied"]
    assert why.endswith(then)


def test_what_a_dead_letter_queue_s_key_refuses_is_lost() -> None:
    template = examples.design("fanned")
    template["Resources"]["Undelivered"]["Properties"]["KmsMasterKeyId"] = "alias/aws/sqs"
    (why,) = [f.why for f in findings(template) if f.rule == "sns-key-denied"]
    assert why.endswith("and what it could not deliver to Inbox is lost.")


# --- data protection ------------------------------------------------------------------------------------

MANAGED = "arn:aws:dataprotection::aws:data-identifier/"


def protection(**statement: Any) -> list[tuple[bool, str]]:
    template = examples.good(BY_ID["sns-protection-invalid"].example)
    policy = template["Resources"]["Events"]["Properties"]["DataProtectionPolicy"]
    policy["Configuration"] = {"CustomDataIdentifier": [{"Name": "Badge", "Regex": "B-[0-9]+"}]}
    policy["Statement"][0] |= statement
    template["Resources"] |= {
        "Vended": resource("Logs::LogGroup", LogGroupName="/aws/vendedlogs/findings", RetentionInDays=30),
        "Named": resource("Logs::LogGroup", LogGroupName="/shop/findings", RetentionInDays=30),
        "Generated": resource("Logs::LogGroup", RetentionInDays=30),
    }
    return [(f.sure, f.why) for f in findings(template) if f.rule == "sns-protection-invalid"]


@pytest.mark.parametrize(
    ("identifier", "sure", "words"),
    [
        (f"{MANAGED}EmailAddress", True, ""),
        (f"{MANAGED}DateOfBirth", True, ""),
        ({"Fn::Sub": "arn:${AWS::Partition}:dataprotection::aws:data-identifier/EmailAddress"}, True, ""),
        ("Badge", True, ""),
        ({"Ref": "AWS::NoValue"}, True, ""),
        (f"{MANAGED}EmialAddress", True, "there is no managed identifier EmialAddress; it may mean EmailAddress"),
        (f"{MANAGED}Starship", False, "whether AWS has added Starship to its identifiers"),
        ("EmailAddress", True, "EmailAddress is neither the ARN of a managed identifier nor a custom one"),
    ],
)
def test_an_identifier_is_one_of_aws_or_of_the_policy(identifier: Any, sure: bool, words: str) -> None:
    found = protection(DataIdentifier=[identifier])
    assert [one for one, _ in found] == [sure] * bool(words)
    assert all(words in why for _, why in found)


@pytest.mark.parametrize(
    ("group", "found"),
    [
        ({"Ref": "Vended"}, False),
        ({"Ref": "Named"}, True),
        ({"Ref": "Generated"}, True),
        ({"Fn::ImportValue": "group"}, False),
        ({"Ref": "Events"}, False),
    ],
)
def test_a_log_group_of_an_audit_may_be_a_reference(group: Any, found: bool) -> None:
    audit = {"SampleRate": 99, "FindingsDestination": {"CloudWatchLogs": {"LogGroup": group}}}
    assert bool(protection(Operation={"Audit": audit})) is found
