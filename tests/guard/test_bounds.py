"""Where a rule has a number, both sides of it: the last value that is fine, and the first that is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from patterns.flow.graph import read_flow
from patterns.guard import examples
from patterns.guard.rule import Example
from patterns.guard.rules import BY_ID
from patterns.guard.run import check
from tests.guard._check import findings, ids, report, settings

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
FIFO = {"Orders.Properties.FifoQueue": True, "OrdersDead.Properties.FifoQueue": True}
RESERVED = {
    "Worker.Properties.ReservedConcurrentExecutions": 10,
    "Poll.Properties.ScalingConfig": {"MaximumConcurrency": 10},
}
DELIVERED = {"Placed.Properties.Targets.0.RetryPolicy": {"MaximumEventAgeInSeconds": 300}}
RULE_RETRY = "Placed.Properties.Targets.0.RetryPolicy"
SCHEDULE_RETRY = "Nightly.Properties.Target.RetryPolicy"
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
        *(
            (rule, design, {f"{place}.{name}": value}, expected)
            for rule, design, place, bounds in (
                ("events-retry-policy-invalid", "routed", RULE_RETRY, ((0, 185), (60, 86_400))),
                ("events-retry-policy-invalid", "scheduled", SCHEDULE_RETRY, ((0, 185), (60, 86_400))),
                ("async-config-invalid", "invoked", "Async.Properties", ((0, 2), (60, 21_600))),
            )
            for name, (least, most) in zip(("MaximumRetryAttempts", "MaximumEventAgeInSeconds"), bounds, strict=True)
            for value, expected in ((least - 1, True), (least, False), (most, False), (most + 1, True))
        ),
        ("async-config-invalid", "invoked", {"Async.Properties.MaximumRetryAttempts": "3"}, True),
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
    ("kept", "limits", "expected"),
    [
        (True, {}, ["stream-poison-record-blocks"]),
        (True, {"MaximumRetryAttempts": -1}, ["stream-poison-record-blocks"]),
        (True, {"MaximumRetryAttempts": 10_000}, []),
        (True, {"MaximumRecordAgeInSeconds": 604_800}, []),
        (False, {}, ["stream-poison-record-blocks"]),
    ],
)
def test_a_destination_alone_does_not_let_the_shard_go_on(
    kept: bool, limits: dict[str, int], expected: list[str]
) -> None:
    template = examples.design("streamed") if kept else examples.bad(BY_ID["stream-discards-records"].example)
    properties = template["Resources"]["Read"]["Properties"]
    del properties["MaximumRetryAttempts"]
    properties |= limits
    assert ids(template) == expected


def test_a_reader_of_a_change_stream_is_not_told_to_set_what_it_cannot_have() -> None:
    template = examples.bad(BY_ID["stream-poison-record-blocks"].example)
    template["Resources"]["Read"]["Properties"]["EventSourceArn"] = "arn:aws:rds:eu-west-1:111122223333:cluster:shop"
    assert "stream-poison-record-blocks" not in ids(template)


def test_a_kafka_reader_with_a_destination_gives_a_record_up_by_itself() -> None:
    template = examples.design("consumed")
    del template["Resources"]["Read"]["Properties"]["MaximumRetryAttempts"]
    assert ids(template) == []


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
    (finding,) = findings(template)
    assert finding.rule == rule
    if rule == "stream-discards-records":
        told = {"MaximumRetryAttempts": "after 0 retries and", "MaximumRecordAgeInSeconds": "after 1 minute and"}
        assert told[next(iter(limits))] in finding.why


def test_a_reader_with_both_limits_names_both() -> None:
    template = examples.bad(BY_ID["stream-discards-records"].example)
    template["Resources"]["Read"]["Properties"]["MaximumRecordAgeInSeconds"] = 120
    (finding,) = findings(template)
    assert "after 10 retries or 2 minutes and" in finding.why


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


@pytest.mark.parametrize("design", ["polled", "invoked", "streamed"])
def test_the_default_timeout_is_found_however_a_consumer_is_invoked(design: str) -> None:
    template = examples.design(design)
    del template["Resources"]["Worker"]["Properties"]["Timeout"]
    assert ids(template) == ["function-default-timeout"]


def test_a_function_that_nothing_sends_to_may_have_the_default_timeout() -> None:
    design = examples.design("polled")["Resources"]
    resources = {"Worker": design["Worker"], "WorkerRole": design["WorkerRole"]}
    del resources["Worker"]["Properties"]["Timeout"]
    assert ids({"Resources": resources}) == []


ELSEWHERE = "arn:aws:sqs:eu-west-1:999999999999:undelivered"


@pytest.mark.parametrize(
    ("arn", "expected"), [(ELSEWHERE, True), (ELSEWHERE.replace("9" * 12, "1" * 4 + "2" * 4 + "3" * 4), False)]
)
def test_a_subscription_s_dead_letter_queue_is_in_the_topic_s_account(arn: str, expected: bool) -> None:
    template = examples.good(BY_ID["dead-letter-queue-elsewhere"].example)
    template["Resources"]["Subscription"]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"] = arn
    assert ("dead-letter-queue-elsewhere" in ids(template)) is expected


def test_a_rule_s_dead_letter_queue_may_be_in_another_account_but_not_in_another_region(tmp_path: Path) -> None:
    template = examples.design("routed")
    for name in ("Undelivered", "UndeliveredPolicy", "UndeliveredAlarm"):
        del template["Resources"][name]
    target = template["Resources"]["Placed"]["Properties"]["Targets"][0]
    stack = {"type": "aws:cloudformation:stack", "environment": "aws://111122223333/eu-west-1"}
    manifest = {"version": "48.0.0", "artifacts": {"Shop": {**stack, "properties": {"templateFile": "shop.json"}}}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for arn, expected in ((ELSEWHERE, False), (ELSEWHERE.replace("eu-west-1", "us-east-1"), True)):
        target["DeadLetterConfig"]["Arn"] = arn
        (tmp_path / "shop.json").write_text(json.dumps(template))
        found = check(read_flow(tmp_path), settings()).findings
        assert ("dead-letter-queue-elsewhere" in [finding.rule for finding in found]) is expected


def test_a_pipe_is_no_mapping_its_filter_may_look_at_attributes() -> None:
    resources = examples.design("polled")["Resources"]
    del resources["Poll"], resources["Worker"], resources["WorkerRole"]
    resources["Pipe"] = {
        "Type": "AWS::Pipes::Pipe",
        "Properties": {
            "Source": {"Fn::GetAtt": ["Orders", "Arn"]},
            "Target": "arn:aws:sqs:eu-west-1:111122223333:next",
            "RoleArn": "arn:aws:iam::111122223333:role/pipe",
            "SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": '{"messageAttributes": {"a": ["b"]}}'}]}},
        },
    }
    assert "poll-filter-invalid" not in ids({"Resources": resources})
    assert "poll-filter-deletes" in ids({"Resources": resources})


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


def test_the_reference_of_a_rule_on_its_own_bus_is_not_its_name() -> None:
    """https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131"""
    template = examples.design("routed")
    resources = template["Resources"]
    resources["PlacedAlarm"]["Properties"]["Dimensions"][1]["Value"] = {"Ref": "Placed"}
    found = {finding.rule: finding.why for finding in findings(template)}
    assert set(found) == {"events-alarm-without-bus", "events-dead-letter-queue-unwatched"}
    assert "PlacedAlarm asks for Bus|Placed, which is what Ref returns" in found["events-alarm-without-bus"]
    del resources["PlacedAlarm"]["Properties"]["Dimensions"][0]
    found = {finding.rule: finding.why for finding in findings(template)}
    assert "PlacedAlarm asks for RuleName alone" in found["events-alarm-without-bus"]
    # Where no template gives the bus, its rule's name is cut out all the same.
    template = examples.design("routed")
    template["Resources"]["Placed"]["Properties"]["EventBusName"] = {"Ref": "SharedBus"}
    assert "events-dead-letter-queue-unwatched" not in ids(template)
    template["Resources"]["Placed"]["Properties"]["EventBusName"] = "shared"
    alarm = template["Resources"]["PlacedAlarm"]["Properties"]
    alarm["Dimensions"][1]["Value"] = {"Ref": "Placed"}
    assert "events-alarm-without-bus" in ids(template)
