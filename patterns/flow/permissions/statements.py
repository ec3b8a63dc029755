"""The statements of policies, their values rendered, and what can be said of one by itself."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from patterns.flow.rendered import CLOSE, GAP, OPEN, canonical, render, sender
from patterns.flow.template import Resource
from patterns.flow.values import Text, Unknown


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
EXISTS = "exists under"

# A statement, or a whole policy, that no template decides: it may allow anything.
UNDECIDED = Statement(False, (("*", "*"),), False, ("*",), False, ("*",), False, (("cannot be told", GAP, ()),))


def statements_of(document: Any) -> list[Statement]:
    """The statements of a policy as it was resolved; one that no template decides may allow anything."""
    if isinstance(document, (str, Text)):
        document = _document(document)
    if isinstance(document, Unknown):
        return [UNDECIDED]
    found = []
    for raw in listed(document.get("Statement")) if isinstance(document, dict) else ():
        if isinstance(raw, dict):
            found.append(_statement(raw))
            said = (raw.get("Principal"), *listed(raw.get("Action")))
            if raw.get("Effect") != "Deny" and any(isinstance(one, Unknown) for one in said):
                found.append(UNDECIDED)  # beside what the statement says for certain
        elif isinstance(raw, Unknown):
            found.append(UNDECIDED)
    return found


def _statement(raw: dict[str, Any]) -> Statement:
    not_actions, not_resources, not_principal = "NotAction" in raw, "NotResource" in raw, "NotPrincipal" in raw
    actions = listed(raw.get("NotAction" if not_actions else "Action"))
    resources = listed(raw.get("NotResource" if not_resources else "Resource", "*"))
    principal = raw.get("NotPrincipal" if not_principal else "Principal")
    conditions = raw.get("Condition")
    return Statement(
        raw.get("Effect") == "Deny",
        None if principal is None else tuple(_principals(principal)),
        not_principal and principal is not None,
        tuple([render(action).lower() for action in actions]),
        not_actions,
        tuple([canonical(render(resource)) for resource in resources]),
        not_resources,
        tuple(_conditions(conditions)) if isinstance(conditions, dict) else (),
    )


def _principals(principal: Any) -> list[tuple[str, str]]:
    if not isinstance(principal, dict):
        return [("*", render(principal))]
    return [(str(kind), render(who)) for kind, values in principal.items() for who in listed(values)]


def _conditions(conditions: dict[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for operator, keys in conditions.items():
        operator = str(operator).lower()
        if not isinstance(keys, dict):
            yield operator, GAP, ()
            continue
        for key, values in keys.items():
            key = str(key).lower()
            told = sender if key == "aws:sourcearn" else render
            yield operator, key, tuple([canonical(told(value)) for value in listed(values)])


def _document(text: str | Text) -> Any:
    """A policy that a template holds as JSON text, its references rendered; one that cannot be read is open."""
    try:
        return json.loads(render(text))
    except (ValueError, RecursionError):
        return Unknown("the policy is no JSON that can be read")


def listed(value: Any) -> list[Any]:
    """What a policy may write as one item or as a list of them."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def exists_under(policy: Resource) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """What it takes for a policy to be there at all, as a condition of its statements."""
    if policy.condition is None:
        return ()
    return ((EXISTS, policy.condition.same, (policy.condition.reason,)),)


def only_under(policy: Resource, statements: list[Statement]) -> list[Statement]:
    """The statements of a policy, with what it takes for the policy to be there."""
    under = exists_under(policy)
    return [one._replace(conditions=(*one.conditions, *under)) for one in statements] if under else statements


def names_roles(statement: Statement) -> bool:
    """Whether a statement of a resource's policy can be about a role: not one that names services alone."""
    principals = statement.principals
    return principals is None or statement.not_principal or any(kind != "Service" for kind, _ in principals)


def is_for_plain_http(statement: Statement) -> bool:
    """Whether a statement is about requests without TLS, which no service and no SDK makes."""
    return any(
        key == "aws:securetransport" and operator == "bool" and not any(value.lower() == "true" for value in values)
        for operator, key, values in statement.conditions
    )


_ONE_SENDER = ("arnequals", "arnlike", "stringequals", "stringlike")


class Ordered:
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
        return "" if GAP in pattern else pattern.partition(CLOSE)[0] + CLOSE
    parts = pattern.split(":", 5)
    literal = len(parts) == 6 and pattern.startswith("arn:") and not re.search(f"[*?‹{OPEN}{GAP}]", parts[5])
    return parts[5] if literal else ""
