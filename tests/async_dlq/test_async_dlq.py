"""An event that a function could not process is kept, whatever the reason, for whoever sent it."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from patterns.async_dlq import AsyncDlq
from patterns.flow import as_text, losses, read_flow
from tests._synth import new_function, new_stack, of_type, template_of, the, warnings_of

QUEUE, CONFIG, ALARM = "AWS::SQS::Queue", "AWS::Lambda::EventInvokeConfig", "AWS::CloudWatch::Alarm"
FUNCTION = "AWS::Lambda::Function"


def net(stack: cdk.Stack | None = None, **arguments: Any) -> tuple[AsyncDlq, cdk.Stack]:
    """A net under a function of its own, whose alarms tell somebody."""
    stack = stack or new_stack()
    if "function" not in arguments:
        arguments["function"] = new_function(stack)
    arguments.setdefault("alarm_actions", [actions.SnsAction(sns.Topic(stack, "OnCall"))])
    return AsyncDlq(stack, "Net", **arguments), stack


def test_the_default_loses_nothing(template_snapshot: Any, flow_snapshot: Any) -> None:
    _, stack = net()
    template = template_of(stack)
    flow = read_flow({"Stack": template})
    assert losses(flow) == []
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot
    assert warnings_of(stack) == {}


def test_logical_ids_are_api_and_do_not_change() -> None:
    _, stack = net()
    assert sorted(id for id in template_of(stack)["Resources"] if id.startswith("Net")) == [
        "NetConfigED6618F5",
        "NetDestinationFailuresE72B4281",
        "NetEventAge9706658E",
        "NetEventsDroppedA5EDEA3C",
        "NetLoopsStopped2775F83B",
        "NetOnFailure5625566C",
        "NetOnFailureExpiring3DA0FBA2",
        "NetOnFailureNotEmpty641AEBEA",
        "NetOnFailurePolicyD3DBA658",
        "NetSendD4022ADB",
    ]


def test_a_failed_event_is_tried_twice_more_within_six_hours_and_its_record_kept_for_14_days() -> None:
    made, stack = net()
    template = template_of(stack)
    config = the(template, CONFIG)
    [queue_id] = of_type(template, QUEUE)
    assert config == {
        "FunctionName": {"Ref": stack.get_logical_id(made.invoked.behind.node.default_child)},
        "Qualifier": "$LATEST",
        "MaximumRetryAttempts": 2,
        "MaximumEventAgeInSeconds": 21_600,
        "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": [queue_id, "Arn"]}}},
    }
    resource = of_type(template, QUEUE)[queue_id]
    assert resource["Properties"] == {"MessageRetentionPeriod": 14 * 86_400, "SqsManagedSseEnabled": True}
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_configuration_waits_for_the_permission_because_lambda_tests_it() -> None:
    _, stack = net()
    template = template_of(stack)
    [policy] = [id for id in of_type(template, "AWS::IAM::Policy") if id.startswith("Net")]
    [config] = of_type(template, CONFIG).values()
    assert config["DependsOn"] == [policy]


def test_no_retry_and_the_shortest_age_are_kept_as_they_were_asked_for() -> None:
    _, stack = net(retry_attempts=0, max_event_age=cdk.Duration.minutes(1))
    config = the(template_of(stack), CONFIG)
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)
    assert losses(read_flow({"Stack": template_of(stack)})) == []


# --- the qualifier that is really invoked ----------------------------------------------------------


def test_an_alias_has_its_own_net_under_its_name() -> None:
    stack = new_stack()
    function = new_function(stack)
    alias = lambda_.Alias(stack, "Live", alias_name="live", version=function.current_version)
    net(stack, function=alias)
    config = the(template_of(stack), CONFIG)
    assert config["Qualifier"] == "live"
    assert config["FunctionName"] == {"Ref": stack.get_logical_id(function.node.default_child)}


def test_a_version_has_its_own_net_under_its_number() -> None:
    stack = new_stack()
    version = new_function(stack).current_version
    net(stack, function=version)
    template = template_of(stack)
    [version_id] = of_type(template, "AWS::Lambda::Version")
    assert the(template, CONFIG)["Qualifier"] == {"Fn::GetAtt": [version_id, "Version"]}


def test_a_function_and_its_alias_may_each_have_a_net() -> None:
    stack = new_stack()
    function = new_function(stack)
    AsyncDlq(stack, "Latest", function=function)
    AsyncDlq(stack, "Live", function=lambda_.Alias(stack, "L", alias_name="live", version=function.current_version))
    assert sorted(c["Properties"]["Qualifier"] for c in of_type(template_of(stack), CONFIG).values()) == [
        "$LATEST",
        "live",
    ]


@pytest.mark.parametrize(
    ("arn", "qualifier"),
    [
        ("arn:aws:lambda:eu-west-1:111122223333:function:f", "$LATEST"),
        ("arn:aws:lambda:eu-west-1:111122223333:function:f:$LATEST", "$LATEST"),
        ("arn:aws:lambda:eu-west-1:111122223333:function:f:live", "live"),
        ("arn:aws:lambda:eu-west-1:111122223333:function:f:7", "7"),
    ],
)
def test_an_imported_function_is_read_from_its_arn(arn: str, qualifier: str) -> None:
    stack = new_stack()
    function = lambda_.Function.from_function_attributes(stack, "F", function_arn=arn, role=a_role(stack))
    net(stack, function=function)
    template = template_of(stack)
    config = the(template, CONFIG)
    assert (config["FunctionName"], config["Qualifier"]) == ("f", qualifier)
    dimensions = [a["Properties"]["Dimensions"] for a in of_type(template, ALARM).values()]
    assert [{"Name": "FunctionName", "Value": "f"}] in dimensions, "metrics know no ARN"


def test_an_imported_version_and_alias_have_nets_under_their_qualifiers() -> None:
    stack = new_stack()
    arn = "arn:aws:lambda:eu-west-1:111122223333:function:f"
    version = lambda_.Version.from_version_arn(stack, "V", arn + ":7")
    alias = lambda_.Alias.from_alias_attributes(stack, "A", alias_name="live", alias_version=version)
    for id, function in (("OfVersion", version), ("OfAlias", alias)):
        AsyncDlq(stack, id, function=function)
    assert sorted(c["Properties"]["Qualifier"] for c in of_type(template_of(stack), CONFIG).values()) == ["7", "live"]


def a_role(stack: cdk.Stack) -> Any:
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def test_an_imported_functions_unknown_role_is_told_with_the_way_out() -> None:
    stack = new_stack()
    function = lambda_.Function.from_function_name(stack, "F", "f")
    net(stack, function=function)
    assert warnings_of(stack) == {
        "cdk-messaging-patterns:async-dlq.unknown-role": (
            "The role of the imported function is not known, so nothing could be granted. It must be allowed to send "
            "to the destinations and to use their keys, or what it cannot process is lost. Import the function with "
            "from_function_attributes(role=…), and it is granted here."
        )
    }


# --- where records go ------------------------------------------------------------------------------


def destination(kind: str, stack: cdk.Stack) -> tuple[Any, str, str]:
    """A destination of a kind, its resource type, and the action that the role needs."""
    if kind == "queue":
        return sqs.Queue(stack, "To", retention_period=cdk.Duration.days(14)), QUEUE, "sqs:SendMessage"
    if kind == "topic":
        return sns.Topic(stack, "To"), "AWS::SNS::Topic", "sns:Publish"
    if kind == "bus":
        return events.EventBus(stack, "To"), "AWS::Events::EventBus", "events:PutEvents"
    if kind == "function":
        return new_function(stack, "To"), FUNCTION, "lambda:InvokeFunction"
    return s3.Bucket(stack, "To"), "AWS::S3::Bucket", "s3:PutObject"


@pytest.mark.parametrize("kind", ["queue", "topic", "bus", "function", "bucket"])
@pytest.mark.parametrize("outcome", ["on_failure", "on_success"])
def test_every_documented_destination_is_used_and_granted(kind: str, outcome: str) -> None:
    if (kind, outcome) == ("bucket", "on_success"):
        return  # refused: see test_async_dlq_arguments
    stack = new_stack()
    to, type, action = destination(kind, stack)
    made, _ = net(stack, **{outcome: to})
    template = template_of(stack)
    arn = the(template, CONFIG)["DestinationConfig"][{"on_failure": "OnFailure", "on_success": "OnSuccess"}[outcome]]
    assert stack.resolve(made.destinations[-1].arn) == arn["Destination"]
    statements = the(template, "AWS::IAM::Policy", "NetSend")["PolicyDocument"]["Statement"]
    actions_of = [s["Action"] for s in statements]
    assert action in actions_of
    assert getattr(made, outcome) is to
    assert type in {r["Type"] for r in template["Resources"].values()}


def test_a_bucket_is_written_below_lambdas_prefix_in_this_account_only() -> None:
    stack = new_stack()
    bucket = s3.Bucket(stack, "Failed")
    net(stack, on_failure=bucket)
    template = template_of(stack)
    [bucket_id] = of_type(template, "AWS::S3::Bucket")
    arn = {"Fn::GetAtt": [bucket_id, "Arn"]}
    mine = {"StringEquals": {"s3:ResourceAccount": {"Ref": "AWS::AccountId"}}}
    assert the(template, "AWS::IAM::Policy", "NetSend")["PolicyDocument"]["Statement"] == [
        {"Action": "s3:ListBucket", "Effect": "Allow", "Resource": arn, "Condition": mine},
        {
            "Action": "s3:PutObject",
            "Effect": "Allow",
            "Resource": {"Fn::Join": ["", [arn, "/aws/lambda/async/*"]]},
            "Condition": mine,
        },
    ]


def test_a_given_queue_is_used_and_no_other_defined() -> None:
    stack = new_stack()
    queue = sqs.Queue(stack, "Mine", retention_period=cdk.Duration.days(14))
    made, _ = net(stack, on_failure=queue)
    template = template_of(stack)
    assert list(of_type(template, QUEUE)) == [stack.get_logical_id(queue.node.default_child)]  # type: ignore[arg-type]
    assert made.on_failure is queue
    assert losses(read_flow({"Stack": template})) == []
    assert warnings_of(stack) == {}


def test_success_and_failure_go_to_queues_of_their_own() -> None:
    stack = new_stack()
    done = sqs.Queue(stack, "Done", retention_period=cdk.Duration.days(14))
    made, _ = net(stack, on_success=done)
    to = the(template_of(stack), CONFIG)["DestinationConfig"]
    assert to["OnSuccess"] != to["OnFailure"]
    assert made.on_success is done


def test_a_topic_for_failures_warns_of_what_an_sns_message_cannot_hold() -> None:
    stack = new_stack()
    net(stack, on_failure=sns.Topic(stack, "Failed"))
    assert list(warnings_of(stack)) == ["cdk-messaging-patterns:async-dlq.topic-size"]


def test_a_short_retention_of_a_given_queue_is_warned_of() -> None:
    stack = new_stack()
    net(stack, on_failure=sqs.Queue(stack, "Mine"))
    assert warnings_of(stack) == {
        "cdk-messaging-patterns:async-dlq.retention": (
            "The queue given as on_failure keeps messages for 345600 seconds. 1209600 seconds (14 days) give time to "
            "look."
        )
    }


# --- the raw event ---------------------------------------------------------------------------------


def test_the_event_itself_is_kept_by_the_functions_dead_letter_queue_where_that_is_wanted() -> None:
    made, stack = net(raw_event=True)
    template = template_of(stack)
    [queue_id] = of_type(template, QUEUE)
    function = the(template, FUNCTION)
    assert function["DeadLetterConfig"] == {"TargetArn": {"Fn::GetAtt": [queue_id, "Arn"]}}
    assert "DestinationConfig" not in the(template, CONFIG)
    assert isinstance(made.on_failure, sqs.Queue)
    assert losses(read_flow({"Stack": template})) == []


def test_the_function_waits_for_the_permission_of_its_dead_letter_queue() -> None:
    _, stack = net(raw_event=True)
    template = template_of(stack)
    [policy] = [id for id in of_type(template, "AWS::IAM::Policy") if id.startswith("NetSend")]
    [function] = of_type(template, FUNCTION).values()
    assert policy in function["DependsOn"]


def test_raw_events_may_go_to_a_topic() -> None:
    stack = new_stack()
    topic = sns.Topic(stack, "Failed")
    net(stack, on_failure=topic, raw_event=True)
    assert the(template_of(stack), FUNCTION)["DeadLetterConfig"]["TargetArn"] == stack.resolve(topic.topic_arn)


def test_raw_events_and_a_record_of_every_success_go_together() -> None:
    stack = new_stack()
    net(stack, raw_event=True, on_success=sqs.Queue(stack, "Done"))
    template = template_of(stack)
    assert "DeadLetterConfig" in the(template, FUNCTION)
    assert list(the(template, CONFIG)["DestinationConfig"]) == ["OnSuccess"]
    told = {a["Properties"]["MetricName"] for a in of_type(template, ALARM).values()}
    assert {"DeadLetterErrors", "DestinationDeliveryFailures"} <= told


def test_a_functions_own_dead_letter_queue_beside_the_net_is_watched_too() -> None:
    stack = new_stack()
    net(stack, function=new_function(stack, dead_letter_queue=sqs.Queue(stack, "Old")))
    told = {a["Properties"]["MetricName"] for a in of_type(template_of(stack), ALARM).values()}
    assert {"DeadLetterErrors", "DestinationDeliveryFailures"} <= told


# --- alarms ----------------------------------------------------------------------------------------


def test_every_way_to_lose_an_event_has_its_alarm() -> None:
    made, stack = net()
    template = template_of(stack)
    alarms = [a["Properties"] for a in of_type(template, ALARM).values()]
    assert {(a["MetricName"], a["Statistic"], a["Threshold"]) for a in alarms} == {
        ("AsyncEventsDropped", "Sum", 0),
        ("AsyncEventAge", "Maximum", 10_800_000),
        ("DestinationDeliveryFailures", "Sum", 0),
        ("RecursiveInvocationsDropped", "Sum", 0),
        ("ApproximateNumberOfMessagesVisible", "Maximum", 0),
        ("ApproximateAgeOfOldestMessage", "Maximum", 604_800),
    }
    assert {a["TreatMissingData"] for a in alarms} == {"notBreaching"}
    assert {a["ComparisonOperator"] for a in alarms} == {"GreaterThanThreshold"}
    assert {len(a["AlarmActions"]) for a in alarms} == {1}
    assert len(made.alarms) == len(alarms)


def threshold(stack: cdk.Stack, metric: str) -> float:
    """The threshold of the one alarm on a metric."""
    alarms = (a["Properties"] for a in of_type(template_of(stack), ALARM).values())
    [found] = [a["Threshold"] for a in alarms if a["MetricName"] == metric]
    return found


def test_the_age_alarm_follows_the_maximum_age() -> None:
    _, stack = net(max_event_age=cdk.Duration.minutes(10))
    assert threshold(stack, "AsyncEventAge") == 300_000


def test_a_topic_that_takes_failures_is_watched_for_what_it_cannot_deliver() -> None:
    stack = new_stack()
    net(stack, on_failure=sns.Topic(stack, "Failed"))
    assert threshold(stack, "NumberOfNotificationsFailed") == 0


def test_alarms_without_an_action_are_warned_of() -> None:
    _, stack = net(alarm_actions=[])
    assert list(warnings_of(stack)) == ["cdk-messaging-patterns:alarm-without-action"]


def test_a_customer_managed_key_encrypts_the_queue_and_the_function_may_use_it() -> None:
    stack = new_stack()
    key = kms.Key(stack, "Key")
    net(stack, encryption_key=key)
    template = template_of(stack)
    assert the(template, QUEUE)["KmsMasterKeyId"] == stack.resolve(key.key_arn)
    assert {
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Effect": "Allow",
        "Resource": stack.resolve(key.key_arn),
    } in the(template, "AWS::IAM::Policy", "NetSend")["PolicyDocument"]["Statement"]
    assert losses(read_flow({"Stack": template})) == []
