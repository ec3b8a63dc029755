"""Readers of Kinesis, DynamoDB streams, Kafka and their like."""

from collections.abc import Iterator, Mapping

from patterns.flow.model import Poll
from patterns.flow.rendered import render
from patterns.guard.rule import Example, Found, Rule, Severity, span
from patterns.guard.view import View, exists

_KINESIS = "https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html"
_KAFKA = "https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html"
_POSITION = "https://docs.aws.amazon.com/lambda/latest/dg/kafka-starting-positions.html"
_GROUP = "https://docs.aws.amazon.com/lambda/latest/dg/kafka-consumer-group-id.html"
_BATCHED = ("kinesis", "dynamodb", "kafka", "documentdb")


def _names(view: View, poll: Poll) -> dict[str, object]:
    return {"stream": view.flow.name(poll.source), "consumer": view.flow.name(poll.target)}


def _readers(view: View) -> Iterator[Poll]:
    for poll in view.streams:
        if poll.service in _BATCHED and poll.resource is not None and not _is_share_group(view, poll):
            yield poll


def _is_share_group(view: View, poll: Poll) -> bool:
    assert poll.resource is not None
    return any(
        view.value(poll.resource, name, "ConsumptionMode") == "Queue"
        for name in ("SelfManagedKafkaEventSourceConfig", "AmazonManagedKafkaEventSourceConfig")
    )


def _limited(poll: Poll) -> bool:
    """Whether a failing record is given up before it expires."""
    return (poll.retries is not None and poll.retries >= 0) or (poll.record_age is not None and poll.record_age >= 0)


def _can_tell(poll: Poll) -> bool:
    return poll.retries is not None and poll.record_age is not None


def _blocks(view: View) -> Iterator[Found]:
    for poll in _readers(view):
        kept = view.flow.nets(poll)
        if kept and poll.service == "kafka":
            continue  # with a destination Lambda retries 10 times at most
        if poll.service == "documentdb":
            continue  # its mapping has no other way
        if _can_tell(poll) and not _limited(poll):
            node = view.flow.nodes[poll.source]
            retention = getattr(node, "retention", None)
            assert poll.resource is not None
            yield Found(
                poll.resource,
                "",
                {**_names(view, poll), "until": f"{span(retention)} old" if retention else "expired"},
            )


def _discards(view: View) -> Iterator[Found]:
    for poll in _readers(view):
        if not view.flow.nets(poll) and _limited(poll):
            assert poll.resource is not None
            parts = []
            if poll.retries is not None and poll.retries >= 0:
                parts.append(f"{poll.retries} retries")
            if poll.record_age is not None and poll.record_age >= 0:
                parts.append(span(poll.record_age))
            yield Found(poll.resource, "", {**_names(view, poll), "limit": " or ".join(parts)})


def _net_denied(view: View) -> Iterator[Found]:
    for poll in view.streams:
        for net in view.flow.nets(poll):
            if net.resource is not None and not net.verdict.allowed:
                yield Found(
                    net.resource,
                    net.place,
                    {**_names(view, poll), "target": view.flow.name(net.target), "why": net.verdict.why},
                    unsure=net.verdict.why if net.verdict.unknown else "",
                )


def _latest(view: View) -> Iterator[Found]:
    for poll in _readers(view):
        if poll.starting_position == "LATEST":
            assert poll.resource is not None
            yield Found(
                poll.resource,
                "StartingPosition",
                _names(view, poll),
                severity=None if poll.service == "kafka" else Severity.LOW,
            )


def _group(view: View, poll: Poll) -> str:
    assert poll.resource is not None
    for name in ("AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"):
        config = view.value(poll.resource, name)
        if isinstance(config, Mapping) and isinstance(config.get("ConsumerGroupId"), str):
            return config["ConsumerGroupId"]
    return ""


def _shared_group(view: View) -> Iterator[Found]:
    seen: dict[tuple[str, str], Poll] = {}
    for poll in view.streams:
        if poll.service != "kafka" or poll.resource is None:
            continue
        group = _group(view, poll)
        if not group:
            continue
        first = seen.setdefault((poll.source, group), poll)
        if first is not poll:
            yield Found(
                poll.resource,
                "ConsumerGroupId",
                {**_names(view, poll), "group": group, "other": view.flow.name(first.target)},
                unsure=exists(first.resource, poll.resource),
            )


def _source_as_net(view: View) -> Iterator[Found]:
    for poll in view.streams:
        if poll.service != "kafka" or poll.resource is None:
            continue
        target = render(view.value(poll.resource, "DestinationConfig", "OnFailure", "Destination", default=""))
        topics = view.value(poll.resource, "Topics")
        read = [render(topic) for topic in topics] if isinstance(topics, list) else [render(topics)]
        if target.startswith("kafka://") and target.removeprefix("kafka://") in read:
            yield Found(poll.resource, "DestinationConfig.OnFailure", _names(view, poll))


_SECOND = {
    "ReadAgain": {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "EventSourceArn": (
                "arn:aws:kafka:eu-west-1:111122223333:cluster/shop/6cc0432b-8618-4f44-bccc-e1fbd8fb7c4d-2"
            ),
            "Topics": ["orders"],
            "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": "shipping"},
            "FunctionName": {"Ref": "Worker"},
            "StartingPosition": "TRIM_HORIZON",
            "MaximumRetryAttempts": 10,
            "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["Failed", "Arn"]}}},
        },
    }
}
_NO_NET = {
    "Read.Properties.DestinationConfig": None,
    "Failed": None,
    "FailedAlarm": None,
    "WorkerRole.Properties.Policies": None,
}

RULES = (
    Rule(
        "stream-discards-records",
        Severity.CRITICAL,
        "Records that fail are discarded",
        "{consumer} gives a record of {stream} up after {limit} and goes on; nothing keeps what was skipped.",
        "Set on_failure=SqsDlq(queue) on the event source.",
        "Set DestinationConfig.OnFailure on the mapping (a pipe: DeadLetterConfig).",
        _KINESIS,
        _discards,
        Example("streamed", _NO_NET),
    ),
    Rule(
        "stream-destination-denied",
        Severity.CRITICAL,
        "The failure destination of a stream's reader cannot be written to",
        "What {consumer} gives up from {stream} cannot be put into {target}: {why}. It is lost.",
        "Use SqsDlq or SnsDlq, which grant it.",
        "Allow the role sqs:SendMessage, sns:Publish, or s3:PutObject with s3:ListBucket on the destination.",
        _KINESIS,
        _net_denied,
        Example("streamed", {"WorkerRole.Properties.Policies": None}),
    ),
    Rule(
        "stream-poison-record-blocks",
        Severity.HIGH,
        "One record that fails stops everything behind it",
        "{consumer} retries a failing record of {stream} until it is {until}; what waits behind it in its shard or "
        "partition is late, and lost when it expires meanwhile.",
        "Set retry_attempts, bisect_batch_on_error=True and on_failure on the event source.",
        "Set MaximumRetryAttempts, BisectBatchOnFunctionError and DestinationConfig.OnFailure.",
        _KAFKA,
        _blocks,
        Example(
            "streamed",
            {"Read.Properties.MaximumRetryAttempts": None, **_NO_NET},
        ),
    ),
    Rule(
        "stream-starts-at-latest",
        Severity.HIGH,
        "A reader skips what was written before it started",
        "{consumer} starts at LATEST: records that are written to {stream} before it is active, which takes minutes, "
        "are never read.",
        "Use StartingPosition.TRIM_HORIZON or AT_TIMESTAMP.",
        "Set StartingPosition: TRIM_HORIZON or AT_TIMESTAMP.",
        _POSITION,
        _latest,
        Example("consumed", {"Read.Properties.StartingPosition": "LATEST"}),
    ),
    Rule(
        "stream-consumer-group-shared",
        Severity.HIGH,
        "Two readers of a Kafka topic share a consumer group",
        "{consumer} and {other} are both {group} for {stream}: each gets only some of the partitions.",
        "Give each event source a consumer_group_id of its own.",
        "Give each mapping a ConsumerGroupId of its own, or leave it out.",
        _GROUP,
        _shared_group,
        Example(
            "consumed",
            {"ReadAgain.Properties.AmazonManagedKafkaEventSourceConfig.ConsumerGroupId": "billing"},
            good=_SECOND,
        ),
    ),
    Rule(
        "stream-destination-is-source",
        Severity.LOW,
        "A Kafka topic is the failure destination of its own reader",
        "{consumer} would write failed records of {stream} back to it; Lambda refuses that.",
        "Use another topic, a queue or a bucket.",
        "Set DestinationConfig.OnFailure to another topic, a queue or a bucket.",
        _KAFKA,
        _source_as_net,
        Example(
            "consumed",
            {"Read.Properties.DestinationConfig.OnFailure.Destination": "kafka://orders"},
            good={
                "Read.Properties.DestinationConfig.OnFailure.Destination": "kafka://orders-failed",
                "Failed": None,
                "FailedAlarm": None,
                "WorkerRole.Properties.Policies": None,
            },
            also=("stream-destination-denied",),
        ),
    ),
)
