"""Each format says the same: what was found where, what happens, how to repair it, and what was accepted."""

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import hypothesis
import jsonschema.validators
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.flow import read_flow
from patterns.guard import examples
from patterns.guard.reports import WRITERS
from patterns.guard.rule import Severity
from patterns.guard.rules import BY_ID, RULES
from patterns.guard.run import Report, check
from tests.guard._check import settings

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """An error, a warning, a note and an acknowledged finding, in a file of the working directory."""
    template = examples.bad(BY_ID["sqs-no-dead-letter-queue"].example)
    resources = template["Resources"]
    resources["Orders"]["Metadata"] = {
        "messaging-checks": {"acknowledge": [{"id": "sqs-backlog-unwatched", "reason": "shown | on <a> wall"}]}
    }
    del resources["OrdersOldAlarm"]
    del resources["Worker"]["Properties"]["Timeout"]
    resources["Worker"]["Properties"]["Role"] = "arn:aws:iam::111122223333:role/worker"
    path = tmp_path / "a folder" / "shop, EU.template.json"
    path.parent.mkdir()
    path.write_text(json.dumps(template, indent=1))
    monkeypatch.chdir(tmp_path)
    return check(read_flow(Path("a folder") / path.name), settings())


def written(report: Report, name: str) -> str:
    return WRITERS[name](report)


def line(logical_id: str) -> int:
    text = Path("a folder/shop, EU.template.json").read_text().splitlines()
    return next(number for number, words in enumerate(text, 1) if words.strip() == f'"{logical_id}": {{')


def test_the_fixture_has_one_of_each(report: Report) -> None:
    assert [(f.rule, f.level(Severity.HIGH)) for f in report.findings] == [
        ("sqs-no-dead-letter-queue", "error"),
        ("function-default-timeout", "warning"),
        ("poll-not-permitted", "note"),
    ]
    assert [a.finding.rule for a in report.acknowledged] == ["sqs-backlog-unwatched"]


def test_text_tells_everything_and_ends_with_the_counts(report: Report) -> None:
    text = written(report, "text")
    first = text.split("\n\n")[0].splitlines()
    assert first[:3] == [
        "error, critical: A polled queue has no dead-letter queue [sqs-no-dead-letter-queue]",
        "  shop, EU/Orders (AWS::SQS::Queue Orders, RedrivePolicy)",
        f"  a folder/shop, EU.template.json:{line('Orders')}",
    ]
    assert text.endswith("1 error, 1 warning, 1 note, 1 acknowledged")
    assert "  sqs-backlog-unwatched  shop, EU/Orders: shown | on <a> wall" in text
    assert "note, cannot be told: The consumer's role may not read its queue" in text


def test_no_findings_are_said_to_be_none() -> None:
    clean = check(read_flow({"Shop": examples.design("polled")}), settings())
    assert written(clean, "text") == "no findings"
    assert written(clean, "markdown") == "### Messages: no findings"
    assert written(clean, "github") == "no findings"


def test_markdown_shows_what_it_quotes_as_it_is(report: Report) -> None:
    text = written(report, "markdown")
    assert text.startswith("### Messages: 1 error, 1 warning, 1 note, 1 acknowledged\n")
    assert "shown \\| on \\<a\\> wall" in text
    assert text.count("<details>") == text.count("</details>") == 4
    assert "dead\\_letter\\_queue" in text


def test_markdown_stays_below_what_a_comment_may_have() -> None:
    template: dict[str, Any] = {"Resources": {}}
    for number in range(400):
        for name, resource in examples.bad(BY_ID["sqs-no-dead-letter-queue"].example)["Resources"].items():
            text = re.sub(
                r'"(Orders|Poll|Worker|WorkerRole|OrdersOldAlarm)"', rf'"\g<1>{number}"', json.dumps(resource)
            )
            template["Resources"][f"{name}{number}"] = json.loads(text)
    report = check(read_flow({"Shop": template}), settings())
    assert len(report.findings) == 400
    text = written(report, "markdown")
    assert len(text) < 65_536
    shown = text.count("<details>")
    assert f"… and {400 - shown} more." in text


def test_json_holds_every_field(report: Report) -> None:
    document = json.loads(written(report, "json"))
    assert document["version"] == 1
    assert document["counts"] == {"error": 1, "warning": 1, "note": 1, "acknowledged": 1}
    first = document["findings"][0]
    assert (first["rule"], first["level"], first["line"], first["acknowledge"]) == (
        "sqs-no-dead-letter-queue",
        "error",
        line("Orders"),
        "messaging-checks::sqs-no-dead-letter-queue",
    )
    assert document["acknowledged"][0]["reason"] == "shown | on <a> wall"
    assert document["acknowledged"][0]["finding"]["rule"] == "sqs-backlog-unwatched"


def test_junit_has_a_test_case_for_each_rule_and_fails_only_for_errors(report: Report) -> None:
    suite = ElementTree.fromstring(written(report, "junit"))[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == (str(len(RULES)), "1", "1")
    cases = {case.get("name"): case for case in suite}
    assert len(cases) == len(RULES)
    failure = cases["sqs-no-dead-letter-queue"].find("failure")
    assert failure is not None
    assert failure.get("message") == "A polled queue has no dead-letter queue: shop, EU/Orders"
    skipped = cases["sqs-backlog-unwatched"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "acknowledged: shop, EU/Orders: shown | on <a> wall"
    assert cases["function-default-timeout"].find("failure") is None
    assert cases["function-default-timeout"].find("system-out") is not None


def test_junit_is_xml_whatever_a_template_is_called() -> None:
    template = examples.bad(BY_ID["sqs-no-dead-letter-queue"].example)
    report = check(read_flow({"Shop \x00 ]]> \ud800 &": template}), settings())
    suite = ElementTree.fromstring(written(report, "junit").encode("utf-8"))
    assert "Shop \ufffd ]]> \ufffd &" in ElementTree.tostring(suite, encoding="unicode").replace("&gt;", ">").replace(
        "&amp;", "&"
    )


def test_github_gets_one_command_for_each_finding(report: Report) -> None:
    lines = written(report, "github").splitlines()
    assert len(lines) == 4
    assert lines[0].startswith(
        f"::error file=a folder/shop%2C EU.template.json,line={line('Orders')},"
        "title=A polled queue has no dead-letter queue::shop, EU/Orders: A message that Worker cannot"
    )
    assert lines[0].endswith("%0A[sqs-no-dead-letter-queue]")
    assert [words.split(" ")[0] for words in lines[1:3]] == ["::warning", "::notice"]


def test_sarif_validates_against_its_schema(report: Report) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(json.loads(written(report, "sarif")))


def test_sarif_names_file_line_rule_and_page(report: Report) -> None:
    run = json.loads(written(report, "sarif"))["runs"][0]
    result = run["results"][0]
    physical = result["locations"][0]["physicalLocation"]
    assert physical == {
        "artifactLocation": {"uri": "a%20folder/shop%2C%20EU.template.json"},
        "region": {"startLine": line("Orders")},
    }
    assert unquote(physical["artifactLocation"]["uri"]) == "a folder/shop, EU.template.json"
    assert (result["ruleId"], result["level"]) == ("sqs-no-dead-letter-queue", "error")
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert rule["id"] == "sqs-no-dead-letter-queue"
    assert rule["helpUri"] == BY_ID["sqs-no-dead-letter-queue"].url
    assert result["partialFingerprints"] == {"messagingHazard/v1": report.findings[0].fingerprint}
    assert len(run["tool"]["driver"]["rules"]) == len(RULES)


def test_sarif_suppresses_what_was_acknowledged_with_its_reason(report: Report) -> None:
    results = json.loads(written(report, "sarif"))["runs"][0]["results"]
    assert [result.get("suppressions") for result in results] == [
        None,
        None,
        None,
        [{"kind": "external", "status": "accepted", "justification": "shown | on <a> wall"}],
    ]


def test_a_file_outside_of_the_working_directory_is_a_file_uri(tmp_path: Path) -> None:
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(examples.bad(BY_ID["sqs-no-dead-letter-queue"].example)))
    report = check(read_flow(path), settings())
    uri = json.loads(written(report, "sarif"))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert uri["artifactLocation"]["uri"] == path.as_uri()


@hypothesis.settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=30), st.text(max_size=30), st.sampled_from(sorted(WRITERS)))
def test_whatever_a_template_holds_every_format_can_be_written_and_read(name: str, reason: str, format: str) -> None:
    template = examples.bad(BY_ID["sqs-no-dead-letter-queue"].example)
    resources = template["Resources"]
    accepted = [{"id": "sqs-backlog-unwatched", "reason": reason}]
    resources["Orders"]["Metadata"] = {"aws:cdk:path": name, "messaging-checks": {"acknowledge": accepted}}
    del resources["OrdersOldAlarm"]
    resources[name] = resources.pop("Worker")
    resources["Poll"]["Properties"]["FunctionName"] = {"Ref": name}
    text = written(check(read_flow({name: template}), settings()), format)
    text.encode("utf-8", "backslashreplace")
    if format in ("json", "sarif"):
        json.loads(text)
    if format == "junit":
        ElementTree.fromstring(text.encode("utf-8"))
    if format == "github":
        assert all(words.startswith("::") for words in text.split("\n")[:-1])
    if format == "text":
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), "a terminal would obey it"


def test_a_file_that_changes_gives_its_new_lines(tmp_path: Path) -> None:
    path = tmp_path / "shop.json"
    template = examples.bad(BY_ID["sqs-no-dead-letter-queue"].example)
    places = []
    for indent, time in ((1, 1), (None, 2)):
        path.write_text(json.dumps(template, indent=indent))
        os.utime(path, (time, time))
        places.append(json.loads(written(check(read_flow(path), settings()), "json"))["findings"][0]["line"])
    assert places[0] == 4
    assert places[1] != 4


def test_lines_of_yaml_are_found_too(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(
        "AWSTemplateFormatVersion: '2010-09-09'\n"
        "Parameters:\n"
        "  Inbox: {Type: String, Default: x}\n"
        "Resources:\n"
        "  # the inbox\n"
        "  Inbox:\n"
        "    Type: AWS::SQS::Queue\n"
        "    Properties:\n"
        "      MessageRetentionPeriod: 60\n"
        "Outputs:\n"
        "  Inbox: {Value: x}\n"
    )
    (finding,) = json.loads(written(check(read_flow(path), settings()), "json"))["findings"]
    assert (finding["rule"], finding["line"]) == ("sqs-retention-short", 6)
