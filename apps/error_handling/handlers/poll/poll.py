"""Processes a batch from the queue, message by message: one that fails does not take the others along."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger(service="poll")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def process(record: SQSRecord) -> None:
    """``{"pass": true}`` is work well done; anything else fails, and only this message with it."""
    if not record.json_body["pass"]:
        raise ValueError("Fail the Lambda function.")
    logger.info("processed", message_id=record.message_id)


def handler(event: dict[str, Any], context: Any) -> Any:
    """What Lambda calls; the answer names the messages that failed."""
    return process_partial_response(event=event, record_handler=process, processor=processor, context=context)
