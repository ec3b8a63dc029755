"""Constructs that wire SQS, SNS and EventBridge to Lambda functions so that no message is lost
without somebody knowing, and tools that prove it from the synthesized template.

Import a story: ``from patterns.sqs_poll import SqsPoll``. Reading templates needs no CDK and no Node.js:
``from patterns.flow import read_flow, losses``.
"""

from patterns.errors import PatternError

__all__ = ["PatternError"]
