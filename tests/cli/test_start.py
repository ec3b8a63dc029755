"""The command line answers at once: it starts without the CDK, and so without Node.js."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from patterns.cli import app

HEAVY = ("aws_cdk", "constructs", "jsii", "rich", "yaml", "samtranslator")


def test_starting_imports_nothing_heavy() -> None:
    code = f"import sys, patterns.cli; print(sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_reading_templates_needs_no_cdk() -> None:
    code = "import sys, patterns.flow; print(sorted(set(sys.modules) & {'aws_cdk', 'constructs', 'jsii'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_help_lists_every_command_with_what_it_does() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for line in ("explain", "draw", "check", "filter", "protect"):
        assert f"\n  {line} " in result.output


def test_a_module_run_is_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "patterns", "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "Usage: python -m patterns" in done.stdout


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)


def test_an_interruption_while_it_starts_ends_it_without_a_traceback() -> None:
    stopped = """
import sys
class Interrupted:
    def find_spec(self, name, *rest):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
import patterns.cli
"""
    done = run(stopped)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("where", ["cli.app", "flow.graph.read_flow"])
def test_an_interruption_ends_it_without_a_traceback(where: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps({"Resources": {}}))
    stopped = f"""
import patterns.cli, patterns.flow.graph
def interrupted(*_, **__):
    raise KeyboardInterrupt
patterns.{where} = interrupted
patterns.cli.main()
"""
    done = run(stopped, "explain", str(tmp_path / "t.json"))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    queues = {f"Queue{number}": {"Type": "AWS::SQS::Queue"} for number in range(1_000)}
    (tmp_path / "queues.json").write_text(json.dumps({"Resources": queues}))
    (tmp_path / "policy.json").write_text('{"kind": ["order"]}')
    (tmp_path / "message.json").write_text('{"kind": "order"}')


COMMANDS = [
    "--help",
    "explain queues.json",
    "explain queues.json --format json",
    "draw queues.json --format svg",
    "check queues.json",
    "filter test policy.json message.json",
]


@pytest.mark.usefixtures("files")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("command", COMMANDS)
def test_an_answer_that_cannot_be_written_is_one_line_and_no_answer(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "patterns", *command.split()], stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert done.stderr.decode() == "patterns: standard output: No space left on device\n"
    assert done.returncode == 2


@pytest.mark.usefixtures("files")
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("command", ["explain queues.json", "draw queues.json --format svg"])
def test_a_reader_that_goes_away_is_no_answer_either(command: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "patterns", *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.read(1)
        started.stdout.close()
        said = started.stderr.read()
        ended = started.wait(timeout=60)
    assert (ended, said) == (-13, b""), "ended by SIGPIPE, which a shell calls 141"


@pytest.mark.parametrize("command", ["explain unicode.json", "explain unicode.json --format json"])
def test_what_goes_to_a_file_is_utf_8_whatever_the_machine_prefers(command: str, tmp_path: Path) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Metadata": {"aws:cdk:path": "Größe→✓/Resource"}}
    (tmp_path / "unicode.json").write_text(json.dumps({"Resources": {"Queue": queue}}))
    done = subprocess.run(
        [sys.executable, "-m", "patterns", *command.split()],
        capture_output=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(Path.cwd())},
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert "Größe→✓" in done.stdout.decode("utf-8")


def test_a_terminal_gets_the_escape_of_what_it_cannot_show_and_a_file_that_of_what_is_no_text(tmp_path: Path) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Metadata": {"aws:cdk:path": "→\ud800/Resource"}}
    (tmp_path / "odd.json").write_text(json.dumps({"Resources": {"Queue": queue}}))
    command = [sys.executable, "-m", "patterns", "explain", "odd.json"]
    env = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(Path.cwd())}
    shown, terminal = os.openpty()
    on_terminal = subprocess.run(command, stdout=terminal, timeout=60, cwd=tmp_path, env=env)
    os.close(terminal)
    assert on_terminal.returncode == 0
    assert rb"\u2192\ud800" in os.read(shown, 100_000)
    os.close(shown)
    in_file = subprocess.run(command, capture_output=True, timeout=60, cwd=tmp_path, env=env)
    assert "→\\ud800" in in_file.stdout.decode("utf-8")
