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

from patterns.flow.draft import DEFAULT_BUS, Draft, both
from patterns.flow.model import (
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
from patterns.flow.permissions import Caller, names
from patterns.flow.permissions.statements import Statement
from patterns.flow.permissions.wildcards import names_any, wild
from patterns.flow.rendered import ACCOUNT, GAP, OPEN, readable, render
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
    told: set[tuple[str | None, str]] = set()
    for policy, keys, statements in draft.permissions.policies:
        for statement in statements:
            if statement.deny or statement.not_principal:
                continue
            for sender, account, caller in _outsiders(draft, policy, statement):
                told = told or _explained_sends(draft, known)
                for key in keys:
                    target = DEFAULT_BUS if key == names.DEFAULT_BUS else key
                    node = draft.nodes.get(target)
                    action = _SENDS.get(type(node), "") if node else ""
                    if not node or not action or told & {(sender.id, target), (account, target)}:
                        continue
                    verdict = _may_send(draft, statement, caller, action, key, node)
                    if verdict is None or verdict.denied:
                        continue
                    told.add((sender.id, target))
                    draft.nodes.setdefault(sender.id, sender)
                    yield Send(
                        id=f"{sender.id}~{target}",
                        source=sender.id,
                        target=target,
                        resource=policy,
                        place=next((name for name in _WRITTEN_IN if name in policy.properties), ""),
                        action=action,
                        verdict=verdict,
                    )


# The properties in which policies stand.
_WRITTEN_IN = ("PolicyDocument", "Statement", "Policy", "Principal")


def _explained_sends(draft: Draft, known: list[Edge]) -> set[tuple[str | None, str]]:
    """Who is known to send where: a node, and the account of its stack."""
    found: set[tuple[str | None, str]] = set()
    for edge in known:
        stack = draft.nodes[edge.source].stack
        account = draft.template.account(stack) if stack else None
        found.update(((edge.source, edge.target), (account or "", edge.target)))
    return found


def _may_send(draft: Draft, statement: Statement, caller: Caller, action: str, key: str, node: Node) -> Verdict | None:
    """Whether the policy lets a sender in; ``None``: this statement is about something else."""
    if names_any(statement.actions, action.lower()) is statement.not_actions:
        return None
    named = (draft.permissions.matches(pattern, key) for pattern in statement.resources)
    if statement.not_resources or all(one is False for one in named):
        return None
    verdict = draft.permissions.resource_allows(caller, action, key, node.name)
    if verdict.denied or not isinstance(node, Queue | Topic):
        return verdict
    return both(verdict, draft.permissions.key_allows(caller, node.key, "kms:GenerateDataKey", "kms:Decrypt"))


# Who sends, the account where it is a whole one, and the request that it makes.
_Outsider = tuple[External, str | None, Caller]


def _outsiders(draft: Draft, policy: Resource, statement: Statement) -> Iterator[_Outsider]:
    """Who stands in none of the templates and is let in by name."""
    for kind, who in statement.principals or ():
        if kind == "Service" or who == "*":
            yield from _services(draft, policy, statement, who)
        if kind == "AWS" or who == "*":
            yield from _identities(draft, policy, statement, who)


def _services(draft: Draft, policy: Resource, statement: Statement, who: str) -> Iterator[_Outsider]:
    """The topic, rule or bucket for which a service may ask; else its account."""
    principal = "" if who == "*" or GAP in who else who
    patterns = [_bucket(pattern) for pattern in _values(statement, "aws:sourcearn")]
    sources = [pattern for pattern in patterns if _is_one(pattern)]
    for source in sources:
        if not draft.inside(policy.stack, source):
            service = source.split(":", 3)[2]
            name = readable(source).split(":", 5)[-1].rsplit("/", 1)[-1]
            caller = Caller(principal or f"{service}.amazonaws.com", on_behalf_of=source, stack=policy.stack)
            yield External(id=readable(source), name=name, service=service), None, caller
    service = principal.partition(".")[0]
    some = [pattern for pattern in patterns if pattern not in sources and pattern.count(":") >= 5]
    if not sources:
        some += [f"arn:{GAP}:{service or GAP}:{GAP}:{one}:{GAP}" for one in _values(statement, "aws:sourceaccount")]
    for pattern in some:
        account = pattern.split(":", 5)[4]
        if _ACCOUNT.fullmatch(account) and account != draft.template.account(policy.stack):
            name = f"{service} of account {account}" if service else f"account {account}"
            caller = Caller(principal or "a service", on_behalf_of=pattern, stack=policy.stack)
            yield External(id=name, name=name, service=service), account, caller


def _identities(draft: Draft, policy: Resource, statement: Statement, who: str) -> Iterator[_Outsider]:
    """The role, user or account that may ask, by the principal or by the condition about it."""
    told = _values(statement, "aws:principalarn") or _values(statement, "aws:principalaccount")
    for principal in told if who == "*" else [who]:
        account, role = _identity(principal)
        if role and not draft.inside(policy.stack, principal, "iam"):
            sender = External(id=readable(principal), name=role.rsplit("/", 1)[-1], service="iam")
            yield sender, None, Caller(role=principal, stack=policy.stack)
        elif account and not role and account not in (ACCOUNT, draft.template.account(policy.stack)):
            sender = External(id=f"account {account}", name=f"account {account}", service="iam")
            yield sender, account, Caller(role=f"arn:aws:iam::{account}:root", stack=policy.stack)


def _values(statement: Statement, wanted: str) -> list[str]:
    """What the conditions of a statement say about a key."""
    return [value for _, key, values in statement.conditions if key == wanted for value in values]


def _bucket(arn: str) -> str:
    """The ARN of a bucket as the bucket has it: written with any region and account, it is the one of that name.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
    """
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] != "s3" or parts[3:5] not in (["*", "*"], ["", ""]):
        return arn
    partition = parts[1] if parts[1].startswith("aws") else "aws"
    return f"arn:{partition}:s3:::{parts[5]}"


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
