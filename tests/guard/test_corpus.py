"""Templates that nobody wrote for these rules: every finding of ten of them was checked by hand.

The templates lie beside the repository and are not copied; without them there is nothing to read.
"""

from pathlib import Path

import pytest

from tools.corpus import PAGE, findings, rendered, templates

FOLDER = Path(__file__).parents[3] / "shared" / "corpus"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder of published templates is not here")

REVIEWED: dict[str, list[tuple[str, str]]] = {
    # a queue with nothing around it; the function's timeout is given
    "sqs-lambda__template.yaml": [
        ("poll-no-batch-item-failures", "QueueConsumerFunctionMySQSEvent"),
        ("sqs-backlog-unwatched", "MySqsQueue"),
        ("sqs-no-dead-letter-queue", "MySqsQueue"),
    ],
    # 3 receives, 30 minutes, and the function's own dead-letter queue is the queue's too
    "sqs-lambda-nodejs-sam__template.yaml": [
        ("dead-letter-queue-deleted-with-stack", "ProcessingDLQ"),
        ("dead-letter-queue-mixed-sources", "ProcessingDLQ"),
        ("dead-letter-queue-retention-short", "ProcessingDLQ"),
        ("dead-letter-queue-unwatched", "ProcessingDLQ"),
        ("sqs-backlog-unwatched", "ProcessingQueue"),
        ("sqs-max-receive-count-low", "ProcessingQueue"),
        ("sqs-retention-short", "ProcessingQueue"),
    ],
    # both queues keep messages for the default 4 days
    "s3-sqs-eventbridge-pipe-sfn-s3__template.yaml": [
        ("dead-letter-queue-deleted-with-stack", "NotificationQueueDLQ"),
        ("dead-letter-queue-unwatched", "NotificationQueueDLQ"),
        ("sqs-backlog-unwatched", "NotificationQueue"),
        ("sqs-dead-letter-queue-expires", "NotificationQueueDLQ"),
    ],
    # the function behind OnSuccess is invoked asynchronously itself, and keeps nothing
    "lambda-destinations-sam__template.yaml": [
        ("async-no-failure-destination", "OnSuccessLambdaFunction"),
        ("dead-letter-queue-deleted-with-stack", "OnFailureSqsQueue"),
        ("dead-letter-queue-retention-short", "OnFailureSqsQueue"),
        ("dead-letter-queue-unwatched", "OnFailureSqsQueue"),
    ],
    # the FIFO target has a group and deduplication; the polled queue keeps nothing
    "eventbridge-pipes-dynamic-message-group-id__template.yaml": [
        ("events-no-dead-letter-queue", "CustomEventRule"),
        ("sqs-backlog-unwatched", "InputFifoQueue"),
        ("sqs-no-dead-letter-queue", "InputFifoQueue"),
    ],
    # an inline subscription cannot have a dead-letter queue; 30 s visibility, 25 s timeout
    "lambda-sns-sqs-lambda-sam-java__template.yml": [
        ("govern-not-encrypted", "OrderSNSTopic"),
        ("govern-wildcard-grant", "OrderProducerRole"),
        ("poll-no-batch-item-failures", "OrderConsumerMySQSEvent"),
        ("poll-visibility-short", "OrdersSqsQueue"),
        ("sns-failures-unwatched", "OrderSNSTopic"),
        ("sns-no-dead-letter-queue", "OrderSNSTopic"),
        ("sqs-backlog-unwatched", "OrdersSqsQueue"),
        ("sqs-no-dead-letter-queue", "OrdersSqsQueue"),
    ],
    # one target has no dead-letter queue, the other's has no queue policy
    "eventbridge-to-appsync-sam__template.yaml": [
        ("dead-letter-queue-deleted-with-stack", "TargetDLQ"),
        ("dead-letter-queue-retention-short", "TargetDLQ"),
        ("dead-letter-queue-unwatched", "TargetDLQ"),
        ("events-dead-letter-queue-denied", "MyEventRule"),
        ("events-dead-letter-queue-unwatched", "MyEventRule"),
        ("events-no-dead-letter-queue", "MyEventRule"),
        ("govern-log-retention", "MyCloudWatchLogGroup"),
    ],
    # the dead-letter queue has no queue policy; the pipe retries until a record expires
    "apigw-cache-invalidation-eventbridge__template.yaml": [
        ("dead-letter-queue-deleted-with-stack", "CacheInvalidationTargetDeadLetterQueue"),
        ("dead-letter-queue-retention-short", "CacheInvalidationTargetDeadLetterQueue"),
        ("dead-letter-queue-unwatched", "CacheInvalidationTargetDeadLetterQueue"),
        ("events-dead-letter-queue-denied", "CacheInvalidationRule"),
        ("events-dead-letter-queue-unwatched", "CacheInvalidationRule"),
        ("stream-poison-record-blocks", "PetModifyPipe"),
        ("stream-starts-at-latest", "PetModifyPipe"),
    ],
    # the mapping stands outside of the template: nothing to say about its queue
    "sqs-lambda-dynamodb-sam-java__template.yml": [],
    # the topic lets the bucket in, and has no subscription yet
    "s3-sns__template.yaml": [
        ("govern-not-encrypted", "SNSTopic"),
    ],
}


@pytest.mark.parametrize("name", REVIEWED)
def test_a_reviewed_template_has_exactly_these_findings(name: str) -> None:
    assert sorted((f.rule, f.logical_id) for f in findings(FOLDER / name)) == REVIEWED[name]


def test_every_template_is_read_and_told_about_in_whole_sentences() -> None:
    paths = templates(FOLDER)
    assert len(paths) == 60
    for path in paths:
        for finding in findings(path):
            assert finding.why.endswith("."), finding
            assert not any(word in finding.why for word in ("None", "Ref(", "Unknown(", "⟨", "◌")), finding


def test_the_page_says_so() -> None:
    assert PAGE.read_text("utf-8") == rendered(FOLDER)
