"""The hazard catalogue: every known way to lose or double a message here, and the rules that find it."""

from typing import NamedTuple


class Hazard(NamedTuple):
    """One row: what goes wrong, the ids of the rules that find it, and why none does or what they leave out."""

    what: str
    rules: tuple[str, ...]
    why_not: str = ""


def _row(what: str, *rules: str, why_not: str = "") -> Hazard:
    return Hazard(what, rules, why_not)


HAZARDS: tuple[Hazard, ...] = (
    # queues
    _row("a polled queue without a redrive policy", "sqs-no-dead-letter-queue"),
    _row("a dead-letter queue that no alarm watches", "dead-letter-queue-unwatched"),
    _row("an alarm on NumberOfMessagesSent of a queue that SQS itself fills", "dead-letter-queue-alarm-never-fires"),
    _row("a standard dead-letter queue that keeps messages no longer than its source", "sqs-dead-letter-queue-expires"),
    _row(
        "the same with FIFO queues",
        "dead-letter-queue-retention-short",
        why_not="no error: FIFO restarts the clock when a message is moved",
    ),
    _row("a dead-letter queue that keeps messages for less than 14 days", "dead-letter-queue-retention-short"),
    _row(
        "a source queue that deletes messages before they can be moved",
        "sqs-expires-before-dead-letter-queue",
        "sqs-retention-short",
    ),
    _row("a visibility timeout below the function's timeout", "poll-visibility-below-timeout"),
    _row("a visibility timeout below six times the function's timeout", "poll-visibility-short"),
    _row("a maxReceiveCount of 1, or below 5, in front of a function", "sqs-max-receive-count-low"),
    _row("a maxReceiveCount outside 1 to 1000", "sqs-max-receive-count-range"),
    _row("a FIFO queue with a standard dead-letter queue, or the reverse", "sqs-redrive-type-mismatch"),
    _row("a queue that is its own dead-letter queue, or a cycle of them", "sqs-redrive-cycle"),
    _row("a dead-letter queue with a dead-letter queue", "dead-letter-queue-of-dead-letter-queue"),
    _row("a dead-letter queue polled by the function of its source", "dead-letter-queue-same-function"),
    _row("a RedriveAllowPolicy that keeps the source out", "sqs-redrive-not-allowed"),
    _row("a dead-letter queue in another Region or account", "dead-letter-queue-elsewhere"),
    _row("a redrive policy that cannot be read or has misspelt keys", "sqs-redrive-unreadable"),
    _row("a source and its dead-letter queue under different keys", "dead-letter-queue-other-key"),
    _row("one dead-letter queue for sources of different kinds", "dead-letter-queue-mixed-sources"),
    _row(
        "content-based deduplication where equal bodies are meant",
        why_not="whether equal bodies are meant stands in no template",
    ),
    _row("a consumer that is not idempotent", why_not="the code decides it, and the code is not in the template"),
    # event source mappings of queues
    _row("a batch without ReportBatchItemFailures", "poll-no-batch-item-failures"),
    _row(
        "ReportBatchItemFailures with code that never reports",
        "poll-never-reports-failures",
        why_not="only where the code stands in the template",
    ),
    _row("a filter on a queue's mapping, which deletes what does not match", "poll-filter-deletes"),
    _row("a filter on fields that the SNS envelope hides", "poll-filter-on-envelope"),
    _row("a filter on something else than the body", "poll-filter-invalid"),
    _row("a JSON filter for messages that are plain text", why_not="what producers send stands in no template"),
    _row("more maximum concurrency than reserved concurrency", "poll-concurrency-above-reserved"),
    _row("reserved concurrency without maximum concurrency", "poll-no-maximum-concurrency"),
    _row("reserved concurrency below 5 without maximum concurrency", "poll-no-maximum-concurrency"),
    _row("a reserved concurrency of 0", "sqs-reserved-concurrency-zero"),
    _row("maximum concurrency together with provisioned pollers", "poll-maximum-and-provisioned"),
    _row("fewer than 2 provisioned pollers, or at most fewer than at least", "poll-provisioned-range"),
    _row("a batch above 10 without a window; FIFO with a window or above 10", "poll-batch-not-allowed"),
    _row(
        "batches that take longer than the timeout",
        "function-default-timeout",
        why_not="how long a message takes stands in no template; the default timeout is found",
    ),
    _row("a disabled mapping behind live producers", "poll-disabled"),
    _row("options for streams on the mapping of a queue", "poll-option-for-streams-only"),
    _row("an asynchronous safety net on a function that is only polled", "poll-net-for-asynchronous-only"),
    _row("a role that may not read or delete", "poll-not-permitted", "poll-not-permitted-to-delete"),
    _row("two consumers that take each other's messages", "poll-competing-consumers"),
    _row("polling for $LATEST beside an alias", "poll-unqualified-function"),
    # asynchronous invocation
    _row("an asynchronously invoked function without a failure destination", "async-no-failure-destination"),
    _row("no retries and no failure destination", "async-no-retries-no-destination"),
    _row("a short event age with reserved concurrency", "async-event-age-short"),
    _row("a configuration for another qualifier than the one invoked", "async-config-other-qualifier"),
    _row("a FIFO failure destination", "async-destination-fifo"),
    _row("a role that may not write to the failure destination", "async-destination-denied"),
    _row("a topic as failure destination of large events", "async-destination-topic-limit"),
    _row("a failure bucket that may become somebody else's", "async-destination-foreign-bucket"),
    _row("a destination that leads back to the function", "async-destination-loop"),
    _row("no alarm on the failures of the safety net itself", "async-destination-unwatched"),
    _row("a failure destination and a function dead-letter queue with one target", "async-two-nets-one-queue"),
    # topics
    _row("a subscription without a dead-letter queue", "sns-no-dead-letter-queue"),
    _row("a subscribed queue whose policy does not let the topic in", "sns-queue-denied"),
    _row("a subscribed function without a permission", "sns-function-denied"),
    _row("a subscription's dead-letter queue whose policy does not let SNS in", "sns-dead-letter-queue-denied"),
    _row("a queue behind SNS under alias/aws/sqs or a key that SNS may not use", "sns-key-denied"),
    _row("a FIFO topic with a standard dead-letter queue, or the reverse", "sns-dead-letter-queue-type"),
    _row("a dead-letter queue set on a topic", "sns-redrive-on-topic"),
    _row("a nested filter policy for message attributes", "sns-nested-filter-in-attributes"),
    _row("an attribute filter on messages of an AWS service", "sns-filter-needs-attributes"),
    _row("exists: false on message attributes", "sns-filter-exists-false"),
    _row(
        "a filter policy or redrive policy that SNS refuses",
        "sns-filter-invalid",
        "sns-filter-matches-nothing",
        "sns-redrive-unreadable",
    ),
    _row("a topic whose every subscription is filtered, with a gap between the filters", "sns-no-catch-all"),
    _row("an endpoint subscribed twice to one topic", "sns-subscribed-twice"),
    _row("a filter change that takes 15 minutes", why_not="it is a change, not a template"),
    _row(
        "raw delivery that the consumer does not expect",
        "poll-filter-on-envelope",
        why_not="the code decides it; a filter that gives it away is found",
    ),
    _row("raw delivery of more than 10 attributes", why_not="what publishers send stands in no template"),
    _row("a topic for large messages with subscriptions that cannot take them", "sns-large-topic"),
    _row("messages above a topic's maximum size", why_not="what publishers send stands in no template"),
    _row("a bucket that its topic, queue or function does not let in", "s3-notification-denied"),
    _row("a bucket that notifies a FIFO target or one under an AWS managed key", "s3-notification-impossible"),
    _row("a FIFO topic with anything but queues; a standard topic with a FIFO queue", "sns-fifo-endpoint"),
    _row(
        "an HTTP endpoint without retries",
        "sns-no-http-retries",
        why_not="whether maxReceivesPerSecond is too low depends on the load",
    ),
    _row("failed deliveries that nobody sees", "sns-failures-unwatched"),
    _row("a data protection policy that SNS refuses", "sns-protection-invalid"),
    _row("denied deliveries that nobody sees", "sns-protection-silent-deny"),
    _row("a publisher that ignores a denied publish", why_not="the code decides it"),
    _row("data protection in a new account", "sns-protection-closed"),
    # event buses, schedules, pipes
    _row("a rule's target without a dead-letter queue", "events-no-dead-letter-queue"),
    _row("a target's dead-letter queue that does not let EventBridge in", "events-dead-letter-queue-denied"),
    _row("a FIFO dead-letter queue of a target", "events-dead-letter-queue-fifo", "dead-letter-queue-elsewhere"),
    _row("a target that does not let its sender in", "events-target-denied"),
    _row("few retries without a dead-letter queue", "events-gives-up-soon"),
    _row("a FIFO target without a message group or deduplication", "events-fifo-target"),
    _row(
        "a disabled rule, or a pattern that matches nothing",
        "events-rule-disabled",
        "events-pattern-invalid",
        "events-pattern-matches-nothing",
        why_not="which events come stands in no template",
    ),
    _row(
        "a loop through an event bus",
        "function-loop-not-stopped",
        why_not="a note, because the code decides what is sent",
    ),
    _row("an alarm with RuleName alone for a rule of a custom bus", "events-alarm-without-bus"),
    _row("a subscriber of a new event bus without a failure queue", "events-subscriber-no-failure-queue"),
    _row("an ordered subscriber that invokes asynchronously", "events-subscriber-order-lost"),
    _row("a schedule without a dead-letter queue", "scheduler-no-dead-letter-queue"),
    _row(
        "a pipe from a queue without a redrive policy, or from a stream without a dead-letter target",
        "sqs-no-dead-letter-queue",
        "stream-poison-record-blocks",
        "stream-discards-records",
    ),
    # streams
    _row("a stream reader that retries a failing record until it expires", "stream-poison-record-blocks"),
    _row("a stream reader that gives records up and keeps none", "stream-discards-records"),
    _row("a reader that starts at LATEST", "stream-starts-at-latest"),
    _row("a Kafka consumer group with two members that do not know of each other", "stream-consumer-group-shared"),
    _row("a Kafka topic as its own failure destination", "stream-destination-is-source"),
    # functions
    _row("a loop with RecursiveLoop: Allow", "function-loop-allowed"),
    _row("a loop through a queue without a dead-letter queue", "sqs-no-dead-letter-queue", "function-loop"),
    _row("no alarm on RecursiveInvocationsDropped of a function in a loop", "function-loop"),
    _row("a runtime at or near its end", "govern-runtime-deprecated"),
    _row("a runtime that is never updated", "govern-runtime-manual"),
    _row("a wrapper script that cannot run", "function-exec-wrapper"),
    _row("two kinds of resource policy on one function", "function-two-resource-policies"),
    _row("the default timeout of 3 seconds on a consumer", "function-default-timeout"),
    _row(
        "a queue or topic that a change replaces, messages and all",
        "dead-letter-queue-deleted-with-stack",
        why_not="the change itself is seen by comparing two templates; that a queue or topic has a name is no hazard",
    ),
    _row("code that swallows exceptions", why_not="the code decides it"),
)
