"""A policy is tried on messages at the command line, without an account: what passes, and why not."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer import Exit
from typer.testing import CliRunner, Result

from patterns.cli import app
from patterns.cli.filter import Format, _print

POLICY = {"Records": {"s3": {"object": {"key": [{"prefix": "auto-"}]}}}}


def lead(key: str) -> dict[str, Any]:
    return {"Records": [{"s3": {"object": {"key": key}}}]}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    contents = {
        "policy.json": POLICY,
        "auto.json": lead("auto-1"),
        "home.json": lead("home-1"),
        "attributes.json": {"kind": {"DataType": "String", "StringValue": "lead"}},
        "kind.json": {"kind": ["lead"]},
        "event.json": {"source": "shop", "detail": {"kind": "lead"}},
        "rule.json": {"source": ["shop"], "detail": {"kind": ["lead"]}},
        "queue.json": {"body": {"kind": ["lead"]}},
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "day.jsonl").write_text(f"{json.dumps(lead('auto-1'))}\n\n{json.dumps(lead('x'))}\n")


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, ["filter", *arguments], input=stdin)


def test_the_exit_code_is_0_when_all_match_and_1_when_one_does_not() -> None:
    assert run("test", "policy.json", "auto.json").exit_code == 0
    both = run("test", "policy.json", "auto.json", "home.json")
    assert both.exit_code == 1
    assert both.stdout == ("auto.json:1: match\nhome.json:1: no match (NumberOfNotificationsFilteredOut-MessageBody)\n")


@pytest.mark.parametrize("fmt", ["text", "json"])
def test_the_exit_code_tells_of_every_message_wherever_it_stands(fmt: str) -> None:
    for files, code in ((("home", "auto"), 1), (("auto", "home", "auto"), 1), (("auto", "auto"), 0)):
        assert run("test", "policy.json", *(f"{name}.json" for name in files), "--format", fmt).exit_code == code


def test_json_is_printed_as_messages_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may be larger than memory, whatever the format is."""
    printed: list[str] = []
    monkeypatch.setattr("typer.echo", lambda text, **_: printed.append(text))

    def answers() -> Any:
        for i in range(3):
            yield {"message": f"day.jsonl:{i}", "matched": True, "metric": None, "reasons": []}
            assert f"day.jsonl:{i}" in "".join(printed)

    with pytest.raises(Exit):
        _print(answers(), Format.json, reasons=False)


def test_an_envelope_of_sns_is_told_from_the_message_inside() -> None:
    envelope = {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": json.dumps(lead("auto-1"))}
    record = {"eventSource": "aws:sqs", "body": json.dumps(envelope)}
    hint = (
        "this is the envelope that Amazon SNS delivers, not the message: what was published is the text under Message"
    )
    for scope, policy, sent in (("body", "policy.json", envelope), ("event-source", "queue.json", record)):
        done = run("explain", policy, "-", "--scope", scope, stdin=json.dumps(sent))
        assert done.exit_code == 1
        assert done.stdout.endswith(f"\n  {hint}\n")
        done = run("explain", policy, "-", "--scope", scope, "--format", "json", stdin=json.dumps(sent))
        assert json.loads(done.stdout)[0]["hint"] == hint
    for other in (
        lead("home-1"),
        {**envelope, "Type": "Order"},
        {"eventSource": "aws:sqs", "body": "text"},
        [envelope],
    ):
        assert hint not in run("explain", "policy.json", "-", stdin=json.dumps(other)).stdout
    assert hint not in run("test", "policy.json", "-", stdin=json.dumps(envelope)).stdout


def test_json_lines_are_told_apart_by_their_line() -> None:
    assert run("test", "policy.json", "day.jsonl").stdout == (
        "day.jsonl:1: match\nday.jsonl:3: no match (NumberOfNotificationsFilteredOut-MessageBody)\n"
    )


def test_explain_names_the_key_the_operator_and_the_value() -> None:
    done = run("explain", "policy.json", "home.json")
    assert done.exit_code == 1
    assert done.stdout == (
        "home.json:1: no match (NumberOfNotificationsFilteredOut-MessageBody)\n"
        '  Records.s3.object.key: "home-1", and the policy wants {"prefix": "auto-"}\n'
    )
    done = run("explain", "policy.json", "auto.json")
    assert done.exit_code == 0
    assert done.stdout == 'auto.json:1: match\n  Records.s3.object.key: "auto-1" matches {"prefix": "auto-"}\n'


def test_json_says_the_same() -> None:
    done = run("test", "policy.json", "auto.json", "home.json", "--format", "json")
    assert done.exit_code == 1
    metric = "NumberOfNotificationsFilteredOut-MessageBody"
    assert json.loads(done.stdout) == [
        {"message": "auto.json:1", "matched": True, "metric": None},
        {"message": "home.json:1", "matched": False, "metric": metric},
    ]
    assert done.stdout == json.dumps(json.loads(done.stdout), indent=2) + "\n"
    done = run("explain", "policy.json", "home.json", "--format", "json")
    assert json.loads(done.stdout) == [
        {
            "message": "home.json:1",
            "matched": False,
            "metric": metric,
            "reasons": [
                {
                    "key": "Records.s3.object.key",
                    "matched": False,
                    "condition": None,
                    "values": ["home-1"],
                    "text": 'Records.s3.object.key: "home-1", and the policy wants {"prefix": "auto-"}',
                }
            ],
        }
    ]


def test_either_file_may_be_standard_input_but_not_both() -> None:
    assert run("test", "-", "auto.json", stdin=json.dumps(POLICY)).exit_code == 0
    done = run("test", "policy.json", "-", stdin=json.dumps(lead("auto-2")))
    assert (done.exit_code, done.stdout) == (0, "standard input:1: match\n")
    done = run("test", "-", "-", stdin="{}")
    assert (done.exit_code, done.stderr) == (
        2,
        "patterns: standard input can be read once: use - for the policy or for one of the messages\n",
    )


@pytest.mark.parametrize(
    ("scope", "policy", "message"),
    [
        ("body", "policy.json", "auto.json"),
        ("attributes", "kind.json", "attributes.json"),
        ("eventbridge", "rule.json", "event.json"),
    ],
)
def test_each_scope_reads_its_own_kind_of_message(scope: str, policy: str, message: str) -> None:
    assert run("test", policy, message, "--scope", scope).exit_code == 0


def test_a_filter_of_a_queue_is_tried_on_bodies_or_on_whole_records() -> None:
    record = {"eventSource": "aws:sqs", "body": '{"kind": "lead"}'}
    stdin = f'{{"kind": "lead"}}\n{json.dumps(record)}\n"plain text"\n'
    done = run("test", "queue.json", "-", "--scope", "event-source", stdin=stdin)
    assert done.stdout == (
        "standard input:1: match\nstandard input:2: match\nstandard input:3: no match (FilteredOutEventCount)\n"
    )


def test_a_body_that_is_json_but_no_object_is_no_match_rather_than_bad_input() -> None:
    done = run("explain", "policy.json", "-", stdin='"{}"\n[1]')
    assert done.exit_code == 1
    assert done.stdout == (
        "standard input:1: no match (NumberOfNotificationsFilteredOut-InvalidMessageBody)\n"
        "  the body is not a JSON object, but a string\n"
        "standard input:2: no match (NumberOfNotificationsFilteredOut-InvalidMessageBody)\n"
        "  the body is not a JSON object, but an array\n"
    )


@pytest.mark.parametrize(
    ("arguments", "stdin", "complaint"),
    [
        (("-", "auto.json"), '{"a": []}', "standard input: policy.a must have at least one value, got []"),
        (
            ("-", "auto.json"),
            '{"a": ["x"], "a": ["y"]}',
            'standard input: line 1: must be JSON: the key "a" stands twice in one object',
        ),
        (("policy.json", "-"), "{", None),
        (("policy.json", "none.json"), "", "none.json: No such file or directory"),
        (
            ("kind.json", "auto.json", "--scope", "attributes"),
            "",
            'auto.json:1: message attribute "Records" must be an object with DataType and StringValue, got '
            '[{"s3": {"object": {"key": "auto-1"}}}]',
        ),
        (
            ("rule.json", "-", "--scope", "eventbridge"),
            "[1]",
            "standard input:1: event must be a JSON object, got [1]",
        ),
    ],
)
@pytest.mark.parametrize("command", ["test", "explain"])
def test_bad_input_is_exit_code_2_and_one_line(
    command: str, arguments: tuple[str, ...], stdin: str, complaint: str | None
) -> None:
    done = run(command, *arguments, stdin=stdin)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert complaint is None or done.stderr == f"patterns: {complaint}\n"


def test_warnings_go_to_standard_error_and_change_no_answer() -> None:
    done = run("test", "-", "auto.json", stdin="{}")
    assert (done.exit_code, done.stdout) == (0, "auto.json:1: match\n")
    assert done.stderr == "patterns: warning: standard input: policy is empty: it accepts every message\n"


def test_half_a_character_pair_prints() -> None:
    done = run("explain", "policy.json", "-", stdin='{"Records": [{"s3": {"object": {"key": "\\ud83d"}}}]}')
    assert done.exit_code == 1
    assert '"\\ud83d"' in done.stdout
