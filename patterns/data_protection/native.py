"""ProtectedTopic: an SNS topic that SNS itself keeps sensitive data out of."""

from collections.abc import Sequence
from typing import Any

from patterns._checks import is_a, seconds, warn

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from patterns._alarms import Alarms, alarm_actions_checked
from patterns._queues import A_KEY
from patterns.data_protection._destinations import Destinations, define_destinations, name_of
from patterns.data_protection.policy import DataProtectionPolicy
from patterns.errors import PatternError

DELIVERY = "delivery.logs.amazonaws.com"
# https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-operations.html
_BLOCKED = '{ $.delivery.providerResponse = "*data protection policy*" }'
_LOGGED = ("sqs", "lambda", "firehose", "http/s")


class ProtectedTopic(Construct):
    """A standard topic with a data protection policy, and everything that its audit and its alarms need.

    What happens to a message: SNS searches a sample of what is published and records what it finds. What an inbound
    statement denies is refused: ``Publish`` fails with ``AuthorizationError``, and **the publisher has to handle
    that**, nothing else keeps the message. What it de-identifies goes on without the data. What an outbound statement
    denies is not delivered to that subscriber, and no dead-letter queue is documented to get it: the delivery status
    log tells, and the alarm ``Blocked``.

    **SNS has refused this feature to new customers since 30 April 2026**
    (https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-availability-change.html): a synth warning
    says so. ``ProtectionRelay`` keeps the same policy without it.

    The principal that outbound statements speak of is the one that called ``Subscribe``. With CloudFormation that is
    the role which CloudFormation uses for the subscriber's stack; see ``SubscriptionPrincipal`` of a subscription.
    The role that deploys this topic needs ``logs:CreateLogDelivery`` and what else is listed at
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-operations.html

    Args:
        scope: the construct or stack that this belongs to.
        id: its name there.
        policy: the policy. Where a destination of its audit is ``DEFINED``, it is defined here: a log group under
            ``/aws/vendedlogs/`` (one year), a Firehose stream into a bucket, a bucket; encrypted, TLS only, retained
            when the stack is deleted, and open to the service that writes the records.
        encryption_key: a customer-managed KMS key for the topic and what is defined for the audit. Publishers need a
            grant of their own. Default: the services' own encryption; the topic is not encrypted.
        alarm_actions: what every alarm here does, for example ``[SnsAction(topic)]``. Default: nothing, with a synth
            warning that nobody is told.

    Attributes:
        topic: the topic. Subscribe to it as to any other.
        policy: the policy with the names of what was defined for it.
        destinations: where the audit's records go, and what was defined for that.
        delivery_failures: the log group in which SNS writes what it did not deliver.
        alarms: the alarms: a message with findings (where the audit records findings), a delivery that the policy
            blocked (where it denies outbound), and a delivery that failed.

    Raises:
        PatternError: ``policy`` is none, or an argument is of another kind; nothing has been created then.
    """

    topic: sns.Topic
    policy: DataProtectionPolicy
    destinations: Destinations
    delivery_failures: logs.LogGroup
    alarms: tuple[cloudwatch.Alarm, ...]

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        policy: DataProtectionPolicy,
        encryption_key: kms.IKey | None = None,
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
    ) -> None:
        check_policy(policy)
        if encryption_key is not None:
            is_a("encryption_key", encryption_key, "key_arn", A_KEY)
        actions = alarm_actions_checked(alarm_actions)
        super().__init__(scope, id)
        warn(
            self,
            "data-protection.closed-to-new-customers",
            "SNS has refused message data protection to new customers since 30 April 2026: in an account that did not "
            "use it before, this stack fails. patterns.data_protection.ProtectionRelay keeps the same policy there.",
        )
        warn_of(self, policy)
        self.destinations = define_destinations(self, policy, encryption_key)
        if policy.audit is not None:
            policy = policy.destined(self.destinations.findings, self.destinations.no_findings)
        self.policy = policy
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True, master_key=encryption_key)
        child = self.topic.node.default_child
        assert isinstance(child, sns.CfnTopic)
        child.data_protection_policy = policy.document()
        for ready in self._allow_delivery(encryption_key):
            child.node.add_dependency(ready)
        self.delivery_failures = self._log_deliveries(child)
        self.alarms = self._tell(actions)

    def metric_messages_with_findings(self) -> cloudwatch.Metric:
        """How many audited messages had sensitive data in them, per minute; only where findings have a destination."""
        return self._metric("MessagesWithFindings")

    def metric_messages_with_no_findings(self) -> cloudwatch.Metric:
        """How many audited messages had none, per minute; only where they have a destination."""
        return self._metric("MessagesWithNoFindings")

    def _metric(self, name: str) -> cloudwatch.Metric:
        # https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
        return cloudwatch.Metric(
            namespace="AWS/SNS",
            metric_name=name,
            dimensions_map={"TopicName": self.topic.topic_name},
            statistic="Sum",
            period=seconds(60),
        )

    def _allow_delivery(self, key: kms.IKey | None) -> list[Construct]:
        """Let the log delivery service write to what is defined here, and return what the topic has to wait for.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
        """
        stack = cdk.Stack.of(self)
        mine = {
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:*"},
        }
        delivery: Any = iam.ServicePrincipal(DELIVERY)
        waiting: list[Construct] = []
        groups = []
        for defined in (self.destinations.defined_findings, self.destinations.defined_no_findings):
            if defined.log_group is not None:
                groups.append(f"{defined.log_group.log_group_arn}")
            if defined.bucket is not None:
                bucket = defined.bucket
                bucket.add_to_resource_policy(
                    iam.PolicyStatement(
                        actions=["s3:GetBucketAcl"],
                        principals=[delivery],
                        resources=[bucket.bucket_arn],
                        conditions=mine,
                    )
                )
                owned = {**mine, "StringEquals": {**mine["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"}}
                bucket.add_to_resource_policy(
                    iam.PolicyStatement(
                        actions=["s3:PutObject"],
                        principals=[delivery],
                        resources=[bucket.arn_for_objects(f"AWSLogs/{stack.account}/*")],
                        conditions=owned,
                    )
                )
                if bucket.policy is not None:
                    waiting.append(bucket.policy)
            if defined.delivery_stream is not None:
                waiting.append(defined.delivery_stream)
        if groups:
            allowed = {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": DELIVERY},
                        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                        "Resource": groups,
                        "Condition": mine,
                    }
                ],
            }
            waiting.append(
                logs.CfnResourcePolicy(
                    self,
                    "DeliveryToLogs",
                    policy_name=name_of(self),
                    policy_document=stack.to_json_string(allowed),
                )
            )
        if key is not None and (groups or waiting):
            key.add_to_resource_policy(
                iam.PolicyStatement(
                    actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                    principals=[delivery],
                    resources=["*"],
                    conditions=mine,
                ),
                True,
            )
        return waiting

    def _log_deliveries(self, topic: sns.CfnTopic) -> logs.LogGroup:
        """Log what is not delivered, whatever the protocol: it is where an outbound deny shows.

        https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html
        """
        stack = cdk.Stack.of(self)
        # Without a condition: SNS does not document what it sends, and a role that it cannot assume would be a log that
        # stays empty. Nobody outside the account can pass this role.
        sns_service: Any = iam.ServicePrincipal("sns.amazonaws.com")
        role = iam.Role(self, "LogDeliveries", assumed_by=sns_service)
        groups = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group"
        role.add_to_policy(
            iam.PolicyStatement(
                # https://docs.aws.amazon.com/sns/latest/dg/topics-attrib-prereq.html
                actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[f"{groups}:sns/{stack.region}/{stack.account}/*"],
            )
        )
        topic.delivery_status_logging = [
            sns.CfnTopic.LoggingConfigProperty(
                protocol=protocol,
                failure_feedback_role_arn=role.role_arn,
            )
            for protocol in _LOGGED
        ]
        # SNS writes to this name and no other.
        return logs.LogGroup(
            self,
            "DeliveryFailures",
            log_group_name=f"sns/{stack.region}/{stack.account}/{self.topic.topic_name}/Failure",
            retention=logs.RetentionDays.ONE_YEAR,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _tell(self, actions: Sequence[Any]) -> tuple[cloudwatch.Alarm, ...]:
        alarms = Alarms(self, actions)
        audit = self.policy.audit
        if audit is not None and audit.findings is not None:
            alarms.over(
                "Findings", self.metric_messages_with_findings(), 0, "A published message has sensitive data in it."
            )
        if any(s.direction == "Outbound" and "Deny" in s.operation() for s in self.policy.statements):
            blocked = logs.MetricFilter(
                self,
                "BlockedDeliveries",
                log_group=self.delivery_failures,
                filter_pattern=logs.FilterPattern.literal(_BLOCKED),
                metric_namespace="MessageDataProtection",
                metric_name=f"{self.topic.topic_name}-DeliveriesDenied",
                metric_value="1",
            )
            alarms.over(
                "Blocked",
                blocked.metric(statistic="Sum", period=seconds(60)),
                0,
                "The data protection policy kept a message from a subscriber.",
            )
        alarms.over(
            "DeliveryFailed",
            self._metric("NumberOfNotificationsFailed"),
            0,
            "The topic could not deliver a message to a subscriber.",
        )
        return tuple(alarms.made)


def check_policy(policy: Any) -> None:
    """Refuse what is no policy.

    Raises:
        PatternError: ``policy must be a DataProtectionPolicy, got <value>``.
    """
    if not isinstance(policy, DataProtectionPolicy):
        raise PatternError(f"policy must be a DataProtectionPolicy (patterns.data_protection), got {policy!r}")


def warn_of(scope: Construct, policy: DataProtectionPolicy) -> None:
    """The policy's own warnings as synth warnings."""
    for warning in policy.warnings():
        warn(scope, "data-protection.policy", str(warning))
