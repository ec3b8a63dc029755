"""Where an audit's records go: names that are given, and what is defined where a policy says ``DEFINED``."""

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from patterns.data_protection.policy import DEFINED, DataProtectionPolicy, Destination

_LONGEST_PATH = 60


@dataclass(frozen=True, slots=True)
class Defined:
    """What was defined for one destination of an audit; ``None`` where a name was given, or nothing wanted."""

    log_group: logs.LogGroup | None = None
    delivery_stream: firehose.CfnDeliveryStream | None = None
    bucket: s3.Bucket | None = None


@dataclass(frozen=True, slots=True)
class Destinations:
    """Both destinations of an audit, by name, and what was defined for them."""

    findings: Destination | None
    no_findings: Destination | None
    defined_findings: Defined
    defined_no_findings: Defined


def define_destinations(scope: Construct, policy: DataProtectionPolicy, key: kms.IKey | None) -> Destinations:
    """Define what the policy leaves to be defined: encrypted, and kept when the stack is deleted."""
    audit = policy.audit
    if audit is None:
        return Destinations(None, None, Defined(), Defined())
    findings, one = _define(scope, "Findings", audit.findings, key)
    no_findings, other = _define(scope, "NoFindings", audit.no_findings, key)
    return Destinations(findings, no_findings, one, other)


def name_of(scope: Construct) -> str:
    """A name where CloudFormation makes none: the construct's path and the id of the deployed stack.

    The path alone would meet itself: the same app deployed under another stack name, or deployed again after it was
    deleted, when what is retained still has the name.
    """
    path = cdk.Names.unique_resource_name(scope, max_length=_LONGEST_PATH, separator="-")
    return f"{path}-{cdk.Fn.select(2, cdk.Fn.split('/', cdk.Stack.of(scope).stack_id))}"


def _define(
    scope: Construct, role: str, wanted: Destination | None, key: kms.IKey | None
) -> tuple[Destination | None, Defined]:
    if wanted is None:
        return None, Defined()
    group = stream = bucket = None
    if wanted.log_group == DEFINED:
        group = logs.LogGroup(
            scope,
            f"{role}Log",
            log_group_name=f"/aws/vendedlogs/{name_of(scope)}-{role}",  # the name must begin so
            encryption_key=key,
            retention=logs.RetentionDays.ONE_YEAR,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        if key is not None:
            _allow_log_service(scope, key)
    if wanted.delivery_stream == DEFINED:
        stream = _stream(scope, f"{role}Stream", _bucket(scope, f"{role}StreamBucket", key), key)
    if wanted.bucket == DEFINED:
        bucket = _bucket(scope, f"{role}Bucket", key)
    return (
        Destination(
            log_group=group.log_group_name if group is not None else wanted.log_group,
            delivery_stream=stream.ref if stream is not None else wanted.delivery_stream,
            bucket=bucket.bucket_name if bucket is not None else wanted.bucket,
        ),
        Defined(group, stream, bucket),
    )


def _stream(scope: Construct, id: str, bucket: s3.Bucket, key: kms.IKey | None) -> firehose.CfnDeliveryStream:
    """A stream with Direct PUT into a bucket. The L1, because the L2 brings the addresses of 37 Regions along."""
    mine = {"StringEquals": {"sts:ExternalId": {"Ref": "AWS::AccountId"}}}
    assumed_by: Any = iam.ServicePrincipal("firehose.amazonaws.com", conditions=mine)
    role = iam.Role(scope, f"{id}Role", assumed_by=assumed_by)
    # https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
    grant = iam.Policy(
        scope,
        f"{id}ToBucket",
        roles=[role],  # pyright: ignore[reportArgumentType] - jsii names the parameters of IRole otherwise
        statements=[
            iam.PolicyStatement(
                actions=["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                resources=[bucket.bucket_arn],
            ),
            iam.PolicyStatement(
                actions=["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
                resources=[bucket.arn_for_objects("*")],
            ),
            *(
                [iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key.key_arn])]
                if key is not None
                else []
            ),
        ],
    )
    of = firehose.CfnDeliveryStream
    stream = of(
        scope,
        id,
        delivery_stream_type="DirectPut",
        delivery_stream_encryption_configuration_input=of.DeliveryStreamEncryptionConfigurationInputProperty(
            key_type="CUSTOMER_MANAGED_CMK" if key is not None else "AWS_OWNED_CMK",
            key_arn=key.key_arn if key is not None else None,
        ),
        extended_s3_destination_configuration=of.ExtendedS3DestinationConfigurationProperty(
            bucket_arn=bucket.bucket_arn,
            role_arn=role.role_arn,
            buffering_hints=of.BufferingHintsProperty(interval_in_seconds=60, size_in_m_bs=5),
            prefix="records/",
            error_output_prefix="errors/",
        ),
    )
    stream.node.add_dependency(grant)
    return stream


def _bucket(scope: Construct, id: str, key: kms.IKey | None) -> s3.Bucket:
    return s3.Bucket(
        scope,
        id,
        encryption=s3.BucketEncryption.KMS if key is not None else s3.BucketEncryption.S3_MANAGED,
        encryption_key=key,
        bucket_key_enabled=key is not None or None,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=True,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


def _allow_log_service(scope: Construct, key: kms.IKey) -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    stack = cdk.Stack.of(scope)
    principal: Any = iam.ServicePrincipal(f"logs.{stack.region}.{stack.url_suffix}")
    groups = stack.format_arn(service="logs", resource="log-group", resource_name="/aws/vendedlogs/*",
                              arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME)  # fmt: skip
    key.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            principals=[principal],
            resources=["*"],
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        ),
        True,
    )
