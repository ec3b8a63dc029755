"""Who the policy of a queue, topic or bus lets in by name and stands in no template may send there."""

import pytest

from patterns.flow import Way, fates, losses, read_flow
from patterns.flow.model import Answer, External, Send
from tests.flow.parts import (
    arn,
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

NEWS = "arn:aws:sns:eu-west-1:111122223333:news"
SENDER = "arn:aws:iam::777788889999:role/app/Sender"


def policy(principal, action="sqs:SendMessage", on="Queue", where="*", effect="Allow", **condition):
    statement = {"Effect": effect, "Principal": principal, "Action": action, "Resource": where}
    if condition:
        statement["Condition"] = condition
    return resource("AWS::SQS::QueuePolicy", Queues=[ref(on)], PolicyDocument={"Statement": [statement]})


def sends(**parts):
    flow = flow_of(**parts)
    return [(edge.source, edge.target, edge.action) for edge in flow.edges_of(Send)]


@pytest.mark.parametrize(
    ("principal", "condition", "sender", "name"),
    [
        ({"AWS": "444455556666"}, {}, "account 444455556666", "account 444455556666"),
        ({"AWS": "arn:aws:iam::444455556666:root"}, {}, "account 444455556666", "account 444455556666"),
        ({"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::444455556666:root"}}, {}, *["account 444455556666"] * 2),
        ({"AWS": SENDER}, {}, SENDER, "Sender"),
        ({"AWS": "arn:aws:iam::444455556666:user/ci"}, {}, "arn:aws:iam::444455556666:user/ci", "ci"),
        ({"Service": "sns.amazonaws.com"}, {"ArnEquals": {"aws:SourceArn": NEWS}}, NEWS, "news"),
        ({"Service": "sns.amazonaws.com"}, {"StringLike": {"AWS:SourceArn": [NEWS]}}, NEWS, "news"),
        ("*", {"ArnLike": {"aws:SourceArn": NEWS}}, NEWS, "news"),
        (
            {"Service": "events.amazonaws.com"},
            {"ArnEquals": {"aws:SourceArn": "arn:aws:events:eu-west-1:111122223333:rule/shop/placed"}},
            "arn:aws:events:eu-west-1:111122223333:rule/shop/placed",
            "placed",
        ),
        ({"Service": "s3.amazonaws.com"}, {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::up"}}, "arn:aws:s3:::up", "up"),
        ({"Service": "s3.amazonaws.com"}, {"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:up"}}, "arn:aws:s3:::up", "up"),
        (
            {"Service": "s3.amazonaws.com"},
            {"StringEquals": {"aws:SourceAccount": "444455556666"}},
            *["s3 of account 444455556666"] * 2,
        ),
        (
            {"Service": "events.amazonaws.com"},
            {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:444455556666:rule/*"}},
            *["events of account 444455556666"] * 2,
        ),
        ("*", {"StringEquals": {"aws:SourceAccount": "444455556666"}}, *["account 444455556666"] * 2),
        ({"AWS": "*"}, {"ArnEquals": {"aws:PrincipalArn": SENDER}}, SENDER, "Sender"),
        ("*", {"StringEquals": {"aws:PrincipalAccount": ["444455556666"]}}, *["account 444455556666"] * 2),
    ],
    ids=str,
)
def test_a_named_sender_from_elsewhere_is_a_node_with_a_likely_send(principal, condition, sender, name):
    flow = flow_of(Queue=queue(), P=policy(principal, **condition))
    (edge,) = flow.edges_of(Send)
    assert (edge.source, edge.target, edge.way, edge.action) == (sender, "S/Queue", Way.LIKELY, "sqs:SendMessage")
    assert edge.verdict.answer is Answer.ALLOWED
    assert edge.resource is not None
    assert (edge.resource.logical_id, edge.place) == ("P", "PolicyDocument")
    node = flow.nodes[sender]
    assert isinstance(node, External)
    assert node.name == name
    # The queue stays where its messages enter: who else sends, no template says.
    assert list(fates(flow)) == ["S/Queue"]


@pytest.mark.parametrize(
    "given",
    [
        policy({"AWS": "444455556666"}, action="sqs:ReceiveMessage"),
        policy({"AWS": "444455556666"}, where=arn("Other")),
        policy({"AWS": "444455556666"}, effect="Deny"),
        policy({"AWS": "*"}),
        policy("*", StringEquals={"aws:PrincipalOrgID": "o-1"}),
        policy({"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}),
        policy({"AWS": ref("AWS::AccountId")}),
        policy({"AWS": {"Fn::ImportValue": "sender"}}),
        policy({"AWS": "arn:aws:iam::*:root"}),
        policy({"AWS": arn("Role")}),
        policy({"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/sender"}}),
        policy({"Service": "sns.amazonaws.com"}),
        policy({"Service": "sns.amazonaws.com"}, ArnLike={"aws:SourceArn": "arn:aws:sns:*:*:news"}),
        policy({"Service": "sns.amazonaws.com"}, ArnNotEquals={"aws:SourceArn": NEWS}),
        policy("*", StringNotEquals={"aws:PrincipalAccount": "444455556666"}),
        policy({"AWS": "*"}, ArnNotEquals={"aws:PrincipalArn": SENDER}),
        policy({"Service": "s3.amazonaws.com"}, StringEquals={"aws:SourceAccount": ref("AWS::AccountId")}),
        policy({"AWS": SENDER}, ArnEquals={"aws:SourceArn": NEWS}),
        policy({"Service": "sns.amazonaws.com"}, ArnEquals={"aws:SourceArn": ref("Topic")}),
        policy(
            {"Service": "sns.amazonaws.com"},
            ArnEquals={"aws:SourceArn": {"Fn::Sub": "arn:aws:sns:${AWS::Region}:${AWS::AccountId}:orders"}},
        ),
    ],
    ids=[
        "another action",
        "another queue",
        "a denial",
        "everybody",
        "an organization",
        "the account itself",
        "its number",
        "what cannot be told",
        "no single account",
        "a role of the template",
        "the same by its name",
        "no source",
        "any region",
        "all but one",
        "all accounts but one",
        "all roles but one",
        "the account's own buckets",
        "a role that would have to be a topic",
        "a topic of the template",
        "the same by its ARN",
    ],
)
def test_nobody_is_made_of_what_names_nobody_elsewhere(given):
    parts = {"Other": queue(), "Topic": topic(TopicName="orders"), "Role": role(RoleName="sender")}
    assert sends(Queue=queue(), P=given, **parts) == []


def test_a_sender_that_another_policy_denies_sends_nothing():
    condition = {"ArnEquals": {"aws:SourceArn": NEWS}}
    allowed = policy({"Service": "sns.amazonaws.com"}, **condition)
    denied = policy({"Service": "sns.amazonaws.com"}, effect="Deny", **condition)
    assert sends(Queue=queue(), P=allowed) == [(NEWS, "S/Queue", "sqs:SendMessage")]
    assert sends(Queue=queue(), P=allowed, Q=denied) == []


@pytest.mark.parametrize("principal", [{"AWS": "444455556666"}, {"AWS": SENDER}], ids=["an account", "a role"])
@pytest.mark.parametrize("written", ["444455556666", "arn:aws:iam::444455556666:root", "*"])
def test_an_account_that_another_policy_denies_sends_nothing_however_it_is_written(principal, written):
    principal = {"AWS": principal["AWS"].replace("777788889999", "444455556666")}
    denied = policy({"AWS": written}, effect="Deny")
    assert sends(Queue=queue(), P=policy(principal), Q=denied) == []
    other = policy({"AWS": "555566667777"}, effect="Deny")
    assert len(sends(Queue=queue(), P=policy(principal), Q=other)) == 1


def test_a_service_that_cannot_use_the_key_of_a_queue_sends_nothing():
    assert sends(Queue=queue(KmsMasterKeyId="alias/aws/sqs"), P=lets_in("sns", NEWS, "Queue")) == []


def test_a_bucket_of_another_account_is_let_in_as_the_documentation_of_s3_writes_it(tmp_path):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html"""

    def sent(account):
        written = policy(
            {"Service": "s3.amazonaws.com"},
            ArnLike={"aws:SourceArn": "arn:aws:s3:*:*:up"},
            StringEquals={"aws:SourceAccount": account},
        )
        found = deployed(tmp_path, S={"Queue": queue(), "P": written}).edges_of(Send)
        return [(edge.source, edge.verdict.answer) for edge in found]

    assert sent(ref("AWS::AccountId")) == [("arn:aws:s3:::up", Answer.ALLOWED)]
    # Whose the bucket is, its ARN does not say.
    assert sent("777788889999") == [("arn:aws:s3:::up", Answer.UNKNOWN)]


def test_a_topic_of_another_account_is_let_in_with_that_account(tmp_path):
    news = NEWS.replace("111122223333", "444455556666")

    def sent(account):
        condition = {"ArnEquals": {"aws:SourceArn": news}, "StringEquals": {"aws:SourceAccount": account}}
        written = policy({"Service": "sns.amazonaws.com"}, **condition)
        return [edge.source for edge in deployed(tmp_path, S={"Queue": queue(), "P": written}).edges_of(Send)]

    assert sent("444455556666") == [news]
    assert sent("111122223333") == []


def test_an_account_whose_stack_is_read_too_and_sends_is_not_told_beside_it(tmp_path):
    bus = resource("AWS::Events::EventBus", Name="shop")
    lets = {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "events:PutEvents", "Resource": "*"}
    receiver = {"Bus": bus, "P": resource("AWS::Events::EventBusPolicy", StatementId="a", Statement=lets)}
    receiver["P"]["Properties"]["EventBusName"] = ref("Bus")
    target = {"Id": "a", "Arn": "arn:aws:events:eu-west-1:111122223333:event-bus/shop", "RoleArn": arn("Role")}
    sender = {
        "Rule": resource("AWS::Events::Rule", EventPattern={"source": ["a"]}, Targets=[target]),
        "Role": role({"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"}),
    }
    assert deployed(tmp_path, S=receiver, T=sender).edges_of(Send) == []
    assert [edge.source for edge in deployed(tmp_path, S=receiver).edges_of(Send)] == ["account 444455556666"]


def test_conditions_and_denials_of_the_default_bus_count_too():
    rule = resource("AWS::Events::Rule", EventPattern={"source": ["a"]}, Targets=[])

    def answers(**more):
        statement = {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "events:PutEvents", **more}
        statement["Resource"] = {"Fn::Sub": "arn:aws:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}
        on_default = resource("AWS::Events::EventBusPolicy", StatementId="c", Statement=statement)
        return [(e.verdict.answer, e.place) for e in flow_of(Rule=rule, OnDefault=on_default).edges_of(Send)]

    assert answers() == [(Answer.ALLOWED, "Statement")]
    assert answers(Condition={"StringEquals": {"events:source": "shop"}}) == [(Answer.UNKNOWN, "Statement")]


@pytest.mark.parametrize("principal", [{"Service": "sns.amazonaws.com"}, {"AWS": "444455556666"}], ids=str)
def test_a_policy_that_may_not_be_there_leaves_the_permission_open(principal):
    condition = {"ArnEquals": {"aws:SourceArn": NEWS}} if "Service" in principal else {}
    document = {
        "Parameters": {"Open": {"Type": "String"}},
        "Conditions": {"Shared": {"Fn::Equals": [{"Ref": "Open"}, "yes"]}},
        "Resources": {"Queue": queue(), "P": {**policy(principal, **condition), "Condition": "Shared"}},
    }
    (edge,) = read_flow({"S": document}).edges_of(Send)
    assert edge.verdict.answer is Answer.UNKNOWN


def test_a_link_of_the_template_is_not_told_twice():
    foreign = resource("AWS::SNS::Subscription", TopicArn=NEWS, Protocol="sqs", Endpoint=arn("Queue"))
    assert sends(Queue=queue(), P=lets_in("sns", NEWS, "Queue"), Foreign=foreign) == []


def test_two_policies_and_two_ways_to_write_an_account_make_one_sender():
    parts = {
        "P": policy({"AWS": ["444455556666", "arn:aws:iam::444455556666:root"]}),
        "Q": policy({"AWS": "444455556666"}),
    }
    assert sends(Queue=queue(), **parts) == [("account 444455556666", "S/Queue", "sqs:SendMessage")]


def test_topics_and_buses_have_senders_elsewhere_too():
    statement = {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Resource": "*"}
    on_topic = {"Statement": [{**statement, "Action": "sns:Publish"}]}
    on_bus = {"Statement": [{**statement, "Action": "events:PutEvents"}]}
    rule = resource("AWS::Events::Rule", EventPattern={"source": ["a"]}, Targets=[])
    default = {**statement, "Action": "events:*", "Resource": "arn:aws:events:eu-west-1:111122223333:event-bus/default"}
    assert sends(
        Topic=topic(),
        OnTopic=resource("AWS::SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument=on_topic),
        Inline=resource("AWS::Events::EventBus", Name="inline", Policy=on_bus),
        Bus=resource("AWS::Events::EventBus", Name="shop"),
        OnBus=resource(
            "AWS::Events::EventBusPolicy", EventBusName=ref("Bus"), StatementId="a", Statement=on_bus["Statement"][0]
        ),
        Legacy=resource(
            "AWS::Events::EventBusPolicy",
            EventBusName=ref("Bus"),
            StatementId="b",
            Action="events:PutEvents",
            Principal="777788889999",
        ),
        Rule=rule,
        OnDefault=resource("AWS::Events::EventBusPolicy", StatementId="c", Statement=default),
    ) == [
        ("account 444455556666", "S/Bus", "events:PutEvents"),
        ("account 444455556666", "S/Inline", "events:PutEvents"),
        ("account 444455556666", "S/Topic", "sns:Publish"),
        ("account 444455556666", "default event bus", "events:PutEvents"),
        ("account 777788889999", "S/Bus", "events:PutEvents"),
    ]


def test_what_is_said_of_all_that_arrives_is_not_said_where_somebody_elsewhere_may_send():
    """A bucket sends no attributes, so such a filter loses all; another account may send some."""
    bucket = resource(
        "AWS::S3::Bucket",
        NotificationConfiguration={"TopicConfigurations": [{"Event": "s3:ObjectCreated:*", "Topic": ref("Topic")}]},
    )
    parts = {
        "Bucket": bucket,
        "Topic": topic(),
        "Queue": queue(),
        "ToQueue": subscription("Queue", FilterPolicy={"kind": ["a"]}),
        "P": lets_in("sns", ref("Topic"), "Queue"),
        "Worker": function(),
        "Role": role(polls("Queue")),
        "Poll": mapping(),
    }

    def arrives(*principals):
        statements = [
            {"Effect": "Allow", "Principal": principal, "Action": "sns:Publish", "Resource": "*"}
            for principal in ({"Service": "s3.amazonaws.com"}, *principals)
        ]
        on_topic = resource("AWS::SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument={"Statement": statements})
        return {fate.at for fate in fates(flow_of(**parts, OnTopic=on_topic))["S/Bucket"]}

    assert "S/Worker" not in arrives()
    assert "S/Worker" in arrives({"AWS": "444455556666"})


def test_what_somebody_elsewhere_puts_into_a_dead_letter_queue_is_no_source_of_its_own():
    flow = flow_of(Queue=queue("Dead"), Dead=dead_letters(), P=lets_in("sns", NEWS, "Dead"))
    assert [(edge.source, edge.target) for edge in flow.edges_of(Send)] == [(NEWS, "S/Dead")]
    assert list(fates(flow)) == ["S/Queue"]


def test_permissions_of_functions_stay_calls():
    flow = flow_of(Worker=function(), Role=role(), P=permission("sns", NEWS))
    assert flow.edges_of(Send) == []
    assert losses(flow)
