"""Every department of the clinic files what it may see, and nothing else; the audit says what was found, and no log.

Where each message goes is in the table, and `test_scenarios.py` asks it.
"""

import hashlib
import json
from typing import Any

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.fetch import eventually
from tests.e2e.samples import Samples
from tests.e2e.scenarios import CLINIC, DEPARTMENTS, RELAY, RELAY_FAILS, SECRET_KEY

SAMPLES = (RELAY,)

# What the audit finds. Nobody asks it for cards.
FINDINGS = {
    "SSN: 123-12-1234": ("Ssn-US", 5, 15),
    "410 Terry Ave N, Seattle 98109, WA": ("Address", 0, 33),
    "NDC: 0777-3105-02": ("NationalDrugCode-US", 5, 16),
    "passport 340020013": ("PassportNumber-US", 9, 17),
    "driver's license D1234567": ("DriversLicense-US", 17, 24),
    "write to ana.diaz@example.com": ("EmailAddress", 9, 28),
    "from 203.0.113.7": ("IpAddress", 5, 15),
    f"secret key {SECRET_KEY}": ("AwsSecretKey", 11, 50),
}
SECRETS = ["123-12-1234", "410 Terry", "0777-3105-02", "4929 1234", "340020013", "D1234567", "ana.diaz", SECRET_KEY]


@pytest.fixture(scope="module")
def outputs(samples: Samples) -> dict[str, str]:
    return samples.outputs[RELAY]


def files(emulator: Emulator, bucket: str) -> list[str]:
    s3 = emulator.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return [s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read().decode() for item in listed]


def audited(message_id: str) -> bool:
    """Whether this message is one of the 99 of 100."""
    return int(hashlib.sha256(message_id.encode()).hexdigest(), 16) % 100 < 99


@pytest.mark.parametrize("department", DEPARTMENTS)
def test_a_department_files_what_it_may_have_and_nothing_else(
    department: str, emulator: Emulator, outputs: dict[str, str]
) -> None:
    filed = files(emulator, outputs[f"{department}Files"])
    assert sorted(filed) == sorted(text for text, departments in CLINIC.items() if department in departments)


@pytest.mark.parametrize("text", [text for text, departments in CLINIC.items() if departments != DEPARTMENTS])
def test_what_is_kept_from_somebody_says_from_whom(text: str, samples: Samples) -> None:
    record = samples.message(RELAY, text).at("Relay/Quarantine").body
    assert record["Message"] == text
    denied = {name for name in DEPARTMENTS if name not in CLINIC[text]} if CLINIC[text] else {"everybody"}
    assert {denial["to"] for denial in record["denials"]} == denied


@pytest.mark.parametrize("text", CLINIC)
def test_the_audit_records_what_it_found_and_where(
    text: str, samples: Samples, emulator: Emulator, outputs: dict[str, str]
) -> None:
    message_id = samples.message(RELAY, text).id
    if not audited(message_id):
        return

    def records() -> list[dict[str, Any]]:
        events = emulator.client("logs").filter_log_events(logGroupName=outputs["FindingsLog"])["events"]
        found = [json.loads(event["message"]) for event in events]
        return [record for record in found if record["messageId"] == message_id]

    if text in FINDINGS:
        (record,) = eventually(lambda: records() or None, f"the findings in {text}")
        assert record["resourceArn"] == outputs["IngressArn"]
        name, start, end = FINDINGS[text]
        assert record["dataIdentifiers"] == [{"name": name, "count": 1, "detections": [{"start": start, "end": end}]}]
    else:
        assert records() == []
        clean = files(emulator, outputs["CleanBucket"])
        assert next(json.loads(each) for each in clean if message_id in each)["dataIdentifiers"] == []


def test_nothing_sensitive_is_in_any_log(emulator: Emulator, samples: Samples) -> None:
    assert samples.seen, "the messages have gone through"
    logs = emulator.client("logs")
    written = [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        if RELAY in group["logGroupName"]
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
    ]
    assert any('"CloudWatchMetrics"' in line for line in written), "the relay has written its metrics"
    assert [line for line in written for secret in SECRETS if secret in line] == []


def test_what_the_relay_fails_on_is_in_the_quarantine_and_its_error_says_nothing(
    emulator: Emulator, outputs: dict[str, str], samples: Samples
) -> None:
    record = samples.message(RELAY, "topic gone").at("Relay/Quarantine").body
    assert record["requestPayload"]["Records"][0]["Sns"]["Message"] == RELAY_FAILS
    assert record["responsePayload"]["errorType"] == "RelayError"
    assert SECRET_KEY not in json.dumps(record["responsePayload"])
    logs = emulator.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{outputs['FunctionName']}")["events"]
    assert any("RelayError" in event["message"] for event in logs)
    assert not any(SECRET_KEY in event["message"] for event in logs)
