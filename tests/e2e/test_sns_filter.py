"""What no filter wants is in the catch-all, for whoever the alarm tells: by a policy that was proved, not guessed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.fetch import eventually, receive

STACK = "FilteredTopic"
SENT: list[tuple[dict[str, Any], str]] = [
    ({"kind": "auto"}, "Auto"),
    ({"kind": "home"}, "Home"),
    ({"kind": "flat"}, "Home"),
    ({"kind": "life"}, "CatchAll"),
    ({"kind": "Auto"}, "CatchAll"),
    ({"kind": 5}, "CatchAll"),
    ({"kind": None}, "CatchAll"),
    ({"kind": []}, "CatchAll"),
    ({"other": "auto"}, "CatchAll"),
    ({}, "CatchAll"),
]


def synthesize(folder: Path) -> Path:
    """A topic with two filtered queues and what catches the rest."""
    from apps.app import CONTEXT  # finds Node.js, which must come first

    # isort: split
    import aws_cdk as cdk
    from aws_cdk import aws_sqs as sqs

    from patterns.sns_filter import FilterPolicy, SnsFilter, Subscriber

    app = cdk.App(
        context=CONTEXT, outdir=str(folder), analytics_reporting=False, builtin_cloud_formation_validation=False
    )
    stack = cdk.Stack(app, STACK)
    wanted = {"Auto": ["auto"], "Home": ["home", "flat"]}
    queues = {name: sqs.Queue(stack, f"{name}Queue") for name in wanted}
    made = SnsFilter(
        stack,
        "Topic",
        subscriptions={
            name: Subscriber(queue, FilterPolicy.message_body({"kind": wanted[name]})) for name, queue in queues.items()
        },
    )
    cdk.Validations.of(app).acknowledge(
        cdk.Acknowledgment(
            id="Annotation::cdk-messaging-patterns:alarm-without-action", reason="nobody is called in a test"
        )
    )
    assert made.catch_all is not None
    for name, queue in {**queues, "CatchAll": made.catch_all}.items():
        cdk.CfnOutput(stack, f"{name}Url", value=queue.queue_url)
    cdk.CfnOutput(stack, "TopicArn", value=made.topic.topic_arn)
    app.synth()
    return folder


@pytest.fixture(scope="module")
def outputs(emulator: Emulator) -> dict[str, str]:
    return emulator.deploy(synthesize(emulator.folder / "filtered"), [STACK])[STACK]


def test_every_message_is_with_who_wants_it_or_in_the_catch_all(emulator: Emulator, outputs: dict[str, str]) -> None:
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    for number, (body, _) in enumerate(SENT):
        sns.publish(TopicArn=outputs["TopicArn"], Message=json.dumps({**body, "number": number}))
    found: dict[str, dict[str, Any]] = {"Auto": {}, "Home": {}, "CatchAll": {}}

    def look() -> bool | None:
        for name, messages in found.items():
            messages.update(receive(sqs, outputs[f"{name}Url"]))
        return True if sum(map(len, found.values())) >= len(SENT) else None

    eventually(look, "every message")
    look()
    ended = {
        json.loads(json.loads(message["Body"])["Message"])["number"]: name
        for name, messages in found.items()
        for message in messages.values()
    }
    assert ended == {number: name for number, (_, name) in enumerate(SENT)}
    assert sum(map(len, found.values())) == len(SENT)
