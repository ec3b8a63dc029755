"""The ARNs of resources as far as their templates decide them."""

from patterns.flow.rendered import GAP, render
from patterns.flow.template import Resource, Template

_ARN = {
    "AWS::SQS::Queue": ("sqs", "", "QueueName"),
    "AWS::SNS::Topic": ("sns", "", "TopicName"),
    "AWS::Lambda::Function": ("lambda", "function:", "FunctionName"),
    "AWS::Events::EventBus": ("events", "event-bus/", "Name"),
    "AWS::Events::Rule": ("events", "rule/", "Name"),
    "AWS::S3::Bucket": ("s3", "", "BucketName"),
    "AWS::Scheduler::Schedule": ("scheduler", "schedule/", "Name"),
    "AWS::KMS::Key": ("kms", "key/", ""),
    "AWS::Kinesis::Stream": ("kinesis", "stream/", "Name"),
    "AWS::KinesisFirehose::DeliveryStream": ("firehose", "deliverystream/", "DeliveryStreamName"),
    "AWS::DynamoDB::Table": ("dynamodb", "table/", "TableName"),
    "AWS::StepFunctions::StateMachine": ("states", "stateMachine:", "StateMachineName"),
    "AWS::ApiGateway::RestApi": ("execute-api", "", ""),
    "AWS::IAM::Role": ("iam", "role/", "RoleName"),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "alarm:", "AlarmName"),
    "AWS::CloudWatch::CompositeAlarm": ("cloudwatch", "alarm:", "AlarmName"),
}

DEFAULT_BUS = f"arn:{GAP}:events:{GAP}:{GAP}:event-bus/default"
"""The ARN of the default event bus, which stands in no template."""


def is_named(resource: Resource) -> bool:
    """Whether a template may give a resource a name of its own."""
    named = _ARN.get(resource.type, ("", "", ""))[2]
    return named in resource.properties or len(resource.properties) == 1


def arn_of(template: Template, target: str) -> str:
    """The ARN of the resource with this id, gaps as ``GAP``."""
    stack, _, logical = target.rpartition("/")
    resource = template.resources.get((stack, logical.partition(":")[0]))
    if resource is None:
        return ":".join(("arn", *[GAP] * 5))
    service, prefix, named = _ARN.get(resource.type, (GAP, "", ""))
    name = template.value(resource, named) if named else None
    text = render(name) if name is not None else GAP
    if service == "s3":
        return f"arn:{GAP}:s3:::{text}"
    if service == "events" and prefix == "rule/":
        bus = template.value(resource, "EventBusName")
        if bus is not None and bus != "default":
            text = f"{GAP}/{text}"
    region, account = template.region(stack), template.account(stack)
    if service == "iam":
        region = ""
        path = template.value(resource, "Path", default="/")
        text = f"{path.lstrip('/') if isinstance(path, str) else GAP}{text}"
    where = [place if isinstance(place, str) else GAP for place in (region, account)]
    return f"arn:{GAP}:{service}:{where[0]}:{where[1]}:{prefix}{text}"
