"""What is in a queue or a log, and how long to look for it."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

Found = TypeVar("Found")

TIMEOUT = 60  # seconds


def eventually(look: Callable[[], Found | None], what: str) -> Found:
    """Look again and again until there is something, or the time is over."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what}: not there after {TIMEOUT} s")


def receive(sqs: Any, queue: str) -> dict[str, Mapping[str, Any]]:
    """The messages of a queue that are visible now, by id. They stay there, hidden for ten minutes."""
    found: dict[str, Mapping[str, Any]] = {}
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            VisibilityTimeout=600,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", ())
        found |= {message["MessageId"]: message for message in messages}
        if len(messages) < 10:
            return found


def is_empty(sqs: Any, queue: str) -> bool:
    """Whether nothing waits in the queue and nothing is in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return all(attributes[name] == "0" for name in names)


def log_lines(logs: Any, function: str) -> Iterator[str]:
    """What a function has written. The emulator keeps it under the default name, whatever log group is configured."""
    request = {"logGroupName": f"/aws/lambda/{function}"}
    try:
        while True:
            page = logs.filter_log_events(**request)
            for event in page["events"]:
                yield from event["message"].splitlines()
            if not page.get("nextToken") or page["nextToken"] == request.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]
    except logs.exceptions.ResourceNotFoundException:
        return  # not one invocation yet
