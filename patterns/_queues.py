"""Dead-letter queues as every pattern here defines them, and what a given queue says about itself."""

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns._checks import plain_number, seconds
from patterns.flow.limits import SQS_RETENTION_DEFAULT, SQS_RETENTION_SECONDS, SQS_VISIBILITY_TIMEOUT_DEFAULT

A_QUEUE = "an SQS queue (aws_sqs.IQueue)"
A_KEY = "a KMS key (aws_kms.IKey)"
LONGEST_RETENTION = SQS_RETENTION_SECONDS[1]


def define_queue(
    scope: Construct, id: str, *, key: kms.IKey | None = None, fifo: bool = False, **properties: Any
) -> sqs.Queue:
    """A queue that is encrypted (SQS-managed, or with the key that is given) and refuses plain HTTP."""
    return sqs.Queue(
        scope,
        id,
        encryption=sqs.QueueEncryption.KMS if key else sqs.QueueEncryption.SQS_MANAGED,
        encryption_master_key=key,
        enforce_ssl=True,
        fifo=fifo or None,
        **properties,
    )


def define_dead_letters(scope: Construct, id: str, *, key: kms.IKey | None = None, fifo: bool = False) -> sqs.Queue:
    """A dead-letter queue: 14 days, retained when the stack goes, encrypted, TLS only."""
    return define_queue(
        scope,
        id,
        key=key,
        fifo=fifo,
        retention_period=seconds(LONGEST_RETENTION),
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Settings of a queue that is defined in this app; seconds; ``None`` where a token hides them."""

    visibility_timeout: int | None
    retention: int | None
    redrive_allow: Any
    redrive: Any


def settings_of(queue: Any) -> QueueSettings | None:
    """What a queue says about itself; ``None`` for an imported one, which says nothing."""
    child = queue.node.default_child if isinstance(queue, sqs.Queue) else None
    if not isinstance(child, sqs.CfnQueue):
        return None
    return QueueSettings(
        plain_number(child.visibility_timeout, SQS_VISIBILITY_TIMEOUT_DEFAULT),
        plain_number(child.message_retention_period, SQS_RETENTION_DEFAULT),
        child.redrive_allow_policy,
        child.redrive_policy,
    )
