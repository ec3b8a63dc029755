"""A message on the topic reaches the function, or is kept where an alarm tells: on the way, and after it."""

import json
from types import MappingProxyType
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from patterns.async_dlq import AsyncDlq, SnsAsync
from patterns.flow import as_text, losses, read_flow
from tests._synth import new_function, new_stack, of_type, template_of, the, warnings_of

QUEUE, TOPIC, SUBSCRIPTION = "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::SNS::Subscription"


def subscribed(stack: cdk.Stack | None = None, **arguments: Any) -> tuple[SnsAsync, cdk.Stack]:
    """The pattern for a function of its own, whose alarms tell somebody."""
    stack = stack or new_stack()
    if "function" not in arguments:
        arguments["function"] = new_function(stack)
    arguments.setdefault("alarm_actions", [actions.SnsAction(sns.Topic(stack, "OnCall"))])
    return SnsAsync(stack, "Orders", **arguments), stack


def test_the_default_loses_nothing(template_snapshot: Any, flow_snapshot: Any) -> None:
    _, stack = subscribed()
    template = template_of(stack)
    flow = read_flow({"Stack": template})
    assert losses(flow) == []
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot
    assert warnings_of(stack) == {}


def test_logical_ids_are_api_and_do_not_change() -> None:
    _, stack = subscribed()
    assert sorted(id for id in template_of(stack)["Resources"] if id.startswith("Orders")) == [
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
        "OrdersRedriveFailedCDBFE6FB",
        "OrdersSubscription9DB4C0E7",
        "OrdersTopic8A68B7A2",
        "OrdersTopicPolicy6B01B19F",
        "OrdersUndeliveredD9CC9EC8",
        "OrdersUndeliveredExpiring9B82EF6E",
        "OrdersUndeliveredNotEmptyF97FD6AF",
        "OrdersUndeliveredPolicy4107CCD2",
    ]


def test_what_cannot_be_delivered_has_another_queue_than_what_cannot_be_processed() -> None:
    made, stack = subscribed()
    template = template_of(stack)
    redrive = the(template, SUBSCRIPTION)["RedrivePolicy"]
    on_failure = the(template, "AWS::Lambda::EventInvokeConfig")["DestinationConfig"]["OnFailure"]["Destination"]
    assert redrive == {"deadLetterTargetArn": stack.resolve(made.undelivered.queue_arn)}
    assert on_failure == stack.resolve(made.net.on_failure.queue_arn)
    assert redrive["deadLetterTargetArn"] != on_failure
    for queue in of_type(template, QUEUE).values():
        assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 86_400
        assert queue["DeletionPolicy"] == "Retain"


def test_the_subscription_waits_for_the_permissions_because_sns_tries_only_once_without() -> None:
    _, stack = subscribed()
    template = template_of(stack)
    [subscription] = of_type(template, SUBSCRIPTION).values()
    assert {template["Resources"][id]["Type"] for id in subscription["DependsOn"]} == {
        "AWS::SQS::QueuePolicy",
        "AWS::Lambda::Permission",
    }


def test_a_given_topic_is_used_and_no_other_defined() -> None:
    stack = new_stack()
    topic = sns.Topic(stack, "Mine")
    made, _ = subscribed(stack, topic=topic)
    template = template_of(stack)
    assert [id for id in of_type(template, TOPIC) if not id.startswith("OnCall")] == [
        stack.get_logical_id(topic.node.default_child)  # type: ignore[arg-type]
    ]
    assert the(template, SUBSCRIPTION)["TopicArn"] == stack.resolve(topic.topic_arn)
    assert made.topic is topic


def test_a_given_queue_is_used_and_opened_to_the_topic() -> None:
    stack = new_stack()
    queue = sqs.Queue(stack, "Mine", retention_period=cdk.Duration.days(14))
    made, _ = subscribed(stack, undelivered=queue)
    template = template_of(stack)
    assert made.undelivered is queue
    [statement] = the(template, "AWS::SQS::QueuePolicy", "Mine")["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": stack.resolve(made.topic.topic_arn)}}
    assert losses(read_flow({"Stack": template})) == []


def test_a_given_net_is_used_and_no_other_defined() -> None:
    stack = new_stack()
    function = new_function(stack)
    net = AsyncDlq(stack, "Net", function=function, retry_attempts=0)
    made, _ = subscribed(stack, function=function, net=net)
    assert made.net is net
    assert the(template_of(stack), "AWS::Lambda::EventInvokeConfig")["MaximumRetryAttempts"] == 0


def test_a_topic_that_is_defined_refuses_plain_http() -> None:
    _, stack = subscribed()
    [statement] = the(template_of(stack), "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_key_encrypts_the_topic_and_both_queues() -> None:
    stack = new_stack()
    key = kms.Key(stack, "Key")
    subscribed(stack, encryption_key=key)
    template = template_of(stack)
    arn = stack.resolve(key.key_arn)
    assert the(template, TOPIC, "Orders")["KmsMasterKeyId"] == arn
    assert [q["Properties"]["KmsMasterKeyId"] for q in of_type(template, QUEUE).values()] == [arn, arn]
    assert losses(read_flow({"Stack": template})) == []


@pytest.mark.parametrize(
    ("policy", "scope"),
    [
        ({"kind": ["order"]}, "MessageAttributes"),
        ({"order": {"total": [{"numeric": [">", 100]}]}}, "MessageBody"),
        ({"$or": [{"kind": ["order"]}, {"kind": [{"prefix": "re"}]}]}, "MessageAttributes"),
    ],
)
def test_a_filter_policy_reaches_the_subscription_as_it_was_written(policy: dict[str, Any], scope: str) -> None:
    _, stack = subscribed(filter_policy=policy, filter_policy_scope=scope)
    subscription = the(template_of(stack), SUBSCRIPTION)
    assert (subscription["FilterPolicy"], subscription["FilterPolicyScope"]) == (policy, scope)


def test_a_null_in_a_filter_policy_is_not_lost_on_the_way_to_the_template() -> None:
    policy = {"order": {"coupon": ["none", None], "gift": [None]}}
    _, stack = subscribed(filter_policy=policy, filter_policy_scope="MessageBody")
    template = template_of(stack)
    assert json.loads(the(template, SUBSCRIPTION)["FilterPolicy"]) == policy
    assert [loss.outcome.value for loss in losses(read_flow({"Stack": template}))] == ["filtered"]


def test_every_mapping_and_sequence_is_taken_as_a_filter_policy() -> None:
    policy = MappingProxyType({"order": MappingProxyType({"kind": ("book", {"prefix": "e"})})})
    _, stack = subscribed(filter_policy=policy, filter_policy_scope="MessageBody")
    assert the(template_of(stack), SUBSCRIPTION)["FilterPolicy"] == {"order": {"kind": ["book", {"prefix": "e"}]}}


def test_without_a_filter_no_scope_is_written() -> None:
    _, stack = subscribed()
    assert not {"FilterPolicy", "FilterPolicyScope"} & set(the(template_of(stack), SUBSCRIPTION))


def test_an_alias_is_what_is_invoked_permitted_and_protected() -> None:
    stack = new_stack()
    alias = lambda_.Alias(stack, "Live", alias_name="live", version=new_function(stack).current_version)
    subscribed(stack, function=alias)
    template = template_of(stack)
    [alias_id] = of_type(template, "AWS::Lambda::Alias")
    assert the(template, SUBSCRIPTION)["Endpoint"] == {"Ref": alias_id}
    assert the(template, "AWS::Lambda::Permission")["FunctionName"] == {"Ref": alias_id}
    assert the(template, "AWS::Lambda::EventInvokeConfig")["Qualifier"] == "live"
    assert losses(read_flow({"Stack": template})) == []


def test_the_topic_is_watched_for_what_it_cannot_deliver_and_for_what_it_loses() -> None:
    made, stack = subscribed()
    template = template_of(stack)
    [topic_id] = [id for id in of_type(template, TOPIC) if id.startswith("Orders")]
    alarms = [a["Properties"] for a in of_type(template, "AWS::CloudWatch::Alarm").values()]
    about_the_topic = [a for a in alarms if a["Namespace"] == "AWS/SNS"]
    assert sorted(a["MetricName"] for a in about_the_topic) == [
        "NumberOfNotificationsFailed",
        "NumberOfNotificationsFailedToRedriveToDlq",
    ]
    for alarm in about_the_topic:
        assert alarm["Dimensions"] == [{"Name": "TopicName", "Value": {"Fn::GetAtt": [topic_id, "TopicName"]}}]
        assert (alarm["Statistic"], alarm["Threshold"], alarm["TreatMissingData"]) == ("Sum", 0, "notBreaching")
    assert {len(a["AlarmActions"]) for a in alarms} == {1}
    assert len(made.alarms) + len(made.net.alarms) == len(alarms)
