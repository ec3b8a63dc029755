"""What becomes of a record in a stream."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from patterns.flow.ends.nets import into_net, refusal_of
from patterns.flow.ends.screens import lets_nothing_through
from patterns.flow.ends.steps import POLLED, End, Go, doubts_of, existence
from patterns.flow.ends.watching import age_alarms, lag_alarms, stream_alarms
from patterns.flow.model import (
    Bucket,
    DeadLetter,
    External,
    Flow,
    Function,
    Kept,
    Outcome,
    Pipe,
    Poll,
    Queue,
    Stream,
    Topic,
)
from patterns.flow.words import duration, times

# https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
KAFKA_RETRIES_WITH_DESTINATION = 10


def at_stream(flow: Flow, node: Stream, polls: list[Poll], net: bool) -> Iterator[End | Go]:
    kept = Kept(node.id, node.retention, node.retention)
    if not polls:
        yield End(
            Outcome.OUTSIDE, node.id, "", f"it waits in {node.name} for a reader", latest=node.retention, kept=kept
        )
    for poll in polls:
        who = flow.name(poll.target)
        if poll.enabled is False or poll.verdict.denied:
            disabled = poll.enabled is False
            yield End(
                Outcome.EXPIRED,
                node.id,
                poll.id,
                f"{reader_of(flow, poll)} is disabled" if disabled else poll.verdict.why,
                attempts=0,
                soonest=node.retention or 0,
                latest=node.retention,
                lost=True,
                remedy=turned_on(flow, poll) if disabled else f"let {who} read {node.name}",
            )
            continue
        idle = lets_nothing_through(flow, poll, net)
        if poll.filters:
            does = "no message can match a" if idle else "it matches no"
            yield End(
                Outcome.FILTERED,
                poll.target,
                poll.id,
                f"{does} filter of {reader_of(flow, poll)}, which skips it",
                attempts=0,
                latest=node.retention,
                kept=kept,
            )
        if idle:
            continue
        yield Go(poll, POLLED, net, 0, node.retention, bool(poll.filters), doubts_of(poll.verdict, who))
        yield from _stuck(flow, node, poll, who)
        if not net and node.service != "mq" and not _throttled(flow, poll):
            yield from _left(flow, node, poll)


def _throttled(flow: Flow, poll: Poll) -> bool:
    function = flow.nodes[poll.target]
    return isinstance(function, Function) and function.reserved_concurrency == 0


def _left(flow: Flow, node: Stream, poll: Poll) -> Iterator[End | Go]:
    """What becomes of records that a reader which works does not come to in time."""
    age, retention = poll.record_age, node.retention
    if age is not None and age != -1 and (retention is None or age < retention):
        yield from _too_old(flow, node, poll, age)
    if age is None or age == -1 or retention is None or age >= retention:
        yield _outlived(flow, node, poll)


def _too_old(flow: Flow, node: Stream, poll: Poll, age: int) -> Iterator[End | Go]:
    """A record that is older than its reader hands on, though nobody has tried it.

    https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
    https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
    """
    condition = f"{reader_of(flow, poll)} does not hand it on within {duration(age)}, and gives it up untried"
    unsure = (*_open_in(flow, poll, "enabled"), *existence(poll))
    alarms = age_alarms(flow, node, poll)
    yield from _given_up(flow, node, poll, _Failed(condition, 0, age, age, False, alarms, unsure))


def _outlived(flow: Flow, node: Stream, poll: Poll) -> End:
    """A record that its reader does not come to. https://docs.aws.amazon.com/streams/latest/dev/troubleshooting-consumers.html"""
    within = "before it expires" if node.retention is None else f"within {duration(node.retention)}"
    unsure = (*_open_in(flow, poll, "enabled", "record_age"), *existence(poll))
    if node.retention is None:
        unsure = (*unsure, f"how long {node.name} keeps its records")
    return End(
        Outcome.EXPIRED,
        node.id,
        poll.id,
        f"{reader_of(flow, poll)} does not read it {within} (a backlog that outlives the retention)",
        attempts=0,
        soonest=node.retention or 0,
        latest=node.retention,
        alarms=lag_alarms(flow, node, poll),
        unsure=unsure,
    )


def _open_in(flow: Flow, poll: Poll, *decide: str) -> tuple[str, ...]:
    """What a template leaves open of that which decides whether a record is lost, and when."""
    reader = reader_of(flow, poll)
    return tuple(
        f"whether {reader} is enabled" if f == "enabled" else f"the {f.replace('_', ' ')} of {reader}"
        for f in poll.unknown
        if f in decide
    )


def _stuck(flow: Flow, node: Stream, poll: Poll, who: str) -> Iterator[End | Go]:
    unsure = (*_open_in(flow, poll, "enabled", "retries", "record_age"), *existence(poll))
    if node.service == "mq":
        yield End(
            Outcome.OUTSIDE,
            node.id,
            poll.id,
            f"{who} fails on the message, which goes back to {node.name}",
            None,
            latest=None,
            unsure=(*unsure, f"what {node.name} does with a message that is not acknowledged"),
        )
        return
    if throttled := _throttled(flow, poll):
        # A throttled batch does not reach the function, and is no attempt that counts.
        # https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
        poll = replace(poll, retries=-1)
    alarms = stream_alarms(flow, node, poll)
    endless = poll.retries == -1 and poll.record_age == -1
    attempts = None if poll.retries in (-1, None) else (poll.retries or 0) + 1
    kept = any(not net.verdict.denied for net in flow.nets(poll))
    if poll.retries == -1 and kept and node.service == "kafka" and not throttled:
        attempts, endless = KAFKA_RETRIES_WITH_DESTINATION + 1, False
    latest = node.retention
    if poll.record_age not in (-1, None):
        latest = min(n for n in (poll.record_age, node.retention) if n is not None)
        endless = poll.retries == -1 and latest == node.retention
    tries = "until it expires" if poll.retries == -1 and attempts is None else times(attempts, "time")
    if poll.record_age not in (-1, None) and not endless:
        tries = f"for {duration(poll.record_age)}" if attempts is None else f"{tries} or {duration(poll.record_age)}"
    if attempts is not None and poll.bisect and poll.batch_size != 1:
        # https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html#services-kinesis-errors
        tries, attempts = f"{tries}, not counting those after which its batch is halved", None
    if poll.consumption == "queue":
        attempts, latest = None, None
        tries = "each time that the broker delivers it, up to its group.share.delivery.count.limit"
    refused_by = refusal_of(flow, [poll])
    fails = "is throttled (its reserved concurrency is 0)" if throttled else "fails on the record"
    condition = f"{refused_by + ' and' if refused_by else who} {fails} {tries}"
    condition += "; it blocks what comes after it until then" if endless else ""
    condition += ", and Lambda disables the mapping" if node.service == "documentdb" else ""
    soonest = (node.retention or 0) if endless else 0
    yield from _given_up(flow, node, poll, _Failed(condition, attempts, soonest, latest, endless, alarms, unsure))


class _Failed(NamedTuple):
    """How a record fails for good."""

    condition: str
    attempts: int | None
    soonest: int
    latest: int | None
    endless: bool
    alarms: tuple[str, ...]
    unsure: tuple[str, ...]


def _given_up(flow: Flow, node: Stream, poll: Poll, failed: _Failed) -> Iterator[End | Go]:
    nets = flow.nets(poll)
    usable = [n for n in nets if not n.verdict.denied]
    for dead in usable:
        yield from _put_aside(flow, node, poll, dead, failed)
    if usable:
        return
    condition, attempts, soonest, latest, endless, alarms, unsure = failed
    refused = f"; its destination cannot be written to: {nets[0].verdict.why}" if nets else ""
    yield End(
        Outcome.EXPIRED if endless else Outcome.DROPPED,
        node.id if endless else poll.target,
        poll.id,
        condition + refused,
        attempts,
        latest=latest,
        soonest=soonest,
        # Nothing keeps what a reader of DocumentDB fails on: no retries that end, no destination.
        # https://docs.aws.amazon.com/documentdb/latest/developerguide/using-lambda.html
        lost=not unsure and node.service != "documentdb",
        remedy="make its destination writable" if nets else _stream_remedy(flow, node, poll),
        alarms=alarms,
        unsure=unsure,
    )


def _put_aside(flow: Flow, node: Stream, poll: Poll, dead: DeadLetter, failed: _Failed) -> Iterator[End | Go]:
    """A failed record at its destination. A queue or topic gets only its place; the record stays in the stream.

    https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
    https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html
    """
    target = flow.nodes[dead.target]
    service = target.service if isinstance(target, External) else ""
    condition, attempts, soonest, latest, endless, alarms, unsure = failed
    if isinstance(target, Bucket) or service in ("s3", "kafka"):
        kept = None
    elif isinstance(target, Queue | Topic) or service in ("sqs", "sns"):
        condition += f"; {target.name} gets only its place in {node.name}"
        kept = _left_in(node, latest)
        if node.retention is None:
            unsure = (*unsure, f"how long {node.name} keeps its records")
    else:
        kept = None
        unsure = (*unsure, f"whether {target.name} gets the record or only its place in {node.name}")
    steps = into_net(flow, dead, Outcome.DESTINATION, condition, attempts, soonest, latest, kept, alarms, unsure)
    if kept is None or not endless:
        yield from steps
        return
    yield End(
        Outcome.EXPIRED,
        node.id,
        poll.id,
        condition + ", where nothing is left of it",
        attempts,
        soonest,
        latest,
        lost=not unsure,
        remedy=f"let the retries of {reader_of(flow, poll)} end while {node.name} still has the record",
        alarms=alarms,
        unsure=unsure,
    )
    yield from (step for step in steps if isinstance(step, Go))


def _left_in(node: Stream, latest: int | None) -> Kept:
    """What the stream still keeps of a record's time when its reader gives up on it."""
    if node.retention is None:
        return Kept(node.id, None, None)
    return Kept(node.id, max(0, node.retention - (node.retention if latest is None else latest)), node.retention)


def reader_of(flow: Flow, poll: Poll) -> str:
    name = flow.name(poll.target)
    return f"the pipe {name}" if isinstance(flow.nodes[poll.target], Pipe) else f"the mapping to {name}"


def turned_on(flow: Flow, poll: Poll) -> str:
    pipe = isinstance(flow.nodes[poll.target], Pipe)
    return f"start {reader_of(flow, poll)}" if pipe else "enable the mapping"


def _stream_remedy(flow: Flow, node: Stream, poll: Poll) -> str:
    if not isinstance(flow.nodes[poll.target], Pipe):
        return f"give {reader_of(flow, poll)} an on-failure destination, and retries that end"
    if node.service == "kafka":
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-dlq.html (Kinesis and DynamoDB only)
        return f"read {node.name} by an event source mapping with an on-failure destination, which a pipe cannot have"
    return f"give {reader_of(flow, poll)} a dead-letter queue, and retries that end"
