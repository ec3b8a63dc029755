"""What becomes of a message at one node, whatever kind it is."""

from collections.abc import Iterator

from patterns.flow.ends.buses import at_bus, at_pipe, at_rule
from patterns.flow.ends.callers import at_bucket, at_caller
from patterns.flow.ends.functions import at_function
from patterns.flow.ends.queues import at_queue
from patterns.flow.ends.steps import End, Go
from patterns.flow.ends.streams import at_stream
from patterns.flow.ends.topics import at_topic
from patterns.flow.model import (
    Bucket,
    Bus,
    Call,
    External,
    Flow,
    Function,
    Kept,
    Match,
    Node,
    Notification,
    Opaque,
    Outcome,
    Pipe,
    Poll,
    Queue,
    Rule,
    Schedule,
    Stream,
    Subscription,
    Topic,
)


def steps_at(flow: Flow, key: str, mode: str, net: bool) -> Iterator[End | Go]:
    node = flow.nodes[key]
    out = flow.leaving(key)
    if isinstance(node, Function):
        yield from at_function(flow, node, mode)
        return
    if isinstance(node, Bus):
        yield from at_bus(flow, node, mode, net)
        return
    polls = [e for e in out if isinstance(e, Poll)]
    if isinstance(node, Stream):
        yield from at_stream(flow, node, polls, net)
        return
    if isinstance(node, Queue) or polls:
        yield from at_queue(flow, node, polls, mode, net)
        return
    subscriptions = [e for e in out if isinstance(e, Subscription)]
    if isinstance(node, Topic) or subscriptions:
        yield from at_topic(flow, node, subscriptions, net)
        return
    if any(isinstance(e, Match) for e in out):
        yield from at_bus(flow, node, mode, net)
        return
    if isinstance(node, Rule | Schedule):
        yield from at_rule(flow, node, mode, net)
        return
    if isinstance(node, Pipe):
        yield from at_pipe(flow, node, net)
        return
    notifications = [e for e in out if isinstance(e, Notification)]
    if notifications:
        steps = at_bucket(flow, notifications)
        yield from (_told_of_a_copy(node, step) for step in steps) if net else steps
        return
    calls = [e for e in out if isinstance(e, Call)]
    if calls and not net and mode == "in":
        yield from at_caller(flow, node, calls)
        return
    yield _outside(node, net)


def _told_of_a_copy(node: Node, step: End | Go) -> End | Go:
    """What a bucket that holds a failed message tells: the object stays, whatever becomes of that."""
    if isinstance(step, Go):
        return step._replace(net=True)
    return step._replace(kept=Kept(node.id, None, None), lost=False, remedy="")


def _outside(node: Node, net: bool) -> End:
    if net:
        # Who looks into it stands elsewhere, so an alarm may stand there too.
        place = "a bucket" if isinstance(node, Bucket) else "somewhere that no template describes"
        unsure = () if isinstance(node, Bucket) else (f"what becomes of it in {node.name}",)
        kept = Kept(node.id, None, None) if isinstance(node, Bucket) else None
        return End(Outcome.DESTINATION, node.id, "", f"it is put into {place}", kept=kept, unsure=unsure)
    what = node.type if isinstance(node, Opaque) else "which stands in none of the templates"
    unsure = (node.why,) if isinstance(node, External) and node.why else ()
    return End(Outcome.OUTSIDE, node.id, "", f"it is handed to {node.name} ({what})", unsure=unsure)
