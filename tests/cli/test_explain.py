"""`patterns explain`: what is printed, how it ends, and one clear line where the input is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from patterns.cli import app

POLL = {"EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "FunctionName": {"Ref": "Worker"}}
LOST = {
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Worker": {"Type": "AWS::Lambda::Function"},
        "Poll": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": POLL},
    }
}
QUEUE = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}


def explain(*arguments: object, **more: Any) -> Result:
    return CliRunner().invoke(app, ["explain", *map(str, arguments)], **more)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lost.json").write_text(json.dumps(LOST))
    (tmp_path / "fine.json").write_text(json.dumps(QUEUE))
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.yaml").write_text("words")
    (tmp_path / "bytes.json").write_bytes(b'{"Resources": \xff}')
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("name", "code"), [("fine.json", 0), ("lost.json", 1)])
@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_the_exit_code_says_whether_anything_is_lost(name: str, code: int, form: str) -> None:
    done = explain(name, "--format", form)
    assert done.exit_code == code
    assert done.stderr == ""
    assert "\x1b" not in done.stdout, "a report that is piped has no colours"
    if form == "json":
        assert json.loads(done.stdout)["lost"] == code


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: is not there"),
        (["empty"], "empty: holds no template and no cloud assembly"),
        (["words.yaml"], "words.yaml: a template must be an object, got 'words'"),
        (["bytes.json"], "bytes.json, byte 14: is not UTF-8 text"),
        (["fine.json", "--parameter", "Stage"], "--parameter must be NAME=VALUE, got 'Stage'"),
        (["fine.json", "--parameter", "=x"], "--parameter must be NAME=VALUE, got '=x'"),
        (["fine.json", "--parameter", "Stage=x"], "parameters['Stage'] is declared by none of the templates"),
    ],
)
def test_wrong_input_is_refused_in_one_line(arguments: list[str], said: str) -> None:
    done = explain(*arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"patterns: {said}\n")


@pytest.mark.parametrize("arguments", [[], ["--format", "xml", "x"], ["--nothing"]])
def test_a_wrong_call_shows_how_it_is_called(arguments: list[str]) -> None:
    done = explain(*arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("Usage: ")
    assert done.stdout == ""


@pytest.mark.parametrize(
    "text", [json.dumps(LOST), "Resources:\n  Queue: {Type: AWS::SQS::Queue}\n"], ids=["json", "yaml"]
)
def test_a_template_can_come_from_standard_input(text: str) -> None:
    done = explain("-", input=text)
    assert done.exit_code == ("Worker" in text)
    assert done.stdout.startswith(
        "The only source can lose messages" if "Worker" in text else "Messages enter at 1 place"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "standard input: is empty"),
        ("[1]", "standard input: a template must be an object, got a list"),
        ('{"Resources": {', None),
    ],
)
def test_standard_input_that_is_no_template_is_refused(text: str, said: str | None) -> None:
    done = explain("-", input=text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("patterns: standard input")
    assert done.stderr.count("\n") == 1
    if said:
        assert done.stderr == f"patterns: {said}\n"


def test_where_no_message_enters_there_is_nothing_to_list(folder: Path) -> None:
    (folder / "none.json").write_text('{"Resources": {}}')
    assert explain("none.json").stdout == "No message enters anywhere in these templates.\n"
