"""The few words that a picture has room for: what decides a message's way, on the arrow that it takes."""

import re
from collections.abc import Mapping
from typing import Any

from patterns.flow.model import (
    Bus,
    Call,
    DeadLetter,
    Delivery,
    Destination,
    Edge,
    External,
    Flow,
    Function,
    Match,
    Node,
    Notification,
    Opaque,
    Poll,
    Queue,
    Redrive,
    Rule,
    Schedule,
    Send,
    Stream,
    Subscription,
    Topic,
    Way,
)
from patterns.flow.words import duration, times

LONGEST = 110


def clean(text: str, longest: int = 0) -> str:
    """Text on one line: whatever no reader can see (controls, line ends, half characters) becomes a space.

    Args:
        text: any text, from any template.
        longest: characters at most, the middle left out; 0 for no limit.
    """
    seen = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if longest and len(seen) > longest:
        head = (longest - 1) * 2 // 3
        seen = f"{seen[:head]}…{seen[len(seen) - (longest - 1 - head) :]}"
    return seen or "(no name)"


def brief(condition: str) -> str:
    """A condition without what explains it: up to the first colon, semicolon or comma."""
    return re.split(r"[:;,] ", condition, maxsplit=1)[0].removeprefix("it ")


def kind_of(node: Node, dead_letters: bool) -> str:
    """What a node is, in AWS's terms."""
    match node:
        case Queue():
            return f"{'FIFO ' if node.fifo else ''}{'dead-letter queue' if dead_letters else 'queue'}"
        case Topic():
            return "FIFO topic" if node.fifo else "topic"
        case Bus():
            return "event bus"
        case Rule():
            return "rule" if node.bus else "scheduled rule"
        case Stream(service="kinesis"):
            return "Kinesis stream"
        case Stream(service="dynamodb"):
            return "DynamoDB stream"
        case Stream(service="kafka"):
            return "Kafka topic"
        case Stream(service="documentdb"):
            return "DocumentDB change stream"
        case Stream(service="mq"):
            return "broker queue"
        case Opaque():
            return node.type.removeprefix("AWS::").replace("::", " ") or "resource"
        case External():
            return f"{node.service or 'something'} outside the templates"
    return node.kind


def facts_of(node: Node) -> list[str]:
    """What is worth a line in the box, beside its name."""
    facts: list[str] = []
    match node:
        case Queue() if node.broken_redrive:
            facts.append(f"BROKEN RedrivePolicy: {node.broken_redrive}")
        case Rule() | Schedule() if node.expression:
            facts.append(node.expression)
        case Function() if node.reserved_concurrency is not None:
            facts.append(f"reserved concurrency {node.reserved_concurrency:,}")
        case Bus() | Topic() if node.archive_days:
            facts.append(f"archive keeps {times(node.archive_days, 'day')}")
    if getattr(node, "enabled", True) is False:
        facts.append("OFF")
    return facts


def label_of(flow: Flow, edge: Edge) -> str:
    """What decides whether, how and how often a message takes this edge."""
    parts: list[str] = []
    match edge:
        case Poll():
            parts = _poll(edge)
        case Subscription():
            if edge.filter is not None:
                parts.append(f"filter on {_keys(edge.filter)}")
            elif "filter" in edge.unknown:
                parts.append("unknown filter")
            if edge.broken_redrive:
                parts.append(f"BROKEN RedrivePolicy: {edge.broken_redrive}")
        case Match():
            if edge.everything:
                parts.append("every event")
            else:
                parts.append("unknown pattern" if edge.pattern is None else f"pattern on {_keys(edge.pattern)}")
        case Delivery():
            if edge.filters:
                parts.append(times(len(edge.filters), "filter"))
            if edge.by != "pipes":  # a pipe's source repeats, not its delivery
                parts.append(f"{times(edge.attempts, 'attempt')} in {duration(edge.seconds)}")
        case Notification():
            parts = [*(name.removeprefix("s3:") for name in edge.events[:2])]
            parts += [f"{times(len(edge.events) - 2, 'more event')}"] if len(edge.events) > 2 else []
            parts += [f"{name.lower()} {value}" for name, value in edge.filters]
        case Call():
            parts.append("invokes asynchronously" if edge.asynchronous else "calls")
        case Send():
            parts.append(f"likely: {edge.action}" if edge.action else "likely sends")
        case Redrive():
            parts.append(f"after {times(edge.max_receive_count, 'receive')}")
        case DeadLetter():
            parts = _given_up(flow, edge)
        case Destination():
            parts = _destination(flow, edge)
        case _:
            if edge.way is not Way.MESSAGE:
                parts.append(f"on {edge.way.value}" if edge.way is not Way.LIKELY else "likely")
    if edge.verdict.denied:
        parts.insert(0, "DENIED")
    elif edge.verdict.unknown and edge.verdict.why and not isinstance(flow.nodes.get(edge.target), External):
        parts.append("permission unknown")
    if edge.enabled is False:
        parts.insert(0, "OFF")
    return ", ".join(parts)


def _poll(edge: Poll) -> list[str]:
    parts = [f"batch {'?' if edge.batch_size is None else f'{edge.batch_size:,}'}"]
    if edge.window:
        parts.append(f"window {duration(edge.window)}")
    if edge.filters:
        fate = "the rest is deleted" if edge.service == "sqs" else "the rest is skipped"
        parts.append(f"{times(len(edge.filters), 'filter')}, {fate}")
    elif "filters" in edge.unknown:
        parts.append("unknown filters")
    if edge.service not in ("sqs", "mq"):
        parts.append(_stream_limits(edge))
    if edge.maximum_concurrency is not None:
        parts.append(f"at most {edge.maximum_concurrency:,} at once")
    if edge.service == "sqs" and edge.may_delete.denied:
        parts.append("MAY NOT DELETE")
    return parts


def _stream_limits(edge: Poll) -> str:
    if edge.retries is None or edge.record_age is None:
        return "retried ? times" if edge.retries is None else "unknown record age"
    limits = []
    if edge.retries >= 0:
        limits.append(f"retried {times(edge.retries, 'time')}")
    if edge.record_age >= 0:
        limits.append(f"record at most {duration(edge.record_age)} old")
    return ", ".join(limits) or "retried until the record expires"


def _given_up(flow: Flow, edge: DeadLetter) -> list[str]:
    protected = flow.edges.get(edge.of)
    match protected:
        case Poll():
            return [f"given up: {_stream_limits(protected)}"]
        case Subscription() | Delivery():
            tries = times(protected.attempts, "attempt")
            return [f"undelivered to {clean(flow.name(protected.target), 40)}, at most {tries}"]
    return ["undelivered"]


def _destination(flow: Flow, edge: Destination) -> list[str]:
    if edge.way is Way.SUCCESS:
        return ["on success, a record"]
    function = flow.nodes.get(edge.source)
    tries = function.retries if isinstance(function, Function) else None
    attempts = "attempts" if tries is None else times(tries + 1, "attempt")
    return [f"fails {attempts.replace('attempt', 'time')}{'' if edge.dead_letter else ', a record'}"]


def _keys(document: Mapping[str, Any]) -> str:
    keys = sorted(str(key) for key in document)
    return clean(", ".join(keys[:3]) + (" and more" if len(keys) > 3 else ""), 48) if keys else "nothing"
