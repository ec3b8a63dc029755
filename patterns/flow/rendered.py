"""Resolved values as one string each, in which resources, pseudo parameters and gaps can be recognised.

A resource is ⟨stack/id⟩, a pseudo parameter ‹Region›, a gap ◌: so values of policies can be compared and cut.
"""

import re
from typing import Any

from patterns.flow.values import Ref, Text, Unknown

OPEN, CLOSE, GAP = "⟨", "⟩", "◌"
_PSEUDO = re.compile(r"\$\{AWS::([A-Za-z]+)\}")
ACCOUNT = "‹AccountId›"


def render(value: Any) -> str:
    """A resolved value as one such string."""
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


def sender(value: Any) -> str:
    """A value of ``aws:SourceArn`` as one such string; a parameter without a value is ⟨name◌⟩, a gap of its own."""
    return f"{OPEN}{value.same}{GAP}{CLOSE}" if isinstance(value, Unknown) and value.same else render(value)


def readable(text: str) -> str:
    """Rendered text without the marks: resources by their logical id, gaps as dots."""
    inner = re.sub(f"{OPEN}(?:[^{CLOSE}]*/)?([^{CLOSE}]*){CLOSE}", r"\1", text)
    return re.sub("‹([A-Za-z]+)›", r"<\1>", inner).replace(GAP, "…")


_NAMED_BY = ("", "function:", "event-bus/", "rule/", "stream/", "table/", "stateMachine:", "key/", "role/", "schedule/")


def canonical(text: str) -> str:
    """An ARN written out around a resource's name, as the reference to that resource."""
    if OPEN not in text or not text.startswith("arn:"):
        return text
    head, last = text.split(":", 5)[:5], text.split(":", 5)[-1]
    at = last.rfind(OPEN)
    before = re.sub(f"{OPEN}[^{CLOSE}]*{CLOSE}/", "", last[:at])
    return last[at:] if len(head) == 5 and before in _NAMED_BY else text
