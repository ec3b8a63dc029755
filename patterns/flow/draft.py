"""The graph in the making: templates in, nodes with the services' defaults filled in, endpoints resolved.

`edges` modules take a `Draft` and yield their edges; what they point at outside the templates becomes an
`External` node here, and what could not be resolved is noted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from patterns.flow import limits
from patterns.flow.model import (
    ALLOWED,
    Answer,
    Bucket,
    Bus,
    External,
    Function,
    Node,
    Opaque,
    Pipe,
    Queue,
    Rule,
    Schedule,
    Stream,
    Topic,
    Verdict,
    node_id,
)
from patterns.flow.permissions import Caller, Permissions, names
from patterns.flow.rendered import CLOSE, GAP, OPEN, readable, render
from patterns.flow.template import Ref, Resource, Template, Text, Unknown
from patterns.flow.values import concatenate, spelled, text

DEFAULT_BUS = "default event bus"

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
DYNAMODB_STREAM_SECONDS = 86_400

# Where a bare name stands for a resource, by the service that takes it.
_NAMED = {
    "sqs": "AWS::SQS::Queue",
    "sns": "AWS::SNS::Topic",
    "lambda": "AWS::Lambda::Function",
    "events": "AWS::Events::EventBus",
    "s3": "AWS::S3::Bucket",
    "iam": "AWS::IAM::Role",
}


_FUNCTIONS = ("AWS::Lambda::Function", "AWS::Lambda::Alias", "AWS::Lambda::Version")


class Draft:
    """What the edge readers share."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.value = template.value
        self.permissions = Permissions(template)
        self.nodes: dict[str, Node] = {}
        self.notes: list[str] = []
        self._qualifiers: dict[tuple[str, str], str] = {}
        self._configs: dict[tuple[str, str], Resource] = {}
        self._unplaced: set[str] = set()
        self._invoke_configs()
        for resource in template.resources.values():
            build = _NODES.get(resource.type)
            if build:
                build(self, resource)

    # --- values -------------------------------------------------------------------------------

    def resolved(self, resource: Resource) -> Mapping[str, Any]:
        """All properties with references resolved."""
        names = resource.properties if isinstance(resource.properties, Mapping) else ()
        return {name: self.value(resource, name) for name in names if isinstance(name, str)}

    def name(self, resource: Resource) -> str:
        """What a reader calls a resource: its construct path without the last ``Resource``, or its id."""
        if not resource.path:
            return resource.logical_id
        parts = [part for part in resource.path.split("/") if part]
        if len(parts) > 1 and parts[-1] in ("Resource", "Default"):
            parts.pop()
        if len(parts) > 1 and parts[0] == resource.stack:
            parts = parts[1:]
        return "/".join(parts) or resource.logical_id

    def note(self, text: str) -> None:
        self.notes.append(text)

    def add(self, node: Node) -> str:
        self.nodes[node.id] = node
        return node.id

    def key(self, resource: Resource, *path: str | int) -> str | None:
        """The key that encrypts a resource: an id, an ARN or alias, empty for none, ``None``: cannot be told."""
        value = self.value(resource, *path)
        if value is None or value == "":
            return ""
        if isinstance(value, Unknown):
            return None
        text = render(value)
        alias = re.search(r"alias/aws/\w+$", text)
        if alias:
            return alias.group()
        target = self.template.target(resource.stack, value, "AWS::KMS::Alias")
        if isinstance(target, Ref):
            found = self.template.resources.get((target.stack, target.logical_id))
            if found is not None and found.type == "AWS::KMS::Alias":
                return self.key(found, "TargetKeyId")
            return node_id(target)
        return None if GAP in text or not text else text

    # --- endpoints ----------------------------------------------------------------------------

    def role(self, stack: str, value: Any) -> str:
        """The id of a role, empty when it stands in none of the templates."""
        found = self.inside(stack, value, "iam")
        return found if found and self.type_of(found) == "AWS::IAM::Role" else ""

    def endpoint(self, owner: Resource, place: str, value: Any, service: str = "") -> str:
        """The id of the node that a name, URL or ARN in a property stands for, made if it is elsewhere."""
        if service in ("", "lambda") and (function := self.function(owner.stack, value)):
            return function
        inside = self.inside(owner.stack, value, service)
        if inside in self.nodes:
            return inside
        if inside:
            kind = self.type_of(inside)
            if kind:
                resource = self.template.resources[_split(inside)]
                return self.add(Opaque(id=inside, name=self.name(resource), resource=resource, type=resource.type))
        text = render(value)
        if text.startswith("arn:") and GAP not in text:
            if text.endswith(":event-bus/default") and self.elsewhere(owner.stack, text) is not True:
                return self.default_bus()
            return self.foreign(text, service)
        if text.startswith("arn:"):
            parts = text.split(":")
            guessed = service or (parts[2] if len(parts) > 2 and GAP not in parts[2] else "")
            return self._gap(owner, place, value, guessed, f"{place} of {self.name(owner)} is {readable(text)}")
        if isinstance(value, str) and value:
            return self.add(External(id=value, name=value, service=service))
        why = value.reason if isinstance(value, Unknown) else readable(text).replace("…", "").strip()
        return self._gap(owner, place, value, service, f"{place} of {self.name(owner)}: {why or 'no value'}")

    def foreign(self, arn: str, service: str = "") -> str:
        """The id of the node for an ARN that names nothing in the templates."""
        parts = arn.split(":", 5)
        named = readable(parts[-1]).rsplit("/", 1)[-1]
        if arn.endswith(":event-bus/default"):
            named = f"the default event bus in {' of '.join(readable(part) for part in parts[3:5])}"
        return self.add(External(id=readable(arn), name=named, service=service or "".join(parts[2:3])))

    def elsewhere(self, stack: str, arn: str) -> bool | None:
        """Whether an ARN names another Region or account than that of a stack; ``None`` if it cannot be told."""
        own = (self.template.region(stack), self.template.account(stack))
        named = [(one, mine) for one, mine in zip(arn.split(":")[3:5], own, strict=True) if _is_literal(one)]
        if any(mine and mine != one for one, mine in named):
            return True
        return None if any(not mine for _, mine in named) else False

    def _gap(self, owner: Resource, place: str, value: Any, service: str, why: str) -> str:
        """The node for what is not told: one and the same where two places say the same, such as one parameter."""
        same = spelled(value)
        key = f"?{same}" if same else f"{node_id(owner)}#{place}?"
        known = self.nodes.get(key)
        if isinstance(known, External) and known.service and service != known.service:
            # A bus and a function may have one name.
            key = f"{service}{key}"
            known = self.nodes.get(key)
        if known is None:
            self.note(f"cannot be told: {why}")
            self.add(External(id=key, name=f"the {place} of {self.name(owner)}", service=service, why=why))
        elif isinstance(known, External) and service:
            self.add(replace(known, service=service))
        return key

    def listed(self, owner: Resource, place: str, value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The numbered items of a list of objects in a property. What cannot be told is noted: it may hold another."""
        if isinstance(value, Unknown):
            self.note(f"cannot be told: {place} of {self.name(owner)}: {value.reason}")
        for number, item in items(value):
            if isinstance(item, Unknown):
                self.note(f"cannot be told: {place}[{number}] of {self.name(owner)}: {item.reason}")
            elif isinstance(item, Mapping):
                yield number, item

    def default_bus(self) -> str:
        if DEFAULT_BUS not in self.nodes:
            self.add(Bus(id=DEFAULT_BUS, name=DEFAULT_BUS, default=True))
        return DEFAULT_BUS

    def bus(self, owner: Resource, value: Any) -> str:
        """The bus that an EventBusName stands for; absent: the default one."""
        if value is None or value == "default":
            return self.default_bus()
        bare = isinstance(value, str) and not value.startswith("arn:")
        if bare and not self.inside(owner.stack, value, "events"):
            return self.add(External(id=f"event bus {value}", name=value, service="events"))
        return self.endpoint(owner, "EventBusName", value, "events")

    def function(self, stack: str, value: Any, qualifier: Any = None) -> str:
        """The node of a function as a name, an ARN or a reference with or without a qualifier names it."""
        text = render(value)
        if text.startswith(OPEN):
            inner, _, rest = text[1:].partition(CLOSE)
            resource = self.template.resources.get(_split(inner))
            if resource is None:
                return ""
            if resource.type in _FUNCTIONS[1:]:
                return self._qualified_node(resource)
            if resource.type != "AWS::Lambda::Function":
                return ""
            return self._qualify(inner, rest.lstrip(":") or qualifier)
        if not isinstance(value, str | Text):
            return ""
        target = self.template.target(stack, value, "AWS::Lambda::Function")
        rest = re.search(r":function:[^:/]+:([^:/]+)$", text)
        bare = re.fullmatch(r"([\w-]+):([\w$-]+)", text)
        if isinstance(target, str) and bare:
            target = self.template.target(stack, bare.group(1), "AWS::Lambda::Function")
            rest = re.match(r"[\w-]+:([\w$-]+)$", text)
        if not isinstance(target, Ref):
            return ""
        resource = self.template.resources.get((target.stack, target.logical_id))
        if resource is None or resource.type not in _FUNCTIONS:
            return ""
        if resource.type != "AWS::Lambda::Function":
            return self._qualified_node(resource)
        return self._qualify(node_id(resource), rest.group(1) if rest else qualifier)

    def _qualify(self, function: str, qualifier: Any) -> str:
        name = qualifier if isinstance(qualifier, str) else render(qualifier) if qualifier else ""
        if name in ("", "$LATEST"):
            return function
        if name.startswith(OPEN):
            resource = self.template.resources.get(_split(name[1:].partition(CLOSE)[0]))
            if resource and resource.type in _FUNCTIONS[1:]:
                return self._qualified_node(resource)
        known = self._qualifiers.get((function, name))
        if known:
            return known
        definition = self.template.resources[_split(function)]
        return self._function_node(f"{function}:{name}", definition, name, definition)

    def _qualified_node(self, resource: Resource) -> str:
        key = node_id(resource)
        if key not in self.nodes:
            _version(self, resource)
        return key if key in self.nodes else ""

    def inside(self, stack: str, value: Any, service: str = "") -> str:
        """The id of the resource in the templates that a value names, else empty."""
        return self.named(stack, value, _NAMED.get(service, ""))

    def named(self, stack: str, value: Any, kind: str = "") -> str:
        """The id of the resource that a value names, a bare name among the resources of one type."""
        target = self.template.target(stack, value, *((kind,) if kind else ()))
        if isinstance(target, Ref) and (target.stack, target.logical_id) in self.template.resources:
            return node_id(target)
        return ""

    @cached_property
    def polled(self) -> set[str]:
        """The ids of what mappings and pipes read."""
        readers = (("AWS::Lambda::EventSourceMapping", "EventSourceArn"), ("AWS::Pipes::Pipe", "Source"))
        return {
            self.inside(resource.stack, self.value(resource, source))
            for kind, source in readers
            for resource in self.template.of_type(kind)
        }

    def type_of(self, key: str) -> str:
        resource = self.template.resources.get(_split(key))
        return resource.type if resource else ""

    # --- functions ----------------------------------------------------------------------------

    def _invoke_configs(self) -> None:
        for config in self.template.of_type("AWS::Lambda::EventInvokeConfig"):
            value = self.value(config, "FunctionName")
            text = render(value)
            inner = text[1:].partition(CLOSE)[0] if text.startswith(OPEN) else ""
            if not inner:
                inner = self.inside(config.stack, value, "lambda")
            if not inner:
                self.note(f"cannot be told: which function {self.name(config)} configures")
                self._unplaced.add(config.stack)
                continue
            qualifier = render(self.value(config, "Qualifier", default="$LATEST"))
            if GAP in qualifier:
                self._unplaced.add(config.stack)
            if qualifier.startswith(OPEN):
                qualifier = qualifier[1:].partition(CLOSE)[0]
            self._configs[(inner, qualifier)] = config

    def _function_node(self, key: str, resource: Resource, qualifier: str, definition: Resource) -> str:
        function = node_id(definition)
        config = self._configs.get((function, qualifier)) or self._configs.get((function, key))
        if config is None and resource is not definition:
            config = self._configs.get((key, qualifier))
        numbers = _Numbers(self, definition)
        timeout = numbers.integer("timeout", "Timeout", default=limits.LAMBDA_TIMEOUT_DEFAULT)
        reserved = numbers.integer("reserved_concurrency", "ReservedConcurrentExecutions", default=-1)
        retries: int | None = limits.ASYNC_RETRY_ATTEMPTS_DEFAULT
        age: int | None = limits.ASYNC_EVENT_AGE_DEFAULT
        if config is not None:
            numbers.resource = config
            retries = numbers.perhaps(config, "retries", "MaximumRetryAttempts", default=retries)
            age = numbers.perhaps(config, "event_age", "MaximumEventAgeInSeconds", default=age)
        open_config = ("async_config",) if config is None and definition.stack in self._unplaced else ()
        name = self.name(resource)
        loop = self.value(definition, "RecursiveLoop", default="Terminate")
        if not isinstance(loop, str):
            numbers.unknown.append("recursive_loop")
            self.note(f"cannot be told: RecursiveLoop of {self.name(definition)}")
        node = Function(
            id=key,
            name=name if resource is not definition or qualifier == "$LATEST" else f"{name}:{qualifier}",
            resource=resource,
            function=function,
            definition=definition,
            qualifier=qualifier,
            timeout=timeout,
            reserved_concurrency=None if reserved == -1 else reserved,
            role=self.role(definition.stack, self.value(definition, "Role")),
            recursive_loop=loop if isinstance(loop, str) else "",
            retries=retries,
            event_age=age,
            async_config=config,
            unknown=(*numbers.unknown, *open_config),
        )
        return self.add(node)

    # --- permissions --------------------------------------------------------------------------

    def may(self, service: str, source: str, target: str, link: Resource, by_default: bool = False) -> Verdict:
        """Whether a service may, on behalf of ``source``, send to a node by that node's own policies.

        A policy under the same condition as the ``link`` is there whenever the link is. ``by_default``: whether a
        queue or topic that no policy protects lets the service in.
        """
        node = self.nodes[target]
        if isinstance(node, External):
            return Verdict(Answer.UNKNOWN, node.why or f"{node.name} stands in none of the templates")
        caller = Caller(service=service, on_behalf_of=source, stack=link.stack, given=condition_of(link))
        if isinstance(node, Queue | Topic):
            action = "sqs:SendMessage" if isinstance(node, Queue) else "sns:Publish"
            open_to_it = by_default and not self.permissions.protects(target)
            first = ALLOWED if open_to_it else self.permissions.resource_allows(caller, action, target, node.name)
            if first.denied:
                return first
            return both(first, self.permissions.key_allows(caller, node.key, "kms:GenerateDataKey", "kms:Decrypt"))
        if isinstance(node, Function):
            return self.may_invoke(caller, node)
        return ALLOWED

    def may_invoke(self, caller: Caller, node: Function) -> Verdict:
        """Whether the resource policy of exactly this qualifier lets a service invoke the function."""
        answers = [
            self.permissions.resource_allows(caller, "lambda:InvokeFunction", key, node.name)
            for key in dict.fromkeys((node.id, f"{node.function}:{node.qualifier}"))
        ]
        return min(answers, key=lambda verdict: _RANK[verdict.answer])

    def permits(self, service: str, node: Function) -> Verdict:
        """Whether a function has any permission for a service, whatever that is limited to."""
        if "${stageVariables." in node.qualifier:
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.stage-variables-reference.html
            return Verdict(Answer.UNKNOWN, f"a variable of the stage says which version {node.name} is")
        keys = (node.id, f"{node.function}:{node.qualifier}")
        if any(self.permissions.names_service(key, service) for key in keys):
            return ALLOWED
        return Verdict(Answer.DENIED, f"no policy on {node.name} lets {service} in")

    def role_may(self, role: str, action: str, target: str, link: Resource | None = None) -> Verdict:
        """Whether a role may do an action to a node, the node's encryption included; ``link`` as for `may`."""
        node = self.nodes[target]
        if not role:
            return Verdict(Answer.UNKNOWN, "the role stands in none of the templates")
        if isinstance(node, External) and not node.id.startswith("arn:"):
            return Verdict(Answer.UNKNOWN, node.why or f"{node.name} stands in none of the templates")
        resource = node.function if isinstance(node, Function) and ":" in node.id else target
        if target == DEFAULT_BUS:
            resource = names.DEFAULT_BUS
        given = condition_of(link) if link else ()
        first = self.permissions.role_allows(role, action, resource, node.name, given)
        if first.denied and isinstance(node, Function) and node.function != target:
            first = self.permissions.role_allows(role, action, node.function, node.name, given)
        return first if first.denied else both(first, self.may_use_key(role, action, node, given))

    def may_use_key(self, role: str, action: str, node: Node, given: tuple[str, ...] = ()) -> Verdict:
        """Whether a role may use the key that encrypts a node as an action on it asks for."""
        actions = _KEY_ACTIONS.get(action)
        return (
            self.permissions.key_allows(Caller(role=role, given=given), self._key_of(node), *actions)
            if actions
            else ALLOWED
        )

    def _key_of(self, node: Node) -> str | None:
        if isinstance(node, Queue | Topic):
            return node.key
        if isinstance(node, Stream) and node.resource:
            return self.key(node.resource, "StreamEncryption", "KeyId")
        return self.key(node.resource, *_BUCKET_KEY) if isinstance(node, Bucket) and node.resource else ""


def condition_of(link: Resource) -> tuple[str, ...]:
    """The template's condition under which a link exists, if it cannot be told, for `Caller.given`."""
    return (link.condition.same,) if link.condition else ()


# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
# https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
# https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html (what a bucket's key asks for)
_KEY_ACTIONS = {
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    "kinesis:GetRecords": ("kms:Decrypt",),
    "kinesis:SubscribeToShard": ("kms:Decrypt",),
    "kinesis:PutRecord": ("kms:GenerateDataKey",),
    "kinesis:PutRecords": ("kms:GenerateDataKey",),
    "s3:PutObject": ("kms:GenerateDataKey",),
}
_BUCKET_KEY = (
    *("BucketEncryption", "ServerSideEncryptionConfiguration", 0),
    *("ServerSideEncryptionByDefault", "KMSMasterKeyID"),
)
_RANK = {Answer.ALLOWED: 0, Answer.UNKNOWN: 1, Answer.DENIED: 2}


def fifo_refuses(node: Node, grouped: bool | None, deduplicated: bool | None = False) -> Verdict | None:
    """What a FIFO queue says to a sender that gives no message group or no deduplication id; ``None``: nothing.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    if not isinstance(node, Queue) or not node.fifo:
        return None
    if grouped is False:
        return Verdict(Answer.DENIED, f"{node.name} is a FIFO queue and the target gives no MessageGroupId")
    if node.content_based_deduplication is False and deduplicated is False:
        return Verdict(Answer.DENIED, f"{node.name} is a FIFO queue without content-based deduplication")
    if grouped is None or (not node.content_based_deduplication and not deduplicated):
        return Verdict(Answer.UNKNOWN, f"whether the target gives what the FIFO queue {node.name} asks for")
    return None


def no_fifo(node: Node) -> Verdict | None:
    """The refusal of a FIFO queue as the dead-letter queue of a rule's target or a schedule; ``None``: none.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    """
    if isinstance(node, Queue) and node.fifo:
        return Verdict(Answer.DENIED, f"{node.name} is a FIFO queue, which a target's dead-letter queue cannot be")
    return None


def given_in(options: Any, field: str) -> bool | None:
    """Whether an object of a template gives a field; ``None`` if it cannot be told."""
    if isinstance(options, Unknown):
        return None
    value = options.get(field) if isinstance(options, Mapping) else None
    return None if isinstance(value, Unknown) and value.reason.startswith("condition ") else value is not None


def both(first: Verdict, second: Verdict) -> Verdict:
    """The worse of two verdicts: both have to allow."""
    return max(first, second, key=lambda verdict: _RANK[verdict.answer])


def _split(key: str) -> tuple[str, str]:
    stack, _, logical = key.rpartition("/")
    return stack, logical.partition(":")[0]


def numbers(draft: Draft, resource: Resource) -> "_Numbers":
    """Reads numbers and switches of one resource and remembers which could not be told."""
    return _Numbers(draft, resource)


class _Numbers:
    def __init__(self, draft: Draft, resource: Resource) -> None:
        self._draft = draft
        self.resource = resource
        self.unknown: list[str] = []

    def integer(self, field: str, *path: str | int, default: int | None) -> int | None:
        value = self._draft.value(self.resource, *path)
        return default if value is None else self.as_integer(field, value)

    def perhaps(self, of: Resource, field: str, *path: str | int, default: int | None) -> int | None:
        """A number of a resource that may not be there, so that the default counts."""
        found = self.integer(field, *path, default=default)
        if of.condition is None or found == default or found is None:
            return found
        self.unknown.append(field)
        self._draft.note(f"cannot be told: {field.replace('_', ' ')} of {self._draft.name(of)}, {of.condition}")
        return None

    def as_integer(self, field: str, value: Any) -> int | None:
        if isinstance(value, bool):
            pass
        elif isinstance(value, int):
            return value
        elif (isinstance(value, float) and value == value and abs(value) < 1e15) or (
            isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,15}\s*", value, re.ASCII)
        ):
            return int(value)
        self.unknown.append(field)
        self._draft.note(f"cannot be told: {field.replace('_', ' ')} of {self._draft.name(self.resource)}")
        return None

    def flag(self, field: str, *path: str | int, default: bool) -> bool | None:
        value = self._draft.value(self.resource, *path)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        self.unknown.append(field)
        self._draft.note(f"cannot be told: {field.replace('_', ' ')} of {self._draft.name(self.resource)}")
        return None


# --- one builder for each kind of node ---------------------------------------------------------------


def _queue(draft: Draft, resource: Resource) -> None:
    read = numbers(draft, resource)
    redrive, broken = redrive_policy(draft, resource)
    draft.add(
        Queue(
            id=node_id(resource),
            name=draft.name(resource),
            resource=resource,
            fifo=read.flag("fifo", "FifoQueue", default=False),
            retention=read.integer("retention", "MessageRetentionPeriod", default=limits.SQS_RETENTION_DEFAULT),
            visibility=read.integer("visibility", "VisibilityTimeout", default=limits.SQS_VISIBILITY_TIMEOUT_DEFAULT),
            delay=read.integer("delay", "DelaySeconds", default=0),
            key=draft.key(resource, "KmsMasterKeyId"),
            content_based_deduplication=read.flag(
                "content_based_deduplication", "ContentBasedDeduplication", default=False
            ),
            redrive=redrive is not None,
            broken_redrive=broken,
            unknown=tuple(read.unknown),
        )
    )


def redrive_policy(draft: Draft, resource: Resource) -> tuple[Mapping[str, Any] | None, str]:
    """The redrive policy of a queue or subscription as a document, or why it cannot work."""
    policy = draft.value(resource, "RedrivePolicy")
    if policy is None:
        return None, ""
    if isinstance(policy, Unknown):
        return {"deadLetterTargetArn": policy, "maxReceiveCount": policy}, ""
    if not isinstance(policy, Mapping):
        document = as_json(policy)
        if not isinstance(document, Mapping):
            return None, "is not a JSON object"
        policy = document
    if "deadLetterTargetArn" not in policy:
        return None, "has no deadLetterTargetArn"
    return policy, ""


def _is_literal(place: str) -> bool:
    return bool(place) and not any(mark in place for mark in (OPEN, GAP, "‹"))


def as_json(value: Any) -> Any:
    """A JSON document that a template holds as a string, with the references in it, else ``None``."""
    import json

    if not isinstance(value, str | Text):
        return None
    held: list[Ref | Unknown] = []
    written = ""
    for part in text(value):
        if isinstance(part, str):
            written += part
            continue
        # A number or an object is put in without quotation marks.
        mark = f"\0{len(held)}\0" if _ENCLOSED.sub("", written).count('"') % 2 else f'"\0{len(held)}\0"'
        held.append(part)
        written += mark
    try:
        document = json.loads(written, strict=False)
    except (ValueError, RecursionError):
        return None
    return _filled(document, held) if held else document


_ENCLOSED = re.compile(r"\\.", re.DOTALL)
_HELD = re.compile(r"\0(\d+)\0")


def _filled(document: Any, held: Sequence[Ref | Unknown]) -> Any:
    """A document in which the marks are again what they stand for."""
    if isinstance(document, dict):
        return {render(_filled(key, held)): _filled(item, held) for key, item in document.items()}
    if isinstance(document, list):
        return [_filled(item, held) for item in document]
    if not isinstance(document, str) or "\0" not in document:
        return document
    pieces = _HELD.split(document)
    return concatenate(held[int(one)] if index % 2 else one for index, one in enumerate(pieces))


def _topic(draft: Draft, resource: Resource) -> None:
    read = numbers(draft, resource)
    archive = draft.value(resource, "ArchivePolicy")
    protection = draft.value(resource, "DataProtectionPolicy")
    if isinstance(archive, str | Text):
        archive = as_json(archive)
    if isinstance(protection, str | Text):
        protection = as_json(protection)
    open_policy = protection is not None and not isinstance(protection, Mapping)
    days: int | None = 0
    if isinstance(archive, Mapping):
        days = read.as_integer("archive_days", archive.get("MessageRetentionPeriod"))
    elif archive is not None:
        days = read.as_integer("archive_days", Unknown("the archive policy cannot be read"))
    draft.add(
        Topic(
            id=node_id(resource),
            name=draft.name(resource),
            resource=resource,
            fifo=read.flag("fifo", "FifoTopic", default=False),
            key=draft.key(resource, "KmsMasterKeyId"),
            archive_days=days,
            data_protection=protection if isinstance(protection, Mapping) else None,
            unknown=(*read.unknown, *(("data_protection",) if open_policy else ())),
        )
    )


def _bus(draft: Draft, resource: Resource) -> None:
    new = resource.type == "AWS::EventsV2::EventBus"
    read = numbers(draft, resource)
    path = ("EncryptionConfiguration",) if new else ()
    draft.add(
        Bus(
            id=node_id(resource),
            name=draft.name(resource),
            resource=resource,
            key=draft.key(resource, *path, "KmsKeyIdentifier"),
            archive_days=read.integer("archive_days", "StorageConfiguration", "RetentionPeriodInDays", default=None)
            if new
            else 0,
            version=2 if new else 1,
            unknown=tuple(read.unknown),
        )
    )


def _rule(draft: Draft, resource: Resource) -> None:
    state = draft.value(resource, "State", default="ENABLED")
    pattern = draft.value(resource, "EventPattern")
    if isinstance(pattern, str):
        pattern = as_json(pattern)
    expression = draft.value(resource, "ScheduleExpression")
    bus = ""
    if pattern is not None or expression is None:
        bus = draft.bus(resource, draft.value(resource, "EventBusName"))
    draft.add(
        Rule(
            id=node_id(resource),
            name=draft.name(resource),
            resource=resource,
            bus=bus,
            pattern=pattern if isinstance(pattern, Mapping) else None,
            expression=readable(render(expression)) if expression is not None else "",
            enabled=None if isinstance(state, Unknown) else state != "DISABLED",
            unknown=(
                *(("pattern",) if pattern is not None and not isinstance(pattern, Mapping) else ()),
                *(("targets",) if _is_open(draft.value(resource, "Targets")) else ()),
            ),
        )
    )


def _function(draft: Draft, resource: Resource) -> None:
    draft._function_node(node_id(resource), resource, "$LATEST", resource)


def _alias(draft: Draft, resource: Resource) -> None:
    name = render(draft.value(resource, "Name", default=GAP))
    key = _version(draft, resource, name)
    node = draft.nodes[key]
    if isinstance(node, Function):
        draft._qualifiers[(node.function, name)] = key


def _version(draft: Draft, resource: Resource, qualifier: str = "") -> str:
    owner = draft.inside(resource.stack, draft.value(resource, "FunctionName"))
    definition = draft.template.resources.get(_split(owner)) if owner else None
    if definition is None or definition.type != "AWS::Lambda::Function":
        return draft.add(External(id=node_id(resource), name=draft.name(resource), resource=resource, service="lambda"))
    return draft._function_node(node_id(resource), resource, qualifier or node_id(resource), definition)


def _schedule(draft: Draft, resource: Resource) -> None:
    state = draft.value(resource, "State", default="ENABLED")
    group = draft.value(resource, "GroupName", default="default")
    draft.add(
        Schedule(
            id=node_id(resource),
            name=draft.name(resource),
            resource=resource,
            expression=readable(render(draft.value(resource, "ScheduleExpression", default=""))),
            enabled=None if isinstance(state, Unknown) else state != "DISABLED",
            group=draft.named(resource.stack, group, "AWS::Scheduler::ScheduleGroup") or _written(group),
        )
    )


def _written(value: Any) -> str:
    text = render(value)
    return "" if GAP in text else readable(text)


def _bucket(draft: Draft, resource: Resource) -> None:
    draft.add(Bucket(id=node_id(resource), name=draft.name(resource), resource=resource))


def _kinesis(draft: Draft, resource: Resource) -> None:
    read = numbers(draft, resource)
    # https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html
    hours = read.integer("retention", "RetentionPeriodHours", default=24)
    draft.add(
        Stream(
            id=node_id(resource),
            name=draft.name(resource),
            resource=resource,
            service="kinesis",
            retention=None if hours is None else hours * 3600,
            unknown=tuple(read.unknown),
        )
    )


def _table(draft: Draft, resource: Resource) -> None:
    if draft.value(resource, "StreamSpecification") is not None:
        draft.add(
            Stream(
                id=node_id(resource),
                name=draft.name(resource),
                resource=resource,
                service="dynamodb",
                retention=DYNAMODB_STREAM_SECONDS,
            )
        )


def _pipe(draft: Draft, resource: Resource) -> None:
    state = draft.value(resource, "DesiredState", default="RUNNING")
    enabled = None if isinstance(state, Unknown) else state != "STOPPED"
    draft.add(Pipe(id=node_id(resource), name=draft.name(resource), resource=resource, enabled=enabled))


_NODES = {
    "AWS::SQS::Queue": _queue,
    "AWS::SNS::Topic": _topic,
    "AWS::Events::EventBus": _bus,
    "AWS::EventsV2::EventBus": _bus,
    "AWS::Events::Rule": _rule,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::Alias": _alias,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::S3::Bucket": _bucket,
    "AWS::Kinesis::Stream": _kinesis,
    "AWS::DynamoDB::Table": _table,
    "AWS::DynamoDB::GlobalTable": _table,
    "AWS::Pipes::Pipe": _pipe,
}


def net_of(value: Any) -> Any:
    """What a DeadLetterConfig names: a value, ``None`` where it names nothing."""
    if isinstance(value, Unknown):
        return value
    return value.get("Arn") if isinstance(value, Mapping) else None


def _is_open(value: Any) -> bool:
    """Whether a list property may hold what cannot be told."""
    return isinstance(value, Unknown) or any(isinstance(item, Unknown) for _, item in items(value))


def items(value: Any) -> Iterator[tuple[int, Any]]:
    """The numbered items of a list property; one that is no list counts as its only item."""
    if isinstance(value, list | tuple):
        yield from enumerate(value)
    elif value is not None and not isinstance(value, Unknown):
        yield 0, value
