"""Schedule → target: https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"""

from collections.abc import Iterator, Mapping
from typing import Any

from patterns.flow import limits
from patterns.flow.draft import Draft, as_json, both, fifo_refuses, given_in, net_of, no_fifo, numbers
from patterns.flow.edges.events import by_role, event_of, retry_policy
from patterns.flow.model import ALLOWED, DeadLetter, Delivery, Edge, Node, Schedule, node_id
from patterns.flow.rendered import render
from patterns.flow.template import Ref, Resource, Text, Unknown

# Universal targets name an API operation; the input says what it is called on.
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
_UNIVERSAL = {
    "sqs:sendMessage": "QueueUrl",
    "sns:publish": "TopicArn",
    "lambda:invoke": "FunctionName",
    "eventbridge:putEvents": "EventBusName",
}


def _called(draft: Draft, resource: Resource, target: Mapping[str, Any]) -> str:
    """The node that a universal target sends to, empty for another target or where the input does not say."""
    operation = render(target.get("Arn")).rpartition(":aws-sdk:")[2]
    field = _UNIVERSAL.get(operation)
    if field is None:
        return ""
    document = as_json(target.get("Input"))
    if isinstance(document, Mapping) and isinstance(entries := document.get("Entries"), list):
        document = next((entry for entry in entries if isinstance(entry, Mapping)), document)
    named = document.get(field) if isinstance(document, Mapping) else None
    if named is None:
        return draft.default_bus() if field == "EventBusName" and document is not None else ""
    if not isinstance(named, str | Ref | Text | Unknown):
        return ""
    kind = {"QueueUrl": "sqs", "TopicArn": "sns", "FunctionName": "lambda", "EventBusName": "events"}[field]
    return draft.endpoint(resource, "Target.Input", named, kind)


def _event(target: Mapping[str, Any], bus: Node) -> dict[str, tuple[str, ...]]:
    """What is known of the event that a schedule puts on a bus."""
    given = target.get("EventBridgeParameters")
    if ":aws-sdk:" in render(target.get("Arn")):
        document = as_json(target.get("Input"))
        entries = document.get("Entries") if isinstance(document, Mapping) else None
        given = entries[0] if isinstance(entries, list) and len(entries) == 1 else None
    given = given if isinstance(given, Mapping) else {}
    return event_of(bus, given.get("Source"), given.get("DetailType"))


def _group(target: Mapping[str, Any]) -> tuple[bool | None, bool | None]:
    """Whether a target gives a message group, and a deduplication id; ``None`` if it cannot be told."""
    if ":aws-sdk:" not in render(target.get("Arn")):
        return given_in(target.get("SqsParameters"), "MessageGroupId"), False
    document = as_json(target.get("Input"))
    if not isinstance(document, Mapping):
        return None, None
    return "MessageGroupId" in document, "MessageDeduplicationId" in document


def _waits_for_answer(target: Mapping[str, Any]) -> bool | None:
    """Whether a function is called for its answer, as the API does by default; ``None`` if it cannot be told.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    if not render(target.get("Arn")).endswith(":aws-sdk:lambda:invoke"):
        return False
    document = as_json(target.get("Input"))
    kind = document.get("InvocationType", "RequestResponse") if isinstance(document, Mapping) else None
    return {"RequestResponse": True, "Event": False}.get(kind) if isinstance(kind, str) else None


def links(draft: Draft) -> Iterator[Edge]:
    for resource in draft.template.of_type("AWS::Scheduler::Schedule"):
        target = draft.value(resource, "Target")
        if isinstance(target, Unknown):
            draft.note(f"cannot be told: Target of {draft.name(resource)}: {target.reason}")
        if not isinstance(target, Mapping):
            continue
        key = node_id(resource)
        read = numbers(draft, resource)
        retries, seconds = retry_policy(
            read,
            target.get("RetryPolicy"),
            limits.EVENTBRIDGE_RETRY_ATTEMPTS_DEFAULT,
            limits.EVENTBRIDGE_EVENT_AGE_DEFAULT,
        )
        arrives = _called(draft, resource, target) or draft.endpoint(
            resource, "Target.Arn", target.get("Arn", Unknown("it has no Arn"))
        )
        grouped, deduplicated = _group(target)
        waits = _waits_for_answer(target)
        refused = fifo_refuses(draft.nodes[arrives], grouped, deduplicated) or ALLOWED
        schedule = draft.nodes[key]
        edge = Delivery(
            id=f"{key}#Target",
            source=key,
            target=arrives,
            resource=resource,
            place="Target",
            by="scheduler",
            attempts=None if retries is None else retries + 1,
            seconds=seconds,
            message_group=bool(grouped),
            event=_event(target, draft.nodes[arrives]),
            asynchronous=not waits,
            enabled=schedule.enabled if isinstance(schedule, Schedule) else True,
            verdict=both(refused, by_role(draft, resource, target.get("RoleArn"), arrives)),
            unknown=(*read.unknown, "asynchronous") if waits is None else tuple(read.unknown),
        )
        yield edge
        net = net_of(target.get("DeadLetterConfig"))
        if net is not None:
            dead = draft.endpoint(resource, "Target.DeadLetterConfig", net, "sqs")
            role = draft.role(resource.stack, target.get("RoleArn"))
            yield DeadLetter(
                id=f"{key}#Target.DeadLetterConfig",
                source=key,
                target=dead,
                resource=resource,
                place="Target.DeadLetterConfig",
                of=edge.id,
                verdict=no_fifo(draft.nodes[dead]) or draft.role_may(role, "sqs:SendMessage", dead, resource),
            )
