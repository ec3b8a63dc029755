"""Bus → rule → target, with the target's retry policy and dead-letter queue; new buses with their subscribers.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from patterns.flow import limits
from patterns.flow.draft import (
    DEFAULT_BUS,
    Draft,
    as_json,
    both,
    fifo_refuses,
    given_in,
    net_of,
    no_fifo,
    numbers,
)
from patterns.flow.edges.lambda_ import read_filters
from patterns.flow.meeting import API_DESTINATION, is_bus
from patterns.flow.model import (
    ALLOWED,
    Answer,
    Bus,
    DeadLetter,
    Delivery,
    Edge,
    External,
    Function,
    Match,
    Node,
    Opaque,
    Queue,
    Rule,
    Stream,
    Topic,
    Verdict,
    node_id,
)
from patterns.flow.rendered import GAP, render
from patterns.flow.template import Resource, Unknown

SERVICE = "events.amazonaws.com"
FOREVER_DAYS = 36_500

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-retry.html
SUBSCRIBER_RETRIES_DEFAULT = 5
SUBSCRIBER_EVENT_AGE_DEFAULT = 300

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
_ROLE_ACTION = {
    "AWS::StepFunctions::StateMachine": "states:StartExecution",
    "AWS::Events::ApiDestination": "events:InvokeApiDestination",
    "AWS::KinesisFirehose::DeliveryStream": "firehose:PutRecord",
    "AWS::SSM::Document": "ssm:StartAutomationExecution",
    "AWS::CodeBuild::Project": "codebuild:StartBuild",
    "AWS::CodePipeline::Pipeline": "codepipeline:StartPipelineExecution",
    "AWS::Batch::JobQueue": "batch:SubmitJob",
    "AWS::ECS::Cluster": "ecs:RunTask",
    "AWS::Logs::LogGroup": "logs:PutLogEvents",
    "AWS::AppSync::GraphQLApi": "appsync:GraphQL",
}
# A task is run from a definition, a job from a definition and a queue, a document as an automation.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_GRANTED_ON_MORE = ("AWS::ECS::Cluster", "AWS::Batch::JobQueue", "AWS::SSM::Document", "AWS::AppSync::GraphQLApi")
_ROLE_SERVICE = {
    "states": "states:StartExecution",
    "events": "events:PutEvents",
    "kinesis": "kinesis:PutRecord",
    "firehose": "firehose:PutRecord",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
}


def links(draft: Draft) -> Iterator[Edge]:
    _archives(draft)
    for resource in draft.template.of_type("AWS::Events::EventBus"):
        yield from _bus_net(draft, resource)
    for resource in draft.template.of_type("AWS::Events::Rule"):
        yield from _rule(draft, resource)
    for resource in draft.template.of_type("AWS::EventsV2::Subscriber"):
        yield from _subscriber(draft, resource)


def _bus_net(draft: Draft, resource: Resource) -> Iterator[Edge]:
    """The queue of a bus for events that its customer managed key fails; without such a key nothing comes there.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html
    """
    key = node_id(resource)
    bus = draft.nodes[key]
    net = net_of(draft.value(resource, "DeadLetterConfig"))
    if net is None or not isinstance(bus, Bus) or bus.key == "":
        return
    dead = draft.endpoint(resource, "DeadLetterConfig", net, "sqs")
    yield DeadLetter(
        id=f"{key}#DeadLetterConfig",
        source=key,
        target=dead,
        resource=resource,
        place="DeadLetterConfig",
        of=key,
        verdict=no_fifo(draft.nodes[dead]) or draft.may(SERVICE, key, dead, resource),
    )


def _archives(draft: Draft) -> None:
    archives = [*draft.template.of_type("AWS::Events::Archive")]
    rules: dict[str, list[str]] = {}
    for key, node in draft.nodes.items() if archives else ():
        if isinstance(node, Rule):
            rules.setdefault(node.bus, []).append(key)
    compared: Counter[str] = Counter()
    for resource in archives:
        pattern = draft.value(resource, "EventPattern")
        if pattern is not None and not isinstance(pattern, Unknown):
            pattern = as_json(pattern) if not isinstance(pattern, Mapping) else pattern
            if not (isinstance(pattern, Mapping) and _everything(pattern)):
                if isinstance(pattern, Mapping):
                    _archive_of_rules(draft, resource, pattern, rules, compared)
                continue
        key = draft.endpoint(resource, "SourceArn", draft.value(resource, "SourceArn"), "events")
        bus = draft.nodes[key]
        if not isinstance(bus, Bus):
            continue
        read = numbers(draft, resource)
        if isinstance(pattern, Unknown) or not _there_with(resource, bus):
            # It may keep nothing at all.
            draft.note(f"cannot be told: whether {draft.name(resource)} archives every event")
            draft.add(replace(bus, unknown=(*bus.unknown, "archive_days")))
            continue
        days = read.integer("archive_days", "RetentionDays", default=0)
        days = FOREVER_DAYS if days == 0 else days
        if days is not None and bus.archive_days:
            days = max(days, bus.archive_days)
        draft.add(replace(bus, archive_days=days, unknown=(*bus.unknown, *read.unknown)))


# So many archives of one bus are compared with its rules, or N of each would cost N².
_COMPARED = 100


def _archive_of_rules(
    draft: Draft, resource: Resource, pattern: Mapping[str, Any], rules: dict[str, list[str]], compared: Counter[str]
) -> None:
    """An archive of some events: it keeps every event of a rule that asks for what it asks for, or for more."""
    days = numbers(draft, resource).integer("archive_days", "RetentionDays", default=0)
    if days is None or resource.condition is not None:
        return
    bus = draft.endpoint(resource, "SourceArn", draft.value(resource, "SourceArn"), "events")
    compared[bus] += 1
    if compared[bus] > _COMPARED:
        draft.note(f"cannot be told: which rules have their events kept by {draft.name(resource)}")
        return
    for key in rules.get(bus, ()):
        rule = draft.nodes[key]
        if isinstance(rule, Rule) and rule.pattern and _asks_for_all_of(rule.pattern, pattern):
            draft.nodes[key] = replace(rule, archive_days=max(rule.archive_days, days or FOREVER_DAYS))


def _asks_for_all_of(pattern: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether each event that matches a pattern is certain to match another one."""
    for key, wanted in other.items():
        asked = pattern.get(key)
        if key == "$or":
            return False
        if isinstance(wanted, Mapping) and isinstance(asked, Mapping):
            narrower = _asks_for_all_of(asked, wanted)
        elif isinstance(wanted, list) and isinstance(asked, list):
            narrower = all(one in wanted and _is_told(one) for one in asked)
        else:
            narrower = False
        if not narrower:
            return False
    return True


def _is_told(value: Any) -> bool:
    if isinstance(value, Mapping | list):
        return all(map(_is_told, value.values() if isinstance(value, Mapping) else value))
    return value is None or GAP not in render(value)


def _there_with(resource: Resource, bus: Bus) -> bool:
    """Whether an archive is there whenever its bus is."""
    if resource.condition is None:
        return True
    own = bus.resource.condition if bus.resource else None
    return own is not None and own.same == resource.condition.same


def _rule(draft: Draft, resource: Resource) -> Iterator[Edge]:
    key = node_id(resource)
    rule = draft.nodes[key]
    if not isinstance(rule, Rule):
        return
    if rule.bus:
        yield Match(
            id=f"{key}#EventPattern",
            source=rule.bus,
            target=key,
            resource=resource,
            place="EventPattern",
            pattern=rule.pattern,
            everything=_everything(rule.pattern),
            enabled=rule.enabled,
            unknown=rule.unknown,
        )
    for number, target in draft.listed(resource, "Targets", draft.value(resource, "Targets")):
        yield from _target(draft, resource, key, f"Targets[{number}]", target)


def _other_bus(draft: Draft, resource: Resource, rule: str, target: Mapping[str, Any]) -> str:
    """The default bus of another Region or account, to which a rule on the own one sends; else empty.

    Where no template says where it is deployed, an account or Region that is written out is not its own: no bus
    is there to send to itself.
    """
    node, arn = draft.nodes[rule], render(target.get("Arn"))
    if not isinstance(node, Rule) or node.bus != DEFAULT_BUS or not arn.endswith(":event-bus/default"):
        return ""
    return "" if draft.elsewhere(resource.stack, arn) is False else draft.foreign(arn)


def _target(draft: Draft, resource: Resource, rule: str, place: str, target: Mapping[str, Any]) -> Iterator[Edge]:
    read = numbers(draft, resource)
    arrives = _other_bus(draft, resource, rule, target) or draft.endpoint(
        resource, place, target.get("Arn", Unknown("it has no Arn"))
    )
    retries, seconds = retry_policy(
        read, target.get("RetryPolicy"), limits.EVENTBRIDGE_RETRY_ATTEMPTS_DEFAULT, limits.EVENTBRIDGE_EVENT_AGE_DEFAULT
    )
    grouped = given_in(target.get("SqsParameters"), "MessageGroupId")
    edge = Delivery(
        id=f"{rule}#{place}",
        source=rule,
        target=arrives,
        resource=resource,
        place=place,
        by="events",
        attempts=None if retries is None else retries + 1,
        seconds=seconds,
        message_group=bool(grouped),
        event=_forwarded(draft.nodes[rule], draft.nodes[arrives]),
        verdict=_may_target(draft, resource, rule, arrives, target, grouped),
        unknown=tuple(read.unknown),
    )
    yield edge
    net = net_of(target.get("DeadLetterConfig"))
    if net is not None:
        dead = draft.endpoint(resource, f"{place}.DeadLetterConfig", net, "sqs")
        yield DeadLetter(
            id=f"{rule}#{place}.DeadLetterConfig",
            source=rule,
            target=dead,
            resource=resource,
            place=f"{place}.DeadLetterConfig",
            of=edge.id,
            verdict=no_fifo(draft.nodes[dead]) or draft.may(SERVICE, rule, dead, resource),
        )


def _forwarded(rule: Node, target: Node) -> dict[str, tuple[str, ...]]:
    """What is known of the events that a rule hands on to a bus: the source and detail type it asks for.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html
    """
    pattern = rule.pattern if isinstance(rule, Rule) and not rule.expression else None
    return event_of(target, pattern.get("source"), pattern.get("detail-type")) if pattern else {}


def event_of(target: Node, source: Any, detail_type: Any) -> dict[str, tuple[str, ...]]:
    """What is known of an event that is put on a bus: each field whose values are all written out.

    What has one of these marks in it is put in when the event is made.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html
    https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    """
    if not is_bus(target):
        return {}
    given = {"source": source, "detail-type": detail_type}
    found = {key: value if isinstance(value, list) else [value] for key, value in given.items()}
    return {
        key: tuple(values)
        for key, values in found.items()
        if all(isinstance(value, str) and not _PUT_IN.search(value) for value in values)
    }


_PUT_IN = re.compile(r"\$|<|\{%")


def retry_policy(read: Any, policy: Any, retries: int, seconds: int) -> tuple[int | None, int | None]:
    """Retries and event age of a RetryPolicy, the service's defaults filled in."""
    if policy is None:
        return retries, seconds
    if not isinstance(policy, Mapping):
        return read.as_integer("attempts", policy), read.as_integer("seconds", policy)
    age = policy.get("MaximumEventAgeInSeconds")
    most = policy.get("MaximumRetryAttempts")
    return (
        retries if most is None else read.as_integer("attempts", most),
        seconds if age is None else read.as_integer("seconds", age),
    )


def _may_target(
    draft: Draft, resource: Resource, rule: str, arrives: str, target: Mapping[str, Any], grouped: bool | None
) -> Verdict:
    refused = fifo_refuses(draft.nodes[arrives], grouped) or ALLOWED
    return refused if refused.denied else both(refused, _may_reach(draft, resource, rule, arrives, target))


def _may_reach(draft: Draft, resource: Resource, rule: str, arrives: str, target: Mapping[str, Any]) -> Verdict:
    node, role = draft.nodes[arrives], target.get("RoleArn")
    if isinstance(node, Queue | Topic | Function):
        direct = draft.may(SERVICE, rule, arrives, resource)
        if role is None or isinstance(node, Function) or direct.allowed:
            return direct
        action = "sqs:SendMessage" if isinstance(node, Queue) else "sns:Publish"
        return draft.role_may(draft.role(resource.stack, role), action, arrives, resource)
    return by_role(draft, resource, role, arrives)


def by_role(draft: Draft, link: Resource, role: Any, target: str) -> Verdict:
    """Whether the role that a sender assumes may do what its target needs."""
    node = draft.nodes[target]
    if role is None and isinstance(node, Opaque) and node.type == "AWS::Logs::LogGroup":
        return Verdict(
            Answer.UNKNOWN, f"a resource policy of CloudWatch Logs has to let EventBridge write to {node.name}"
        )
    if role is None:
        return Verdict(Answer.UNKNOWN, f"whether {node.name} needs a role is not known")
    if isinstance(node, Bus):
        action = "events:PutEvents"
    elif isinstance(node, Stream):
        action = "kinesis:PutRecord"
    elif isinstance(node, Queue):
        action = "sqs:SendMessage"
    elif isinstance(node, Topic):
        action = "sns:Publish"
    elif isinstance(node, Function):
        action = "lambda:InvokeFunction"
    elif isinstance(node, Opaque):
        action = _ROLE_ACTION.get(node.type, "")
    elif isinstance(node, External) and node.service == "events" and not is_bus(node):
        # EventBridge's own targets (arn:…:target/create-snapshot) ask for what they call.
        action = "events:InvokeApiDestination" if API_DESTINATION in node.id else ""
    else:
        action = _ROLE_SERVICE.get(node.service, "") if isinstance(node, External) else ""
    if not action:
        return Verdict(Answer.UNKNOWN, f"what {node.name} asks of the role is not known")
    verdict = draft.role_may(draft.role(link.stack, role), action, target, link)
    if verdict.denied and isinstance(node, Opaque) and node.type in _GRANTED_ON_MORE:
        return Verdict(Answer.UNKNOWN, f"{action} is granted on what {node.name} is told to run, not on itself")
    return verdict


def _everything(pattern: Mapping[str, Any] | None) -> bool:
    """Whether a pattern lets every event of its bus through: it asks only for what every event has."""
    if not pattern:
        return False
    for key, wanted in pattern.items():
        if key not in ("source", "account", "version", "detail-type", "region", "time", "id"):
            return False
        if not isinstance(wanted, list) or not any(
            item in ({"prefix": ""}, {"exists": True}, {"wildcard": "*"})
            or (key == "version" and item == "0")
            or (key == "account" and render(item) and "AccountId›" in render(item))
            for item in wanted
        ):
            return False
    return True


# --- new buses ---------------------------------------------------------------------------------------


def _subscriber(draft: Draft, resource: Resource) -> Iterator[Edge]:
    key = node_id(resource)
    value = draft.value(resource, "EventBusArn", default=Unknown("it has no bus"))
    bus = draft.endpoint(resource, "EventBusArn", value, "events")
    invoke = draft.value(resource, "InvokeConfiguration")
    invoke = invoke if isinstance(invoke, Mapping) else {}
    arrives = draft.endpoint(resource, "TargetArn", invoke.get("TargetArn", Unknown("it has no target")))
    read = numbers(draft, resource)
    parameters = invoke.get("LambdaParameters")
    kind = parameters.get("InvocationType") if isinstance(parameters, Mapping) else None
    if isinstance(parameters, Unknown) or isinstance(kind, Unknown):
        read.unknown.append("asynchronous")
        draft.note(f"cannot be told: the invocation type of {draft.name(resource)}")
    sqs = invoke.get("SqsParameters")
    grouped = isinstance(sqs, Mapping) and sqs.get("MessageGroupId") is not None
    # Whether an event brings a group of its own along stands in no documentation.
    refused = fifo_refuses(draft.nodes[arrives], grouped or None, None) or ALLOWED
    role_value = invoke.get("RoleArn")
    retries = read.integer("attempts", "RetryPolicy", "MaxRetryAttempts", default=SUBSCRIBER_RETRIES_DEFAULT)
    state = draft.value(resource, "State", default="RUNNING")
    order = draft.value(resource, "Type", default="UNORDERED")
    edge = Delivery(
        id=key,
        source=bus,
        target=arrives,
        resource=resource,
        by="eventsv2",
        attempts=None if retries is None else retries + 1,
        seconds=read.integer("seconds", "RetryPolicy", "MaxEventAgeInSeconds", default=SUBSCRIBER_EVENT_AGE_DEFAULT),
        filters=read_filters(draft, resource, draft.value(resource, "FilterConfiguration")),
        asynchronous=kind == "EVENT",
        message_group=grouped,
        fifo=None if isinstance(order, Unknown) else order == "FIFO",
        enabled=None if isinstance(state, Unknown) else state != "STOPPED",
        verdict=both(refused, by_role(draft, resource, role_value, arrives)),
        unknown=tuple(read.unknown),
    )
    yield edge
    net = draft.value(resource, "OnFailureConfiguration", "Arn")
    if net is not None:
        dead = draft.endpoint(resource, "OnFailureConfiguration", net, "sqs")
        yield DeadLetter(
            id=f"{key}#OnFailureConfiguration",
            source=bus,
            target=dead,
            resource=resource,
            place="OnFailureConfiguration",
            of=edge.id,
            verdict=draft.role_may(draft.role(resource.stack, role_value), "sqs:SendMessage", dead, resource),
        )
