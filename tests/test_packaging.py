"""The wheel works in somebody else's app, in an environment that has nothing of ours and no Node.js on PATH."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UV = str(Path(sys.executable).with_name("uv"))

FOREIGN_APP = """
from patterns.sqs_poll import SqsPoll  # finds Node.js before aws_cdk needs it

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

app = cdk.App(outdir="out")
stack = cdk.Stack(app, "Theirs")
code = lambda_.Code.from_inline("def handler(event, context): pass")
function = lambda_.Function(stack, "F", runtime=lambda_.Runtime.PYTHON_3_13, handler="index.handler", code=code)
SqsPoll(stack, "Orders", function=function)
app.synth()
"""


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", out, cwd=ROOT)
    [file] = out.glob("*.whl")
    return file


def test_the_wheel_holds_the_package_its_types_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "patterns/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"patterns", "cdk_messaging_patterns-0.1.0.dist-info"}


def test_a_foreign_app_imports_a_pattern_and_synthesizes(wheel: Path, tmp_path: Path) -> None:
    env = tmp_path / "env"
    run(UV, "venv", "--quiet", "--python", sys.executable, env, cwd=tmp_path)
    pins = tmp_path / "pins.txt"
    lock = (ROOT / "requirements" / "dev.txt").read_text().splitlines()
    pins.write_text("\n".join(line.removesuffix(" \\") for line in lock if line and line[0] not in " #"))
    python = env / "bin" / "python"
    run(UV, "pip", "install", "--quiet", "--python", python, "-c", pins, f"{wheel}[node]", cwd=tmp_path)
    (tmp_path / "app.py").write_text(FOREIGN_APP)
    no_node = tmp_path / "empty"
    no_node.mkdir()
    run(python, "app.py", cwd=tmp_path, PATH=str(no_node), CDK_VALIDATION="false")
    template = json.loads((tmp_path / "out" / "Theirs.template.json").read_text())
    types = sorted(r["Type"] for r in template["Resources"].values())
    assert types.count("AWS::SQS::Queue") == 2
    assert types.count("AWS::Lambda::EventSourceMapping") == 1
    assert "Usage: patterns" in run(env / "bin" / "patterns", "--help", cwd=tmp_path)
