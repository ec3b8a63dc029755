"""The relay's function: judges what the ingress topic hands it, and passes on what may be passed on.

Nothing of a message is written to the log, to a metric or into an error: an error that leaves this module has the name
of what went wrong and nothing else, because Lambda logs it and puts it into the record of the failed invocation.
"""

import hashlib
import json
import os
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .engine import Engine, Outcome, Verdict

SUBSCRIBER = "relay-subscriber"
"""The message attribute by which the subscriptions behind the relay are filtered. A publisher's own is overwritten."""

NAMESPACE = "MessageDataProtection"

MOST_POSITIONS = 1_000
"""In one record. Every message fits into a log event or a record of Firehose then, whatever is in it."""


class RelayError(Exception):
    """A message could not be judged or passed on. Lambda tries again, then the event goes to the quarantine."""


@dataclass(frozen=True)
class Part:
    """A text of the message.

    Attributes:
        place: how records and denials speak of it.
        text: the text itself.
        name: ``Subject``, or the attribute whose value it is; ``None`` for the body and for a name.
        fixed: it is the name of an attribute, which cannot be masked.
    """

    place: str
    text: str
    name: str | None = None
    fixed: bool = False


class Relay:
    """One relay, ready for many messages.

    Args:
        document: the policy. Its outbound statements have names of subscribers for principals.
        subscribers: their names.
        settings: ``topic`` (ARN of the protected topic), ``quarantine`` (URL of the queue), ``resource`` (ARN that
            findings speak of), ``findings`` and ``no_findings`` (each with ``log_group`` and ``log_stream``,
            ``delivery_stream``, ``bucket``, or without).
        clients: makes the client of an AWS service by its name.
    """

    def __init__(
        self, document: Mapping[str, Any], subscribers: Sequence[str], settings: Mapping[str, Any], clients: Any
    ) -> None:
        self._engine = Engine(document)
        self._subscribers = subscribers
        self._settings = settings
        self._clients = clients
        self._made: dict[str, Any] = {}

    def handle(self, event: Mapping[str, Any]) -> None:
        """Judge every message of an event."""
        for record in event["Records"]:
            self._judge(record["Sns"])

    def _judge(self, message: Mapping[str, Any]) -> None:
        parts = list(self._parts(message))
        names = self._subscribers
        verdicts = [
            self._engine.apply(part.text, subscribers=names, attribute=part.name, fixed=part.fixed) for part in parts
        ]
        counts = {"MessagesDenied": 0, "DeliveriesDenied": 0, "MessagesDeidentified": 0}
        self._audit(message, parts, verdicts, counts)
        denials = _denials(parts, verdicts, names)
        if denials:
            counts["MessagesDenied"] = int(any(d["to"] == "everybody" for d in denials))
            counts["DeliveriesDenied"] = sum(d["to"] != "everybody" for d in denials)
            self._quarantine(message, denials)
        refused = {denial["to"] for denial in denials}
        groups: dict[tuple[str, ...], list[str]] = {}
        for name in names:
            if "everybody" not in refused and name not in refused:
                texts = tuple(str(verdict.deliveries[name].text) for verdict in verdicts)
                groups.setdefault(texts, []).append(name)
        for texts, group in groups.items():
            counts["MessagesDeidentified"] |= int(texts != tuple(part.text for part in parts))
            self._publish(message, parts, texts, group)
        self._count(counts)

    def _parts(self, message: Mapping[str, Any]) -> Iterator[Part]:
        """The body first, then what else is text. The value of a binary attribute is passed on unread."""
        yield Part("Message", message["Message"])
        if message.get("Subject"):
            yield Part("Subject", message["Subject"], "Subject")
        for at, (name, attribute) in enumerate((message.get("MessageAttributes") or {}).items()):
            if name == SUBSCRIBER:
                continue
            yield Part(f"MessageAttributes[{at}].Name", name, fixed=True)
            if not attribute["Type"].startswith("Binary"):
                # A name that is sensitive itself must not get into a record.
                called = f"[{at}]" if self._engine.concerns(name) else f".{name}"
                yield Part(f"MessageAttributes{called}", attribute["Value"], name)

    def _audit(
        self, message: Mapping[str, Any], parts: list[Part], verdicts: list[Verdict], counts: dict[str, int]
    ) -> None:
        rate = self._engine.sample_rate
        # By the message's id, so that a second attempt at the same message decides the same.
        if rate is None or int(hashlib.sha256(message["MessageId"].encode()).hexdigest(), 16) % 100 >= rate:
            return
        record = verdicts[0].record(
            message_id=message["MessageId"],
            timestamp=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            resource=self._settings["resource"],
            caller=None,  # SNS does not tell a subscriber who published
        )
        record["dataIdentifiers"] = _found(parts, verdicts)
        found = bool(record["dataIdentifiers"])
        counts["MessagesWithFindings" if found else "MessagesWithNoFindings"] = 1
        self._record(self._settings["findings" if found else "no_findings"], record)

    def _record(self, destination: Mapping[str, str], record: dict[str, Any]) -> None:
        text = json.dumps(record, separators=(",", ":"))
        if "log_group" in destination:
            self._client("logs").put_log_events(
                logGroupName=destination["log_group"],
                logStreamName=destination["log_stream"],
                logEvents=[{"timestamp": int(time.time() * 1000), "message": text}],
            )
        if "delivery_stream" in destination:
            self._client("firehose").put_record(
                DeliveryStreamName=destination["delivery_stream"], Record={"Data": f"{text}\n".encode()}
            )
        if "bucket" in destination:
            day = record["auditTimestamp"][:10].replace("-", "/")
            self._client("s3").put_object(
                Bucket=destination["bucket"], Key=f"{day}/{record['messageId']}.json", Body=text.encode()
            )

    def _quarantine(self, message: Mapping[str, Any], denials: list[dict[str, Any]]) -> None:
        kept = {"messageId": message["MessageId"], "timestamp": message.get("Timestamp"), "denials": denials}
        for name in ("Message", "Subject", "MessageAttributes"):
            if message.get(name):
                kept[name] = message[name]
        self._client("sqs").send_message(
            QueueUrl=self._settings["quarantine"], MessageBody=json.dumps(kept, ensure_ascii=False)
        )

    def _publish(self, message: Mapping[str, Any], parts: list[Part], texts: tuple[str, ...], group: list[str]) -> None:
        now = {part.place: text for part, text in zip(parts, texts, strict=True)}
        values = {part.name: now[part.place] for part in parts if part.place.startswith("MessageAttributes")}
        attributes = {
            name: _attribute(attribute, values.get(name))
            for name, attribute in (message.get("MessageAttributes") or {}).items()
            # SNS takes no empty value: what has been taken out whole is left out.
            if name != SUBSCRIBER and values.get(name) != ""
        }
        attributes[SUBSCRIBER] = {"DataType": "String.Array", "StringValue": json.dumps(group)}
        subject = {"Subject": text} if (text := now.get("Subject", "").strip()) else {}
        self._client("sns").publish(
            TopicArn=self._settings["topic"], Message=now["Message"], MessageAttributes=attributes, **subject
        )

    def _count(self, counts: dict[str, int]) -> None:
        """Metrics in the embedded format: numbers, and the name of the function.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
        """
        metric = {
            "Namespace": NAMESPACE,
            "Dimensions": [["Relay"]],
            "Metrics": [{"Name": name, "Unit": "Count"} for name in counts],
        }
        line = {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}}
        print(json.dumps({**line, "Relay": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""), **counts}))

    def _client(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = self._clients(service)
        return self._made[service]


def _found(parts: list[Part], verdicts: list[Verdict]) -> list[dict[str, Any]]:
    """What was found in each part. Counts are whole, positions as many as a record has room for."""
    found: list[dict[str, Any]] = []
    room, beyond = MOST_POSITIONS, Counter[str]()
    for part, verdict in zip(parts, verdicts, strict=True):
        for finding in verdict.findings:
            if not room:
                beyond[finding.name] += len(finding.spans)
                continue
            entry = finding.record()
            entry["detections"] = entry["detections"][:room]
            room -= len(entry["detections"])
            found.append(entry if part.place == "Message" else {**entry, "part": part.place})
    return [*found, *({"name": name, "count": count, "detections": []} for name, count in beyond.items())]


def _denials(parts: list[Part], verdicts: list[Verdict], names: Sequence[str]) -> list[dict[str, Any]]:
    """Who does not get the message, by which statement and for what: the first part that speaks against each.

    One for each, because a message can have thousands of attributes, and a queue takes 1 MiB.
    """

    def denial(to: str, outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
        for part, outcome in zip(parts, outcomes, strict=True):
            if outcome.text is None:
                found = list(outcome.identifiers)
                return [{"to": to, "statement": outcome.denied_by, "dataIdentifiers": found, "part": part.place}]
        return []

    everybody = denial("everybody", (verdict.published for verdict in verdicts))
    return everybody or [d for name in names for d in denial(name, (v.deliveries[name] for v in verdicts))]


def _attribute(attribute: Mapping[str, str], text: str | None) -> dict[str, Any]:
    if text is None:
        return {"DataType": attribute["Type"], "BinaryValue": b64decode(attribute["Value"])}
    kind = attribute["Type"]
    # A number that has been masked is none any more, and SNS refuses an array that is no JSON.
    if text != attribute["Value"] and (kind.startswith("Number") or (kind == "String.Array" and not _is_json(text))):
        kind = "String"
    return {"DataType": kind, "StringValue": text}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


_relay: list[Relay] = []


def handle(event: Mapping[str, Any], _context: object) -> None:
    """The entry point of the function.

    Raises:
        RelayError: with nothing but the kind of what went wrong.
    """
    try:
        if not _relay:
            import boto3

            kept = json.loads(Path(__file__).with_name("policy.json").read_text(encoding="utf-8"))
            settings = json.loads(os.environ["RELAY"])
            _relay.append(Relay(kept["policy"], kept["subscribers"], settings, boto3.client))
        _relay[0].handle(event)
    except Exception as error:
        # Without its text, its cause and its traceback: any of them may quote the message.
        failure = RelayError(type(error).__name__)
    else:
        return
    raise failure
