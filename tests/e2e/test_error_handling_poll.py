"""The poll sample keeps every message for its owner: it is processed, or it waits in the dead-letter queue.

Real messages through the deployed stack; each is followed by its id.
"""

import time
from dataclasses import replace

import pytest

from tests.e2e import demo, poll
from tests.e2e.emulator import Emulator
from tests.e2e.scenarios import MAX_RECEIVE_COUNT, POLL, Scenario

Observed = dict[str, tuple[Scenario, poll.Seen]]


@pytest.fixture(scope="module")
def outputs(emulator: Emulator) -> dict[str, str]:
    assembly = poll.synthesize(emulator.folder / "poll")
    return emulator.deploy(assembly, [poll.STACK])[poll.STACK]


@pytest.fixture(scope="module")
def observed(emulator: Emulator, outputs: dict[str, str]) -> Observed:
    seen = poll.send(emulator.client("sqs"), outputs["QueueUrl"], POLL)
    poll.watch(emulator, outputs, seen)
    return {scenario.name: (scenario, each) for scenario, each in zip(POLL, seen, strict=True)}


@pytest.mark.parametrize("name", [scenario.name for scenario in POLL])
def test_a_message_ends_where_the_table_says_after_as_many_attempts(observed: Observed, name: str) -> None:
    scenario, seen = observed[name]
    assert (seen.where, seen.attempts) == (scenario.outcome.value, scenario.attempts)


def test_what_is_kept_says_which_queue_it_came_from_and_is_as_it_was_sent(
    emulator: Emulator, outputs: dict[str, str], observed: Observed
) -> None:
    attributes = emulator.client("sqs").get_queue_attributes(QueueUrl=outputs["QueueUrl"], AttributeNames=["QueueArn"])[
        "Attributes"
    ]
    kept = [(scenario, seen.kept) for scenario, seen in observed.values() if seen.kept]
    assert len(kept) == 3
    for scenario, message in kept:
        assert message["Body"] == scenario.body
        assert message["Attributes"]["DeadLetterQueueSourceArn"] == attributes["QueueArn"]


def test_a_wrong_expectation_is_seen_in_what_really_happened(observed: Observed) -> None:
    for scenario, seen in observed.values():
        assert not poll.is_expected(replace(scenario, attempts=scenario.attempts + 1), seen)


def test_a_message_that_is_redriven_is_tried_again_and_kept_again(
    emulator: Emulator, outputs: dict[str, str], observed: Observed
) -> None:
    sqs = emulator.client("sqs")
    queue, letters = outputs["QueueUrl"], outputs["DeadLettersUrl"]
    for _, seen in observed.values():
        if seen.kept:
            handle = seen.kept["ReceiptHandle"]
            sqs.change_message_visibility(QueueUrl=letters, ReceiptHandle=handle, VisibilityTimeout=0)
    arn = sqs.get_queue_attributes(QueueUrl=letters, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    logs, function = emulator.client("logs"), outputs["FunctionName"]
    before = sum(poll.invocations(logs, function).values())
    sqs.start_message_move_task(SourceArn=arn)
    end, moved_away, back = time.monotonic() + poll.TIMEOUT, False, {}
    while time.monotonic() < end and len(back) < 3:
        moved_away = moved_away or not poll.is_empty(sqs, queue)
        if moved_away:
            back |= poll.receive(sqs, letters)
        time.sleep(0.5)
    assert sorted(message["Body"] for message in back.values()) == sorted(
        scenario.body for scenario, seen in observed.values() if seen.kept
    )
    # Not the receive count: AWS begins a new one with the move, the emulator continues the old one.
    assert sum(poll.invocations(logs, function).values()) - before >= MAX_RECEIVE_COUNT


@pytest.mark.usefixtures("outputs")
def test_what_is_in_buckets_lies_in_the_emulators_own_folder(emulator: Emulator) -> None:
    s3 = emulator.client("s3")
    (bucket,) = [each["Name"] for each in s3.list_buckets()["Buckets"] if "assets" in each["Name"]]
    assert (emulator.folder / "buckets" / bucket).is_dir()


def test_the_demo_exits_with_1_when_a_message_did_not_end_as_expected(capsys: pytest.CaptureFixture[str]) -> None:
    poison_expected_to_pass = replace(POLL[1], outcome=POLL[0].outcome, attempts=1)
    assert demo.main([POLL[0], poison_expected_to_pass]) == 1
    assert "✗ 1 of 2 messages did not end as expected." in capsys.readouterr().out
