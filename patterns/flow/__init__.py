"""Read a template as a message-flow graph and ask it where every message ends.

``read_flow("cdk.out")`` gives a `Flow`; `fates`, `losses`, `unwatched` and `loops` answer from it, and
`as_text` writes it down in lines that a reviewer can read. Needs no CDK, no network and no account.
"""

from patterns.flow.fates import fates, losses, unwatched
from patterns.flow.graph import flow_of, read_flow
from patterns.flow.loops import loops
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
