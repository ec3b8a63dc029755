"""Where a rule has a number, both sides of it: the last value that is fine, and the first that is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from patterns.guard import examples
from patterns.guard.rule import Example
from patterns.guard.rules import BY_ID
from tests.guard._check import ids, report, settings

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
FIFO = {"Orders.Properties.FifoQueue": True, "OrdersDead.Properties.FifoQueue": True}
RESERVED = {
    "Worker.Properties.ReservedConcurrentExecutions": 10,
    "Poll.Properties.ScalingConfig": {"MaximumConcurrency": 10},
}
DELIVERED = {"Placed.Properties.Targets.0.RetryPolicy": {"MaximumEventAgeInSeconds": 300}}
FEW = {
    "Placed.Properties.Targets.0.DeadLetterConfig": None,
    "Undelivered": None,
    "UndeliveredPolicy": None,
    "UndeliveredAlarm": None,
}


def found(rule: str, design: str, change: dict[str, Any]) -> bool:
    return rule in ids(examples.good(Example(design, {}, change)))


@pytest.mark.parametrize(
    ("rule", "design", "change", "expected"),
    [
        ("poll-batch-not-allowed", "polled", {"Poll.Properties.BatchSize": 10}, False),
        ("poll-batch-not-allowed", "polled", {"Poll.Properties.BatchSize": 11}, True),
        (
            "poll-batch-not-allowed",
            "polled",
            {"Poll.Properties.BatchSize": 10_000, "Poll.Properties.MaximumBatchingWindowInSeconds": 1},
            False,
        ),
        (
            "poll-batch-not-allowed",
            "polled",
            {"Poll.Properties.BatchSize": 10_001, "Poll.Properties.MaximumBatchingWindowInSeconds": 1},
            True,
        ),
        ("poll-batch-not-allowed", "polled", {"Poll.Properties.MaximumBatchingWindowInSeconds": 300}, False),
        ("poll-batch-not-allowed", "polled", {"Poll.Properties.MaximumBatchingWindowInSeconds": 301}, True),
        ("poll-batch-not-allowed", "polled", FIFO, False),
        ("poll-batch-not-allowed", "polled", {**FIFO, "Poll.Properties.MaximumBatchingWindowInSeconds": 1}, True),
        ("poll-no-batch-item-failures", "polled", {"Poll.Properties.FunctionResponseTypes": []}, True),
        (
            "poll-no-batch-item-failures",
            "polled",
            {"Poll.Properties.FunctionResponseTypes": [], "Poll.Properties.BatchSize": 1},
            False,
        ),
        (
            "poll-no-batch-item-failures",
            "polled",
            {"Poll.Properties.FunctionResponseTypes": [], "Poll.Properties.BatchSize": 2},
            True,
        ),
        ("poll-concurrency-above-reserved", "polled", RESERVED, False),
        (
            "poll-concurrency-above-reserved",
            "polled",
            {**RESERVED, "Poll.Properties.ScalingConfig": {"MaximumConcurrency": 11}},
            True,
        ),
        ("sqs-max-receive-count-range", "polled", {"Orders.Properties.RedrivePolicy.maxReceiveCount": 1_000}, False),
        ("sqs-max-receive-count-range", "polled", {"Orders.Properties.RedrivePolicy.maxReceiveCount": 1_001}, True),
        ("sqs-max-receive-count-range", "polled", {"Orders.Properties.RedrivePolicy.maxReceiveCount": 1}, False),
        ("sqs-max-receive-count-range", "polled", {"Orders.Properties.RedrivePolicy.maxReceiveCount": 0}, True),
        ("sqs-retention-short", "fanned", {"Inbox.Properties.MessageRetentionPeriod": 3_600}, False),
        ("sqs-retention-short", "fanned", {"Inbox.Properties.MessageRetentionPeriod": 3_599}, True),
        ("dead-letter-queue-unwatched", "polled", {"OrdersDeadAlarm.Properties.Threshold": 0}, False),
        ("dead-letter-queue-unwatched", "polled", {"OrdersDeadAlarm.Properties.Threshold": 1}, True),
        ("dead-letter-queue-unwatched", "polled", {"OrdersDeadAlarm.Properties.AlarmActions": []}, True),
        (
            "dead-letter-queue-unwatched",
            "polled",
            {
                "OrdersDeadAlarm.Properties.MetricName": "ApproximateAgeOfOldestMessage",
                "OrdersDeadAlarm.Properties.Threshold": 86_400,
            },
            False,
        ),
        (
            "dead-letter-queue-unwatched",
            "polled",
            {
                "OrdersDeadAlarm.Properties.MetricName": "ApproximateAgeOfOldestMessage",
                "OrdersDeadAlarm.Properties.Threshold": 86_401,
            },
            True,
        ),
        ("sqs-backlog-unwatched", "polled", {"OrdersOldAlarm.Properties.Threshold": 345_599}, False),
        ("sqs-backlog-unwatched", "polled", {"OrdersOldAlarm.Properties.Threshold": 345_600}, True),
        ("sqs-redrive-not-allowed", "polled", {"OrdersDead.Properties.RedriveAllowPolicy": {}}, False),
        (
            "async-event-age-short",
            "invoked",
            {
                "Worker.Properties.ReservedConcurrentExecutions": 1,
                "Async.Properties.MaximumEventAgeInSeconds": 600,
            },
            False,
        ),
        (
            "async-event-age-short",
            "invoked",
            {
                "Worker.Properties.ReservedConcurrentExecutions": 1,
                "Async.Properties.MaximumEventAgeInSeconds": 599,
            },
            True,
        ),
        ("async-event-age-short", "invoked", {"Async.Properties.MaximumEventAgeInSeconds": 60}, False),
        ("events-gives-up-soon", "routed", {**DELIVERED, **FEW}, False),
        (
            "events-gives-up-soon",
            "routed",
            {"Placed.Properties.Targets.0.RetryPolicy": {"MaximumEventAgeInSeconds": 299}, **FEW},
            True,
        ),
        (
            "events-gives-up-soon",
            "routed",
            {"Placed.Properties.Targets.0.RetryPolicy": {"MaximumRetryAttempts": 1}, **FEW},
            False,
        ),
        (
            "events-gives-up-soon",
            "routed",
            {"Placed.Properties.Targets.0.RetryPolicy": {"MaximumRetryAttempts": 0}},
            False,
        ),
        ("sns-large-topic", "fanned", {"Events.Properties.MaximumMessageSize": 1_048_576}, False),
    ],
)
def test_a_rule_begins_where_its_number_says(rule: str, design: str, change: dict[str, Any], expected: bool) -> None:
    assert found(rule, design, change) is expected


@pytest.mark.parametrize(("size", "expected"), [(262_144, False), (262_145, True)])
def test_other_protocols_are_refused_above_256_kib(size: int, expected: bool) -> None:
    template = examples.bad(BY_ID["sns-large-topic"].example)
    template["Resources"]["Events"]["Properties"]["MaximumMessageSize"] = size
    assert ("sns-large-topic" in ids(template)) is expected


@pytest.mark.parametrize(
    ("pollers", "expected"), [((2, 2), False), ((1, 2), True), ((200, 199), True), ((201, 300), True)]
)
def test_provisioned_pollers_have_a_range(pollers: tuple[int, int], expected: bool) -> None:
    low, high = pollers
    config = {"MinimumPollers": low, "MaximumPollers": high}
    assert found("poll-provisioned-range", "polled", {"Poll.Properties.ProvisionedPollerConfig": config}) is expected


@pytest.mark.parametrize(("count", "expected"), [(10, False), (11, True)])
def test_a_redrive_allow_policy_names_ten_queues(count: int, expected: bool) -> None:
    named = [{"Fn::GetAtt": ["Orders", "Arn"]}]
    named += [f"arn:aws:sqs:eu-west-1:111122223333:other{n}" for n in range(count - 1)]
    policy = {"redrivePermission": "byQueue", "sourceQueueArns": named}
    assert found("sqs-redrive-not-allowed", "polled", {"OrdersDead.Properties.RedriveAllowPolicy": policy}) is expected


@pytest.mark.parametrize(("count", "expected"), [(10, False), (11, True)])
def test_a_mapping_has_ten_filters(count: int, expected: bool) -> None:
    filters = {"Filters": [{"Pattern": json.dumps({"body": {"n": [number]}})} for number in range(count)]}
    assert found("poll-filter-invalid", "polled", {"Poll.Properties.FilterCriteria": filters}) is expected


@pytest.mark.parametrize(
    ("audit", "expected"),
    [
        ({"SampleRate": 99, "NoFindingsDestination": {}}, False),
        ({"SampleRate": "99", "NoFindingsDestination": {}}, False),
        ({"SampleRate": 100, "NoFindingsDestination": {}}, True),
        ({"SampleRate": 1, "FindingsDestination": {"CloudWatchLogs": {"LogGroup": "/aws/vendedlogs/a"}}}, False),
        ({"SampleRate": 1, "FindingsDestination": {"CloudWatchLogs": {"LogGroup": "/aws/lambda/a"}}}, True),
    ],
)
def test_an_audit_is_judged_as_sns_does(audit: dict[str, Any], expected: bool) -> None:
    template = examples.good(BY_ID["sns-protection-invalid"].example)
    policy = template["Resources"]["Events"]["Properties"]["DataProtectionPolicy"]
    policy["Statement"][0]["Operation"]["Audit"] = audit
    assert ("sns-protection-invalid" in ids(template)) is expected
    policy["Statement"].append(policy["Statement"][0])
    assert "sns-protection-invalid" in ids(template)


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        ({}, "stream-poison-record-blocks"),
        ({"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": -1}, "stream-poison-record-blocks"),
        ({"MaximumRetryAttempts": 0}, "stream-discards-records"),
        ({"MaximumRecordAgeInSeconds": 60}, "stream-discards-records"),
    ],
)
def test_a_stream_reader_without_a_destination_either_blocks_or_discards(limits: dict[str, int], rule: str) -> None:
    template = examples.bad(BY_ID["stream-discards-records"].example)
    properties = template["Resources"]["Read"]["Properties"]
    del properties["MaximumRetryAttempts"]
    properties |= limits
    assert ids(template) == [rule]


@pytest.mark.parametrize(
    ("principal", "condition", "public"),
    [
        ("*", None, True),
        ({"AWS": "*"}, None, True),
        ({"AWS": ["111122223333", "*"]}, None, True),
        ({"AWS": "111122223333"}, None, False),
        ({"Service": "sns.amazonaws.com"}, None, False),
        ("*", {"Bool": {"aws:SecureTransport": "true"}}, True),
        ("*", {"StringEquals": {"aws:SourceAccount": "111122223333"}}, False),
        ("*", {"ArnLike": {"aws:SourceArn": "*"}}, True),
        ("*", {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:*"}}, False),
    ],
)
def test_a_policy_is_public_when_no_condition_says_who(principal: Any, condition: Any, public: bool) -> None:
    template = examples.good(BY_ID["govern-public-policy"].example)
    statement = template["Resources"]["OpenPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]
    statement["Principal"] = principal
    del statement["Condition"]
    if condition:
        statement["Condition"] = condition
    assert ("govern-public-policy" in ids(template)) is public


# --- what this project's own constructs make -----------------------------------------------------------

TEMPLATES = sorted(SNAPSHOTS.glob("**/*.template.json"))
ON_PURPOSE = {
    "test_a_sample_is_what_it_was[MaxConcurrency].template.json": {
        "poll-no-maximum-concurrency",  # what its first half shows
        "poll-visibility-short",  # so that throttled messages come back while one watches
        "sqs-max-receive-count-low",  # so that the first throttle is seen
    },
}
ADVICE = {
    "sns-no-catch-all",  # the relay publishes only what it has addressed
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_the_constructs_make_has_no_hazard(path: Path) -> None:
    result = report(json.loads(path.read_text()), settings(groups=("delivery",)))
    assert {finding.rule for finding in result.findings if finding.sure} <= ON_PURPOSE.get(path.name, set()) | ADVICE


def test_there_are_templates_of_every_construct() -> None:
    assert {path.parent.name for path in TEMPLATES} >= {"test_sqs_poll", "test_async_dlq", "test_sns_async"}
