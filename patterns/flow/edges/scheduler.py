"""Schedule → target: https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"""

from collections.abc import Iterator, Mapping

from patterns.flow import limits
from patterns.flow.draft import Draft, net_of, numbers
from patterns.flow.edges.events import by_role, retry_policy
from patterns.flow.model import DeadLetter, Delivery, Edge, Schedule, node_id
from patterns.flow.template import Unknown


def links(draft: Draft) -> Iterator[Edge]:
    for resource in draft.template.of_type("AWS::Scheduler::Schedule"):
        target = draft.value(resource, "Target")
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
        arrives = draft.endpoint(resource, "Target.Arn", target.get("Arn", Unknown("it has no Arn")))
        sqs = target.get("SqsParameters")
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
            message_group=isinstance(sqs, Mapping) and sqs.get("MessageGroupId") is not None,
            enabled=schedule.enabled if isinstance(schedule, Schedule) else True,
            verdict=by_role(draft, resource.stack, target.get("RoleArn"), arrives),
            unknown=tuple(read.unknown),
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
                verdict=draft.role_may(role, "sqs:SendMessage", dead),
            )
