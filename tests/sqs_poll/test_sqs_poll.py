"""A message in the queue is processed, or kept for 14 days where an alarm watches, for whoever sent it."""

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from patterns.flow import as_text, losses, read_flow
from patterns.sqs_poll import SqsPoll
from tests._synth import new_app, new_function, new_stack, of_type, synth, template_of, the, warnings_of

QUEUE, MAPPING, ALARM = "AWS::SQS::Queue", "AWS::Lambda::EventSourceMapping", "AWS::CloudWatch::Alarm"


def polled(stack: cdk.Stack | None = None, **arguments: Any) -> tuple[SqsPoll, cdk.Stack]:
    """A poll of a 30-second function whose alarms tell somebody."""
    stack = stack or new_stack()
    if "function" not in arguments:
        arguments["function"] = new_function(stack)
    if "alarm_actions" not in arguments:
        arguments["alarm_actions"] = [actions.SnsAction(sns.Topic(stack, "OnCall"))]
    return SqsPoll(stack, "Orders", **arguments), stack


def test_the_default_loses_nothing(template_snapshot: Any, flow_snapshot: Any) -> None:
    _, stack = polled()
    template = template_of(stack)
    flow = read_flow({"Stack": template})
    assert losses(flow) == []
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot
    assert warnings_of(stack) == {}


def test_a_fifo_poll_keeps_the_same_promise(template_snapshot: Any, flow_snapshot: Any) -> None:
    _, stack = polled(fifo=True)
    template = template_of(stack)
    flow = read_flow({"Stack": template})
    assert losses(flow) == []
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot
    for queue in of_type(template, QUEUE).values():
        assert queue["Properties"]["FifoQueue"] is True


def test_logical_ids_are_api_and_do_not_change() -> None:
    _, stack = polled()
    ids = sorted(id for id in template_of(stack)["Resources"] if id.startswith("Orders"))
    assert ids == [
        "OrdersConsume1CF5DEC9",
        "OrdersDeadLetters6314E60F",
        "OrdersDeadLettersExpiring673580AB",
        "OrdersDeadLettersNotEmpty3CC0BB8F",
        "OrdersDeadLettersPolicy53A98FFA",
        "OrdersOldestMessage74BA42D1",
        "OrdersPoll74F21DEE",
        "OrdersQueueC538DD4C",
        "OrdersQueuePolicy969D31B6",
    ]


def test_what_fails_five_times_moves_to_a_dead_letter_queue_that_keeps_it_for_14_days() -> None:
    poll, stack = polled()
    template = template_of(stack)
    source, dead = the(template, QUEUE, "OrdersQueue"), the(template, QUEUE, "OrdersDeadLetters")
    assert poll.dead_letters is not None
    dead_id = stack.get_logical_id(poll.dead_letters.node.default_child)
    assert source["RedrivePolicy"] == {"deadLetterTargetArn": {"Fn::GetAtt": [dead_id, "Arn"]}, "maxReceiveCount": 5}
    assert dead["MessageRetentionPeriod"] == 14 * 86_400
    resource = of_type(template, QUEUE)[dead_id]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize("fifo", [False, True])
def test_the_dead_letter_queue_opens_to_exactly_its_source(fifo: bool) -> None:
    _, stack = polled(fifo=fifo)
    template = template_of(stack)
    source, dead = the(template, QUEUE, "OrdersQueue"), the(template, QUEUE, "OrdersDeadLetters")
    allow = dead["RedriveAllowPolicy"]
    [arn] = allow["sourceQueueArns"]
    assert allow["redrivePermission"] == "byQueue"
    assert arn["Fn::Join"][1][-1] == source["QueueName"]
    assert "Fn::GetAtt" not in json.dumps(allow), "a reference would close a cycle"
    assert "AWS::StackId" in json.dumps(source["QueueName"])
    assert (".fifo" in json.dumps(source["QueueName"])) is fifo


def test_queues_are_encrypted_and_refuse_plain_http() -> None:
    _, stack = polled()
    template = template_of(stack)
    assert [q["Properties"]["SqsManagedSseEnabled"] for q in of_type(template, QUEUE).values()] == [True, True]
    for policy in of_type(template, "AWS::SQS::QueuePolicy").values():
        [deny] = policy["Properties"]["PolicyDocument"]["Statement"]
        assert deny["Effect"] == "Deny"
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_customer_managed_key_encrypts_both_queues_and_the_function_may_decrypt() -> None:
    stack = new_stack()
    key = kms.Key(stack, "Key")
    _, _ = polled(stack, encryption_key=key)
    template = template_of(stack)
    arn = {"Fn::GetAtt": [stack.get_logical_id(key.node.default_child), "Arn"]}
    assert [q["Properties"]["KmsMasterKeyId"] for q in of_type(template, QUEUE).values()] == [arn, arn]
    assert losses(read_flow({"Stack": template})) == []
    statements = the(template, "AWS::IAM::Policy", "OrdersConsume")["PolicyDocument"]["Statement"]
    assert {"Action": "kms:Decrypt", "Effect": "Allow", "Resource": arn} in statements


def test_the_function_may_do_what_polling_needs_on_this_queue_and_no_more() -> None:
    _, stack = polled()
    template = template_of(stack)
    policy = the(template, "AWS::IAM::Policy", "OrdersConsume")
    [queue] = [id for id in of_type(template, QUEUE) if id.startswith("OrdersQueue")]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Action": ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
            "Effect": "Allow",
            "Resource": {"Fn::GetAtt": [queue, "Arn"]},
        }
    ]
    [mapping] = of_type(template, MAPPING).values()
    [consume] = [id for id in template["Resources"] if id.startswith("OrdersConsume")]
    assert consume in mapping["DependsOn"], "Lambda refuses a mapping whose role may not receive yet"


def test_visibility_is_six_times_the_functions_timeout_and_the_batching_window() -> None:
    poll, stack = polled(max_batching_window=cdk.Duration.seconds(20), batch_size=100)
    assert the(template_of(stack), QUEUE, "OrdersQueue")["VisibilityTimeout"] == 6 * 30 + 20
    assert poll.visibility_timeout == 200


def test_a_function_without_a_timeout_has_lambdas_three_seconds() -> None:
    stack = new_stack()
    poll, _ = polled(stack, function=new_function(stack, timeout=None))
    assert poll.visibility_timeout == 18


def test_one_failed_message_does_not_take_its_batch_along() -> None:
    _, stack = polled()
    mapping = the(template_of(stack), MAPPING)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 10


def test_alarms_watch_the_dead_letters_their_age_and_the_backlog() -> None:
    poll, stack = polled()
    alarms = {id: a["Properties"] for id, a in of_type(template_of(stack), ALARM).items()}
    seen = {
        (a["MetricName"], a["Dimensions"][0]["Value"]["Fn::GetAtt"][0].rstrip("0123456789ABCDEF"), a["Threshold"])
        for a in alarms.values()
    }
    assert seen == {
        ("ApproximateNumberOfMessagesVisible", "OrdersDeadLetters", 0),
        ("ApproximateAgeOfOldestMessage", "OrdersDeadLetters", 7 * 86_400),
        ("ApproximateAgeOfOldestMessage", "OrdersQueue", 3_600),
    }
    assert len(poll.alarms) == 3
    for alarm in alarms.values():
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
        assert alarm["Statistic"] == "Maximum"
        assert alarm["Period"] == 60
        assert alarm["TreatMissingData"] == "notBreaching"
        assert len(alarm["AlarmActions"]) == 1


def test_the_backlog_alarm_waits_for_twice_the_time_to_the_dead_letter_queue() -> None:
    stack = new_stack()
    function = new_function(stack, timeout=cdk.Duration.minutes(5))
    _, _ = polled(stack, function=function)
    assert the(template_of(stack), ALARM, "OrdersOldest")["Threshold"] == 2 * 5 * 6 * 300


def test_alarms_without_an_action_tell_nobody_and_synth_says_so() -> None:
    _, stack = polled(alarm_actions=[])
    assert set(warnings_of(stack)) == {"cdk-messaging-patterns:alarm-without-action"}


def test_a_warning_can_be_acknowledged() -> None:
    poll, stack = polled(max_receive_count=4)
    cdk.Annotations.of(poll).acknowledge_warning(
        "cdk-messaging-patterns:sqs-poll.max-receive-count", "one try is enough"
    )
    assert warnings_of(stack) == {}


# What is given is used as it is


def test_a_given_queue_is_used_and_no_other_defined() -> None:
    stack = new_stack()
    dead = sqs.Queue(stack, "MyDead", retention_period=cdk.Duration.days(14))
    queue = sqs.Queue(
        stack,
        "Mine",
        visibility_timeout=cdk.Duration.minutes(3),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=5),
    )
    poll, _ = polled(stack, queue=queue)
    template = template_of(stack)
    assert len(of_type(template, QUEUE)) == 2
    assert (poll.queue, poll.dead_letters) == (queue, dead)
    assert warnings_of(stack) == {}
    assert the(template, ALARM, "OrdersDeadLettersNotEmpty")["Dimensions"][0]["Value"]["Fn::GetAtt"][0].startswith(
        "MyDead"
    )
    assert losses(read_flow({"Stack": template})) == []


def test_a_given_queue_without_a_dead_letter_queue_is_refused() -> None:
    stack = new_stack()
    with pytest.raises(ValueError, match=r"^queue must have a dead-letter queue, .* got Stack/Bare without one$"):
        polled(stack, queue=sqs.Queue(stack, "Bare"))
    assert stack.node.try_find_child("Orders") is None, "a refused construct leaves nothing behind"


def test_a_given_dead_letter_queue_is_used_and_watched() -> None:
    stack = new_stack()
    dead = sqs.Queue(stack, "Shared", retention_period=cdk.Duration.days(14))
    poll, _ = polled(stack, dead_letters=dead)
    template = template_of(stack)
    assert poll.dead_letters is dead
    assert len(of_type(template, QUEUE)) == 2
    assert "QueueName" not in the(template, QUEUE, "OrdersQueue"), "only a redrive allow policy needs the name"
    assert losses(read_flow({"Stack": template})) == []


def test_an_imported_queue_is_polled_and_synth_says_what_cannot_be_seen() -> None:
    stack = new_stack()
    queue = sqs.Queue.from_queue_arn(stack, "Q", "arn:aws:sqs:eu-west-1:111122223333:orders")
    poll, _ = polled(stack, queue=queue)
    template = template_of(stack)
    assert of_type(template, QUEUE) == {}
    assert poll.dead_letters is None
    assert set(warnings_of(stack)) == {"cdk-messaging-patterns:sqs-poll.imported-queue"}
    assert "pass dead_letters to have it watched" in warnings_of(stack).popitem()[1]


def test_the_dead_letter_queue_of_an_imported_queue_can_be_watched() -> None:
    stack = new_stack()
    arn = "arn:aws:sqs:eu-west-1:111122223333:"
    queue, dead = (sqs.Queue.from_queue_arn(stack, name, arn + name) for name in ("orders", "orders-dead"))
    polled(stack, queue=queue, dead_letters=dead)
    alarm = the(template_of(stack), ALARM, "OrdersDeadLettersNotEmpty")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "orders-dead"}]


def test_an_imported_function_is_polled_for_when_its_timeout_is_given() -> None:
    stack = new_stack()
    function = lambda_.Function.from_function_arn(stack, "F", "arn:aws:lambda:eu-west-1:111122223333:function:orders")
    poll, _ = polled(stack, function=function, function_timeout=cdk.Duration.seconds(10))
    assert poll.visibility_timeout == 60
    assert set(warnings_of(stack)) == {"cdk-messaging-patterns:sqs-poll.unknown-role"}


def test_an_alias_is_invoked_and_its_functions_timeout_is_read() -> None:
    stack = new_stack()
    function = new_function(stack)
    alias = lambda_.Alias(stack, "Live", alias_name="live", version=function.current_version)
    poll, _ = polled(stack, function=alias)
    template = template_of(stack)
    assert poll.visibility_timeout == 180
    assert json.dumps(the(template, MAPPING)["FunctionName"]).endswith('":live"]]}')
    assert losses(read_flow({"Stack": template})) == []


def test_a_version_is_invoked_and_its_functions_timeout_is_read() -> None:
    stack = new_stack()
    poll, _ = polled(stack, function=new_function(stack).current_version)
    assert poll.visibility_timeout == 180


# Side by side


def test_two_polls_live_in_one_stack() -> None:
    stack = new_stack()
    function = new_function(stack)
    for id in ("A", "B"):
        SqsPoll(stack, id, function=function)
    template = template_of(stack)
    names = {json.dumps(q["Properties"].get("QueueName")) for q in of_type(template, QUEUE).values()} - {"null"}
    assert len(of_type(template, QUEUE)) == 4
    assert len(names) == 2


def test_the_same_stack_deployed_twice_has_no_name_in_common() -> None:
    app = new_app()
    for id in ("One", "Two"):
        stack = new_stack(id, app)
        polled(stack)
    folder = synth(app)
    names = [
        the(json.loads((folder / f"{id}.template.json").read_text()), QUEUE, "OrdersQueue")["QueueName"]
        for id in ("One", "Two")
    ]
    assert names[0] != names[1]
    assert all("AWS::StackId" in json.dumps(name) for name in names), "the same stack in another Region or account"


@pytest.mark.parametrize("context", ["recommended flags", "no flags"])
def test_a_function_in_another_stack_makes_no_dependency_cycle(context: str) -> None:
    app = new_app() if context == "recommended flags" else cdk.App()
    functions, queues = cdk.Stack(app, "Functions"), cdk.Stack(app, "Queues")
    function = new_function(functions)
    polled(queues, function=function)
    assembly = app.synth()
    assert [s.id for s in assembly.get_stack_by_name("Functions").dependencies if "assets" not in s.id] == []
    assert losses(read_flow(assembly.directory)) == []


def test_a_queue_in_another_stack_makes_no_dependency_cycle() -> None:
    app = new_app()
    a, b = new_stack("A", app), new_stack("B", app)
    dead = sqs.Queue(a, "Dead", retention_period=cdk.Duration.days(14))
    queue = sqs.Queue(
        a,
        "Queue",
        visibility_timeout=cdk.Duration.seconds(180),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=5),
    )
    polled(b, queue=queue)
    assert losses(read_flow(synth(app))) == []


# Filters, concurrency, pollers


def test_filters_reach_the_mapping_the_deletion_is_said_and_counted() -> None:
    poll, stack = polled(filters=[{"body": {"kind": ["order"]}}, {"body": {"total": [{"numeric": [">", 100]}]}}])
    template = template_of(stack)
    mapping = the(template, MAPPING)
    assert [json.loads(f["Pattern"]) for f in mapping["FilterCriteria"]["Filters"]] == [
        {"body": {"kind": ["order"]}},
        {"body": {"total": [{"numeric": [">", 100]}]}},
    ]
    assert mapping["MetricsConfig"] == {"Metrics": ["EventCount"]}
    assert set(warnings_of(stack)) == {"cdk-messaging-patterns:sqs-poll.filtered-messages"}
    metric = poll.metric_filtered_out()
    assert (metric.namespace, metric.metric_name) == ("AWS/Lambda", "FilteredOutEventCount")
    assert list(metric.dimensions or {}) == ["EventSourceMappingUUID"]


def test_maximum_concurrency_reaches_the_mapping() -> None:
    _, stack = polled(max_concurrency=2)
    assert the(template_of(stack), MAPPING)["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_provisioned_pollers_reach_the_mapping() -> None:
    _, stack = polled(minimum_pollers=2, maximum_pollers=10_000)
    assert the(template_of(stack), MAPPING)["ProvisionedPollerConfig"] == {
        "MinimumPollers": 2,
        "MaximumPollers": 10_000,
    }


def test_tokens_pass_through_and_are_not_guessed_at() -> None:
    stack = new_stack()
    number = cdk.CfnParameter(stack, "N", type="Number").value_as_number
    poll, _ = polled(
        stack,
        max_receive_count=number,
        batch_size=number,
        max_concurrency=number,
        retention=cdk.Duration.seconds(number),
        visibility_timeout=cdk.Duration.seconds(number),
        max_batching_window=cdk.Duration.seconds(number),
    )
    template = template_of(stack)
    source = the(template, QUEUE, "OrdersQueue")
    assert source["VisibilityTimeout"] == source["MessageRetentionPeriod"] == {"Ref": "N"}
    assert source["RedrivePolicy"]["maxReceiveCount"] == {"Ref": "N"}
    assert the(template, MAPPING)["BatchSize"] == {"Ref": "N"}
    assert poll.visibility_timeout is None
