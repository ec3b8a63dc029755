"""``patterns protect`` shows before deployment who would get what of a message, and why not."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from patterns.cli import app

ARN = "arn:aws:dataprotection::aws:data-identifier/"
BILLING = "arn:aws:iam::123456789012:role/Billing"


def statement(direction: str, principal: str, name: str, operation: dict[str, Any], **sid: str) -> dict[str, Any]:
    return {
        **sid,
        "DataDirection": direction,
        "Principal": [principal],
        "DataIdentifier": [ARN + name],
        "Operation": operation,
    }


AUDIT = {"Audit": {"SampleRate": "50", "FindingsDestination": {"S3": {"Bucket": "found"}}}}
POLICY = {
    "Name": "clinic",
    "Version": "2021-06-01",
    "Statement": [
        statement("Inbound", "*", "Ssn-US", AUDIT),
        statement("Inbound", "*", "Ssn-US", {"Deny": {}}, Sid="no-ssn"),
        statement("Outbound", BILLING, "EmailAddress", {"Deidentify": {"RedactConfig": {}}}),
    ],
}


@pytest.fixture
def policy(tmp_path: Path) -> str:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(POLICY))
    return str(file)


def message(tmp_path: Path, text: str) -> str:
    file = tmp_path / f"message-{len(list(tmp_path.iterdir()))}.txt"
    file.write_text(text)
    return str(file)


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, ["protect", *arguments], input=stdin)


def test_what_everybody_gets_is_shown_with_exit_code_0(policy: str):
    shown = run(policy, "-", stdin="mail a@example.com\n")
    assert shown.stdout == (
        "standard input\n"
        "  published: as it is\n"
        "    mail a@example.com\n"
        f"  {BILLING}: without EmailAddress\n"
        "    mail \n"
        "  everyone else: as it is\n"
        "    mail a@example.com\n"
        "  audit (50 % of messages): nothing found\n"
    )
    assert shown.exit_code == 0


def test_a_denial_is_shown_with_its_statement_and_exit_code_1(policy: str, tmp_path: Path):
    file = message(tmp_path, "SSN: 123-12-1234")
    shown = run(policy, file)
    lines = shown.stdout.splitlines()
    assert lines[:4] == [
        file,
        "  published: denied by no-ssn: Ssn-US",
        f"  {BILLING}: denied by no-ssn: Ssn-US",
        "  everyone else: denied by no-ssn: Ssn-US",
    ]
    record = json.loads(lines[4].removeprefix("  audit (50 % of messages): "))
    assert record["dataIdentifiers"] == [{"name": "Ssn-US", "count": 1, "detections": [{"start": 5, "end": 15}]}]
    assert shown.exit_code == 1


def test_one_principal_and_one_publisher_can_be_asked_for(policy: str):
    other = BILLING.replace("Billing", "Other")
    shown = run(policy, "-", "--principal", other, "--publisher", BILLING, "--format", "json", stdin="ssn 123-12-1234")
    (report,) = json.loads(shown.stdout)
    assert [party["principal"] for party in report["subscribers"]] == [other]
    assert report["audit"]["finding"]["callerPrincipal"] == BILLING


def test_json_says_the_same_for_several_messages(policy: str, tmp_path: Path):
    shown = run(policy, message(tmp_path, "hello"), message(tmp_path, "ssn 123-12-1234"), "--format", "json")
    first, second = json.loads(shown.stdout)
    assert first["published"] == {"delivered": True, "deidentified": [], "text": "hello"}
    assert first["audit"] == {"sampleRate": 50, "finding": None}
    assert second["published"] == {"delivered": False, "deniedBy": "no-ssn", "dataIdentifiers": ["Ssn-US"]}
    assert set(second["audit"]["finding"]) == {"messageId", "auditTimestamp", "resourceArn", "dataIdentifiers"}
    assert shown.exit_code == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Version": "1"}, "Version must be '2021-06-01', got '1'"),
        (
            {"Statement": [statement("Inbound", "*", "Name", {"Deny": {}})]},
            "DataIdentifier must be of those that can be detected without the native feature, got 'Name' "
            "(Statement[0].DataIdentifier[0]); a CustomIdentifier with a regular expression of your own can take its "
            "place",
        ),
    ],
)
def test_a_policy_that_is_wrong_or_beyond_it_ends_with_exit_code_2(change: dict[str, Any], said: str, tmp_path: Path):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({**POLICY, **change}))
    shown = run(str(file), "-", stdin="hello")
    assert shown.stderr == f"patterns: {file}: {said}\n"
    assert (shown.stdout, shown.exit_code) == ("", 2)


def test_wrong_arguments_end_with_exit_code_2(policy: str):
    assert "'xml' is not one of 'text', 'json'" in run(policy, "-", "--format", "xml").stderr
    assert run(policy, "-", "--principal", "Billing").stderr == (
        "patterns: --principal must be '*', an account id of 12 digits or the ARN of an IAM user, role, session or "
        "account root, got 'Billing'\n"
    )
    assert run(policy, "-", "--publisher", "me").exit_code == 2
    assert run("-", "-").stderr == "patterns: - must be given once: standard input can be read once\n"
    assert run(policy, "missing.txt").stderr == "patterns: missing.txt: No such file or directory\n"
    assert {run(policy, "-", "--format", "xml").exit_code, run("-", "-").exit_code} == {2}


@pytest.mark.parametrize("size", [0, 1, 1_048_576, 1_048_577])
def test_a_message_is_as_large_as_a_topic_takes_it(policy: str, size: int):
    shown = run(policy, "-", stdin="a" * size)
    refused = f"patterns: standard input: must be 1 to 1048576 bytes, as a topic takes it, got {size}\n"
    assert (shown.stderr, shown.exit_code) == (("", 0) if 1 <= size <= 1_048_576 else (refused, 2))


def test_a_message_cannot_write_to_the_terminal_what_it_likes(policy: str):
    shown = run(policy, "-", stdin="a\x1b[31m\tred\x07\x9b1m\nä")
    assert "\n    a\\x1b[31m\tred\\x07\\x9b1m\n    ä\n" in shown.stdout


def test_a_warning_of_the_policy_goes_to_standard_error(tmp_path: Path):
    file = tmp_path / "policy.json"
    masked = statement("Inbound", "*", "Ssn-US", {"Deidentify": {"MaskConfig": {"MaskWithCharacter": "\\"}}})
    file.write_text(json.dumps({**POLICY, "Statement": [masked]}))
    shown = run(str(file), "-", stdin="hello")
    assert shown.stderr == (
        "patterns: warning: Statement[0].Operation.Deidentify.MaskConfig.MaskWithCharacter: a mask of backslashes "
        "makes JSON messages unreadable\n"
    )
    assert shown.exit_code == 0
