"""The command line answers at once: it starts without the CDK, and so without Node.js."""

import subprocess
import sys

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
