"""Takes the leads of one department from its queue: for each the file that S3 has told of."""

from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger(service="leads")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def process(record: SQSRecord) -> None:
    """The body is what S3 has published, for delivery is raw. Keys in it are URL-encoded."""
    for upload in record.json_body["Records"]:
        key = unquote_plus(upload["s3"]["object"]["key"])
        logger.info("lead", key=key, message_id=record.message_id)


def handler(event: dict[str, Any], context: Any) -> Any:
    """What Lambda calls; the answer names the messages that failed."""
    return process_partial_response(event=event, record_handler=process, processor=processor, context=context)
