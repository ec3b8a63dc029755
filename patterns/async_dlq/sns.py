"""SnsAsync: a topic pushes its messages to a function; what fails on the way, and what fails there, is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patterns._checks import is_a, seconds, warn

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns._alarms import Alarms, alarm_actions_checked
from patterns._json import keep_as_written, plain
from patterns._permissions import DeadLetters, Sender, allow_dead_letters, dead_letters_checked
from patterns._places import refuse_elsewhere, stack_of
from patterns._queues import define_dead_letters
from patterns.async_dlq._link import allow_invoking, check_key, check_net, define_net, refuse_return
from patterns.async_dlq.invoked import Invoked, invoked
from patterns.async_dlq.net import AsyncDlq
from patterns.errors import PatternError
from patterns.flow.filters import Scope, check

A_TOPIC = "an SNS topic (aws_sns.ITopic)"
SNS = "Amazon SNS"
_SCOPES = {"MessageAttributes": Scope.ATTRIBUTES, "MessageBody": Scope.BODY}


class SnsAsync(Construct):
    """A topic that invokes a function; what cannot be delivered and what cannot be processed each have their queue.

    What happens to a message: SNS hands it to Lambda and is done when Lambda has accepted it; whether the function
    works is not SNS's business (see ``AsyncDlq`` for that, it is the second net here). If Lambda cannot be reached,
    SNS tries 100,015 times over 23 days. If the function is gone, or may not be invoked, SNS does not try again. Then
    the message goes to ``undelivered``. https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html

    Args:
        scope: the construct or stack that this belongs to.
        id: its name there.
        function: a Lambda function, version or alias, in any runtime and in any stack.
        topic: the standard topic. Default: one is defined that accepts publishing over TLS only. A FIFO topic cannot
            invoke a function: subscribe a queue and poll it.
        filter_policy: only messages that match are delivered, the others are discarded for this subscription. Default:
            every message. https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
        filter_policy_scope: what the policy looks at, ``MessageAttributes`` or ``MessageBody``. Default:
            ``MessageAttributes``.
        undelivered: the standard queue for what could not be delivered. Default: one is defined, encrypted, TLS only,
            14 days, retained when the stack is deleted.
        net: the function's own net, for what could not be processed. Default: an ``AsyncDlq`` with its defaults; a
            function that has one already (it has several sources, or other settings are wanted) needs that one here.
        encryption_key: a customer-managed KMS key for what is defined here; SNS and the function's role are allowed to
            use it. Default: SQS-managed encryption for queues, none for a topic.
        alarm_actions: what every alarm here does, for example ``[SnsAction(topic)]``. Default: nothing, with a synth
            warning that nobody is told.

    Attributes:
        topic: the topic.
        undelivered: the queue for what could not be delivered.
        net: the function's own net; ``net.on_failure`` has what could not be processed.
        subscription: the subscription.
        alarms: the alarms: a message in ``undelivered``, its oldest message past half of the retention there, a
            message that SNS could not deliver, and one that it could not even put into ``undelivered``. The net has
            its own.

    Raises:
        PatternError: an argument that AWS or the CDK would refuse later, or would accept and lose messages with;
            nothing has been created then.
    """

    topic: sns.ITopic
    undelivered: sqs.IQueue
    net: AsyncDlq
    subscription: sns.CfnSubscription
    alarms: tuple[cloudwatch.Alarm, ...]

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.IFunction,
        topic: sns.ITopic | None = None,
        filter_policy: Mapping[str, Any] | None = None,
        filter_policy_scope: str = "MessageAttributes",
        undelivered: sqs.IQueue | None = None,
        net: AsyncDlq | None = None,
        encryption_key: kms.IKey | None = None,
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
    ) -> None:
        plan = _make_plan(
            stack_of(scope, id),
            function=function,
            topic=topic,
            filter_policy=filter_policy,
            filter_policy_scope=filter_policy_scope,
            undelivered=undelivered,
            net=net,
            encryption_key=encryption_key,
        )
        actions = alarm_actions_checked(alarm_actions)
        super().__init__(scope, id)
        for rule, message in plan.warnings:
            warn(self, rule, message)
        source: Any = topic or sns.Topic(self, "Topic", enforce_ssl=True, master_key=encryption_key)
        self.topic = source
        self.undelivered = undelivered or define_dead_letters(self, "Undelivered", key=encryption_key)
        self.net = define_net(self, net, function, encryption_key, actions)

        topic_arn = self.topic.topic_arn
        sender = Sender("sns", topic_arn, self.topic.stack if isinstance(topic, sns.Topic) else None)
        policy = allow_dead_letters(self, sender, self.undelivered, plan.dead_letters)
        permission = allow_invoking(self, plan.invoked, sender.principal, topic_arn)
        self.subscription = sns.CfnSubscription(
            self,
            "Subscription",
            topic_arn=topic_arn,
            protocol="lambda",
            endpoint=plan.invoked.arn,
            filter_policy=plan.filter_policy,
            filter_policy_scope=filter_policy_scope if filter_policy is not None else None,
            redrive_policy={"deadLetterTargetArn": self.undelivered.queue_arn},
        )
        if plan.filter_policy:
            keep_as_written(self.subscription, "FilterPolicy", plan.filter_policy)
        # SNS does not try again what it may not deliver: the permissions have to be there first.
        self.subscription.node.add_dependency(*(each for each in (policy, permission) if each is not None))

        alarms = Alarms(self, actions)
        alarms.kept_messages(
            "Undelivered", self.undelivered, plan.dead_letters.retention, "A message could not be delivered"
        )
        dimensions = {"TopicName": self.topic.topic_name}
        for name, metric, means in _TOLD:
            alarms.over(
                name,
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
        self.alarms = tuple(alarms.made)


# https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html; SNS counts for the whole topic.
_TOLD = (
    ("DeliveryFailed", "NumberOfNotificationsFailed", "The topic could not deliver a message to a subscriber."),
    (
        "RedriveFailed",
        "NumberOfNotificationsFailedToRedriveToDlq",
        "The topic could not put an undelivered message into its dead-letter queue: it is lost.",
    ),
)


@dataclass(frozen=True, slots=True)
class _Plan:
    invoked: Invoked
    filter_policy: Any  # dict; None for every message
    dead_letters: DeadLetters
    warnings: tuple[tuple[str, str], ...]


def _make_plan(
    stack: cdk.Stack,
    *,
    function: Any,
    topic: Any,
    filter_policy: Any,
    filter_policy_scope: Any,
    undelivered: Any,
    net: Any,
    encryption_key: Any,
) -> _Plan:
    warnings: list[tuple[str, str]] = []
    target = invoked("function", function)
    refuse_elsewhere("function", target.behind, stack)
    if topic is not None:
        is_a("topic", topic, "topic_arn", A_TOPIC)
        refuse_elsewhere("topic", topic, stack, account=False)
        if topic.fifo is True:
            raise PatternError(
                "topic must be a standard topic: a FIFO topic delivers to queues only, never to a function. Subscribe "
                f"a queue and poll it (patterns.sqs_poll.SqsPoll), got the FIFO topic {topic.node.path}"
            )
    if not isinstance(filter_policy_scope, str) or filter_policy_scope not in _SCOPES:
        raise PatternError(f"filter_policy_scope must be MessageAttributes or MessageBody, got {filter_policy_scope!r}")
    if filter_policy is not None:
        for message in check(filter_policy, _SCOPES[filter_policy_scope], argument="filter_policy"):
            warnings.append(("async-dlq.filter-policy", message))
    dead_letters = dead_letters_checked("undelivered", undelivered, encryption_key, SNS, warnings)
    check_key(encryption_key, stack, topic=topic, undelivered=undelivered, net=net)
    if undelivered is not None:
        refuse_elsewhere("undelivered", undelivered, stack)
    check_net(net, target)
    if topic is not None:
        arn = topic.topic_arn
        refuse_return(net, "topic", lambda destination: destination.arn == arn)
    return _Plan(target, plain(filter_policy), dead_letters, tuple(warnings))
