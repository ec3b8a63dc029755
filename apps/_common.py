"""What every sample stack shares: how a function is set up, who is called, what the linters are told."""

from pathlib import Path
from typing import Any

from patterns._node import require_node

require_node()

import aws_cdk as cdk  # noqa: E402 - Node.js must be found first
from aws_cdk import aws_iam as iam  # noqa: E402
from aws_cdk import aws_lambda as lambda_  # noqa: E402
from aws_cdk import aws_logs as logs  # noqa: E402
from aws_cdk import aws_sns as sns  # noqa: E402
from constructs import Construct, IConstruct  # noqa: E402

from apps._packaging import POWERTOOLS, packaged  # noqa: E402


def define_function(
    scope: Construct, id: str, handlers: Path, handler: str, *, timeout: cdk.Duration, **properties: Any
) -> lambda_.Function:
    """A Python function with Powertools beside its code, tracing, and logs that do not stay for ever."""
    group = logs.LogGroup(
        scope, f"{id}Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=cdk.RemovalPolicy.DESTROY
    )
    function = lambda_.Function(
        scope,
        id,
        runtime=lambda_.Runtime.PYTHON_3_14,
        handler=handler,
        code=lambda_.Code.from_asset(packaged(handlers, POWERTOOLS)),
        timeout=timeout,
        memory_size=256,
        tracing=lambda_.Tracing.ACTIVE,
        log_group=group,
        **properties,
    )
    acknowledge(
        function,
        "AwsSolutions",
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
        "AWS's policy for writing logs, and nothing more",
    )
    acknowledge(function, "AwsSolutions", "AwsSolutions-IAM5[Resource::*]", "X-Ray's actions know no resource")
    return function


def define_on_call(scope: Construct) -> sns.Topic:
    """The topic that alarms publish to. Subscribe to it: an address, a chat, a pager."""
    topic = sns.Topic(scope, "OnCall", enforce_ssl=True)
    # A policy of its own takes the place of the one by which a topic lets in the alarms of its account.
    own = {"StringEquals": {"aws:SourceAccount": cdk.Stack.of(scope).account}}
    topic.grant_publish(iam.ServicePrincipal("cloudwatch.amazonaws.com", conditions=own))
    return topic


def acknowledge(scope: IConstruct, plugin: str, rule: str, reason: str) -> None:
    """Tell a validation plugin that a finding here is known, and why it stands."""
    cdk.Validations.of(scope).acknowledge(cdk.Acknowledgment(id=f"{plugin}::{rule}", reason=reason))


def acknowledge_polling(function: lambda_.Function, mapping: IConstruct, dead_letters: IConstruct) -> None:
    """What cdk-nag's Serverless pack asks of a polled queue and its function, and does not apply."""
    acknowledge(
        function,
        "Serverless",
        "Serverless-LambdaDLQ",
        "the function is polled for, never invoked asynchronously: its own dead-letter queue would never be used",
    )
    acknowledge(
        mapping,
        "Serverless",
        "Serverless-LambdaEventSourceMappingDestination",
        "SQS mappings have no on-failure destination; the queue's redrive policy keeps what fails",
    )
    acknowledge(dead_letters, "Serverless", "Serverless-SQSRedrivePolicy", "a dead-letter queue needs none of its own")
