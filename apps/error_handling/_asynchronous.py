"""What the asynchronous samples share: a queue for results, and what the linters are told of queues that only keep."""

from typing import Any

from apps._common import acknowledge

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct


def define_results(scope: Construct, id: str) -> sqs.Queue:
    """A queue for records that somebody fetches when it suits them."""
    queue = sqs.Queue(
        scope,
        id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(14),
    )
    for plugin, rule in (("Serverless", "Serverless-SQSRedrivePolicy"), ("AwsSolutions", "AwsSolutions-SQS3")):
        acknowledge(queue, plugin, rule, "nothing processes these records, so nothing can fail; people read them")
    return queue


def acknowledge_destination(function: Any) -> None:
    """A function whose on-failure destination keeps what failed, where cdk-nag asks for the older dead-letter queue."""
    acknowledge(
        function,
        "Serverless",
        "Serverless-LambdaDLQ",
        "its on-failure destination keeps the event and says why it failed; a dead-letter queue would be a second copy",
    )


def acknowledge_queues(*queues: Any) -> None:
    """A queue that keeps what failed needs no dead-letter queue of its own."""
    for queue in queues:
        acknowledge(queue, "Serverless", "Serverless-SQSRedrivePolicy", "a dead-letter queue needs none of its own")
        acknowledge(queue, "AwsSolutions", "AwsSolutions-SQS3", "a dead-letter queue needs none of its own")
