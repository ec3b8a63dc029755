"""A queue polled by a function, and the dead-letter queue that keeps what the function cannot process."""

from patterns.sqs_poll.construct import SqsPoll

__all__ = ["SqsPoll"]
