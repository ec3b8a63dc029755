"""Deploy the asynchronous samples and fetch what arrives in their queues and logs."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tests.e2e.emulator import Emulator
from tests.e2e.scenarios import DEAD_LETTERS, DESTINATIONS, EVENT_BUS

Found = TypeVar("Found")

TIMEOUT = 60  # seconds; three tries take about five here


def synthesize(folder: Path) -> Path:
    """The three sample stacks as they go to AWS, as a cloud assembly in ``folder``."""
    from apps.app import CONTEXT  # finds Node.js, which must come first

    # isort: split
    import aws_cdk as cdk

    from apps.error_handling.dead_letters_stack import DeadLettersStack
    from apps.error_handling.destinations_stack import DestinationsStack
    from apps.error_handling.event_bus_stack import EventBusStack

    app = cdk.App(
        context=CONTEXT, outdir=str(folder), analytics_reporting=False, builtin_cloud_formation_validation=False
    )
    DestinationsStack(app, DESTINATIONS)
    DeadLettersStack(app, DEAD_LETTERS)
    EventBusStack(app, EVENT_BUS)
    app.synth()
    return folder


def eventually(look: Callable[[], Found | None], what: str) -> Found:
    """Look again and again until there is something, or the time is over."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what}: not there after {TIMEOUT} s")


class Inbox:
    """What has come out of one queue so far."""

    def __init__(self, emulator: Emulator, url: str) -> None:
        self.sqs, self.url = emulator.client("sqs"), url
        self.messages: list[Mapping[str, Any]] = []

    def wait(self, about: str) -> Mapping[str, Any]:
        """The first message whose body contains a text."""
        return eventually(lambda: self._find(about), f"a message about {about} in {self.url}")

    def _find(self, about: str) -> Mapping[str, Any] | None:
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=300,
            MessageAttributeNames=["All"],
        )
        self.messages += answer.get("Messages", ())
        return next((m for m in self.messages if about in m["Body"]), None)


def publish(emulator: Emulator, topic: str, message: Mapping[str, Any] | str) -> str:
    """Publish a message; its id."""
    text = message if isinstance(message, str) else json.dumps(message)
    return emulator.client("sns").publish(TopicArn=topic, Message=text)["MessageId"]


def logged(emulator: Emulator, function: str, message: str, message_id: str) -> Mapping[str, Any]:
    """The record that a handler has logged about a message."""

    def look() -> Mapping[str, Any] | None:
        logs = emulator.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        for event in events:
            for line in event["message"].splitlines():
                if message_id in line and line.startswith("{"):
                    record = json.loads(line)
                    if record.get("message") == message:
                        return record
        return None

    return eventually(look, f"{message!r} about {message_id} in the log of {function}")
