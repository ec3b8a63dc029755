"""What the linters are told about the clinic, and why it stands."""

from apps._common import acknowledge

# isort: split
from constructs import IConstruct

from patterns.data_protection import ProtectedTopic, ProtectionRelay

BASIC = "Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
UNLOGGED = "a sample: who reads the audit's records is not recorded"
STREAM = "Firehose writes objects of names that it makes, into this one bucket"


def acknowledge_relay(relay: ProtectionRelay) -> None:
    """What cdk-nag and our own checks say of a relay."""
    acknowledge(
        relay.topic,
        "messaging-checks",
        "sns-no-catch-all",
        "only the relay publishes here and names the subscribers on each message; what nobody may see is quarantined",
    )
    _solutions(relay, "S1", UNLOGGED)
    _solutions(relay, f"IAM4[{BASIC}]", "AWS's policy for writing logs, and nothing more")
    _solutions(relay, "IAM5[Resource::<RelayFindingsStreamBucket0C3AB3C3.Arn>/*]", STREAM)
    _solutions(
        relay,
        "IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:<RelayFindingsLogEF78A0D7>:*]",
        "the streams of one log group",
    )
    _solutions(
        relay,
        "IAM5[Resource::arn:<AWS::Partition>:s3:::<RelayNoFindingsBucketA8BCDD4B>/*]",
        "every record is a new object of this one bucket",
    )
    acknowledge(
        relay.function,
        "Serverless",
        "Serverless-LambdaDLQ",
        "what the function cannot process goes to the quarantine, by its on-failure destination",
    )
    acknowledge(
        relay.function,
        "Serverless",
        "Serverless-LambdaTracing",
        "the function sees what nobody else may: one place less that hears of it",
    )
    for queue in (relay.quarantine, relay.undelivered, relay.link.undelivered):
        acknowledge_last_queue(queue)


def acknowledge_native(protected: ProtectedTopic) -> None:
    """What cdk-nag and this library say of the native feature."""
    _solutions(protected, "S1", UNLOGGED)
    _solutions(protected, "IAM5[Resource::<ClinicFindingsStreamBucket8D2F09FA.Arn>/*]", STREAM)
    _solutions(
        protected,
        "IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:sns/<AWS::Region>/<AWS::AccountId>/*]",
        "SNS creates the log groups for its deliveries under this prefix",
    )
    acknowledge(
        protected,
        "Annotation",
        "cdk-messaging-patterns:data-protection.closed-to-new-customers",
        "this sample is for accounts that used the feature before; ClinicRelay is for the others",
    )


def acknowledge_last_queue(queue: IConstruct) -> None:
    """A queue that keeps what failed elsewhere, and from which nothing moves on by itself."""
    why = "it keeps what could not go on: it needs no dead-letter queue of its own"
    _solutions(queue, "SQS3", why)
    acknowledge(queue, "Serverless", "Serverless-SQSRedrivePolicy", why)


def _solutions(scope: IConstruct, rule: str, reason: str) -> None:
    acknowledge(scope, "AwsSolutions", f"AwsSolutions-{rule}", reason)
