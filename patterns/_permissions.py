"""Who may send to a queue, and use its key. Without these a dead-letter queue silently stays empty.

A policy names the one topic or rule (``aws:SourceArn``) wherever that makes no cycle. A queue in another stack must
not point back at a source whose stack points at the queue: there the account is named instead. A key's policy never
points at a source, because the source may be encrypted with that key, or send to a queue that is.
"""

from dataclasses import dataclass
from typing import Any

from patterns._checks import is_a, is_token_text, warn

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from patterns._keys import MANAGED_BY_AWS
from patterns._queues import A_KEY, A_QUEUE, LONGEST_RETENTION
from patterns._queues import settings_of as queue_settings
from patterns.errors import PatternError
from patterns.flow.limits import SQS_RETENTION_DEFAULT

# Amazon SNS and EventBridge need both, to write to a queue that is encrypted with a customer-managed key:
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html
KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
ACCOUNT = {"Ref": "AWS::AccountId"}


@dataclass(frozen=True, slots=True)
class Sender:
    """A topic or rule that has a queue for what it could not deliver.

    Attributes:
        service: the service principal's first word: ``sns`` or ``events``.
        arn: the topic's or rule's ARN.
        stack: the stack it is defined in; ``None`` where it is imported.
        story: the package that links it, whose name warnings begin with.
    """

    service: str
    arn: str
    stack: Any
    story: str = "async-dlq"

    @property
    def literal(self) -> bool:
        """Whether the ARN points at nothing, so that any policy can name it."""
        return not is_token_text(self.arn)

    @property
    def principal(self) -> str:
        """The service principal."""
        return f"{self.service}.amazonaws.com"

    def of_this_account(self) -> dict[str, Any]:
        """The condition that points at nothing: the account, or an imported source's own ARN.

        In the keys that each service is documented to send. For Amazon SNS that is ``aws:SourceArn``, which carries
        the account as well; for EventBridge it is ``aws:SourceAccount``.
        """
        if self.literal:
            return {"ArnEquals": {"aws:SourceArn": self.arn}}
        if self.service == "sns":
            topics = {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:*"}
            return {"ArnLike": {"aws:SourceArn": topics}}
        return {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A queue for what a service could not deliver, checked.

    Attributes:
        given: the queue that was given; ``None`` for one that is to be defined.
        key: its customer-managed key, if it has one.
        retention: seconds that it keeps a message.
    """

    given: Any
    key: Any
    retention: int


def dead_letters_checked(
    name: str,
    queue: Any,
    key: Any,
    service: str,
    warnings: list[tuple[str, str]],
    *,
    story: str = "async-dlq",
    fifo: bool = False,
) -> DeadLetters:
    """What is known of a dead-letter queue that a service is to write to.

    Args:
        name: the argument as the caller typed it.
        queue: what was given for it.
        key: the ``encryption_key`` of a queue that is to be defined.
        service: the service in words, such as ``Amazon SNS``.
        warnings: synth warnings to add to.
        story: what the warnings' ids begin with.
        fifo: whether it is the queue of a FIFO topic, which has to be FIFO too.

    Raises:
        PatternError: no queue, no key, a queue of the other kind, or a key that the service cannot use.
    """
    if key is not None:
        is_a("encryption_key", key, "key_arn", A_KEY)
    if queue is None:
        if key is not None:
            refuse_managed_key("encryption_key", key.key_arn, service)
        return DeadLetters(None, key, LONGEST_RETENTION)
    is_a(name, queue, "queue_arn", A_QUEUE)
    if not fifo:
        refuse_fifo(name, queue, service)
    elif queue.fifo is not True:
        raise PatternError(
            f"{name} must be a FIFO queue: the topic is FIFO, and so is its dead-letter queue, got a standard queue"
        )
    settings = queue_settings(queue)
    own_key = queue.encryption_master_key
    if own_key is not None:
        refuse_managed_key(name, own_key.key_arn, service)
    if settings is None:
        warnings.append(
            (
                f"{story}.imported-queue",
                f"The queue given as {name} is imported, so nothing could be added to its policy. It must allow "
                f"sqs:SendMessage to {service}, or what cannot be delivered is lost.",
            )
        )
        return DeadLetters(queue, own_key, SQS_RETENTION_DEFAULT)
    if own_key is None:
        # QueueEncryption.KMS_MANAGED names the alias, and knows no key.
        refuse_managed_key(name, queue.node.default_child.kms_master_key_id or "", service)
    return DeadLetters(queue, own_key, kept_for(name, settings.retention, warnings, story=story))


def kept_for(name: str, retention: int | None, warnings: list[tuple[str, str]], *, story: str = "async-dlq") -> int:
    """How long a given queue keeps a message; a warning where that is less than a queue can."""
    if retention is None:
        return SQS_RETENTION_DEFAULT
    if retention < LONGEST_RETENTION:
        warnings.append(
            (
                f"{story}.retention",
                f"The queue given as {name} keeps messages for {retention} seconds. {LONGEST_RETENTION} seconds "
                "(14 days) give time to look.",
            )
        )
    return retention


def refuse_fifo(name: str, value: Any, service: str, what: str = "queue") -> None:
    """Refuse a FIFO queue or topic behind a service that cannot write to one; it fails at deployment, or in silence.

    Raises:
        PatternError: it is FIFO.
    """
    if value.fifo is True:
        raise PatternError(
            f"{name} must be a standard {what}: {service} cannot send to a FIFO {what}, got a FIFO {what}"
        )


def refuse_managed_key(name: str, key: str, service: str) -> None:
    """Refuse a key that AWS manages, such as ``alias/aws/sqs``: its policy cannot be changed, and lets no service in.

    https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html

    Raises:
        PatternError: the key is an alias that begins with ``alias/aws/``.
    """
    if isinstance(key, str) and MANAGED_BY_AWS in key:
        raise PatternError(
            f"{name} must be encrypted by SQS (sqs.QueueEncryption.SQS_MANAGED) or with a customer-managed key: "
            f"{service} cannot use the AWS managed key, so nothing would arrive, got {key[key.index(MANAGED_BY_AWS) :]}"
        )


def allow_dead_letters(scope: Any, sender: Sender, queue: Any, dead_letters: DeadLetters) -> Any:
    """Let a topic or rule write to its dead-letter queue, and use the queue's key.

    Returns:
        what a link has to wait for; ``None`` for an imported queue.
    """
    exact = dead_letters.given is None or sender.literal or _is_in(queue.stack, sender, scope)
    here = {"ArnEquals": {"aws:SourceArn": sender.arn}}
    added = queue.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["sqs:SendMessage"],
            principals=[service(sender.principal)],
            resources=[queue.queue_arn],
            conditions=here if exact else sender.of_this_account(),
        )
    )
    if dead_letters.key is not None:
        allow_key(scope, dead_letters.key, sender.principal, sender.of_this_account(), story=sender.story)
    return added.policy_dependable


def _is_in(stack: Any, sender: Sender, scope: Any) -> bool:
    """Whether a stack is the sender's, or the one of the construct that links them."""
    return stack == sender.stack or stack == cdk.Stack.of(scope)


def service(principal: str, conditions: dict[str, Any] | None = None) -> Any:
    """A service principal; ``Any`` because jsii's classes and interfaces disagree about parameter names."""
    return iam.ServicePrincipal(principal, conditions=conditions)


def allow_key(
    scope: Any,
    key: Any,
    principal: str,
    conditions: dict[str, Any],
    *,
    story: str = "async-dlq",
    otherwise: str = "what cannot be delivered is lost",
) -> None:
    """Let a service use a customer-managed key, or warn that it could not be done, and what happens ``otherwise``."""
    added = key.add_to_resource_policy(
        iam.PolicyStatement(
            actions=list(KEY_ACTIONS),
            principals=[service(principal)],
            resources=["*"],
            conditions=conditions,
        ),
        True,
    )
    if not added.statement_added:
        warn(
            scope,
            f"{story}.imported-key",
            f"The key is imported, so its policy could not be extended. It must allow {' and '.join(KEY_ACTIONS)} to "
            f"{principal}, or {otherwise}.",
        )
