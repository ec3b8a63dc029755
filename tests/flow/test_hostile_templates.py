"""Templates that nobody meant: whatever is broken in one, every question gets an answer or a PatternError."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patterns.errors import PatternError
from patterns.flow import as_text, fates, loops, losses, read_flow, unwatched
from patterns.flow.explain import as_document, as_report
from patterns.flow.model import Flow
from tests.flow import test_buses, test_functions, test_pipes_buckets_calls, test_queues, test_streams, test_topics
from tests.flow.parts import alarm, arn, flow_of, queue, ref, resource

WHOLE: dict[str, Any] = {
    **test_queues.POLLED,
    **test_topics.TO_FUNCTION,
    **{f"T{name}": part for name, part in test_topics.TO_QUEUE.items()},
    **{f"B{name}": part for name, part in test_buses.OWN_BUS.items()},
    **{f"N{name}": part for name, part in test_buses.SUBSCRIBER.items()},
    **{f"K{name}": part for name, part in test_streams.stream(failed=True).items()},
    **{f"P{name}": part for name, part in test_pipes_buckets_calls.piped().items()},
    **{f"A{name}": part for name, part in test_functions.EVENTS.items()},
    "Told": alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=arn("Dead", "QueueName")),
    "Composite": resource("AWS::CloudWatch::CompositeAlarm", AlarmRule={"Fn::Sub": "ALARM(${Told})"}),
    "Schedule": resource("AWS::Scheduler::Schedule", Target={"Arn": arn("Queue"), "RoleArn": arn("Role")}),
    "Bucket": test_pipes_buckets_calls.bucket(QueueConfigurations=[{"Event": "s3:*", "Queue": arn("Queue")}]),
    "Alias": resource("AWS::Lambda::Alias", FunctionName=ref("Worker"), FunctionVersion="1", Name="live"),
    "Key": resource("AWS::KMS::Key", KeyPolicy={"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}),
    "KeyAlias": resource("AWS::KMS::Alias", AliasName="alias/x", TargetKeyId=ref("Key")),
    "Api": resource("AWS::ApiGatewayV2::Integration", ApiId=ref("Worker"), IntegrationUri=arn("Worker")),
    "Replaced": resource("AWS::Lambda::ResourcePolicy", ResourceArn=arn("Worker"), Policy={"Statement": []}),
    "Archive": resource("AWS::Events::Archive", SourceArn=arn("BBus"), RetentionDays=1),
    "Encrypted": queue(KmsMasterKeyId=ref("KeyAlias")),
    "Device": resource(
        "AWS::IoT::TopicRule",
        TopicRulePayload={
            "Actions": [{"Sqs": {"QueueUrl": ref("Queue"), "RoleArn": arn("Role")}}],
            "ErrorAction": {"Sns": {"TargetArn": ref("Topic"), "RoleArn": arn("Role")}},
        },
    ),
    "Machine": resource(
        "AWS::StepFunctions::StateMachine",
        RoleArn=arn("Role"),
        DefinitionString={
            "Fn::Sub": '{"a":"arn:aws:states:::events:putEvents","b":"arn:aws:states:::sqs:sendMessage ${Queue}"}'
        },
    ),
    "Universal": resource(
        "AWS::Scheduler::Schedule",
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
            "Input": {"Fn::Sub": '{"QueueUrl":"${Queue}"}'},
            "RoleArn": arn("Role"),
        },
    ),
    "Consumer": resource("AWS::Kinesis::StreamConsumer", StreamARN=arn("KStream")),
    "Reads": resource(
        "AWS::Lambda::EventSourceMapping",
        EventSourceArn=ref("Consumer"),
        FunctionName=ref("Worker"),
        StartingPosition="LATEST",
    ),
}

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["", "$", "${", "${Queue.Arn}", "arn:", "arn:aws:sqs:::", ":::::", "alias/aws/sqs", "[", "{}", "⟨S/Queue⟩", "◌"]
    ),
    st.just([]),
    st.just({}),
    st.just([[[]]]),
    st.just({"Ref": "Nobody"}),
    st.just({"Ref": "Queue"}),
    st.just({"Ref": "Worker"}),
    st.just({"Fn::GetAtt": ["Topic", "Arn"]}),
    st.just({"Fn::Sub": "x${Dead.Arn}:live"}),
    st.just({"Fn::Join": [":", ["a", {"Ref": "Alias"}]]}),
    st.just({"Fn::If": ["No", 1, 2]}),
)


def ask_everything(flow: Flow) -> str:
    for told in fates(flow).values():
        for fate in told:
            assert fate.lost is bool(fate.remedy), "a loss and only a loss has a remedy"
            assert not (fate.lost and fate.kept), "what is kept is not lost"
            assert {fate.source, fate.at} <= set(flow.nodes)
            assert set(fate.path) <= set(flow.edges)
            assert set(fate.alarms) <= set(flow.alarms)
    assert {id(fate) for fate in losses(flow)}.isdisjoint(id(fate) for fate in unwatched(flow))
    loops(flow)
    json.dumps(as_document(flow))
    as_report(flow)
    as_report(flow, markdown=True)
    return as_text(flow)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found.extend(places(item, (*path, key)))
    return found


PLACES = places(WHOLE)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(["remove", "replace", "rename"]), JUNK), max_size=6))
def test_a_mutated_template_is_always_answered(changes):
    resources = copy.deepcopy(WHOLE)
    for path, what, junk in changes:
        parent: Any = resources
        try:
            for step in path[:-1]:
                parent = parent[step]
            if what == "remove":
                del parent[path[-1]]
            elif what == "replace":
                parent[path[-1]] = junk
            elif isinstance(parent, dict):
                parent[str(junk)] = parent.pop(path[-1])
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took it away
    try:
        flow = read_flow({"S": {"Resources": resources}})
    except PatternError:
        return
    assert ask_everything(flow) == as_text(flow_of(**resources))


@pytest.mark.parametrize("junk", [None, [], "x", 7, {"a": {"b": []}}, {"Ref": "Queue"}, {"Fn::GetAtt": "Worker.Arn"}])
def test_every_single_property_may_be_nonsense(junk):
    for name, part in WHOLE.items():
        for key in part["Properties"]:
            broken = {**WHOLE, name: {**part, "Properties": {**part["Properties"], key: junk}}}
            ask_everything(flow_of(**broken))


def test_queues_that_redrive_into_each_other_come_to_an_end():
    flow = flow_of(One=queue("Two"), Two=queue("One"))
    assert [loop.nodes for loop in loops(flow)] == [("S/One", "S/Two")]
    ask_everything(flow)


def test_a_chain_of_a_thousand_queues_is_read():
    chain = {f"Q{n:04}": queue(f"Q{n + 1:04}") for n in range(1_000)}
    flow = flow_of(**chain, Q1000=queue())
    ask_everything(flow)
    assert len(fates(flow)) == 1


def test_a_topic_with_two_thousand_subscribers_is_read():
    parts = {f"S{n}": resource("AWS::SNS::Subscription", TopicArn=ref("T"), Protocol="sms") for n in range(2_000)}
    flow = flow_of(**parts, T=resource("AWS::SNS::Topic"))
    assert len(losses(flow)) == 2_000


def test_a_policy_with_patterns_that_explode_elsewhere_is_decided_at_once():
    document = {
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s*" * 40 + "x", "Resource": "*a" * 200 + "b"}]
    }
    policy = resource("AWS::SQS::QueuePolicy", Queues=[ref("TQueue")], PolicyDocument=document)
    ask_everything(flow_of(**{**WHOLE, "TPolicy": policy}))
