"""SnsFilter: a topic fans out by filters; what cannot be delivered, and what no filter wants, is kept."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from patterns._checks import seconds, warn

# isort: split
import jsii
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IValidation

from patterns._alarms import Alarms, alarm_actions_checked, oldest_message
from patterns._permissions import ACCOUNT, DeadLetters, Sender, allow_dead_letters, allow_key, service
from patterns._places import stack_of
from patterns._queues import define_dead_letters
from patterns.sns_filter.plan import ALL_CREATED, STORY, UNMATCHED, Link, Plan, Subscriber, is_named, make_plan
from patterns.sns_filter.policy import FilterPolicy


class FilteredSubscription(Construct):
    """One subscription of an ``SnsFilter``, made by it.

    Attributes:
        subscription: the subscription.
        undelivered: the queue for what could not be delivered.
    """

    subscription: sns.CfnSubscription
    undelivered: sqs.IQueue

    def __init__(self, scope: Construct, id: str, link: Link, sender: Sender, fifo: bool, alarms: Alarms) -> None:
        super().__init__(scope, id)
        subscriber, policy = link.subscriber, link.subscriber.filter_policy
        endpoint: Any = subscriber.endpoint
        self.undelivered = link.undelivered.given or define_dead_letters(
            self, "Undelivered", key=link.undelivered.key, fifo=fifo
        )
        permissions = [allow_dead_letters(self, sender, self.undelivered, link.undelivered)]
        if link.queue is None:
            arn = endpoint.function_arn
            permissions.append(
                lambda_.CfnPermission(
                    self,
                    "Invoke",
                    action="lambda:InvokeFunction",
                    function_name=arn,
                    principal=sender.principal,
                    source_arn=sender.arn,
                )
            )
        else:
            arn = endpoint.queue_arn
            permissions.append(allow_dead_letters(self, sender, endpoint, link.queue))
        self.subscription = sns.CfnSubscription(
            self,
            "Subscription",
            topic_arn=sender.arn,
            protocol="lambda" if link.queue is None else "sqs",
            endpoint=arn,
            filter_policy=policy.document if policy else None,
            filter_policy_scope=policy.scope if policy else None,
            raw_message_delivery=subscriber.raw_message_delivery or None,
            redrive_policy={"deadLetterTargetArn": self.undelivered.queue_arn},
        )
        if policy is not None and not policy.survives_a_template:
            self.subscription.add_property_override("FilterPolicy", policy.to_json())
        # SNS does not try again what it may not deliver: the permissions have to be there first.
        self.subscription.node.add_dependency(*(each for each in permissions if each is not None))
        alarms.kept_messages(
            f"{id}Undelivered", self.undelivered, link.undelivered.retention, f"A message for {id} was not delivered"
        )


class SnsFilter(Construct):
    """A topic whose subscribers each get the messages that their filter matches, and a queue for those nobody wants.

    What happens to a message: SNS compares it with each subscription's filter policy. A match is delivered, and tried
    100,015 times over 23 days while the endpoint cannot be reached; what cannot be delivered, or may not be, goes to
    that subscription's ``undelivered``. No match: the message is discarded for that subscription. It is no failure, no
    dead-letter queue gets it. So what *no* filter matches would be gone: the filters are compared, and where a filter
    policy can select what they leave over, a subscription with that policy brings it into ``catch_all``, where an
    alarm tells. Where none can, ``audit`` brings every message there, or a synth warning shows one that is lost.

    Args:
        scope: the construct or stack that this belongs to.
        id: its name there.
        subscriptions: who gets which messages: a name, 1 to 64 letters and digits, and a ``Subscriber``, no two of
            them with one endpoint. At most 200 with filter policies. https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
        topic: the topic. Default: one is defined that accepts publishing over TLS only.
        fifo: whether the topic defined here is FIFO; its subscribers are queues then. Default: a standard topic.
        content_based_deduplication: whether a FIFO topic takes the SHA-256 of the body as deduplication id. Default:
            no; the publisher gives ids.
        catch_all: the queue for what no filter wants. Default: one is defined, where it is needed.
        audit: whether ``catch_all`` gets every message where no filter policy can select the rest, or where only
            bodies that are no JSON object are left. Default: no.
        buckets: buckets of this app that publish to the topic, by Amazon S3's notifications. Only buckets of this
            account may, so that nobody else's bucket can speak for them. They must have no other notifications, and be
            in the topic's Region.
        bucket_events: which events they publish, none of them twice (``s3:ObjectCreated:*`` has all that is created).
            Default: ``s3:ObjectCreated:*``.
            https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
        services: further AWS services that publish, from this account: ``cloudwatch.amazonaws.com`` for alarms. They
            send no message attributes, as S3 does not: filters by attributes are refused. Not EventBridge, which
            cannot be told apart by account: make the topic a target of the rule, ``aws_events_targets.SnsTopic``.
        encryption_key: a customer-managed KMS key for what is defined here; those who have to are allowed to use it,
            and the key that a given topic has. Default: SQS-managed encryption for queues, none for a topic.
        alarm_actions: what every alarm here does, for example ``[SnsAction(topic)]``. Default: nothing, with a synth
            warning that nobody is told.

    Attributes:
        topic: the topic.
        subscriptions: what was made for each name: ``subscriptions["Orders"].undelivered``.
        catch_all: the queue for what no filter wants; ``None`` where there is no such message, or none can be told.
        catch_all_policy: the filter policy in front of it; ``None`` where it gets every message, or is not there.
        unmatched: the subscription that brings messages into ``catch_all``; ``None`` where that is.
        alarms: the alarms: a message in an ``undelivered`` queue and its oldest past half of the retention there; the
            same for ``catch_all`` (where it gets every message, the oldest only); a message that could not be
            delivered, one that could not even be put into its dead-letter queue, one whose body or attributes a filter
            could not read.

    Raises:
        PatternError: an argument that AWS or the CDK would refuse later, or would accept and lose messages with;
            nothing has been created then.
    """

    topic: sns.ITopic
    subscriptions: Mapping[str, FilteredSubscription]
    catch_all: sqs.IQueue | None
    catch_all_policy: FilterPolicy | None
    unmatched: FilteredSubscription | None
    alarms: tuple[cloudwatch.Alarm, ...]

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        subscriptions: Mapping[str, Subscriber],
        topic: sns.ITopic | None = None,
        fifo: bool = False,
        content_based_deduplication: bool = False,
        catch_all: sqs.IQueue | None = None,
        audit: bool = False,
        buckets: Sequence[s3.Bucket] = (),
        bucket_events: Sequence[str] = ALL_CREATED,
        services: Sequence[str] = (),
        encryption_key: kms.IKey | None = None,
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
    ) -> None:
        plan = make_plan(
            stack=stack_of(scope, id),
            subscriptions=subscriptions,
            topic=topic,
            fifo=fifo,
            content_based_deduplication=content_based_deduplication,
            catch_all=catch_all,
            audit=audit,
            buckets=buckets,
            bucket_events=bucket_events,
            services=services,
            encryption_key=encryption_key,
        )
        actions = alarm_actions_checked(alarm_actions)
        super().__init__(scope, id)
        for rule, message in plan.warnings:
            warn(self, rule, message)
        defined: Any = topic or sns.Topic(
            self,
            "Topic",
            enforce_ssl=True,
            master_key=encryption_key,
            fifo=plan.fifo or None,
            content_based_deduplication=content_based_deduplication or None,
        )
        self.topic = defined
        alarms = Alarms(self, actions)
        sender = Sender("sns", self.topic.topic_arn, defined.stack if isinstance(defined, sns.Topic) else None, STORY)

        made = Construct(self, "Subscriptions")
        self.subscriptions = MappingProxyType(
            {
                name: FilteredSubscription(made, name, link, sender, plan.fifo, alarms)
                for name, link in plan.links.items()
            }
        )
        self.catch_all, self.unmatched, self.catch_all_policy = None, None, plan.catch_all_policy
        if plan.catch_all is not None and plan.catch_all_kept is not None:
            self.catch_all, self.unmatched = self._catch(plan.catch_all, plan.catch_all_kept, sender, plan.fifo, alarms)
        self._allow_publishing(plan, bucket_events, encryption_key if topic is None else topic.master_key)
        self._watch(plan, alarms)
        self.alarms = tuple(alarms.made)

    def _catch(self, link: Link, kept: DeadLetters, sender: Sender, fifo: bool, alarms: Alarms) -> Any:
        queue: Any = kept.given or define_dead_letters(self, "CatchAll", key=kept.key, fifo=fifo)
        policy = link.subscriber.filter_policy
        link = Link(Subscriber(queue, policy), kept, link.undelivered)
        made = FilteredSubscription(self, UNMATCHED, link, sender, fifo, alarms)
        if policy is not None:
            alarms.kept_messages("CatchAll", queue, kept.retention, "A message matched no filter")
        else:
            alarms.over(
                "CatchAllExpiring",
                oldest_message(queue),
                kept.retention // 2,
                "Nobody takes messages out of the audit queue: the oldest has waited for half of the "
                f"{kept.retention} seconds that the queue keeps it.",
            )
        return queue, made

    def _allow_publishing(self, plan: Plan, events: Sequence[str], key: kms.IKey | None) -> None:
        account = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        for name in plan.services:
            self._allow(name, account, key)
        if not plan.buckets:
            return
        # The bucket waits for this policy, so the policy cannot wait for the bucket: it names the account, and a bucket
        # only where its name is known beforehand.
        arns = [_bucket_arn(bucket) for bucket in plan.buckets]
        conditions = {**account, "ArnLike": {"aws:SourceArn": arns[0] if len(arns) == 1 else arns}}
        policy = self._allow("s3.amazonaws.com", conditions, key)
        for bucket in plan.buckets:
            child = bucket.node.default_child
            assert isinstance(child, s3.CfnBucket)
            child.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                topic_configurations=[
                    s3.CfnBucket.TopicConfigurationProperty(event=event, topic=self.topic.topic_arn) for event in events
                ]
            )
            if policy is not None:  # S3 tries to publish before it takes the configuration
                child.node.add_dependency(policy)
            bucket.node.add_validation(_NoOtherNotifications(bucket, self.node.path))

    def _allow(self, principal: str, conditions: dict[str, Any], key: kms.IKey | None) -> Any:
        added = self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[service(principal)],
                resources=[self.topic.topic_arn],
                conditions=conditions,
            )
        )
        if not added.statement_added:
            warn(
                self,
                f"{STORY}.imported-topic",
                "The topic is imported, so its policy could not be extended. It must allow sns:Publish to "
                f"{principal}, or nothing is published.",
            )
        if key is not None:
            account = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
            allow_key(self, key, principal, account, story=STORY, otherwise="nothing is published")
        return added.policy_dependable

    def _watch(self, plan: Plan, alarms: Alarms) -> None:
        scopes = {link.subscriber.filter_policy.scope for link in plan.links.values() if link.subscriber.filter_policy}
        dimensions = {"TopicName": self.topic.topic_name}
        for id, metric, scope, means in _TOLD:
            if scope is None or scope in scopes:
                alarms.over(
                    id,
                    cloudwatch.Metric(
                        namespace="AWS/SNS",
                        metric_name=metric,
                        dimensions_map=dimensions,
                        statistic="Sum",
                        period=seconds(60),
                    ),
                    0,
                    means,
                )


# https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html; SNS counts for the whole topic.
_TOLD = (
    ("DeliveryFailed", "NumberOfNotificationsFailed", None, "The topic could not deliver a message to a subscriber."),
    (
        "RedriveFailed",
        "NumberOfNotificationsFailedToRedriveToDlq",
        None,
        "The topic could not put an undelivered message into its dead-letter queue: it is lost.",
    ),
    (
        "InvalidBody",
        "NumberOfNotificationsFilteredOut-InvalidMessageBody",
        "MessageBody",
        "A message was filtered out because its body is not a JSON object: no filter by the body can match it.",
    ),
    (
        "InvalidAttributes",
        "NumberOfNotificationsFilteredOut-InvalidAttributes",
        "MessageAttributes",
        "A message was filtered out because its attributes could not be read.",
    ),
)


@jsii.implements(IValidation)
class _NoOtherNotifications:
    """At synth: nobody has added notifications to the bucket, whose custom resource would replace ours."""

    def __init__(self, bucket: s3.Bucket, owner: str) -> None:
        self._bucket, self._owner = bucket, owner

    def validate(self) -> list[str]:
        if self._bucket.node.try_find_child("Notifications") is None:
            return []
        return [
            f"{self._bucket.node.path} must have no notifications beside those of {self._owner}: the CDK's own would "
            "replace them, and the topic would hear nothing. Subscribe to the topic instead."
        ]


def _bucket_arn(bucket: s3.Bucket) -> Any:
    child = bucket.node.default_child
    assert isinstance(child, s3.CfnBucket)
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{child.bucket_name if is_named(child) else '*'}"}
