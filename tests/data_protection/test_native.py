"""The native feature comes with all that it needs to be seen working: destinations, logs, metrics, alarms."""

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from patterns import PatternError
from patterns.data_protection import (
    DEFINED,
    Audit,
    DataProtectionPolicy,
    Deny,
    Destination,
    ProtectedTopic,
    Statement,
    Unlisted,
)
from patterns.flow import as_text, losses, read_flow
from tests._synth import new_app, new_stack, of_type, synth, template_of, the, warnings_of

TOPIC, BUCKET, GROUP = "AWS::SNS::Topic", "AWS::S3::Bucket", "AWS::Logs::LogGroup"
CLOSED = "cdk-messaging-patterns:data-protection.closed-to-new-customers"
BILLING = "arn:aws:iam::123456789012:role/Billing"
EVERYTHING = (
    Audit(
        ["Address", "Ssn-US"],
        Destination(log_group=DEFINED, delivery_stream=DEFINED),
        Destination(bucket=DEFINED),
    ),
    Deny(["Ssn-US"]),
    Deny(["Address"], "Outbound", [BILLING]),
)


def protected(*statements: Statement, **arguments: Any) -> tuple[ProtectedTopic, cdk.Stack]:
    stack = arguments.pop("stack", None) or new_stack()
    policy = DataProtectionPolicy("clinic", statements or [Deny(["Ssn-US"])])
    arguments.setdefault("alarm_actions", [actions.SnsAction(sns.Topic(stack, "OnCall"))])
    return ProtectedTopic(stack, "Clinic", policy=policy, **arguments), stack


def test_the_topic_has_its_policy_and_all_that_the_audit_needs(template_snapshot: Any, flow_snapshot: Any) -> None:
    _, stack = protected(*EVERYTHING)
    template = template_of(stack)
    flow = read_flow({"Stack": template})
    assert losses(flow) == []
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot
    assert set(warnings_of(stack)) == {CLOSED}


def test_logical_ids_are_api_and_do_not_change() -> None:
    _, stack = protected(*EVERYTHING)
    ids = sorted(id for id in template_of(stack)["Resources"] if id.startswith("Clinic"))
    assert ids == IDS


def test_synth_warns_that_new_accounts_cannot_have_it_and_says_what_can() -> None:
    _, stack = protected()
    assert warnings_of(stack) == {
        CLOSED: (
            "SNS has refused message data protection to new customers since 30 April 2026: in an account that did not "
            "use it before, this stack fails. patterns.data_protection.ProtectionRelay keeps the same policy there."
        )
    }


def test_the_policy_names_what_was_defined_for_it() -> None:
    topic, stack = protected(*EVERYTHING)
    template = template_of(stack)
    document = the(template, TOPIC, "Clinic")["DataProtectionPolicy"]
    audit = document["Statement"][0]["Operation"]["Audit"]
    (stream,) = of_type(template, "AWS::KinesisFirehose::DeliveryStream")
    assert audit["FindingsDestination"]["Firehose"] == {"DeliveryStream": {"Ref": stream}}
    group = audit["FindingsDestination"]["CloudWatchLogs"]["LogGroup"]["Ref"]
    assert template["Resources"][group]["Properties"]["LogGroupName"]["Fn::Join"][1][0].startswith("/aws/vendedlogs/")
    bucket = audit["NoFindingsDestination"]["S3"]["Bucket"]["Ref"]
    assert template["Resources"][bucket]["Type"] == BUCKET
    assert topic.policy.document()["Statement"][1:] == document["Statement"][1:]


def test_names_that_are_given_are_used_and_nothing_is_defined() -> None:
    given = Destination(log_group="/aws/vendedlogs/mine", delivery_stream="mine", bucket="mine-too")
    _, stack = protected(Audit(["Ssn-US"], given))
    template = template_of(stack)
    assert of_type(template, BUCKET) == {}
    assert of_type(template, "AWS::KinesisFirehose::DeliveryStream") == {}
    audit = the(template, TOPIC, "Clinic")["DataProtectionPolicy"]["Statement"][0]["Operation"]["Audit"]
    assert audit["FindingsDestination"]["S3"] == {"Bucket": "mine-too"}


def test_the_log_delivery_service_may_write_and_only_for_this_account() -> None:
    _, stack = protected(*EVERYTHING)
    template = template_of(stack)
    logs = stack.resolve(json.loads(json.dumps(the(template, "AWS::Logs::ResourcePolicy"))))["PolicyDocument"]
    text = json.dumps(logs)
    assert "delivery.logs.amazonaws.com" in text
    assert '\\"aws:SourceAccount\\":\\"' in text
    no_findings = json.dumps(of_type(template, "AWS::S3::BucketPolicy"))
    assert "bucket-owner-full-control" in no_findings
    assert no_findings.count('"Service": "delivery.logs.amazonaws.com"') == 2
    (topic,) = [t for id, t in of_type(template, TOPIC).items() if id.startswith("Clinic")]
    waited = " ".join(topic["DependsOn"])
    assert "DeliveryToLogs" in waited
    assert "NoFindingsBucketPolicy" in waited


def test_one_key_encrypts_everything_and_lets_the_services_in() -> None:
    stack = new_stack()
    key = kms.Key(stack, "Key")
    protected(*EVERYTHING, stack=stack, encryption_key=key)
    template = template_of(stack)
    arn = stack.resolve(key.key_arn)
    assert the(template, TOPIC, "Clinic")["KmsMasterKeyId"] == arn
    assert all("aws:kms" in json.dumps(bucket) for bucket in of_type(template, BUCKET).values())
    assert the(template, GROUP, "ClinicFindings")["KmsKeyId"] == arn
    services = json.dumps(the(template, "AWS::KMS::Key")["KeyPolicy"])
    assert "delivery.logs.amazonaws.com" in services
    assert '"logs.' in services


def test_an_outbound_deny_is_no_silent_loss() -> None:
    _, stack = protected(Deny(["Address"], "Outbound", [BILLING]))
    template = template_of(stack)
    topic = the(template, TOPIC, "Clinic")
    assert [entry["Protocol"] for entry in topic["DeliveryStatusLogging"]] == ["sqs", "lambda", "firehose", "http/s"]
    assert all("FailureFeedbackRoleArn" in entry for entry in topic["DeliveryStatusLogging"])
    group = the(template, GROUP, "ClinicDeliveryFailures")["LogGroupName"]["Fn::Join"][1]
    assert (group[0], group[-1]) == ("sns/", "/Failure")
    counted = the(template, "AWS::Logs::MetricFilter")
    assert counted["FilterPattern"] == '{ $.delivery.providerResponse = "*data protection policy*" }'
    blocked = the(template, "AWS::CloudWatch::Alarm", "ClinicBlocked")
    assert blocked["MetricName"] == counted["MetricTransformations"][0]["MetricName"]
    assert blocked["AlarmActions"]


def test_without_an_outbound_deny_nothing_counts_blocked_deliveries() -> None:
    _, stack = protected(Deny(["Ssn-US"]))
    assert of_type(template_of(stack), "AWS::Logs::MetricFilter") == {}


@pytest.mark.parametrize("audit", [True, False])
def test_findings_are_told_where_they_are_recorded(audit: bool) -> None:
    statements = EVERYTHING if audit else EVERYTHING[1:]
    _, stack = protected(*statements)
    alarms = of_type(template_of(stack), "AWS::CloudWatch::Alarm")
    told = [a["Properties"]["MetricName"] for id, a in alarms.items() if id.startswith("ClinicFindings")]
    assert told == (["MessagesWithFindings"] if audit else [])


def test_the_policys_warnings_are_synth_warnings() -> None:
    _, stack = protected(Deny([Unlisted("MacAddress")]))
    assert warnings_of(stack)["cdk-messaging-patterns:data-protection.policy"] == (
        "Statement[0].DataIdentifier[0]: 'MacAddress' is not in the catalogue: if AWS does not know it, the "
        "deployment fails"
    )


def test_what_is_no_policy_and_what_is_no_key_is_refused_before_anything_is_made() -> None:
    stack = new_stack()
    for arguments, message in (
        ({"policy": {}}, "policy must be a DataProtectionPolicy (patterns.data_protection), got {}"),
        (
            {"policy": DataProtectionPolicy("x", [Deny(["Ssn-US"])]), "encryption_key": "k"},
            "encryption_key must be a KMS key (aws_kms.IKey), got 'k'",
        ),
    ):
        with pytest.raises(PatternError) as caught:
            ProtectedTopic(stack, "Clinic", **arguments)
        assert str(caught.value) == message
    assert stack.node.try_find_child("Clinic") is None


def test_two_topics_in_two_stacks_do_not_share_a_name() -> None:
    app = new_app()
    for name in ("One", "Two"):
        protected(*EVERYTHING, stack=new_stack(name, app))
    named = [
        json.dumps(resource["Properties"][key])
        for file in synth(app).glob("*.template.json")
        for type, key in ((GROUP, "LogGroupName"), ("AWS::Logs::ResourcePolicy", "PolicyName"))
        for resource in of_type(json.loads(file.read_text()), type).values()
        if "vendedlogs" in json.dumps(resource["Properties"]) or key == "PolicyName"
    ]
    assert len(named) == len(set(named)) == 4


def test_a_topic_that_is_deployed_twice_or_again_does_not_meet_what_it_left() -> None:
    """The log group is retained: under the path alone, a second deployment of the stack would fail."""
    _, stack = protected(*EVERYTHING)
    template = template_of(stack)
    deployed = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    group = the(template, GROUP, "ClinicFindings")["LogGroupName"]
    assert group["Fn::Join"][1] == ["/aws/vendedlogs/Stack-Clinic-BD00B952-", deployed, "-Findings"]
    assert the(template, "AWS::Logs::ResourcePolicy")["PolicyName"]["Fn::Join"][1] == [
        "Stack-Clinic-BD00B952-",
        deployed,
    ]


def test_sns_can_assume_the_role_that_logs_and_do_no_more_than_log() -> None:
    _, stack = protected()
    template = template_of(stack)
    (trusted,) = the(template, "AWS::IAM::Role", "ClinicLogDeliveries")["AssumeRolePolicyDocument"]["Statement"]
    assert trusted == {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}}
    (allowed,) = the(template, "AWS::IAM::Policy", "ClinicLogDeliveries")["PolicyDocument"]["Statement"]
    assert allowed["Action"] == ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    assert allowed["Resource"]["Fn::Join"][1][-1] == "/*"


IDS = [
    "ClinicBlocked8DC9B5CF",
    "ClinicBlockedDeliveries8D293F6D",
    "ClinicDeliveryFailed990A099A",
    "ClinicDeliveryFailures6534B241",
    "ClinicDeliveryToLogsEB9D1D7C",
    "ClinicFindings4C7888A4",
    "ClinicFindingsLog684AFFED",
    "ClinicFindingsStream5C8969A3",
    "ClinicFindingsStreamBucket8D2F09FA",
    "ClinicFindingsStreamBucketPolicyF8D24FCB",
    "ClinicFindingsStreamRole6F38EF62",
    "ClinicFindingsStreamToBucketEA55F46C",
    "ClinicLogDeliveries5B981E43",
    "ClinicLogDeliveriesDefaultPolicyDB228227",
    "ClinicNoFindingsBucketDC7DB6B7",
    "ClinicNoFindingsBucketPolicyE2447189",
    "ClinicTopic67C5424D",
    "ClinicTopicPolicy8AEFCA31",
]
