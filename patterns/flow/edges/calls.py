"""Services whose inner working is not modelled, and the queues, topics, buses and functions they name.

Whoever calls such a service sees whether the call failed; what it sends is taken to be sent to everything
that its definition names.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from patterns.flow.draft import Draft, as_json
from patterns.flow.edges.events import event_of
from patterns.flow.edges.lambda_ import write_action
from patterns.flow.model import (
    ALLOWED,
    Answer,
    Bus,
    Call,
    Edge,
    Function,
    Opaque,
    Queue,
    Topic,
    Verdict,
    Way,
    node_id,
)
from patterns.flow.rendered import CLOSE, OPEN, render
from patterns.flow.template import Ref, Resource, Text, Unknown

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
    seen: set[tuple[str, str, Way]] = set()
    for kind, (owner, asynchronous) in _CALLERS.items():
        for resource in draft.template.of_type(kind):
            caller = _caller(draft, resource, owner)
            _note_definition(draft, resource)
            words = " ".join(_words(resource.properties))
            # An IoT rule names nothing that it only reads or describes.
            sends = kind == "AWS::IoT::TopicRule" or _SENDS.search(words)
            names_a_bus = "EventBusName" in words
            kinds = dict(_invocations(draft, resource)) if _INVOCATION.search(words) else {}
            # Of an API's other methods nothing is known here.
            event = _put(draft, resource) if not owner and "DetailType" in words else (None, None)
            for (target, place, way), verdict in _named(draft, resource, names_a_bus).items():
                if (caller, target, way) in seen or caller == target:
                    continue
                invokes = resource.type in _PRINCIPALS and isinstance(draft.nodes[target], Function)
                if verdict.denied and not sends and not invokes:
                    continue  # what it may not send to, it reads or describes
                seen.add((caller, target, way))
                _add(draft, caller, resource)
                yield Call(
                    id=f"{caller}>{target}" + (f"#{place}" if way is Way.FAILURE else ""),
                    source=caller,
                    target=target,
                    resource=resource,
                    place=place,
                    way=way,
                    asynchronous=kinds.get(target, asynchronous),
                    event=event_of(draft.nodes[target], *event),
                    verdict=verdict,
                )


# How a service says that it does, or does not, wait for a function.
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-integration-async.html
# https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-lambda.html
_INVOCATION = re.compile("InvocationType|X-Amz-Invocation-Type")
_HEADER = "integration.request.header.X-Amz-Invocation-Type"


def _invocations(draft: Draft, resource: Resource) -> Iterator[tuple[str, bool]]:
    """The functions that are called with an invocation type of their own, and whether as an event."""
    waiting: list[Any] = [draft.resolved(resource)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Text | str) and "InvocationType" in (text := render(value)):
            waiting.append(as_json(text))
        elif isinstance(value, list | tuple):
            waiting.extend(value)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
            header = value.get("RequestParameters", value.get("requestParameters"))
            kind = header.get(_HEADER) if isinstance(header, Mapping) else value.get("InvocationType")
            if isinstance(kind, str) and kind.strip("'") in ("Event", "RequestResponse"):
                for text in _texts(value, 40):
                    for target in _targets(draft, resource, text, True):
                        yield target, kind.strip("'") == "Event"


def _put(draft: Draft, resource: Resource) -> tuple[Any, Any]:
    """The sources and the detail types of all the events that a definition puts on buses; ``None``: any.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html
    """
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [draft.resolved(resource)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Text | str) and "DetailType" in render(value):
            document = as_json(value)
            waiting.append(document)
            if document is None:
                found.append((None, None))
        elif isinstance(value, list | tuple):
            waiting.extend(value)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
            if {"Entries.$", "DetailType", "DetailType.$"} & value.keys() or isinstance(value.get("Entries"), str):
                found.append((value.get("Source"), value.get("DetailType")))
    return ([one for one, _ in found], [one for _, one in found])


# A definition that stands in another file, or is put in when the template is deployed.
_DEFINITIONS = ("Body", "Definition", "DefinitionString", "DefinitionBody")
_ELSEWHERE = ("BodyS3Location", "DefinitionS3Location", "DefinitionUri")


def _note_definition(draft: Draft, resource: Resource) -> None:
    for name in _DEFINITIONS:
        value = draft.value(resource, name)
        if isinstance(value, Unknown):
            draft.note(f"cannot be told: what {draft.name(resource)} calls: {value.reason}")
    for name in _ELSEWHERE:
        if draft.value(resource, name) is not None:
            draft.note(f"cannot be told: what {draft.name(resource)} calls: its definition stands in another file")


_ROLES = ("credentials", "credentialsarn", "rolearn", "servicerolearn")
_SENDS = re.compile("send[-_ ]?message|publish|put[-_ ]?events|invo[ck]", re.IGNORECASE)


def _words(value: Any) -> Iterator[str]:
    """Every key and every text of a definition, whatever its depth."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from (key for key in value if isinstance(key, str))
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)


def _roles(draft: Draft, stack: str, value: Any) -> list[str]:
    return list(dict.fromkeys(_roles_in(draft, stack, value, 40)))


def _roles_in(draft: Draft, stack: str, value: Any, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str) and key.lower() in _ROLES:
                yield draft.role(stack, item)
            else:
                yield from _roles_in(draft, stack, item, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _roles_in(draft, stack, item, depth - 1)


# Services that invoke by the function's own policy, where they have no role.
# https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-services.html
_PRINCIPALS = {
    "AWS::ApiGateway::Method": "apigateway.amazonaws.com",
    "AWS::ApiGateway::RestApi": "apigateway.amazonaws.com",
    "AWS::ApiGatewayV2::Integration": "apigateway.amazonaws.com",
    "AWS::ApiGatewayV2::Api": "apigateway.amazonaws.com",
    "AWS::Cognito::UserPool": "cognito-idp.amazonaws.com",
    "AWS::IoT::TopicRule": "iot.amazonaws.com",
    "AWS::SecretsManager::RotationSchedule": "secretsmanager.amazonaws.com",
}


def _may_call(draft: Draft, roles: list[str], target: str, link: Resource) -> Verdict:
    """Whether any of its roles lets a service send; without a role, whether a function has a permission for it.

    What the permission is limited to is not worked out, nor what else than functions asks for.
    """
    node, principal = draft.nodes[target], _PRINCIPALS.get(link.type)
    if isinstance(node, Function) and principal:
        permitted = draft.permits(principal, node)
        if permitted.allowed or not roles or link.type == "AWS::IoT::TopicRule":
            return permitted
    if not roles:
        return ALLOWED
    action = write_action(draft.nodes[target])
    answers = [draft.role_may(role, action, target, link) for role in roles]
    return min(answers, key=lambda verdict: _RANK[verdict.answer])


_RANK = {Answer.ALLOWED: 0, Answer.UNKNOWN: 1, Answer.DENIED: 2}


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


def _named(draft: Draft, resource: Resource, names_a_bus: bool) -> dict[tuple[str, str, Way], Verdict]:
    """What a service calls, in which property and when it says so, and whether it may by any role that it says."""
    named: dict[tuple[str, str, Way], Verdict] = {}
    for place, way, part, roles in _parts(draft, resource):
        for text in _texts(part, 40):
            for target in _targets(draft, resource, text, names_a_bus):
                known = named.get((target, place, way))
                if known is None or not known.allowed:
                    verdict = _may_call(draft, roles, target, resource)
                    named[target, place, way] = min(known or verdict, verdict, key=lambda one: _RANK[one.answer])
    return named


# An API's definition calls with the role of each integration, or without one by the policy of what it calls; its
# authorizers decide who may call and get no message.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
_INTEGRATION = "x-amazon-apigateway-integration"
# Named ones, to which the integrations of HTTP APIs refer.
_INTEGRATIONS = "x-amazon-apigateway-integrations"


def _parts(draft: Draft, resource: Resource) -> Iterator[tuple[str, Way, Any, list[str]]]:
    """The parts of a definition that call, and the roles by which each does; one in no template is empty."""
    properties = draft.resolved(resource)
    integrations = list(_integrations(properties.get("Body"), 40))
    for integration in integrations:
        yield "Body", Way.MESSAGE, integration, _roles(draft, resource.stack, integration)
    roles = _roles(draft, resource.stack, properties)
    for name, value in properties.items():
        if name == "Body" and integrations:
            continue
        if resource.type == "AWS::IoT::TopicRule" and isinstance(value, Mapping) and "ErrorAction" in value:
            # An error action is taken when another action fails.
            yield name, Way.FAILURE, value["ErrorAction"], roles
            value = {key: item for key, item in value.items() if key != "ErrorAction"}
        yield name, Way.MESSAGE, value, roles


def _integrations(value: Any, depth: int) -> Iterator[Any]:
    if depth == 0:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == _INTEGRATION:
                yield item
            elif key == _INTEGRATIONS and isinstance(item, Mapping):
                yield from item.values()
            else:
                yield from _integrations(item, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _integrations(item, depth - 1)


# Step Functions and API Gateway put events on the default bus where no other is named.
# https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html (uri: service:action/name)
_PUT_EVENTS = re.compile("events:putEvents|eventbridge:putEvents|EventBridge-PutEvents|events:action/PutEvents")
_ARN = re.compile(r"arn:[\w-]+:(?:sqs|sns|lambda|events):[^\s\"',\\]+|https://sqs\.[^\s\"',\\]+")


def _targets(draft: Draft, resource: Resource, text: str, names_a_bus: bool) -> Iterator[str]:
    found = False
    for key, qualifier in _keys(text):
        target = draft.function(resource.stack, _ref(key), qualifier) or key
        if isinstance(draft.nodes.get(target), _NAMED):
            found = found or isinstance(draft.nodes[target], Bus)
            yield target
    for literal in _ARN.findall(text) if OPEN not in text else ():
        target = draft.function(resource.stack, literal) or draft.inside(resource.stack, literal)
        if isinstance(draft.nodes.get(target), _NAMED):
            yield target
    if _PUT_EVENTS.search(text) and not found and not names_a_bus:
        yield draft.default_bus()


def _ref(key: str) -> Ref:
    stack, _, logical = key.rpartition("/")
    return Ref(stack, logical)


# The alias or version after a function's ARN, which an API may leave to a variable of its stage.
_QUALIFIER = re.compile(r":([\w-]+|\$LATEST|\$\{stageVariables\.\w+\})")


def _keys(text: str) -> Iterator[tuple[str, str]]:
    for piece in text.split(OPEN)[1:]:
        key, _, rest = piece.partition(CLOSE)
        qualified = _QUALIFIER.match(rest)
        yield key, qualified[1] if qualified else ""


def _texts(value: Any, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(value, Ref | Text | str):
        yield render(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, depth - 1)
