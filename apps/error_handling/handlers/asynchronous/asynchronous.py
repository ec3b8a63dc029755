"""What asynchronous callers invoke: one event at a time, and nobody waits for the answer."""

import json
from typing import Any

from aws_lambda_powertools import Logger

logger = Logger(service="asynchronous")


def from_topic(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """A message from SNS: ``{"pass": true}`` is work well done; anything else fails, and Lambda tries it again."""
    notification = event["Records"][0]["Sns"]
    work = json.loads(notification["Message"])
    if not work["pass"]:
        raise ValueError("Fail the Lambda function.")
    logger.info("processed", message_id=notification["MessageId"])
    return {"message_id": notification["MessageId"]}


def from_bus(event: dict[str, Any], _context: Any) -> None:
    """The record of an invocation, from EventBridge. ``"report": false`` in the message makes this fail as well."""
    record = event["detail"]
    notification = record["requestPayload"]["Records"][0]["Sns"]
    condition = record["requestContext"]["condition"]
    if not json.loads(notification["Message"]).get("report", True):
        raise ValueError("Fail the consumer.")
    logger.info("reported", message_id=notification["MessageId"], condition=condition, result=event["detail-type"])
