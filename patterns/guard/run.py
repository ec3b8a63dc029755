"""Ask every rule about a flow."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from patterns._collect import paused
from patterns.errors import PatternError
from patterns.flow.model import Flow
from patterns.flow.template import Ref
from patterns.guard.rule import DELIVERY, GROUPS, PLUGIN, Finding, Rule, Severity
from patterns.guard.rules import BY_ID, RULES
from patterns.guard.view import Options, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Which rules count, and how much.

    Attributes:
        groups: groups of rules that are asked.
        ignore: ids of rules that are not asked.
        severities: severities by rule id, instead of the rules' own.
        fail_on: findings of at least this severity are errors; ``None``: there are none.
        options: what an organisation decides for rules.
    """

    groups: tuple[str, ...] = (DELIVERY,)
    ignore: frozenset[str] = frozenset()
    severities: Mapping[str, Severity] = field(default_factory=dict)
    fail_on: Severity | None = Severity.HIGH
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A finding that somebody accepts.

    Attributes:
        finding: what was found.
        reason: why it is accepted.
        at: the construct path or logical id where it was acknowledged.
    """

    finding: Finding
    reason: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check found.

    Attributes:
        findings: what is to be repaired or acknowledged, the most severe first.
        acknowledged: what was accepted, with the reasons.
        settings: what was asked.
        notes: what could not be read or resolved, and acknowledgements that are none or that nothing needs.
    """

    findings: tuple[Finding, ...]
    acknowledged: tuple[Acknowledged, ...]
    settings: Settings
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that fail a check."""
        return tuple(f for f in self.findings if f.level(self.settings.fail_on) == "error")


Lookup = Callable[[Finding], "tuple[str, str] | None"]
"""For a finding the reason for which it is acknowledged, and where; ``None`` when it is not."""


@runtime_checkable
class Remembers(Protocol):
    """A lookup that knows which of its acknowledgements nothing asked for."""

    def unused(self, asked: Iterable[str]) -> Iterator[str]:
        """What acknowledges nothing that these rules find, as notes."""
        ...


def check(flow: Flow, settings: Settings | None = None, acknowledged: Iterable[Lookup] = ()) -> Report:
    """Every hazard in a flow.

    Args:
        flow: read by `read_flow`, so that resources stand behind it.
        settings: which rules count, and how much. Default: the delivery rules, high and critical are errors.
        acknowledged: further places to look acknowledgements up; those in the templates' own Metadata always count.

    Raises:
        PatternError: settings name a rule or group that does not exist.
    """
    settings = settings or Settings()
    refuse_unknown("ignore", settings.ignore)
    refuse_unknown("severity", settings.severities)
    for group in settings.groups:
        if group not in GROUPS:
            raise PatternError(f"group must be {' or '.join(GROUPS)}, got {group!r}")
    view = View(flow, settings.options)
    with paused():
        acknowledged = list(acknowledged)
        lookups = [_in_metadata, *acknowledged] if view.acknowledging else acknowledged
        open_, accepted = _sorted_out(_asked(view, settings), lookups)
    return Report(
        findings=tuple(open_),
        acknowledged=tuple(accepted),
        settings=settings,
        notes=tuple(_notes(view, settings, accepted, acknowledged)),
    )


def _notes(
    view: View, settings: Settings, accepted: list[Acknowledged], acknowledged: Iterable[Lookup]
) -> Iterator[str]:
    """What a report says besides its findings."""
    # The CDK's own bookkeeping depends on the Region in every stack, and carries no message.
    yield from (note for note in view.flow.notes if "Resources.CDKMetadata" not in note)
    asked = {rule.id for rule in _rules(settings)}
    yield from _malformed(view, asked, {(one.finding.found.at.ref, one.finding.rule) for one in accepted})
    for lookup in acknowledged:
        if isinstance(lookup, Remembers):
            yield from lookup.unused(asked)


def _rules(settings: Settings) -> Iterator[Rule]:
    return (rule for rule in RULES if rule.group in settings.groups and rule.id not in settings.ignore)


def _asked(view: View, settings: Settings) -> list[Finding]:
    """What all rules find, sorted."""
    findings: list[Finding] = []
    for rule in _rules(settings):
        severity = settings.severities.get(rule.id)
        findings.extend(
            _distinct(
                [Finding(rule, found, severity or found.severity or rule.severity) for found in rule.decide(view)]
            )
        )
    return sorted(findings, key=_order)


def _sorted_out(findings: list[Finding], lookups: list[Lookup]) -> tuple[list[Finding], list[Acknowledged]]:
    """The findings that stand, and those that somebody accepted."""
    if not lookups:
        return findings, []
    open_, accepted = [], []
    for finding in findings:
        for lookup in lookups:
            answer = lookup(finding)
            if answer is not None:
                accepted.append(Acknowledged(finding, *answer))
                break
        else:
            open_.append(finding)
    return open_, accepted


def refuse_unknown(name: str, ids: Iterable[str]) -> None:
    """Refuse ids that no rule has.

    Raises:
        PatternError: naming the nearest rule.
    """
    for given in ids:
        if given not in BY_ID:
            from difflib import get_close_matches

            near = get_close_matches(str(given), BY_ID, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise PatternError(f"{name} must name rules, got {given!r}{hint}")


# The digits of an asset's hash, which a hazard leaves out: so long a name may hold one.
_HASH = 64


def _distinct(findings: list[Finding]) -> list[Finding]:
    """One rule's: the same hazard in the same place told once, equal fingerprints of different places numbered."""
    resources = [finding.found.at for finding in findings]
    names = {at.logical_id for at in resources} | {at.stack for at in resources}
    if len(set(map(id, resources))) == len(resources) and not any(len(name) >= _HASH for name in names):
        return findings  # each in a resource of its own
    places: dict[tuple[bool, int, str, str, str], list[Finding]] = {}
    for finding in findings:
        places.setdefault(_order(finding), []).append(finding)
    counts: dict[str, int] = {}
    numbered = []
    for place in sorted(places):
        for finding in _once(places[place]):
            hazard = finding.hazard
            before = counts.get(hazard, 0)
            counts[hazard] = before + 1
            numbered.append(finding._replace(again=before) if before else finding)
    return numbered


def _order(finding: Finding) -> tuple[bool, int, str, str, str]:
    found, at = finding.found, finding.found.at
    where = at.path or f"{at.stack}/{at.logical_id}"
    return bool(found.unsure), finding.severity.rank, finding.asked.id, where, found.place


def _once(same: list[Finding]) -> Iterable[Finding]:
    """Of what stands in one place each hazard once. Only here have their words to be compared."""
    return {(f.hazard, f.why): f for f in sorted(same, key=lambda f: f.why)}.values()


# --- acknowledgements in templates ------------------------------------------------------------------


def _in_metadata(finding: Finding) -> tuple[str, str] | None:
    """``Metadata: {messaging-checks: {acknowledge: [{id, reason}]}}`` on the resource of a finding."""
    metadata = finding.found.at.metadata
    for entry in _entries(metadata) if PLUGIN in metadata else ():
        if isinstance(entry, Mapping) and _rule_of(entry) == finding.rule and _reason(entry):
            return _reason(entry), finding.where
    return None


def _entries(metadata: Mapping[str, object]) -> list[object]:
    own = metadata.get(PLUGIN)
    listed = own.get("acknowledge") if isinstance(own, Mapping) else None
    return listed if isinstance(listed, list) else []


def _rule_of(entry: Mapping[str, object]) -> str:
    given = entry.get("id")
    return given.removeprefix(f"{PLUGIN}::") if isinstance(given, str) else ""


def _reason(entry: Mapping[str, object]) -> str:
    reason = entry.get("reason")
    return reason.strip() if isinstance(reason, str) else ""


def _malformed(view: View, asked: set[str], used: set[tuple[Ref, str]]) -> Iterable[str]:
    for resource in view.acknowledging:
        where = f"{resource.source}, Resources.{resource.logical_id}.Metadata.{PLUGIN}"
        entries = _entries(resource.metadata)
        if not entries:
            yield f"{where}: must be {{acknowledge: [{{id, reason}}]}}; nothing is acknowledged"
        for entry in entries:
            if not isinstance(entry, Mapping) or _rule_of(entry) not in BY_ID:
                given = _rule_of(entry) if isinstance(entry, Mapping) else entry
                yield f"{where}: acknowledges {given!r}, which is no rule"
            elif not _reason(entry):
                yield f"{where}: acknowledges {_rule_of(entry)} without a reason, which does not count"
            elif _rule_of(entry) in asked and (resource.ref, _rule_of(entry)) not in used:
                yield f"{where}: acknowledges {_rule_of(entry)}, which finds nothing there any more"
