"""May this sender use that resource? Allowed, denied, or cannot be told - each with its reason.

Reads queue, topic, bus and key policies, Lambda permissions, and roles with everything attached to them in
the templates. What stands elsewhere (an imported role, a foreign queue) cannot be told.

How a request is decided:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from functools import lru_cache
from typing import NamedTuple

from patterns.flow.model import ALLOWED, Answer, Verdict, node_id
from patterns.flow.permissions.index import KEYS, Index
from patterns.flow.permissions.maybe import Maybe, and_, any_, not_, or_
from patterns.flow.permissions.names import arn_of
from patterns.flow.permissions.statements import EXISTS, Ordered, Statement, is_for_plain_http, names_roles
from patterns.flow.permissions.wildcards import below, covers, names_any
from patterns.flow.rendered import ACCOUNT, CLOSE, GAP, OPEN, readable
from patterns.flow.template import Template


class Caller(NamedTuple):
    """Who asks: a service on behalf of a resource, or a role.

    Attributes:
        service: ``sns.amazonaws.com``; empty for a role.
        role: id of the role; the ARN of one elsewhere, that of its root user for a whole account.
        on_behalf_of: id or ARN of the topic, rule or bucket that a service acts for.
        stack: the stack it is in, for its account.
        given: conditions of the template under which it asks at all (those of the link), as ``Stack/Name``.
    """

    service: str = ""
    role: str = ""
    on_behalf_of: str = ""
    stack: str = ""
    given: tuple[str, ...] = ()


# A policy of so many statements is put in order before it is asked, or N senders to one queue would cost N².
_FEW = 20


class Permissions:
    """What the policies of a set of templates allow.

    Attributes:
        policies: those of queues, topics, buses and buckets, each with what it protects and its statements.
    """

    def __init__(self, template: Template) -> None:
        index = Index(template)
        self.policies = index.policies
        self._template = template
        self._guards, self._roles, self._gaps = index.guards, index.roles, index.gaps
        self._arns: dict[str, str] = {}
        self._conditional = {
            node_id(one): one.condition.same for one in template.resources.values() if one.condition is not None
        }
        self._for_roles: dict[tuple[str, str], list[list[Statement]]] = {}
        self._denials: dict[str, list[Statement]] = {}
        self._ordered: dict[int, Ordered] = {}
        self._told: dict[tuple[Caller, str, str], Verdict] = {}

    def grants(self, role: str) -> list[Statement]:
        """The statements of a role, as far as the templates hold them."""
        return self._roles.get(role, [])

    def denies(self, role: str, action: str, resource: str) -> bool:
        """Whether a policy denies this to a role for certain."""
        if role not in self._denials:
            self._denials[role] = [one for one in self._roles.get(role, ()) if one.deny]
        beside = [one for one in self._policies_for_roles(role, resource) if any(statement.deny for statement in one)]
        # Each as it is kept: a list made for this question would be put in order under an identity that is used again.
        return any(
            self._weigh(statements, Caller(role=role), action, resource)[1] is True
            for statements in (self._denials[role], *beside)
        )

    def protects(self, resource: str) -> bool:
        """Whether the templates hold a policy of this resource."""
        return resource in self._guards

    def names_service(self, resource: str, service: str) -> bool:
        """Whether the policy of a resource lets a service in under any condition."""
        caller, statements = Caller(service=service), self._guards.get(resource, ())
        return any(not one.deny and self._principal(one, caller) is not False for one in statements)

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
            allow, deny = or_(allow, more), or_(deny, less)
        gaps = self._gaps.get(role, [])
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
        if part is None or part.type in KEYS:
            return []
        accounts = {self._template.account(owner), self._template.account(stack)}
        own = [one for one in self._guards[resource] if names_roles(one) and not is_for_plain_http(one)]
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
            worst = and_(worst, answer)
        if worst is None:
            return Verdict(Answer.UNKNOWN, f"the policy of the key {name} depends on what no template says")
        return ALLOWED

    def _open_condition(self, statements: list[Statement], caller: Caller, action: str, resource: str) -> str:
        """Which condition of the template leaves an answer open, else empty."""
        given = self._given(caller, resource)
        for statement in self._concerning(statements, caller, resource):
            under = next((one for one in statement.conditions if one[0] == EXISTS and one[1] not in given), None)
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
                allow = or_(allow, applies)
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
            ordered = self._ordered[id(statements)] = Ordered(statements)
        found = list(ordered.rest)
        for index, target in ((ordered.by_resource, resource), (ordered.by_sender, caller.on_behalf_of)):
            if not target or not index:
                continue
            at = target
            while at:
                found.extend(index.get(f"{OPEN}{at}{CLOSE}", ()))
                at = at.rpartition(":")[0]
            last = (target if target.startswith("arn:") else self.arn(target)).split(":", 5)[-1]
            if GAP not in last:
                found.extend(index.get(last, ()))
            elif not last.endswith(GAP) or "?" in target:
                # A name of which only the end is known, or nothing, may be any of the literal ones.
                found.extend(one for key, group in index.items() if not key.startswith(OPEN) for one in group)
        return list({id(one): one for one in found}.values())

    def _applies(
        self, statement: Statement, caller: Caller, action: str, resource: str, given: frozenset[str] = frozenset()
    ) -> Maybe:
        if names_any(statement.actions, action) is statement.not_actions:
            return False
        answer: Maybe = True
        if statement.principals is not None:
            answer = self._principal(statement, caller)
            if answer is False:
                return False
        if statement.resources != ("*",):
            on: Maybe = False
            for pattern in statement.resources:
                on = or_(on, self.matches(pattern, resource))
            answer = and_(answer, not_(on) if statement.not_resources else on)
            if answer is False:
                return False
        for operator, key, values in statement.conditions:
            if operator == EXISTS and key in given:
                continue
            answer = and_(answer, self._condition(operator, key, values, caller))
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
                    answer = or_(answer, _service(who, caller.service))
            elif kind == "AWS":
                if who == f"{OPEN}{caller.role}{CLOSE}" or _is_account_of(who, caller.role):
                    answer = True
                elif who.endswith(":root"):
                    continue  # the account leaves it to the role's own policies
                elif caller.role != GAP and who.startswith("arn:") and GAP not in who:
                    answer = or_(answer, self.matches(who, caller.role))
                elif GAP in who or who.startswith("arn:"):
                    answer = or_(answer, None)
        return not_(answer) if statement.not_principal else answer

    def _condition(self, operator: str, key: str, values: tuple[str, ...], caller: Caller) -> Maybe:
        operator, optional, negated = _operator(operator)
        if operator == EXISTS:
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
            answer = any_(
                # Only StringLike and the operators for ARNs know wildcards.
                False if literal and ("*" in value or "?" in value) else self.matches(value, caller.on_behalf_of)
                for value in values
            )
        elif key == "aws:sourceaccount":
            if not caller.service:
                return optional or negated
            answer = any_(self._account(value, caller, literal) for value in values)
        elif key == "aws:principalarn" and caller.role.startswith("arn:") and not caller.role.endswith(":root"):
            answer = any_(self.matches(value, caller.role) for value in values)
        elif key == "aws:principalaccount" and caller.role.startswith("arn:"):
            answer = any_(value == caller.role.split(":")[4] for value in values)
        elif key in ("s3:resourceaccount", "aws:resourceaccount") and not caller.service:
            # Of the role's own account, as AWS recommends it for records of failed invocations.
            own = {ACCOUNT, *(self._template.account(stack) for stack in self._template.stacks)}
            answer = any_(True if value in own else None for value in values)
        else:
            return None
        return not_(answer) if negated else answer

    def _present(self, key: str, caller: Caller) -> Maybe:
        """Whether a request carries this key."""
        if key == "aws:sourcearn":
            # A role asks for itself.
            return bool(caller.on_behalf_of) if caller.service else False
        if key == "aws:sourceaccount":
            return bool(caller.service)
        return None

    def _account(self, value: str, caller: Caller, literal: bool) -> Maybe:
        if value == ACCOUNT:
            return True
        if "*" in value or "?" in value:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
            return False if literal else True if value == "*" else None
        mine = self._template.account(caller.stack) if caller.stack else None
        if caller.on_behalf_of.startswith("arn:"):
            named = caller.on_behalf_of.split(":", 5)[4:5]
            if named == [""]:
                return True if value == mine else None  # the ARN of a bucket names no account
            mine = named[0] if named and _ACCOUNT.fullmatch(named[0]) else mine
        if not mine or not _ACCOUNT.fullmatch(mine) or GAP in value:
            return None
        return value == mine

    def matches(self, pattern: str, target: str) -> Maybe:
        """Whether a rendered ARN pattern covers a node (its id) or a foreign ARN."""
        if pattern == "*":
            return True
        if pattern == GAP:
            return None
        if pattern.endswith(f"{GAP}{CLOSE}"):
            # What is not told is what the node's id ends with, where it is the same.
            return True if target.endswith(f"?{pattern[1:-2]}") else None
        if "?" in target:
            # What no template names may be anything elsewhere, but for what the templates hold.
            return False if pattern.startswith(OPEN) else None
        if "/" in target and not target.startswith("arn:"):
            if pattern.startswith(OPEN):
                inner, _, rest = pattern[1:].partition(CLOSE)
                if inner == target or target.startswith(f"{inner}:"):
                    return rest in ("", "*", ":*", "/*") or below(rest)
                return False
            return covers(pattern, self.arn(target))
        if pattern.startswith(OPEN):
            return None if target == GAP else False
        return covers(pattern, target)

    def arn(self, target: str) -> str:
        """The ARN of a resource as far as its template decides it, gaps as ``GAP``."""
        known = self._arns.get(target)
        if known is None:
            known = self._arns[target] = arn_of(self._template, target)
        return known


_ACCOUNT = re.compile(r"\d{12}")


def _is_account_of(principal: str, role: str) -> bool:
    """Whether a principal is the whole account of a role elsewhere; of a role that is not told, whether it is any."""
    if role == GAP:
        return bool(principal.endswith(":root") or _ACCOUNT.fullmatch(principal) or ACCOUNT in principal)
    if not role.startswith("arn:"):
        return False
    account = role.split(":", 5)[4]
    return principal == account or (principal.endswith(":root") and principal.split(":")[4:5] == [account])


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
