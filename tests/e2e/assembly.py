"""The sample stacks as they are deployed to the emulator: in a hurry, and without what it cannot make."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.emulator import Emulator
from tests.e2e.scenarios import (
    BROKEN,
    FUNCTION_TIMEOUT,
    NATIVE,
    NATIVE_STACKS,
    RECEIVE,
    RECEIVES,
    ROUND,
    VISIBILITY,
    WORK_SECONDS,
)

ROOT = Path(__file__).parents[2]
KEY = "arn:aws:kms:us-east-1:000000000000:key/11111111-0000-0000-0000-000000000000"


def synthesize(folder: Path) -> Path:
    """Every sample as it would go to AWS but for its times, as a cloud assembly in ``folder``."""
    from apps.app import build_app  # finds Node.js, which must come first

    build_app(outdir=str(folder), analytics_reporting=False).synth()
    for stack, file in _templates(folder):
        template = json.loads(file.read_text())
        resources = template["Resources"].values()
        mappings = [each["Properties"] for each in resources if each["Type"] == "AWS::Lambda::EventSourceMapping"]
        polled = [template["Resources"][each["FunctionName"]["Ref"]] for each in mappings]
        for function in polled:
            _hurry_function(function["Properties"])
        for each in resources:
            if each["Type"] == "AWS::SQS::Queue" and "RedrivePolicy" in each["Properties"]:
                _hurry_queue(stack, each["Properties"])
        file.write_text(json.dumps(template))
    return folder


def _templates(assembly: Path) -> Iterator[tuple[str, Path]]:
    for file in assembly.glob("*.template.json"):
        yield file.name.partition(".")[0], file


def _hurry_function(properties: dict[str, Any]) -> None:
    # Not longer than a message is hidden. Nothing waits for it, so those that no queue waits for keep theirs.
    properties["Timeout"] = FUNCTION_TIMEOUT
    variables = properties.get("Environment", {}).get("Variables", {})
    if "WORK_SECONDS" in variables:
        variables["WORK_SECONDS"] = WORK_SECONDS


def _hurry_queue(stack: str, properties: dict[str, Any]) -> None:
    properties["VisibilityTimeout"] = VISIBILITY
    properties["RedrivePolicy"]["maxReceiveCount"] = RECEIVES.get(stack, RECEIVE)
    if stack == BROKEN:
        properties["DelaySeconds"] = ROUND


def spare(assembly: Path) -> None:
    """Take out what the emulator cannot make, and name what it cannot name. No way of a message is changed."""
    for stack, file in _templates(assembly):
        template = json.loads(file.read_text())
        keys = {key for key, each in template["Resources"].items() if each["Type"] == "AWS::KMS::Key"}
        template = _known(template, keys)
        for key, each in list(template["Resources"].items()):
            properties = each.get("Properties", {})
            if each["Type"] == "AWS::SNS::Topic":
                for name in ("DataProtectionPolicy", "DeliveryStatusLogging", "MaximumMessageSize"):
                    properties.pop(name, None)
            if each["Type"] == "AWS::KinesisFirehose::DeliveryStream":
                properties["DeliveryStreamName"] = f"{stack}-findings".lower()
            if each["Type"] == "AWS::KMS::Key":
                del template["Resources"][key]
        for name, output in template.get("Outputs", {}).items():
            output.setdefault("Export", {"Name": f"{stack}:{name}"})
        file.write_text(json.dumps(template))


def _known(value: Any, keys: set[str]) -> Any:
    """A document in words that the emulator knows: a key that is nowhere for each that it cannot make, and imports
    for what another stack tells.
    """
    if isinstance(value, list):
        return [_known(item, keys) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": str(key)} | {"Fn::GetAtt": [str(key), "Arn"]} if key in keys:
            return KEY
        case {"Fn::GetStackOutput": {"StackName": stack, "OutputName": output}}:
            return {"Fn::ImportValue": f"{stack}:{output}"}
    return {name: _known(item, keys) for name, item in value.items()}


def synthesize_apart(emulator: Emulator, folder: Path) -> Path:
    """Do it in a process that Ctrl-C does not reach: jsii's Node.js would answer it with tracebacks."""
    command = [sys.executable, "-m", "tests.e2e.assembly", str(folder)]
    # When it is stopped it cannot remove its temporary files, so they are where the emulator does.
    environment = {**os.environ, "TMPDIR": str(emulator.folder)}
    emulator.run("synth", command, folder=ROOT, environment=environment, timeout=120)
    return folder


def stacks_of(sample: str) -> tuple[str, ...]:
    """The stacks of a sample: the clinic with SNS's own feature has three, every other one."""
    return NATIVE_STACKS if sample == NATIVE else (sample,)


def paths(assembly: Path, stack: str) -> dict[str, str]:
    """The logical id of every resource of a stack, by construct path in it."""
    return {
        path.removeprefix(f"/{stack}/").removesuffix("/Resource"): entry["data"]
        for path, entries in json.loads((assembly / f"{stack}.metadata.json").read_text()).items()
        for entry in entries
        if entry["type"] == "aws:cdk:logicalId"
    }


if __name__ == "__main__":
    synthesize(Path(sys.argv[1]))
