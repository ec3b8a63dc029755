"""A run of a schedule: handed to its target, or kept when the target could not take it."""

import pytest

from patterns.flow import Outcome, losses
from patterns.flow.model import Delivery
from tests.flow.parts import (
    alarm,
    allow,
    arn,
    changed,
    dead_letters,
    end,
    flow_of,
    function,
    queue,
    ref,
    resource,
    role,
)


def schedule(**target):
    return resource(
        "AWS::Scheduler::Schedule",
        ScheduleExpression="rate(1 hour)",
        Target={"Arn": arn("Queue"), "RoleArn": arn("Role"), **target},
    )


def to_queue(dead=True, granted=("Queue", "Missed")):
    config = {"DeadLetterConfig": {"Arn": arn("Missed")}} if dead else {}
    return {
        "Schedule": schedule(**config),
        "Queue": queue(),
        "Missed": dead_letters(),
        "Role": role(allow([arn(name) for name in granted], "sqs:SendMessage")),
    }


def test_a_schedule_with_a_dead_letter_queue_loses_nothing():
    flow = flow_of(**to_queue())
    assert losses(flow) == []
    kept = end(flow, "Schedule", Outcome.DLQ)
    assert (kept.attempts, kept.latest) == (186, 86_400)


def test_a_missed_run_is_lost_without_one():
    (lost,) = losses(flow_of(**to_queue(dead=False)))
    assert lost.remedy == "give the schedule's target Queue of Schedule a dead-letter queue"


def test_the_role_of_the_schedule_writes_to_the_dead_letter_queue():
    (lost,) = losses(flow_of(**to_queue(granted=("Queue",))))
    assert lost.remedy == "make the dead-letter queue writable: Role has no sqs:SendMessage on Missed"


def test_a_target_the_role_may_not_reach_gets_nothing():
    flow = flow_of(**to_queue(granted=("Missed",)))
    assert losses(flow) == []
    kept = end(flow, "Schedule", Outcome.DLQ)
    assert kept.condition == "it cannot be delivered to Queue: Role has no sqs:SendMessage on Queue"


@pytest.mark.parametrize(("state", "sources"), [("ENABLED", 1), ("DISABLED", 0)])
def test_a_disabled_schedule_begins_nothing(state, sources):
    from patterns.flow import fates

    parts = to_queue()
    parts["Schedule"]["Properties"]["State"] = state
    assert len([s for s in fates(flow_of(**parts)) if s == "S/Schedule"]) == sources


def test_a_function_of_a_schedule_runs_asynchronously():
    parts = {
        **to_queue(),
        "Schedule": schedule(Arn=arn("Worker"), DeadLetterConfig={"Arn": arn("Missed")}),
        "Worker": function("WorkerRole"),
        "WorkerRole": role(),
        "Role": role(allow(arn("Worker"), "lambda:InvokeFunction"), allow(arn("Missed"), "sqs:SendMessage")),
    }
    flow = flow_of(**parts)
    assert {fate.at for fate in losses(flow)} == {"S/Worker"}


def test_a_retry_policy_sets_tries_and_time():
    parts = {
        **to_queue(),
        "Schedule": schedule(RetryPolicy={"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}),
    }
    (edge,) = flow_of(**parts).edges_of(Delivery)
    assert (edge.attempts, edge.seconds) == (1, 60)


def test_a_universal_target_leaves_the_templates():
    to = resource(
        "AWS::Scheduler::Schedule",
        ScheduleExpression="at(2030-01-01T00:00:00)",
        Target={"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": ref("Role"), "Input": "{}"},
    )
    flow = flow_of(Schedule=to, Role=role())
    assert end(flow, "Schedule", Outcome.OUTSIDE).at == "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"


def test_a_universal_target_names_its_queue_in_text():
    to = resource(
        "AWS::Scheduler::Schedule",
        ScheduleExpression="rate(1 hour)",
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
            "RoleArn": arn("Role"),
            "Input": {"Fn::Sub": '{"QueueUrl":"${Queue}","MessageBody":"go"}'},
        },
    )
    flow = flow_of(Schedule=to, Queue=queue(), Role=role(allow(arn("Queue"), "sqs:SendMessage")))
    assert end(flow, "Schedule", Outcome.OUTSIDE).at == "S/Queue"


@pytest.mark.parametrize(
    ("given", "waits"),
    [("", True), (', "InvocationType": "RequestResponse"', True), (', "InvocationType": "Event"', False)],
)
def test_a_universal_target_waits_for_a_function_as_the_api_does(given, waits):
    parts = {
        "Schedule": schedule(
            Arn="arn:aws:scheduler:::aws-sdk:lambda:invoke",
            Input={"Fn::Sub": f'{{"FunctionName": "${{Worker}}"{given}}}'},
            DeadLetterConfig={"Arn": arn("Missed")},
        ),
        "Missed": dead_letters(),
        "Worker": function("WorkerRole"),
        "WorkerRole": role(),
        "Role": role(allow(arn("Worker"), "lambda:InvokeFunction"), allow(arn("Missed"), "sqs:SendMessage")),
    }
    flow = flow_of(**parts)
    (edge,) = flow.edges_of(Delivery)
    assert edge.asynchronous is not waits
    assert [fate.condition for fate in losses(flow) if "Worker fails" in fate.condition] == (
        [] if waits else ["Worker fails 3 times"]
    )


@pytest.mark.parametrize(
    ("group", "watched", "told"),
    [
        (None, "default", True),
        (None, "other", False),
        (ref("Group"), ref("Group"), True),
        (ref("Group"), "night", True),
        ("night", ref("Group"), True),
        ("day", ref("Group"), False),
        ("day", "day", True),
        (ref("Open"), ref("Other"), False),
    ],
)
@pytest.mark.parametrize(
    ("metric", "dead", "granted"),
    [
        ("InvocationDroppedCount", False, ("Queue",)),
        ("InvocationsSentToDeadLetterCount", True, ("Queue", "Missed")),
        ("InvocationsFailedToBeSentToDeadLetterCount", True, ("Queue",)),
    ],
)
def test_an_alarm_on_the_schedule_group_tells_of_a_missed_run(metric, dead, granted, group, watched, told):
    parts = to_queue(dead, granted)
    parts["Schedule"] = changed(parts["Schedule"], GroupName=group)
    parts["Group"] = resource("AWS::Scheduler::ScheduleGroup", Name="night")
    flow = flow_of(**parts, Alarm=alarm("AWS/Scheduler", metric, ScheduleGroup=watched))
    missed = end(flow, "Schedule", Outcome.DLQ if granted[1:] else Outcome.DROPPED)
    assert missed.alarms == (("S/Alarm",) if told else ())


@pytest.mark.parametrize(
    ("metric", "dead"), [("InvocationsSentToDeadLetterCount", False), ("InvocationAttemptCount", True)]
)
def test_an_alarm_on_what_a_missed_run_does_not_count_tells_nobody(metric, dead):
    flow = flow_of(**to_queue(dead), Alarm=alarm("AWS/Scheduler", metric, ScheduleGroup="default"))
    assert end(flow, "Schedule", Outcome.DLQ if dead else Outcome.DROPPED).alarms == ()
