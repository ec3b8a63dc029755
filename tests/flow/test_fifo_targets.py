"""A FIFO queue takes nothing without a message group and a deduplication id, whoever sends it."""

import json

import pytest

from patterns.flow import Answer, losses
from patterns.flow.model import DeadLetter, Delivery
from tests.flow.parts import allow, arn, flow_of, lets_in, queue, ref, resource, role

YES, NO, OPEN = Answer.ALLOWED, Answer.DENIED, Answer.UNKNOWN
FIFO = {"FifoQueue": True, "ContentBasedDeduplication": True}
GROUP = {"MessageGroupId": "g"}
SENDS = role(allow("*", "sqs:*"))


def verdict(sender, name="Queue", **queues):
    parts = {"Queue": queue(**FIFO), "Source": queue(), "Role": SENDS, "Policy": lets_in("events", None, "Queue")}
    flow = flow_of(**{**parts, **queues}, Sender=sender)
    (edge,) = [e for e in flow.edges_of(Delivery) if e.target == f"S/{name}"]
    return edge.verdict.answer


def rule(parameters):
    return resource(
        "AWS::Events::Rule",
        EventPattern={"source": ["a"]},
        Targets=[{"Id": "a", "Arn": arn("Queue"), "SqsParameters": parameters}],
    )


def schedule(parameters, target=None, **more):
    where = {"Arn": arn("Queue") if target is None else target, "RoleArn": arn("Role"), **more}
    return resource("AWS::Scheduler::Schedule", Target={**where, "SqsParameters": parameters})


def pipe(parameters):
    return resource(
        "AWS::Pipes::Pipe",
        Source=arn("Source"),
        Target=arn("Queue"),
        RoleArn=arn("Role"),
        TargetParameters={"SqsQueueParameters": parameters},
    )


@pytest.mark.parametrize("sender", [rule, schedule, pipe])
def test_a_fifo_queue_takes_nothing_without_a_message_group(sender):
    assert verdict(sender(GROUP)) is YES
    assert verdict(sender({})) is NO
    assert verdict(sender({}), Queue=queue()) is YES


@pytest.mark.parametrize("sender", [rule, schedule, pipe])
def test_a_fifo_queue_without_deduplication_by_content_takes_nothing_that_has_no_id(sender):
    assert verdict(sender(GROUP), Queue=queue(FifoQueue=True)) is NO
    assert verdict(sender(GROUP), Queue=queue(**{**FIFO, "ContentBasedDeduplication": ref("P")})) is OPEN


def test_a_pipe_can_give_the_id_itself():
    assert verdict(pipe({**GROUP, "MessageDeduplicationId": "$.messageId"}), Queue=queue(FifoQueue=True)) is YES


@pytest.mark.parametrize("sender", [rule, schedule, pipe])
def test_a_message_group_under_an_open_condition_cannot_be_told(sender):
    assert verdict(sender({"Fn::If": ["NoSuchCondition", GROUP, {}]})) is OPEN
    assert verdict(sender({"MessageGroupId": {"Ref": "NoSuchParameter"}})) is YES


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"MessageGroupId": "g", "MessageDeduplicationId": "d"}, YES),
        ({"MessageGroupId": "g"}, NO),
        ({"MessageDeduplicationId": "d"}, NO),
    ],
)
def test_a_schedule_that_calls_the_api_gives_both_in_its_input(given, answer):
    document = {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/a.fifo", "MessageBody": "b", **given}
    sender = schedule({}, "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", Input=json.dumps(document))
    assert verdict(sender, Queue=queue(FifoQueue=True, QueueName="a.fifo")) is answer


def subscriber(parameters):
    invoke = {"TargetArn": arn("Queue"), "RoleArn": arn("Role"), "SqsParameters": parameters}
    return resource("AWS::EventsV2::Subscriber", EventBusArn=arn("Bus"), InvokeConfiguration=invoke)


def test_what_a_new_bus_gives_a_fifo_queue_cannot_be_told_unless_the_subscriber_says_it():
    bus = resource("AWS::EventsV2::EventBus", Name="shop")
    assert verdict(subscriber(GROUP), Bus=bus) is YES
    assert verdict(subscriber({}), Bus=bus) is OPEN


def test_a_fifo_queue_is_no_dead_letter_queue_of_a_schedule():
    lost = schedule({}, DeadLetterConfig={"Arn": arn("Dead")})
    parts = {"Queue": queue(), "Role": SENDS, "Sender": lost}
    assert losses(flow_of(**parts, Dead=queue())) == []
    flow = flow_of(**parts, Dead=queue(**FIFO))
    assert flow.edges_of(DeadLetter)[0].verdict.denied
    assert losses(flow) != []
