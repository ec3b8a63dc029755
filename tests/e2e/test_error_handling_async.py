"""What a topic hands to a function is processed, or kept with the reason, for whoever published it.

Real messages through the three deployed stacks. Lambda's retries wait one and two seconds here, minutes on AWS.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.asynchronous import Inbox, eventually, logged, publish, synthesize
from tests.e2e.emulator import Emulator
from tests.e2e.scenarios import (
    DEAD_LETTERS,
    DESTINATIONS,
    EVENT_BUS,
    GOOD,
    NOT_JSON,
    POISON,
    Ending,
    ending,
)

Outputs = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def outputs(emulator: Emulator) -> Outputs:
    assembly = synthesize(emulator.folder / "asynchronous")
    return emulator.deploy(assembly, [DESTINATIONS, DEAD_LETTERS, EVENT_BUS])


@dataclass
class Sent:
    """Message ids of what was published to one stack, all at once so that their retries overlap."""

    good: str
    poison: str
    no_json: str


@pytest.fixture(scope="module")
def sent(emulator: Emulator, outputs: Outputs) -> dict[str, Sent]:
    return {
        stack: Sent(
            publish(emulator, outputs[stack]["TopicArn"], GOOD),
            publish(emulator, outputs[stack]["TopicArn"], POISON),
            publish(emulator, outputs[stack]["TopicArn"], NOT_JSON),
        )
        for stack in outputs
    }


@pytest.fixture(scope="module")
def failures(emulator: Emulator, outputs: Outputs) -> dict[str, Inbox]:
    return {stack: Inbox(emulator, outputs[stack]["FailuresUrl"]) for stack in (DESTINATIONS, DEAD_LETTERS)}


def check_record(record: Mapping[str, Any], function: str, condition: str, invocations: int | None) -> None:
    """An invocation record, key by key, as AWS documents it.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    assert set(record) == {
        "version",
        "timestamp",
        "requestContext",
        "requestPayload",
        "responseContext",
        "responsePayload",
    }
    assert record["version"] == "1.0"
    assert datetime.fromisoformat(record["timestamp"].replace("Z", "+00:00")).tzinfo
    context = record["requestContext"]
    assert set(context) == {"requestId", "functionArn", "condition", "approximateInvokeCount"}
    assert context["functionArn"].endswith(f":function:{function}:$LATEST")
    assert (context["condition"], context["approximateInvokeCount"]) == (condition, invocations)
    response = record["responseContext"]
    assert (response["statusCode"], response["executedVersion"]) == (200, "$LATEST")


# --- a record of every message ---------------------------------------------------------------------


def test_a_processed_message_leaves_a_record_of_success(
    emulator: Emulator, outputs: Outputs, sent: dict[str, Sent]
) -> None:
    its = outputs[DESTINATIONS]
    message = Inbox(emulator, its["ResultsUrl"]).wait(sent[DESTINATIONS].good)
    record = json.loads(message["Body"])
    check_record(record, its["FunctionName"], "Success", 1)
    assert "functionError" not in record["responseContext"]
    assert record["responsePayload"] == {"message_id": sent[DESTINATIONS].good}
    assert record["requestPayload"]["Records"][0]["Sns"]["Message"] == GOOD


@pytest.mark.parametrize(
    ("which", "scenario"),
    [("poison", ending(DESTINATIONS, "poison")), ("no_json", ending(DESTINATIONS, "not JSON"))],
    ids=["poison", "not JSON"],
)
def test_a_message_that_fails_three_times_leaves_a_record_that_says_why(
    outputs: Outputs, sent: dict[str, Sent], failures: dict[str, Inbox], which: str, scenario: Ending
) -> None:
    kept = failures[DESTINATIONS].wait(getattr(sent[DESTINATIONS], which))
    record = json.loads(kept["Body"])
    check_record(record, outputs[DESTINATIONS]["FunctionName"], "RetriesExhausted", scenario.attempts)
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorType"] == scenario.error
    assert record["requestPayload"]["Records"][0]["Sns"]["Message"] == scenario.body


# --- the event itself ------------------------------------------------------------------------------


def test_a_processed_message_leaves_nothing_behind(emulator: Emulator, outputs: Outputs, sent: dict[str, Sent]) -> None:
    logged(emulator, outputs[DEAD_LETTERS]["FunctionName"], "processed", sent[DEAD_LETTERS].good)


def test_a_message_that_fails_three_times_is_kept_as_it_was_with_the_error_beside_it(
    sent: dict[str, Sent], failures: dict[str, Inbox]
) -> None:
    kept = failures[DEAD_LETTERS].wait(sent[DEAD_LETTERS].poison)
    event = json.loads(kept["Body"])
    assert event["Records"][0]["Sns"]["Message"] == POISON
    attributes = {name: value["StringValue"] for name, value in kept["MessageAttributes"].items()}
    assert set(attributes) == {"RequestID", "ErrorCode", "ErrorMessage"}
    assert "Fail the Lambda function." in attributes["ErrorMessage"]
    assert kept["MessageAttributes"]["ErrorCode"]["DataType"] == "Number"


# --- a bus with two consumers ----------------------------------------------------------------------


def test_a_processed_message_reaches_the_consumer_of_successes(
    emulator: Emulator, outputs: Outputs, sent: dict[str, Sent]
) -> None:
    record = logged(emulator, outputs[EVENT_BUS]["OnSuccessName"], "reported", sent[EVENT_BUS].good)
    assert record["result"] == "Lambda Function Invocation Result - Success"
    assert record["condition"] == "Success"


def test_a_message_that_fails_reaches_the_consumer_of_failures(
    emulator: Emulator, outputs: Outputs, sent: dict[str, Sent]
) -> None:
    record = logged(emulator, outputs[EVENT_BUS]["OnFailureName"], "reported", sent[EVENT_BUS].poison)
    assert record["result"] == "Lambda Function Invocation Result - Failure"
    assert record["condition"] == "RetriesExhausted"


def test_a_consumer_that_fails_keeps_the_event_in_its_own_net(emulator: Emulator, outputs: Outputs) -> None:
    its = outputs[EVENT_BUS]
    scenario = ending(EVENT_BUS, "poison that cannot be reported")
    message = publish(emulator, its["TopicArn"], scenario.body)
    kept = Inbox(emulator, its["OnFailureFailuresUrl"]).wait(message)
    record = json.loads(kept["Body"])
    check_record(record, its["OnFailureName"], "RetriesExhausted", scenario.attempts)
    assert record["responsePayload"]["errorMessage"] == "Fail the consumer."
    event = record["requestPayload"]
    assert event["detail-type"] == "Lambda Function Invocation Result - Failure"
    check_record(event["detail"], event["detail"]["requestContext"]["functionArn"].split(":")[6], "RetriesExhausted", 3)


# --- what cannot be delivered ----------------------------------------------------------------------


@pytest.mark.parametrize("stack", [DESTINATIONS, DEAD_LETTERS])
def test_a_message_for_a_function_that_is_gone_is_kept_undelivered(
    emulator: Emulator, outputs: Outputs, failures: dict[str, Inbox], sent: dict[str, Sent], stack: str
) -> None:
    failures[stack].wait(sent[stack].poison)  # the last message that still needs the function
    function = outputs[stack]["FunctionName"]
    emulator.client("lambda").delete_function(FunctionName=function)
    eventually(lambda: _gone(emulator, function), f"the end of {function}")
    message = publish(emulator, outputs[stack]["TopicArn"], GOOD)
    kept = Inbox(emulator, outputs[stack]["UndeliveredUrl"]).wait(message)
    notification = json.loads(kept["Body"])
    assert notification["Message"] == GOOD
    assert notification["TopicArn"] == outputs[stack]["TopicArn"]


def _gone(emulator: Emulator, function: str) -> bool | None:
    client = emulator.client("lambda")
    try:
        client.get_function(FunctionName=function)
    except client.exceptions.ResourceNotFoundException:
        return True
    return None
