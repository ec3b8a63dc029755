"""Services whose inner working is not modelled, and the queues, topics, buses and functions they name.

Whoever calls such a service sees whether the call failed; what it sends is taken to be sent to everything
that its definition names.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from patterns.flow.draft import Draft
from patterns.flow.model import Bus, Call, Edge, Function, Opaque, Queue, Topic, node_id
from patterns.flow.permissions import CLOSE, OPEN, render
from patterns.flow.template import Ref, Resource, Text

# type → (the property that names the node the call leaves, if it is another resource; invoked asynchronously)
_CALLERS: dict[str, tuple[str, bool]] = {
    "AWS::ApiGateway::Method": ("RestApiId", False),
    "AWS::ApiGateway::RestApi": ("", False),
    "AWS::ApiGatewayV2::Integration": ("ApiId", False),
    "AWS::ApiGatewayV2::Api": ("", False),
    "AWS::AppSync::DataSource": ("ApiId", False),
    "AWS::Cognito::UserPool": ("", False),
    "AWS::IoT::TopicRule": ("", True),
    "AWS::Lambda::Url": ("", False),
    "AWS::Logs::SubscriptionFilter": ("", True),
    "AWS::SES::ReceiptRule": ("", True),
    "AWS::SecretsManager::RotationSchedule": ("", True),
    "AWS::StepFunctions::StateMachine": ("", False),
    "AWS::AutoScaling::LifecycleHook": ("", False),
    "AWS::Config::ConfigRule": ("", True),
    "AWS::CodeCommit::Repository": ("", True),
}
_NAMED = (Queue, Topic, Bus, Function)


def links(draft: Draft) -> Iterator[Edge]:
    seen: set[tuple[str, str]] = set()
    for kind, (owner, asynchronous) in _CALLERS.items():
        for resource in draft.template.of_type(kind):
            caller = _caller(draft, resource, owner)
            for target, place in _named(draft, resource):
                if (caller, target) in seen or caller == target:
                    continue
                seen.add((caller, target))
                _add(draft, caller, resource)
                yield Call(
                    id=f"{caller}>{target}",
                    source=caller,
                    target=target,
                    resource=resource,
                    place=place,
                    asynchronous=asynchronous,
                )


def _add(draft: Draft, caller: str, resource: Resource) -> None:
    if caller not in draft.nodes:
        stack, _, logical = caller.rpartition("/")
        own = draft.template.resources.get((stack, logical), resource)
        draft.add(Opaque(id=caller, name=draft.name(own), resource=own, type=own.type))


def _caller(draft: Draft, resource: Resource, owner: str) -> str:
    if owner:
        value = draft.value(resource, owner)
        if isinstance(value, Ref) and (value.stack, value.logical_id) in draft.template.resources:
            return f"{value.stack}/{value.logical_id}"
    return node_id(resource)


def _named(draft: Draft, resource: Resource) -> Iterator[tuple[str, str]]:
    for name in resource.properties if isinstance(resource.properties, Mapping) else ():
        if isinstance(name, str):
            for text in _texts(draft.value(resource, name), 40):
                for key in _keys(text):
                    target = draft.function(resource.stack, _ref(key)) or key
                    if isinstance(draft.nodes.get(target), _NAMED):
                        yield target, name


def _ref(key: str) -> Ref:
    stack, _, logical = key.rpartition("/")
    return Ref(stack, logical)


def _keys(text: str) -> Iterator[str]:
    for piece in text.split(OPEN)[1:]:
        yield piece.partition(CLOSE)[0]


def _texts(value: Any, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(value, Ref | Text):
        yield render(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, depth - 1)
