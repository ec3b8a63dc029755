"""How fast filter policies are matched: events a second, ours and moto's, on the same policies and events.

Each figure is the best of several runs of processor time, ours and moto's in turn, with the same policies and
events. Bodies as text: moto reads the JSON for each subscription. Ours is read once for all of them, or, for one
subscription, only where the text has what its filter wants, and there only the keys that its policy has. Where every
body matches, every body has to be read: the line below says what reading the JSON alone would take with Python's own
reader. With bodies parsed, moto's matcher is called behind its reading. All filters are built beforehand.
"""

import json
import random
import time
from collections.abc import Callable
from typing import Any

from moto.events.models import EventPattern
from moto.sns.utils import FilterPolicyMatcher

from patterns.flow.filters import Filter

SUBSCRIPTIONS = (1, 10, 100)
EVENTS = 1_000


def main() -> None:
    """Print the tables."""
    print(f"{'':34}{'ours':>12}{'moto':>12}{'ratio':>8}")
    print(f"{'':34}{'events/s':>12}{'events/s':>12}")
    for title, prepare in (("SNS, bodies as text", _text), ("SNS, bodies parsed", _sns), ("EventBridge", _events)):
        print(title)
        for many in SUBSCRIPTIONS:
            _row(many, *prepare(many))
    print("SNS, bodies as text that all match")
    matching = [_upload(i, kind=0, name="ObjectCreated:Put") for i in range(EVENTS)]
    ours, theirs = _sns_text(1, matching)
    _row(1, ours, theirs)
    bodies = [json.dumps(body) for body in matching]
    reading = EVENTS / _best(lambda: [json.loads(body) for body in bodies], 10)
    moto = EVENTS / _best(theirs, 3)
    print(f"  reading JSON and no matching{'':6}{reading:>12,.0f}{moto:>12,.0f}{reading / moto:>7.1f}x")
    print("\ncost of one policy, ours")
    for branches in (2, 10, 50):
        policy = {"detail": {"$or": [{"kind": [f"k{i}"], "region": [{"prefix": f"r{i}-"}]} for i in range(branches)]}}
        compiled = Filter(policy, "eventbridge")
        event = {"detail": {"kind": "none", "region": "nowhere"}}
        speed = 1 / _best(lambda c=compiled, e=event: c.matches(e), 2_000)
        print(f"  {branches:>4} branches of $or{'':14}{speed:>12,.0f} events/s")
    print("\nkeys under arrays that have to match in the same element, ours: should fall no faster than keys grow")
    for keys in (10, 50, 150):
        names = [f"k{i}" for i in range(keys)]
        _met(f"{keys} keys, 2 elements", dict.fromkeys(names, _X), [dict.fromkeys(names, "x") for _ in range(2)])
    for arrays in (5, 10, 20, 40):
        names = [f"a{i}" for i in range(arrays)]
        branch = {name: {"y": _X} for name in names} | {"z": _X}
        pattern = {name: {"x": _X} for name in names} | {"$or": [branch, {"z": ["y"]}]}
        element = {"x": "x", "y": "x"}
        detail: dict[str, Any] = {name: [element, element] for name in names} | {"z": "x"}
        _met(f"{arrays} arrays and $or", pattern, detail | {names[-1]: [{"x": "x"}, {"y": "x"}]})


_X = ["x"]


def _met(title: str, pattern: dict[str, Any], detail: Any) -> None:
    compiled = Filter({"detail": pattern}, "eventbridge")
    speed = 1 / _best(lambda: compiled.matches({"detail": detail}), 100)
    print(f"  {title:<32}{speed:>12,.0f} events/s")


def _policies(many: int) -> list[dict[str, Any]]:
    created = [{"prefix": "ObjectCreated:"}]
    return [
        {"Records": {"s3": {"object": {"key": [{"prefix": f"kind{i}-"}]}}, "eventName": created}} for i in range(many)
    ]


def _text(many: int) -> tuple[Callable[[], object], Callable[[], object]]:
    return _sns_text(many, [_upload(i) for i in range(EVENTS)])


def _sns_text(many: int, messages: list[dict[str, Any]]) -> tuple[Callable[[], object], Callable[[], object]]:
    bodies = [json.dumps(message) for message in messages]
    ours = [Filter(policy, "body") for policy in _policies(many)]
    theirs = [FilterPolicyMatcher(policy, "MessageBody") for policy in _policies(many)]

    def we() -> int:
        if many == 1:
            return sum(ours[0].matches(body) for body in bodies)
        return sum(each.matches(body) for body in map(json.loads, bodies) for each in ours)

    def moto() -> int:
        return sum(each.matches(None, text) for text in bodies for each in theirs)

    return we, moto


def _sns(many: int) -> tuple[Callable[[], object], Callable[[], object]]:
    bodies = [_upload(i) for i in range(EVENTS)]
    ours = [Filter(policy, "body") for policy in _policies(many)]
    theirs = [FilterPolicyMatcher(policy, "MessageBody") for policy in _policies(many)]

    def we() -> int:
        return sum(each.matches(body) for body in bodies for each in ours)

    def moto() -> int:
        return sum(each._body_based_match(body) for body in bodies for each in theirs)

    return we, moto


def _events(many: int) -> tuple[Callable[[], object], Callable[[], object]]:
    events = [_event(i) for i in range(EVENTS)]
    patterns = [
        {
            "source": ["shop.orders"],
            "detail-type": ["OrderPlaced", "OrderChanged"],
            "detail": {
                "state": [{"anything-but": ["draft", "void"]}],
                "total": [{"numeric": [">", i, "<=", i + 50]}],
                "customer": {"tier": [{"prefix": f"tier-{i % 3}"}]},
            },
        }
        for i in range(many)
    ]
    ours = [Filter(pattern, "eventbridge") for pattern in patterns]
    theirs = [EventPattern(None, pattern) for pattern in patterns]

    def we() -> int:
        return sum(each.matches(event) for event in events for each in ours)

    def moto() -> int:
        return sum(each.matches_event(event) for event in events for each in theirs)  # pyright: ignore[reportArgumentType]

    return we, moto


def _row(many: int, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    if ours() != theirs():
        raise SystemExit("bench: ours and moto's answers differ")
    runs = max(1, 10 // many)
    mine, other = [], []
    for _ in range(3):
        mine.append(_seconds(ours, runs) / EVENTS)
        other.append(_seconds(theirs, 1) / EVENTS)
    fast, slow = 1 / min(mine), 1 / min(other)
    print(f"  {many:>4} subscriptions{'':17}{fast:>12,.0f}{slow:>12,.0f}{fast / slow:>7.1f}x")


def _best(call: Callable[[], object], runs: int) -> float:
    return min(_seconds(call, runs) for _ in range(3))


def _seconds(call: Callable[[], object], runs: int) -> float:
    start = time.process_time()
    for _ in range(runs):
        call()
    return (time.process_time() - start) / runs


def _upload(i: int, kind: int | None = None, name: str | None = None) -> dict[str, Any]:
    chance = random.Random(i)
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-central-1",
                "eventTime": "2026-11-23T10:00:00.000Z",
                "eventName": name or chance.choice(["ObjectCreated:Put", "ObjectCreated:Copy", "ObjectRemoved:Delete"]),
                "userIdentity": {"principalId": "AWS:EXAMPLE"},
                "requestParameters": {"sourceIPAddress": "10.0.0.1"},
                "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "leads",
                    "bucket": {"name": "leads", "arn": "arn:aws:s3:::leads"},
                    "object": {
                        "key": f"kind{chance.randrange(120) if kind is None else kind}-{i}.xml",
                        "size": 1024,
                        "sequencer": "00",
                    },
                },
            }
        ]
    }


def _event(i: int) -> dict[str, Any]:
    chance = random.Random(i)
    return {
        "version": "0",
        "id": f"{i:032x}",
        "detail-type": chance.choice(["OrderPlaced", "OrderChanged", "OrderShipped"]),
        "source": "shop.orders",
        "account": "111122223333",
        "time": "2026-11-23T10:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {
            "state": chance.choice(["draft", "open", "paid"]),
            "total": chance.randrange(200),
            "customer": {"id": str(i), "tier": f"tier-{i % 3}"},
        },
    }
