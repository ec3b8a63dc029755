"""Numbers and nets that only one link in many has, as the services document them."""

import pytest

from patterns.flow.model import DeadLetter, Poll, Stream, Subscription
from tests.flow.parts import arn, flow_of, function, mapping, queue, ref, resource, role, topic

TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders/stream/2026-01-01T00:00:00.000"


@pytest.mark.parametrize(
    ("protocol", "attempts", "seconds"),
    [
        ("sqs", 100_015, 1_987_200),
        ("lambda", 100_015, 1_987_200),
        ("firehose", 100_015, 1_987_200),
        ("https", 4, 60),
        ("email", 50, 21_600),
        ("email-json", 50, 21_600),
        ("sms", 50, 21_600),
        ("application", 50, 21_600),
    ],
)
def test_how_often_a_topic_tries(protocol, attempts, seconds):
    given = resource("AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol=protocol, Endpoint="someone")
    (edge,) = flow_of(Topic=topic(), S=given).edges_of(Subscription)
    assert (edge.attempts, edge.seconds) == (attempts, seconds)


def read_by(**mapped):
    parts = {"Queue": queue(), "Dead": queue(), "Worker": function(), "Role": role()}
    stream = resource("AWS::Kinesis::Stream")
    net = {"OnFailure": {"Destination": arn("Dead")}}
    return flow_of(**parts, Stream=stream, Map=mapping(**mapped, DestinationConfig=net))


def test_a_destination_on_the_mapping_of_a_queue_is_no_net():
    assert read_by(source="Queue").edges_of(DeadLetter) == []
    assert [edge.target for edge in read_by(source="Stream").edges_of(DeadLetter)] == ["S/Dead"]


def pipe(**more):
    return resource("AWS::Pipes::Pipe", Target=arn("Queue"), RoleArn=arn("Role"), **more)


@pytest.mark.parametrize(
    "reader",
    [
        {"Map": resource("AWS::Lambda::EventSourceMapping", EventSourceArn=TABLE, FunctionName=ref("Worker"))},
        {"Pipe": pipe(Source=TABLE)},
        {"Pipe": pipe(Source=ref("P"), SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "LATEST"}})},
    ],
)
def test_a_table_that_stands_elsewhere_keeps_its_changes_for_a_day(reader):
    flow = flow_of(**reader, Queue=queue(), Worker=function(), Role=role())
    (stream,) = flow.nodes_of(Stream)
    assert (stream.service, stream.retention) == ("dynamodb", 86_400)
    assert [edge.service for edge in flow.edges_of(Poll)] == ["dynamodb"]


def test_how_long_a_stream_that_stands_elsewhere_keeps_records_cannot_be_told():
    there = "arn:aws:kinesis:eu-west-1:111122223333:stream/clicks"
    reader = resource("AWS::Lambda::EventSourceMapping", EventSourceArn=there, FunctionName=ref("Worker"))
    (stream,) = flow_of(Map=reader, Worker=function(), Role=role()).nodes_of(Stream)
    assert (stream.service, stream.retention) == ("kinesis", None)
