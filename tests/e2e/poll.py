"""Send the scenarios of the poll pattern to a deployed stack, and find out where each message went."""

import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.emulator import Emulator
from tests.e2e.scenarios import FUNCTION_TIMEOUT, MAX_RECEIVE_COUNT, Scenario

ROOT = Path(__file__).parents[2]
STACK = "ErrorHandlingPoll"
TIMEOUT = 90  # seconds; two visibility timeouts are 24


@dataclass
class Seen:
    """Where one message was found.

    Attributes:
        id: its message id.
        processed: how often the function's log says that it was processed.
        kept: the message as it came out of the dead-letter queue, or ``None``.
    """

    id: str
    processed: int = 0
    kept: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def where(self) -> str:
        """In words of `patterns.flow.model.Outcome`; both, or none, is a difference whatever was expected."""
        places = ["processed"] * bool(self.processed) + ["dead-letter queue"] * bool(self.kept)
        return " and ".join(places) or "not found"

    @property
    def attempts(self) -> int:
        """How often the function was given it: the receive count that SQS keeps, without our own receive."""
        if self.kept is not None:
            return int(self.kept["Attributes"]["ApproximateReceiveCount"]) - 1
        return self.processed


def synthesize(folder: Path) -> Path:
    """The sample stack with short times, as a cloud assembly in ``folder``."""
    from apps.app import CONTEXT  # finds Node.js, which must come first

    # isort: split
    import aws_cdk as cdk

    from apps.error_handling.poll_stack import PollStack

    app = cdk.App(
        context=CONTEXT, outdir=str(folder), analytics_reporting=False, builtin_cloud_formation_validation=False
    )
    timeout = cdk.Duration.seconds(FUNCTION_TIMEOUT)
    PollStack(app, STACK, function_timeout=timeout, max_receive_count=MAX_RECEIVE_COUNT)
    cdk.Validations.of(app).acknowledge(
        cdk.Acknowledgment(
            id="Annotation::cdk-messaging-patterns:sqs-poll.max-receive-count",
            reason="real time: nobody waits for five visibility timeouts here",
        )
    )
    app.synth()
    return folder


def synthesize_apart(emulator: Emulator, folder: Path) -> Path:
    """Do it in a process that Ctrl-C does not reach: jsii's Node.js would answer it with tracebacks."""
    command = [sys.executable, "-m", "tests.e2e.poll", str(folder)]
    # When it is stopped it cannot remove its temporary files, so they are where the emulator does.
    environment = {**os.environ, "TMPDIR": str(emulator.folder)}
    emulator.run("synth", command, folder=ROOT, environment=environment, timeout=120)
    return folder


def send(sqs: Any, queue: str, scenarios: Sequence[Scenario]) -> list[Seen]:
    """Send every scenario, each group in one batch; what to look for, in the order of the scenarios."""
    ids: dict[int, str] = {}
    numbered = list(enumerate(scenarios))
    for _, group in itertools.groupby(numbered, key=lambda each: each[1].group):
        entries = [{"Id": str(index), "MessageBody": scenario.body} for index, scenario in group]
        answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        assert not answer.get("Failed"), answer["Failed"]
        ids |= {int(sent["Id"]): sent["MessageId"] for sent in answer["Successful"]}
    return [Seen(ids[index]) for index, _ in numbered]


def watch(
    emulator: Emulator,
    outputs: Mapping[str, str],
    seen: Sequence[Seen],
    progress: Callable[[int], None] = lambda _: None,
    timeout: float = TIMEOUT,
) -> None:
    """Look until every message was found somewhere and none is left in the queue, or the time is over."""
    sqs, logs = emulator.client("sqs"), emulator.client("logs")
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        counts = Counter(processed_ids(logs, outputs["FunctionName"]))
        kept = receive(sqs, outputs["DeadLettersUrl"])
        for each in seen:
            each.processed = counts[each.id]
            each.kept = each.kept or kept.get(each.id)  # the first receive has the count
        missing = sum(each.where == "not found" for each in seen)
        progress(len(seen) - missing)
        if not missing and is_empty(sqs, outputs["QueueUrl"]):
            return
        time.sleep(0.5)


def receive(sqs: Any, queue: str) -> dict[str, Mapping[str, Any]]:
    """The messages of a queue that are visible now, by id. They stay there, hidden for two minutes."""
    answer = sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=120, MessageSystemAttributeNames=["All"]
    )
    return {message["MessageId"]: message for message in answer.get("Messages", ())}


def is_empty(sqs: Any, queue: str) -> bool:
    """Whether nothing waits in the queue and nothing is in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return all(attributes[name] == "0" for name in names)


def processed_ids(logs: Any, function: str) -> Iterator[str]:
    """The message ids in the function's log records "processed", one for each time.

    The log is the evidence that a handler leaves anywhere, without a cheat for the test.
    """
    for line in log_lines(logs, function):
        record = _record(line)
        if record.get("message") == "processed":
            yield record["message_id"]


def invocations(logs: Any, function: str) -> Counter[str]:
    """How often each request id was invoked: the lines with which Lambda ends an invocation."""
    return Counter(line.split()[2] for line in log_lines(logs, function) if line.startswith("END RequestId: "))


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


def _record(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def is_expected(scenario: Scenario, seen: Seen) -> bool:
    """Whether a message ended where it must, after as many attempts as it must."""
    return (seen.where, seen.attempts) == (scenario.outcome.value, scenario.attempts)


if __name__ == "__main__":
    synthesize(Path(sys.argv[1]))
