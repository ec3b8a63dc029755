"""A run of a schedule is started, or kept where an alarm tells; and so is one that fails."""

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from patterns.async_dlq import AsyncDlq, ScheduleAsync
from patterns.flow import as_text, losses, read_flow
from tests._synth import new_function, new_stack, of_type, template_of, the, warnings_of

SCHEDULE, ROLE = "AWS::Scheduler::Schedule", "AWS::IAM::Role"
HOURLY = scheduler.ScheduleExpression.rate(cdk.Duration.hours(1))


def scheduled(stack: cdk.Stack | None = None, **arguments: Any) -> tuple[ScheduleAsync, cdk.Stack]:
    """The pattern for a function of its own, whose alarms tell somebody."""
    stack = stack or new_stack()
    if "function" not in arguments:
        arguments["function"] = new_function(stack)
    arguments.setdefault("schedule", HOURLY)
    arguments.setdefault("alarm_actions", [actions.SnsAction(sns.Topic(stack, "OnCall"))])
    return ScheduleAsync(stack, "Nightly", **arguments), stack


def test_the_default_loses_nothing(template_snapshot: Any, flow_snapshot: Any) -> None:
    _, stack = scheduled()
    template = template_of(stack)
    flow = read_flow({"Stack": template})
    assert losses(flow) == []
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot
    assert warnings_of(stack) == {}


def test_logical_ids_are_api_and_do_not_change() -> None:
    _, stack = scheduled()
    assert sorted(id for id in template_of(stack)["Resources"] if id.startswith("Nightly")) == [
        "NightlyDeadLetterFailed4DC5F264",
        "NightlyGroup277BD11B",
        "NightlyNetConfig340B2F81",
        "NightlyNetDestinationFailures9304E189",
        "NightlyNetEventAge8D008F3E",
        "NightlyNetEventsDroppedEC44A44C",
        "NightlyNetLoopsStopped0B610374",
        "NightlyNetOnFailure1406AC82",
        "NightlyNetOnFailureExpiring6C21A2BA",
        "NightlyNetOnFailureNotEmpty2FA3A376",
        "NightlyNetOnFailurePolicyB5E1F252",
        "NightlyNetSend9BB1D05E",
        "NightlyRole954B33E9",
        "NightlyRunACD0DD52",
        "NightlyRunDropped477C4759",
        "NightlySchedule16C29F04",
        "NightlyUndelivered5CF68D42",
        "NightlyUndeliveredExpiring50EE63F4",
        "NightlyUndeliveredNotEmptyE35D9D04",
        "NightlyUndeliveredPolicyC0854D40",
    ]


def test_a_run_is_tried_185_times_within_a_day_and_then_kept() -> None:
    made, stack = scheduled()
    template = template_of(stack)
    [group] = of_type(template, "AWS::Scheduler::ScheduleGroup")
    assert the(template, SCHEDULE) == {
        "GroupName": {"Ref": group},
        "ScheduleExpression": "rate(1 hour)",
        "ScheduleExpressionTimezone": "Etc/UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Target": {
            "Arn": stack.resolve(made.net.invoked.arn),
            "RoleArn": stack.resolve(made.role.role_arn),
            "DeadLetterConfig": {"Arn": stack.resolve(made.undelivered.queue_arn)},
            "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400},
        },
    }


def test_time_zone_input_and_retries_are_as_they_were_asked_for() -> None:
    _, stack = scheduled(
        schedule=scheduler.ScheduleExpression.cron(hour="3", minute="0", time_zone=cdk.TimeZone.EUROPE_BERLIN),
        input={"kind": "nightly"},
        enabled=False,
        retry_attempts=0,
        max_event_age=cdk.Duration.minutes(1),
    )
    schedule = the(template_of(stack), SCHEDULE)
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert schedule["State"] == "DISABLED"
    assert json.loads(schedule["Target"]["Input"]) == {"kind": "nightly"}
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}


def test_schedulers_role_is_for_this_group_alone_and_may_do_two_things() -> None:
    made, stack = scheduled()
    template = template_of(stack)
    [trust] = the(template, ROLE, "NightlyRole")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": {"Ref": "AWS::AccountId"},
            "aws:SourceArn": stack.resolve(made.group.attr_arn),
        }
    }
    assert the(template, "AWS::IAM::Policy", "NightlyRun")["PolicyDocument"]["Statement"] == [
        {"Action": "lambda:InvokeFunction", "Effect": "Allow", "Resource": stack.resolve(made.net.invoked.arn)},
        {"Action": "sqs:SendMessage", "Effect": "Allow", "Resource": stack.resolve(made.undelivered.queue_arn)},
    ]


def test_the_schedule_waits_for_its_roles_permissions() -> None:
    _, stack = scheduled()
    template = template_of(stack)
    [schedule] = of_type(template, SCHEDULE).values()
    assert {template["Resources"][id]["Type"] for id in schedule["DependsOn"]} == {"AWS::IAM::Policy"}


def test_a_key_is_opened_to_the_role_and_to_scheduler() -> None:
    stack = new_stack()
    key = kms.Key(stack, "Key")
    scheduled(stack, encryption_key=key)
    template = template_of(stack)
    statements = the(template, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    assert {
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    } in statements
    assert losses(read_flow({"Stack": template})) == []


def test_an_alias_is_what_is_invoked_and_protected() -> None:
    stack = new_stack()
    alias = lambda_.Alias(stack, "Live", alias_name="live", version=new_function(stack).current_version)
    scheduled(stack, function=alias)
    template = template_of(stack)
    [alias_id] = of_type(template, "AWS::Lambda::Alias")
    assert the(template, SCHEDULE)["Target"]["Arn"] == {"Ref": alias_id}
    assert the(template, "AWS::Lambda::EventInvokeConfig")["Qualifier"] == "live"


def test_a_given_queue_and_a_given_net_are_used_and_no_others_defined() -> None:
    stack = new_stack()
    function = new_function(stack)
    queue = sqs.Queue(stack, "Mine", retention_period=cdk.Duration.days(14))
    net = AsyncDlq(stack, "Net", function=function)
    made, _ = scheduled(stack, function=function, undelivered=queue, net=net)
    assert (made.undelivered, made.net) == (queue, net)
    assert len(of_type(template_of(stack), "AWS::SQS::Queue")) == 2


def test_dropped_runs_are_counted_for_the_group_of_this_schedule_alone() -> None:
    made, stack = scheduled()
    alarms = [a["Properties"] for a in of_type(template_of(stack), "AWS::CloudWatch::Alarm").values()]
    group = [{"Name": "ScheduleGroup", "Value": stack.resolve(made.group.ref)}]
    assert {a["MetricName"]: a["Dimensions"] for a in alarms if a["Namespace"] == "AWS/Scheduler"} == {
        "InvocationDroppedCount": group,
        "InvocationsFailedToBeSentToDeadLetterCount": group,
    }
    assert {len(a["AlarmActions"]) for a in alarms} == {1}
