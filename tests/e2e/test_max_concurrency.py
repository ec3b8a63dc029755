"""Both halves of the comparison process what they are sent, under whichever limit, and keep nothing back.

What tells them apart cannot be seen here: the emulator's poller invokes one batch at a time, so nothing has to wait.
"""

import time

import aws_cdk as cdk
import pytest

from apps.app import CONTEXT
from apps.max_concurrency import stack
from tests.e2e import poll
from tests.e2e.emulator import Emulator

STACK = "MaxConcurrency"


def test_each_half_processes_every_message(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "WORK_SECONDS", 0.2)  # instead of 10: twelve messages, one after the other
    folder = emulator.folder / "max-concurrency"
    app = cdk.App(context=CONTEXT, outdir=str(folder), builtin_cloud_formation_validation=False)
    stack.MaxConcurrencyStack(app, STACK)
    app.synth()
    outputs = emulator.deploy(folder, [STACK])[STACK]
    sqs, logs = emulator.client("sqs"), emulator.client("logs")
    resources = emulator.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]

    for half in ("Reserved", "Maximum"):
        (function,) = (
            each["PhysicalResourceId"]
            for each in resources
            if each["ResourceType"] == "AWS::Lambda::Function" and each["LogicalResourceId"].startswith(half)
        )
        url = outputs[f"{half}QueueUrl"]
        sent = {sqs.send_message(QueueUrl=url, MessageBody="testing")["MessageId"] for _ in range(12)}
        end, done = time.monotonic() + 60, 0
        while time.monotonic() < end and not (done >= len(sent) and poll.is_empty(sqs, url)):
            done = sum(poll.invocations(logs, function).values())
            time.sleep(0.5)
        assert poll.is_empty(sqs, url)
        assert done == len(sent), "one invocation for each message, for batches are of one"
        assert poll.receive(sqs, outputs[f"{half}DeadLettersUrl"]) == {}
