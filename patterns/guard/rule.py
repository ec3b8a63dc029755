"""What a rule is, what it finds, and what is told about it."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

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

    rank: int
    """0 for the worst."""

    def __init__(self, _: str) -> None:
        self.rank = len(type(self).__members__)


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


class Found(NamedTuple):
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
    facts: Mapping[str, object] = MappingProxyType({})
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


class Finding(NamedTuple):
    """One hazard in one place. It is put into words when somebody reads it, not when it is found.

    Attributes:
        asked: the rule that found it.
        found: what the rule found.
        severity: after the configuration.
        again: how many findings of the same fingerprint stand before it.
    """

    asked: Rule
    found: Found
    severity: Severity
    again: int = 0

    @property
    def rule(self) -> str:
        """Id of the rule."""
        return self.asked.id

    @property
    def group(self) -> str:
        """The rule's group."""
        return self.asked.group

    @property
    def title(self) -> str:
        """The rule's one line."""
        return self.asked.title

    @property
    def url(self) -> str:
        """The page that says so."""
        return self.asked.url

    @property
    def sure(self) -> bool:
        """``False`` when something that stands in no template decides; such a finding is never an error."""
        return not self.found.unsure

    @property
    def why(self) -> str:
        """What happens to the message, with this template's names and numbers."""
        why = self._filled(self.asked.why)
        if self.sure:
            return why
        # What cannot be told is often the reason itself, which is said once.
        unsure = self.found.unsure
        return f"Cannot be told: {why}" if unsure in why else f"Cannot be told ({unsure}). If it holds: {why}"

    @property
    def cdk(self) -> str:
        """The repair in CDK terms."""
        return self._filled(self.asked.cdk)

    @property
    def cloudformation(self) -> str:
        """The repair in CloudFormation terms."""
        return self._filled(self.asked.cloudformation)

    @property
    def stack(self) -> str:
        """Name of the stack."""
        return self.found.at.stack

    @property
    def logical_id(self) -> str:
        """The resource to change."""
        return self.found.at.logical_id

    @property
    def type(self) -> str:
        """Its resource type."""
        return self.found.at.type

    @property
    def path(self) -> str:
        """Its construct path in the CDK app, or empty."""
        return self.found.at.path or ""

    @property
    def place(self) -> str:
        """Path of the property below Properties, or empty."""
        return self.found.place

    @property
    def source(self) -> str:
        """The file it was read from."""
        return self.found.at.source

    @property
    def where(self) -> str:
        """The construct path, else stack and logical id."""
        return self.path or f"{self.stack}/{self.logical_id}"

    @property
    def acknowledge(self) -> str:
        """The id that an acknowledgement in the CDK names."""
        return f"{PLUGIN}::{self.rule}"

    @property
    def hazard(self) -> str:
        """What stays the same whatever stands before the place in a list, and whatever an asset's hash is."""
        at, place = self.found.at, self.found.place
        if "[" in place:
            place = _INDEX.sub("[]", place)
        hazard = "\0".join((self.asked.id, at.stack, at.logical_id, place, self.found.subject))
        return _HASH.sub("", hazard) if len(hazard) > 64 else hazard

    @property
    def fingerprint(self) -> str:
        """The same for the same hazard in the next version of the template."""
        first = _digest(self.hazard)
        return _digest(f"{first}#{self.again + 1}") if self.again else first

    def level(self, fail_on: Severity | None) -> str:
        """``error``, ``warning`` or ``note``: sure and at least ``fail_on`` is an error."""
        if not self.sure:
            return "note"
        if fail_on is not None and self.severity.rank <= fail_on.rank:
            return "error"
        return "note" if self.severity is Severity.LOW else "warning"

    def _filled(self, text: str) -> str:
        return text.format_map(self.found.facts) if "{" in text else text


_INDEX = re.compile(r"\[\d+\]")
# An asset's hash in an id or name changes with the code; it says nothing about the hazard.
_HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def span(seconds: int | None) -> str:
    """Seconds as a reader says them: ``4 days``, ``90 minutes``, ``20 s``."""
    if seconds is None:
        return "an unknown time"
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count:,} {name}{'s' if count != 1 else ''}"
    return f"{seconds:,} s"
