"""``patterns draw`` reads what the other commands read, writes where it is told, and refuses in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from patterns.cli import app

TEMPLATE = {
    "Parameters": {"Receives": {"Type": "Number"}},
    "Resources": {
        "Inbox": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["Failed", "Arn"]},
                    "maxReceiveCount": {"Ref": "Receives"},
                }
            },
        },
        "Failed": {"Type": "AWS::SQS::Queue"},
    },
}


@pytest.fixture
def template(tmp_path: Path) -> str:
    file = tmp_path / "Shop.template.json"
    file.write_text(json.dumps(TEMPLATE))
    return str(file)


def draw(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["draw", *arguments])


def test_mermaid_goes_to_standard_output(template: str) -> None:
    result = draw(template)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("flowchart LR\n")
    assert '-.->|"after ? receives"|' in result.stdout


@pytest.mark.parametrize(("fmt", "start"), [("svg", "<?xml "), ("html", "<!DOCTYPE html>\n")])
def test_other_formats_are_asked_for(template: str, fmt: str, start: str) -> None:
    result = draw(template, "--format", fmt)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(start)
    assert "after ? receives" in result.stdout


def test_a_format_that_is_none_is_refused(template: str) -> None:
    result = draw(template, "--format", "png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'png' is not one of 'mermaid', 'svg', 'html'" in result.stderr


def test_a_parameter_without_a_default_can_be_given(template: str) -> None:
    result = draw(template, "--parameter", "Receives=7")
    assert '-.->|"after 7 receives"|' in result.stdout


@pytest.mark.parametrize("given", ["Receives", "=7"])
def test_a_parameter_must_have_a_name_and_a_value(template: str, given: str) -> None:
    result = draw(template, "--parameter", given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"patterns: --parameter must be NAME=VALUE, got {given!r}\n"


def test_a_file_gets_the_same_bytes(template: str, tmp_path: Path) -> None:
    file = tmp_path / "flow.mmd"
    result = draw(template, "-o", str(file))
    assert (result.exit_code, result.output) == (0, "")
    assert file.read_bytes() == draw(template).stdout_bytes


def test_a_file_that_cannot_be_written_is_named(template: str, tmp_path: Path) -> None:
    result = draw(template, "--output", str(tmp_path / "no" / "flow.mmd"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"patterns: --output: {tmp_path}/no/flow.mmd: No such file or directory\n"
    assert draw(template, "-o", str(tmp_path)).stderr == f"patterns: --output: {tmp_path}: Is a directory\n"


def test_a_template_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text('{"Resources": ')
    result = draw(str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"patterns: {file}, line 1, column 15: ")
    assert result.stderr.count("\n") == 1


def test_no_template_at_all_is_bad_input() -> None:
    assert draw().exit_code == 2


@pytest.mark.parametrize(("queues", "warned"), [(150, False), (1500, True)])
def test_a_flow_too_large_for_mermaid_is_drawn_and_said_to_be(tmp_path: Path, queues: int, warned: bool) -> None:
    file = tmp_path / "Large.template.json"
    file.write_text(json.dumps({"Resources": {f"Q{n}": {"Type": "AWS::SQS::Queue"} for n in range(queues)}}))
    result = draw(str(file))
    assert result.exit_code == 0
    assert result.stdout.count("[[") == queues
    expected = (
        f"patterns: Mermaid draws at most 500 arrows and 50,000 characters, got 0 and {len(result.stdout):,}; "
        "svg and html have no such limit\n"
    )
    assert result.stderr == (expected if warned else "")


@pytest.mark.skipif(sys.platform == "win32", reason="files have no largest size there")
def test_what_stood_in_a_file_stays_when_the_disk_is_full(template: str, tmp_path: Path) -> None:
    file = tmp_path / "out" / "flow.html"
    file.parent.mkdir()
    file.write_text("before")
    command = [sys.executable, "-m", "patterns", "draw", template, "--format", "html", "-o", str(file)]
    limited = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *command]
    done = subprocess.run(limited, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, f"patterns: --output: {file}: File too large\n")
    assert [one.name for one in file.parent.iterdir()] == ["flow.html"]
    assert file.read_text() == "before"


def test_a_file_keeps_its_mode_and_a_link_its_target(template: str, tmp_path: Path) -> None:
    file, link = tmp_path / "flow.mmd", tmp_path / "link.mmd"
    file.write_text("before")
    file.chmod(0o640)
    link.symlink_to(file)
    assert draw(template, "-o", str(link)).exit_code == 0
    assert link.is_symlink()
    assert file.read_text().startswith("flowchart LR")
    assert file.stat().st_mode & 0o777 == 0o640


def test_an_output_without_a_name_is_refused(template: str) -> None:
    result = draw(template, "-o", "")
    assert (result.exit_code, result.stderr) == (2, "patterns: --output must name a file, got ''\n")


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="there is no such file")
def test_a_link_to_standard_output_stays_what_it_is(template: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "patterns", "draw", template, "-o", "/dev/stdout"]
    with (tmp_path / "all.txt").open("wb") as everything:
        subprocess.run(command, stdout=everything, check=True)
        assert os.fstat(everything.fileno()).st_nlink == 1
    assert (tmp_path / "all.txt").read_text().startswith("flowchart LR")
