"""Applies a data protection policy to one message: what is found, who gets what, and the record of it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .detectors import DETECTORS
from .keywords import Keywords
from .plain import plain
from .regex import Pattern

Span = tuple[int, int]

_PREFIX = "arn:aws:dataprotection::aws:data-identifier/"


@dataclass(frozen=True)
class Finding:
    """Where one identifier was found: start and end of each detection, the end exclusive."""

    name: str
    spans: tuple[Span, ...]

    def record(self) -> dict[str, Any]:
        """The shape of ``dataIdentifiers`` in a native record, whose ``end`` is the last character itself."""
        return {
            "name": self.name,
            "count": len(self.spans),
            "detections": [{"start": start, "end": end - 1} for start, end in self.spans],
        }


@dataclass(frozen=True)
class Outcome:
    """What one party gets.

    Attributes:
        text: the message for it; ``None`` when it is denied.
        denied_by: the statement that denied it, as its ``Sid`` or as ``Statement[n]``; ``None`` when it gets one.
        identifiers: what the statement that denied it found.
        deidentified: identifiers that were masked or taken out on the way.
    """

    text: str | None
    denied_by: str | None = None
    identifiers: tuple[str, ...] = ()
    deidentified: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """A message under a policy.

    Attributes:
        published: what is published after the inbound statements.
        deliveries: what each principal's subscriptions get; everything is denied to all when ``published`` is.
        findings: what the audit statement found; empty when there is no audit.
    """

    published: Outcome
    deliveries: Mapping[str, Outcome]
    findings: tuple[Finding, ...]

    def record(self, *, message_id: str, timestamp: str, resource: str, caller: str | None) -> dict[str, Any]:
        """The record of an audit, in the shape of the native one.

        https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-operations.html
        """
        record: dict[str, Any] = {"messageId": message_id, "auditTimestamp": timestamp}
        if caller is not None:
            record["callerPrincipal"] = caller
        return {**record, "resourceArn": resource, "dataIdentifiers": [finding.record() for finding in self.findings]}


class Engine:
    """One policy document, ready to be applied to many messages.

    Args:
        document: a data protection policy as JSON object, already checked.

    Raises:
        KeyError: the policy names a managed identifier that is not in ``OFFERED``.
        regex.Unsupported: a custom identifier that cannot be searched in linear time.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        customs = document.get("Configuration", {}).get("CustomDataIdentifier", [])
        self._finders: dict[str, Callable[[str], Iterator[Span]]] = {
            custom["Name"]: Pattern(custom["Regex"]).spans for custom in customs
        }
        self._statements = [_Statement(n, statement) for n, statement in enumerate(document["Statement"])]
        self._concerning: dict[tuple[str, str | None], tuple[_Statement, ...]] = {}
        for statement in self._statements:
            for name in statement.names:
                if name not in self._finders:
                    self._finders[name] = DETECTORS[name].spans

    @property
    def sample_rate(self) -> int | None:
        """The audit's share of messages in percent; ``None`` without an audit."""
        return next((int(s.operation["Audit"]["SampleRate"]) for s in self._statements if s.kind == "Audit"), None)

    def concerns(self, text: str) -> bool:
        """Whether anything that the policy names is in a text."""
        search = _Search(self._finders, text)
        return any(search.findings(statement.names) for statement in self._statements)

    def find(self, text: str, names: Iterable[str]) -> tuple[Finding, ...]:
        """What the named identifiers find in a text, in their order; those that find nothing are left out."""
        return tuple(_Search(self._finders, text).findings(names))

    def apply(
        self,
        text: str,
        *,
        publisher: str | None = None,
        subscribers: Sequence[str] = (),
        attribute: str | None = None,
        fixed: bool = False,
    ) -> Verdict:
        """What becomes of a message.

        The audit sees the message as published. A deny is judged on the message as published as well, so what
        a statement before or after it masks does not get a message past it. What is delivered is judged on what
        was published. A message that is sensitive from the first to the last character is denied where it would
        be de-identified: SNS refuses it likewise.

        Args:
            text: the message.
            publisher: ARN of the principal that publishes; not given, only statements for everybody apply.
            subscribers: ARNs of the principals that subscribed, or ``*`` for one that no statement names.
            attribute: the name of the attribute whose value the text is, or ``Subject``. Keywords in the name count,
                and unlike the body it may be sensitive as a whole. Default: the text is the message's body.
            fixed: the text cannot be changed, so it is denied where it would be de-identified. Default: it can.
        """
        context, whole = ("", True) if attribute is None else (f"{attribute}: ", False)
        search = _Search(self._finders, text, context)
        audits = [s for s in self._statements if s.kind == "Audit" and s.concerns(publisher)]
        findings = tuple(finding for audit in audits for finding in search.findings(audit.names))
        published = self._pass(self._of("Inbound", publisher), text, search, whole, fixed)
        if published.text is None:
            return Verdict(published, dict.fromkeys(subscribers, published), findings)
        then = search if published.text == text else _Search(self._finders, published.text, context)
        # Once for all whom the same statements concern: a relay may have a hundred subscribers.
        passed: dict[tuple[_Statement, ...], Outcome] = {}
        deliveries: dict[str, Outcome] = {}
        for subscriber in subscribers:
            mine = self._of("Outbound", subscriber)
            if mine not in passed:
                passed[mine] = self._pass(mine, published.text, then, whole, fixed)
            deliveries[subscriber] = passed[mine]
        return Verdict(published, deliveries, findings)

    def _of(self, direction: str, principal: str | None) -> "tuple[_Statement, ...]":
        """The statements that concern a principal."""
        key = direction, principal
        if key not in self._concerning:
            self._concerning[key] = tuple(
                s for s in self._statements if s.direction == direction and s.concerns(principal)
            )
        return self._concerning[key]

    def _pass(self, mine: "tuple[_Statement, ...]", text: str, search: "_Search", whole: bool, fixed: bool) -> Outcome:
        for statement in mine:
            if statement.kind == "Deny" and (found := search.findings(statement.names)):
                return Outcome(None, statement.label, tuple(f.name for f in found))
        changes: list[tuple[Span, str | None]] = []
        names: dict[str, None] = {}
        by = ""
        for statement in mine:
            if statement.kind == "Deidentify":
                for finding in search.findings(statement.names):
                    changes += [(span, statement.mask) for span in finding.spans]
                    names[finding.name] = None
                    by = by or statement.label
        changed = _changed(text, changes)
        if names and (fixed or (whole and (not changed.strip() or _covers(text, [span for span, _ in changes])))):
            return Outcome(None, by, tuple(names))
        return Outcome(changed, deidentified=tuple(names))


class _Statement:
    def __init__(self, number: int, statement: Mapping[str, Any]) -> None:
        self.label = statement.get("Sid") or f"Statement[{number}]"
        self.direction: str = statement["DataDirection"]
        self.names = tuple(dict.fromkeys(i.removeprefix(_PREFIX) for i in statement["DataIdentifier"]))
        self.operation: Mapping[str, Any] = statement["Operation"]
        (self.kind,) = self.operation
        self.mask: str | None = self.operation.get("Deidentify", {}).get("MaskConfig", {}).get("MaskWithCharacter")
        self._principals: Sequence[str] = statement["Principal"]

    def concerns(self, principal: str | None) -> bool:
        return any(covers(named, principal) for named in self._principals)


def covers(named: str, principal: str | None) -> bool:
    """Whether a statement's principal is the given one: itself, its account, its role, or everybody."""
    if named == "*":
        return True
    if principal is None:
        return False
    if named == principal:
        return True
    account = re.fullmatch(r"([0-9]{12})|arn:[a-z-]+:iam::([0-9]{12}):root", named)
    if account:
        return (account[1] or account[2]) in (principal, *principal.split(":")[4:5])
    session = re.fullmatch(r"(arn:[a-z-]+):sts::([0-9]{12}):assumed-role/([^/]+)/.+", principal)
    if session:
        # A session names its role without the role's path.
        role = re.fullmatch(r"(arn:[a-z-]+):iam::([0-9]{12}):role/(?:.+/)?([^/]+)", named)
        return role is not None and role.groups() == session.groups()
    return False


class _Search:
    """Searches one text, each identifier once. A context before it may have keywords, and is not searched itself."""

    def __init__(self, finders: Mapping[str, Callable[[str], Iterator[Span]]], text: str, context: str = "") -> None:
        self._finders = finders
        self._text = text
        self._context = context
        self._plain: str | None = None
        self._keywords: Keywords | None = None
        self._found: dict[str, tuple[Span, ...]] = {}

    def findings(self, names: Iterable[str]) -> list[Finding]:
        return [Finding(name, spans) for name in names if (spans := self._spans(name))]

    def _spans(self, name: str) -> tuple[Span, ...]:
        if name not in self._found:
            self._found[name] = tuple(self._search(name))
        return self._found[name]

    def _search(self, name: str) -> Iterator[Span]:
        find = self._finders[name]
        if name not in DETECTORS:  # a custom identifier says itself what it means
            yield from find(self._text)
            return
        if self._plain is None:
            self._plain = plain(self._text)
        if not DETECTORS[name].keyword:
            yield from find(self._plain)
            return
        if self._keywords is None:
            self._keywords = Keywords(plain(self._context) + self._plain)
        places = self._keywords.of(name)
        if places:
            before = len(self._context)
            yield from (span for span in find(self._plain) if places.near(span[0] + before, span[1] + before))


def _changed(text: str, changes: list[tuple[Span, str | None]]) -> str:
    """Every span masked or taken out; where two overlap, the one that begins first has the overlap."""
    parts: list[str] = []
    done = 0
    for (start, end), mask in sorted(changes, key=lambda change: change[0]):
        start = max(start, done)
        if start < end:
            parts += [text[done:start], (mask or "") * (end - start)]
            done = end
    return "".join([*parts, text[done:]])


def _covers(text: str, spans: list[Span]) -> bool:
    """Whether nothing but white space is left outside the spans."""
    return not _changed(text, [(span, None) for span in spans]).strip()
