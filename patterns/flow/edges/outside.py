"""Who invokes a function from outside of the templates, as its permissions say.

A topic, rule or bucket that stands elsewhere leaves a trace here: the permission to invoke the function. Its
events wait in Lambda's own queue like any other, with the same retries and the same need of a destination.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
"""

from collections.abc import Iterator
from typing import Any

from patterns.flow.draft import Draft
from patterns.flow.model import Call, Delivery, Edge, External, Function, Notification, Subscription, node_id
from patterns.flow.permissions import GAP, OPEN, readable, render, wild
from patterns.flow.template import Resource, Unknown

# Services that invoke asynchronously, and what of theirs it is that does.
_CALLERS = {
    "sns": "topic",
    "events": "rule",
    "s3": "bucket",
    "scheduler": "schedule",
    "logs": "log group",
    "iot": "IoT rule",
    "ses": "receipt rule",
    "codecommit": "repository",
    "config": "Config rule",
    "lambda.alarms.cloudwatch": "alarm",
}
_LINKS: dict[str, tuple[type[Edge], ...]] = {
    "sns": (Subscription,),
    "events": (Delivery,),
    "s3": (Notification,),
    "scheduler": (Delivery,),
}


def links(draft: Draft, known: list[Edge]) -> Iterator[Edge]:
    """A call for each permission that no link of the templates explains."""
    arriving: dict[str, list[Edge]] = {}
    for edge in known:
        if isinstance(node := draft.nodes.get(edge.target), Function):
            arriving.setdefault(node.function, []).append(edge)
    sources = {edge.source for edge in known}
    found: set[tuple[str, str]] = set()
    for permission in draft.template.of_type("AWS::Lambda::Permission"):
        service = _service(draft, permission)
        target = draft.function(permission.stack, draft.value(permission, "FunctionName"))
        node = draft.nodes.get(target)
        if service not in _CALLERS or not isinstance(node, Function):
            continue
        pattern = draft.value(permission, "SourceArn")
        if draft.inside(permission.stack, pattern) or _explained(draft, service, pattern, arriving, node.function):
            continue
        source = _caller(draft, permission, service, pattern, node, sources)
        if (source, target) not in found:
            found.add((source, target))
            yield Call(
                id=f"{node_id(permission)}#SourceArn",
                source=source,
                target=target,
                resource=permission,
                place="SourceArn" if pattern is not None else "",
                asynchronous=True,
            )


def _service(draft: Draft, permission: Resource) -> str:
    """The service that a permission lets in, empty where it is for something else than invoking the function."""
    action = render(draft.value(permission, "Action", default="lambda:InvokeFunction")).lower()
    principal = render(draft.value(permission, "Principal", default=""))
    return principal.partition(".amazonaws.")[0] if wild(action, "lambda:invokefunction") else ""


def _explained(draft: Draft, service: str, pattern: Any, arriving: dict[str, list[Edge]], function: str) -> bool:
    """Whether a link of the templates may be what the permission is for."""
    kinds = _LINKS.get(service, (Call,))
    for edge in arriving.get(function, ()):
        if not isinstance(edge, kinds) or (isinstance(edge, Delivery) and edge.by != service):
            continue
        # A log group's filter and the like are not what the permission names.
        if pattern is None or kinds == (Call,) or isinstance(draft.nodes[edge.source], External):
            return True
        if draft.permissions.matches(render(pattern), edge.source) is not False:
            return True
    return False


def _caller(
    draft: Draft, permission: Resource, service: str, pattern: Any, function: Function, sources: set[str]
) -> str:
    """The node of who calls; one of its own where the same topic or bucket has links of another kind."""
    kind, text = _CALLERS[service], render(pattern) if pattern is not None else ""
    if text.startswith("arn:") and not any(mark in text for mark in (GAP, OPEN, "*", "?")):
        known = readable(text)
        key = f"{node_id(permission)}#SourceArn" if known in sources else known
        return draft.add(External(id=key, name=known.split(":", 5)[-1].rsplit("/", 1)[-1], service=service))
    if pattern is None:
        why = f"which {kind} invokes {function.name}: {draft.name(permission)} names none"
    else:
        told = pattern.reason if isinstance(pattern, Unknown) else readable(text)
        why = f"which {kind} invokes {function.name}: SourceArn of {draft.name(permission)} is {told}"
    name = f"a {kind} elsewhere" if kind[0] not in "aeiouAI" else f"an {kind} elsewhere"
    return draft.add(External(id=f"{node_id(permission)}#SourceArn?", name=name, service=service, why=why))
