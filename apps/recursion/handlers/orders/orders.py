"""Takes an order from the source queue and passes it on, processed, to the target queue."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger(service="orders")
sqs = boto3.client("sqs")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def process(record: SQSRecord) -> None:
    """An order without a number fails; every other one is passed on."""
    order = record.json_body
    order_id = order["orderId"]
    # The SDK carries the lineage of this invocation along, by which Lambda counts the rounds.
    sqs.send_message(
        QueueUrl=os.environ["TARGET_QUEUE_URL"], MessageBody=json.dumps({**order, "orderStatus": "Processed"})
    )
    logger.info("processed", message_id=record.message_id, order_id=order_id)


def handler(event: dict[str, Any], context: Any) -> Any:
    """What Lambda calls; the answer names the messages that failed."""
    return process_partial_response(event=event, record_handler=process, processor=processor, context=context)
