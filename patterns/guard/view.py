"""What rules ask of a flow, worked out once for all of them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from patterns.flow.model import (
    Alarm,
    Call,
    DeadLetter,
    Delivery,
    Destination,
    Edge,
    Flow,
    Function,
    Match,
    Node,
    Notification,
    Poll,
    Queue,
    Redrive,
    Rule,
    Schedule,
    Subscription,
    Verdict,
    Way,
)
from patterns.flow.template import Ref, Resource, Template, Text, Unknown
from patterns.guard.rule import PLUGIN


@dataclass(frozen=True, slots=True)
class Options:
    """What an organisation decides for rules.

    Attributes:
        today: the day for which runtimes are judged.
        code_signing: whether every function must have a code signing configuration.
    """

    today: date = field(default_factory=date.today)
    code_signing: bool = False


class View:
    """A flow with the questions that more than one rule asks.

    Attributes:
        flow: the graph.
        template: the resources behind it.
        value: a property with references resolved, as `Template.value` gives it.
        options: what the organisation decides.
    """

    def __init__(self, flow: Flow, options: Options | None = None) -> None:
        if flow.template is None:
            raise TypeError("a flow built by hand has no resources to report on")
        self.flow = flow
        self.template: Template = flow.template
        self.value = self.template.value
        self.options = options or Options()
        self.memo: dict[str, Any] = {}

    @cached_property
    def acknowledging(self) -> list[Resource]:
        """The resources whose metadata acknowledge findings, or try to."""
        return [resource for resource in self.template.resources.values() if PLUGIN in resource.metadata]

    # --- queues and functions -------------------------------------------------------------------

    @cached_property
    def polls(self) -> list[Poll]:
        """The enabled readers of queues: event source mappings and pipes."""
        return [poll for poll in self.flow.edges_of(Poll) if poll.service == "sqs" and poll.enabled is not False]

    @cached_property
    def mappings(self) -> list[Poll]:
        """The enabled event source mappings of queues: no pipes."""
        kind = "AWS::Lambda::EventSourceMapping"
        return [poll for poll in self.polls if poll.resource and poll.resource.type == kind]

    @cached_property
    def subscriptions(self) -> list[Subscription]:
        """The subscriptions, each with the resource that makes it."""
        return [edge for edge in self.flow.edges_of(Subscription) if edge.resource is not None]

    @cached_property
    def policies(self) -> dict[str, Any]:
        """Filter policies as they were written, by subscription: a document, or a string that is no JSON."""
        found = {edge.id: _policy(self, edge) for edge in self.subscriptions if not edge.place}
        return {key: policy for key, policy in found.items() if policy is not None}

    @cached_property
    def filtered(self) -> list[tuple[Subscription, Any]]:
        """The subscriptions that have a filter policy, with it."""
        return [(edge, self.policies[edge.id]) for edge in self.subscriptions if edge.id in self.policies]

    @cached_property
    def redriven(self) -> list[tuple[Redrive, Queue, Queue]]:
        """Queues with their dead-letter queues, where both stand in the templates."""
        found = []
        for edge in self.flow.edges_of(Redrive):
            queue, dead = self.flow.nodes[edge.source], self.flow.nodes[edge.target]
            if isinstance(queue, Queue) and isinstance(dead, Queue) and queue.resource and dead.resource:
                found.append((edge, queue, dead))
        return found

    @cached_property
    def streams(self) -> list[Poll]:
        """The enabled readers of streams."""
        return [poll for poll in self.flow.edges_of(Poll) if poll.service != "sqs" and poll.enabled is not False]

    def readers(self, queue: str) -> list[Poll]:
        """Who polls a queue."""
        return self.readers_of.get(queue, [])

    @cached_property
    def readers_of(self) -> dict[str, list[Poll]]:
        """The enabled readers by queue."""
        found: dict[str, list[Poll]] = {}
        for poll in self.polls:
            found.setdefault(poll.source, []).append(poll)
        return found

    @cached_property
    def served(self) -> list[tuple[Poll, Queue, Function]]:
        """The enabled readers whose queue and function stand in the templates, with both."""
        found = [(poll, self.queue_of(poll), self.function_of(poll)) for poll in self.polls]
        return [(poll, queue, function) for poll, queue, function in found if queue and function]

    def queue_of(self, poll: Poll) -> Queue | None:
        """The queue that is polled, when it stands in the templates."""
        node = self.flow.nodes.get(poll.source)
        return node if isinstance(node, Queue) and node.resource else None

    def function_of(self, edge: Edge) -> Function | None:
        """The function at which an edge arrives, when it stands in the templates."""
        node = self.flow.nodes.get(edge.target)
        return node if isinstance(node, Function) and node.definition else None

    def qualifiers(self, function: str) -> list[Function]:
        """A function as each of its qualifiers sees it, ``$LATEST`` included."""
        return self._qualifiers.get(function, [])

    @cached_property
    def _qualifiers(self) -> dict[str, list[Function]]:
        found: dict[str, list[Function]] = {}
        for node in self.flow.nodes_of(Function):
            found.setdefault(node.function, []).append(node)
        return found

    def redrive(self, queue: str) -> Redrive | None:
        """The link from a queue to its dead-letter queue."""
        return self._redrives.get(queue)

    @cached_property
    def _redrives(self) -> dict[str, Redrive]:
        return {edge.source: edge for edge in reversed(self.flow.edges_of(Redrive))}

    @cached_property
    def kept_in(self) -> dict[str, list[Edge]]:
        """Queues in the templates where failures are put, by id in order, with the edges that put them there."""
        found: dict[str, list[Edge]] = {}
        for kind in (Redrive, DeadLetter, Destination):
            for edge in self.flow.edges_of(kind):
                node = self.flow.nodes.get(edge.target)
                if edge.way is Way.FAILURE and isinstance(node, Queue) and node.resource:
                    found.setdefault(edge.target, []).append(edge)
        return dict(sorted(found.items()))

    # --- asynchronous invocations -----------------------------------------------------------------

    @cached_property
    def asynchronous(self) -> dict[str, list[Edge]]:
        """Functions (as one qualifier sees them) that are invoked asynchronously, and by what."""
        found: dict[str, list[Edge]] = {}
        for node in self.flow.nodes_of(Function):
            if node.definition is None:
                continue
            edges = [edge for edge in self.flow.arriving(node.id) if _is_asynchronous(edge)]
            if edges:
                found[node.id] = edges
        return found

    def is_clock(self, node: str) -> bool:
        """Whether a schedule, or a rule that is only one, sends: its message comes again with the next run."""
        found = self.flow.nodes.get(node)
        return isinstance(found, Schedule) or (isinstance(found, Rule) and not found.bus)

    def failure_nets(self, function: str) -> list[Destination]:
        """Where the events of failed asynchronous invocations are put."""
        return [
            edge for edge in self.flow.leaving(function) if isinstance(edge, Destination) and edge.way is Way.FAILURE
        ]

    def only_polled(self, function: Function) -> bool:
        """Whether event source mappings of queues are all that invokes a function, as far as templates say."""
        edges = [edge for edge in self.flow.arriving(function.id) if edge.way is not Way.LIKELY]
        return bool(edges) and all(isinstance(edge, Poll) and edge.service == "sqs" for edge in edges)

    # --- loops ------------------------------------------------------------------------------------

    def comes_back(self, start: str, goal: str) -> bool:
        """Whether the record of an invocation at ``start`` gets to ``goal`` by links that are certain."""
        seen, waiting = {start}, [start]
        while waiting:
            node = waiting.pop()
            if node == goal:
                return True
            for edge in self.flow.leaving(node):
                if edge.way is Way.LIKELY or edge.enabled is False or not _lets_records_through(edge):
                    continue
                if edge.target not in seen:
                    seen.add(edge.target)
                    waiting.append(edge.target)
        return False

    # --- alarms -----------------------------------------------------------------------------------

    def alarmed(self, namespace: str, node: str) -> bool:
        """Whether any alarm looks at metrics of a resource."""
        return (namespace, node) in self._alarmed

    @cached_property
    def _alarmed(self) -> set[tuple[str, str]]:
        return {
            (metric.namespace, node)
            for alarm in self.flow.alarms.values()
            for metric in alarm.metrics
            for _, node in metric.dimensions
        }

    def measured(self, namespace: str, metric: str) -> bool:
        """Whether any alarm looks at this metric, of whatever resource."""
        return (namespace, metric) in self._measured

    @cached_property
    def _measured(self) -> set[tuple[str, str]]:
        return {(one.namespace, one.name) for alarm in self.flow.alarms.values() for one in alarm.metrics}

    def watched(self, namespace: str, metrics: Iterable[str], dimension: str, node: str) -> "Watch":
        """Whether an alarm with an action tells about one of these metrics of a resource."""
        if not self.alarmed(namespace, node):
            return _UNWATCHED
        doubt = weak = ""
        for metric in metrics:
            for alarm in self.flow.watching(namespace, metric, dimension, node):
                problem, unsure = _weakness(alarm)
                if not problem and not unsure:
                    return Watch(True)
                doubt, weak = doubt or unsure, weak or problem
        if doubt:
            return Watch(False, doubt, unsure=True)
        return Watch(False, weak) if weak else _UNWATCHED


def _policy(view: View, edge: Subscription) -> Any:
    policy = view.value(edge.resource, "FilterPolicy") if edge.resource else None
    if isinstance(policy, str):
        try:
            return as_written(json.loads(policy))
        except (ValueError, RecursionError):
            return policy
    return None if policy is None or isinstance(policy, Text) else as_written(policy)


@dataclass(frozen=True, slots=True)
class Watch:
    """Whether somebody is told, and if not, what is wrong with the alarm that there is."""

    told: bool
    why: str = ""
    unsure: bool = False


_UNWATCHED = Watch(False)


def _weakness(alarm: Alarm) -> tuple[str, str]:
    """Why an alarm tells nobody; and, in the second place, what cannot be told about that."""
    if alarm.fires is False:
        return f"its alarm {alarm.name} does not fire: {alarm.why}", ""
    if alarm.acts is False:
        why = f"cannot tell: {alarm.why}" if alarm.why else "has no action that tells anybody"
        return f"its alarm {alarm.name} {why}", ""
    if alarm.fires is None:
        return "", f"whether the alarm {alarm.name} fires: {alarm.why}"
    if alarm.acts is None:
        return "", f"whether the alarm {alarm.name} has an action that tells somebody"
    return "", ""


# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
_RECORD = {
    "source": ("lambda", "aws.lambda"),
    "detail-type": ("Lambda Function Invocation Result - Success", "Lambda Function Invocation Result - Failure"),
}


def _lets_records_through(edge: Edge) -> bool:
    """Whether a rule certainly matches the records of invocations, or there is no filter at all."""
    if isinstance(edge, Subscription | Poll):
        return not (edge.filter if isinstance(edge, Subscription) else edge.filters)
    if not isinstance(edge, Match) or edge.everything:
        return True
    return bool(edge.pattern) and all(
        key in _RECORD and isinstance(wanted, list) and any(value in wanted for value in _RECORD[key])
        for key, wanted in (edge.pattern or {}).items()
    )


# Services that ask again by themselves when a function has failed.
_ASK_AGAIN = ("AWS::SecretsManager::RotationSchedule", "AWS::Config::ConfigRule")


def _is_asynchronous(edge: Edge) -> bool:
    if edge.enabled is False:
        return False
    if isinstance(edge, Call):
        return edge.asynchronous and not (edge.resource and edge.resource.type in _ASK_AGAIN)
    if isinstance(edge, Delivery):
        return edge.asynchronous
    return isinstance(edge, Subscription | Notification | Destination)


def by_key(verdict: Verdict) -> bool:
    """Whether it is the encryption key that refuses."""
    return "the key " in verdict.why


def in_template(nodes: Iterable[Node]) -> Iterator[tuple[Node, Resource]]:
    """The nodes that have a resource, with it."""
    for node in nodes:
        if node.resource is not None:
            yield node, node.resource


def documents(value: Any) -> Mapping[str, Any]:
    """An object, or an empty one for whatever is none."""
    return value if isinstance(value, Mapping) else {}


def document(value: Any) -> Any:
    """A document that a template may hold as JSON text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def redrive_problem(view: "View", resource: Resource, keys: Mapping[str, Any]) -> str:
    """Why AWS refuses a redrive policy that names a queue: it has exactly these keys, so spelled; else empty."""
    raw = resource.properties.get("RedrivePolicy")
    if type(raw) is dict and raw.keys() == keys.keys():
        return ""
    policy = document(view.value(resource, "RedrivePolicy"))
    if not isinstance(policy, Mapping) or next(iter(keys)) not in policy:
        return ""
    unknown = [key for key in policy if key not in keys]
    if unknown:
        return f"has {unknown[0]}, which is none of {' and '.join(keys)}"
    missing = [key for key in keys if key not in policy]
    return f"has no {missing[0]}" if missing else ""


def number(value: Any) -> int | float | None:
    """A number as CloudFormation takes it, in quotes too; ``None`` for whatever is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return None


_NUMBER = re.compile(r"\s*[+-]?\d{1,15}(\.\d{1,15})?\s*", re.ASCII)


def exists(*resources: Resource | None) -> str:
    """Whether all of these exist in one deployment: what cannot be told about that, else empty.

    A hazard that takes two resources is none where their Conditions never hold together. Those that stand under one
    and the same Condition do exist together.
    """
    for one in resources:
        if one is not None and one.condition is not None:
            break
    else:
        return ""
    under = [(one, one.condition) for one in resources if one is not None and one.condition is not None]
    every = {one.ref for one in resources if one is not None}
    conditional = {one.ref for one, _ in under}
    shared = {condition.same for _, condition in under}
    if len(every) < 2 or (conditional == every and len(shared) == 1 and "" not in shared):
        return ""
    names = sorted({one.logical_id for one, _ in under})
    reasons = sorted({condition.reason for _, condition in under})
    together = " and ".join(names)
    return f"whether {together} {'exists' if len(names) == 1 else 'exist together'}: {'; '.join(reasons)}"


def may_exclude_itself(policy: Mapping[str, Any]) -> bool:
    """Whether a key can have conditions twice, which only ``$or`` makes possible."""
    return "$or" in policy or any(isinstance(value, Mapping) and may_exclude_itself(value) for value in policy.values())


def mentions(raw: Any, *words: str) -> bool:
    """Whether one of these words stands in a raw value, as a key or as a whole text."""
    waiting = [raw]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if value in words or ("." in value and value.partition(".")[0] in words):
                return True
        elif isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)
    return False


class _Undecided(Exception):
    pass


# Far above what any service takes, far below what would end the process.
_DEEPEST = 200


def as_written(document: Any) -> Any:
    """A policy with references as stand-in texts, so that its form can be judged; ``None`` if that is open.

    What is nested deeper than any service allows is cut off, and stays too deep.
    """
    try:
        return _stand_in(document, _DEEPEST)
    except _Undecided:
        return None


def _stand_in(value: Any, levels: int) -> Any:
    if isinstance(value, Unknown):
        raise _Undecided
    if isinstance(value, Ref | Text) or not levels:
        return "reference"
    if isinstance(value, Mapping):
        return {key: _stand_in(item, levels - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_stand_in(item, levels - 1) for item in value]
    return value
