"""The poll sample keeps every message for its owner: it is processed, or it waits in the dead-letter queue."""

import time
from dataclasses import replace

import pytest

from tests.e2e import demo
from tests.e2e.emulator import Emulator
from tests.e2e.fetch import is_empty, receive
from tests.e2e.samples import TIMEOUT, Samples, Seen
from tests.e2e.scenarios import POLL, RECEIVES, End, processed

SAMPLES = (POLL,)


@pytest.fixture(scope="module")
def outputs(samples: Samples) -> dict[str, str]:
    return samples.outputs[POLL]


@pytest.fixture(scope="module")
def observed(samples: Samples) -> list[Seen]:
    return [seen for seen in samples.seen if seen.scenario.stack == POLL]


def test_what_is_kept_says_which_queue_it_came_from_and_is_as_it_was_sent(
    emulator: Emulator, outputs: dict[str, str], observed: list[Seen]
) -> None:
    attributes = emulator.client("sqs").get_queue_attributes(QueueUrl=outputs["QueueUrl"], AttributeNames=["QueueArn"])[
        "Attributes"
    ]
    kept = [(seen.scenario, found.message) for seen in observed for found in seen.found if found.message]
    assert len(kept) == 3
    for scenario, message in kept:
        assert message["Body"] == scenario.body
        assert message["Attributes"]["DeadLetterQueueSourceArn"] == attributes["QueueArn"]


def test_a_wrong_expectation_is_seen_in_what_really_happened(observed: list[Seen]) -> None:
    for seen in observed:
        assert seen.as_expected
        [end] = seen.scenario.ends
        for wrong in (End(end.outcome, end.at, 7), End(end.outcome, "Elsewhere", end.attempts)):
            assert not replace(seen, scenario=replace(seen.scenario, ends=(wrong,))).as_expected
        assert not replace(seen, scenario=replace(seen.scenario, ends=(end, end))).as_expected


def test_a_message_that_is_redriven_is_tried_again_and_kept_again(
    emulator: Emulator, outputs: dict[str, str], observed: list[Seen]
) -> None:
    sqs = emulator.client("sqs")
    queue, letters = outputs["QueueUrl"], outputs["DeadLettersUrl"]
    kept = [found.message for seen in observed for found in seen.found if found.message]
    for message in kept:
        sqs.change_message_visibility(QueueUrl=letters, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    arn = sqs.get_queue_attributes(QueueUrl=letters, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    before = invocations(emulator, outputs["FunctionName"])
    sqs.start_message_move_task(SourceArn=arn)
    end, moved_away, back = time.monotonic() + TIMEOUT, False, {}
    while time.monotonic() < end and len(back) < 3:
        moved_away = moved_away or not is_empty(sqs, queue)
        if moved_away:
            back |= receive(sqs, letters)
        time.sleep(0.5)
    assert sorted(message["Body"] for message in back.values()) == sorted(message["Body"] for message in kept)
    # Not the receive count: AWS begins a new one with the move, the emulator continues the old one.
    assert invocations(emulator, outputs["FunctionName"]) - before >= RECEIVES[POLL]


def invocations(emulator: Emulator, function: str) -> int:
    return sum(each["function"] == function for each in emulator.invocations())


@pytest.mark.usefixtures("samples")
def test_what_is_in_buckets_lies_in_the_emulators_own_folder(emulator: Emulator) -> None:
    s3 = emulator.client("s3")
    (bucket,) = [each["Name"] for each in s3.list_buckets()["Buckets"] if "assets" in each["Name"]]
    assert (emulator.folder / "buckets" / bucket).is_dir()


def test_the_demo_exits_with_1_when_a_message_did_not_end_as_expected(capsys: pytest.CaptureFixture[str]) -> None:
    good, poison = demo.ROWS[:2]
    poison_expected_to_pass = replace(poison, ends=(processed("Function"),))
    assert demo.main([good, poison_expected_to_pass]) == 1
    assert "✗ 1 of 2 messages did not end as expected." in capsys.readouterr().out
