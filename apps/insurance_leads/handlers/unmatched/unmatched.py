"""Reads the audit of all notifications and keeps those that no department's filter wants."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger(service="unmatched")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
sqs = boto3.client("sqs")
KEYS = tuple(os.environ["KEY_PREFIXES"].split(","))
EVENTS = os.environ["EVENT_PREFIX"]


def process(record: SQSRecord) -> None:
    """The body is SNS's envelope, with what was published as text."""
    published = record.json_body["Message"]
    if not _wanted(published):
        sqs.send_message(QueueUrl=os.environ["UNMATCHED_QUEUE_URL"], MessageBody=published)
        logger.warning("unmatched", message_id=record.message_id)


def _wanted(published: str) -> bool:
    """As the departments' filters have it: keys are compared as S3 writes them, URL-encoded."""
    try:
        notification = json.loads(published)
        if notification.get("Event") == "s3:TestEvent":  # S3 tries the topic out when it is set up
            return True
        return any(
            upload["eventName"].startswith(EVENTS) and upload["s3"]["object"]["key"].startswith(KEYS)
            for upload in notification["Records"]
        )
    except (ValueError, AttributeError, KeyError, TypeError):
        return False  # not from S3


def handler(event: dict[str, Any], context: Any) -> Any:
    """What Lambda calls; the answer names the messages that failed."""
    return process_partial_response(event=event, record_handler=process, processor=processor, context=context)
