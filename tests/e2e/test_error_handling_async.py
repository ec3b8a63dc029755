"""What is kept of a message that a topic hands to a function: the record or the event, key by key, and why it failed.

Where each message goes is in the table, and `test_scenarios.py` asks it. Lambda's retries wait one and two seconds
here, minutes on AWS.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.fetch import log_lines
from tests.e2e.samples import Samples
from tests.e2e.scenarios import DEAD_LETTERS, DESTINATIONS, EVENT_BUS, GOOD, NOT_JSON, POISON

SAMPLES = (DESTINATIONS, DEAD_LETTERS, EVENT_BUS)


def check_record(record: Mapping[str, Any], function: str, condition: str, invocations: int) -> None:
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


def test_a_processed_message_leaves_a_record_of_success(samples: Samples) -> None:
    seen = samples.message(DESTINATIONS, "good")
    record = seen.at("Results").body
    check_record(record, samples.outputs[DESTINATIONS]["FunctionName"], "Success", 1)
    assert "functionError" not in record["responseContext"]
    assert record["responsePayload"] == {"message_id": seen.id}
    assert record["requestPayload"]["Records"][0]["Sns"]["Message"] == GOOD


@pytest.mark.parametrize(
    ("name", "body", "error"), [("poison", POISON, "ValueError"), ("not JSON", NOT_JSON, "JSONDecodeError")]
)
def test_a_message_that_fails_three_times_leaves_a_record_that_says_why(
    name: str, body: str, error: str, samples: Samples
) -> None:
    record = samples.message(DESTINATIONS, name).at("Net/OnFailure").body
    check_record(record, samples.outputs[DESTINATIONS]["FunctionName"], "RetriesExhausted", 3)
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorType"] == error
    assert record["requestPayload"]["Records"][0]["Sns"]["Message"] == body


# --- the event itself ------------------------------------------------------------------------------


def test_a_message_that_fails_three_times_is_kept_as_it_was_with_the_error_beside_it(samples: Samples) -> None:
    kept = samples.message(DEAD_LETTERS, "poison").at("Net/OnFailure")
    assert kept.body["Records"][0]["Sns"]["Message"] == POISON
    attributes = {name: value["StringValue"] for name, value in kept.message["MessageAttributes"].items()}
    assert set(attributes) == {"RequestID", "ErrorCode", "ErrorMessage"}
    assert "Fail the Lambda function." in attributes["ErrorMessage"]
    assert kept.message["MessageAttributes"]["ErrorCode"]["DataType"] == "Number"


# --- a bus with two consumers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "consumer", "result", "condition"),
    [("good", "OnSuccess", "Success", "Success"), ("poison", "OnFailure", "Failure", "RetriesExhausted")],
)
def test_a_consumer_reads_what_came_of_a_message(
    name: str, consumer: str, result: str, condition: str, samples: Samples, emulator: Emulator
) -> None:
    lines = log_lines(emulator.client("logs"), samples.outputs[EVENT_BUS][f"{consumer}Name"])
    message = samples.message(EVENT_BUS, name).id
    [record] = [json.loads(line) for line in lines if message in line and line.startswith("{")]
    assert (record["message"], record["condition"]) == ("reported", condition)
    assert record["result"] == f"Lambda Function Invocation Result - {result}"


def test_a_consumer_that_fails_keeps_the_event_in_its_own_net(samples: Samples) -> None:
    record = samples.message(EVENT_BUS, "poison, cannot be reported").at("Failures/Net/OnFailure").body
    check_record(record, samples.outputs[EVENT_BUS]["OnFailureName"], "RetriesExhausted", 3)
    assert record["responsePayload"]["errorMessage"] == "Fail the consumer."
    event = record["requestPayload"]
    assert event["detail-type"] == "Lambda Function Invocation Result - Failure"
    check_record(event["detail"], event["detail"]["requestContext"]["functionArn"].split(":")[6], "RetriesExhausted", 3)


# --- what cannot be delivered ----------------------------------------------------------------------


@pytest.mark.parametrize("stack", [DESTINATIONS, DEAD_LETTERS])
def test_a_message_for_a_function_that_is_gone_is_kept_as_it_was_published(stack: str, samples: Samples) -> None:
    notification = samples.message(stack, "function gone").at("Source/Undelivered").body
    assert notification["Message"] == GOOD
    assert notification["TopicArn"] == samples.outputs[stack]["TopicArn"]
