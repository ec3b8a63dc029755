"""How ARNs, queue URLs and names of resources are written.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from dataclasses import dataclass
from typing import Any

from patterns.flow.values import Ref, Text, concatenate


@dataclass(frozen=True, slots=True)
class Shape:
    """``service`` and what stands before the name in the last part of the ARN."""

    service: str
    prefix: str
    name: str
    """The property that gives the resource its name."""
    names: tuple[str, ...]
    """The attributes that return the name; the first is what an ARN is written with.

    A rule has no attribute Name: so its name is told from its reference, which on a custom bus is ``bus|rule``.
    """
    global_: bool = False


SHAPES: dict[str, Shape] = {
    "AWS::SQS::Queue": Shape("sqs", "", "QueueName", ("QueueName",)),
    "AWS::SNS::Topic": Shape("sns", "", "TopicName", ("TopicName",)),
    "AWS::Lambda::Function": Shape("lambda", "function:", "FunctionName", ("",)),
    "AWS::Events::EventBus": Shape("events", "event-bus/", "Name", ("", "Name")),
    "AWS::Events::Rule": Shape("events", "rule/", "Name", ("Name", "")),
    "AWS::S3::Bucket": Shape("s3", "", "BucketName", ("",), global_=True),
    "AWS::Kinesis::Stream": Shape("kinesis", "stream/", "Name", ("",)),
    "AWS::DynamoDB::Table": Shape("dynamodb", "table/", "TableName", ("",)),
    "AWS::DynamoDB::GlobalTable": Shape("dynamodb", "table/", "TableName", ("",)),
    "AWS::StepFunctions::StateMachine": Shape("states", "stateMachine:", "StateMachineName", ("Name",)),
    "AWS::KinesisFirehose::DeliveryStream": Shape("firehose", "deliverystream/", "DeliveryStreamName", ("",)),
    "AWS::Logs::LogGroup": Shape("logs", "log-group:", "LogGroupName", ("",)),
    "AWS::IAM::Role": Shape("iam", "role/", "RoleName", ("",), global_=True),
    "AWS::CloudWatch::Alarm": Shape("cloudwatch", "alarm:", "AlarmName", ("",)),
    "AWS::Scheduler::ScheduleGroup": Shape("scheduler", "schedule-group/", "Name", ("",)),
    "AWS::Pipes::Pipe": Shape("pipes", "pipe/", "Name", ("",)),
    "AWS::KMS::Key": Shape("kms", "key/", "", ("",)),
    "AWS::KMS::Alias": Shape("kms", "", "AliasName", ("",)),
}

IDENTITIES = frozenset(
    (
        "",
        "Arn",
        "AliasArn",
        "ConsumerARN",
        "FunctionArn",
        "Id",
        "Name",
        "QueueName",
        "QueueUrl",
        "StreamArn",
        "TopicArn",
        "TopicName",
    )
)
"""Attributes that name the resource itself, rather than something about it."""

_REF_IS_ARN = frozenset(
    (
        "AWS::SNS::Topic",
        "AWS::StepFunctions::StateMachine",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
    )
)
_ARN_ATTRIBUTES = frozenset(("Arn", "TopicArn"))


def arn_of(ref: Ref, kind: str, region: str | None = None) -> Any:
    """The ARN a reference returns, written out with the name as a reference; None when it returns none."""
    shape = SHAPES.get(kind)
    if shape is None or not (ref.attribute in _ARN_ATTRIBUTES or (ref.attribute == "" and kind in _REF_IS_ARN)):
        return None
    place = "::" if shape.service == "s3" else f"{region or '${AWS::Region}'}:${{AWS::AccountId}}:"
    if shape.service == "iam":
        place = ":${AWS::AccountId}:"
    parts = (
        f"arn:${{AWS::Partition}}:{shape.service}:{place}{shape.prefix}",
        Ref(ref.stack, ref.logical_id, shape.names[0]),
    )
    return concatenate(parts) if shape.names else Text(parts)
