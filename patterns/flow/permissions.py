"""May this sender use that resource? Allowed, denied, or cannot be told - each with its reason.

Reads queue, topic, bus and key policies, Lambda permissions, and roles with everything attached to them in
the templates. What stands elsewhere (an imported role, a foreign queue) cannot be told.

How a request is decided:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from patterns.flow.managed_policies import ALLOWS
from patterns.flow.model import ALLOWED, Answer, Verdict, node_id
from patterns.flow.template import Ref, Resource, Template, Text, Unknown

# A value of a policy as one string: a resource is ⟨stack/id⟩, a pseudo parameter ‹Region›, a gap ◌.
OPEN, CLOSE, GAP = "⟨", "⟩", "◌"
_PSEUDO = re.compile(r"\$\{AWS::([A-Za-z]+)\}")
_ACCOUNT = "‹AccountId›"

Maybe = bool | None  # None: cannot be told


def render(value: Any) -> str:
    """A resolved value as one string in which resources, pseudo parameters and gaps can be recognised."""
    kind = type(value)
    if kind is str:
        return _PSEUDO.sub(r"‹\1›", value) if "${AWS::" in value else value
    if kind is Ref:
        return f"{OPEN}{value.stack}/{value.logical_id}{CLOSE}"
    if kind is Text:
        return "".join([render(part) for part in value.parts])
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is float:
        return str(value)
    return GAP


class Statement(NamedTuple):
    """One statement of a policy, its values rendered."""

    deny: bool
    principals: tuple[tuple[str, str], ...] | None
    not_principal: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]


# The operator of a condition that is the template's own: the policy exists only where it holds.
_EXISTS = "exists under"

# A statement, or a whole policy, that no template decides: it may allow anything.
_OPEN = Statement(False, (("*", "*"),), False, ("*",), False, ("*",), False, (("cannot be told", GAP, ()),))

_PROTECTS = {
    "Queues": "AWS::SQS::Queue",
    "Queue": "AWS::SQS::Queue",
    "Topics": "AWS::SNS::Topic",
    "TopicArn": "AWS::SNS::Topic",
    "Bucket": "AWS::S3::Bucket",
}


class Caller(NamedTuple):
    """Who asks: a service on behalf of a resource, or a role.

    Attributes:
        service: ``sns.amazonaws.com``; empty for a role.
        role: id of the role.
        on_behalf_of: id or ARN of the topic, rule or bucket that a service acts for.
        stack: the stack it is in, for its account.
        given: conditions of the template under which it asks at all (those of the link), as ``Stack/Name``.
    """

    service: str = ""
    role: str = ""
    on_behalf_of: str = ""
    stack: str = ""
    given: tuple[str, ...] = ()


_GUARDED = (
    "AWS::SQS::Queue",
    "AWS::SNS::Topic",
    "AWS::S3::Bucket",
    "AWS::Lambda::Function",
    "AWS::Events::EventBus",
    "AWS::IAM::Role",
)


_KEYS = ("AWS::KMS::Key", "AWS::KMS::ReplicaKey")


# A policy of so many statements is put in order before it is asked, or N senders to one queue would cost N².
_FEW = 20
_ONE_SENDER = ("arnequals", "arnlike", "stringequals", "stringlike")


class _Ordered:
    """Statements by the resource or the sender that they are about, and the rest."""

    def __init__(self, statements: list[Statement]) -> None:
        self.size = len(statements)
        self.by_resource: dict[str, list[Statement]] = {}
        self.by_sender: dict[str, list[Statement]] = {}
        self.rest: list[Statement] = []
        for statement in statements:
            senders = next(
                (v for op, key, v in statement.conditions if key == "aws:sourcearn" and op in _ONE_SENDER), ()
            )
            for values, index in ((senders, self.by_sender), (statement.resources, self.by_resource)):
                keys = [] if index is self.by_resource and statement.not_resources else [_exact(v) for v in values]
                if keys and all(keys):
                    for key in keys:
                        index.setdefault(key, []).append(statement)
                    break
            else:
                self.rest.append(statement)


def _exact(pattern: str) -> str:
    """The one resource that a pattern is about: its reference, or the last part of a literal ARN; else empty."""
    if pattern.startswith(OPEN):
        return pattern.partition(CLOSE)[0] + CLOSE
    parts = pattern.split(":", 5)
    literal = len(parts) == 6 and pattern.startswith("arn:") and not re.search(f"[*?‹{OPEN}{GAP}]", parts[5])
    return parts[5] if literal else ""


class Permissions:
    """The policies of a set of templates, indexed once by what they protect.

    Attributes:
        policies: those of queues, topics, buses and buckets, each with what it protects and its statements.
    """

    def __init__(self, template: Template) -> None:
        self._template = template
        self._guards: dict[str, list[Statement]] = {}
        self._roles: dict[str, list[Statement]] = {}
        self._role_gaps: dict[str, list[str]] = {}
        self._arns: dict[str, str] = {}
        self._conditional = {
            node_id(one): one.condition.same for one in template.resources.values() if one.condition is not None
        }
        self._for_roles: dict[tuple[str, str], list[list[Statement]]] = {}
        self._denials: dict[str, list[Statement]] = {}
        self._open: set[tuple[str, str]] = set()
        self._ordered: dict[int, _Ordered] = {}
        self._told: dict[tuple[Caller, str, str], Verdict] = {}
        self.policies: list[tuple[Resource, list[str], list[Statement]]] = []
        self._index()

    # --- what the templates say ---------------------------------------------------------------

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
                named = _list(template.value(policy, field))
                if any(isinstance(one, Unknown) for one in named):
                    self._perhaps(policy.stack, _PROTECTS[field])
                self._protect(policy, [key for one in named for key in self._guarded(policy.stack, one)])
        for key_resource in template.of_type(*_KEYS):
            document = template.value(key_resource, "KeyPolicy")
            if isinstance(document, (dict, str, Text)):
                self._guards.setdefault(node_id(key_resource), []).extend(self._statements(document))
        self._lambda()
        self._bus()
        self._index_roles()

    def _protect(self, policy: Resource, keys: list[str], statements: list[Statement] | None = None) -> None:
        """Index a policy by what it protects; ``statements``: where they stand in no PolicyDocument."""
        if statements is None:
            statements = self._policy(policy)
        for key in keys:
            self._guards.setdefault(key, []).extend(statements)
        self.policies.append((policy, keys, statements))

    def _perhaps(self, stack: str, kind: str) -> None:
        """A policy that may protect any resource of this kind in the stack."""
        if (stack, kind) in self._open:
            return
        self._open.add((stack, kind))
        for resource in self._template.of_type(kind):
            if resource.stack == stack:
                self._guards.setdefault(node_id(resource), []).append(_OPEN)

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
                        self._guards[key] = list(statements)
                        replaced.add(key)
                    else:
                        self._guards.setdefault(key, []).extend(statements)
        for permission in template.of_type("AWS::Lambda::Permission"):
            conditions: list[tuple[str, str, tuple[str, ...]]] = []
            arn = template.value(permission, "SourceArn")
            if arn is not None:
                conditions.append(("arnlike", "aws:sourcearn", (_canonical(render(arn)),)))
            account = template.value(permission, "SourceAccount")
            if account is not None:
                conditions.append(("stringequals", "aws:sourceaccount", (render(account),)))
            principal = render(template.value(permission, "Principal"))
            kind = "Service" if "amazonaws" in principal or "URLSuffix" in principal else "AWS"
            conditions.extend(_exists_under(permission))
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
                    self._guards.setdefault(key, []).append(statement)

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
            statements = _only_under(policy, self._statements({"Statement": document}) if document else [])
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
                        _exists_under(policy),
                    )
                )
            self._protect(policy, list(self._guarded(policy.stack, bus)), statements)
        for bus in template.of_type("AWS::Events::EventBus"):
            document = template.value(bus, "Policy")
            if document is not None:
                self._protect(bus, [node_id(bus)], self._statements(document))

    def _index_roles(self) -> None:
        template = self._template
        for role in template.of_type("AWS::IAM::Role"):
            key = node_id(role)
            statements = self._roles.setdefault(key, [])
            gaps = self._role_gaps.setdefault(key, [])
            for inline in _list(template.value(role, "Policies")):
                if isinstance(inline, dict):
                    statements.extend(self._statements(inline.get("PolicyDocument")))
                elif isinstance(inline, Unknown):
                    gaps.append("an inline policy")
            self._managed(role, statements, gaps)
            if template.value(role, "PermissionsBoundary") is not None:
                gaps.append("its permissions boundary")
        for policy in template.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            statements = self._policy(policy)
            for role in _list(template.value(policy, "Roles")):
                if isinstance(role, Unknown) and (policy.stack, "AWS::IAM::Role") not in self._open:
                    self._open.add((policy.stack, "AWS::IAM::Role"))
                    for known in template.of_type("AWS::IAM::Role"):
                        if known.stack == policy.stack:
                            self._roles[node_id(known)].append(_OPEN)
                for key in self._guarded(policy.stack, role):
                    self._roles.setdefault(key, []).extend(statements)
        for policy in template.of_type("AWS::IAM::RolePolicy"):
            statements = self._policy(policy)
            for key in self._guarded(policy.stack, template.value(policy, "RoleName")):
                self._roles.setdefault(key, []).extend(statements)

    def _managed(self, role: Resource, statements: list[Statement], gaps: list[str]) -> None:
        template = self._template
        for managed in _list(template.value(role, "ManagedPolicyArns")):
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
        return _only_under(policy, self._statements(self._template.value(policy, field)))

    def _statements(self, document: Any) -> list[Statement]:
        if isinstance(document, (str, Text)):
            document = _document(document)
        if isinstance(document, Unknown):
            return [_OPEN]
        found = []
        for raw in _list(document.get("Statement")) if isinstance(document, dict) else ():
            if isinstance(raw, dict):
                found.append(_statement(raw))
            elif isinstance(raw, Unknown):
                found.append(_OPEN)
        return found

    # --- answers ------------------------------------------------------------------------------

    def grants(self, role: str) -> list[Statement]:
        """The statements of a role, as far as the templates hold them."""
        return self._roles.get(role, [])

    def denies(self, role: str, action: str, resource: str) -> bool:
        """Whether a policy denies this to a role for certain."""
        if role not in self._denials:
            self._denials[role] = [one for one in self._roles.get(role, ()) if one.deny]
        beside = [one for policy in self._policies_for_roles(role, resource) for one in policy if one.deny]
        denials = [*self._denials[role], *beside]
        return bool(denials) and self._weigh(denials, Caller(role=role), action, resource)[1] is True

    def is_named(self, resource: Resource) -> bool:
        """Whether a template may give a resource a name of its own."""
        named = _ARN.get(resource.type, ("", "", ""))[2]
        return named in resource.properties or len(resource.properties) == 1

    def arn(self, target: str) -> str:
        """The ARN of a resource as far as its template decides it, gaps as ``GAP``."""
        return self._arn(target)

    def resource_allows(self, caller: Caller, action: str, resource: str, label: str = "") -> Verdict:
        """Whether the resource's own policy lets a service in. ``resource`` is an id, or an ARN elsewhere."""
        asked = (caller, action, resource)
        if asked not in self._told:
            self._told[asked] = self._by_resource(caller, action, resource, label)
        return self._told[asked]

    def _by_resource(self, caller: Caller, action: str, resource: str, label: str) -> Verdict:
        name = label or resource.rsplit("/", 1)[-1]
        statements = self._guards.get(resource)
        if statements is None:
            if "/" not in resource or resource.startswith("arn:"):
                return Verdict(Answer.UNKNOWN, f"{name} stands in none of the templates")
            return Verdict(Answer.DENIED, f"no policy on {name} lets {caller.service or 'the role'} in")
        answer = self._decide(statements, caller, action, resource)
        if answer is True:
            return ALLOWED
        if answer is None:
            why = self._open_condition(statements, caller, action, resource) or "what no template says"
            return Verdict(Answer.UNKNOWN, f"the policy on {name} depends on {why}")
        return Verdict(Answer.DENIED, f"the policy on {name} does not allow {caller.service or 'the role'} {action}")

    def role_allows(
        self, role: str, action: str, resource: str, label: str = "", given: tuple[str, ...] = ()
    ) -> Verdict:
        """Whether a role may do this to a resource: its own policies allow it, or the resource's policy does.

        Either is enough within one account, and a denial in either counts.
        """
        if role not in self._roles:
            return Verdict(Answer.UNKNOWN, "the role stands in none of the templates")
        caller = Caller(role=role, given=given)
        policies = [self._roles[role], *self._policies_for_roles(role, resource)]
        allow, deny = self._weigh(policies[0], caller, action, resource)
        for statements in policies[1:]:
            more, less = self._weigh(statements, caller, action, resource)
            allow, deny = _or(allow, more), _or(deny, less)
        gaps = self._role_gaps.get(role, [])
        role_name = role.rsplit("/", 1)[-1]
        name = label or resource.rsplit("/", 1)[-1]
        if deny is True:
            return Verdict(Answer.DENIED, f"a policy denies {role_name} {action} on {name}")
        if allow is True and deny is False and "its permissions boundary" not in gaps:
            return ALLOWED
        if allow is not False or gaps:
            open_ones = (self._open_condition(statements, caller, action, resource) for statements in policies)
            why = next(filter(None, open_ones), "")
            why = f"depends on {why or gaps[0]}" if why or gaps else "has a condition that no template decides"
            return Verdict(Answer.UNKNOWN, f"{role_name} {why}")
        return Verdict(Answer.DENIED, f"{role_name} has no {action} on {name}")

    def _policies_for_roles(self, role: str, resource: str) -> list[list[Statement]]:
        """The resource's own policy, where it decides for roles too: in one account, and not for a key."""
        stack = role.rpartition("/")[0]
        known = self._for_roles.get((stack, resource))
        if known is None:
            known = self._for_roles[stack, resource] = self._for_roles_of(stack, resource)
        return known

    def _for_roles_of(self, stack: str, resource: str) -> list[list[Statement]]:
        """What the policy of a resource says of the roles of a stack."""
        if resource not in self._guards:
            return []
        owner, _, logical = resource.rpartition("/")
        part = self._template.resources.get((owner, logical.partition(":")[0]))
        if part is None or part.type in _KEYS:
            return []
        accounts = {self._template.account(owner), self._template.account(stack)}
        own = [one for one in self._guards[resource] if _names_roles(one) and not _is_for_plain_http(one)]
        return [own] if own and len(accounts - {None}) < 2 else []

    def key_allows(self, caller: Caller, key: str | None, *actions: str) -> Verdict:
        """Whether the caller can use the key that encrypts its target. An empty key needs no permission."""
        if key == "":
            return ALLOWED
        if key is None:
            return Verdict(Answer.UNKNOWN, "the encryption key cannot be told")
        if key.startswith("alias/aws/"):
            if caller.service:
                return Verdict(Answer.DENIED, f"{caller.service} cannot use the key {key}")
            return ALLOWED
        statements = self._guards.get(key)
        if statements is None:
            return Verdict(Answer.UNKNOWN, f"the policy of the key {readable(key)} stands in no template")
        name = key.rsplit("/", 1)[-1]
        worst: Maybe = True
        for action in actions:
            answer = self._decide(statements, caller, action, key)
            if caller.role and answer is not True:
                by_role = self.role_allows(caller.role, action, key, given=caller.given)
                delegated = self._decide(statements, Caller(role=GAP), action, key)
                if by_role.allowed and delegated is True:
                    answer = True
                elif by_role.unknown or (by_role.allowed and delegated is None):
                    answer = None
            if answer is False:
                who = caller.service or caller.role.rsplit("/", 1)[-1]
                return Verdict(Answer.DENIED, f"the policy of the key {name} gives {who} no {action}")
            worst = _and(worst, answer)
        if worst is None:
            return Verdict(Answer.UNKNOWN, f"the policy of the key {name} depends on what no template says")
        return ALLOWED

    def _open_condition(self, statements: list[Statement], caller: Caller, action: str, resource: str) -> str:
        """Which condition of the template leaves an answer open, else empty."""
        given = self._given(caller, resource)
        for statement in self._concerning(statements, caller, resource):
            under = next((one for one in statement.conditions if one[0] == _EXISTS and one[1] not in given), None)
            if under and self._applies(statement, caller, action.lower(), resource, given) is None:
                return f"a policy that exists only under a condition ({under[2][0]})"
        return ""

    def _given(self, caller: Caller, resource: str) -> frozenset[str]:
        """The template's conditions that hold whenever the question is asked: those of all that takes part."""
        if not self._conditional:
            return frozenset(caller.given)
        found = list(caller.given)
        for key in (caller.on_behalf_of, caller.role, resource):
            stack, slash, logical = key.rpartition("/")
            condition = self._conditional.get(f"{stack}{slash}{logical.partition(':')[0]}")
            if condition:
                found.append(condition)
        return frozenset(found)

    def _decide(self, statements: list[Statement], caller: Caller, action: str, resource: str) -> Maybe:
        allow, deny = self._weigh(statements, caller, action, resource)
        if deny is True:
            return False
        return None if deny is None and allow is True else allow

    def _weigh(self, statements: list[Statement], caller: Caller, action: str, resource: str) -> tuple[Maybe, Maybe]:
        """Whether any statement allows it, and whether any denies it."""
        allow: Maybe = False
        deny: Maybe = False
        action = action.lower()
        given = self._given(caller, resource)
        for statement in self._concerning(statements, caller, resource):
            applies = self._applies(statement, caller, action, resource, given)
            if applies is False:
                continue
            if not statement.deny:
                allow = _or(allow, applies)
            elif applies:
                return allow, True
            else:
                deny = None
        return allow, deny

    def _concerning(self, statements: list[Statement], caller: Caller, resource: str) -> list[Statement]:
        """The statements that can say anything about this request: not those about another resource or sender."""
        if len(statements) < _FEW:
            return statements
        ordered = self._ordered.get(id(statements))
        if ordered is None or ordered.size != len(statements):
            ordered = self._ordered[id(statements)] = _Ordered(statements)
        found = list(ordered.rest)
        for index, target in ((ordered.by_resource, resource), (ordered.by_sender, caller.on_behalf_of)):
            if not target or not index:
                continue
            at = target
            while at:
                found.extend(index.get(f"{OPEN}{at}{CLOSE}", ()))
                at = at.rpartition(":")[0]
            last = (target if target.startswith("arn:") else self._arn(target)).split(":", 5)[-1]
            if GAP not in last:
                found.extend(index.get(last, ()))
            elif not last.endswith(GAP):
                # A name of which only the end is known may be any of the literal ones.
                found.extend(one for key, group in index.items() if not key.startswith(OPEN) for one in group)
        return list({id(one): one for one in found}.values())

    def _applies(
        self, statement: Statement, caller: Caller, action: str, resource: str, given: frozenset[str] = frozenset()
    ) -> Maybe:
        if _any_names(statement.actions, action) is statement.not_actions:
            return False
        answer: Maybe = True
        if statement.principals is not None:
            answer = self._principal(statement, caller)
            if answer is False:
                return False
        if statement.resources != ("*",):
            on: Maybe = False
            for pattern in statement.resources:
                on = _or(on, self.matches(pattern, resource))
            answer = _and(answer, _not(on) if statement.not_resources else on)
            if answer is False:
                return False
        for operator, key, values in statement.conditions:
            if operator == _EXISTS and key in given:
                continue
            answer = _and(answer, self._condition(operator, key, values, caller))
            if answer is False:
                return False
        return answer

    def _principal(self, statement: Statement, caller: Caller) -> Maybe:
        answer: Maybe = False
        for kind, who in statement.principals or ():
            if who == "*" and kind in ("*", "AWS"):
                answer = True
            elif caller.service:
                if kind == "Service":
                    answer = _or(answer, _service(who, caller.service))
            elif kind == "AWS":
                if who == f"{OPEN}{caller.role}{CLOSE}" or (
                    caller.role == GAP and (who.endswith(":root") or re.fullmatch(r"\d{12}", who) or _ACCOUNT in who)
                ):
                    answer = True
                elif who.endswith(":root"):
                    continue  # the account leaves it to the role's own policies
                elif caller.role != GAP and who.startswith("arn:") and GAP not in who:
                    answer = _or(answer, self.matches(who, caller.role))
                elif GAP in who or who.startswith("arn:"):
                    answer = _or(answer, None)
        return _not(answer) if statement.not_principal else answer

    def _condition(self, operator: str, key: str, values: tuple[str, ...], caller: Caller) -> Maybe:
        operator, optional, negated = _operator(operator)
        if operator == _EXISTS:
            return None
        if operator == "null":
            present = self._present(key, caller)
            wanted = {value.lower() for value in values}
            if present is None or len(wanted) != 1 or not wanted <= {"true", "false"}:
                return None
            return present is ("false" in wanted)
        literal = operator in ("stringequals", "stringnotequals")
        if key == "aws:securetransport":
            return any(value.lower() == "true" for value in values)
        if key == "aws:principalisawsservice" and operator == "bool":
            return any(value.lower() == ("true" if caller.service else "false") for value in values)
        if key == "aws:viaawsservice" and operator == "bool":
            return any(value.lower() == "false" for value in values)
        answer: Maybe
        if key == "aws:sourcearn":
            if not caller.on_behalf_of:
                return optional or negated
            answer = _any(
                # Only StringLike and the operators for ARNs know wildcards.
                False if literal and ("*" in value or "?" in value) else self.matches(value, caller.on_behalf_of)
                for value in values
            )
        elif key == "aws:sourceaccount":
            if not caller.service:
                return optional or negated
            answer = _any(self._account(value, caller, literal) for value in values)
        elif key in ("s3:resourceaccount", "aws:resourceaccount") and not caller.service:
            # Of the role's own account, as AWS recommends it for records of failed invocations.
            own = {_ACCOUNT, *(self._template.account(stack) for stack in self._template.stacks)}
            answer = _any(True if value in own else None for value in values)
        else:
            return None
        return _not(answer) if negated else answer

    def _present(self, key: str, caller: Caller) -> Maybe:
        """Whether a request carries this key."""
        if key == "aws:sourcearn":
            # A role asks for itself.
            return bool(caller.on_behalf_of) if caller.service else False
        if key == "aws:sourceaccount":
            return bool(caller.service)
        return None

    def _account(self, value: str, caller: Caller, literal: bool) -> Maybe:
        if value == _ACCOUNT:
            return True
        if "*" in value or "?" in value:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
            return False if literal else True if value == "*" else None
        mine = self._template.account(caller.stack) if caller.stack else None
        if not isinstance(mine, str) or not re.fullmatch(r"\d{12}", mine) or GAP in value:
            arn = caller.on_behalf_of.split(":") if caller.on_behalf_of.startswith("arn:") else []
            mine = arn[4] if len(arn) > 4 else None
            if not mine or GAP in value:
                return None
        return value == mine

    def matches(self, pattern: str, target: str) -> Maybe:
        """Whether a rendered ARN pattern covers a node (its id) or a foreign ARN."""
        if pattern == "*":
            return True
        if pattern == GAP:
            return None
        if "/" in target and not target.startswith("arn:"):
            if pattern.startswith(OPEN):
                inner, _, rest = pattern[1:].partition(CLOSE)
                if inner == target or target.startswith(f"{inner}:"):
                    return rest in ("", "*", ":*", "/*") or _below(rest)
                return False
            return _covers(pattern, self._arn(target))
        if pattern.startswith(OPEN):
            return None if target == GAP else False
        return _covers(pattern, target)

    def _arn(self, target: str) -> str:
        """The ARN of a resource as far as its template decides it."""
        known = self._arns.get(target)
        if known is None:
            known = self._arns[target] = _arn_of(self._template, target)
        return known


_RECORDS = "aws/lambda/async/"

_ARN = {
    "AWS::SQS::Queue": ("sqs", "", "QueueName"),
    "AWS::SNS::Topic": ("sns", "", "TopicName"),
    "AWS::Lambda::Function": ("lambda", "function:", "FunctionName"),
    "AWS::Events::EventBus": ("events", "event-bus/", "Name"),
    "AWS::Events::Rule": ("events", "rule/", "Name"),
    "AWS::S3::Bucket": ("s3", "", "BucketName"),
    "AWS::Scheduler::Schedule": ("scheduler", "schedule/", "Name"),
    "AWS::KMS::Key": ("kms", "key/", ""),
    "AWS::Kinesis::Stream": ("kinesis", "stream/", "Name"),
    "AWS::DynamoDB::Table": ("dynamodb", "table/", "TableName"),
    "AWS::StepFunctions::StateMachine": ("states", "stateMachine:", "StateMachineName"),
    "AWS::ApiGateway::RestApi": ("execute-api", "", ""),
    "AWS::IAM::Role": ("iam", "role/", "RoleName"),
}


def _arn_of(template: Template, target: str) -> str:
    stack, _, logical = target.rpartition("/")
    resource = template.resources.get((stack, logical.partition(":")[0]))
    if resource is None:
        return ":".join(("arn", *[GAP] * 5))
    service, prefix, named = _ARN.get(resource.type, (GAP, "", ""))
    name = template.value(resource, named) if named else None
    text = render(name) if name is not None else GAP
    if service == "s3":
        return f"arn:{GAP}:s3:::{text}"
    if service == "events" and prefix == "rule/":
        bus = template.value(resource, "EventBusName")
        if bus is not None and bus != "default":
            text = f"{GAP}/{text}"
    region, account = template.region(stack), template.account(stack)
    if service == "iam":
        region = ""
        path = template.value(resource, "Path", default="/")
        text = f"{path.lstrip('/') if isinstance(path, str) else GAP}{text}"
    where = [place if isinstance(place, str) else GAP for place in (region, account)]
    return f"arn:{GAP}:{service}:{where[0]}:{where[1]}:{prefix}{text}"


def _arn_matches(pattern: str, arn: str) -> Maybe:
    """Whether an ARN pattern covers an ARN; gaps on either side make it uncertain."""
    left, right = pattern.split(":", 5), arn.split(":", 5)
    if len(left) < 6:
        return True if wild(pattern, arn) else (None if GAP in pattern else False)
    if len(right) < 6:
        return None if GAP in arn else False
    answer: Maybe = True
    for place, (mine, theirs) in enumerate(zip(left, right, strict=True)):
        mine = re.sub("‹[A-Za-z]+›", "*", mine)
        if mine == theirs or wild(mine, theirs):
            continue
        if GAP not in mine and GAP not in theirs:
            if place in (1, 3, 4) and OPEN in theirs:
                continue
            return False
        if place in (1, 3, 4):
            # A region or an account that no template names is taken to be the stack's own.
            continue
        if GAP in theirs and GAP not in mine and "*" not in mine and OPEN not in mine and theirs.endswith(GAP):
            return False  # a generated name is never the literal one
        if not _overlap(mine, theirs):
            return False
        answer = None
    return answer


def _names_roles(statement: Statement) -> bool:
    """Whether a statement of a resource's policy can be about a role: not one that names services alone."""
    principals = statement.principals
    return principals is None or statement.not_principal or any(kind != "Service" for kind, _ in principals)


def _is_for_plain_http(statement: Statement) -> bool:
    """Whether a statement is about requests without TLS, which no service and no SDK makes."""
    return any(
        key == "aws:securetransport" and operator == "bool" and not any(value.lower() == "true" for value in values)
        for operator, key, values in statement.conditions
    )


def _covers(pattern: str, arn: str) -> Maybe:
    """As `_arn_matches`; a pattern for the objects of a bucket is about the bucket."""
    if ":s3:::" not in arn or "/" not in pattern:
        return _arn_matches(pattern, arn)
    bucket, _, rest = pattern.partition("/")
    on = _arn_matches(bucket, arn)
    return on if on is False else _and(on, _below(f"/{rest}"))


def _overlap(mine: str, theirs: str) -> bool:
    """Whether two texts with wildcards and gaps can be the same: their fixed beginnings must agree."""
    a = re.split(f"[*?{GAP}{OPEN}]", mine, maxsplit=1)[0]
    b = re.split(f"[*?{GAP}{OPEN}]", theirs, maxsplit=1)[0]
    return a.startswith(b) or b.startswith(a)


@lru_cache(maxsize=16_384)  # a few patterns and actions are asked for again and again
def wild(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern with ``*`` and ``?``, in time linear in each of them."""
    if pattern == "*" or pattern == text:
        return True
    if "*" not in pattern and "?" not in pattern:
        return False
    at = star = marked = 0
    starred = False
    for_pattern = 0
    while at < len(text):
        if for_pattern < len(pattern) and pattern[for_pattern] == "*":
            starred, star, marked = True, for_pattern, at
            for_pattern += 1
        elif for_pattern < len(pattern) and pattern[for_pattern] in ("?", text[at]):
            for_pattern += 1
            at += 1
        elif starred:
            # The last star takes one character more.
            marked += 1
            for_pattern, at = star + 1, marked
        else:
            return False
    return all(mark == "*" for mark in pattern[for_pattern:])


@lru_cache(maxsize=4_096)
def _any_names(patterns: tuple[str, ...], action: str) -> bool:
    return any(wild(pattern, action) for pattern in patterns)


@lru_cache(maxsize=1_024)
def _operator(written: str) -> tuple[str, bool, bool]:
    """The operator of a condition as it compares one value, whether its key may be absent, whether it is negated."""
    operator = written.removeprefix("foranyvalue:").removeprefix("forallvalues:")
    return operator.removesuffix("ifexists"), operator.endswith("ifexists"), "not" in operator


def _service(pattern: str, service: str) -> Maybe:
    if pattern == service:
        return True
    if GAP in pattern:
        return None
    # The China and regional forms of a service principal mean the same service.
    written = "amazonaws" in pattern or "URLSuffix" in pattern
    return written and pattern.split(".")[0] == service.split(".")[0]


def _and(a: Maybe, b: Maybe) -> Maybe:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def _or(a: Maybe, b: Maybe) -> Maybe:
    if a is True or b is True:
        return True
    return None if a is None or b is None else False


def _not(a: Maybe) -> Maybe:
    return None if a is None else not a


def _any(answers: Iterator[Maybe]) -> Maybe:
    result: Maybe = False
    for answer in answers:
        if answer is True:
            return True
        result = _or(result, answer)
    return result


_NAMED_BY = ("", "function:", "event-bus/", "rule/", "stream/", "table/", "stateMachine:", "key/", "role/", "schedule/")


def _canonical(text: str) -> str:
    """An ARN written out around a resource's name, as the reference to that resource."""
    if OPEN not in text or not text.startswith("arn:"):
        return text
    head, last = text.split(":", 5)[:5], text.split(":", 5)[-1]
    at = last.rfind(OPEN)
    before = re.sub(f"{OPEN}[^{CLOSE}]*{CLOSE}/", "", last[:at])
    return last[at:] if len(head) == 5 and before in _NAMED_BY else text


def _document(text: str | Text) -> Any:
    """A policy that a template holds as JSON text, its references rendered; one that cannot be read is open."""
    try:
        return json.loads(render(text))
    except (ValueError, RecursionError):
        return Unknown("the policy is no JSON that can be read")


def _exists_under(policy: Resource) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """What it takes for a policy to be there at all, as a condition of its statements."""
    if policy.condition is None:
        return ()
    return ((_EXISTS, policy.condition.same, (policy.condition.reason,)),)


def _only_under(policy: Resource, statements: list[Statement]) -> list[Statement]:
    under = _exists_under(policy)
    return [one._replace(conditions=(*one.conditions, *under)) for one in statements] if under else statements


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _statement(raw: dict[str, Any]) -> Statement:
    not_actions, not_resources, not_principal = "NotAction" in raw, "NotResource" in raw, "NotPrincipal" in raw
    actions = _list(raw.get("NotAction" if not_actions else "Action"))
    resources = _list(raw.get("NotResource" if not_resources else "Resource", "*"))
    principal = raw.get("NotPrincipal" if not_principal else "Principal")
    conditions = raw.get("Condition")
    return Statement(
        raw.get("Effect") == "Deny",
        None if principal is None else tuple(_principals(principal)),
        not_principal and principal is not None,
        tuple([render(action).lower() for action in actions]),
        not_actions,
        tuple([_canonical(render(resource)) for resource in resources]),
        not_resources,
        tuple(_conditions(conditions)) if isinstance(conditions, dict) else (),
    )


def _principals(principal: Any) -> list[tuple[str, str]]:
    if not isinstance(principal, dict):
        return [("*", render(principal))]
    return [(str(kind), render(who)) for kind, values in principal.items() for who in _list(values)]


def _below(rest: str) -> Maybe:
    """Whether a pattern for some objects of a bucket covers those that Lambda writes for failed invocations.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    if not rest.startswith("/"):
        return False
    head = rest[1:].partition("*")[0]
    return True if head.startswith(_RECORDS) or _RECORDS.startswith(head) else None


def _conditions(conditions: dict[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for operator, keys in conditions.items():
        operator = str(operator).lower()
        if not isinstance(keys, dict):
            yield operator, GAP, ()
            continue
        for key, values in keys.items():
            yield operator, str(key).lower(), tuple([_canonical(render(value)) for value in _list(values)])


def readable(text: str) -> str:
    """Rendered text without the marks: resources by their logical id, gaps as dots."""
    inner = re.sub(f"{OPEN}(?:[^{CLOSE}]*/)?([^{CLOSE}]*){CLOSE}", r"\1", text)
    return re.sub("‹([A-Za-z]+)›", r"<\1>", inner).replace(GAP, "…")
