"""A department: the queue that it gets messages in, the function that files them, the bucket that they are filed in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps._common import acknowledge, acknowledge_polling, define_function

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from patterns.sqs_poll import SqsPoll

# The end of the bucket's logical id, by which cdk-nag names it
FILES = {"Billing": "6BF5B1AE", "Scheduling": "F00FF1E7"}
HANDLERS = Path(__file__).parent / "handlers" / "department"


class Department(Construct):
    """Billing, or scheduling.

    Args:
        scope: its stack.
        id: its name.
        alarm_actions: what its alarms do.

    Attributes:
        poll: its queue, polled by its function.
        files: its bucket.
        role_arn: ARN of its function's role.
    """

    def __init__(self, scope: Construct, id: str, *, alarm_actions: Sequence[cloudwatch.IAlarmAction]) -> None:
        super().__init__(scope, id)
        self.files = s3.Bucket(
            self,
            "Files",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        function: Any = define_function(
            self,
            "Function",
            HANDLERS,
            "department.handler",
            timeout=cdk.Duration.seconds(20),
            environment={"FILES": self.files.bucket_name},
        )
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["s3:PutObject"], resources=[self.files.arn_for_objects("*")])
        )
        self.role_arn: str = function.role.role_arn
        self.poll = SqsPoll(self, "Poll", function=function, alarm_actions=alarm_actions)
        assert self.poll.dead_letters is not None
        acknowledge_polling(function, self.poll.mapping, self.poll.dead_letters)
        acknowledge(
            function,
            "AwsSolutions",
            f"AwsSolutions-IAM5[Resource::<{id}Files{FILES[id]}.Arn>/*]",
            "every message is a new object of this one bucket",
        )
        acknowledge(self.files, "AwsSolutions", "AwsSolutions-S1", "a sample: who reads these files is not recorded")
