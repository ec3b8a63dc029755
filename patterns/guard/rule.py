"""What a rule is, what it finds, and what is told about it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from patterns.flow.template import Resource

if TYPE_CHECKING:
    from patterns.guard.view import View

PLUGIN = "messaging-checks"
"""The name that acknowledgements carry before ``::``."""

DELIVERY, GOVERNANCE = "delivery", "governance"
GROUPS = (DELIVERY, GOVERNANCE)
"""``delivery``: is a message lost, late or doubled. ``governance``: what an organisation asks of every stack."""


class Severity(StrEnum):
    """How bad a hazard is for the messages.

    ``critical``: lost for good in a normal failure, and nobody knows. ``high``: lost or doubled under a common
    fault. ``medium``: under a rarer one, a blind spot, or a deployment that AWS refuses. ``low``: advice.
    """

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Example:
    """A template that shows a rule: one of the ready designs beside this module, with one change.

    Attributes:
        design: name of the design, which every rule finds clean.
        bad: the change that makes the hazard: path in the resources → new value, ``None`` takes it out.
        good: changes to the design that both templates share.
        also: ids of other rules that see the same mistake from their side.
    """

    design: str
    bad: Mapping[str, Any]
    good: Mapping[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """One place where a rule's hazard stands, as its decide function reports it.

    Attributes:
        at: the resource to change.
        place: path of the property below Properties, empty for the whole resource.
        facts: what the rule's texts name in braces.
        severity: instead of the rule's own.
        unsure: what could not be told, when it takes that to be certain; else empty.
        subject: what tells two findings of one rule in one resource apart (the id of a target).
    """

    at: Resource
    place: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    severity: Severity | None = None
    unsure: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A hazard that a template can show.

    Attributes:
        id: stable; never reused for something else.
        severity: how bad.
        title: one line, without the names of a template.
        why: what happens to the message, with ``{facts}`` of the template.
        cdk: the repair in CDK terms.
        cloudformation: the repair in CloudFormation terms.
        url: the page that says so.
        decide: finds it in a view of the flow.
        example: a template that has it, and one that has not.
        group: one of `GROUPS`.
    """

    id: str
    severity: Severity
    title: str
    why: str
    cdk: str
    cloudformation: str
    url: str
    decide: Callable[["View"], Iterator[Found]]
    example: Example
    group: str = DELIVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One hazard in one place, ready to be told.

    Attributes:
        rule: id of the rule.
        severity: after the configuration.
        sure: ``False`` when something that stands in no template decides; such a finding is never an error.
        title: the rule's one line.
        why: what happens to the message, with this template's names and numbers.
        cdk: the repair in CDK terms.
        cloudformation: the repair in CloudFormation terms.
        url: the page that says so.
        stack: name of the stack.
        logical_id: the resource to change.
        type: its resource type.
        path: its construct path in the CDK app, or empty.
        place: path of the property below Properties, or empty.
        source: the file it was read from.
        fingerprint: the same for the same hazard in the next version of the template.
        group: the rule's group.
    """

    rule: str
    severity: Severity
    sure: bool
    title: str
    why: str
    cdk: str
    cloudformation: str
    url: str
    stack: str
    logical_id: str
    type: str
    path: str
    place: str
    source: str
    fingerprint: str
    group: str

    @property
    def where(self) -> str:
        """The construct path, else stack and logical id."""
        return self.path or f"{self.stack}/{self.logical_id}"

    @property
    def acknowledge(self) -> str:
        """The id that an acknowledgement in the CDK names."""
        return f"{PLUGIN}::{self.rule}"

    def level(self, fail_on: Severity | None) -> str:
        """``error``, ``warning`` or ``note``: sure and at least ``fail_on`` is an error."""
        if not self.sure:
            return "note"
        if fail_on is not None and self.severity.rank <= fail_on.rank:
            return "error"
        return "note" if self.severity is Severity.LOW else "warning"


def span(seconds: int | None) -> str:
    """Seconds as a reader says them: ``4 days``, ``90 minutes``, ``20 s``."""
    if seconds is None:
        return "an unknown time"
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count:,} {name}{'s' if count != 1 else ''}"
    return f"{seconds:,} s"
