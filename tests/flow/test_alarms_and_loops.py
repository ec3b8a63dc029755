"""An alarm tells somebody or it is none; a loop ends by itself or it does not."""

import pytest

from patterns.flow import Outcome, fates, loops, unwatched
from patterns.flow.explain import as_report
from tests.flow.parts import (
    OPS,
    alarm,
    allow,
    arn,
    changed,
    dead_letters,
    deployed,
    flow_of,
    function,
    lets_in,
    mapping,
    permission,
    polls,
    queue,
    ref,
    resource,
    role,
    subscription,
    topic,
)

KEPT = {
    "Queue": queue("Dead"),
    "Dead": dead_letters(),
    "Worker": function(),
    "Role": role(polls("Queue")),
    "Poll": mapping(),
}
VISIBLE = alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=arn("Dead", "QueueName"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, True),
        ({"AlarmActions": []}, False),
        ({"AlarmActions": None}, False),
        ({"AlarmActions": [""]}, False),
        ({"ActionsEnabled": False}, False),
        ({"Threshold": 0.5}, True),
        ({"Threshold": 1}, False),
        ({"Threshold": -1}, False),
        ({"ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1}, True),
        ({"ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 0}, False),
        ({"ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 2}, False),
        ({"ComparisonOperator": "LessThanThreshold"}, False),
        ({"ComparisonOperator": "LessThanThreshold", "Threshold": 0.5}, False),
        ({"MetricName": "NumberOfMessagesSent"}, False),
        ({"MetricName": "ApproximateAgeOfOldestMessage", "Threshold": 600}, True),
        ({"Statistic": "SampleCount"}, False),
        ({"Statistic": "Sum"}, True),
        ({"Namespace": "AWS/SNS"}, False),
        ({"Dimensions": []}, False),
        ({"Dimensions": [{"Name": "QueueName", "Value": arn("Queue", "QueueName")}]}, False),
        ({"Period": 86_400, "EvaluationPeriods": 14}, False),
    ],
)
def test_an_alarm_tells_when_it_can_fire_and_has_an_action(change, told):
    flow = flow_of(**KEPT, Alarm=changed(VISIBLE, **change))
    assert (unwatched(flow) == []) is told


def test_the_number_of_messages_sent_counts_what_other_services_send():
    parts = {
        "Topic": topic(),
        "Queue": queue(),
        "Dead": dead_letters(),
        "S": subscription("Queue", dead="Dead"),
        "Policy": lets_in("sns", ref("Topic"), "Queue", "Dead"),
    }
    sent = changed(VISIBLE, MetricName="NumberOfMessagesSent")
    assert unwatched(flow_of(**parts, Alarm=sent)) == []


@pytest.mark.parametrize(
    ("namespace", "metric", "fires"),
    [
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", False),
        ("AWS/Lambda", "Errors", False),
        ("AWS/Lambda", "AsyncEventsDropped", None),
    ],
)
def test_a_count_of_measurements_is_no_count_of_failures(namespace, metric, fires):
    counted = changed(alarm(namespace, metric, QueueName="a"), Statistic="SampleCount")
    (found,) = flow_of(Alarm=counted).alarms.values()
    assert found.fires is fires
    assert "SampleCount" in found.why


def test_an_alarm_that_names_a_rule_or_a_stream_looks_at_it():
    parts = {
        "Rule": resource("AWS::Events::Rule", Name="placed", EventPattern={"source": ["shop"]}),
        "Stream": resource("AWS::Kinesis::Stream", Name="clicks"),
        "A": alarm("AWS/Events", "FailedInvocations", RuleName="placed"),
        "B": alarm("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", StreamName="clicks"),
        "C": alarm("AWS/Events", "FailedInvocations", RuleName="another"),
    }
    flow = flow_of(**parts)
    assert [alarm.metrics[0].dimensions for alarm in flow.alarms.values()] == [
        (("RuleName", "S/Rule"),),
        (("StreamName", "S/Stream"),),
        (("RuleName", "another"),),
    ]


@pytest.mark.parametrize(
    ("bus", "looks_at"),
    [
        (None, "S/Rule"),
        ("default", "S/Rule"),
        ("shop", "event bus shop|S/Rule"),
        (ref("Bus"), "S/Bus|S/Rule"),
        (ref("Open"), "S/Rule"),
    ],
)
def test_the_reference_of_a_rule_on_a_bus_of_one_s_own_is_not_its_name(bus, looks_at):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html"""
    parts = {
        "Bus": resource("AWS::Events::EventBus", Name="own"),
        "Rule": changed(_announcing(), EventBusName=bus),
        "Alarm": alarm("AWS/Events", "FailedInvocations", RuleName=ref("Rule")),
    }
    assert dict(flow_of(**parts).alarms["S/Alarm"].metrics[0].dimensions)["RuleName"] == looks_at


def test_a_metric_inside_metric_math_counts():
    inside = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": arn("Dead", "QueueName")}],
    }
    maths = resource(
        "AWS::CloudWatch::Alarm",
        Metrics=[
            {"Id": "e", "Expression": "m * 1"},
            {"Id": "m", "MetricStat": {"Metric": inside, "Period": 60, "Stat": "Maximum"}, "ReturnData": False},
        ],
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[OPS],
    )
    assert unwatched(flow_of(**KEPT, Alarm=maths)) == []


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("ALARM(${Alarm})", True),
        ('ALARM("${Alarm.Arn}") OR ALARM(other)', True),
        ("NOT ALARM(${Alarm})", False),
        ("OK(${Alarm})", False),
        ("ALARM(other)", False),
        ("ALARM(${Alarm}) AND ALARM(other)", False),
        ("ALARM(${Alarm}) AND NOT ALARM(maintenance)", True),
        ('(ALARM("${Alarm.Arn}") AND (OK(other)))', True),
        ("NOT (ALARM(${Alarm}) OR ALARM(other))", False),
        ("NOT (NOT ALARM(${Alarm}) AND NOT ALARM(other))", True),
        # AND binds more tightly than OR.
        ("ALARM(${Alarm}) OR ALARM(other) AND ALARM(third)", True),
        ("ALARM(other) OR ALARM(${Alarm}) AND ALARM(third)", False),
        ("ALARM(${Alarm}) OR NOT ALARM(other)", False),
        ("ALARM(${Alarm}) AND TRUE", True),
        ("ALARM(${Alarm}) AND FALSE", False),
        ("ALARM(${Alarm}) OR INSUFFICIENT_DATA(other)", True),
        ('AT_LEAST(1, ALARM, ("${Alarm.Arn}", "other"))', True),
        ('AT_LEAST(2, ALARM, ("${Alarm.Arn}", "other"))', False),
        ('AT_LEAST(50%, NOT OK, ("${Alarm.Arn}", "other"))', True),
        ('AT_LEAST(60%, NOT OK, ("${Alarm.Arn}", "other"))', False),
        ('AT_LEAST(1, OK, ("${Alarm.Arn}", "other"))', False),
        # Parentheses bind first.
        ("(ALARM(${Alarm}) OR ALARM(other)) AND NOT ALARM(third)", True),
        # What is true while nothing fires goes on until the last of it ends.
        ("NOT (OK(${Alarm}) OR ALARM(other))", True),
        ("NOT (ALARM(other) OR OK(${Alarm}))", True),
        ("NOT (OK(other) OR ALARM(${Alarm}))", False),
        ("NOT (ALARM(${Alarm}) OR OK(other))", False),
        ("NOT (OK(${Alarm}) OR OK(other))", False),
        ("NOT (OK(other) OR OK(${Alarm}))", False),
        ("NOT (OK(${Alarm}) OR ALARM(${Alarm}))", False),
        ("NOT (ALARM(${Alarm}) OR OK(${Alarm}))", False),
        ("ALARM(other) OR OK(${Alarm})", False),
        ("ALARM(other) OR ALARM(${Alarm})", True),
        ("ALARM(${Alarm}) OR FALSE", True),
        ("NOT NOT ALARM(${Alarm})", True),
        ("alarm(${Alarm}) and not alarm(other)", True),
        ("at_least(1, alarm, (${Alarm}, other))", True),
        ('AT_LEAST( 50% , ALARM, ("${Alarm.Arn}", "other"))', True),
        ("ALARM(${Alarm}) AND AT_LEAST(1, OK, (other, third))", True),
        ("ALARM(${Alarm}) AND AT_LEAST(1, NOT ALARM, (other, third))", True),
        ("ALARM(${Alarm}) AND AT_LEAST(1, NOT INSUFFICIENT_DATA, (other, third))", True),
        ("ALARM(${Alarm}) AND AT_LEAST(1, INSUFFICIENT_DATA, (other, third))", False),
        ("ALARM(${Alarm}) OR", False),
        ("ALARM(${Alarm}) ALARM(other)", False),
        ('AT_LEAST(two, ALARM, ("${Alarm.Arn}", "other"))', False),
        ('ALARM(${Alarm}) OR AT_LEAST(, ALARM, ("other"))', False),
        ("ALARM(${Alarm}))", False),
    ],
)
def test_an_alarm_without_an_action_may_act_through_a_composite(rule, told):
    silent = changed(VISIBLE, AlarmActions=None)
    composite = resource("AWS::CloudWatch::CompositeAlarm", AlarmRule={"Fn::Sub": rule}, AlarmActions=[OPS])
    assert (unwatched(flow_of(**KEPT, Alarm=silent, All=composite)) == []) is told
    mute = changed(composite, AlarmActions=[])
    assert unwatched(flow_of(**KEPT, Alarm=silent, All=mute)) != []


@pytest.mark.parametrize(
    ("rule", "acts"),
    [
        ("ALARM(${Alarm}) AND ALARM(other)", None),
        ("ALARM(other) OR (ALARM(${Alarm}) AND ALARM(third))", None),
        ("(ALARM(${Alarm}) AND ALARM(third)) OR ALARM(other)", None),
        ("NOT (OK(${Alarm}) OR OK(other))", None),
        ("NOT (OK(other) OR OK(${Alarm}))", None),
        ("ALARM(Inner) AND ALARM(other)", None),
        ("ALARM(Inner)", True),
    ],
)
def test_an_alarm_that_acts_only_among_others_may_act(rule, acts):
    inner = resource("AWS::CloudWatch::CompositeAlarm", AlarmName="Inner", AlarmRule={"Fn::Sub": "ALARM(${Alarm})"})
    outer = resource("AWS::CloudWatch::CompositeAlarm", AlarmRule={"Fn::Sub": rule}, AlarmActions=[OPS])
    flow = flow_of(**KEPT, Alarm=changed(VISIBLE, AlarmActions=None), Inner=inner, Outer=outer)
    assert flow.alarms["S/Alarm"].acts is acts


def test_an_alarm_in_a_composite_that_may_act_may_act():
    composite = resource(
        "AWS::CloudWatch::CompositeAlarm",
        AlarmRule={"Fn::Sub": "ALARM(${Alarm})"},
        AlarmActions=[OPS],
        ActionsEnabled=ref("Open"),
    )
    flow = flow_of(**KEPT, Alarm=changed(VISIBLE, AlarmActions=None), Composite=composite)
    assert flow.alarms["S/Alarm"].acts is None


SCALING = "arn:aws:autoscaling:eu-central-1:111122223333:scalingPolicy:1:resource/ecs/service/c/s:policyName/out"


@pytest.mark.parametrize(
    ("actions", "told"),
    [([ref("More")], False), ([arn("Group")], False), ([SCALING], False), ([SCALING, OPS], True)],
)
def test_an_alarm_that_only_scales_tells_nobody(actions, told):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html"""
    more = resource("AWS::ApplicationAutoScaling::ScalingPolicy", PolicyName="out", PolicyType="StepScaling")
    group = resource("AWS::AutoScaling::ScalingPolicy", AutoScalingGroupName="workers")
    backlog = alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=arn("Queue", "QueueName"))
    flow = flow_of(**KEPT, More=more, Group=group, Alarm=changed(backlog, AlarmActions=actions))
    assert [f.told for f in fates(flow)["S/Queue"] if f.outcome is Outcome.EXPIRED] == [told]


def _topic_policy(principal, Effect="Allow", **condition):
    statement = {"Effect": Effect, "Principal": principal, "Action": "sns:Publish", "Resource": ref("Ops")}
    document = {"Statement": [{**statement, "Condition": condition} if condition else statement]}
    return {"Policy": resource("AWS::SNS::TopicPolicy", Topics=[ref("Ops")], PolicyDocument=document)}


def _key_of(service):
    use = {"Effect": "Allow", "Principal": {"Service": service}, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"]}
    return {"Key": resource("AWS::KMS::Key", KeyPolicy={"Statement": [{**use, "Resource": "*"}]})}


ALARMS = {"Service": "cloudwatch.amazonaws.com"}
ITSELF = {"aws:SourceArn": arn("Alarm")}
NAMED = {"aws:SourceArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:shop-*"}
NO_KEY = "cloudwatch.amazonaws.com cannot use the key alias/aws/sns"
NO_GRANT = "the policy of the key Key gives cloudwatch.amazonaws.com no kms:GenerateDataKey"
NOT_LET_IN = "the policy on Ops does not allow cloudwatch.amazonaws.com sns:Publish"


@pytest.mark.parametrize(
    ("ops", "more", "why"),
    [
        ({}, {}, ""),
        ({"KmsMasterKeyId": "alias/aws/sns"}, {}, NO_KEY),
        ({"KmsMasterKeyId": ref("Key")}, _key_of("events.amazonaws.com"), NO_GRANT),
        ({"KmsMasterKeyId": ref("Key")}, _key_of("cloudwatch.amazonaws.com"), ""),
        ({"KmsMasterKeyId": "arn:aws:kms:eu-west-1:111122223333:key/1"}, {}, ""),
        ({}, _topic_policy({"Service": "events.amazonaws.com"}), NOT_LET_IN),
        # What the CDK writes for enforce_ssl takes the place of the policy that every topic has.
        ({}, _topic_policy("*", Effect="Deny", Bool={"aws:SecureTransport": "false"}), NOT_LET_IN),
        ({}, _topic_policy(ALARMS), ""),
        ({}, _topic_policy(ALARMS, ArnLike=ITSELF), ""),
        ({}, _topic_policy(ALARMS, ArnLike=NAMED), ""),
        ({}, _topic_policy(ALARMS, StringEquals={"aws:SourceAccount": ref("AWS::AccountId")}), ""),
        ({}, _topic_policy({"AWS": "*"}, StringEquals={"AWS:SourceOwner": ref("AWS::AccountId")}), ""),
    ],
)
def test_an_alarm_that_its_topic_does_not_let_in_tells_nobody_and_says_why(ops, more, why):
    flow = flow_of(**KEPT, Ops=topic(**ops), Alarm=changed(VISIBLE, AlarmActions=[ref("Ops")]), **more)
    told = flow.alarms["S/Alarm"]
    assert (told.acts, told.why) == (not why, why)
    assert bool(unwatched(flow)) is bool(why)
    assert not why or f"Its alarm Alarm cannot tell: {why}." in as_report(flow)


@pytest.mark.parametrize("change", [{"AlarmActions": None}, {"Threshold": 5}])
def test_an_alarm_that_says_nothing_for_another_reason_is_not_said_to_be_refused(change):
    flow = flow_of(**KEPT, Alarm=changed(VISIBLE, **change))
    assert unwatched(flow)
    assert "cannot tell:" not in as_report(flow)


CHANGES = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}


@pytest.mark.parametrize(
    ("pattern", "more", "acts"),
    [
        (CHANGES, {}, True),
        ({"source": ["aws.cloudwatch"]}, {}, True),
        ({**CHANGES, "detail": {"state": {"value": ["ALARM", "OK"]}}}, {}, True),
        ({**CHANGES, "detail": {"alarmName": [{"prefix": "shop-"}]}}, {}, None),
        ({**CHANGES, "resources": [arn("Alarm")]}, {}, None),
        ({**CHANGES, "detail": {"state": {"value": ["OK"]}}}, {}, None),
        ({"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm Configuration Change"]}, {}, False),
        ({"source": ["aws.s3"]}, {}, False),
        ({"region": ["eu-west-1"]}, {}, False),
        (CHANGES, {"State": "DISABLED"}, False),
        (CHANGES, {"Targets": []}, False),
        (CHANGES, {"Targets": ref("Targets")}, None),
        (CHANGES, {"State": ref("State")}, None),
        (CHANGES, {"EventBusName": "shop"}, False),
    ],
)
def test_a_rule_for_changes_of_alarms_tells_of_alarms_without_an_action(pattern, more, acts):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html"""
    on = {"EventPattern": pattern, "Targets": [{"Id": "1", "Arn": OPS}], **more}
    silent = changed(VISIBLE, AlarmActions=None)
    flow = flow_of(**KEPT, Alarm=silent, Rule=resource("AWS::Events::Rule", **on))
    assert flow.alarms["S/Alarm"].acts is acts
    assert [f.told for f in fates(flow)["S/Queue"] if f.outcome is Outcome.DLQ] == [acts is True]


def _announcing(**properties):
    targets = [{"Id": "1", "Arn": OPS}]
    return resource("AWS::Events::Rule", **{"EventPattern": CHANGES, "Targets": targets, **properties})


def test_a_rule_tells_of_the_alarms_of_its_own_account_and_region(tmp_path):
    rule = {"Rule": _announcing()}
    silent = {**KEPT, "Alarm": changed(VISIBLE, AlarmActions=None)}
    assert deployed(tmp_path, S={**silent, **rule}).alarms["S/Alarm"].acts is True
    assert deployed(tmp_path, S=silent, Rules=rule).alarms["S/Alarm"].acts is False
    near = ("111122223333/eu-west-1", "111122223333/eu-central-1")
    assert deployed(tmp_path, near, S=silent, Rules=rule).alarms["S/Alarm"].acts is False


@pytest.mark.parametrize(
    ("more", "acts"),
    [
        ({}, False),
        (_topic_policy({"Service": "sqs.amazonaws.com"}), False),
        (_topic_policy({"Service": "events.amazonaws.com"}), True),
        ({"Elsewhere": _announcing()}, True),
        ({"Prod": _announcing(EventPattern={**CHANGES, "resources": [arn("Alarm")]})}, None),
        ({"Elsewhere": _announcing(), "Prod": {**_announcing(), "Condition": "Open"}}, True),
        ({"Prod": {**_announcing(), "Condition": "Open"}}, None),
    ],
)
def test_a_rule_that_may_not_deliver_to_its_target_tells_nobody(more, acts):
    rule = _announcing(Targets=[{"Id": "1", "Arn": ref("Ops")}])
    flow = flow_of(**KEPT, Ops=topic(), Alarm=changed(VISIBLE, AlarmActions=None), Rule=rule, **more)
    assert flow.alarms["S/Alarm"].acts is acts


@pytest.mark.parametrize("let_in", [False, True])
def test_an_alarm_needs_the_permission_to_invoke_a_function(let_in):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html"""
    more = {"LetIn": permission("lambda.alarms.cloudwatch", arn("Alarm"), ref("Pager"))} if let_in else {}
    flow = flow_of(**KEPT, Pager=function(), Alarm=changed(VISIBLE, AlarmActions=[arn("Pager")]), **more)
    assert flow.alarms["S/Alarm"].acts is let_in
    assert bool(unwatched(flow)) is not let_in


def test_an_alarm_with_one_action_that_is_let_in_tells():
    actions = [ref("Ops"), "arn:aws:sns:eu-west-1:111122223333:ops"]
    flow = flow_of(**KEPT, Ops=topic(KmsMasterKeyId="alias/aws/sns"), Alarm=changed(VISIBLE, AlarmActions=actions))
    assert (flow.alarms["S/Alarm"].acts, flow.alarms["S/Alarm"].why) == (True, "")
    assert unwatched(flow) == []


def test_what_alarms_are_sent_to_is_not_where_messages_come_in():
    parts = {
        "Ops": topic(),
        "Mail": resource("AWS::SNS::Subscription", TopicArn=ref("Ops"), Protocol="email", Endpoint="ops@example.com"),
    }
    assert list(fates(flow_of(**parts))) == ["S/Ops"]
    alarmed = flow_of(**KEPT, **parts, Alarm=changed(VISIBLE, AlarmActions=[ref("Ops")]))
    assert alarmed.alarms["S/Alarm"].actions == ("S/Ops",)
    assert list(fates(alarmed)) == ["S/Queue"]


LOOP = {
    "Queue": queue("Dead"),
    "Dead": dead_letters(),
    "Worker": function(),
    "Role": role(polls("Queue"), allow(arn("Queue"), "sqs:SendMessage")),
    "Poll": mapping(),
}


def test_a_function_that_sends_to_its_own_queue_may_loop_and_lambda_would_stop_it():
    (loop,) = loops(flow_of(**LOOP))
    assert (loop.nodes, loop.certain, loop.stopped) == (("S/Queue", "S/Worker"), False, True)
    assert loop.why == "Lambda stops Worker after about 16 rounds, if its SDK passes the trace header on"


def test_lambda_stops_nothing_where_recursion_is_allowed():
    (loop,) = loops(flow_of(**{**LOOP, "Worker": function(RecursiveLoop="Allow")}))
    assert (loop.stopped, loop.why) == (False, "RecursiveLoop of Worker is Allow")


def test_lambda_does_not_see_through_an_event_bus():
    parts = {
        "Bus": resource("AWS::Events::EventBus", Name="b"),
        "Rule": resource(
            "AWS::Events::Rule",
            EventBusName=ref("Bus"),
            EventPattern={"source": ["a"]},
            Targets=[{"Id": "t", "Arn": arn("Worker")}],
        ),
        "Worker": function(),
        "Role": role(allow(arn("Bus"), "events:PutEvents")),
        "Permission": resource(
            "AWS::Lambda::Permission",
            FunctionName=ref("Worker"),
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=arn("Rule"),
        ),
    }
    (loop,) = loops(flow_of(**parts))
    assert loop.why == "Lambda's loop detection does not see through Bus (bus)"
    assert loop.nodes == ("S/Bus", "S/Rule", "S/Worker")


def test_a_destination_that_is_the_function_itself_is_a_loop():
    config = resource(
        "AWS::Lambda::EventInvokeConfig",
        FunctionName=ref("Worker"),
        Qualifier="$LATEST",
        DestinationConfig={"OnSuccess": {"Destination": arn("Worker")}},
    )
    (loop,) = loops(flow_of(Worker=function(), Role=role(allow(arn("Worker"), "lambda:InvokeFunction")), Config=config))
    assert (loop.nodes, loop.certain, loop.stopped) == (("S/Worker",), True, True)


def test_queues_that_redrive_into_each_other_are_a_loop_that_nobody_stops():
    (loop,) = loops(flow_of(One=queue("Two"), Two=queue("One")))
    assert (loop.certain, loop.stopped) == (True, False)
    assert loop.why == "no function is in it, and only Lambda looks for loops"


def test_no_loop_is_made_of_links_that_are_off_or_forbidden():
    assert loops(flow_of(**{**LOOP, "Poll": mapping(Enabled=False)})) == []
    assert loops(flow_of(**{**LOOP, "Role": role(allow(arn("Queue"), "sqs:SendMessage"))})) == []
    assert loops(flow_of(**KEPT)) == []
