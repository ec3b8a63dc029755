"""In a CDK app: errors stop the synth, warnings do not, and what is acknowledged with a reason is listed.

The apps here use none of this project's constructs.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs

from patterns.errors import PatternError
from patterns.guard import RULES, MessagingChecks
from tests._synth import new_app, new_function

ROOT = Path(__file__).parents[2]
ID = "messaging-checks::sqs-no-dead-letter-queue"


def polled(app: cdk.App | cdk.Stage, *, dead_letters: bool = False, **options: Any) -> sqs.Queue:
    """A queue in one stack, polled from another."""
    stack = cdk.Stack(app, "Queues")
    kept = sqs.Queue(stack, "Dead", retention_period=cdk.Duration.days(14)) if dead_letters else None
    queue = sqs.Queue(
        stack,
        "Orders",
        visibility_timeout=cdk.Duration.minutes(3),
        dead_letter_queue=sqs.DeadLetterQueue(queue=kept, max_receive_count=5) if kept else None,
    )
    function = new_function(cdk.Stack(app, "Consumers"), "Worker")
    function.add_event_source(event_sources.SqsEventSource(queue, report_batch_item_failures=True, **options))
    return queue


def plugin_report(app: cdk.App) -> dict[str, Any]:
    """What the CDK wrote about this plugin into its validation report."""
    directory = Path(app.synth().directory)
    path = directory / "validation-report.json"
    reports = json.loads(path.read_text())["pluginReports"] if path.exists() else []
    return next((one for one in reports if one["pluginName"] == "messaging-checks"), {"violations": []})


def with_checks(**options: Any) -> cdk.App:
    app = new_app()
    cdk.Validations.of(app).add_plugins(MessagingChecks(**options))
    return app


def failure(app: cdk.App) -> str:
    """The words with which the synth stops."""
    with pytest.raises(RuntimeError) as error:
        app.synth()
    return re.sub(r"\x1b\[[0-9;]*m", "", str(error.value))


def test_an_error_across_stacks_stops_the_synth_with_path_repair_and_acknowledge_id() -> None:
    app = with_checks()
    polled(app)
    words = failure(app)
    assert "A polled queue has no dead-letter queue. A message that " in words
    assert "Queues/Orders/Resource (Orders" in words
    assert "Give the queue dead_letter_queue=sqs.DeadLetterQueue(queue=…, max_receive_count=5)" in words
    assert "Set RedrivePolicy with the deadLetterTargetArn of another queue" in words
    assert f"Acknowledge with '{ID}'" in words


def test_an_acknowledged_error_does_not_stop_it_and_is_reported_with_its_reason() -> None:
    app = with_checks()
    queue = polled(app)
    cdk.Validations.of(queue).acknowledge(cdk.Acknowledgment(id=ID, reason="replayed from the archive"))
    found = plugin_report(app)
    assert found["conclusion"] == "success"
    (suppressed,) = found["suppressedViolations"]
    assert (suppressed["ruleName"], suppressed["reason"], suppressed["acknowledgedAt"]) == (
        "sqs-no-dead-letter-queue",
        "replayed from the archive",
        "Queues/Orders",
    )


def test_an_acknowledgement_of_another_queue_does_not_count() -> None:
    app = with_checks()
    polled(app)
    other = sqs.Queue(cdk.Stack(app, "Other"), "Orders")
    cdk.Validations.of(other).acknowledge(cdk.Acknowledgment(id=ID, reason="not this one"))
    assert "A polled queue has no dead-letter queue" in failure(app)


def test_warnings_are_reported_and_do_not_stop_the_synth() -> None:
    app = with_checks(severities={"sqs-no-dead-letter-queue": "medium"})
    polled(app)
    found = plugin_report(app)
    assert [(v["ruleName"], v["severity"]) for v in found["violations"]] == [("sqs-no-dead-letter-queue", "warning")]
    assert found["conclusion"] == "success"


def test_fail_on_moves_the_line() -> None:
    app = with_checks(fail_on="never")
    polled(app)
    assert [v["severity"] for v in plugin_report(app)["violations"]] == ["warning"]
    strict = with_checks(fail_on="low")
    polled(strict, dead_letters=True)
    assert "Nobody is told when a queue is not worked off" in failure(strict)


@pytest.mark.parametrize("ignore", [["sqs-no-dead-letter-queue"], "sqs-no-dead-letter-queue"])
def test_an_ignored_rule_is_not_asked(ignore: Any) -> None:
    app = with_checks(ignore=ignore)
    polled(app)
    assert plugin_report(app)["violations"] == []


def test_what_could_not_be_read_is_counted() -> None:
    app = with_checks(severities={"sqs-no-dead-letter-queue": "low"}, notes=True)
    polled(app)
    assert plugin_report(app)["metadata"]["could not be read or resolved"] == "0"
    open_ = with_checks(severities={"sqs-no-dead-letter-queue": "low"}, notes=True)
    queue = polled(open_)
    cdk.CfnParameter(cdk.Stack.of(queue), "Seconds", type="Number")
    cdk.CfnResource(queue, "Odd", type="AWS::SNS::Subscription", properties={"TopicArn": cdk.Fn.import_value("x")})
    assert int(plugin_report(open_)["metadata"]["could not be read or resolved"]) > 0


def test_advice_is_counted_and_printed_only_when_asked_for() -> None:
    quiet = with_checks(ignore=["dead-letter-queue-unwatched"])
    polled(quiet, dead_letters=True)
    assert plugin_report(quiet)["violations"] == []
    app = with_checks(ignore=["dead-letter-queue-unwatched"], notes=True)
    polled(app, dead_letters=True)
    found = plugin_report(app)
    assert {v["severity"] for v in found["violations"]} == {"info"}
    assert {v["ruleName"] for v in found["violations"]} == {
        "dead-letter-queue-deleted-with-stack",
        "sqs-backlog-unwatched",
    }


def test_governance_is_asked_when_it_is_named() -> None:
    app = with_checks(groups=["governance"])
    lambda_.Function(
        cdk.Stack(app, "Stack"),
        "Old",
        runtime=lambda_.Runtime.NODEJS_14_X,
        handler="index.handler",
        code=lambda_.Code.from_inline("//"),
    )
    assert "A function's runtime is at or near its end" in failure(app)


def test_stages_and_nested_stacks_are_checked() -> None:
    app = with_checks()
    stage = cdk.Stage(app, "Production")
    nested = cdk.NestedStack(cdk.Stack(stage, "Shop"), "Orders")
    queue = sqs.Queue(nested, "Queue", visibility_timeout=cdk.Duration.minutes(3))
    new_function(nested).add_event_source(event_sources.SqsEventSource(queue, report_batch_item_failures=True))
    assert "Production/Shop/Orders/Queue/Resource (" in failure(app)


def test_a_plugin_of_one_stage_says_nothing_about_another() -> None:
    app = new_app()
    checked, other = cdk.Stage(app, "Checked"), cdk.Stage(app, "Other")
    cdk.Validations.of(checked).add_plugins(MessagingChecks())
    polled(other)
    polled(checked, dead_letters=True)
    words = failure(app)
    assert "Nobody is told when a message reaches a dead-letter queue" in words
    assert "Other/" not in words


def test_a_clean_app_says_nothing() -> None:
    app = with_checks(notes=True)
    sqs.Queue(cdk.Stack(app, "Stack"), "Queue")
    assert plugin_report(app) == {"violations": []}


def test_the_plugin_names_the_rules_it_asks() -> None:
    delivery = [rule.id for rule in RULES if rule.group == "delivery"]
    assert MessagingChecks().rule_ids == delivery
    assert MessagingChecks(groups=["delivery", "governance"]).rule_ids == [rule.id for rule in RULES]
    assert MessagingChecks(ignore=[delivery[0]]).rule_ids == delivery[1:]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MessagingChecks(ignore=["x"]), "ignore must name rules, got 'x'"),
        (lambda: MessagingChecks(groups=["x"]), "groups must be of delivery and governance, got 'x'"),
        (
            lambda: MessagingChecks(groups=[]),
            "groups must be of delivery and governance, got none: no rule would be asked",
        ),
        (lambda: MessagingChecks(fail_on="x"), "fail-on must be critical, high, medium, low, never, got 'x'"),
        (lambda: MessagingChecks(severities={"x": "low"}), "severity must name rules, got 'x'"),
    ],
)
def test_settings_that_name_what_does_not_exist_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(PatternError) as error:
        make()
    assert str(error.value) == message


def test_the_guard_is_imported_without_the_cdk() -> None:
    code = "import sys, patterns.guard; print(sorted(set(sys.modules) & {'aws_cdk', 'constructs', 'jsii', 'yaml'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
    with pytest.raises(AttributeError, match=r"^module 'patterns\.guard' has no attribute 'Nothing'$"):
        getattr(__import__("patterns.guard").guard, "Nothing")  # noqa: B009 - a name that is not there


APP = """
import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from patterns.guard import MessagingChecks
from tests.guard.test_plugin import polled

app = cdk.App()
cdk.Validations.of(app).add_plugins(MessagingChecks())
queue = polled(app)
if app.node.try_get_context("accept"):
    accepted = cdk.Acknowledgment(id="messaging-checks::sqs-no-dead-letter-queue", reason="x")
    cdk.Validations.of(queue).acknowledge(accepted)
app.synth()
"""


@pytest.mark.parametrize(("accept", "code"), [(False, 1), (True, 0)])
def test_cdk_synth_fails_for_an_error_and_passes_once_it_is_accepted(tmp_path: Path, accept: bool, code: int) -> None:
    (tmp_path / "app.py").write_text(APP)
    node = Path(shutil.which("node") or sys.executable).parent
    done = subprocess.run(
        [
            ROOT / "node_modules/.bin/cdk",
            "synth",
            "--quiet",
            "--no-notices",
            "--app",
            f"{sys.executable} {tmp_path / 'app.py'}",
            "--output",
            tmp_path / "cdk.out",
            *(("--context", "accept=true") if accept else ()),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{node}{os.pathsep}{os.environ['PATH']}"},
    )
    assert done.returncode == code, done.stderr
    assert (f"Acknowledge with '{ID}'" in done.stderr) is not accept
    assert ("Queues/Orders/Resource (" in done.stderr) is not accept
