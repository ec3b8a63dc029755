"""Acknowledgements count wherever they were made, in an assembly and in a test; what accepts nothing is noted."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_sqs as sqs

from patterns.flow import read_flow
from patterns.guard import MessagingChecks, assert_no_hazards, examples
from patterns.guard.acknowledge import InAssemblies
from patterns.guard.run import Report, check
from tests._synth import new_app
from tests.guard._check import report, settings
from tests.guard.test_plugin import ID, polled


def accept(construct: Any, name: str = ID, reason: str = "replayed from the archive") -> None:
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=name, reason=reason))


def at_level(level: str) -> tuple[cdk.App, sqs.Queue]:
    """An app with one polled queue in a stage of a group, acknowledged at one level."""
    app = new_app()
    group = cdk.Stage(app, "Outer")
    stage = cdk.Stage(group, "Dev")
    queue = polled(stage)
    accept({"app": app, "outer": group, "stage": stage, "stack": cdk.Stack.of(queue), "queue": queue}[level])
    return app, queue


LEVELS = [("app", "the app"), ("outer", "Outer"), ("stage", "Outer/Dev"), ("stack", "Outer/Dev/Queues")]


@pytest.mark.parametrize(("level", "at"), [*LEVELS, ("queue", "Outer/Dev/Queues/Orders")])
def test_one_assertion_counts_what_was_acknowledged_at_any_level(level: str, at: str) -> None:
    app, queue = at_level(level)
    for subject in (app, cdk.Stack.of(queue)):
        accepted = assert_no_hazards(subject).acknowledged
        assert {(one.reason, one.at) for one in accepted} == {("replayed from the archive", at)}


def checked(folder: str | Path) -> Report:
    return check(read_flow(folder), settings(groups=("delivery",)), [InAssemblies([folder])])


@pytest.mark.parametrize("level", [level for level, _ in LEVELS])
def test_an_assembly_says_what_the_synth_let_pass(level: str) -> None:
    app, _ = at_level(level)
    cdk.Validations.of(app).add_plugins(MessagingChecks())
    result = checked(app.synth().directory)
    assert "sqs-no-dead-letter-queue" not in [finding.rule for finding in result.findings]
    assert [one.reason for one in result.acknowledged] == ["replayed from the archive"]


def test_what_another_plugin_let_pass_is_no_acknowledgement() -> None:
    app, _ = at_level("app")
    cdk.Validations.of(app).add_plugins(MessagingChecks())
    path = Path(app.synth().directory) / "validation-report.json"
    path.write_text(path.read_text().replace('"pluginName": "messaging-checks"', '"pluginName": "other"'))
    assert "sqs-no-dead-letter-queue" in [finding.rule for finding in checked(path.parent).findings]


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        '{"pluginReports": 5}',
        '{"pluginReports": [5, {"pluginName": "messaging-checks", "suppressedViolations": [7, {}]}]}',
        json.dumps(
            {
                "pluginReports": [
                    {
                        "pluginName": "messaging-checks",
                        "suppressedViolations": [
                            {"acknowledgedId": ID, "reason": 5, "violatingConstructs": [{"constructPath": "a"}]}
                        ],
                    }
                ]
            }
        ),
    ],
)
def test_a_report_that_cannot_be_read_acknowledges_nothing(content: str) -> None:
    app = new_app()
    polled(app)
    path = Path(app.synth().directory) / "validation-report.json"
    path.write_text(content)
    assert "sqs-no-dead-letter-queue" in [finding.rule for finding in checked(path.parent).findings]


# --- what accepts nothing -------------------------------------------------------------------------------


def test_an_acknowledgement_in_the_app_that_accepts_nothing_is_noted() -> None:
    app = new_app()
    queue = polled(app)
    accept(queue)
    accept(queue, "messaging-checks::sqs-retention-short")
    accept(queue, "messaging-checks::sqs-no-dlq")
    accept(queue, "messaging-checks::govern-not-encrypted")
    accept(queue, "cdk-nag::AwsSolutions-SQS3")
    notes = [note for note in assert_no_hazards(app).notes if "acknowledges" in note]
    assert notes == [
        "Queues/Orders: acknowledges 'sqs-no-dlq', which is no rule",
        "Queues/Orders: acknowledges sqs-retention-short, which finds nothing there any more",
    ]


@pytest.mark.parametrize(
    ("options", "noted"), [({}, True), ({"ignore": frozenset({"sqs-retention-short"})}, False), ({"groups": ()}, False)]
)
def test_an_acknowledgement_in_a_template_that_accepts_nothing_is_noted(options: dict[str, Any], noted: bool) -> None:
    template = examples.design("polled")
    entry = {"id": "sqs-retention-short", "reason": "a price is stale after a minute"}
    template["Resources"]["Orders"]["Metadata"] = {"messaging-checks": {"acknowledge": [entry]}}
    result = report(template, settings(**options))
    assert [note for note in result.notes if "acknowledges" in note] == [
        "Example, Resources.Orders.Metadata.messaging-checks: acknowledges sqs-retention-short, "
        "which finds nothing there any more"
    ] * noted


def test_a_template_of_the_cdk_s_assertions_is_checked() -> None:
    app = new_app()
    stack = cdk.Stack(app, "Shop")
    assert_no_hazards(assertions.Template.from_stack(stack))
    sqs.Queue(stack, "Prices", retention_period=cdk.Duration.minutes(1))
    with pytest.raises(AssertionError, match=r"^1 hazard:\n\nerror, medium: A queue keeps messages for less than"):
        assert_no_hazards(assertions.Template.from_string(json.dumps(TEMPLATE)))


TEMPLATE = {
    "Resources": {"Prices": {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 60}}},
}
