"""Every sample app synthesizes clean: CloudFormation's own validation on, cdk-nag's packs, our own rules."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests._synth import of_type

ROOT = Path(__file__).parent.parent

WITH_PACKS = """
import aws_cdk.aws_sqs
import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from apps.app import build_app
from patterns.guard import MessagingChecks
app = build_app()
cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app), MessagingChecks())
app.synth()
"""


def report(code: str, out: Path) -> list[dict[str, Any]]:
    """The validation report of a synth with CloudFormation validation on: a process of its own, as in `cdk synth`."""
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "CDK_VALIDATION": "true", "CDK_OUTDIR": str(out)},
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert (out / "manifest.json").is_file(), "the synth failed before validation"
    file = out / "validation-report.json"
    return json.loads(file.read_text())["pluginReports"] if file.exists() else []


def findings(reports: list[dict[str, Any]]) -> list[str]:
    """What was found and not acknowledged, one line each."""
    return [
        f"{violation['ruleName']}: {sorted(c['constructPath'] for c in violation['violatingConstructs'])}"
        for plugin in reports
        for violation in plugin["violations"]
    ]


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    out = tmp_path_factory.mktemp("out")
    return out, report(WITH_PACKS, out)


def test_everything_synthesizes_clean(synthesized: tuple[Path, list[dict[str, Any]]]) -> None:
    assert findings(synthesized[1]) == []


def test_a_finding_would_be_seen(tmp_path: Path) -> None:
    broken = WITH_PACKS.replace(
        "app.synth()",
        "stack = cdk.Stack(app, 'Broken')\ncdk.aws_sqs.CfnQueue(stack, 'Q', visibility_timeout=43201)\napp.synth()",
    )
    found = findings(report(broken, tmp_path))
    assert any("Broken/Q" in line for line in found)
    assert any("AwsSolutions-SQS" in line for line in found), "cdk-nag looked"
    assert any(not line.startswith(("AwsSolutions", "Serverless", "Annotation")) for line in found), "so did AWS's own"


def test_no_sample_carries_a_fixed_name(synthesized: tuple[Path, list[dict[str, Any]]]) -> None:
    """Two deployments of the same app, in one account, must not meet."""
    for file in synthesized[0].glob("*.template.json"):
        template = json.loads(file.read_text())
        for type, name in (
            ("AWS::SQS::Queue", "QueueName"),
            ("AWS::SNS::Topic", "TopicName"),
            ("AWS::Lambda::Function", "FunctionName"),
            ("AWS::S3::Bucket", "BucketName"),
            ("AWS::IAM::Role", "RoleName"),
        ):
            for id, resource in of_type(template, type).items():
                given = resource.get("Properties", {}).get(name)
                assert given is None or "AWS::StackId" in json.dumps(given), f"{file.name}: {id} {name} {given}"
