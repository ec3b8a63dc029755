"""What becomes of an event on a bus, at a rule, a schedule or a pipe."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from patterns.flow.ends.nets import archive_of, into_net
from patterns.flow.ends.pushes import arrivals, doubts_about, is_not_told, pushed
from patterns.flow.ends.steps import EVENT, FORWARDED, RECORD, End, Go, doubts_of
from patterns.flow.ends.watching import delivery_metrics
from patterns.flow.meeting import Event, forwards, may_match, takes
from patterns.flow.model import (
    Answer,
    Bus,
    Call,
    DeadLetter,
    Delivery,
    Flow,
    Kept,
    Match,
    Node,
    Outcome,
    Pipe,
    Rule,
    Schedule,
    Verdict,
    node_id,
)
from patterns.flow.template import Ref


def at_bus(flow: Flow, node: Node, mode: str, net: bool) -> Iterator[End | Go]:
    archive = archive_of(node)
    if isinstance(node, Bus) and node.key != "" and node.version == 1 and not net and not mode.startswith(RECORD):
        yield from _key_fails(flow, node)
    matches, subscribers = _leaving(flow, node.id)
    if not matches and not subscribers:
        outcome = Outcome.DESTINATION if net else Outcome.OUTSIDE
        condition = f"it is put on {node.name}, whose rules stand in none of the templates"
        yield End(outcome, node.id, "", condition, kept=archive, unsure=(f"which rules {node.name} has",))
        return
    bucket = flow.nodes.get(mode.removeprefix(FROM_BUCKET)) if mode.startswith(FROM_BUCKET) else None
    event = known_of(mode)
    concerned = _met(flow, node.id, matches, event) if bucket is None else _concerned(flow, node.id, matches, bucket)
    certain = {match.id for match in concerned if match.everything or takes(match, event)}
    rest = certain or [d for d in subscribers if not d.filters]
    for match in concerned:
        rule = flow.name(match.target)
        if match.enabled is False:
            kept = archive or archive_of(flow.nodes[match.target])
            yield End(
                Outcome.DROPPED,
                match.target,
                match.id,
                f"it matches {rule}, which is disabled",
                attempts=0,
                kept=kept,
                lost=kept is None,
                remedy=f"enable {rule}, delete it, or archive the events of {node.name}",
                unless_covered=True,
                unsure=doubts_about(flow, kept),
            )
            continue
        unsure = (f"whether {rule} is enabled",) if match.enabled is None else ()
        on = FORWARDED if mode.startswith(FORWARDED) else "in"
        yield Go(match, on, net, filtered=match.id not in certain, unsure=unsure)
    for delivery in subscribers:
        who = flow.name(delivery.target)
        if delivery.filters:
            condition = f"it matches no filter of the subscriber of {who}"
            kept = doubts_about(flow, archive)
            yield End(Outcome.FILTERED, delivery.target, delivery.id, condition, attempts=0, kept=archive, unsure=kept)
        if delivery.enabled is False:
            yield End(
                Outcome.EXPIRED,
                node.id,
                delivery.id,
                f"the subscriber of {who} is stopped",
                attempts=0,
                latest=archive.at_most if archive else None,
                lost=True,
                remedy=f"let the subscriber of {who} run",
            )
            continue
        # The bus retains the event, but nobody calls it up again: what a subscriber drops is gone for it.
        yield from _delivered(flow, delivery, None)
    if not rest and matches:
        custom = isinstance(node, Bus) and not node.default
        unsure = tuple(f"the pattern of {flow.name(m.target)}" for m in matches if "pattern" in m.unknown)
        if not isinstance(node, Bus):
            unsure = (*unsure, f"which other rules {node.name} has")
        yield End(
            Outcome.FILTERED,
            node.id,
            "",
            f"it matches no rule of {node.name}",
            attempts=0,
            kept=archive,
            lost=custom and archive is None and not unsure,
            unless_covered=True,
            remedy=f"archive the events of {node.name}, or add a rule for what the others do not match",
            unsure=(*unsure, *doubts_about(flow, archive)),
        )


def _leaving(flow: Flow, bus: str) -> tuple[list[Match], list[Delivery]]:
    """The links to the rules and subscribers of a bus, sorted out once for all the ways in which events come."""
    known: tuple[list[Match], list[Delivery]] | None = flow._memo.get(f"leaving {bus}")
    if known is None:
        out = flow.leaving(bus)
        known = [e for e in out if isinstance(e, Match)], [e for e in out if isinstance(e, Delivery)]
        flow._memo[f"leaving {bus}"] = known
    return known


def _key_fails(flow: Flow, bus: Bus) -> Iterator[End | Go]:
    """An event that EventBridge cannot encrypt or decrypt with the customer managed key: it does not try again.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html
    """
    condition = f"the key of {bus.name} cannot be used, such as when it is disabled or missing"
    unsure = (f"the key of {bus.name}",) if bus.key is None else ()
    nets = [e for e in flow.leaving(bus.id) if isinstance(e, DeadLetter) and e.of == bus.id]
    usable = [e for e in nets if not e.verdict.denied]
    for dead in usable:
        yield from into_net(flow, dead, Outcome.DLQ, condition, 1, 0, 0, None, (), unsure)
    if usable:
        return
    refused = nets[0].verdict.why if nets else ""
    yield End(
        Outcome.DROPPED,
        bus.id,
        nets[0].id if nets else "",
        f"{condition}; its dead-letter queue cannot take it: {refused}" if nets else condition,
        lost=not unsure,
        remedy=f"make the dead-letter queue writable: {refused}" if nets else f"give {bus.name} a dead-letter queue",
        unsure=unsure,
    )


def at_rule(flow: Flow, node: Rule | Schedule, mode: str, net: bool) -> Iterator[End | Go]:
    deliveries = [e for e in flow.leaving(node.id) if isinstance(e, Delivery)]
    archive = archive_of(flow.nodes[node.bus]) if isinstance(node, Rule) and node.bus in flow.nodes else None
    archive = archive or archive_of(node)
    if not deliveries:
        told = "targets" not in node.unknown
        yield End(
            Outcome.DROPPED,
            node.id,
            "",
            f"{node.name} has no target",
            attempts=0,
            kept=archive,
            lost=archive is None and told and not isinstance(node, Schedule),
            remedy=f"give {node.name} a target",
            unsure=doubts_about(flow, archive) if told else (f"the targets of {node.name}",),
        )
    for delivery in deliveries:
        if mode == FORWARDED and forwards(flow, delivery):
            yield from _forwarded_again(flow, delivery, archive, net)
        else:
            yield from _delivered(flow, delivery, archive, net)


def _forwarded_again(flow: Flow, edge: Delivery, archive: Kept | None, net: bool) -> Iterator[End | Go]:
    """An event that a rule of another bus has forwarded: it is not sent to a further bus, and fails there at once."""
    why = "it came from another bus, and EventBridge forwards an event only once"
    refused = replace(edge, verdict=Verdict(Answer.DENIED, why))
    for step in _delivered(flow, refused, archive, net):
        remedy = f"forward it to {flow.name(edge.target)} from the bus on which it is put"
        yield step._replace(remedy=remedy) if isinstance(step, End) else step


def _delivered(flow: Flow, edge: Delivery, archive: Kept | None, net: bool = False) -> Iterator[End | Go]:
    who = flow.name(edge.target)
    target = "the schedule's target" if edge.by == "scheduler" else "the target"
    source = flow.name(edge.source)
    whose = f"the {edge.place} of {source}" if is_not_told(flow, edge) else f"{target} {who} of {source}"
    remedy = f"give {whose} a dead-letter queue"
    unknown = tuple(f"the {f} of the target {who}" for f in edge.unknown if f != "asynchronous")
    yield from pushed(
        flow,
        edge,
        who,
        edge.attempts,
        edge.seconds,
        bool(edge.filters),
        edge.asynchronous,
        partial(delivery_metrics, flow, edge),
        archive,
        remedy,
        "",
        unknown,
        net,
    )


def at_pipe(flow: Flow, node: Pipe, net: bool) -> Iterator[End | Go]:
    """A pipe's failures go back to its source; only what succeeds goes on, and what its enrichment answers.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/pipes-enrichment.html
    """
    for edge in flow.leaving(node.id):
        if isinstance(edge, Call) and not edge.verdict.denied:
            yield End(
                Outcome.FILTERED,
                node.id,
                edge.id,
                f"{flow.name(edge.target)} returns nothing for it, so {node.name} does not pass it on",
                unsure=doubts_of(edge.verdict, flow.name(edge.target)),
            )
        if isinstance(edge, Delivery) and not edge.verdict.denied:
            modes, either = arrivals(flow, edge, edge.asynchronous)
            for mode in modes:
                yield Go(edge, mode, net, unsure=(*doubts_of(edge.verdict, flow.name(edge.target)), *either))


# How the events of one bucket arrive at a bus: only rules that can match them concern it.
FROM_BUCKET = "from "


def _concerned(flow: Flow, bus: str, matches: list[Match], bucket: Node) -> list[Match]:
    """The rules that can match events of this bucket, as far as source and bucket name decide it."""
    index: dict[str, list[Match]] | None = flow._memo.get(f"s3 on {bus}")
    if index is None:
        index = flow._memo[f"s3 on {bus}"] = {}
        for match in matches:
            for name in _named_buckets(match.pattern or {}):
                index.setdefault(name, []).append(match)
    name = bucket.resource.properties.get("BucketName") if bucket.resource else bucket.name
    keys = dict.fromkeys(("*", bucket.id, name if isinstance(name, str) else "*"))
    return sorted((match for key in keys for match in index.get(key, ())), key=lambda match: match.id)


# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
_RESULT = "Lambda Function Invocation Result - "


def known_of(mode: str) -> Event:
    """The values that the source and the detail type of an event may have, where the way it came says so."""
    if mode.startswith(RECORD):
        return {"detail-type": [_RESULT + mode.removeprefix(RECORD)]}
    how = next((how for how in (EVENT, FORWARDED) if mode.startswith(how)), None)
    return json.loads(mode.removeprefix(how)) if how else {}


def _from_source(flow: Flow, bus: str, matches: list[Match], event: Event) -> list[Match]:
    """The rules that can match events of a source, as far as the sources they write out decide it."""
    if "source" not in event:
        return matches
    index: dict[str, list[Match]] | None = flow._memo.get(f"sources on {bus}")
    if index is None:
        index = flow._memo[f"sources on {bus}"] = {}
        for match in matches:
            wanted = (match.pattern or {}).get("source")
            written = isinstance(wanted, list) and all(isinstance(one, str) for one in wanted)
            for source in dict.fromkeys(wanted if written and wanted else ["*"]):
                index.setdefault(source, []).append(match)
    found = {match.id: match for source in ("*", *event["source"]) for match in index.get(source, ())}
    return sorted(found.values(), key=lambda match: match.id)


def _met(flow: Flow, bus: str, matches: list[Match], event: Event) -> list[Match]:
    """The rules that can match an event, as far as what is known of it decides."""
    return [match for match in _from_source(flow, bus, matches, event) if may_match(match, event)]


def leaves_rules_out(flow: Flow, bus: Node, modes: Iterable[str]) -> bool:
    """Whether a bus has a rule that matches nothing of what arrives in these ways."""
    matches, _ = _leaving(flow, bus.id)
    met = {match.id for mode in modes for match in _met(flow, bus.id, matches, known_of(mode))}
    return len(met) < len(matches)


def forwards_on(flow: Flow, bus: Node) -> bool:
    """Whether a rule of a bus sends what it matches to a further bus."""
    return any(forwards(flow, edge) for match in _leaving(flow, bus.id)[0] for edge in flow.leaving(match.target))


def _named_buckets(pattern: Mapping[str, Any]) -> Iterator[str]:
    """The buckets that a pattern names by id or name, ``*`` where it leaves that open; none if not S3's."""
    source = pattern.get("source")
    if isinstance(source, list) and all(isinstance(item, str) and item != "aws.s3" for item in source):
        return
    detail = pattern.get("detail")
    bucket = detail.get("bucket") if isinstance(detail, Mapping) else None
    names = bucket.get("name") if isinstance(bucket, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(name, str | Ref) for name in names):
        yield "*"
        return
    yield from dict.fromkeys(name if isinstance(name, str) else node_id(name) for name in names)
