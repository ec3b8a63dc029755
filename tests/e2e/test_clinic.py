"""Every department of the clinic gets what it may see, and nothing else; what is kept from it lies in the quarantine.

Real messages through the deployed relay. What the emulator cannot have is taken out of the stack first: keys (they are
named, not made), the size limit of the topic behind the relay, a delivery stream without a name.
"""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.emulator import Emulator

STACK = "ClinicRelay"
KEY = "arn:aws:kms:us-east-1:000000000000:key/{0}{0}{0}{0}-0000-0000-0000-000000000000"
PATIENCE = 90  # seconds

SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TABLE = [
    # message, billing gets it, scheduling gets it, what the audit finds
    ("The appointment is on Monday at nine", True, True, []),
    ("SSN: 123-12-1234", False, False, [("Ssn-US", 5, 15)]),
    ("410 Terry Ave N, Seattle 98109, WA", True, False, [("Address", 0, 33)]),
    ("NDC: 0777-3105-02", False, True, [("NationalDrugCode-US", 5, 16)]),
    ("paid by card 4929 1234 5678 9015", True, False, []),
    ("passport 340020013", False, False, [("PassportNumber-US", 9, 17)]),
    ("driver's license D1234567", True, True, [("DriversLicense-US", 17, 24)]),
    ("write to ana.diaz@example.com", True, True, [("EmailAddress", 9, 28)]),
    ("from 203.0.113.7", True, True, [("IpAddress", 5, 15)]),
    (f"secret key {SECRET_KEY}", True, True, [("AwsSecretKey", 11, 50)]),
]
SECRETS = ["123-12-1234", "410 Terry", "0777-3105-02", "4929 1234", "340020013", "D1234567", "ana.diaz", SECRET_KEY]


@pytest.fixture(scope="module")
def outputs(emulator: Emulator) -> dict[str, str]:
    assembly = synthesize(emulator.folder / "clinic")
    return emulator.deploy(assembly, [STACK])[STACK]


def synthesize(folder: Path) -> Path:
    import aws_cdk as cdk
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_sns as sns

    from apps.app import CONTEXT
    from apps.clinic.relay_stack import ClinicRelayStack

    app = cdk.App(context=CONTEXT, outdir=str(folder))
    elsewhere = cdk.Stack(app, "Elsewhere")
    topics, quarantine = (kms.Key.from_key_arn(elsewhere, digit, KEY.format(digit * 2)) for digit in ("1", "2"))
    stack = ClinicRelayStack(app, STACK, encryption_key=topics, quarantine_key=quarantine)
    child = stack.relay.topic.node.default_child
    assert isinstance(child, sns.CfnTopic)
    child.maximum_message_size = None
    stream = stack.relay.destinations.defined_findings.delivery_stream
    assert stream is not None
    stream.delivery_stream_name = "clinic-findings"
    app.synth()
    return folder


def until(what: str, found: Callable[[], Any]) -> Any:
    """The first answer that is one."""
    end = time.monotonic() + PATIENCE
    while not (answer := found()):
        assert time.monotonic() < end, f"{what}: not within {PATIENCE} s"
        time.sleep(0.5)
    return answer


def files(emulator: Emulator, bucket: str) -> list[str]:
    s3 = emulator.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return [s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read().decode() for item in listed]


def audited(message_id: str) -> bool:
    """Whether this message is one of the 99 of 100."""
    return int(hashlib.sha256(message_id.encode()).hexdigest(), 16) % 100 < 99


class Seen:
    """What became of the messages of the table."""

    def __init__(self, emulator: Emulator, outputs: dict[str, str]) -> None:
        topic = emulator.client("sns")
        self.ids = [topic.publish(TopicArn=outputs["IngressArn"], Message=m)["MessageId"] for m, *_ in TABLE]
        self.quarantine: list[dict[str, Any]] = []
        queue = emulator.client("sqs")
        denied = sum(not (billing and scheduling) for _, billing, scheduling, _ in TABLE)

        def kept() -> bool:
            answer = queue.receive_message(QueueUrl=outputs["QuarantineUrl"], MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                self.quarantine.append(json.loads(message["Body"]))
                queue.delete_message(QueueUrl=outputs["QuarantineUrl"], ReceiptHandle=message["ReceiptHandle"])
            return len(self.quarantine) >= denied

        until("the quarantine", kept)
        self.departments: dict[str, list[str]] = {}
        for at, name in ((1, "Billing"), (2, "Scheduling")):
            due = sum(bool(row[at]) for row in TABLE)
            self.departments[name] = until(
                f"what {name} files",
                lambda name=name, due=due: got if len(got := files(emulator, outputs[f"{name}Files"])) >= due else None,
            )
        logs = emulator.client("logs")
        recorded = sum(bool(found) and audited(id) for (*_, found), id in zip(TABLE, self.ids, strict=True))
        self.records: list[dict[str, Any]] = until(
            "the findings",
            lambda: (
                events
                if len(
                    events := [
                        json.loads(event["message"])
                        for event in logs.filter_log_events(logGroupName=outputs["FindingsLog"])["events"]
                    ]
                )
                >= recorded
                else None
            ),
        )
        self.clean = files(emulator, outputs["CleanBucket"])


@pytest.fixture(scope="module")
def seen(emulator: Emulator, outputs: dict[str, str]) -> Seen:
    return Seen(emulator, outputs)


@pytest.mark.parametrize("row", range(len(TABLE)), ids=[row[0][:24] for row in TABLE])
def test_a_message_reaches_whom_the_policy_lets_have_it(seen: Seen, row: int) -> None:
    message, billing, scheduling, _ = TABLE[row]
    assert seen.departments["Billing"].count(message) == int(billing)
    assert seen.departments["Scheduling"].count(message) == int(scheduling)
    kept = [entry for entry in seen.quarantine if entry["Message"] == message]
    assert len(kept) == int(not (billing and scheduling))
    if kept:
        everybody = not billing and not scheduling
        denied = {"everybody"} if everybody else {"Scheduling"} if billing else {"Billing"}
        assert {denial["to"] for denial in kept[0]["denials"]} == denied


@pytest.mark.parametrize("row", range(len(TABLE)), ids=[row[0][:24] for row in TABLE])
def test_the_audit_records_what_it_found_and_where(seen: Seen, outputs: dict[str, str], row: int) -> None:
    message_id, found = seen.ids[row], TABLE[row][3]
    if not audited(message_id):
        return
    records = [record for record in seen.records if record["messageId"] == message_id]
    if found:
        (record,) = records
        assert record["resourceArn"] == outputs["IngressArn"]
        assert record["dataIdentifiers"] == [
            {"name": name, "count": 1, "detections": [{"start": start, "end": end}]} for name, start, end in found
        ]
    else:
        assert records == []
        assert next(json.loads(c) for c in seen.clean if message_id in c)["dataIdentifiers"] == []


def test_nothing_sensitive_is_in_any_log(emulator: Emulator, seen: Seen) -> None:
    assert seen.records, "the messages have gone through"
    logs = emulator.client("logs")
    written = [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        if STACK in group["logGroupName"]
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
    ]
    assert any('"CloudWatchMetrics"' in line for line in written), "the relay has written its metrics"
    assert [line for line in written for secret in SECRETS if secret in line] == []


def test_what_the_relay_fails_on_is_in_the_quarantine_and_its_error_says_nothing(
    emulator: Emulator, outputs: dict[str, str], seen: Seen
) -> None:
    assert seen.records
    sns, sqs, functions = (emulator.client(service) for service in ("sns", "sqs", "lambda"))
    environment = functions.get_function_configuration(FunctionName=outputs["FunctionName"])["Environment"]["Variables"]
    sns.delete_topic(TopicArn=json.loads(environment["RELAY"])["topic"])
    message = f"Please call, secret key {SECRET_KEY}"
    sns.publish(TopicArn=outputs["IngressArn"], Message=message)

    def failed() -> dict[str, Any] | None:
        answer = sqs.receive_message(QueueUrl=outputs["QuarantineUrl"], WaitTimeSeconds=1)
        return next((json.loads(m["Body"]) for m in answer.get("Messages", [])), None)

    record = until("the record of the failure", failed)
    assert record["requestPayload"]["Records"][0]["Sns"]["Message"] == message
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responsePayload"]["errorType"] == "RelayError"
    assert SECRET_KEY not in json.dumps(record["responsePayload"])
    logs = emulator.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{outputs['FunctionName']}")["events"]
    assert any("RelayError" in event["message"] for event in logs)
    assert not any(SECRET_KEY in event["message"] for event in logs)
