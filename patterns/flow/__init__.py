"""Read a template as a message-flow graph and ask it where every message ends.

``read_flow("cdk.out")`` gives a `Flow`; `fates`, `losses`, `unwatched` and `loops` answer from it, and
`as_text` writes it down in lines that a reviewer can read. Needs no CDK, no network and no account.

A flow is made of nodes (`Queue`, `Topic`, `Bus`, `Rule`, `Function`, `Schedule`, `Bucket`, `Stream`, `Pipe`,
`Opaque`, `External`) and edges (`Subscription`, `Poll`, `Match`, `Delivery`, `Notification`, `Call`, `Send`,
`Redrive`, `DeadLetter`, `Destination`): ``for poll in flow.edges_of(Poll): print(poll.batch_size)``.

Names are imported when they are first used: the constructs need only the limits and filters of this package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patterns.flow.cycles import loops
    from patterns.flow.ends import fates, losses, unwatched
    from patterns.flow.graph import flow_of, read_flow
    from patterns.flow.model import (
        Alarm,
        Answer,
        Bucket,
        Bus,
        Call,
        DeadLetter,
        Delivery,
        Destination,
        Edge,
        External,
        Fate,
        Flow,
        Function,
        Kept,
        Loop,
        Match,
        Metric,
        Node,
        Notification,
        Opaque,
        Outcome,
        Pipe,
        Poll,
        Queue,
        Redrive,
        Rule,
        Schedule,
        Send,
        Stream,
        Subscription,
        Topic,
        Verdict,
        Way,
    )
    from patterns.flow.text import as_text

_HOMES = {
    "patterns.flow.ends": ("fates", "losses", "unwatched"),
    "patterns.flow.graph": ("flow_of", "read_flow"),
    "patterns.flow.cycles": ("loops",),
    "patterns.flow.model": (
        *("Alarm", "Answer", "Edge", "Fate", "Flow", "Kept"),
        *("Loop", "Metric", "Node", "Outcome", "Verdict", "Way"),
        *("Bucket", "Bus", "External", "Function", "Opaque", "Pipe"),
        *("Queue", "Rule", "Schedule", "Stream", "Topic"),
        *("Call", "DeadLetter", "Delivery", "Destination", "Match"),
        *("Notification", "Poll", "Redrive", "Send", "Subscription"),
    ),
    "patterns.flow.text": ("as_text",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Alarm",
    "Answer",
    "Bucket",
    "Bus",
    "Call",
    "DeadLetter",
    "Delivery",
    "Destination",
    "Edge",
    "External",
    "Fate",
    "Flow",
    "Function",
    "Kept",
    "Loop",
    "Match",
    "Metric",
    "Node",
    "Notification",
    "Opaque",
    "Outcome",
    "Pipe",
    "Poll",
    "Queue",
    "Redrive",
    "Rule",
    "Schedule",
    "Send",
    "Stream",
    "Subscription",
    "Topic",
    "Verdict",
    "Way",
    "as_text",
    "fates",
    "flow_of",
    "loops",
    "losses",
    "read_flow",
    "unwatched",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
