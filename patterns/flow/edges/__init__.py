"""One module for each kind of link: each reads a `Draft` and yields the edges it finds."""

from collections.abc import Callable, Iterator

from patterns.flow.draft import Draft
from patterns.flow.edges import calls, events, lambda_, pipes, s3, scheduler, sns, sqs
from patterns.flow.model import Edge

LINKS: tuple[Callable[[Draft], Iterator[Edge]], ...] = (
    sqs.links,
    sns.links,
    lambda_.links,
    events.links,
    scheduler.links,
    pipes.links,
    s3.links,
    calls.links,
)
