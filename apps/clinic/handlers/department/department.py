"""Files what a department gets, every record of a batch; a record that fails is tried again, and only that one."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger(service="department")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
s3 = boto3.client("s3")


def file(record: SQSRecord) -> None:
    """The body is SNS's envelope; its message goes into the department's own bucket. Its text is never logged."""
    envelope = json.loads(record.body)
    s3.put_object(Bucket=os.environ["FILES"], Key=envelope["MessageId"], Body=envelope["Message"].encode())
    logger.info("filed", message_id=envelope["MessageId"])


def handler(event: dict[str, Any], context: Any) -> Any:
    """What Lambda calls; the answer names the messages that failed."""
    return process_partial_response(event=event, record_handler=file, processor=processor, context=context)
