"""Read a template as a message-flow graph and ask it where every message ends.

``read_flow("cdk.out")`` gives a `Flow`; `fates`, `losses`, `unwatched` and `loops` answer from it, and
`as_text` writes it down in lines that a reviewer can read. Needs no CDK, no network and no account.

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
        Edge,
        Fate,
        Flow,
        Kept,
        Loop,
        Metric,
        Node,
        Outcome,
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
    ),
    "patterns.flow.text": ("as_text",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Alarm",
    "Answer",
    "Edge",
    "Fate",
    "Flow",
    "Kept",
    "Loop",
    "Metric",
    "Node",
    "Outcome",
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
