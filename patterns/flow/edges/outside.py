"""Who invokes a function, or may send to a queue, topic or bus, from outside of the templates, as policies say.

A topic, rule or bucket that stands elsewhere leaves a trace here: the permission to invoke the function. Its
events wait in Lambda's own queue like any other, with the same retries and the same need of a destination.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html

Another account's topic or role that a queue's policy names may send there. It is told as likely: the policy
allows it, and nothing here does it.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-basic-examples-of-sqs-policies.html
"""

import re
from collections.abc import Iterator
from typing import Any

from patterns.flow.draft import DEFAULT_BUS, Draft
from patterns.flow.model import (
    ALLOWED,
    Bus,
    Call,
    Delivery,
    Edge,
    External,
    Function,
    Node,
    Notification,
    Queue,
    Send,
    Subscription,
    Topic,
    Verdict,
    node_id,
)
from patterns.flow.permissions import Caller
from patterns.flow.permissions.statements import Statement
from patterns.flow.permissions.wildcards import wild
from patterns.flow.rendered import GAP, OPEN, readable, render
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


# --- policies of queues, topics and buses ----------------------------------------------------------------

_SENDS: dict[type[Node], str] = {Queue: "sqs:SendMessage", Topic: "sns:Publish", Bus: "events:PutEvents"}


def senders(draft: Draft, known: list[Edge]) -> Iterator[Edge]:
    """A likely send for each sender that a policy lets in by name and that stands in none of the templates."""
    linked: set[tuple[str, str]] = set()
    for policy, keys, statements in draft.permissions.policies:
        for statement in statements:
            if statement.deny or statement.not_principal:
                continue
            for sender, caller in _outsiders(draft, policy, statement):
                linked = linked or {(edge.source, edge.target) for edge in known}
                for key in keys:
                    target = DEFAULT_BUS if key == "default" else key
                    node, link = draft.nodes.get(target), (sender.id, target)
                    action = _SENDS.get(type(node), "") if node else ""
                    if not action or link in linked:
                        continue
                    verdict = _may_send(draft, statement, caller, action, key)
                    if verdict is None or verdict.denied:
                        continue
                    draft.nodes.setdefault(sender.id, sender)
                    yield Send(
                        id=f"{sender.id}~{target}",
                        source=sender.id,
                        target=target,
                        resource=policy,
                        place="PolicyDocument",
                        action=action,
                        verdict=verdict,
                    )


def _may_send(draft: Draft, statement: Statement, caller: Caller | None, action: str, key: str) -> Verdict | None:
    """Whether the policy lets a sender in; ``None``: this statement is about something else."""
    if not any(wild(pattern, action.lower()) for pattern in statement.actions) or statement.not_actions:
        return None
    place = f"arn:{GAP}:events:{GAP}:{GAP}:event-bus/default" if key == "default" else key
    named = (draft.permissions.matches(pattern, place) for pattern in statement.resources)
    if statement.not_resources or all(one is False for one in named):
        return None
    return ALLOWED if caller is None or key == "default" else draft.permissions.resource_allows(caller, action, key)


def _outsiders(draft: Draft, policy: Resource, statement: Statement) -> Iterator[tuple[External, Caller | None]]:
    """Who stands in none of the templates and is let in by name; a service with the request that it makes."""
    for kind, who in statement.principals or ():
        if kind == "Service" or who == "*":
            for source in _sources(statement):
                if not draft.inside(policy.stack, source):
                    service = source.split(":", 3)[2]
                    name = readable(source).split(":", 5)[-1].rsplit("/", 1)[-1]
                    principal = f"{service}.amazonaws.com" if who == "*" else who
                    caller = Caller(service=principal, on_behalf_of=source, stack=policy.stack)
                    yield External(id=readable(source), name=name, service=service), caller
        elif kind == "AWS":
            account, role = _identity(who)
            own = account in ("‹AccountId›", draft.template.account(policy.stack))
            if role and not draft.inside(policy.stack, who, "iam"):
                yield External(id=readable(who), name=role.rsplit("/", 1)[-1], service="iam"), None
            elif account and not role and not own:
                yield External(id=f"account {account}", name=f"account {account}", service="iam"), None


def _sources(statement: Statement) -> Iterator[str]:
    """The ARNs on whose behalf a service may ask, where each is the one of something."""
    for _, key, values in statement.conditions:
        if key == "aws:sourcearn":
            yield from (value for value in values if _is_one(value))


def _is_one(arn: str) -> bool:
    return arn.startswith("arn:") and arn.count(":") >= 5 and not any(mark in arn for mark in (GAP, OPEN, "*", "?"))


_ACCOUNT = re.compile(r"\d{12}")


def _identity(principal: str) -> tuple[str, str]:
    """The account of a principal, and its role or user; empty where it is no single one, or the account itself."""
    if _ACCOUNT.fullmatch(principal):
        return principal, ""
    if not _is_one(principal):
        return "", ""
    _, _, _, _, account, name = principal.split(":", 5)
    return account, "" if name == "root" else name
