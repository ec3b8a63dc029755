"""Which policies stand in the templates: those of resources, Lambda permissions, roles with all attached to them."""

import re
from collections.abc import Iterator
from typing import Any

from patterns.flow.managed_policies import ALLOWS
from patterns.flow.model import node_id
from patterns.flow.permissions.names import DEFAULT_BUS
from patterns.flow.permissions.statements import UNDECIDED, Statement, exists_under, listed, only_under, statements_of
from patterns.flow.rendered import CLOSE, GAP, OPEN, canonical, readable, render, sender
from patterns.flow.template import Resource, Template
from patterns.flow.values import Ref, Text, Unknown

_PROTECTS = {
    "Queues": "AWS::SQS::Queue",
    "Queue": "AWS::SQS::Queue",
    "Topics": "AWS::SNS::Topic",
    "TopicArn": "AWS::SNS::Topic",
    "Bucket": "AWS::S3::Bucket",
}
_GUARDED = (
    "AWS::SQS::Queue",
    "AWS::SNS::Topic",
    "AWS::S3::Bucket",
    "AWS::Lambda::Function",
    "AWS::Events::EventBus",
    "AWS::IAM::Role",
)
KEYS = ("AWS::KMS::Key", "AWS::KMS::ReplicaKey")

# A key that is given no policy leaves its use to the policies of the account's roles.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
_OWN_ACCOUNT = {"AWS": "arn:aws:iam::${AWS::AccountId}:root"}
_DEFAULT_KEY_POLICY = {"Statement": [{"Effect": "Allow", "Principal": _OWN_ACCOUNT, "Action": "kms:*"}]}


class Index:
    """The policies of a set of templates by what they protect, and the statements of roles.

    Attributes:
        guards: the statements of resource policies, by the node's id, or the ARN or name of what stands elsewhere.
        roles: the statements of roles, by id.
        gaps: what of a role stands in no template, by id.
        policies: those of queues, topics, buses and buckets, each with what it protects and its statements.
    """

    def __init__(self, template: Template) -> None:
        self._template = template
        self.guards: dict[str, list[Statement]] = {}
        self.roles: dict[str, list[Statement]] = {}
        self.gaps: dict[str, list[str]] = {}
        self.policies: list[tuple[Resource, list[str], list[Statement]]] = []
        self._open: set[tuple[str, str]] = set()
        self._index()

    def _index(self) -> None:
        template = self._template
        for kind, field in (
            ("AWS::SQS::QueuePolicy", "Queues"),
            ("AWS::SQS::QueueInlinePolicy", "Queue"),
            ("AWS::SNS::TopicPolicy", "Topics"),
            ("AWS::SNS::TopicInlinePolicy", "TopicArn"),
            ("AWS::S3::BucketPolicy", "Bucket"),
        ):
            for policy in template.of_type(kind):
                named = listed(template.value(policy, field))
                if any(isinstance(one, Unknown) for one in named):
                    self._perhaps(policy.stack, _PROTECTS[field])
                self._protect(policy, [key for one in named for key in self._guarded(policy.stack, one)])
        for key_resource in template.of_type(*KEYS):
            document = template.value(key_resource, "KeyPolicy", default=_DEFAULT_KEY_POLICY)
            if isinstance(document, (dict, str, Text)):
                self.guards.setdefault(node_id(key_resource), []).extend(statements_of(document))
        self._lambda()
        self._bus()
        self._index_roles()

    def _protect(self, policy: Resource, keys: list[str], statements: list[Statement] | None = None) -> None:
        """Index a policy by what it protects; ``statements``: where they stand in no PolicyDocument."""
        if statements is None:
            statements = self._policy(policy)
        for key in keys:
            self.guards.setdefault(key, []).extend(statements)
        self.policies.append((policy, keys, statements))

    def _perhaps(self, stack: str, kind: str) -> None:
        """A policy that may protect any resource of this kind in the stack."""
        if (stack, kind) in self._open:
            return
        self._open.add((stack, kind))
        for resource in self._template.of_type(kind):
            if resource.stack == stack:
                self.guards.setdefault(node_id(resource), []).append(UNDECIDED)

    def _guarded(self, stack: str, value: Any) -> Iterator[str]:
        target = self._template.target(stack, value, *_GUARDED)
        if isinstance(target, Ref):
            yield node_id(target)
        elif isinstance(target, str):
            yield target

    def _lambda(self) -> None:
        template = self._template
        replaced: set[str] = set()
        for policy in template.of_type("AWS::Lambda::ResourcePolicy"):
            statements = self._policy(policy, "PolicyDocument" if "PolicyDocument" in policy.properties else "Policy")
            for name in ("FunctionName", "ResourceArn", "FunctionArn"):
                value = template.value(policy, name)
                if value is None:
                    continue
                for key in self._functions(policy.stack, value, template.value(policy, "Qualifier")):
                    if policy.condition is None:
                        self.guards[key] = list(statements)
                        replaced.add(key)
                    else:
                        self.guards.setdefault(key, []).extend(statements)
        for permission in template.of_type("AWS::Lambda::Permission"):
            conditions: list[tuple[str, str, tuple[str, ...]]] = []
            arn = template.value(permission, "SourceArn")
            if arn is not None:
                conditions.append(("arnlike", "aws:sourcearn", (canonical(sender(arn)),)))
            account = template.value(permission, "SourceAccount")
            if account is not None:
                conditions.append(("stringequals", "aws:sourceaccount", (render(account),)))
            principal = render(template.value(permission, "Principal"))
            kind = "Service" if "amazonaws" in principal or "URLSuffix" in principal else "AWS"
            conditions.extend(exists_under(permission))
            statement = Statement(
                False,
                (("*", "*") if principal == "*" else (kind, principal),),
                False,
                (render(template.value(permission, "Action", default="lambda:InvokeFunction")).lower(),),
                False,
                ("*",),
                False,
                tuple(conditions),
            )
            function = template.value(permission, "FunctionName")
            if isinstance(function, Unknown):
                self._perhaps(permission.stack, "AWS::Lambda::Function")
            for key in self._functions(permission.stack, function, None):
                if key not in replaced:
                    self.guards.setdefault(key, []).append(statement)

    def _functions(self, stack: str, value: Any, qualifier: Any) -> Iterator[str]:
        """The functions or aliases that a name, an ARN or either with a qualifier stands for."""
        text = render(value)
        match = re.match(f"{OPEN}(.*?){CLOSE}(?::(.+))?$", text)
        if match:
            suffix = match.group(2) or (qualifier if isinstance(qualifier, str) else "")
            yield match.group(1) + (f":{suffix}" if suffix else "")
            return
        yield from self._guarded(stack, value)

    def _bus(self) -> None:
        template = self._template
        for policy in template.of_type("AWS::Events::EventBusPolicy"):
            bus = template.value(policy, "EventBusName", default="default")
            document = template.value(policy, "Statement")
            statements = only_under(policy, statements_of({"Statement": document}) if document else [])
            principal = template.value(policy, "Principal")
            if principal is not None:
                statements.append(
                    Statement(
                        False,
                        (("AWS", render(principal)),),
                        False,
                        ("events:putevents",),
                        False,
                        ("*",),
                        False,
                        exists_under(policy),
                    )
                )
            keys = [DEFAULT_BUS] if bus == "default" else list(self._guarded(policy.stack, bus))
            self._protect(policy, keys, statements)
        for bus in template.of_type("AWS::Events::EventBus"):
            document = template.value(bus, "Policy")
            if document is not None:
                self._protect(bus, [node_id(bus)], statements_of(document))

    def _index_roles(self) -> None:
        template = self._template
        for role in template.of_type("AWS::IAM::Role"):
            key = node_id(role)
            statements = self.roles.setdefault(key, [])
            gaps = self.gaps.setdefault(key, [])
            for inline in listed(template.value(role, "Policies")):
                if isinstance(inline, dict):
                    statements.extend(statements_of(inline.get("PolicyDocument")))
                elif isinstance(inline, Unknown):
                    gaps.append("an inline policy")
            self._managed(role, statements, gaps)
            if template.value(role, "PermissionsBoundary") is not None:
                gaps.append("its permissions boundary")
        for policy in template.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            statements = self._policy(policy)
            for role in listed(template.value(policy, "Roles")):
                if isinstance(role, Unknown) and (policy.stack, "AWS::IAM::Role") not in self._open:
                    self._open.add((policy.stack, "AWS::IAM::Role"))
                    for known in template.of_type("AWS::IAM::Role"):
                        if known.stack == policy.stack:
                            self.roles[node_id(known)].append(UNDECIDED)
                for key in self._guarded(policy.stack, role):
                    self.roles.setdefault(key, []).extend(statements)
        for policy in template.of_type("AWS::IAM::RolePolicy"):
            statements = self._policy(policy)
            for key in self._guarded(policy.stack, template.value(policy, "RoleName")):
                self.roles.setdefault(key, []).extend(statements)

    def _managed(self, role: Resource, statements: list[Statement], gaps: list[str]) -> None:
        template = self._template
        for managed in listed(template.value(role, "ManagedPolicyArns")):
            if isinstance(managed, Ref):
                policy = template.resources.get((managed.stack, managed.logical_id))
                if policy is not None:
                    statements.extend(self._policy(policy))
                    continue
            text = render(managed)
            name = text.rsplit("/", 1)[-1]
            allowed = ALLOWS.get(name) if ":policy/" in text and (":aws:" in text or GAP in text) else None
            if allowed is None:
                gaps.append(f"the managed policy {readable(name)}")
            elif allowed:
                actions = tuple(action.lower() for action in allowed)
                statements.append(Statement(False, None, False, actions, False, ("*",), False, ()))

    def _policy(self, policy: Resource, field: str = "PolicyDocument") -> list[Statement]:
        """The statements of a policy; one under a condition that cannot be told has it in every statement."""
        return only_under(policy, statements_of(self._template.value(policy, field)))
