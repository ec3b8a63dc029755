"""How long a picture takes: from a flow to each format, for more and more boxes. Growth should be about linear."""

import time
from collections.abc import Callable

from patterns.draw import Picture, as_mermaid, as_page, as_svg, picture_of
from patterns.flow.model import Flow, Function, Poll, Queue, Redrive, Subscription, Topic

WORKERS = 9


def _flow(topics: int) -> Flow:
    """Topics with nine workers each: a queue, its dead-letter queue and a function; 28 nodes a topic."""
    nodes: list[Topic | Queue | Function] = []
    edges: list[Subscription | Poll | Redrive] = []
    for topic in range(topics):
        nodes.append(Topic(id=f"S/T{topic}", name=f"Topic{topic}"))
        for worker in range(WORKERS):
            name = f"{topic}x{worker}"
            nodes += [
                Queue(id=f"S/Q{name}", name=f"Queue{name}", redrive=True),
                Queue(id=f"S/D{name}", name=f"Dead{name}", retention=1_209_600),
                Function(id=f"S/F{name}", name=f"Function{name}", function=f"S/F{name}"),
            ]
            edges += [
                Subscription(id=f"S/S{name}", source=f"S/T{topic}", target=f"S/Q{name}", protocol="sqs"),
                Poll(id=f"S/P{name}", source=f"S/Q{name}", target=f"S/F{name}"),
                Redrive(id=f"S/R{name}", source=f"S/Q{name}", target=f"S/D{name}", max_receive_count=5),
            ]
    return Flow.build(nodes, edges)


def _taken(draw: Callable[[Picture], str], picture: Picture) -> tuple[float, int]:
    start = time.perf_counter()
    text = draw(picture)
    return time.perf_counter() - start, len(text)


def main() -> None:
    """Print a row for each size."""
    print(f"{'boxes':>7} {'arrows':>7}  {'fates s':>8} {'mermaid s':>9} {'svg s':>8} {'html s':>8}  {'html kB':>8}")
    for topics in (1, 10, 100):
        flow = _flow(topics)
        start = time.perf_counter()
        picture = picture_of(flow)
        fates = time.perf_counter() - start
        (mermaid, _), (svg, _), (html, size) = (_taken(one, picture) for one in (as_mermaid, as_svg, as_page))
        print(
            f"{len(picture.boxes):>7} {len(picture.arrows):>7}  {fates:8.3f} {mermaid:9.3f} {svg:8.3f} {html:8.3f}"
            f"  {size // 1000:>8}"
        )
