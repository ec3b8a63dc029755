"""The sample apps are clean as they are, and every guard that is taken from them is missed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from patterns.flow import read_flow
from patterns.guard import Options, assert_no_hazards
from patterns.guard.rule import Severity
from patterns.guard.view import View
from tests.guard._check import TODAY
from tools.mutations import PAGE, Outcome, Stacks, groups, outcomes, rendered, sample_stacks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("samples")


@pytest.fixture(scope="module")
def stacks(folder: Path) -> Stacks:
    return sample_stacks(folder)


@pytest.fixture(scope="module")
def found(stacks: Stacks) -> list[Outcome]:
    return outcomes(stacks)


def test_the_samples_have_no_hazard_that_is_not_acknowledged(folder: Path, stacks: Stacks) -> None:
    report = assert_no_hazards(folder, at_least=Severity.LOW)
    assert {(a.finding.stack, a.finding.rule) for a in report.acknowledged} == {
        ("ClinicRelay", "sns-no-catch-all"),
        ("MaxConcurrency", "poll-no-maximum-concurrency"),
        ("MaxConcurrency", "poll-visibility-short"),
        ("MaxConcurrency", "sqs-max-receive-count-low"),
    }
    assert all(len(a.reason) > 20 for a in report.acknowledged)
    assert {finding.rule for finding in report.findings} <= {"sns-protection-closed", "function-loop"}
    assert set(stacks) >= {finding.stack for finding in report.findings}


def test_governance_asks_of_the_samples_only_that_topics_are_encrypted(folder: Path, stacks: Stacks) -> None:
    assert stacks
    report = assert_no_hazards(
        folder,
        groups=["governance"],
        ignore=["govern-not-encrypted"],
        at_least=Severity.LOW,
        options=Options(today=TODAY),
    )
    assert report.findings == ()


def unexplained(found: list[Outcome]) -> Iterator[str]:
    for outcome in found:
        if not outcome.rules and not outcome.reason:
            yield f"{outcome.mutation.stack}/{outcome.mutation.resource}: {outcome.mutation.what}"


def test_every_mutation_is_found_or_has_a_reason(found: list[Outcome]) -> None:
    assert len(found) > 500
    assert list(unexplained(found)) == []


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        ("SQS Queue RedrivePolicy: removed", "sqs-no-dead-letter-queue"),
        ("SQS Queue RedrivePolicy.maxReceiveCount: → 1", "sqs-max-receive-count-low"),
        ("SQS Queue VisibilityTimeout: → 1", "poll-visibility-below-timeout"),
        ('SQS Queue RedriveAllowPolicy: → {"redrivePermission": "denyAll"}', "sqs-redrive-not-allowed"),
        ("SQS QueuePolicy statement removed: sqs:SendMessage for sns.amazonaws.com", None),
        ("SQS QueuePolicy statement removed: sqs:SendMessage for events.amazonaws.com", None),
        ("Lambda Permission: removed", None),
        ("Lambda EventInvokeConfig DestinationConfig: removed", "async-no-failure-destination"),
        ("Lambda Function DeadLetterConfig: removed", "async-no-failure-destination"),
        ("Lambda Function ReservedConcurrentExecutions: → 0", "sqs-reserved-concurrency-zero"),
        ("SNS Subscription RedrivePolicy: removed", "sns-no-dead-letter-queue"),
        ("Events Rule target's DeadLetterConfig: removed", "events-no-dead-letter-queue"),
        ('Events Rule State: → "DISABLED"', "events-rule-disabled"),
        ("IAM Policy action removed: sqs:ReceiveMessage", "poll-not-permitted"),
        ("IAM Policy action removed: sqs:DeleteMessage", "poll-not-permitted-to-delete"),
    ],
)
def test_a_guard_of_this_kind_is_never_missed(found: list[Outcome], what: str, rule: str | None) -> None:
    mine = [outcome for outcome in found if outcome.mutation.what == what]
    assert mine
    assert all(outcome.rules for outcome in mine)
    assert rule is None or all(rule in outcome.rules for outcome in mine)


def test_every_queue_that_keeps_failures_has_its_alarm_and_its_retention_missed(
    stacks: Stacks, found: list[Outcome]
) -> None:
    kept = {
        (key.split("/")[0], key.split("/")[1]) for group in groups(stacks) for key in View(read_flow(group)).kept_in
    }
    assert len(kept) > 20
    missed = {(o.mutation.stack, o.mutation.resource, o.mutation.what): o.rules for o in found}
    for stack, queue in kept:
        assert "dead-letter-queue-deleted-with-stack" in missed[stack, queue, 'SQS Queue DeletionPolicy: → "Delete"']
        assert missed[stack, queue, "SQS Queue MessageRetentionPeriod: → 60"]
        alarms = [
            name
            for name, resource in stacks[stack]["Resources"].items()
            if resource["Type"] == "AWS::CloudWatch::Alarm"
            and resource["Properties"].get("MetricName") == "ApproximateNumberOfMessagesVisible"
            and f'"{queue}"' in json.dumps(resource["Properties"]["Dimensions"])
        ]
        assert len(alarms) == 1
        for what in ("CloudWatch Alarm: removed", "CloudWatch Alarm AlarmActions: removed"):
            assert missed[stack, alarms[0], what] == ("dead-letter-queue-unwatched",)


def test_all_alarms_of_one_resource_are_missed_together(found: list[Outcome]) -> None:
    mine = [outcome for outcome in found if "on one resource removed" in outcome.mutation.what]
    assert mine
    assert all(o.rules for o in mine)
    assert len(mine) > 20


def test_the_page_says_so(found: list[Outcome]) -> None:
    assert PAGE.read_text("utf-8") == rendered(found)
