"""Queue → dead-letter queue: SQS itself moves a message whose receive count would exceed the maximum."""

from collections.abc import Iterator, Mapping
from typing import Any

from patterns.flow.draft import Draft, as_json, numbers, redrive_policy
from patterns.flow.model import Answer, Edge, Queue, Redrive, Verdict, node_id
from patterns.flow.template import Text, Unknown

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
MAX_RECEIVE_COUNT_DEFAULT = 10


def links(draft: Draft) -> Iterator[Edge]:
    for resource in draft.template.of_type("AWS::SQS::Queue"):
        policy, _ = redrive_policy(draft, resource)
        if policy is None:
            continue
        source = node_id(resource)
        read = numbers(draft, resource)
        count = read.as_integer("max_receive_count", policy.get("maxReceiveCount", MAX_RECEIVE_COUNT_DEFAULT))
        target = draft.endpoint(resource, "deadLetterTargetArn", policy["deadLetterTargetArn"], "sqs")
        yield Redrive(
            id=f"{source}#RedrivePolicy",
            source=source,
            target=target,
            resource=resource,
            place="RedrivePolicy",
            max_receive_count=count,
            verdict=_accepts(draft, source, target),
            unknown=tuple(read.unknown),
        )


def _accepts(draft: Draft, source: str, target: str) -> Verdict:
    """Whether the dead-letter queue takes this source: its kind, and its RedriveAllowPolicy."""
    queue, dead = draft.nodes[source], draft.nodes[target]
    if not isinstance(dead, Queue) or not isinstance(queue, Queue) or dead.resource is None:
        return Verdict(Answer.UNKNOWN, f"{dead.name} stands in none of the templates")
    if None not in (queue.fifo, dead.fifo) and queue.fifo != dead.fifo:
        kinds = ("a FIFO queue", "a standard queue") if queue.fifo else ("a standard queue", "a FIFO queue")
        return Verdict(Answer.DENIED, f"{queue.name} is {kinds[0]} and {dead.name} is {kinds[1]}")
    policy: Any = draft.value(dead.resource, "RedriveAllowPolicy")
    if policy is None:
        return Verdict(Answer.ALLOWED)
    if isinstance(policy, str | Text):
        policy = as_json(policy)
    if isinstance(policy, Unknown) or not isinstance(policy, Mapping):
        return Verdict(Answer.UNKNOWN, f"the RedriveAllowPolicy of {dead.name} cannot be read")
    permission = policy.get("redrivePermission", "allowAll")
    if permission == "denyAll":
        return Verdict(Answer.DENIED, f"the RedriveAllowPolicy of {dead.name} denies every source")
    if permission == "byQueue":
        from patterns.flow.rendered import render

        named = policy.get("sourceQueueArns")
        answers = [
            draft.permissions.matches(render(arn), source) for arn in (named if isinstance(named, list) else [named])
        ]
        if True in answers:
            return Verdict(Answer.ALLOWED)
        if None in answers:
            return Verdict(Answer.UNKNOWN, f"the RedriveAllowPolicy of {dead.name} names what no template says")
        return Verdict(Answer.DENIED, f"the RedriveAllowPolicy of {dead.name} does not name {queue.name}")
    return Verdict(Answer.ALLOWED)
