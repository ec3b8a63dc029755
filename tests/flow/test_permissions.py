"""A wrong yes hides a loss and a wrong no cries wolf: patterns and conditions are decided, or said to be open."""

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.flow import Answer
from patterns.flow.model import Poll, Subscription
from patterns.flow.permissions import Caller, Permissions
from patterns.flow.permissions.statements import Statement
from patterns.flow.permissions.wildcards import wild
from patterns.flow.template import read
from tests.flow.parts import (
    arn,
    changed,
    deployed,
    flow_of,
    function,
    lets_in,
    mapping,
    queue,
    ref,
    resource,
    role,
    subscription,
    topic,
)


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_wildcards_match_as_iam_says(pattern, text):
    translated = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    assert wild(pattern, text) is (re.fullmatch(translated, text) is not None)
    assert wild(pattern, text) is fnmatch.fnmatchcase(text, pattern)


def test_a_pattern_of_many_stars_is_decided_quickly():
    assert wild("*a" * 500 + "b", "a" * 5_000) is False


def verdict(condition=None, principal=None, effect=()):
    """The verdict on topic to queue, under one statement."""
    policy = lets_in("sns", None, "Queue")
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    if condition is not None:
        statement["Condition"] = condition
    if principal is not None:
        statement["Principal"] = principal
    policy["Properties"]["PolicyDocument"]["Statement"].extend(effect)
    flow = flow_of(
        Topic=topic(TopicName="orders"), Other=topic(), Queue=queue(), S=subscription("Queue"), Policy=policy
    )
    return flow.edges_of(Subscription)[0].verdict.answer


YES, NO, OPEN = Answer.ALLOWED, Answer.DENIED, Answer.UNKNOWN


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ({"ArnEquals": {"aws:SourceArn": ref("Topic")}}, YES),
        ({"ArnLike": {"AWS:SourceArn": ref("Topic")}}, YES),
        ({"ArnLike": {"aws:SourceArn": [ref("Other"), ref("Topic")]}}, YES),
        ({"ArnEquals": {"aws:SourceArn": ref("Other")}}, NO),
        ({"ArnNotEquals": {"aws:SourceArn": ref("Other")}}, YES),
        ({"ArnNotEquals": {"aws:SourceArn": ref("Topic")}}, NO),
        ({"StringEquals": {"aws:SourceArn": "arn:aws:sns:eu-central-1:111122223333:orders"}}, YES),
        ({"StringEquals": {"aws:SourceArn": "arn:aws:sns:eu-central-1:111122223333:other"}}, NO),
        ({"ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:aws:sns:${AWS::Region}:${AWS::AccountId}:ord*"}}}, YES),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sqs:*:*:*"}}, NO),
        ({"ArnLike": {"aws:SourceArn": {"Fn::ImportValue": "x"}}}, OPEN),
        ({"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}}, YES),
        ({"StringEquals": {"aws:SourceAccount": "111122223333"}}, OPEN),
        ({"Bool": {"aws:SecureTransport": "true"}}, YES),
        ({"Bool": {"aws:SecureTransport": "false"}}, NO),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, OPEN),
        # Only StringLike and the operators for ARNs know wildcards.
        ({"StringEquals": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}, NO),
        ({"StringNotEquals": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}, YES),
        ({"StringLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}, YES),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}, YES),
        ({"StringEquals": {"aws:SourceArn": ref("Topic")}}, YES),
        ({"StringEquals": {"aws:SourceAccount": "*"}}, NO),
        ({"StringLike": {"aws:SourceAccount": "*"}}, YES),
        ({"StringLike": {"aws:SourceAccount": "1111*"}}, OPEN),
        ({"Null": {"aws:SourceArn": "false"}}, YES),
        ({"Null": {"aws:SourceArn": "true"}}, NO),
        ({"Null": {"aws:SourceAccount": False}}, YES),
        ({"Null": {"aws:PrincipalOrgID": "false"}}, OPEN),
        ({"Null": {"aws:SourceArn": {"Fn::ImportValue": "x"}}}, OPEN),
        ({"ArnEquals": {"aws:SourceArn": ref("Topic")}, "StringEquals": {"x:y": "z"}}, OPEN),
        ({"ArnEquals": {"aws:SourceArn": ref("Other")}, "StringEquals": {"x:y": "z"}}, NO),
    ],
)
def test_conditions(condition, answer):
    assert verdict(condition) is answer


@pytest.mark.parametrize(
    ("principal", "answer"),
    [
        ("*", YES),
        ({"AWS": "*"}, YES),
        ({"Service": ["events.amazonaws.com", "sns.amazonaws.com"]}, YES),
        ({"Service": "sns.amazonaws.com.cn"}, YES),
        ({"Service": "events.amazonaws.com"}, NO),
        ({"AWS": "arn:aws:iam::111122223333:root"}, NO),
        ({"Service": {"Fn::ImportValue": "x"}}, OPEN),
    ],
)
def test_principals(principal, answer):
    assert verdict(principal=principal) is answer


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        (None, NO),
        ({"Bool": {"aws:SecureTransport": "false"}}, YES),
        ({"ArnNotEquals": {"aws:SourceArn": ref("Topic")}}, YES),
        ({"StringEquals": {"x:y": "z"}}, OPEN),
    ],
)
def test_a_denial_wins_where_it_applies(condition, answer):
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    assert verdict(effect=[deny if condition is None else {**deny, "Condition": condition}]) is answer


def test_a_policy_attached_to_another_queue_does_not_count():
    flow = flow_of(
        Topic=topic(),
        Queue=queue(),
        Other=queue(),
        S=subscription("Queue"),
        Policy=lets_in("sns", ref("Topic"), "Other"),
        Unrelated=resource("AWS::SQS::QueuePolicy", Queues=[], PolicyDocument={}),
    )
    assert flow.edges_of(Subscription)[0].verdict.why == "no policy on Queue lets sns.amazonaws.com in"


def test_a_known_account_is_compared():
    from patterns.flow import read_flow

    parts = {
        "Topic": topic(),
        "Queue": queue(),
        "S": subscription("Queue"),
        "Policy": lets_in("sns", None, "Queue", StringEquals={"aws:SourceAccount": "111122223333"}),
    }
    flow = read_flow({"S": {"Resources": parts}})
    assert flow.edges_of(Subscription)[0].verdict.answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("account", "answer"), [("444455556666", YES), ("111122223333", NO), ({"Ref": "AWS::AccountId"}, NO)], ids=str
)
def test_the_account_of_a_topic_elsewhere_is_the_one_of_its_arn_and_not_that_of_the_stack(tmp_path, account, answer):
    parts = {
        "Queue": queue(),
        "S": changed(subscription("Queue"), TopicArn=NEWS),
        "Policy": lets_in("sns", None, "Queue", StringEquals={"aws:SourceAccount": account}),
    }
    assert deployed(tmp_path, S=parts).edges_of(Subscription)[0].verdict.answer is answer


NEWS = "arn:aws:sns:eu-west-1:444455556666:news"


def test_the_many_denials_of_one_role_are_not_taken_for_those_of_another():
    def denied(name):
        places = [f"arn:aws:sqs:*:*:q{number}" for number in range(24)]
        return role(*({"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": on} for on in (*places, arn(name))))

    parts = {"One": queue(), "Two": queue(), "First": denied("One"), "Second": denied("Two")}
    permissions = Permissions(read({"S": {"Resources": parts}}))
    answers = [
        permissions.denies(f"S/{name}", "sqs:SendMessage", f"S/{target}")
        for name, target in (("First", "One"), ("Second", "One"), ("Second", "Two"), ("First", "Two")) * 3
    ]
    assert answers == [True, False, True, False] * 3


def test_a_policy_may_be_given_as_json_text():
    statement = (
        '{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage",'
        '"Resource":"${Queue.Arn}","Condition":{"ArnEquals":{"aws:SourceArn":"${Topic}"}}}'
    )
    parts = {"Topic": topic(), "Other": topic(), "Queue": queue(), "S": subscription("Queue")}

    def answer(document):
        policy = resource("AWS::SQS::QueuePolicy", Queues=[ref("Queue")], PolicyDocument=document)
        return flow_of(**parts, P=policy).edges_of(Subscription)[0].verdict.answer

    assert answer({"Fn::Sub": f'{{"Statement":[{statement}]}}'}) is YES
    assert answer({"Fn::Sub": f'{{"Statement":[{statement.replace("${Topic}", "${Other}")}]}}'}) is NO
    assert answer('{"Statement": [') is OPEN


def encrypted(key, *statements, name="alias/mine"):
    """The verdict on topic to queue where a key encrypts the queue."""
    policy = {"Statement": [{"Principal": "*", "Resource": "*", **statement} for statement in statements]}
    flow = flow_of(
        Topic=topic(),
        Queue=queue(KmsMasterKeyId=key),
        S=subscription("Queue"),
        Policy=lets_in("sns", None, "Queue"),
        Key=resource("AWS::KMS::Key", KeyPolicy=policy),
        Alias=resource("AWS::KMS::Alias", AliasName=name, TargetKeyId=ref("Key")),
    )
    return flow.edges_of(Subscription)[0].verdict


@pytest.mark.parametrize(
    "key", ["alias/mine", {"Fn::Sub": "arn:aws:kms:${AWS::Region}:${AWS::AccountId}:alias/mine"}, ref("Alias")]
)
def test_an_alias_of_the_template_leads_to_its_key_however_it_is_named(key):
    whole = {"Effect": "Allow", "Action": "kms:*"}
    assert encrypted(key, whole).allowed
    assert encrypted(key).denied
    assert encrypted("alias/other", whole).unknown


@pytest.mark.parametrize("missing", ["kms:Decrypt", "kms:GenerateDataKey"])
def test_a_service_needs_both_to_make_a_data_key_and_to_decrypt(missing):
    both = ["kms:Decrypt", "kms:GenerateDataKey"]
    assert encrypted(ref("Key"), {"Effect": "Allow", "Action": both}).allowed
    verdict = encrypted(ref("Key"), {"Effect": "Allow", "Action": [one for one in both if one != missing]})
    assert verdict.why == f"the policy of the key Key gives sns.amazonaws.com no {missing}"


def polled(*statements, role_says=(), names=None, managed=()):
    """The verdict on the worker's role reading the queue, under statements of the queue's policy."""
    flow = flow_of(
        Queue=queue(),
        Worker=function(),
        Role=role(*role_says, managed=managed, **({} if names is None else {"RoleName": names})),
        Poll=mapping(),
        P=resource("AWS::SQS::QueuePolicy", Queues=[ref("Queue")], PolicyDocument={"Statement": list(statements)}),
    )
    return flow.edges_of(Poll)[0].verdict.answer


def lets_read(who, **more):
    return {"Effect": "Allow", "Principal": {"AWS": who}, "Action": "sqs:*", "Resource": "*", **more}


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        (lets_read(arn("Role")), YES),
        (lets_read("*"), YES),
        (lets_read({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/reader"}), YES),
        (lets_read("arn:aws:iam::111122223333:role/another"), NO),
        (lets_read({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}), NO),
        (lets_read(arn("Role"), Action="sqs:SendMessage"), NO),
        (lets_read(arn("Role"), Condition={"StringEquals": {"x:y": "z"}}), OPEN),
        (lets_read({"Fn::ImportValue": "x"}), OPEN),
    ],
)
def test_a_queue_policy_that_lets_the_role_in_is_enough_within_one_account(statement, answer):
    assert polled(statement, names="reader") is answer


def test_a_role_whose_name_is_generated_is_none_that_a_policy_spells_out():
    assert polled(lets_read("arn:aws:iam::111122223333:role/reader")) is NO


def test_a_denial_counts_in_either_policy():
    whole = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    denial = {"Effect": "Deny", "Action": "sqs:ReceiveMessage", "Resource": "*"}
    theirs = {**denial, "Principal": "*"}
    assert polled(role_says=[whole]) is YES
    assert polled(theirs, role_says=[whole]) is NO
    assert polled(lets_read("*"), role_says=[denial]) is NO
    assert polled({**theirs, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, role_says=[whole]) is YES
    assert polled({**theirs, "Condition": {"StringEquals": {"x:y": "z"}}}, role_says=[whole]) is OPEN


def test_a_denial_is_certain_whatever_else_cannot_be_told_about_the_role():
    denial = {"Effect": "Deny", "Action": "sqs:ReceiveMessage", "Resource": "*"}
    assert polled(managed=["SomeNewPolicy"]) is OPEN
    assert polled(role_says=[denial], managed=["SomeNewPolicy"]) is NO


PLACES = ["⟨S/Queue⟩", "⟨S/Queue⟩:*", "⟨S/Other⟩", "*", "arn:aws:sqs:*:*:orders", "arn:aws:sqs:eu-west-1:1:or*", "◌"]
SENDERS = [None, "⟨S/Topic⟩", "⟨S/Other⟩", "arn:aws:sns:eu-west-1:111122223333:news", "arn:aws:sns:*:*:n*", "◌"]


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.lists(st.sampled_from(PLACES), min_size=1, max_size=2),
            st.booleans(),
            st.sampled_from(SENDERS),
            st.sampled_from(["arnequals", "arnlike", "stringequals", "arnnotequals", "arnequalsifexists"]),
        ),
        max_size=6,
    ),
    st.sampled_from(["S/Queue", "S/Queue:live", "S/Named", "arn:aws:sqs:eu-west-1:1:orders"]),
    st.sampled_from(["", "S/Topic", "arn:aws:sns:eu-west-1:111122223333:news"]),
)
def test_a_long_policy_that_is_put_in_order_is_decided_as_if_it_were_read_from_the_top(drawn, place, sender):
    statements = [
        Statement(
            deny,
            (("*", "*"),),
            False,
            ("*",),
            False,
            tuple(places),
            negated,
            () if of is None else ((operator, "aws:sourcearn", (of,)),),
        )
        for deny, places, negated, of, operator in drawn
    ]
    policies = Permissions(read({"S": {"Resources": {"Named": queue(QueueName="orders"), "Queue": queue()}}}))
    caller = Caller(service="sns.amazonaws.com", on_behalf_of=sender, stack="S")
    plain = policies._decide(statements, caller, "sqs:SendMessage", place)
    # As many statements again that are about something else make it long.
    beside = Statement(False, (("*", "*"),), False, ("*",), False, ("⟨S/Beside⟩",), False, ())
    assert policies._decide(statements + [beside] * 30, caller, "sqs:SendMessage", place) == plain
