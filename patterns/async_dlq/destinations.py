"""Where Lambda puts the record of an asynchronous invocation, and what its role needs for that."""

from dataclasses import dataclass
from typing import Any

from patterns._checks import has

# isort: split
from patterns._functions import A_FUNCTION

# isort: split
from aws_cdk import aws_iam as iam

from patterns._keys import may_use
from patterns._permissions import KEY_ACTIONS, kept_for, refuse_fifo
from patterns._queues import settings_of as queue_settings
from patterns.async_dlq.invoked import Invoked, invoked
from patterns.errors import PatternError
from patterns.flow.limits import SQS_RETENTION_DEFAULT

LAMBDA = "Lambda"
_KINDS = (
    # kind, the property that only this interface has, the property with its key
    ("queue", "queue_arn", "encryption_master_key"),
    ("topic", "topic_arn", "master_key"),
    ("bus", "event_bus_arn", ""),
    ("function", "function_arn", ""),
    ("bucket", "bucket_arn", "encryption_key"),
)
_WORDS = {
    "queue": "an SQS queue",
    "topic": "an SNS topic",
    "bus": "an EventBridge bus",
    "function": A_FUNCTION,
    "bucket": "an S3 bucket",
}


@dataclass(frozen=True, slots=True, eq=False)
class Destination:
    """A destination that was given, checked.

    Attributes:
        kind: ``queue``, ``topic``, ``bus``, ``function`` or ``bucket``.
        given: the resource.
        arn: its ARN, as Lambda wants it.
        key: its customer-managed key, if it has one that is known.
        function: what is invoked, where it is a function.
    """

    kind: str
    given: Any
    arn: str
    key: Any = None
    function: Invoked | None = None

    def statements(self) -> list[iam.PolicyStatement]:
        """What the role of the function that sends here must be allowed.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        if self.kind == "bucket":
            mine = {"StringEquals": {"s3:ResourceAccount": {"Ref": "AWS::AccountId"}}}
            found = [
                iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.arn], conditions=mine),
                iam.PolicyStatement(
                    actions=["s3:PutObject"], resources=[f"{self.arn}/aws/lambda/async/*"], conditions=mine
                ),
            ]
        else:
            actions = {
                "queue": "sqs:SendMessage",
                "topic": "sns:Publish",
                "bus": "events:PutEvents",
                "function": "lambda:InvokeFunction",
            }
            found = [iam.PolicyStatement(actions=[actions[self.kind]], resources=[self.arn])]
        if self.key is not None:
            found += may_use(self.key, KEY_ACTIONS)
        return found


def destination_checked(
    name: str, value: Any, of: Invoked, allowed: tuple[str, ...], warnings: list[tuple[str, str]]
) -> Destination:
    """What a given destination is.

    Args:
        name: the argument as the caller typed it.
        value: what was given.
        of: the function that sends there.
        allowed: kinds that are possible.
        warnings: synth warnings to add to.

    Raises:
        PatternError: none of the allowed kinds, FIFO, or the function itself.
    """
    words = [_WORDS[kind] for kind in allowed]
    what = f"{', '.join(words[:-1])} or {words[-1]}"
    found = next((each for each in _KINDS if has(value, each[1])), None)
    if found is None:
        raise PatternError(f"{name} must be {what}, got {value!r}")
    kind, arn, key = found
    if kind not in allowed:
        raise PatternError(f"{name} must be {what}; it cannot be {_WORDS[kind]}, got {value.node.path}")
    if kind in ("queue", "topic"):
        refuse_fifo(name, value, LAMBDA, kind)
    if kind == "topic":
        warnings.append(
            (
                "async-dlq.topic-size",
                f"The destination given as {name} is a topic. An SNS message holds 256 KiB unless the topic's maximum "
                "is raised, an event 1 MiB: the record of a large event arrives without its payload, or not at all. "
                "A queue or a bucket takes every record.",
            )
        )
    target = invoked(name, value) if kind == "function" else None
    if target is not None and target.same_function_as(of):
        raise PatternError(
            f"{name} must be another function: a failed event would go to the function that failed, got the function "
            "itself"
        )
    return Destination(kind, value, getattr(value, arn), getattr(value, key) if key else None, target)


def retention_of(name: str, queue: Any, warnings: list[tuple[str, str]]) -> int:
    """How long a given queue keeps a message, in seconds."""
    settings = queue_settings(queue)
    return SQS_RETENTION_DEFAULT if settings is None else kept_for(name, settings.retention, warnings)
