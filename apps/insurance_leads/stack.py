"""Bucket → topic → a queue for each department → its function; an audit finds what no department wants."""

from pathlib import Path
from typing import Any

from apps._common import acknowledge, acknowledge_polling, define_function, define_on_call

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns.sns_filter import FilterPolicy, SnsFilter, Subscriber, prefix
from patterns.sqs_poll import SqsPoll

HANDLERS = Path(__file__).parent / "handlers"
DEPARTMENTS = {"Auto": "auto-", "Home": "home-"}
CREATED = "ObjectCreated:"


def wants(key_prefix: str) -> FilterPolicy:
    """A department's filter: files that were created, by the beginning of their key."""
    return FilterPolicy.message_body(
        {"Records": {"s3": {"object": {"key": prefix(key_prefix)}}, "eventName": prefix(CREATED)}}
    )


class InsuranceLeadsStack(cdk.Stack):
    """Leads are files in a bucket: ``auto-…`` for one department, ``home-…`` for the other, the rest for a person.

    Two filters over two keys leave a rest that no filter policy can select. So the catch-all is an audit: it gets every
    notification, and a function passes on to ``unmatched`` what neither department wants.

    Args:
        scope: the app.
        id: name of the stack.
        function_timeout: the functions' timeout; visibility timeouts are 6 times as long. Default: 15 seconds.
        options: passed to ``aws_cdk.Stack``.
    """

    def __init__(
        self, scope: Construct, id: str, *, function_timeout: cdk.Duration | None = None, **options: Any
    ) -> None:
        super().__init__(scope, id, **options)
        self._timeout = function_timeout or cdk.Duration.seconds(15)
        self._on_call = [actions.SnsAction(define_on_call(self))]
        bucket = s3.Bucket(
            self,
            "Leads",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
        )
        departments = {name: self._department(name) for name in DEPARTMENTS}
        audit = self._audit()
        events = SnsFilter(
            self,
            "Events",
            subscriptions={
                name: Subscriber(department.queue, wants(DEPARTMENTS[name]), raw_message_delivery=True)
                for name, department in departments.items()
            },
            catch_all=audit.queue,
            audit=True,
            buckets=[bucket],
            # Removed files too: no filter wants them, and somebody should know that a lead is gone.
            bucket_events=["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
            alarm_actions=self._on_call,
        )
        assert events.unmatched is not None
        for each in (*events.subscriptions.values(), events.unmatched):
            acknowledge_dead_letters(each.undelivered)
        acknowledge(bucket, "AwsSolutions", "AwsSolutions-S1", "who reads a lead is not what this sample is about")
        cdk.CfnOutput(self, "BucketName", value=bucket.bucket_name)
        cdk.CfnOutput(self, "TopicArn", value=events.topic.topic_arn)

    def _department(self, name: str) -> SqsPoll:
        return self._poll(Construct(self, name), HANDLERS / "leads", "leads.handler", f"{name}Function")

    def _audit(self) -> SqsPoll:
        here = Construct(self, "Audit")
        unmatched = sqs.Queue(
            here,
            "Unmatched",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        acknowledge_dead_letters(unmatched)
        told = cloudwatch.Alarm(
            here,
            "UnmatchedNotEmpty",
            metric=unmatched.metric_approximate_number_of_messages_visible(
                period=cdk.Duration.minutes(1), statistic="Maximum"
            ),
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description="A file came or went that no department wants.",
        )
        told.add_alarm_action(*self._on_call)
        cdk.CfnOutput(self, "UnmatchedUrl", value=unmatched.queue_url)
        return self._poll(
            here,
            HANDLERS / "unmatched",
            "unmatched.handler",
            "AuditFunction",
            unmatched,
            KEY_PREFIXES=",".join(DEPARTMENTS.values()),
            EVENT_PREFIX=CREATED,
        )

    def _poll(
        self, scope: Construct, handlers: Path, handler: str, output: str, target: sqs.Queue | None = None, **env: str
    ) -> SqsPoll:
        function = define_function(scope, "Function", handlers, handler, timeout=self._timeout, environment=env)
        if target is not None:
            target.grant_send_messages(function)
            function.add_environment("UNMATCHED_QUEUE_URL", target.queue_url)
        poll = SqsPoll(scope, "Poll", function=function, alarm_actions=self._on_call)
        assert poll.dead_letters is not None
        acknowledge_polling(function, poll.mapping, poll.dead_letters)
        cdk.CfnOutput(self, f"{output}Name", value=function.function_name)
        return poll


def acknowledge_dead_letters(queue: sqs.IQueue) -> None:
    """What cdk-nag asks of queues that something polls."""
    for plugin, rule in (("Serverless", "Serverless-SQSRedrivePolicy"), ("AwsSolutions", "AwsSolutions-SQS3")):
        acknowledge(queue, plugin, rule, "nothing polls it, so nothing in it can fail: a person looks at it")
