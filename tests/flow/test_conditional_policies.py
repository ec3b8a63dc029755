"""What is there only under a condition that no template decides is neither there nor absent: it cannot be told."""

import pytest

from patterns.flow import Answer, fates, losses, read_flow, unwatched
from patterns.flow.model import Alarm, Delivery, Function, Poll, Subscription
from patterns.flow.permissions import Caller, Permissions
from tests.flow.parts import (
    OPS,
    STACK,
    alarm,
    allow,
    arn,
    async_config,
    changed,
    dead_letters,
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


def under(part, name="Open"):
    return {**part, "Condition": name}


def flow_of(**resources):
    """A flow in which the conditions Open and Other cannot be told."""
    return read_flow(
        {
            STACK: {
                "Parameters": {"Stage": {"Type": "String"}},
                "Conditions": {
                    "Open": {"Fn::Equals": [ref("Stage"), "prod"]},
                    "Other": {"Fn::Not": [{"Condition": "Open"}]},
                },
                "Resources": resources,
            }
        }
    )


PUSHED = {
    "Topic": topic(),
    "Queue": queue(),
    "Dead": dead_letters(),
    "S": subscription("Queue", dead="Dead"),
    "Policy": lets_in("sns", ref("Topic"), "Queue", "Dead"),
}
DENIED = resource(
    "AWS::SQS::QueuePolicy",
    Queues=[ref("Queue")],
    PolicyDocument={"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]},
)


def test_a_queue_policy_under_an_open_condition_leaves_it_open_and_says_so():
    flow = flow_of(**{**PUSHED, "Policy": under(PUSHED["Policy"])})
    verdict = flow.edges_of(Subscription)[0].verdict
    assert verdict.answer is Answer.UNKNOWN
    assert "condition Open cannot be told: parameter Stage has no value" in verdict.why
    assert all(any("condition Open" in doubt for doubt in fate.unsure) for fate in fates(flow)["S/Topic"])


def test_a_denial_under_an_open_condition_is_no_certain_loss():
    flow = flow_of(**PUSHED, Denial=under(DENIED))
    assert flow.edges_of(Subscription)[0].verdict.answer is Answer.UNKNOWN
    assert losses(flow) == []


def test_a_denial_under_an_open_condition_beside_no_permission_is_still_no_permission():
    parts = {name: part for name, part in PUSHED.items() if name != "Policy"}
    flow = flow_of(**parts, Denial=under(DENIED))
    assert flow.edges_of(Subscription)[0].verdict.answer is Answer.DENIED


@pytest.mark.parametrize("place", ["S", "Queue", "Topic"])
def test_a_policy_under_the_condition_of_what_it_is_about_is_there_whenever_it_matters(place):
    parts = {**PUSHED, "Policy": under(PUSHED["Policy"])}
    flow = flow_of(**{**parts, place: under(parts[place])})
    assert flow.edges_of(Subscription)[0].verdict.answer is Answer.ALLOWED


@pytest.mark.parametrize("place", ["S", "Queue", "Topic"])
def test_another_condition_says_nothing_about_it(place):
    parts = {**PUSHED, "Policy": under(PUSHED["Policy"])}
    flow = flow_of(**{**parts, place: under(parts[place], "Other")})
    assert flow.edges_of(Subscription)[0].verdict.answer is Answer.UNKNOWN


def test_a_permission_under_an_open_condition_leaves_the_invocation_open():
    parts = {
        "Topic": topic(),
        "Worker": function(),
        "Role": role(),
        "S": subscription("Worker", protocol="lambda"),
        "P": permission("sns", ref("Topic")),
    }
    assert flow_of(**parts).edges_of(Subscription)[0].verdict.allowed
    assert flow_of(**{**parts, "P": under(parts["P"])}).edges_of(Subscription)[0].verdict.unknown


def test_a_topic_policy_under_an_open_condition_leaves_the_delivery_open():
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    policy = resource("AWS::SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument={"Statement": [statement]})
    rule = resource("AWS::Events::Rule", EventPattern={"source": ["a"]}, Targets=[{"Id": "a", "Arn": ref("Topic")}])
    assert flow_of(Rule=rule, Topic=topic(), Policy=policy).edges_of(Delivery)[0].verdict.allowed
    assert flow_of(Rule=rule, Topic=topic(), Policy=under(policy)).edges_of(Delivery)[0].verdict.unknown


POLLED = {
    "Queue": queue("Dead"),
    "Dead": dead_letters(),
    "Worker": function(),
    "Role": role(),
    "Poll": mapping(),
}


@pytest.mark.parametrize("kind", ["AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy"])
def test_a_role_policy_under_an_open_condition_leaves_open_whether_the_role_may(kind):
    whom = {"RoleName": ref("Role")} if kind == "AWS::IAM::RolePolicy" else {"Roles": [ref("Role")]}
    policy = resource(kind, PolicyDocument={"Statement": [polls("Queue")]}, **whom)
    assert flow_of(**POLLED, Grant=policy).edges_of(Poll)[0].verdict.allowed
    (poll,) = flow_of(**POLLED, Grant=under(policy)).edges_of(Poll)
    assert poll.verdict.unknown
    assert "condition Open" in poll.verdict.why
    assert poll.may_delete.unknown
    (poll,) = flow_of(**{**POLLED, "Poll": under(mapping())}, Grant=under(policy)).edges_of(Poll)
    assert poll.verdict.allowed
    assert poll.may_delete.allowed


def test_a_bus_policy_under_an_open_condition_counts_as_open():
    bus = resource("AWS::Events::EventBus", Name="shop")
    policy = under(resource("AWS::Events::EventBusPolicy", EventBusName=ref("Bus"), StatementId="a", Principal="*"))
    policies = Permissions(flow_of(Bus=bus, P=policy).template)
    answer = policies.resource_allows(Caller(role="S/R"), "events:PutEvents", "S/Bus").answer
    assert answer is Answer.UNKNOWN


VISIBLE = alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=arn("Dead", "QueueName"))
KEPT = {**POLLED, "Role": role(polls("Queue"))}


def acts(flow) -> dict[str, bool | None]:
    return {one.id.rpartition("/")[2]: one.acts for one in flow.alarms.values() if isinstance(one, Alarm)}


def test_an_alarm_under_an_open_condition_perhaps_tells_nobody():
    assert unwatched(flow_of(**KEPT, Alarm=VISIBLE)) == []
    flow = flow_of(**KEPT, Alarm=under(VISIBLE))
    assert acts(flow) == {"Alarm": None}
    assert unwatched(flow) != []


def test_an_alarm_under_the_condition_of_what_it_watches_is_there_with_it():
    flow = flow_of(**{**KEPT, "Dead": under(KEPT["Dead"])}, Alarm=under(VISIBLE))
    assert acts(flow) == {"Alarm": True}


@pytest.mark.parametrize(
    ("actions", "answer"),
    [
        ([OPS], True),
        ([], False),
        ({"Fn::If": ["Open", [OPS], []]}, None),
        ([{"Fn::If": ["Open", OPS, ref("AWS::NoValue")]}], None),
        (ref("Stage"), None),
        ([ref("Stage")], True),
        ([OPS, {"Fn::If": ["Open", OPS, ref("AWS::NoValue")]}], True),
    ],
)
def test_whether_an_alarm_acts_has_three_answers(actions, answer):
    assert acts(flow_of(**KEPT, Alarm=changed(VISIBLE, AlarmActions=actions))) == {"Alarm": answer}


def test_whether_actions_are_enabled_may_be_open():
    enabled = {"Fn::If": ["Open", True, False]}
    assert acts(flow_of(**KEPT, Alarm=changed(VISIBLE, ActionsEnabled=enabled))) == {"Alarm": None}


def test_a_composite_alarm_that_acts_outweighs_what_the_alarm_leaves_open():
    silent = changed(VISIBLE, AlarmActions={"Fn::If": ["Open", [OPS], []]})
    every = resource("AWS::CloudWatch::CompositeAlarm", AlarmRule={"Fn::Sub": "ALARM(${Alarm})"}, AlarmActions=[OPS])
    assert acts(flow_of(**KEPT, Alarm=silent, All=every)) == {"Alarm": True, "All": True}
    mute = changed(silent, AlarmActions=[])
    assert acts(flow_of(**KEPT, Alarm=mute, All=under(every))) == {"Alarm": None, "All": None}


def test_an_event_invoke_config_under_an_open_condition_leaves_its_numbers_open():
    parts = {"Topic": topic(), "Worker": function(), "Role": role(allow("*", "sqs:*")), "Dead": dead_letters()}
    config = async_config("Dead", MaximumRetryAttempts=0)
    flow = flow_of(**parts, Config=under(config))
    (worker,) = flow.nodes_of(Function)
    assert (worker.retries, worker.event_age, worker.unknown) == (None, 21_600, ("retries",))
