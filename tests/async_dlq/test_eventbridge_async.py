"""An event that a rule matches reaches the function, or is kept where an alarm tells: on the way, and after it."""

import json
from types import MappingProxyType
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from patterns.async_dlq import AsyncDlq, EventBridgeAsync
from patterns.flow import as_text, losses, read_flow
from tests._synth import new_function, new_stack, of_type, template_of, the, warnings_of

RULE, QUEUE, ALARM, ARCHIVE = "AWS::Events::Rule", "AWS::SQS::Queue", "AWS::CloudWatch::Alarm", "AWS::Events::Archive"
PATTERN = {"source": ["shop"], "detail-type": ["Ordered"]}


def ruled(stack: cdk.Stack | None = None, **arguments: Any) -> tuple[EventBridgeAsync, cdk.Stack]:
    """The pattern for a function of its own, whose alarms tell somebody."""
    stack = stack or new_stack()
    if "function" not in arguments:
        arguments["function"] = new_function(stack)
    if "schedule" not in arguments:
        arguments.setdefault("event_pattern", PATTERN)
    arguments.setdefault("alarm_actions", [actions.SnsAction(sns.Topic(stack, "OnCall"))])
    return EventBridgeAsync(stack, "Orders", **arguments), stack


def test_the_default_loses_nothing(template_snapshot: Any, flow_snapshot: Any) -> None:
    _, stack = ruled()
    template = template_of(stack)
    flow = read_flow({"Stack": template})
    assert losses(flow) == []
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot
    assert warnings_of(stack) == {}


def test_a_custom_bus_with_an_archive_loses_nothing(template_snapshot: Any, flow_snapshot: Any) -> None:
    stack = new_stack()
    ruled(stack, bus=events.EventBus(stack, "Bus"), archive=cdk.Duration.days(30))
    template = template_of(stack)
    flow = read_flow({"Stack": template})
    assert losses(flow) == []
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot


def test_logical_ids_are_api_and_do_not_change() -> None:
    _, stack = ruled(archive=cdk.Duration.days(1))
    assert sorted(id for id in template_of(stack)["Resources"] if id.startswith("Orders")) == [
        "OrdersArchiveE22F4F05",
        "OrdersDeadLetterFailedA9BD5D1A",
        "OrdersDeliveryFailedDE0922F6",
        "OrdersInvoke531A680A",
        "OrdersNetConfig0DD80919",
        "OrdersNetDestinationFailures1AD14AA8",
        "OrdersNetEventAgeC0059399",
        "OrdersNetEventsDroppedC6CF8C82",
        "OrdersNetLoopsStopped976796CB",
        "OrdersNetOnFailureA3AED0C0",
        "OrdersNetOnFailureExpiringB237D84A",
        "OrdersNetOnFailureNotEmptyD16D7E36",
        "OrdersNetOnFailurePolicy964E9408",
        "OrdersNetSend0B1B788D",
        "OrdersRule95407CE1",
        "OrdersUndeliveredD9CC9EC8",
        "OrdersUndeliveredExpiring9B82EF6E",
        "OrdersUndeliveredNotEmptyF97FD6AF",
        "OrdersUndeliveredPolicy4107CCD2",
    ]


def test_the_rule_tries_185_times_within_a_day_and_then_keeps_the_event() -> None:
    made, stack = ruled()
    rule = the(template_of(stack), RULE)
    assert rule == {
        "EventPattern": PATTERN,
        "State": "ENABLED",
        "Targets": [
            {
                "Id": "Function",
                "Arn": stack.resolve(made.net.invoked.arn),
                "DeadLetterConfig": {"Arn": stack.resolve(made.undelivered.queue_arn)},
                "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400},
            }
        ],
    }


def test_the_rules_retries_are_not_the_functions() -> None:
    _, stack = ruled(retry_attempts=3, max_event_age=cdk.Duration.minutes(5))
    template = template_of(stack)
    [target] = the(template, RULE)["Targets"]
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 300}
    config = the(template, "AWS::Lambda::EventInvokeConfig")
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, 21_600)


def test_a_schedule_takes_the_place_of_a_pattern() -> None:
    _, stack = ruled(schedule=events.Schedule.rate(cdk.Duration.hours(1)))
    template = template_of(stack)
    rule = the(template, RULE)
    assert rule["ScheduleExpression"] == "rate(1 hour)"
    assert "EventPattern" not in rule
    assert losses(read_flow({"Stack": template})) == []


def test_a_given_queue_and_a_given_net_are_used_and_no_others_defined() -> None:
    stack = new_stack()
    function = new_function(stack)
    queue = sqs.Queue(stack, "Mine", retention_period=cdk.Duration.days(14))
    net = AsyncDlq(stack, "Net", function=function)
    made, _ = ruled(stack, function=function, undelivered=queue, net=net)
    template = template_of(stack)
    assert (made.undelivered, made.net) == (queue, net)
    assert len(of_type(template, QUEUE)) == 2
    [statement] = the(template, "AWS::SQS::QueuePolicy", "Mine")["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": stack.resolve(made.rule.attr_arn)}}


def test_an_alias_is_what_is_invoked_permitted_and_protected() -> None:
    stack = new_stack()
    alias = lambda_.Alias(stack, "Live", alias_name="live", version=new_function(stack).current_version)
    ruled(stack, function=alias)
    template = template_of(stack)
    [alias_id] = of_type(template, "AWS::Lambda::Alias")
    assert the(template, RULE)["Targets"][0]["Arn"] == {"Ref": alias_id}
    assert the(template, "AWS::Lambda::Permission")["FunctionName"] == {"Ref": alias_id}
    assert the(template, "AWS::Lambda::EventInvokeConfig")["Qualifier"] == "live"


# --- alarms: the default bus and a custom one are measured differently ------------------------------


def dimensions(stack: cdk.Stack) -> dict[str, list[dict[str, Any]]]:
    """The dimensions of the alarms on the rule, by metric."""
    alarms = [a["Properties"] for a in of_type(template_of(stack), ALARM).values()]
    return {a["MetricName"]: a["Dimensions"] for a in alarms if a["Namespace"] == "AWS/Events"}


@pytest.mark.parametrize("given", [False, True], ids=["no bus", "imported default bus"])
def test_a_rule_on_the_default_bus_is_measured_by_its_name(given: bool) -> None:
    stack = new_stack()
    bus = {"bus": events.EventBus.from_event_bus_name(stack, "Default", "default")} if given else {}
    made, _ = ruled(stack, **bus)
    name = [{"Name": "RuleName", "Value": stack.resolve(made.rule.ref)}]
    assert dimensions(stack) == {"FailedInvocations": name, "InvocationsFailedToBeSentToDlq": name}


def test_a_rule_on_a_custom_bus_is_measured_by_bus_and_name_or_the_alarm_never_fires() -> None:
    stack = new_stack()
    bus = events.EventBus(stack, "Bus")
    made, _ = ruled(stack, bus=bus)
    both = [
        {"Name": "EventBusName", "Value": stack.resolve(bus.event_bus_name)},
        {"Name": "RuleName", "Value": {"Fn::Select": [2, {"Fn::Split": ["/", stack.resolve(made.rule.attr_arn)]}]}},
    ]
    assert dimensions(stack) == {"FailedInvocations": both, "InvocationsFailedToBeSentToDlq": both}
    assert the(template_of(stack), RULE)["EventBusName"] == stack.resolve(bus.event_bus_name)


def test_the_rules_name_is_found_behind_a_partners_bus_with_slashes_in_its_name() -> None:
    stack = new_stack()
    bus = events.EventBus.from_event_bus_name(stack, "Bus", "aws.partner/example.com/shop")
    ruled(stack, bus=bus)
    [name] = [d["Value"] for d in dimensions(stack)["FailedInvocations"] if d["Name"] == "RuleName"]
    assert name["Fn::Select"][0] == 4


def test_every_alarm_acts_and_missing_data_is_no_alarm() -> None:
    made, stack = ruled()
    alarms = [a["Properties"] for a in of_type(template_of(stack), ALARM).values()]
    assert {len(a["AlarmActions"]) for a in alarms} == {1}
    assert {a["TreatMissingData"] for a in alarms} == {"notBreaching"}
    assert len(made.alarms) + len(made.net.alarms) == len(alarms)


# --- the pattern as it was written -----------------------------------------------------------------


def test_a_null_in_a_pattern_is_not_lost_on_the_way_to_rule_and_archive() -> None:
    pattern = {"detail": {"coupon": ["none", None], "gift": [None]}}
    _, stack = ruled(event_pattern=pattern, archive=cdk.Duration.days(7))
    template = template_of(stack)
    assert json.loads(the(template, RULE)["EventPattern"]) == pattern
    assert json.loads(the(template, ARCHIVE)["EventPattern"]) == pattern
    assert losses(read_flow({"Stack": template})) == []


def test_a_name_known_at_deployment_only_stays_one_beside_a_null() -> None:
    stack = new_stack()
    ruled(stack, event_pattern={"account": [stack.account], "detail": {"gift": [None]}})
    assert the(template_of(stack), RULE)["EventPattern"] == {
        "Fn::Join": ["", ['{"account":["', {"Ref": "AWS::AccountId"}, '"],"detail":{"gift":[null]}}']]
    }


def test_every_mapping_and_sequence_is_taken_as_a_pattern() -> None:
    _, stack = ruled(event_pattern=MappingProxyType({"detail": MappingProxyType({"kind": ("book", {"prefix": "e"})})}))
    assert the(template_of(stack), RULE)["EventPattern"] == {"detail": {"kind": ["book", {"prefix": "e"}]}}


# --- archive ---------------------------------------------------------------------------------------


def test_an_archive_of_the_default_bus_keeps_what_matches() -> None:
    made, stack = ruled(archive=cdk.Duration.days(7))
    assert the(template_of(stack), ARCHIVE) == {
        "SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"},
        "EventPattern": PATTERN,
        "RetentionDays": 7,
    }
    assert made.archive is not None


def test_an_archive_of_a_custom_bus_keeps_what_matches_no_rule_as_well() -> None:
    stack = new_stack()
    bus = events.EventBus(stack, "Bus")
    ruled(stack, bus=bus, archive=cdk.Duration.days(0))
    assert the(template_of(stack), ARCHIVE) == {"SourceArn": stack.resolve(bus.event_bus_arn), "RetentionDays": 0}


def test_there_is_no_archive_unless_it_is_asked_for() -> None:
    made, stack = ruled()
    assert made.archive is None
    assert not of_type(template_of(stack), ARCHIVE)
