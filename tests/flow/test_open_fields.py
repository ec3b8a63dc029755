"""A field that no template decides is named in ``unknown``, and never taken for the service's default."""

import pytest

from patterns.flow import fates, loops, read_flow
from patterns.flow.model import Bus, Delivery, Function, Queue, Redrive, Subscription
from tests.flow.parts import STACK, allow, arn, dead_letters, function, mapping, queue, ref, resource, role, topic


def flow_of(**resources):
    return read_flow(
        {
            STACK: {
                "Parameters": {"P": {"Type": "String"}},
                "Conditions": {"C": {"Fn::Equals": [ref("P"), "x"]}},
                "Resources": resources,
            }
        }
    )


def test_the_protocol_of_a_subscription():
    endpoint = {"Protocol": ref("P"), "Endpoint": ref("P")}
    flow = flow_of(
        Topic=topic(Subscription=[endpoint]), S=resource("AWS::SNS::Subscription", TopicArn=ref("Topic"), **endpoint)
    )
    assert [(edge.protocol, edge.attempts, edge.unknown) for edge in flow.edges_of(Subscription)] == [
        ("", None, ("protocol",)),
        ("", None, ("protocol",)),
    ]
    assert "cannot be told: the protocol of S" in flow.notes


def test_a_redrive_policy_that_may_not_be_there_has_no_receive_count():
    given = {"deadLetterTargetArn": arn("Dead"), "maxReceiveCount": 3}
    flow = flow_of(Queue=queue(RedrivePolicy={"Fn::If": ["C", given, ref("AWS::NoValue")]}), Dead=queue())
    (redrive,) = flow.edges_of(Redrive)
    assert (redrive.max_receive_count, redrive.unknown) == (None, ("max_receive_count",))
    assert all(fate.unsure for fate in fates(flow)["S/Queue"] if fate.hop == redrive.id)
    assert all(isinstance(node, Queue) for node in (flow.nodes["S/Queue"], flow.nodes["S/Dead"]))


LOOP = {
    "Queue": queue("Dead"),
    "Dead": dead_letters(),
    "Worker": function(RecursiveLoop=ref("P")),
    "Role": role(allow("*", "sqs:*"), allow(arn("Queue"), "sqs:SendMessage")),
    "Poll": mapping(),
}


def test_whether_lambda_stops_a_loop():
    (worker,) = flow_of(**LOOP).nodes_of(Function)
    assert (worker.recursive_loop, worker.unknown) == ("", ("recursive_loop",))
    (loop,) = loops(flow_of(**LOOP))
    assert loop.stopped is False
    assert loop.why == "whether Lambda stops it cannot be told: RecursiveLoop of Worker is open"


def archive(**more):
    return resource("AWS::Events::Archive", SourceArn=arn("Bus"), **more)


BUS = resource("AWS::Events::EventBus", Name="shop")


@pytest.mark.parametrize(
    ("archives", "days", "unknown"),
    [
        ([archive(RetentionDays=7)], 7, ()),
        ([archive()], 36_500, ()),
        ([archive(RetentionDays=7), archive(RetentionDays=3)], 7, ()),
        ([archive(RetentionDays=ref("P"))], None, ("archive_days",)),
        ([{**archive(RetentionDays=7), "Condition": "C"}], 0, ("archive_days",)),
        ([archive(EventPattern=ref("P"))], 0, ("archive_days",)),
        ([archive(EventPattern={"source": ["shop"]})], 0, ()),
        ([archive(EventPattern='{"source": [{"prefix": ""}]}', RetentionDays=7)], 7, ()),
        ([archive(EventPattern={"source": [{"prefix": ""}]}, RetentionDays=7)], 7, ()),
    ],
)
def test_how_long_an_archive_keeps_events(archives, days, unknown):
    flow = flow_of(Bus=BUS, **{f"Archive{number}": one for number, one in enumerate(archives)})
    (bus,) = flow.nodes_of(Bus)
    assert (bus.archive_days, bus.unknown) == (days, unknown)


def test_an_archive_under_the_condition_of_its_bus_is_there_with_it():
    flow = flow_of(Bus={**BUS, "Condition": "C"}, Archive={**archive(RetentionDays=7), "Condition": "C"})
    (bus,) = flow.nodes_of(Bus)
    assert (bus.archive_days, bus.unknown) == (7, ())


@pytest.mark.parametrize("parameters", [ref("P"), {"InvocationType": ref("P")}])
def test_how_a_new_bus_or_a_pipe_invokes(parameters):
    invoke = {"TargetArn": arn("Worker"), "RoleArn": arn("Role"), "LambdaParameters": parameters}
    flow = flow_of(
        Bus=resource("AWS::EventsV2::EventBus", Name="shop"),
        S=resource("AWS::EventsV2::Subscriber", EventBusArn=arn("Bus"), InvokeConfiguration=invoke),
        Queue=queue(),
        Pipe=resource(
            "AWS::Pipes::Pipe",
            Source=arn("Queue"),
            Target=arn("Worker"),
            RoleArn=arn("Role"),
            TargetParameters={"LambdaFunctionParameters": parameters},
        ),
        Worker=function(),
        Role=role(),
    )
    assert [edge.unknown for edge in flow.edges_of(Delivery)] == [("asynchronous",), ("asynchronous",)]


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        (
            {"Body": {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://a/b"}}}},
            "the transform AWS::Include runs when it is deployed",
        ),
        ({"BodyS3Location": {"Bucket": "a", "Key": "b"}}, "its definition stands in another file"),
    ],
)
def test_an_api_whose_definition_stands_elsewhere_is_noted(properties, why):
    flow = flow_of(Api=resource("AWS::ApiGatewayV2::Api", Name="a", **properties))
    assert f"cannot be told: what Api calls: {why}" in flow.notes
