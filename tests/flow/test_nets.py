"""Where a failed message is put: what is there, and what becomes of it from there on."""

from typing import Any

import pytest

from patterns.flow import Outcome, losses
from tests.flow.parts import (
    allow,
    arn,
    async_config,
    dead_letters,
    end,
    ends,
    flow_of,
    function,
    lets_in,
    permission,
    queue,
    ref,
    resource,
    role,
    subscription,
    topic,
)

FAILS = "Worker fails 3 times or Worker cannot be run within 6 h (throttled)"


def invoked(failed: str, **parts: Any) -> dict[str, Any]:
    """A function that a topic invokes, with a destination for what it cannot process."""
    return {
        "Topic": topic(),
        "Subscription": subscription("Worker", protocol="lambda", dead="Undelivered"),
        "Undelivered": dead_letters(),
        "Policy": lets_in("sns", ref("Topic"), "Undelivered"),
        "Permission": permission("sns", ref("Topic")),
        "Worker": function(),
        "Config": async_config(failed),
        "Role": role(allow("*", "s3:*", "sns:Publish", "lambda:InvokeFunction")),
        **parts,
    }


def test_a_bucket_that_tells_of_a_failed_event_keeps_it_for_each_reason_apart():
    tells = {"Event": "s3:ObjectCreated:*", "Queue": arn("Queue")}
    bucket = resource("AWS::S3::Bucket", NotificationConfiguration={"QueueConfigurations": [tells]})
    let_in = lets_in("s3", arn("Failed"), "Queue")
    flow = flow_of(**invoked("Failed", Failed=bucket, Queue=queue(), Let=let_in))
    assert losses(flow) == []
    assert [(f.condition, f.attempts) for f in ends(flow, "Topic", Outcome.DESTINATION)] == [
        ("Worker cannot be run within 6 h (throttled)", None),
        ("Worker fails 3 times", 3),
    ]
    (told,) = [f for f in ends(flow, "Topic", Outcome.DLQ) if f.at == "S/Queue"]
    assert told.condition.startswith(f"{FAILS}; then it waits in Queue for a consumer")


def test_a_bucket_that_may_not_tell_of_a_failed_event_keeps_it_all_the_same():
    tells = {"Event": "s3:ObjectCreated:*", "Queue": arn("Queue")}
    bucket = resource("AWS::S3::Bucket", NotificationConfiguration={"QueueConfigurations": [tells]})
    let_in = lets_in("s3", "arn:aws:s3:::another", "Queue")
    flow = flow_of(**invoked("Failed", Failed=bucket, Queue=queue(), Let=let_in))
    assert losses(flow) == []
    (silent,) = ends(flow, "Topic", Outcome.DROPPED)
    assert silent.condition.startswith(f"{FAILS}; then S3 cannot notify Queue")
    assert silent.kept is not None
    assert silent.kept.place == "S/Failed"


def test_an_end_behind_a_destination_says_after_which_failure():
    mail = resource("AWS::SNS::Subscription", TopicArn=ref("Failed"), Protocol="email", Endpoint="a@b.c")
    config = async_config(DestinationConfig={"OnFailure": {"Destination": ref("Failed")}})
    flow = flow_of(**invoked("", Failed=topic(), Mail=mail, Config=config))
    (handed,) = ends(flow, "Topic", Outcome.OUTSIDE)
    assert handed.condition == f"{FAILS}; then it is handed to a@b.c (which stands in none of the templates)"
    repaired = flow_of(**invoked("Repair", Repair=function()))
    assert f"{FAILS}; then Repair returns" in [f.condition for f in ends(repaired, "Topic", Outcome.PROCESSED)]


@pytest.mark.parametrize(("failed", "lost"), [("", True), ("Failed", False)])
def test_an_event_that_goes_round_in_every_success_is_stopped_and_put_aside(failed, lost):
    config = async_config(failed)
    destinations = config["Properties"].setdefault("DestinationConfig", {})
    destinations["OnSuccess"] = {"Destination": arn("Worker")}
    writes = role(allow("*", "lambda:InvokeFunction", "sqs:SendMessage"))
    flow = flow_of(**invoked(failed, Config=config, Role=writes, Failed=dead_letters()))
    stopped = "Lambda stops Worker after about 16 rounds of Worker -> Worker"
    (told,) = [
        f for f in ends(flow, "Topic", Outcome.DROPPED if lost else Outcome.DESTINATION) if f.condition == stopped
    ]
    assert (told.lost, told.attempts, told.latest) == (lost, None, None)
    allowed = {"Worker": function(RecursiveLoop="Allow"), "Role": writes, "Config": config, "Failed": dead_letters()}
    assert stopped not in [f.condition for f in ends(flow_of(**invoked(failed, **allowed)), "Topic", told.outcome)]


def test_a_message_that_goes_round_through_a_queue_is_stopped_at_its_receives():
    config = async_config(DestinationConfig={"OnSuccess": {"Destination": arn("Queue")}})
    parts = invoked(
        "",
        Config=config,
        Queue=queue("Dead"),
        Dead=dead_letters(),
        Poll=resource("AWS::Lambda::EventSourceMapping", EventSourceArn=arn("Queue"), FunctionName=ref("Worker")),
        Role=role(allow("*", "sqs:*")),
    )
    (told,) = [f for f in ends(flow_of(**parts), "Topic", Outcome.DLQ) if f.at == "S/Dead"]
    assert told.condition == "Worker fails or is stopped as a loop on 5 receives"


def test_a_subscriber_of_a_new_bus_puts_a_description_aside_and_the_bus_keeps_the_event():
    days = {"RetentionPeriodInDays": 3}
    subscriber = resource(
        "AWS::EventsV2::Subscriber",
        EventBusArn=arn("Bus"),
        InvokeConfiguration={"TargetArn": arn("Queue"), "RoleArn": arn("Role")},
        OnFailureConfiguration={"Arn": arn("Failed")},
    )
    told = end(
        flow_of(
            Bus=resource("AWS::EventsV2::EventBus", Name="new", StorageConfiguration=days),
            Subscriber=subscriber,
            Queue=queue(),
            Failed=dead_letters(),
            Role=role(allow([arn("Queue"), arn("Failed")], "sqs:SendMessage")),
        ),
        "Bus",
        Outcome.DLQ,
    )
    assert told.condition.endswith("; Failed gets a description of it, and only Bus keeps the event")
    assert told.kept is not None
    assert (told.at, told.kept.place, told.kept.at_least, told.kept.at_most) == (
        "S/Failed",
        "S/Bus",
        3 * 86_400 - 300,
        3 * 86_400,
    )


def test_a_record_on_a_bus_concerns_only_the_rules_for_its_kind():
    def rule(to: str, kind: str) -> dict[str, Any]:
        return resource(
            "AWS::Events::Rule",
            EventBusName=ref("Bus"),
            EventPattern={"detail-type": [f"Lambda Function Invocation Result - {kind}"]},
            Targets=[{"Id": "t", "Arn": arn(to)}],
        )

    config = async_config()
    both = {way: {"Destination": arn("Bus")} for way in ("OnFailure", "OnSuccess")}
    config["Properties"]["DestinationConfig"] = both
    flow = flow_of(
        **invoked(
            "",
            Bus=resource("AWS::Events::EventBus", Name="results"),
            Failed=queue(),
            Worked=queue(),
            OfFailures=rule("Failed", "Failure"),
            OfSuccesses=rule("Worked", "Success"),
            Lets=lets_in("events", None, "Failed", "Worked"),
            Config=config,
            Role=role(allow("*", "events:PutEvents")),
        )
    )
    assert [f.at for f in ends(flow, "Topic", Outcome.DLQ) if "waits" in f.condition] == ["S/Failed"]
    assert [f.at for f in ends(flow, "Topic", Outcome.OUTSIDE)] == ["S/Worked"]
