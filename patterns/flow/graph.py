"""Templates in, graph out."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

from patterns._collect import paused
from patterns.flow.alarms import alarms
from patterns.flow.draft import Draft
from patterns.flow.edges import LINKS, outside
from patterns.flow.edges.lambda_ import late_links, nets
from patterns.flow.model import Edge, Flow
from patterns.flow.template import Template, read


def read_flow(*sources: str | PathLike[str] | Mapping[str, Any], parameters: Mapping[str, str] | None = None) -> Flow:
    """Read templates that belong together as one message-flow graph.

    Args:
        sources: each a cloud assembly (``cdk.out``), a folder of templates, a template file (JSON, YAML,
            SAM) or a dict of templates by stack name.
        parameters: values for template parameters, by name, or by ``Stack:Name`` for one stack alone.
            Default: the defaults that the templates declare.

    Raises:
        PatternError: a source is missing or malformed as a whole: the file, the place and the reason.
    """
    return flow_of(read(*sources, parameters=parameters))


def flow_of(template: Template) -> Flow:
    """The graph of templates that were read before."""
    with paused():
        draft = Draft(template)
        edges: list[Edge] = []
        for links in LINKS:
            edges.extend(links(draft))
        edges.extend(outside.links(draft, edges))
        edges.extend(nets(draft))
        edges.extend(late_links(draft, edges))
        edges.extend(outside.senders(draft, edges))
        watching = [*alarms(draft, edges)]
        noted = sorted({*template.notes, *template.open_parameters()})
        notes = [*(str(note) for note in noted), *draft.notes]
        return Flow.build(draft.nodes.values(), edges, watching, notes, template)
