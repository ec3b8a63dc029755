"""A permission for a topic, rule or bucket that stands elsewhere is the trace of an asynchronous caller."""

import pytest

from patterns.flow import Outcome, fates, losses, read_flow
from patterns.flow.model import Call, External
from tests.flow.parts import (
    STACK,
    allow,
    arn,
    async_config,
    dead_letters,
    flow_of,
    function,
    permission,
    ref,
    resource,
    role,
    subscription,
    topic,
)

WORKER = {"Worker": function(), "Role": role(allow("*", "sqs:*"))}
TOPIC = "arn:aws:sns:eu-west-1:111122223333:news"


def callers(**parts):
    flow = flow_of(**WORKER, **parts)
    return [(edge.source, edge.target) for edge in flow.edges_of(Call)]


@pytest.mark.parametrize(
    ("service", "source", "name"),
    [
        ("sns", TOPIC, "news"),
        ("events", "arn:aws:events:eu-west-1:111122223333:rule/shop/placed", "placed"),
        ("s3", "arn:aws:s3:::uploads", "uploads"),
        ("iot", "arn:aws:iot:eu-west-1:111122223333:rule/hot", "hot"),
        ("logs", "arn:aws:logs:eu-west-1:111122223333:log-group:a", "log-group:a"),
        ("scheduler", "arn:aws:scheduler:eu-west-1:111122223333:schedule/default/daily", "daily"),
    ],
)
def test_who_may_invoke_from_elsewhere_is_a_source_whose_events_are_lost_without_a_destination(service, source, name):
    flow = flow_of(**WORKER, P=permission(service, source))
    (edge,) = flow.edges_of(Call)
    assert (edge.source, edge.target, edge.asynchronous) == (source, "S/Worker", True)
    assert flow.name(source) == name
    assert list(fates(flow)) == [source]
    assert {fate.condition for fate in losses(flow)} == {
        "Worker fails 3 times",
        "Worker cannot be run within 6 h (throttled)",
    }


def test_a_destination_keeps_what_comes_from_elsewhere():
    parts = {**WORKER, "Dead": dead_letters(), "Config": async_config("Dead"), "P": permission("sns", TOPIC)}
    flow = flow_of(**parts)
    assert losses(flow) == []
    assert Outcome.DESTINATION in {fate.outcome for fate in fates(flow)[TOPIC]}


@pytest.mark.parametrize(
    "source",
    [
        ref("Topic"),
        {"Fn::Sub": "arn:aws:sns:${AWS::Region}:${AWS::AccountId}:news"},
        {"Fn::Sub": "arn:aws:sns:${AWS::Region}:${AWS::AccountId}:n*"},
        {"Fn::ImportValue": "topic"},
        "*",
    ],
)
def test_a_permission_that_a_link_of_the_templates_explains_adds_nothing(source):
    linked = {"Topic": topic(TopicName="news"), "S": subscription("Worker", protocol="lambda")}
    assert callers(**linked, P=permission("sns", source)) == []


def test_a_permission_for_another_topic_than_the_one_that_is_linked_adds_a_caller():
    linked = {"Topic": topic(TopicName="orders"), "S": subscription("Worker", protocol="lambda")}
    assert callers(**linked, P=permission("sns", ref("Topic")), More=permission("sns", TOPIC)) == [(TOPIC, "S/Worker")]


def test_a_link_from_a_topic_elsewhere_explains_its_permission():
    pushed = resource("AWS::SNS::Subscription", TopicArn=TOPIC, Protocol="lambda", Endpoint=arn("Worker"))
    assert callers(S=pushed, P=permission("sns", TOPIC)) == []


def test_a_topic_elsewhere_that_has_links_of_its_own_is_told_apart_as_a_caller():
    pushed = resource("AWS::SNS::Subscription", TopicArn=TOPIC, Protocol="email", Endpoint="ops@example.com")
    flow = flow_of(**WORKER, S=pushed, P=permission("sns", TOPIC))
    assert [edge.source for edge in flow.edges_of(Call)] == ["S/P#SourceArn"]
    assert len(losses(flow)) > 2


def test_the_link_of_an_alias_explains_a_permission_of_the_function():
    alias = resource("AWS::Lambda::Alias", Name="live", FunctionName=ref("Worker"), FunctionVersion="1")
    linked = {"Live": alias, "Topic": topic(), "S": subscription("Live", protocol="lambda")}
    assert callers(**linked, P=permission("sns", None), Q=permission("sns", None, ref("Live"))) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"SourceArn": None}, "which topic invokes Worker: P names none"),
        ({"SourceArn": ref("T")}, "which topic invokes Worker: SourceArn of P is parameter T has no value"),
        (
            {"SourceArn": "arn:aws:sns:*:*:*"},
            "which topic invokes Worker: SourceArn of P is arn:aws:sns:*:*:*",
        ),
    ],
)
def test_a_caller_that_no_template_names_is_one_all_the_same(change, why):
    allowed = permission("sns", None)
    properties = {key: value for key, value in {**allowed["Properties"], **change}.items() if value is not None}
    template = {
        "Parameters": {"T": {"Type": "String"}},
        "Resources": {**WORKER, "P": {**allowed, "Properties": properties}},
    }
    flow = read_flow({STACK: template})
    (edge,) = flow.edges_of(Call)
    node = flow.nodes[edge.source]
    assert isinstance(node, External)
    assert (node.id, node.name, node.why) == ("S/P#SourceArn?", "a topic elsewhere", why)


@pytest.mark.parametrize("service", ["apigateway", "elasticloadbalancing", "cognito-idp"])
def test_a_service_that_waits_for_the_answer_is_no_asynchronous_caller(service):
    assert callers(P=permission(service, "arn:aws:x:eu-west-1:111122223333:y")) == []


def test_a_permission_for_the_url_of_a_function_is_none_to_invoke_it():
    url = permission("sns", TOPIC)
    url["Properties"]["Action"] = "lambda:InvokeFunctionUrl"
    assert callers(P=url) == []


def test_a_rule_of_the_iot_service_explains_its_permission():
    rule = resource("AWS::IoT::TopicRule", TopicRulePayload={"Actions": [{"Lambda": {"FunctionArn": arn("Worker")}}]})
    assert callers(Rule=rule, P=permission("iot", arn("Rule"))) == [("S/Rule", "S/Worker")]


def test_a_permission_under_an_open_condition_says_so():
    conditional = {**permission("sns", TOPIC), "Condition": "C"}
    template = {
        "Parameters": {"T": {"Type": "String"}},
        "Conditions": {"C": {"Fn::Equals": [ref("T"), "x"]}},
        "Resources": {**WORKER, "P": conditional},
    }
    flow = read_flow({STACK: template})
    assert all("whether P exists" in fate.unsure[0] for fate in fates(flow)[TOPIC])
    assert losses(flow) == []


def test_a_function_that_is_invoked_twice_from_one_place_has_one_caller():
    assert callers(P=permission("sns", TOPIC), Q=permission("sns", TOPIC)) == [(TOPIC, "S/Worker")]


def test_what_comes_from_elsewhere_is_processed():
    flow = flow_of(**WORKER, P=permission("s3", "arn:aws:s3:::uploads"))
    assert [fate.at for fate in fates(flow)["arn:aws:s3:::uploads"] if fate.outcome is Outcome.PROCESSED] == [
        "S/Worker"
    ]
