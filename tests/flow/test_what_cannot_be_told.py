"""What no template says is never called a loss: it is said that it cannot be told."""

import copy
from typing import Any

import pytest

from patterns.flow import fates, losses, read_flow
from patterns.flow.model import Answer, Delivery, External, Match, Poll, Subscription
from tests.flow import test_buses, test_functions, test_queues, test_schedules, test_streams, test_topics
from tests.flow.parts import (
    alarm,
    allow,
    arn,
    changed,
    function,
    lets_in,
    mapping,
    permission,
    queue,
    ref,
    resource,
    role,
    subscription,
    topic,
)

CLEAN: dict[str, dict[str, Any]] = {
    "queue": test_queues.POLLED,
    "topic": test_topics.TO_QUEUE,
    "function": test_functions.EVENTS,
    "rule": test_buses.TO_QUEUE,
    "schedule": test_schedules.to_queue(),
    "stream": test_streams.stream(failed=True, MaximumRetryAttempts=3),
}

STATEMENT = ("Policy", "Properties", "PolicyDocument", "Statement", 0)


def with_unknown(parts: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    parts = copy.deepcopy(parts)
    place: Any = parts
    for step in path[:-1]:
        place = place[step]
    assert path[-1] in place or isinstance(place, list)
    place[path[-1]] = {"Ref": "NobodySays"}
    return {"Parameters": {"NobodySays": {"Type": "String"}}, "Resources": parts}


@pytest.mark.parametrize(
    ("design", "path"),
    [
        ("queue", ("Queue", "Properties", "RedrivePolicy")),
        ("queue", ("Queue", "Properties", "RedrivePolicy", "deadLetterTargetArn")),
        ("queue", ("Queue", "Properties", "RedrivePolicy", "maxReceiveCount")),
        ("queue", ("Queue", "Properties", "VisibilityTimeout")),
        ("queue", ("Dead", "Properties", "MessageRetentionPeriod")),
        ("queue", ("Role", "Properties", "Policies")),
        ("queue", ("Role", "Properties", "Policies", 0)),
        ("queue", ("Role", "Properties", "Policies", 0, "PolicyDocument")),
        ("queue", ("Role", "Properties", "Policies", 0, "PolicyDocument", "Statement", 0)),
        ("queue", ("Role", "Properties", "Policies", 0, "PolicyDocument", "Statement", 0, "Resource")),
        ("queue", ("Role", "Properties", "Policies", 0, "PolicyDocument", "Statement", 0, "Action")),
        ("queue", ("Worker", "Properties", "Role")),
        ("topic", ("Subscription", "Properties", "RedrivePolicy")),
        ("topic", ("Subscription", "Properties", "Endpoint")),
        ("topic", ("Policy", "Properties", "Queues")),
        ("topic", ("Policy", "Properties", "Queues", 1)),
        ("topic", ("Policy", "Properties", "PolicyDocument")),
        ("topic", STATEMENT),
        ("topic", (*STATEMENT, "Effect")),
        ("topic", (*STATEMENT, "Action")),
        ("topic", (*STATEMENT, "Principal")),
        ("topic", (*STATEMENT, "Principal", "Service")),
        (
            "topic",
            ("Policy", "Properties", "PolicyDocument", "Statement", 0, "Condition", "ArnEquals", "aws:SourceArn"),
        ),
        ("topic", ("Undelivered", "Properties", "MessageRetentionPeriod")),
        ("function", ("Config", "Properties", "FunctionName")),
        ("function", ("Config", "Properties", "Qualifier")),
        ("function", ("Config", "Properties", "DestinationConfig")),
        ("function", ("Permission", "Properties", "FunctionName")),
        ("function", ("Permission", "Properties", "SourceArn")),
        ("rule", ("Rule", "Properties", "Targets")),
        ("rule", ("Rule", "Properties", "Targets", 0)),
        ("rule", ("Rule", "Properties", "Targets", 0, "DeadLetterConfig")),
        ("rule", ("Rule", "Properties", "Targets", 0, "DeadLetterConfig", "Arn")),
        ("rule", ("Rule", "Properties", "Targets", 0, "Arn")),
        ("rule", ("Rule", "Properties", "EventPattern")),
        ("schedule", ("Schedule", "Properties", "Target")),
        ("schedule", ("Schedule", "Properties", "Target", "DeadLetterConfig")),
        ("schedule", ("Schedule", "Properties", "Target", "RoleArn")),
        ("stream", ("Poll", "Properties", "DestinationConfig")),
        ("stream", ("Stream", "Properties", "RetentionPeriodHours")),
    ],
)
def test_a_value_that_nobody_gives_is_no_loss(design, path):
    assert losses(read_flow({"S": {"Resources": CLEAN[design]}})) == []
    flow = read_flow({"S": with_unknown(CLEAN[design], path)})
    assert [fate.condition for fate in losses(flow)] == []
    doubts = [doubt for told in fates(flow).values() for fate in told for doubt in fate.unsure]
    assert doubts or flow.notes


def test_a_filter_that_nobody_gives_is_no_loss():
    parts = {**CLEAN["queue"], "Poll": mapping(FilterCriteria={"Filters": [{"Pattern": "x"}]})}
    assert len(losses(read_flow({"S": {"Resources": parts}}))) == 1
    for path in (("FilterCriteria",), ("FilterCriteria", "Filters")):
        flow = read_flow({"S": with_unknown(parts, ("Poll", "Properties", *path))})
        assert losses(flow) == []
        assert "cannot be told: the filter of Poll" in flow.notes


NOTIFICATIONS = {
    "LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": arn("Worker")}],
    "EventBridgeConfiguration": {},
}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (("Topic", "Properties", "Subscription"), "Subscription of Topic"),
        (("Topic", "Properties", "Subscription", 0), "Subscription[0] of Topic"),
        (("Rule", "Properties", "Targets", 1), "Targets[1] of Rule"),
        (("Schedule", "Properties", "Target"), "Target of Schedule"),
        (("Bucket", "Properties", "NotificationConfiguration"), "NotificationConfiguration of Bucket"),
        (
            ("Bucket", "Properties", "NotificationConfiguration", "LambdaConfigurations"),
            "NotificationConfiguration.LambdaConfigurations of Bucket",
        ),
        (
            ("Bucket", "Properties", "NotificationConfiguration", "LambdaConfigurations", 0),
            "NotificationConfiguration.LambdaConfigurations[0] of Bucket",
        ),
        (
            ("Bucket", "Properties", "NotificationConfiguration", "EventBridgeConfiguration"),
            "whether Bucket sends to EventBridge",
        ),
    ],
)
def test_a_link_that_may_be_there_is_said(path, said):
    worker = {"Id": "W", "Arn": arn("Worker")}
    parts = {
        "Topic": topic(Subscription=[{"Protocol": "email", "Endpoint": "a@example.com"}]),
        "Rule": resource("AWS::Events::Rule", EventPattern={"source": ["a"]}, Targets=[worker, worker]),
        "Schedule": resource("AWS::Scheduler::Schedule", Target=worker),
        "Bucket": resource("AWS::S3::Bucket", NotificationConfiguration=NOTIFICATIONS),
        "Worker": function(),
    }
    flow = read_flow({"S": with_unknown(parts, path)})
    assert f"cannot be told: {said}: parameter NobodySays has no value" in flow.notes


def test_a_policy_for_roles_that_nobody_names_may_be_for_any_of_them():
    roles = {"Roles": {"Ref": "NobodySays"}, "PolicyDocument": {"Statement": []}}
    parts = {
        **CLEAN["queue"],
        "Role": changed(CLEAN["queue"]["Role"], Policies=None),
        "Attached": {"Type": "AWS::IAM::Policy", "Properties": roles},
    }
    template = {"Parameters": {"NobodySays": {"Type": "CommaDelimitedList"}}, "Resources": parts}
    assert losses(read_flow({"S": template})) == []


def rule(bus, source):
    target = {"Id": "1", "Arn": {"Fn::GetAtt": ["Worker", "Arn"]}}
    return resource("AWS::Events::Rule", EventBusName=bus, EventPattern={"source": [source]}, Targets=[target])


def with_parameter(*names, **parts):
    parameters = {name: {"Type": "String"} for name in names}
    return read_flow({"S": {"Parameters": parameters, "Resources": parts}})


@pytest.mark.parametrize(
    "written",
    [
        lambda name: ref(name),
        lambda name: {"Fn::Sub": f"arn:aws:events:${{{name}}}-bus"},
        lambda name: {"Fn::ImportValue": name},
        lambda name: {"Fn::ImportValue": {"Fn::Sub": f"${{{name}}}-bus"}},
    ],
    ids=["parameter", "part", "import", "import of a part"],
)
def test_one_parameter_or_import_in_two_places_is_one_bus(written):
    parts = {"A": rule(written("Given"), "a"), "B": rule(written("Given"), "b"), "C": rule(written("Other"), "c")}
    flow = with_parameter("Given", "Other", Worker=function(), **parts)
    buses = {match.source: flow.name(match.source) for match in flow.edges_of(Match)}
    assert list(buses.values()) == ["the EventBusName of A", "the EventBusName of C"]
    assert {match.target for match in flow.leaving(next(iter(buses)))} == {"S/A", "S/B"}
    assert len([note for note in flow.notes if note.startswith("cannot be told: EventBusName of")]) == 2


def test_readers_of_the_queue_that_one_parameter_names_compete():
    reads = {name: changed(mapping(to=ref(name)), EventSourceArn=ref("Given")) for name in ("One", "Other")}
    flow = with_parameter("Given", One=function(), Other=function(), A=reads["One"], B=reads["Other"])
    assert len({poll.source for poll in flow.edges_of(Poll)}) == 1


def test_one_sender_of_many_that_a_parameter_names_is_found():
    many = [lets_in("sns", {"Ref": f"Given{number}"}, "Queue") for number in range(30)]
    policy = changed(
        many[0], PolicyDocument={"Statement": [one["Properties"]["PolicyDocument"]["Statement"][0] for one in many]}
    )
    names = [f"Given{number}" for number in range(30)]
    flow = with_parameter(*names, Queue=queue(), Sub=subscription("Queue", "Given7"), Policy=policy)
    assert {edge.verdict.answer for edge in flow.edges_of(Subscription)} == {Answer.ALLOWED}


def test_a_denial_that_nobody_tells_lets_nobody_in():
    denial = {"Effect": "Deny", "Principal": "*", "Action": ref("Given"), "Resource": "*"}
    policy = changed(lets_in("sns", None, "Queue"), PolicyDocument={"Statement": [denial]})
    flow = with_parameter("Given", Queue=queue(), Topic=topic(), Sub=subscription("Queue"), Policy=policy)
    assert {edge.verdict.answer for edge in flow.edges_of(Subscription)} == {Answer.DENIED}


def test_a_topic_writes_to_the_queue_of_one_parameter_that_a_function_reads():
    reader = changed(mapping(), EventSourceArn=ref("Given"))
    to_queue = changed(subscription("Worker"), Endpoint=ref("Given"))
    flow = with_parameter("Given", Worker=function(), A=reader, Topic=topic(), B=to_queue)
    (source,) = {poll.source for poll in flow.edges_of(Poll)}
    assert source == next(iter(flow.edges_of(Subscription))).target
    assert [node.service for node in flow.nodes_of(External) if node.id == source] == ["sqs"]


def test_two_texts_that_a_macro_makes_are_not_taken_for_one():
    made = {"Fn::Join": ["", ["arn:aws:events:", {"Fn::Transform": {"Name": "Made"}}]]}
    flow = with_parameter(Worker=function(), A=rule(made, "a"), B=rule(made, "b"))
    assert len({match.source for match in flow.edges_of(Match)}) == 2


def test_what_a_function_reads_is_a_queue_where_a_bucket_says_so():
    reader = changed(mapping(), EventSourceArn=ref("Given"))
    tells = {"QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": ref("Given")}]}
    bucket = resource("AWS::S3::Bucket", NotificationConfiguration=tells)
    flow = with_parameter("Given", Worker=function(), A=reader, Bucket=bucket)
    (source,) = {poll.source for poll in flow.edges_of(Poll)}
    assert [node.service for node in flow.nodes_of(External) if node.id == source] == ["sqs"]


def test_a_bus_and_a_function_of_the_name_that_one_parameter_gives_are_two():
    own = resource("AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol="lambda", Endpoint=ref("Given"))
    flow = with_parameter("Given", Worker=function(), Topic=topic(), A=own, B=rule(ref("Given"), "a"))
    assert next(iter(flow.edges_of(Subscription))).target != next(iter(flow.edges_of(Match))).source


def test_what_a_policy_says_of_the_sender_that_one_parameter_names_is_said_of_the_same():
    def told(source):
        flow = with_parameter(
            "Given",
            "Another",
            Worker=function(),
            Queue=queue(),
            ToWorker=subscription("Worker", "Given", "lambda"),
            ToQueue=subscription("Queue", "Given"),
            Policy=lets_in("sns", ref(source), "Queue"),
            Permission=permission("sns", ref(source)),
        )
        return {edge.verdict.answer for edge in flow.edges_of(Subscription)}

    assert told("Given") == {Answer.ALLOWED}
    assert told("Another") == {Answer.UNKNOWN}


ELSEWHERE = {"Fn::Sub": "arn:aws:sns:eu-west-1:${Given}:orders"}


@pytest.mark.parametrize("topic", [ref("Given"), ELSEWHERE, {"Fn::ImportValue": "OrdersTopic"}])
@pytest.mark.parametrize("sender", [ELSEWHERE, "arn:aws:sns:*:*:orders", "arn:aws:sns:eu-west-1:444455556666:orders"])
@pytest.mark.parametrize("others", [0, 20])
def test_whether_a_policy_means_the_sender_that_no_template_names_is_left_open(topic, sender, others):
    senders = [sender, *(f"arn:aws:sns:eu-west-1:444455556666:other-{n}" for n in range(others))]
    policies = {f"Policy{n}": lets_in("sns", one, "Queue") for n, one in enumerate(senders)}
    to_queue = changed(subscription("Queue", "Given"), TopicArn=topic)
    flow = with_parameter("Given", Queue=queue(), ToQueue=to_queue, **policies)
    assert [edge.verdict.answer for edge in flow.edges_of(Subscription)] == [Answer.UNKNOWN]


def test_a_policy_that_names_a_topic_of_the_template_means_no_other():
    topics = {"Topic": resource("AWS::SNS::Topic"), "Policy": lets_in("sns", ref("Topic"), "Queue")}
    flow = with_parameter("Given", Queue=queue(), ToQueue=subscription("Queue", "Given"), **topics)
    assert [edge.verdict.answer for edge in flow.edges_of(Subscription)] == [Answer.DENIED]


def test_whether_a_role_may_send_to_what_only_the_deployment_names_is_left_open():
    to = {"Fn::Sub": "arn:aws:events:eu-west-1:${Given}:event-bus/central"}
    sends = changed(rule("default", "sent"), Targets=[{"Id": "t", "Arn": to, "RoleArn": arn("Caller")}])
    flow = with_parameter("Given", Rule=sends, Caller=role(allow(to, "events:PutEvents")))
    assert [edge.verdict.answer for edge in flow.edges_of(Delivery)] == [Answer.UNKNOWN]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (("Namespace",), "what Alarm watches: parameter NobodySays has no value"),
        (("MetricName",), "what Alarm watches: parameter NobodySays has no value"),
        (("Dimensions",), "what Alarm watches: parameter NobodySays has no value"),
        (("Dimensions", 0), "what Alarm watches: parameter NobodySays has no value"),
        (("Dimensions", 0, "Value"), "what Alarm watches: parameter NobodySays has no value"),
        (("EvaluationPeriods",), "evaluation periods of Alarm"),
    ],
)
def test_an_alarm_of_which_nobody_says_all_is_noted(path, said):
    told = alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=arn("Dead", "QueueName"))
    parts = {**CLEAN["queue"], "Alarm": changed(told, EvaluationPeriods=1)}
    assert read_flow({"S": {"Resources": parts}}).notes == ()
    assert f"cannot be told: {said}" in read_flow({"S": with_unknown(parts, ("Alarm", "Properties", *path))}).notes
