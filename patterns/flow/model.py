"""The message-flow graph: what a template decides about every message, as frozen data.

A `Flow` holds nodes (where a message can be), edges (how it gets from one to the next) and alarms.
Nodes and edges are subclasses with typed numbers, so that a reader asks ``for poll in flow.edges_of(Poll)``
and finds ``poll.batch_size`` with the service's default filled in. Two conventions hold everywhere:

* ``None`` in a numeric or boolean field means *cannot be told* (a parameter without a value, an import
  from a template that is not at hand). Defaults of the service are filled in, so ``None`` never means
  "not set" - except where the field says so.
* ``resource`` is the template's own resource behind a node or an edge, for a reader that needs one more
  property. It is ``None`` for what stands in no template.

Ids are ``<stack>/<logical id>``; what stands in no template has its ARN, or a label that says what it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from patterns.errors import PatternError
from patterns.flow.template import Ref, Resource, Template


class Answer(StrEnum):
    """A three-valued answer: nobody who reads a template can always say yes or no."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the sender of a link may use it, and the reason in a sentence fragment.

    Attributes:
        answer: allowed, denied, or cannot be told.
        why: what decides it ("the queue policy of Orders has no statement for sns.amazonaws.com").
    """

    answer: Answer
    why: str = ""

    @property
    def allowed(self) -> bool:
        return self.answer is Answer.ALLOWED

    @property
    def denied(self) -> bool:
        return self.answer is Answer.DENIED

    @property
    def unknown(self) -> bool:
        return self.answer is Answer.UNKNOWN


ALLOWED = Verdict(Answer.ALLOWED)


# --- nodes ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A place where a message can be.

    Attributes:
        id: ``<stack>/<logical id>``, an ARN, or a label.
        name: what a reader calls it: the construct path, else the logical id, else the ARN's last part.
        resource: the resource in the template; ``None`` outside the templates.
        unknown: names of fields that are ``None`` because they could not be told.
    """

    kind: ClassVar[str] = "resource"
    id: str
    name: str
    resource: Resource | None = None
    unknown: tuple[str, ...] = ()

    @property
    def stack(self) -> str:
        """The stack that holds it; empty outside the templates."""
        return self.resource.stack if self.resource else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue(Node):
    """``AWS::SQS::Queue``. Times in seconds.

    Attributes:
        fifo: whether it is a FIFO queue.
        retention: how long it keeps a message (MessageRetentionPeriod).
        visibility: how long a message that was received is hidden from others (VisibilityTimeout).
        delay: how long a message waits before it can be received (DelaySeconds).
        key: id or ARN of the KMS key, ``alias/aws/sqs``, or empty for SQS-managed or no encryption.
        content_based_deduplication: FIFO only: whether equal bodies within 5 minutes count as one message.
        redrive: whether it has a RedrivePolicy that names a queue (the link is a `Redrive` edge).
        broken_redrive: why its RedrivePolicy cannot work ("has no deadLetterTargetArn"), else empty.
    """

    kind: ClassVar[str] = "queue"
    fifo: bool | None = False
    retention: int | None = 345_600
    visibility: int | None = 30
    delay: int | None = 0
    key: str | None = ""
    content_based_deduplication: bool | None = False
    redrive: bool = False
    broken_redrive: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic(Node):
    """``AWS::SNS::Topic``.

    Attributes:
        fifo: whether it is a FIFO topic.
        key: as for `Queue`; ``alias/aws/sns`` for the AWS-managed key.
        archive_days: days that a FIFO topic archives messages for replay; 0 without an archive.
        data_protection: the DataProtectionPolicy as a document; ``None`` when there is none or it could not be
            told (see ``unknown``).
    """

    kind: ClassVar[str] = "topic"
    fifo: bool | None = False
    key: str | None = ""
    archive_days: int | None = 0
    data_protection: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus(Node):
    """An event bus.

    Attributes:
        default: whether it is the account's default bus, where AWS services put their events.
        key: as for `Queue`.
        archive_days: days that an archive of *every* event keeps them; ``0`` without such an archive.
            An archive without an end counts 36,500 days; one that may not be there counts none (see ``unknown``).
            A new bus retains every event itself: for so many
            days, ``None`` where it does not say.
        version: 1 for ``AWS::Events::EventBus``, 2 for ``AWS::EventsV2::EventBus`` (which retains events).
    """

    kind: ClassVar[str] = "bus"
    default: bool = False
    key: str | None = ""
    archive_days: int | None = 0
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Node):
    """``AWS::Events::Rule``: a filter on a bus, a clock, or both.

    Attributes:
        bus: id of its bus; empty when it is only a clock.
        pattern: the event pattern; ``None`` when there is none or it could not be told (see ``unknown``).
        expression: the schedule expression, or empty.
        enabled: ``False`` when State is DISABLED.
        archive_days: how long an archive of the bus keeps every event that the rule matches; 0: none does.
    """

    kind: ClassVar[str] = "rule"
    bus: str = ""
    pattern: Mapping[str, Any] | None = None
    expression: str = ""
    enabled: bool | None = True
    archive_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(Node):
    """A Lambda function as one qualifier sees it: ``$LATEST``, an alias or a version. Times in seconds.

    Attributes:
        function: id of the function itself; equal to ``id`` for ``$LATEST``.
        definition: the ``AWS::Lambda::Function`` resource (``resource`` is the alias or version).
        qualifier: ``$LATEST``, the alias name or the version number.
        timeout: how long one invocation may take.
        reserved_concurrency: ``None`` when none is reserved (or it could not be told: see ``unknown``).
        role: id of the execution role; empty when it stands in no template.
        recursive_loop: ``Terminate`` (Lambda stops a loop it can see) or ``Allow``; empty if it cannot be told.
        retries: asynchronous retries after a function error, 0 to 2.
        event_age: how long an asynchronous event is kept for a try, 60 to 21,600.
        async_config: the EventInvokeConfig of exactly this qualifier, if there is one.
    """

    kind: ClassVar[str] = "function"
    function: str = ""
    definition: Resource | None = None
    qualifier: str = "$LATEST"
    timeout: int | None = 3
    reserved_concurrency: int | None = None
    role: str = ""
    recursive_loop: str = "Terminate"
    retries: int | None = 2
    event_age: int | None = 21_600
    async_config: Resource | None = None

    @property
    def qualifier_name(self) -> str:
        """How a reader calls the qualifier: ``$LATEST``, or the alias or version by its name."""
        return self.name if "/" in self.qualifier else self.qualifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Node):
    """``AWS::Scheduler::Schedule``.

    Attributes:
        expression: when it runs (``rate(5 minutes)``, ``cron(…)``, ``at(…)``).
        enabled: ``False`` when State is DISABLED.
        group: id of its schedule group, or the name of one that stands in no template; empty if it cannot be told.
    """

    kind: ClassVar[str] = "schedule"
    expression: str = ""
    enabled: bool | None = True
    group: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket(Node):
    """``AWS::S3::Bucket``."""

    kind: ClassVar[str] = "bucket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Node):
    """A log that is read from a position: Kinesis, a DynamoDB stream, a Kafka topic, and their like.

    Attributes:
        service: ``kinesis``, ``dynamodb``, ``kafka``, ``documentdb`` or ``mq`` (a broker's queue).
        retention: seconds that a record stays; ``None`` when no template says so.
    """

    kind: ClassVar[str] = "stream"
    service: str = "kinesis"
    retention: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipe(Node):
    """``AWS::Pipes::Pipe``.

    Attributes:
        enabled: ``False`` when DesiredState is STOPPED.
    """

    kind: ClassVar[str] = "pipe"
    enabled: bool | None = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque(Node):
    """A resource that sends or takes messages and whose inner working is not modelled.

    Attributes:
        type: its resource type (``AWS::StepFunctions::StateMachine``).
    """

    kind: ClassVar[str] = "opaque"
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class External(Node):
    """Something that stands in none of the templates: an ARN, an address, or what could not be resolved.

    Attributes:
        service: ``sqs``, ``sns``, ``lambda``, ``https``, ``email``…, or empty when it cannot be told.
        why: what could not be resolved, or empty when it is simply elsewhere.
    """

    kind: ClassVar[str] = "external"
    service: str = ""
    why: str = ""


# --- edges ----------------------------------------------------------------------------------------


class Way(StrEnum):
    """When a message takes an edge."""

    MESSAGE = "message"
    FAILURE = "failure"
    SUCCESS = "success"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A link that a message, its copy or a record about it can take.

    Attributes:
        id: the resource that makes the link, and the place in it (``S/Rule#Targets[0]``).
        source: id of the node it leaves.
        target: id of the node it arrives at.
        resource: the resource that makes the link; the node's own where a property makes it.
        place: the path of the property in that resource, empty for the whole resource.
        way: with every message, only after a failure, only after success, or likely (a function's own send).
        verdict: whether the permissions in the templates allow it.
        enabled: ``False`` when it is switched off.
        unknown: names of fields that are ``None`` because they could not be told.
    """

    kind: ClassVar[str] = "link"
    id: str
    source: str
    target: str
    resource: Resource | None = None
    place: str = ""
    way: Way = Way.MESSAGE
    verdict: Verdict = ALLOWED
    enabled: bool | None = True
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription(Edge):
    """A topic's subscription: SNS pushes to the endpoint.

    Attributes:
        protocol: ``sqs``, ``lambda``, ``https``, ``email``…
        filter: the filter policy; ``None`` when there is none or it could not be told (see ``unknown``).
        scope: ``MessageAttributes`` or ``MessageBody``.
        raw: whether the endpoint gets the message without the SNS envelope.
        attempts: deliveries tried after server-side errors, the first included.
        seconds: how long they take; client-side errors are not retried at all.
        broken_redrive: why its RedrivePolicy names no queue, else empty.
    """

    kind: ClassVar[str] = "subscription"
    protocol: str = ""
    filter: Mapping[str, Any] | None = None
    scope: str = "MessageAttributes"
    raw: bool | None = False
    attempts: int | None = 100_015
    seconds: int | None = 1_987_200
    broken_redrive: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll(Edge):
    """A service reads a queue or stream and hands batches on: an event source mapping, a pipe's source.

    Attributes:
        service: ``sqs``, ``kinesis``, ``dynamodb``, ``kafka``, ``documentdb`` or ``mq``.
        batch_size: messages or records that one call takes at most.
        window: seconds that it waits for a full batch.
        filters: the patterns, ORed; empty: every message. SQS messages that match none are deleted.
        partial: whether the function reports batch item failures.
        maximum_concurrency: ``None`` when not set (or see ``unknown``).
        provisioned: whether pollers are provisioned.
        retries: streams only; -1 is until the record expires.
        record_age: streams only, in seconds; -1 is until the record expires.
        bisect: streams only, whether a failing batch is halved.
        parallel: Kinesis and DynamoDB only, the batches of one shard that are processed at a time.
        may_delete: SQS only: whether the reader may delete what was processed.
        starting_position: streams only.
        consumption: ``stream``; ``queue`` where a Kafka topic is shared out record by record, in no order;
            ``fan-out`` where a consumer of a Kinesis stream has throughput of its own.
    """

    kind: ClassVar[str] = "poll"
    service: str = "sqs"
    batch_size: int | None = 10
    window: int | None = 0
    filters: tuple[Any, ...] = ()
    partial: bool | None = False
    maximum_concurrency: int | None = None
    provisioned: bool = False
    retries: int | None = -1
    record_age: int | None = -1
    bisect: bool | None = False
    parallel: int | None = 1
    may_delete: Verdict = ALLOWED
    starting_position: str = ""
    consumption: str = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match(Edge):
    """From a bus to its rule: only events that match the pattern go on.

    Attributes:
        pattern: the event pattern; ``None`` if it could not be told.
        everything: whether the pattern provably lets every event through.
    """

    kind: ClassVar[str] = "match"
    pattern: Mapping[str, Any] | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(Edge):
    """A delivery with a retry policy: from a rule, a schedule, a bus' subscriber or a pipe to a target.

    Attributes:
        by: ``events``, ``eventsv2``, ``scheduler`` or ``pipes``.
        attempts: tries in all, the first included.
        seconds: how long the retries may take.
        filters: of a subscriber of a new event bus, ORed; empty: every event.
        asynchronous: for a function: whether *accepted* counts as delivered and Lambda's own queue takes over;
            ``False``, and named in ``unknown``, where it could not be told.
        message_group: whether a MessageGroupId is given for a FIFO queue.
        fifo: of a subscriber of a new event bus: whether it gets the events of a group one after the other.
        event: into a bus: the source and detail type of what comes this way, each as the values it may have
            (``{"source": ("orders",)}``); what is not there can be anything.
    """

    kind: ClassVar[str] = "delivery"
    by: str = "events"
    attempts: int | None = 186
    seconds: int | None = 86_400
    filters: tuple[Any, ...] = ()
    asynchronous: bool = True
    message_group: bool = False
    fifo: bool | None = False
    event: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification(Edge):
    """A bucket tells about its objects.

    Attributes:
        events: event names (``s3:ObjectCreated:*``); for EventBridge every event.
        filters: ``(("prefix", "in/"),)``.
    """

    kind: ClassVar[str] = "notification"
    events: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Edge):
    """A request from a service whose inner working is not modelled; its caller sees whether it failed.

    Attributes:
        asynchronous: for a function: whether it is invoked with InvocationType Event.
        event: as for `Delivery`.
    """

    kind: ClassVar[str] = "call"
    asynchronous: bool = False
    event: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Send(Edge):
    """A send that is likely, because code decides it: a function's own, by its role and its environment, or one from
    elsewhere by a sender that the policy of a queue, topic or bus lets in by name.

    Attributes:
        action: the action that the role or the policy grants (``sqs:SendMessage``), or empty.
        variable: the environment variable that names the target, or empty.
        keys: for a bucket, patterns of the object keys that the role may write; empty: any.
        events: for a bucket, what the role may bring about there (``ObjectCreated``); empty: anything.
    """

    kind: ClassVar[str] = "send"
    action: str = ""
    variable: str = ""
    keys: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    way: Way = Way.LIKELY


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive(Edge):
    """SQS moves a message to the dead-letter queue when its receive count would exceed the maximum.

    Attributes:
        max_receive_count: receives before the move; ``None`` if it could not be told.
    """

    kind: ClassVar[str] = "redrive"
    max_receive_count: int | None = 10
    way: Way = Way.FAILURE


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter(Edge):
    """Where the sender of a failed delivery puts it: of a subscription, a target, a schedule, a stream.

    Attributes:
        of: id of the edge it protects; of the bus, where it takes what the key of that fails.
    """

    kind: ClassVar[str] = "dead letter"
    of: str = ""
    way: Way = Way.FAILURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination(Edge):
    """Where Lambda puts the record of an asynchronous invocation, or the event (the function's DLQ).

    Attributes:
        dead_letter: ``True`` for DeadLetterConfig (the event itself), ``False`` for a destination (a record).
    """

    kind: ClassVar[str] = "destination"
    dead_letter: bool = False
    way: Way = Way.FAILURE


# --- alarms ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric that an alarm looks at.

    Attributes:
        namespace: ``AWS/SQS``.
        name: ``ApproximateNumberOfMessagesVisible``.
        dimensions: name and value, sorted by name; a value is a node's id where it names a resource.
        statistic: ``Maximum``, ``Sum``, ``p99``…, or empty.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """``AWS::CloudWatch::Alarm``, with what decides whether it tells anybody.

    Attributes:
        id: ``<stack>/<logical id>``.
        name: what a reader calls it, as for a `Node`.
        resource: the resource in the template.
        metrics: the metrics it looks at, those inside metric math included.
        fires: whether a single message more than none makes it fire; ``None`` if it cannot be told.
        why: why it does not fire or what it acts on does not take it, or cannot be told.
        threshold: what its metric is compared with, in the metric's unit; ``None`` where metric math stands
            between the two, or it could not be told.
        acts: whether it has an action of its own that tells somebody and is let in, stands in a composite alarm that
            has one, or a rule hands on the event of its change.
        seconds: period × evaluation periods: how long a condition lasts before it fires.
        actions: ids or ARNs of what it acts on itself.
    """

    id: str
    name: str
    resource: Resource
    metrics: tuple[Metric, ...] = ()
    fires: bool | None = True
    why: str = ""
    threshold: float | None = None
    acts: bool | None = False
    seconds: int | None = 60
    actions: tuple[str, ...] = ()


# --- fates ----------------------------------------------------------------------------------------


class Outcome(StrEnum):
    """How a message ends."""

    PROCESSED = "processed"
    OUTSIDE = "outside"
    DLQ = "dead-letter queue"
    DESTINATION = "destination"
    FILTERED = "filtered"
    EXPIRED = "expired"
    DROPPED = "dropped"
    REJECTED = "rejected"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy that survives.

    Attributes:
        place: id of the node that keeps it.
        at_least: seconds, in the worst case, counted from its arrival there; ``None`` if it cannot be told.
        at_most: seconds, in the best case.
    """

    place: str
    at_least: int | None
    at_most: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """One way in which a message that enters at ``source`` can end.

    Attributes:
        source: id of the node where the message enters.
        outcome: how it ends.
        at: id of the node where it ends.
        hop: id of the edge on which it ends, or empty where it ends in the node.
        condition: what has to happen for it, as a clause ("the function fails 3 times").
        path: ids of the edges that lead there.
        attempts: tries on the last hop before it ends so; ``None`` if it cannot be told.
        soonest: seconds from entering to this end, at least.
        latest: at most; ``None`` if nothing in the template limits it.
        kept: the copy that survives, if any.
        lost: whether the message ends without a copy although the template could have provided for one.
        remedy: for a lost message, what would keep it; else empty.
        alarms: ids of the alarms with an action that fire on it.
        unsure: what this answer depends on and could not be told.
        duplicates: for a message that arrives: where it can arrive more than once.
        order: for a message that arrives: what order it keeps.
    """

    source: str
    outcome: Outcome
    at: str
    hop: str = ""
    condition: str = ""
    path: tuple[str, ...] = ()
    attempts: int | None = 1
    soonest: int = 0
    latest: int | None = 0
    kept: Kept | None = None
    lost: bool = False
    remedy: str = ""
    alarms: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    duplicates: str = ""
    order: str = ""

    @property
    def told(self) -> bool:
        """Whether an alarm with an action tells anybody."""
        return bool(self.alarms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A cycle in which a message, or messages that follow from it, can go round.

    Attributes:
        nodes: ids in the order of the cycle, beginning with the smallest.
        edges: ids of the edges between them.
        certain: ``False`` when one of the edges is only likely, or filters what a function has made.
        stopped: whether Lambda's recursive loop detection would stop it.
        why: why it does, or why it does not.
    """

    nodes: tuple[str, ...]
    edges: tuple[str, ...]
    certain: bool
    stopped: bool
    why: str


# --- the graph ------------------------------------------------------------------------------------

N = TypeVar("N", bound=Node)
E = TypeVar("E", bound=Edge)


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """The whole graph. Build one with `read_flow`, or by hand from nodes and edges.

    Attributes:
        nodes: by id, in the order of their ids.
        edges: by id, in the order of their ids.
        alarms: by id.
        notes: what could not be resolved and what is odd, as sentences.
        template: the resources behind it; ``None`` for a graph built by hand.
    """

    nodes: Mapping[str, Node]
    edges: Mapping[str, Edge]
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    template: Template | None = None
    _out: dict[str, list[Edge]] = field(default_factory=dict, repr=False, compare=False)
    _in: dict[str, list[Edge]] = field(default_factory=dict, repr=False, compare=False)
    _of: dict[str, list[DeadLetter]] = field(default_factory=dict, repr=False, compare=False)
    _kinds: dict[type, list[Any]] = field(default_factory=dict, repr=False, compare=False)
    _memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def build(
        cls,
        nodes: Iterable[Node],
        edges: Iterable[Edge] = (),
        alarms: Iterable[Alarm] = (),
        notes: Iterable[str] = (),
        template: Template | None = None,
    ) -> "Flow":
        """A flow from its parts, in whatever order they come. Of two with the same id the last one counts.

        Raises:
            PatternError: an edge joins a node that is not there.
        """
        flow = cls(
            {n.id: n for n in sorted(nodes, key=_id)},
            {e.id: e for e in sorted(edges, key=_id)},
            {a.id: a for a in sorted(alarms, key=_id)},
            tuple(dict.fromkeys(notes)),
            template,
        )
        for node in flow.nodes.values():
            flow._kinds.setdefault(type(node), []).append(node)
        for edge in flow.edges.values():
            for end in (edge.source, edge.target):
                if end not in flow.nodes:
                    raise PatternError(f"edges must join nodes of the flow, got {edge.id!r} with {end!r}")
            flow._kinds.setdefault(type(edge), []).append(edge)
            flow._out.setdefault(edge.source, []).append(edge)
            flow._in.setdefault(edge.target, []).append(edge)
            if isinstance(edge, DeadLetter):
                flow._of.setdefault(edge.of, []).append(edge)
        return flow

    def nodes_of(self, kind: type[N]) -> list[N]:
        """Every node of exactly this class, in order."""
        return self._kinds.get(kind, [])

    def edges_of(self, kind: type[E]) -> list[E]:
        """Every edge of exactly this class, in order."""
        return self._kinds.get(kind, [])

    def leaving(self, node: str) -> list[Edge]:
        """The edges that leave a node."""
        return self._out.get(node, [])

    def arriving(self, node: str) -> list[Edge]:
        """The edges that arrive at a node."""
        return self._in.get(node, [])

    def nets(self, edge: Edge) -> list[DeadLetter]:
        """Where a failed delivery on this edge is put."""
        return self._of.get(edge.id, [])

    def source(self, edge: Edge) -> Node:
        """The node an edge leaves."""
        return self.nodes[edge.source]

    def target(self, edge: Edge) -> Node:
        """The node an edge arrives at."""
        return self.nodes[edge.target]

    def name(self, node_id: str) -> str:
        """What a reader calls a node."""
        node = self.nodes.get(node_id)
        return node.name if node else node_id

    def watching(self, namespace: str, metric: str, dimension: str, node: str) -> Sequence[Alarm]:
        """The alarms on one metric of one resource, whether or not they act or fire.

        Both names empty: those on the metric of all resources there are.
        """
        index = self._memo.get("alarms")
        if index is None:
            index = {}
            for alarm in self.alarms.values():
                for seen in alarm.metrics:
                    for name, value in seen.dimensions or (("", ""),):
                        index.setdefault((seen.namespace, seen.name, name, value), []).append(alarm)
            self._memo["alarms"] = index
        return index.get((namespace, metric, dimension, node), ())


def _id(item: Node | Edge | Alarm) -> str:
    return item.id


def node_id(ref: Ref | Resource) -> str:
    """The id of the node that a resource or a reference to it stands for."""
    return f"{ref.stack}/{ref.logical_id}"
