"""The code of the asynchronous samples and of the order system: what it returns, sends and refuses."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber

APPS = Path(__file__).parent.parent / "apps"
TARGET = "https://sqs.eu-west-1.amazonaws.com/111122223333/target"


def load(path: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A handler's module, as Lambda would load it."""
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "TARGET_QUEUE_URL": TARGET,
    }.items():
        monkeypatch.setenv(name, value)
    file = APPS / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def asynchronous(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("error_handling/handlers/asynchronous/asynchronous.py", monkeypatch)


def notification(message: str) -> dict[str, Any]:
    return {"Records": [{"Sns": {"MessageId": "m-1", "Message": message}}]}


def test_a_message_that_passes_is_answered_with_its_id(asynchronous: Any) -> None:
    assert asynchronous.from_topic(notification('{"pass": true}'), None) == {"message_id": "m-1"}


@pytest.mark.parametrize(
    ("message", "error"), [('{"pass": false}', ValueError), ("certainly not JSON", ValueError), ("{}", KeyError)]
)
def test_a_message_that_does_not_pass_fails_the_run(asynchronous: Any, message: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        asynchronous.from_topic(notification(message), None)


def record(message: str) -> dict[str, Any]:
    """What EventBridge hands on of an invocation."""
    return {
        "detail-type": "Lambda Function Invocation Result - Failure",
        "detail": {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": notification(message)},
    }


def test_a_consumer_logs_which_message_it_was_and_what_became_of_it(
    asynchronous: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[dict[str, Any]] = []
    monkeypatch.setattr(
        asynchronous.logger, "info", lambda message, **keys: logged.append({"message": message, **keys})
    )
    asynchronous.from_bus(record('{"pass": false}'), None)
    assert logged == [
        {
            "message": "reported",
            "message_id": "m-1",
            "condition": "RetriesExhausted",
            "result": "Lambda Function Invocation Result - Failure",
        }
    ]


def test_a_consumer_fails_when_the_message_asks_for_it(asynchronous: Any) -> None:
    with pytest.raises(ValueError, match=r"^Fail the consumer\.$"):
        asynchronous.from_bus(record('{"pass": false, "report": false}'), None)


def test_an_order_is_passed_on_processed_and_one_without_a_number_alone_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders = load("recursion/handlers/orders/orders.py", monkeypatch)
    sent = {"orderId": "111", "productName": "Bolt", "orderStatus": "Processed"}
    with Stubber(orders.sqs) as sqs:
        sqs.add_response("send_message", {"MessageId": "x"}, {"QueueUrl": TARGET, "MessageBody": json.dumps(sent)})
        answer = orders.handler(
            {
                "Records": [
                    message("good", {**sent, "orderStatus": "Submitted"}),
                    message("bad", {"productName": "Nut"}),
                ]
            },
            SimpleNamespace(),
        )
        sqs.assert_no_pending_responses()
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}


def message(id: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"messageId": id, "body": json.dumps(body), "eventSource": "aws:sqs", "attributes": {}}
