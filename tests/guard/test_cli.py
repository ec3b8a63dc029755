"""``patterns check``: 0 when nothing is wrong, 1 when something is, 2 and one clear line when it cannot be asked."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from patterns.cli import app
from patterns.guard import examples
from patterns.guard.rules import BY_ID


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, so that no pyproject.toml of ours is found."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, template: Any) -> str:
    Path(name).write_text(template if isinstance(template, str) else json.dumps(template))
    return name


def broken() -> str:
    return write("broken.json", examples.bad(BY_ID["sqs-no-dead-letter-queue"].example))


def warned() -> str:
    return write("warned.json", examples.bad(BY_ID["poll-visibility-short"].example))


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["check", *arguments])


def test_a_clean_template_exits_with_0() -> None:
    result = run(write("clean.json", examples.design("polled")))
    assert (result.exit_code, result.stdout) == (0, "no findings\n")


def test_an_error_exits_with_1_and_is_told() -> None:
    result = run(broken())
    assert result.exit_code == 1
    assert "[sqs-no-dead-letter-queue]" in result.stdout
    assert result.stdout.endswith("1 error\n")


@pytest.mark.parametrize(("fail_on", "code"), [("critical", 0), ("high", 0), ("medium", 1), ("low", 1), ("never", 0)])
def test_fail_on_decides_from_which_severity_on_it_fails(fail_on: str, code: int) -> None:
    assert run(warned(), "--fail-on", fail_on).exit_code == code


def test_several_templates_are_read_together() -> None:
    whole = examples.design("polled")
    consumer = {"Resources": {name: whole["Resources"].pop(name) for name in ("Poll", "Worker", "WorkerRole")}}
    del whole["Resources"]["Orders"]["Properties"]["RedrivePolicy"]
    whole["Outputs"] = {"Orders": {"Value": {"Fn::GetAtt": ["Orders", "Arn"]}, "Export": {"Name": "orders"}}}
    consumer["Resources"]["Poll"]["Properties"]["EventSourceArn"] = {"Fn::ImportValue": "orders"}
    assert run(write("queues.json", whole)).exit_code == 0
    assert run(write("queues.json", whole), write("consumer.json", consumer)).exit_code == 1


def test_an_ignored_rule_is_not_asked() -> None:
    result = run(broken(), "--ignore", "sqs-no-dead-letter-queue")
    assert (result.exit_code, result.stdout) == (0, "no findings\n")


def test_governance_is_asked_when_it_is_named() -> None:
    path = write("public.json", examples.bad(BY_ID["govern-public-policy"].example))
    assert run(path).exit_code == 0
    assert run(path, "--group", "governance").exit_code == 1


@pytest.mark.parametrize("name", ["text", "markdown", "json", "sarif", "junit", "github"])
def test_every_format_names_the_finding_and_exits_alike(name: str) -> None:
    result = run(broken(), "--format", name)
    assert result.exit_code == 1
    assert "sqs-no-dead-letter-queue" in result.stdout


def test_a_parameter_decides_what_a_template_leaves_open() -> None:
    template = examples.design("polled")
    template["Parameters"] = {"Visibility": {"Type": "Number"}}
    template["Resources"]["Orders"]["Properties"]["VisibilityTimeout"] = {"Ref": "Visibility"}
    path = write("open.json", template)
    assert run(path).exit_code == 0
    assert run(path, "--parameter", "Visibility=10").exit_code == 1
    assert run(path, "--parameter", "Visibility=180").exit_code == 0


def test_help_shows_how_it_is_used() -> None:
    shown = run("--help").stdout
    assert "patterns check cdk.out" in shown
    assert "--format sarif > findings.sarif" in shown


# --- the table in pyproject.toml --------------------------------------------------------------------


def test_the_nearest_pyproject_counts_and_options_go_before_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / broken()
    write("pyproject.toml", '[tool.patterns.check]\nignore = ["sqs-no-dead-letter-queue"]\nfail-on = "low"\n')
    below = folder / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert run(str(path)).exit_code == 0
    assert run(str(folder / "warned.json") if (folder / "warned.json").exists() else str(path)).exit_code == 0
    monkeypatch.chdir(folder)
    assert run(warned()).exit_code == 1
    assert run(warned(), "--fail-on", "high").exit_code == 0


def test_a_package_without_the_table_has_that_of_its_workspace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / broken()
    write("pyproject.toml", '[tool.patterns.check]\nignore = ["sqs-no-dead-letter-queue"]\n')
    package = folder / "packages" / "shop"
    package.mkdir(parents=True)
    (package / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    monkeypatch.chdir(package)
    assert run(str(path)).exit_code == 0
    (package / "pyproject.toml").write_text("[tool.patterns.check]\n")
    assert run(str(path)).exit_code == 1


def test_a_pyproject_without_the_table_changes_nothing() -> None:
    write("pyproject.toml", "[tool.other]\n")
    assert run(broken()).exit_code == 1


def test_a_severity_of_the_table_counts() -> None:
    write("pyproject.toml", '[tool.patterns.check.severity]\nsqs-no-dead-letter-queue = "medium"\n')
    assert run(broken()).exit_code == 0


def test_code_signing_is_asked_when_the_table_says_so() -> None:
    path = write("plain.json", examples.design("polled"))
    write("pyproject.toml", '[tool.patterns.check]\ngroups = ["governance"]\nrequire-code-signing = true\n')
    assert "govern-code-not-signed" in run(path).stdout


# --- what cannot be asked ---------------------------------------------------------------------------


def refused(result: Any) -> str:
    """The one line on standard error of a command that refused its input."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("patterns: ")
    (line,) = result.stderr.splitlines()
    return line.removeprefix("patterns: ")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (
            "[tool.patterns.check]\nfail_on = 'high'\n",
            "fail_on must be one of fail-on, groups, ignore, severity, require-code-signing",
        ),
        ("[tool.patterns.check]\nfail-on = 3\n", "fail-on must be critical, high, medium, low, never, got 3"),
        ("[tool.patterns.check]\nignore = 'all'\n", "ignore must be an array of strings, got 'all'"),
        ("[tool.patterns.check]\nignore = ['all']\n", "ignore must name rules, got 'all'"),
        ("[tool.patterns.check]\ngroups = ['x']\n", "groups must be of delivery and governance, got 'x'"),
        (
            "[tool.patterns.check]\ngroups = []\n",
            "groups must be of delivery and governance, got none: no rule would be asked",
        ),
        ("[tool.patterns.check]\nseverity = 1\n", "severity must be a table of rule ids, got 1"),
        (
            "[tool.patterns.check.severity]\nsqs-retention-short = 'bad'\n",
            "severity.sqs-retention-short must be critical, high, medium, low, got 'bad'",
        ),
        (
            "[tool.patterns.check]\nrequire-code-signing = 'yes'\n",
            "require-code-signing must be true or false, got 'yes'",
        ),
    ],
)
def test_a_wrong_table_is_refused_with_its_file(folder: Path, toml: str, message: str) -> None:
    write("pyproject.toml", toml)
    assert refused(run(broken())) == f"{folder / 'pyproject.toml'}, tool.patterns.check: {message}"


def test_a_pyproject_that_is_no_toml_is_refused() -> None:
    write("pyproject.toml", "[tool")
    assert "pyproject.toml: is not TOML: " in refused(run(broken()))


def test_a_named_configuration_must_be_there_and_have_the_table() -> None:
    assert refused(run(broken(), "--config", "no.toml")) == "no.toml: is not there"
    write("other.toml", "[tool.other]\n")
    assert refused(run(broken(), "--config", "other.toml")) == "other.toml: has no table [tool.patterns.check]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no.json",), "no.json: is not there"),
        (("broken.json", "--fail-on", "x"), "--fail-on must be critical, high, medium, low, never, got 'x'"),
        (("broken.json", "--ignore", "x"), "ignore must name rules, got 'x'"),
        (("broken.json", "--group", "x"), "group must be delivery or governance, got 'x'"),
        (("broken.json", "--parameter", "x"), "--parameter must be NAME=VALUE, got 'x'"),
        (("broken.json", "--parameter", "x=1"), "parameters['x'] is declared by none of the templates"),
    ],
)
def test_bad_input_is_one_clear_line(arguments: tuple[str, ...], message: str) -> None:
    broken()
    assert refused(run(*arguments)) == message


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "Resources: [", "null", "\x00", '{"Resources": 1}'])
def test_a_file_that_is_no_template_is_refused(content: str) -> None:
    assert refused(run(write("odd.json", content))).startswith("odd.json")


def test_no_source_or_an_unknown_option_is_refused_by_usage() -> None:
    assert run().exit_code == 2
    assert run(broken(), "--format", "xml").exit_code == 2


def test_checking_needs_neither_the_cdk_nor_node() -> None:
    code = (
        "import sys; sys.argv = ['patterns', 'check', sys.argv[1]]\n"
        "from patterns.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, sorted(set(sys.modules) & {'aws_cdk', 'constructs', 'jsii'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, broken()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PATH": ""},
    )
    assert done.stdout.splitlines()[-1] == "1 []"
