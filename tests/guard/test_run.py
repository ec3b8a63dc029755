"""What is sure fails, what cannot be told never does, what is accepted is listed, and order changes nothing."""

import copy
import json
from datetime import date
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.errors import PatternError
from patterns.flow import read_flow
from patterns.guard import examples
from patterns.guard.rule import Severity
from patterns.guard.rules import BY_ID, RULES
from patterns.guard.run import Settings, check
from patterns.guard.view import Options
from tests.guard._check import findings, ids, report, settings


def broken() -> dict[str, Any]:
    """A polled queue without a dead-letter queue."""
    return examples.bad(BY_ID["sqs-no-dead-letter-queue"].example)


def test_a_finding_names_its_place_and_what_happens_to_the_message_with_numbers() -> None:
    (finding,) = findings(broken())
    assert (finding.stack, finding.logical_id, finding.place) == ("Example", "Orders", "RedrivePolicy")
    assert finding.why == (
        "A message that Worker cannot process goes back to Orders and is received again until it is 4 days old; then "
        "SQS deletes it, and nothing tells."
    )
    assert finding.level(Severity.HIGH) == "error"


def test_severities_above_the_line_are_errors_below_it_warnings_and_advice_is_a_note() -> None:
    levels = {
        rule: next(f for f in findings(examples.bad(BY_ID[rule].example)) if f.rule == rule).level(Severity.HIGH)
        for rule in (
            "sqs-no-dead-letter-queue",
            "poll-no-batch-item-failures",
            "poll-visibility-short",
            "sqs-backlog-unwatched",
        )
    }
    assert levels == {
        "sqs-no-dead-letter-queue": "error",
        "poll-no-batch-item-failures": "error",
        "poll-visibility-short": "warning",
        "sqs-backlog-unwatched": "note",
    }


def test_with_no_line_nothing_is_an_error_and_with_the_lowest_everything_sure_is() -> None:
    assert report(broken(), settings(fail_on=None)).errors == ()
    low = examples.bad(BY_ID["sqs-backlog-unwatched"].example)
    assert [f.rule for f in report(low, settings(fail_on=Severity.LOW)).errors] == ["sqs-backlog-unwatched"]


# --- what cannot be told ----------------------------------------------------------------------------


def test_a_role_in_no_template_is_a_note_and_never_an_error() -> None:
    template = examples.design("polled")
    template["Resources"]["Worker"]["Properties"]["Role"] = "arn:aws:iam::111122223333:role/worker"
    del template["Resources"]["WorkerRole"]
    (finding,) = findings(template)
    assert finding.rule == "poll-not-permitted"
    assert not finding.sure
    assert finding.level(Severity.LOW) == "note"
    assert finding.why == (
        "Cannot be told: Worker gets nothing from Orders: the role stands in none of the templates. "
        "Messages wait there until they expire."
    )


def test_numbers_that_a_parameter_leaves_open_are_not_guessed() -> None:
    template = examples.design("polled")
    template["Parameters"] = {"Number": {"Type": "Number"}}
    unknown = {"Ref": "Number"}
    resources = template["Resources"]
    resources["Orders"]["Properties"] |= {"VisibilityTimeout": unknown, "MessageRetentionPeriod": unknown}
    resources["Orders"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] = unknown
    resources["OrdersDead"]["Properties"]["MessageRetentionPeriod"] = unknown
    resources["Worker"]["Properties"] |= {"Timeout": unknown, "ReservedConcurrentExecutions": unknown}
    resources["Poll"]["Properties"] |= {"BatchSize": unknown, "ScalingConfig": {"MaximumConcurrency": unknown}}
    assert [f.rule for f in findings(template) if f.sure] == []


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.group == "delivery"], ids=lambda rule: rule.id)
def test_a_template_whose_every_value_is_open_has_no_error(rule: Any) -> None:
    template = examples.bad(rule.example)
    for resource in template["Resources"].values():
        resource["Properties"] = {"Fn::Transform": {"Name": "Anything"}}
    assert report(template, settings(fail_on=Severity.LOW)).errors == ()


# --- what is no hazard ------------------------------------------------------------------------------


def test_a_dead_letter_queue_needs_no_dead_letter_queue_of_its_own() -> None:
    assert ids(examples.design("polled")) == []


def test_a_dead_letter_queue_that_is_worked_off_by_another_function_needs_no_alarm() -> None:
    template = examples.design("polled")
    resources = template["Resources"]
    del resources["OrdersDeadAlarm"]
    resources["OrdersDead"]["Properties"]["VisibilityTimeout"] = 180
    resources["Repair"] = copy.deepcopy(resources["Worker"])
    resources["Repair"]["Properties"]["Role"] = {"Fn::GetAtt": ["RepairRole", "Arn"]}
    resources["RepairRole"] = copy.deepcopy(resources["WorkerRole"])
    resources["PollDead"] = copy.deepcopy(resources["Poll"])
    resources["PollDead"]["Properties"] |= {
        "EventSourceArn": {"Fn::GetAtt": ["OrdersDead", "Arn"]},
        "FunctionName": {"Ref": "Repair"},
    }
    assert ids(template) == []


def test_a_queue_whose_consumer_is_elsewhere_needs_nothing() -> None:
    assert ids({"Resources": {"Inbox": {"Type": "AWS::SQS::Queue"}}}) == []


def test_a_topic_that_fans_out_to_two_queues_is_no_competition() -> None:
    template = examples.design("fanned")
    resources = template["Resources"]
    for name in ("Inbox", "Subscription", "InboxPolicy"):
        text = json.dumps(resources[name]).replace('"Inbox"', '"Second"')
        resources[name.replace("Inbox", "Second").replace("Subscription", "SecondSubscription")] = json.loads(text)
    assert ids(template) == []


def test_a_fifo_dead_letter_queue_of_equal_retention_is_advice_only() -> None:
    template = examples.design("polled")
    for name in ("Orders", "OrdersDead"):
        template["Resources"][name]["Properties"]["FifoQueue"] = True
    template["Resources"]["OrdersDead"]["Properties"]["MessageRetentionPeriod"] = 345_600
    assert [(f.rule, f.severity) for f in findings(template)] == [("dead-letter-queue-retention-short", Severity.LOW)]


def test_what_a_clock_sends_comes_again_so_losing_one_is_high_not_critical() -> None:
    template = examples.bad(BY_ID["events-no-dead-letter-queue"].example)
    rule = template["Resources"]["Placed"]["Properties"]
    assert [f.severity for f in findings(template)] == [Severity.CRITICAL]
    del rule["EventPattern"], rule["EventBusName"]
    rule["ScheduleExpression"] = "rate(5 minutes)"
    assert [(f.rule, f.severity) for f in findings(template)] == [("events-no-dead-letter-queue", Severity.HIGH)]


@pytest.mark.parametrize(
    ("kind", "properties", "found"),
    [
        ("AWS::SecretsManager::RotationSchedule", {"SecretId": "x", "RotationLambdaARN": {"Ref": "Worker"}}, False),
        ("AWS::Logs::SubscriptionFilter", {"LogGroupName": "x", "DestinationArn": {"Ref": "Worker"}}, True),
    ],
)
def test_a_service_that_asks_again_by_itself_loses_nothing(kind: str, properties: dict[str, Any], found: bool) -> None:
    design = examples.design("polled")["Resources"]
    resources = {"Worker": design["Worker"], "WorkerRole": design["WorkerRole"]}
    resources["Caller"] = {"Type": kind, "Properties": properties}
    assert ("async-no-failure-destination" in ids({"Resources": resources})) is found


def test_policies_and_consumers_in_another_stack_count() -> None:
    whole = examples.design("polled")["Resources"]
    names = ("Poll", "Worker", "WorkerRole")
    consumer = {name: copy.deepcopy(whole.pop(name)) for name in names}
    consumer["Poll"]["Properties"]["EventSourceArn"] = {"Fn::ImportValue": "orders"}
    stacks = {
        "Queues": {
            "Resources": whole,
            "Outputs": {"Orders": {"Value": {"Fn::GetAtt": ["Orders", "Arn"]}, "Export": {"Name": "orders"}}},
        },
        "Consumer": {"Resources": consumer},
    }
    assert ids(stacks) == []
    del stacks["Queues"]["Resources"]["Orders"]["Properties"]["RedrivePolicy"]
    found = {(f.stack, f.logical_id, f.rule) for f in findings(stacks)}
    assert ("Queues", "Orders", "sqs-no-dead-letter-queue") in found


def aliased(qualifier: Any, **config: Any) -> dict[str, Any]:
    """The invoked design through an alias, with the asynchronous configuration of a qualifier."""
    template = examples.good(BY_ID["async-config-other-qualifier"].example)
    template["Resources"]["Async"]["Properties"] |= {"Qualifier": qualifier, **config}
    return template


CUT_OUT = {"Fn::Select": [7, {"Fn::Split": [":", {"Ref": "Live"}]}]}  # as the CDK writes an alias' qualifier


def test_an_alias_whose_configuration_names_it_by_its_arn_keeps_its_failures() -> None:
    assert "async-no-failure-destination" not in ids(aliased(CUT_OUT))
    without = aliased(CUT_OUT, DestinationConfig={})
    assert "async-no-failure-destination" in [f.rule for f in findings(without) if f.sure]


def test_a_qualifier_that_cannot_be_told_makes_a_note_for_its_own_function_only() -> None:
    template = aliased({"Fn::ImportValue": "qualifier"})
    other = copy.deepcopy(template["Resources"]["Worker"])
    template["Resources"]["Other"] = other
    template["Resources"]["SecondSubscription"] = copy.deepcopy(template["Resources"]["Subscription"])
    template["Resources"]["SecondSubscription"]["Properties"]["Endpoint"] = {"Fn::GetAtt": ["Other", "Arn"]}
    found = {f.logical_id: f.sure for f in findings(template) if f.rule == "async-no-failure-destination"}
    assert found == {"Worker": False, "Other": True}


@pytest.mark.parametrize(
    ("pattern", "loop"),
    [
        ({"source": ["lambda"]}, True),
        ({"detail-type": ["Lambda Function Invocation Result - Failure"]}, True),
        ({"source": ["shop"]}, False),
        ({"source": ["lambda"], "detail": {"requestContext": {"condition": ["RetriesExhausted"]}}}, False),
        ({"source": [{"prefix": ""}]}, True),
    ],
)
def test_a_destination_on_a_bus_is_a_loop_only_where_a_rule_certainly_matches_its_record(
    pattern: dict[str, Any], loop: bool
) -> None:
    template = examples.design("invoked")
    resources = template["Resources"]
    resources["Bus"] = {"Type": "AWS::Events::EventBus", "Properties": {"Name": "shop"}}
    resources["Again"] = {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventBusName": {"Ref": "Bus"},
            "EventPattern": pattern,
            "Targets": [{"Id": "Worker", "Arn": {"Fn::GetAtt": ["Worker", "Arn"]}}],
        },
    }
    destinations = resources["Async"]["Properties"]["DestinationConfig"]
    destinations["OnSuccess"] = {"Destination": {"Fn::GetAtt": ["Bus", "Arn"]}}
    assert ("async-destination-loop" in ids(template)) is loop


# --- severities by number ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retention", "severity"),
    [(345_599, Severity.CRITICAL), (345_600, Severity.HIGH), (345_601, None)],
)
def test_a_dead_letter_queue_below_its_source_is_critical_equal_high_above_advice(
    retention: int, severity: Severity | None
) -> None:
    template = examples.design("polled")
    template["Resources"]["OrdersDead"]["Properties"]["MessageRetentionPeriod"] = retention
    found = {f.rule: f.severity for f in findings(template)}
    expected = (
        {"sqs-dead-letter-queue-expires": severity} if severity else {"dead-letter-queue-retention-short": Severity.LOW}
    )
    assert found == expected


@pytest.mark.parametrize(
    ("count", "severity"), [(1, Severity.HIGH), (2, Severity.MEDIUM), (4, Severity.MEDIUM), (5, None)]
)
def test_one_receive_is_high_two_to_four_medium_five_fine(count: int, severity: Severity | None) -> None:
    template = examples.design("polled")
    template["Resources"]["Orders"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] = count
    found = {f.rule: f.severity for f in findings(template)}
    assert found == ({"sqs-max-receive-count-low": severity} if severity else {})


@pytest.mark.parametrize(
    ("visibility", "rule"),
    [(29, "poll-visibility-below-timeout"), (30, "poll-visibility-short"), (179, "poll-visibility-short"), (180, None)],
)
def test_visibility_is_judged_against_the_timeout_and_against_six_times_of_it(
    visibility: int, rule: str | None
) -> None:
    template = examples.design("polled")
    template["Resources"]["Orders"]["Properties"]["VisibilityTimeout"] = visibility
    assert ids(template) == ([rule] if rule else [])


@pytest.mark.parametrize(("retention", "found"), [(900, True), (901, False)])
def test_retention_must_outlast_the_receives(retention: int, found: bool) -> None:
    template = examples.design("polled")
    template["Resources"]["Orders"]["Properties"]["MessageRetentionPeriod"] = retention  # 5 receives, 180 seconds each
    assert ("sqs-expires-before-dead-letter-queue" in ids(template)) is found


@pytest.mark.parametrize(
    ("runtime", "today", "severity"),
    [
        ("python3.13", date(2026, 11, 23), None),
        ("python3.11", date(2026, 12, 31), None),
        ("python3.11", date(2027, 1, 1), Severity.LOW),
        ("python3.10", date(2026, 10, 30), Severity.LOW),
        ("python3.10", date(2026, 10, 31), Severity.MEDIUM),
        ("python3.10", date(2027, 1, 31), Severity.MEDIUM),
        ("python3.10", date(2027, 2, 1), Severity.HIGH),
        ("nodejs12.x", date(2026, 11, 23), Severity.HIGH),
        ("nodejs99.x", date(2026, 11, 23), None),
    ],
)
def test_a_runtime_is_judged_by_the_day(runtime: str, today: date, severity: Severity | None) -> None:
    template = examples.design("polled")
    template["Resources"]["Worker"]["Properties"]["Runtime"] = runtime
    chosen = Settings(groups=("governance",), options=Options(today=today))
    found = check(read_flow({"Example": template}), chosen).findings
    assert [f.severity for f in found] == ([severity] if severity else [])


# --- accepting --------------------------------------------------------------------------------------


def acknowledged(*entries: Any) -> dict[str, Any]:
    """The broken template with acknowledgements on its queue."""
    template = broken()
    template["Resources"]["Orders"]["Metadata"] = {"messaging-checks": {"acknowledge": list(entries)}}
    return template


@pytest.mark.parametrize("prefix", ["", "messaging-checks::"])
def test_a_finding_acknowledged_with_a_reason_is_listed_and_is_no_error(prefix: str) -> None:
    result = report(acknowledged({"id": f"{prefix}sqs-no-dead-letter-queue", "reason": "replayed from the archive"}))
    assert result.findings == ()
    (accepted,) = result.acknowledged
    assert (accepted.finding.rule, accepted.reason, accepted.at) == (
        "sqs-no-dead-letter-queue",
        "replayed from the archive",
        "Example/Orders",
    )


@pytest.mark.parametrize(
    ("entry", "note"),
    [
        (
            {"id": "sqs-no-dead-letter-queue"},
            "acknowledges sqs-no-dead-letter-queue without a reason, which does not count",
        ),
        (
            {"id": "sqs-no-dead-letter-queue", "reason": " "},
            "acknowledges sqs-no-dead-letter-queue without a reason, which does not count",
        ),
        ({"id": "sqs-no-dlq", "reason": "x"}, "acknowledges 'sqs-no-dlq', which is no rule"),
        ("sqs-no-dead-letter-queue", "acknowledges 'sqs-no-dead-letter-queue', which is no rule"),
        ({"id": 5, "reason": "x"}, "acknowledges '', which is no rule"),
    ],
)
def test_what_is_no_acknowledgement_does_not_count_and_is_noted(entry: Any, note: str) -> None:
    result = report(acknowledged(entry))
    assert [f.rule for f in result.findings] == ["sqs-no-dead-letter-queue"]
    assert f"Example, Resources.Orders.Metadata.messaging-checks: {note}" in result.notes


@pytest.mark.parametrize("metadata", [[], "x", {"acknowledge": "x"}, {"acknowledge": []}, None])
def test_malformed_metadata_acknowledges_nothing_and_is_noted(metadata: Any) -> None:
    template = broken()
    template["Resources"]["Orders"]["Metadata"] = {"messaging-checks": metadata}
    result = report(template)
    assert [f.rule for f in result.findings] == ["sqs-no-dead-letter-queue"]
    assert (
        "Example, Resources.Orders.Metadata.messaging-checks: must be {acknowledge: [{id, reason}]}; "
        "nothing is acknowledged"
    ) in result.notes


def test_an_ignored_rule_is_not_asked_and_a_severity_can_be_changed() -> None:
    assert report(broken(), settings(ignore=frozenset({"sqs-no-dead-letter-queue"}))).findings == ()
    changed = report(broken(), settings(severities={"sqs-no-dead-letter-queue": Severity.LOW}))
    assert [f.severity for f in changed.findings] == [Severity.LOW]
    assert changed.errors == ()


def test_governance_is_asked_only_when_it_is_named() -> None:
    template = examples.bad(BY_ID["govern-runtime-manual"].example)
    assert ids(template, groups=("delivery",)) == []
    assert ids(template, groups=("governance",)) == ["govern-runtime-manual"]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            {"ignore": frozenset({"sqs-no-dead-letter-queues"})},
            "ignore must name rules, got 'sqs-no-dead-letter-queues'; did you mean sqs-no-dead-letter-queue?",
        ),
        ({"severities": {"x": Severity.LOW}}, "severity must name rules, got 'x'"),
        ({"groups": ("security",)}, "group must be delivery or governance, got 'security'"),
    ],
)
def test_settings_that_name_what_does_not_exist_are_refused(chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(PatternError) as error:
        report(broken(), settings(**chosen))
    assert str(error.value) == message


# --- order and hashes -------------------------------------------------------------------------------

HASH = "0123456789abcdef" * 4


@hypothesis.settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(RULES))
def test_order_of_resources_changes_nothing(random: Any, rule: Any) -> None:
    template = examples.bad(rule.example)
    names = list(template["Resources"])
    random.shuffle(names)
    shuffled = {"Resources": {name: template["Resources"][name] for name in names}}
    assert findings(shuffled) == findings(template)


def test_a_fingerprint_survives_a_new_asset_hash_and_a_new_place_in_a_list() -> None:
    template = examples.bad(BY_ID["events-no-dead-letter-queue"].example)
    targets = template["Resources"]["Placed"]["Properties"]["Targets"]
    before = findings(template)[0].fingerprint
    targets.insert(0, {"Id": "Other", "Arn": f"arn:aws:sqs:eu-west-1:111122223333:other-{HASH}"})
    after = {f.fingerprint: f for f in findings(template) if f.rule == "events-no-dead-letter-queue"}
    assert after[before].place == "Targets[1].DeadLetterConfig"
    (other,) = after.keys() - {before}
    targets[0]["Arn"] = targets[0]["Arn"].replace(HASH, HASH[::-1])
    assert other in {f.fingerprint for f in findings(template)}


def test_two_findings_in_one_place_have_fingerprints_of_their_own() -> None:
    template = examples.bad(BY_ID["events-no-dead-letter-queue"].example)
    targets = template["Resources"]["Placed"]["Properties"]["Targets"]
    targets.append({**targets[0], "Id": "Again"})
    found = [f.fingerprint for f in findings(template) if f.rule == "events-no-dead-letter-queue"]
    assert len(found) == len(set(found)) == 2


def test_resources_whose_names_differ_by_a_hash_alone_have_fingerprints_of_their_own() -> None:
    template = examples.bad(BY_ID["sqs-no-dead-letter-queue"].example)
    resources = template["Resources"]
    for name in ("Orders", "Poll"):
        text = json.dumps(resources.pop(name)).replace('"Orders"', '"Orders?"')
        for mark in (HASH, HASH[::-1]):
            resources[f"{name}{mark}"] = json.loads(text.replace("?", mark))
    text = json.dumps(template).replace('["Orders"', f'["Orders{HASH}"')
    found = [f.fingerprint for f in findings(json.loads(text)) if f.rule == "sqs-no-dead-letter-queue"]
    assert len(found) == len(set(found)) == 2


def nested(depth: int) -> Any:
    value: Any = ["x"]
    for _ in range(depth):
        value = {"body": value}
    return value


@pytest.mark.parametrize("depth", [50, 150, 250, 500, 950])
@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize(
    ("design", "resource", "place", "wrap"),
    [
        ("fanned", "Subscription", "FilterPolicy", lambda value: value),
        ("fanned", "Subscription", "RedrivePolicy", lambda value: value),
        ("fanned", "Events", "DataProtectionPolicy", lambda value: value),
        (
            "fanned",
            "InboxPolicy",
            "PolicyDocument",
            lambda value: {"Statement": [{"Effect": "Allow", "Principal": value}]},
        ),
        ("routed", "Placed", "EventPattern", lambda value: value),
        ("routed", "PlacedAlarm", "Dimensions", lambda value: [{"Name": "RuleName", "Value": value}]),
        ("polled", "Poll", "FilterCriteria", lambda value: {"Filters": [{"Pattern": value}]}),
        ("polled", "Worker", "Environment", lambda value: {"Variables": value}),
        ("polled", "WorkerRole", "Policies", lambda value: [{"PolicyDocument": {"Statement": value}}]),
        ("invoked", "Async", "Qualifier", lambda value: value),
    ],
)
def test_however_deep_a_policy_is_it_is_told_about(
    depth: int, text: bool, design: str, resource: str, place: str, wrap: Any
) -> None:
    value = '{"body":' * depth + '["x"]' + "}" * depth if text else nested(depth)
    template = examples.design(design)
    template["Resources"][resource]["Properties"][place] = wrap(value)
    report(template)


# --- anything at all --------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from([{"Ref": "Orders"}, {"Ref": "No"}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@hypothesis.settings(max_examples=150, deadline=None)
@given(st.sampled_from(RULES), st.data())
def test_no_template_brings_a_rule_down(rule: Any, data: Any) -> None:
    template = examples.bad(rule.example)
    for _ in range(data.draw(st.integers(1, 3))):
        resource = template["Resources"][data.draw(st.sampled_from(sorted(template["Resources"])))]
        place: Any = resource.setdefault("Properties", {})
        while isinstance(place, dict) and place:
            key = data.draw(st.sampled_from(sorted(place, key=str)))
            if not isinstance(place[key], dict) or data.draw(st.booleans()):
                place[key] = copy.deepcopy(data.draw(VALUES))
                break
            place = place[key]
    report(template)


def test_topics_that_no_template_decides_are_not_the_destination_of_their_own_reader() -> None:
    template = examples.bad(BY_ID["stream-destination-is-source"].example)
    assert "stream-destination-is-source" in ids(template)
    template["Parameters"] = {"Names": {"Type": "CommaDelimitedList"}}
    template["Resources"]["Read"]["Properties"]["Topics"] = {"Ref": "Names"}
    assert "stream-destination-is-source" not in ids(template)
