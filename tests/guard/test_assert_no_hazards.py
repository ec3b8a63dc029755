"""One assertion in a project's own tests: it passes, or says what is lost, why and how to repair it."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sqs as sqs

from patterns.errors import PatternError
from patterns.guard import assert_no_hazards, examples
from patterns.guard.rules import BY_ID
from tests._synth import new_app, new_stack
from tests.guard.test_plugin import ID, polled


def broken() -> dict[str, Any]:
    return examples.bad(BY_ID["sqs-no-dead-letter-queue"].example)


def test_a_template_without_hazards_passes() -> None:
    assert assert_no_hazards(examples.design("polled")).findings == ()


def test_a_hazard_fails_with_its_place_reason_and_repair() -> None:
    with pytest.raises(AssertionError) as error:
        assert_no_hazards(broken())
    lines = str(error.value).splitlines()
    assert lines[:4] == [
        "1 hazard:",
        "",
        "error, critical: A polled queue has no dead-letter queue [sqs-no-dead-letter-queue]",
        "  Template/Orders (AWS::SQS::Queue Orders, RedrivePolicy)",
    ]
    assert "  CDK: Give the queue dead_letter_queue=" in str(error.value)


def test_a_rule_can_be_left_out_and_the_line_moved() -> None:
    assert_no_hazards(broken(), ignore=["sqs-no-dead-letter-queue"])
    advice = examples.bad(BY_ID["sqs-backlog-unwatched"].example)
    assert_no_hazards(advice)
    with pytest.raises(AssertionError, match=r"^1 hazard:\n"):
        assert_no_hazards(advice, at_least="low")


def test_templates_by_stack_name_are_checked_together() -> None:
    with pytest.raises(AssertionError, match="Shop/Orders"):
        assert_no_hazards({"Shop": broken(), "Other": examples.design("polled")})


def test_a_path_is_read(tmp_path: Path) -> None:
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(broken()))
    with pytest.raises(AssertionError, match=r"shop\.json"):
        assert_no_hazards(path)


def test_a_stack_is_checked_with_the_whole_app_it_is_in() -> None:
    app = new_app()
    polled(app)
    consumers = app.node.find_child("Consumers")
    with pytest.raises(AssertionError, match="Orders"):
        assert_no_hazards(consumers)


def test_an_acknowledgement_in_the_app_counts_and_is_returned() -> None:
    app = new_app()
    queue = polled(app)
    cdk.Validations.of(queue).acknowledge(cdk.Acknowledgment(id=ID, reason="replayed from the archive"))
    cdk.CfnOutput(cdk.Stack.of(queue), "Url", value=queue.queue_url)
    report = assert_no_hazards(app)
    assert [(a.finding.rule, a.reason) for a in report.acknowledged] == [
        ("sqs-no-dead-letter-queue", "replayed from the archive")
    ]


def test_a_stack_alone_passes_when_nothing_polls_its_queue() -> None:
    stack = new_stack()
    sqs.Queue(stack, "Queue")
    assert_no_hazards(stack)


@pytest.mark.parametrize("subject", [None, 5, object()])
def test_what_is_no_template_is_refused(subject: Any) -> None:
    with pytest.raises(PatternError) as error:
        assert_no_hazards(subject)
    assert str(error.value) == (
        f"subject must be a CDK app, stage or stack, a template, or a path to one, got {type(subject).__name__}"
    )


def test_a_severity_or_rule_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PatternError, match=r"^at_least must be critical, high, medium, low, got 'x'$"):
        assert_no_hazards(broken(), at_least="x")
    with pytest.raises(PatternError, match=r"^ignore must name rules, got 'x'$"):
        assert_no_hazards(broken(), ignore=["x"])
