"""A message that enters a relay reaches whoever may have it, is kept where somebody may not, and is never just gone."""

import json
import zipfile
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from patterns import PatternError
from patterns.data_protection import (
    DEFINED,
    Audit,
    CustomIdentifier,
    DataProtectionPolicy,
    Deidentify,
    Deny,
    Destination,
    ProtectionRelay,
    Statement,
    Subscriber,
    Unlisted,
)
from patterns.flow import as_text, losses, read_flow
from tests._synth import new_app, new_stack, of_type, synth, template_of, the, warnings_of

QUEUE, TOPIC, KEY = "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::KMS::Key"
BILLING = "arn:aws:iam::123456789012:role/Billing"


def policy(*statements: Statement) -> DataProtectionPolicy:
    return DataProtectionPolicy("clinic", statements or [Deny(["Ssn-US"])])


def relayed(stack: cdk.Stack | None = None, **arguments: Any) -> tuple[ProtectionRelay, cdk.Stack]:
    stack = stack or new_stack()
    arguments.setdefault("policy", policy())
    if "subscribers" not in arguments:
        arguments["subscribers"] = [Subscriber("Billing", sqs.Queue(stack, "Billing"), BILLING)]
    arguments.setdefault("alarm_actions", [actions.SnsAction(sns.Topic(stack, "OnCall"))])
    return ProtectionRelay(stack, "Relay", **arguments), stack


def refused(**arguments: Any) -> str:
    stack = new_stack()
    with pytest.raises(PatternError) as caught:
        relayed(stack, **arguments)
    assert stack.node.try_find_child("Relay") is None, "a refused construct leaves nothing"
    return str(caught.value)


def whole(stack: cdk.Stack) -> dict[str, Any]:
    """A relay with everything that it can define."""
    return {
        "policy": policy(
            Audit(
                ["Ssn-US", "Address"],
                Destination(log_group=DEFINED, delivery_stream=DEFINED),
                Destination(bucket=DEFINED),
                sid="audit",
            ),
            Deny(["Ssn-US"]),
            Deny(["Address"], "Outbound", [BILLING]),
            Deidentify(["EmailAddress"], "#"),
        ),
        "subscribers": [
            Subscriber("Billing", sqs.Queue(stack, "Billing"), BILLING),
            Subscriber("Scheduling", sqs.Queue(stack, "Scheduling")),
        ],
    }


def asset_of(stack: cdk.Stack) -> dict[str, str]:
    """The files of the function's code."""
    folder = synth(stack)
    template = json.loads((folder / stack.template_file).read_text())
    (function,) = of_type(template, "AWS::Lambda::Function").values()
    hash = function["Properties"]["Code"]["S3Key"].removesuffix(".zip")
    code = folder / f"asset.{hash}"
    if zipfile.is_zipfile(code):
        raise AssertionError("the asset should be a folder")
    return {str(f.relative_to(code)): f.read_text() for f in sorted(Path(code).rglob("*")) if f.is_file()}


def test_a_relay_keeps_what_it_does_not_pass_on(template_snapshot: Any, flow_snapshot: Any) -> None:
    stack = new_stack()
    relay, _ = relayed(stack, **whole(stack))
    template = template_of(stack)
    flow = read_flow({"Stack": template})
    # The one way out: a message on the protected topic that names no subscriber. Its policy lets only the function
    # publish there, and the function always names some.
    assert [(fate.outcome.value, fate.at) for fate in losses(flow)] == [
        ("filtered", "Stack/" + stack.resolve(relay.topic.topic_arn)["Ref"])
    ]
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot
    assert warnings_of(stack) == {}


def test_logical_ids_are_api_and_do_not_change() -> None:
    _, stack = relayed()
    ids = sorted(id for id in template_of(stack)["Resources"] if id.startswith("Relay"))
    assert ids == IDS


def test_only_the_function_may_publish_behind_the_relay() -> None:
    relay, stack = relayed()
    (statement,) = [
        s
        for p in of_type(template_of(stack), "AWS::SNS::TopicPolicy").values()
        for s in p["Properties"]["PolicyDocument"]["Statement"]
        if s["Sid"] == "OnlyTheRelayPublishes"
    ]
    assert relay.function.role is not None
    assert statement["Effect"] == "Deny"
    assert statement["Action"] == "sns:Publish"
    assert statement["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": stack.resolve(relay.function.role.role_arn)}}


def test_a_subscriber_gets_what_names_it() -> None:
    stack = new_stack()
    relay, _ = relayed(stack, **whole(stack))
    behind = [
        s["Properties"]
        for s in of_type(template_of(stack), "AWS::SNS::Subscription").values()
        if s["Properties"]["Protocol"] == "sqs"
    ]
    assert sorted(json.dumps(s["FilterPolicy"]) for s in behind) == [
        '{"relay-subscriber": ["Billing"]}',
        '{"relay-subscriber": ["Scheduling"]}',
    ]
    undelivered = {"deadLetterTargetArn": stack.resolve(relay.undelivered.queue_arn)}
    assert all(s["RedrivePolicy"] == undelivered for s in behind)


def test_what_fails_and_what_is_denied_lie_in_one_quarantine_with_a_key_of_its_own() -> None:
    relay, stack = relayed()
    template = template_of(stack)
    config = the(template, "AWS::Lambda::EventInvokeConfig")
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == stack.resolve(relay.quarantine.queue_arn)
    kept = {id: q["Properties"] for id, q in of_type(template, QUEUE).items() if id.startswith("Relay")}
    assert len(kept) == 3
    keys = {json.dumps(queue["KmsMasterKeyId"]) for queue in kept.values()}
    topics = {
        json.dumps(t["Properties"]["KmsMasterKeyId"]) for id, t in of_type(template, TOPIC).items() if "Relay" in id
    }
    assert len(keys) == len(topics) == 1
    assert keys.isdisjoint(topics), "who may read messages may not read what was kept from them"
    assert all(queue["MessageRetentionPeriod"] == 14 * 86_400 for queue in kept.values())
    assert all(q["DeletionPolicy"] == "Retain" for id, q in of_type(template, QUEUE).items() if id.startswith("Relay"))
    assert all(key["Properties"]["EnableKeyRotation"] for key in of_type(template, KEY).values())


def test_the_function_may_do_what_it_does_and_no_more() -> None:
    stack = new_stack()
    relay, _ = relayed(stack, **whole(stack))
    statements = [
        s
        for id, p in of_type(template_of(stack), "AWS::IAM::Policy").items()
        if id.startswith("RelayPass")
        for s in p["Properties"]["PolicyDocument"]["Statement"]
    ]
    allowed = {
        action for s in statements for action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    }
    assert allowed == {
        "sns:Publish",
        "sqs:SendMessage",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:PutLogEvents",
        "firehose:PutRecord",
        "s3:PutObject",
    }
    assert not any(s["Resource"] == "*" for s in statements)
    (publish,) = [s for s in statements if s["Action"] == "sns:Publish"]
    assert publish["Resource"] == stack.resolve(relay.topic.topic_arn)


def test_no_message_arrives_before_the_function_may_pass_it_on() -> None:
    _, stack = relayed()
    (subscription,) = [
        s
        for s in of_type(template_of(stack), "AWS::SNS::Subscription").values()
        if s["Properties"]["Protocol"] == "lambda"
    ]
    assert any(id.startswith("RelayPass") for id in subscription["DependsOn"])


def test_the_code_is_the_engine_and_the_policy_with_its_subscribers_by_name() -> None:
    stack = new_stack()
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))  # type: ignore[arg-type]
    relayed(
        stack,
        policy=policy(
            Audit(["Ssn-US"], Destination(log_group=DEFINED)),
            Deny(["Ssn-US"], "Outbound", [role.role_arn]),
            Deny(["Address"], "Outbound", ["123456789012"]),
            Deny(["EmailAddress"], "Outbound"),
        ),
        subscribers=[
            Subscriber("One", sqs.Queue(stack, "One"), role.role_arn),
            Subscriber("Two", sqs.Queue(stack, "Two"), BILLING),
            Subscriber("Three", sqs.Queue(stack, "Three")),
        ],
    )
    files = asset_of(stack)
    assert sorted(files) == [
        f"engine/{name}"
        for name in (
            "__init__.py",
            "checksums.py",
            "detectors.py",
            "engine.py",
            "handler.py",
            "keywords.py",
            "plain.py",
            "policy.json",
            "regex.py",
        )
    ]
    kept = json.loads(files["engine/policy.json"])
    assert kept["subscribers"] == ["One", "Two", "Three"]
    document = kept["policy"]
    assert [s["Principal"] for s in document["Statement"]] == [["*"], ["One"], ["Two"], ["One", "Two", "Three"]]
    assert document["Statement"][0]["Operation"] == {"Audit": {"SampleRate": "99"}}


def test_the_code_is_the_same_with_every_synthesis_whatever_is_known_at_deployment_only() -> None:
    codes = []
    for before in range(2):
        stack = new_stack()
        role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))  # type: ignore[arg-type]
        for _ in range(before):
            cdk.Token.as_string(cdk.Fn.ref("AWS::Region"))  # tokens are numbered as they come
        statements = [Deny(["Ssn-US"], principals=["*", role.role_arn])]
        relayed(stack, policy=DataProtectionPolicy(f"of-{stack.account}", statements, f"In {stack.region}"))
        codes.append(asset_of(stack)["engine/policy.json"])
    assert codes[0] == codes[1]
    assert "Token" not in codes[0]


def test_a_hundred_subscribers_with_the_longest_names_leave_the_environment_small() -> None:
    stack = new_stack()
    relayed(stack, subscribers=[Subscriber(f"{n:064}", sqs.Queue(stack, f"Queue{n}")) for n in range(100)])
    environment = the(template_of(stack), "AWS::Lambda::Function")["Environment"]
    assert len(json.dumps(environment)) < 1_000, "Lambda takes 4 KB"


def test_what_is_undelivered_can_be_kept_when_the_ingress_is_another_account_s() -> None:
    stack = new_stack()
    ingress = sns.Topic.from_topic_arn(stack, "Theirs", "arn:aws:sns:us-east-1:999999999999:theirs")
    relayed(stack, ingress=ingress)
    (statements,) = [
        key["Properties"]["KeyPolicy"]["Statement"]
        for id, key in of_type(template_of(stack), KEY).items()
        if id.startswith("RelayQuarantineKey")
    ]
    mine = {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:*"}
    assert [s["Condition"] for s in statements if s["Principal"] == {"Service": "sns.amazonaws.com"}] == [
        {"ArnLike": {"aws:SourceArn": mine}},
        {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:999999999999:theirs"}},
    ]


def test_an_ingress_for_larger_messages_than_the_quarantine_can_keep_is_refused() -> None:
    for size, accepted in ((262_144, True), (262_145, False)):
        stack = new_stack()
        topic = sns.Topic(stack, "Given")
        child = topic.node.default_child
        assert isinstance(child, sns.CfnTopic)
        child.maximum_message_size = size
        if accepted:
            relayed(stack, ingress=topic)
        else:
            assert refused(ingress=topic) == (
                "ingress must take messages of 262144 bytes at most (MaximumMessageSize): a larger one need not fit "
                "into the quarantine with its denials, got 262145"
            )


def test_findings_go_to_a_stream_of_the_log_group_that_is_named() -> None:
    stack = new_stack()
    relayed(stack, policy=policy(Audit(["Ssn-US"], Destination(log_group="/aws/vendedlogs/found"))))
    template = template_of(stack)
    assert the(template, "AWS::Logs::LogStream") == {"LogGroupName": "/aws/vendedlogs/found"}
    environment = json.dumps(the(template, "AWS::Lambda::Function")["Environment"])
    assert '\\"log_group\\":\\"/aws/vendedlogs/found\\"' in environment
    assert not any(id.startswith("RelayFindingsLog") for id in of_type(template, "AWS::Logs::LogGroup"))


def test_a_publisher_is_granted_topic_and_key() -> None:
    relay, stack = relayed()
    role = iam.Role(stack, "Publisher", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))  # type: ignore[arg-type]
    relay.grant_publish(role)
    policies = of_type(template_of(stack), "AWS::IAM::Policy")
    (granted,) = [json.dumps(policy) for id, policy in policies.items() if id.startswith("Publisher")]
    assert "sns:Publish" in granted
    assert "kms:GenerateDataKey" in granted


def test_given_topic_and_queue_and_keys_are_used() -> None:
    stack = new_stack()
    topics_key, own = kms.Key(stack, "TopicsKey"), kms.Key(stack, "OwnKey")
    ingress = sns.Topic(stack, "Given", master_key=topics_key)  # type: ignore[arg-type]
    quarantine = sqs.Queue(
        stack,
        "Kept",
        encryption_master_key=own,  # type: ignore[arg-type]
        retention_period=cdk.Duration.days(14),
    )
    relay, _ = relayed(stack, ingress=ingress, quarantine=quarantine, encryption_key=topics_key, quarantine_key=own)
    template = template_of(stack)
    assert (relay.ingress, relay.quarantine) == (ingress, quarantine)
    assert not any(id.startswith("Relay") for id in of_type(template, KEY))
    assert not any(id.startswith(("RelayIngress", "RelayQuarantine")) for id in template["Resources"])


def test_subscribers_may_stand_in_other_stacks() -> None:
    app = new_app()
    theirs, ours = new_stack("Theirs", app), new_stack("Ours", app)
    relayed(ours, subscribers=[Subscriber("Billing", sqs.Queue(theirs, "Queue"), BILLING)])
    assert of_type(template_of(theirs), "AWS::SNS::Subscription")


@pytest.mark.parametrize("size", [128, 10_240])
def test_memory_is_bounded_on_both_sides(size: int) -> None:
    _, stack = relayed(memory_size=size)
    assert the(template_of(stack), "AWS::Lambda::Function")["MemorySize"] == size
    beyond = 127 if size == 128 else 10_241
    assert refused(memory_size=beyond) == f"memory_size must be 128 to 10240 MB, got {beyond}"


def test_what_the_relay_cannot_keep_is_refused() -> None:
    assert refused(policy="x") == "policy must be a DataProtectionPolicy (patterns.data_protection), got 'x'"
    assert refused(policy=policy(Deny(["Name", Unlisted("MacAddress")]))) == (
        "DataIdentifier must be of those that can be detected without the native feature, got 'Name' "
        "(Statement[0].DataIdentifier[0]), 'MacAddress' (Statement[0].DataIdentifier[1]); a CustomIdentifier with a "
        "regular expression of your own can take its place"
    )
    assert refused(policy=policy(Deny([CustomIdentifier("Any", r"\bx*")]))).startswith(
        "Configuration.CustomDataIdentifier[0].Regex must be one that can be searched in linear time"
    )
    assert refused(policy=policy(Deny(["Ssn-US"]), Deny(["Address"], principals=[BILLING]))) == (
        f"Statement[1].Principal must have '*' in a relay, which is not told who published, got '{BILLING}'"
    )


def test_subscribers_are_checked() -> None:
    assert refused(subscribers=[]) == "subscribers must be 1 or more, got 0: what passes would be lost"
    assert refused(subscribers="x") == "subscribers must be a list of Subscriber, got 'x'"
    assert refused(subscribers=["x"]) == "subscribers[0] must be a Subscriber, got 'x'"
    stack = new_stack()
    queue = sqs.Queue(stack, "Queue")
    one = Subscriber("Billing", queue)
    assert refused(subscribers=[one, one]) == "subscribers[1].name must be its own, got 'Billing' twice"
    other = Subscriber("Scheduling", queue)
    assert refused(subscribers=[one, other]) == (
        "subscribers[1].queue must be its own, got the queue of 'Billing' for 'Scheduling'"
    )
    many = [Subscriber(f"S{n}", queue) for n in range(101)]
    assert refused(subscribers=many) == "subscribers must be 100 at most, got 101"
    for name in ("", "a b", "x" * 65):
        with pytest.raises(PatternError, match=r"^Subscriber.name must be 1 to 64 letters"):
            Subscriber(name, queue)
    with pytest.raises(PatternError, match=r"^Subscriber.queue must be a standard queue, got a FIFO queue$"):
        Subscriber("Billing", sqs.Queue(stack, "Fifo", fifo=True))
    with pytest.raises(PatternError, match=r"^Subscriber.queue must be an SQS queue \(aws_sqs.IQueue\), got 'x'$"):
        Subscriber("Billing", "x")  # type: ignore[arg-type]


def test_the_principal_of_a_subscriber_must_be_one() -> None:
    queue = sqs.Queue(new_stack(), "Queue")
    with pytest.raises(PatternError) as caught:
        Subscriber("Billing", queue, "Billing")
    assert str(caught.value) == (
        "Subscriber.principal must be '*', an account id of 12 digits or the ARN of an IAM user, role, session or "
        "account root, got 'Billing'"
    )


def test_a_queue_that_sns_cannot_write_to_is_refused() -> None:
    stack = new_stack()
    with pytest.raises(PatternError) as caught:
        Subscriber("Billing", sqs.Queue(stack, "Managed", encryption=sqs.QueueEncryption.KMS_MANAGED))
    assert str(caught.value) == (
        "Subscriber.queue must be encrypted by SQS (sqs.QueueEncryption.SQS_MANAGED) or with a customer-managed key: "
        "Amazon SNS cannot use the AWS managed key, so nothing would arrive, got alias/aws/sqs"
    )


def test_an_imported_queue_is_subscribed_and_warned_of() -> None:
    stack = new_stack()
    queue = sqs.Queue.from_queue_arn(stack, "Theirs", "arn:aws:sqs:us-east-1:123456789012:theirs")
    relayed(stack, subscribers=[Subscriber("Billing", queue, BILLING)])
    assert warnings_of(stack) == {
        "cdk-messaging-patterns:data-protection.imported-queue": (
            "The queue of 'Billing' is imported, so nothing could be added to its policy. It must allow "
            "sqs:SendMessage to sns.amazonaws.com for the topic behind the relay (and the use of its key), or what it "
            "should get ends in the relay's queue of undelivered messages."
        )
    }
    (endpoint,) = [
        s["Properties"]["Endpoint"]
        for s in of_type(template_of(stack), "AWS::SNS::Subscription").values()
        if s["Properties"]["Protocol"] == "sqs"
    ]
    assert endpoint == "arn:aws:sqs:us-east-1:123456789012:theirs"


def test_given_resources_are_checked() -> None:
    stack = new_stack()
    assert refused(ingress="x") == "ingress must be an SNS topic (aws_sns.ITopic), got 'x'"
    assert refused(ingress=sns.Topic(stack, "F", fifo=True)) == "ingress must be a standard topic, got a FIFO topic"
    assert refused(quarantine=sqs.Queue(stack, "Q", fifo=True)) == (
        "quarantine must be a standard queue, got a FIFO queue"
    )
    assert refused(quarantine=sqs.Queue(stack, "Plain")) == (
        "quarantine must be encrypted with a customer-managed key (encryption_master_key): it holds what the policy "
        "keeps from others"
    )
    assert refused(quarantine_key="x") == "quarantine_key must be a KMS key (aws_kms.IKey), got 'x'"
    assert refused(encryption_key="x") == "encryption_key must be a KMS key (aws_kms.IKey), got 'x'"


def test_a_statement_that_concerns_no_subscriber_is_warned_of() -> None:
    _, stack = relayed(policy=policy(Deny(["Address"], "Outbound", ["210987654321"])))
    assert warnings_of(stack) == {
        "cdk-messaging-patterns:data-protection.idle-statement": (
            "Statement[0] names principals that are no subscriber's: it keeps nothing from anybody here."
        )
    }


def test_two_relays_in_one_stack_and_in_two_do_not_meet() -> None:
    app = new_app()
    for name in ("One", "Two"):
        stack = new_stack(name, app)
        ProtectionRelay(stack, "A", **whole(stack))
        other = new_stack(f"{name}Other", app)
        ProtectionRelay(other, "A", **whole(other))
    names = [
        json.dumps(group["Properties"]["LogGroupName"]["Fn::Join"][1])
        for file in synth(app).glob("*.template.json")
        for group in of_type(json.loads(file.read_text()), "AWS::Logs::LogGroup").values()
        if "LogGroupName" in group["Properties"]
    ]
    assert len(names) == len(set(names)) == 4
    assert all(name.startswith('["/aws/vendedlogs/') for name in names)
    assert all("AWS::StackId" in name for name in names), "nor do two deployments of one stack"


def test_an_alarm_tells_of_findings_where_the_audit_records_them() -> None:
    stack = new_stack()
    relay, _ = relayed(stack, **whole(stack))
    (alarm,) = [
        a["Properties"]
        for id, a in of_type(template_of(stack), "AWS::CloudWatch::Alarm").items()
        if id.startswith("RelayFindings")
    ]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("MessageDataProtection", "MessagesWithFindings")
    assert alarm["Dimensions"] == [{"Name": "Relay", "Value": stack.resolve(relay.function.function_name)}]
    assert alarm["AlarmActions"]


def test_the_alarm_on_the_quarantine_speaks_of_denials_too() -> None:
    _, stack = relayed()
    said = {
        id: a["Properties"]["AlarmDescription"]
        for id, a in of_type(template_of(stack), "AWS::CloudWatch::Alarm").items()
        if id.startswith("RelayNetOnFailure")
    }
    assert set(said.values()) == {
        "The policy denied a message, or the relay could not process it; the quarantine has it."
    }
    assert len(said) == 2


IDS = [
    "RelayDeliveryFailedE562FE32",
    "RelayFunctionE902C34E",
    "RelayFunctionServiceRole514E7554",
    "RelayIngress11872AC2",
    "RelayIngressPolicyFDC13B58",
    "RelayKey60E57E8B",
    "RelayLinkDeliveryFailedF494BDB2",
    "RelayLinkInvoke70D284DD",
    "RelayLinkRedriveFailed7EEDEE7C",
    "RelayLinkSubscriptionC27853AA",
    "RelayLinkUndeliveredB6CD6181",
    "RelayLinkUndeliveredExpiring0360D210",
    "RelayLinkUndeliveredNotEmpty2A150B4D",
    "RelayLinkUndeliveredPolicy136243A7",
    "RelayLog1BC479A0",
    "RelayNetConfig6F13AF06",
    "RelayNetDestinationFailuresC66D9BBD",
    "RelayNetEventAgeA4CE2812",
    "RelayNetEventsDropped73C198A5",
    "RelayNetLoopsStopped4DB107E5",
    "RelayNetOnFailureExpiring76C686B1",
    "RelayNetOnFailureNotEmpty9BD23E2C",
    "RelayNetSend4623C9B6",
    "RelayPassC5F64547",
    "RelayQuarantine2D9A670D",
    "RelayQuarantineKeyC52D8440",
    "RelayQuarantinePolicy487DC1FE",
    "RelayRedriveFailed4BCC38D7",
    "RelayTopic03BD6692",
    "RelayTopicPolicyCB5BD185",
    "RelayUndelivered5D620DDC",
    "RelayUndeliveredExpiring34FCCD9B",
    "RelayUndeliveredNotEmptyE2C5DD04",
    "RelayUndeliveredPolicy5DF77A57",
]
