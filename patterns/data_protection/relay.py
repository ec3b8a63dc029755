"""ProtectionRelay: a data protection policy kept by a function, where SNS does not offer its own feature."""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patterns._checks import is_a, seconds, warn

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns._alarms import Alarms, alarm_actions_checked
from patterns._permissions import Sender, allow_key
from patterns._queues import A_KEY, A_QUEUE, define_dead_letters
from patterns.async_dlq import AsyncDlq, SnsAsync
from patterns.data_protection import engine
from patterns.data_protection._destinations import Destinations, define_destinations
from patterns.data_protection.engine.engine import covers
from patterns.data_protection.engine.handler import NAMESPACE, SUBSCRIBER
from patterns.data_protection.native import check_policy, warn_of
from patterns.data_protection.policy import DataProtectionPolicy, Destination, check_principal
from patterns.data_protection.preview import refuse_undetectable
from patterns.errors import PatternError
from patterns.flow import limits

# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
MANAGED_KEY = "alias/aws/sqs"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
# Room for the attribute that names the subscribers, on a message that is as large as the ingress topic takes.
_ROOM_BYTES = 65_536

# https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
_TOLD = (
    (
        "DeliveryFailed",
        "NumberOfNotificationsFailed",
        "A message that passed the policy did not reach a subscriber's queue.",
    ),
    (
        "RedriveFailed",
        "NumberOfNotificationsFailedToRedriveToDlq",
        "A message that passed the policy could not even be put into the queue of undelivered ones: it is lost.",
    ),
)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who gets messages from a relay.

    Args:
        name: 1 to 64 letters, digits, ``_`` and ``-``, one for each subscriber of a relay.
        queue: the standard queue that it reads, in any stack.
        principal: the principal that outbound statements name for it, usually the ARN of its role. Default: none;
            only statements for everybody (``*``) concern it.

    Raises:
        PatternError: naming the argument, what is allowed and what was given.
    """

    name: str
    queue: sqs.IQueue
    principal: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise PatternError(f"Subscriber.name must be 1 to 64 letters, digits, '_' or '-', got {self.name!r}")
        is_a("Subscriber.queue", self.queue, "queue_arn", A_QUEUE)
        if self.queue.fifo is True:
            raise PatternError("Subscriber.queue must be a standard queue, got a FIFO queue")
        child = self.queue.node.default_child if isinstance(self.queue, sqs.Queue) else None
        if isinstance(child, sqs.CfnQueue) and child.kms_master_key_id == MANAGED_KEY:
            raise PatternError(
                "Subscriber.queue must be encrypted by SQS (sqs.QueueEncryption.SQS_MANAGED) or with a customer-"
                f"managed key: Amazon SNS cannot use the AWS managed key, so nothing would arrive, got {MANAGED_KEY}"
            )
        if self.principal is not None:
            check_principal("Subscriber.principal", self.principal)


class ProtectionRelay(Construct):
    """A topic to publish to, a function that keeps the policy, and a topic behind it that the subscribers get from.

    What happens to a message: it is published to ``ingress``, which invokes the function. The function judges body,
    subject, text attributes and the names of attributes by the policy. What the policy denies goes to ``quarantine``,
    with the statement and the identifiers, and to nobody whom it is denied to; the others get it. What it
    de-identifies goes on without the data. The rest goes on as it came, once for each group of subscribers that may
    see the same, filtered by the attribute ``relay-subscriber``. Each audited message leaves a record in the native
    shape, without the caller, whom SNS does not tell a subscriber. If the function fails, Lambda tries twice more,
    then the event goes to ``quarantine`` as well: **some subscribers may get a message twice**, none loses one.
    Nothing of a message is in a log, a metric or an error. What cannot be delivered to the function or to a
    subscriber's queue is in a queue with the quarantine's key.

    Different from the native feature: ``Publish`` succeeds, and the denial shows in the quarantine; a subscriber sees
    another message id, and the audit's is the one that ``Publish`` returned; detection is what the README lists.

    Args:
        scope: the construct or stack that this belongs to.
        id: its name there.
        policy: the policy. Its inbound statements must be for everybody: SNS does not tell who published. A name that
            cannot be detected here is refused. Destinations that are ``DEFINED`` are defined as in `ProtectedTopic`.
        subscribers: 1 to 100, each with a name and a queue of its own.
        ingress: the standard topic to publish to, for messages of 262,144 bytes at most. Default: one is defined,
            encrypted, TLS only.
        quarantine: the standard queue for what is denied and what failed. Default: one is defined, encrypted with
            ``quarantine_key``, TLS only, 14 days, retained when the stack is deleted.
        encryption_key: a customer-managed KMS key for the two topics and what is defined for the audit. Publishers need
            a grant: ``grant_publish``. Default: one is defined for the topics, with rotation; the audit's records have
            nothing of a message in them and are encrypted by their services.
        quarantine_key: a customer-managed KMS key for the quarantine and for the queues of what could not be
            delivered. Default: one is defined, with rotation; not the topics' key, so that who may read messages may
            not read what was kept from them.
        memory_size: the function's memory, 128 to 10,240 MB. Default: 1769, which is one whole processor.
            https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
        alarm_actions: what every alarm here does, for example ``[SnsAction(topic)]``. Default: nothing, with a synth
            warning that nobody is told.

    Attributes:
        ingress: the topic to publish to.
        topic: the topic behind the function. Only the function may publish to it.
        quarantine: what was denied or failed.
        undelivered: what SNS could not deliver to a subscriber's queue.
        function: the function.
        link: ingress to function, with its nets (`patterns.async_dlq.SnsAsync`).
        destinations: where the audit's records go, and what was defined for that.
        alarms: the alarms on findings, on the quarantine, and on what could not be delivered; those of ``link`` too.

    Raises:
        PatternError: an argument or a policy that the relay cannot keep; nothing has been created then.
    """

    ingress: sns.ITopic
    topic: sns.Topic
    quarantine: sqs.IQueue
    undelivered: sqs.Queue
    function: lambda_.Function
    link: SnsAsync
    destinations: Destinations
    alarms: tuple[cloudwatch.Alarm, ...]

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        policy: DataProtectionPolicy,
        subscribers: Sequence[Subscriber],
        ingress: sns.ITopic | None = None,
        quarantine: sqs.IQueue | None = None,
        encryption_key: kms.IKey | None = None,
        quarantine_key: kms.IKey | None = None,
        memory_size: int = 1769,
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
    ) -> None:
        _check(policy, subscribers, ingress, quarantine, encryption_key, quarantine_key, memory_size)
        actions = alarm_actions_checked(alarm_actions)
        super().__init__(scope, id)
        warn_of(self, policy)
        _warn_idle(self, policy, subscribers)
        # Any, because jsii's classes and interfaces disagree about parameter names
        key: Any = encryption_key or _key(self, "Key", "Messages on their way through the relay")
        own: Any = quarantine_key or _key(self, "QuarantineKey", "Messages that the policy keeps from somebody")
        into: Any = ingress or sns.Topic(self, "Ingress", enforce_ssl=True, master_key=key)
        self.ingress = into
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True, master_key=key)
        child = self.topic.node.default_child
        assert isinstance(child, sns.CfnTopic)
        child.maximum_message_size = limits.SNS_MESSAGE_SIZE_DEFAULT + _ROOM_BYTES
        self.quarantine = quarantine or define_dead_letters(self, "Quarantine", key=own)
        self.undelivered = define_dead_letters(self, "Undelivered", key=own)
        # The link lets the ingress topic use this key, which may be a topic of another account: not the one behind it.
        here = Sender("sns", self.topic.topic_arn, self.topic.stack)
        allow_key(self, own, here.principal, here.of_this_account(), story="data-protection")
        self.destinations = define_destinations(self, policy, encryption_key)
        streams = self._streams()
        self.function = self._define_function(policy, subscribers, streams, memory_size)
        function: Any = self.function
        allowed = self._allow(key, own if quarantine is None else quarantine.encryption_master_key)
        net = AsyncDlq(self, "Net", function=function, on_failure=self.quarantine, alarm_actions=actions)
        self.link = SnsAsync(
            self,
            "Link",
            function=function,
            topic=into,
            net=net,
            encryption_key=own,
            alarm_actions=actions,
        )
        # A message must not arrive before the function may pass it on.
        self.link.subscription.node.add_dependency(allowed)
        self._subscribe(subscribers)
        _describe(net, "The policy denied a message, or the relay could not process it")
        self.alarms = (*self._tell(policy, actions), *self.link.alarms, *net.alarms)

    def grant_publish(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a publisher publish to ``ingress``, and use the key that it is encrypted with."""
        return self.ingress.grant_publish(grantee)

    def metric(self, name: str) -> cloudwatch.Metric:
        """What the function counts, per minute.

        Args:
            name: ``MessagesWithFindings``, ``MessagesWithNoFindings`` (audited ones), ``MessagesDenied`` (to
                everybody), ``DeliveriesDenied`` (one for each subscriber), or ``MessagesDeidentified``.
        """
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"Relay": self.function.function_name},
            statistic="Sum",
            period=seconds(60),
        )

    def _streams(self) -> dict[str, str]:
        """A stream in each log group that records go to: the function may then write, and create nothing."""
        found: dict[str, str] = {}
        named = {"findings": self.destinations.findings, "no_findings": self.destinations.no_findings}
        for role, destination in named.items():
            if destination is not None and destination.log_group is not None:
                id = "FindingsLogStream" if role == "findings" else "NoFindingsLogStream"
                found[role] = logs.CfnLogStream(self, id, log_group_name=destination.log_group).ref
        return found

    def _define_function(
        self,
        policy: DataProtectionPolicy,
        subscribers: Sequence[Subscriber],
        streams: Mapping[str, str],
        memory_size: int,
    ) -> lambda_.Function:
        settings = {
            "topic": self.topic.topic_arn,
            "quarantine": self.quarantine.queue_url,
            "resource": self.ingress.topic_arn,
            "findings": _settings(self.destinations.findings, streams.get("findings")),
            "no_findings": _settings(self.destinations.no_findings, streams.get("no_findings")),
        }
        with tempfile.TemporaryDirectory() as folder:
            _write_code(Path(folder), policy, subscribers)
            return lambda_.Function(
                self,
                "Function",
                description="Keeps a data protection policy between two topics",
                runtime=lambda_.Runtime.PYTHON_3_14,
                handler="engine.handler.handle",
                code=lambda_.Code.from_asset(folder),
                timeout=seconds(60),
                memory_size=memory_size,
                environment={"RELAY": cdk.Stack.of(self).to_json_string(settings)},
                log_group=logs.LogGroup(
                    self, "Log", retention=logs.RetentionDays.ONE_MONTH, removal_policy=cdk.RemovalPolicy.DESTROY
                ),
            )

    def _allow(self, key: kms.IKey, quarantine_key: kms.IKey | None) -> iam.Policy:
        """What the function may do, and no more: publish, quarantine, record."""
        statements = [
            iam.PolicyStatement(actions=["sns:Publish"], resources=[self.topic.topic_arn]),
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.quarantine.queue_arn]),
            iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key.key_arn]),
        ]
        if quarantine_key is not None:
            statements.append(
                iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[quarantine_key.key_arn])
            )
        stack = cdk.Stack.of(self)
        for destination in (self.destinations.findings, self.destinations.no_findings):
            if destination is None:
                continue
            here = {"partition": stack.partition, "region": stack.region, "account": stack.account}
            if destination.log_group is not None:
                group = "arn:{partition}:logs:{region}:{account}:log-group:".format(**here) + destination.log_group
                statements.append(iam.PolicyStatement(actions=["logs:PutLogEvents"], resources=[f"{group}:*"]))
            if destination.delivery_stream is not None:
                stream = "arn:{partition}:firehose:{region}:{account}:deliverystream/".format(**here)
                statements.append(
                    iam.PolicyStatement(
                        actions=["firehose:PutRecord"], resources=[stream + destination.delivery_stream]
                    )
                )
            if destination.bucket is not None:
                bucket = f"arn:{stack.partition}:s3:::{destination.bucket}"
                statements.append(iam.PolicyStatement(actions=["s3:PutObject"], resources=[f"{bucket}/*"]))
        role: Any = self.function.role
        return iam.Policy(self, "Pass", statements=statements, roles=[role])

    def _subscribe(self, subscribers: Sequence[Subscriber]) -> None:
        topic: Any = self.topic
        for subscriber in subscribers:
            queue: Any = subscriber.queue
            if not isinstance(queue, sqs.Queue):
                warn(
                    self,
                    "data-protection.imported-queue",
                    f"The queue of {subscriber.name!r} is imported, so nothing could be added to its policy. It must "
                    "allow sqs:SendMessage to sns.amazonaws.com for the topic behind the relay (and the use of its "
                    "key), or what it should get ends in the relay's queue of undelivered messages.",
                )
            self.topic.add_subscription(
                subscriptions.SqsSubscription(
                    queue,
                    dead_letter_queue=self.undelivered,  # pyright: ignore[reportArgumentType] - jsii's parameter names
                    filter_policy={SUBSCRIBER: sns.SubscriptionFilter.string_filter(allowlist=[subscriber.name])},
                )
            )
        only = iam.PolicyStatement(
            sid="OnlyTheRelayPublishes",
            effect=iam.Effect.DENY,
            actions=["sns:Publish"],
            principals=[iam.AnyPrincipal()],  # pyright: ignore[reportArgumentType] - jsii's parameter names
            resources=[self.topic.topic_arn],
            conditions={"ArnNotEquals": {"aws:PrincipalArn": _arn(self.function)}},
        )
        topic.add_to_resource_policy(only)

    def _tell(self, policy: DataProtectionPolicy, actions: Sequence[Any]) -> tuple[cloudwatch.Alarm, ...]:
        alarms = Alarms(self, actions)
        audit = policy.audit
        if audit is not None and audit.findings is not None:
            alarms.over("Findings", self.metric("MessagesWithFindings"), 0, "A message has sensitive data in it.")
        alarms.kept_messages(
            "Undelivered",
            self.undelivered,
            limits.SQS_RETENTION_SECONDS[1],
            "A message that passed the policy could not be delivered to a subscriber",
        )
        for id, metric, means in _TOLD:
            counted = cloudwatch.Metric(
                namespace="AWS/SNS",
                metric_name=metric,
                dimensions_map={"TopicName": self.topic.topic_name},
                statistic="Sum",
                period=seconds(60),
            )
            alarms.over(id, counted, 0, means)
        return tuple(alarms.made)


def _describe(net: AsyncDlq, what: str) -> None:
    """The quarantine is also the net's queue, whose alarms know of failed events only."""
    for alarm in net.alarms:
        child = alarm.node.default_child
        if alarm.node.id.startswith("OnFailure") and isinstance(child, cloudwatch.CfnAlarm):
            child.alarm_description = f"{what}; the quarantine has it."


def _arn(function: lambda_.Function) -> str:
    assert function.role is not None
    return function.role.role_arn


def _key(scope: Construct, id: str, description: str) -> kms.Key:
    return kms.Key(scope, id, description=description, enable_key_rotation=True)


def _settings(destination: Destination | None, stream: str | None) -> dict[str, str]:
    if destination is None:
        return {}
    named = {"delivery_stream": destination.delivery_stream, "bucket": destination.bucket}
    if destination.log_group is not None and stream is not None:
        named |= {"log_group": destination.log_group, "log_stream": stream}
    return {name: value for name, value in named.items() if value is not None}


def _write_code(folder: Path, policy: DataProtectionPolicy, subscribers: Sequence[Subscriber]) -> None:
    """The engine as it stands in this package, and the policy with its subscribers by name.

    Both can be longer than the 4 KB of a function's environment, so they travel with the code. Principals may be
    known at deployment only: which subscriber they are is known now, and that is all the function needs. What it does
    not need is left out, because a token in it would be another text, and another function, with every synthesis.
    """
    code = folder / "engine"
    code.mkdir()
    for module in sorted(Path(engine.__file__).parent.glob("*.py")):
        shutil.copyfile(module, code / module.name)
    document = policy.document()
    del document["Name"]
    document.pop("Description", None)
    for statement in document["Statement"]:
        audit = statement["Operation"].get("Audit")
        if audit is not None:
            statement["Operation"] = {"Audit": {"SampleRate": audit["SampleRate"]}}
        inbound = statement["DataDirection"] == "Inbound"  # and so for everybody: the others have been refused
        statement["Principal"] = (
            ["*"] if inbound else [s.name for s in subscribers if _concerns(statement["Principal"], s)]
        )
    kept = {"subscribers": [subscriber.name for subscriber in subscribers], "policy": document}
    (code / "policy.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")


def _concerns(principals: Sequence[str], subscriber: Subscriber) -> bool:
    return any(covers(principal, subscriber.principal) for principal in principals)


def _warn_idle(scope: Construct, policy: DataProtectionPolicy, subscribers: Sequence[Subscriber]) -> None:
    for index, statement in enumerate(policy.statements):
        if statement.direction == "Outbound" and not any(_concerns(statement.principals, s) for s in subscribers):
            warn(
                scope,
                "data-protection.idle-statement",
                f"Statement[{index}] names principals that are no subscriber's: it keeps nothing from anybody here.",
            )


def _check(
    policy: Any,
    subscribers: Any,
    ingress: Any,
    quarantine: Any,
    encryption_key: Any,
    quarantine_key: Any,
    memory_size: Any,
) -> None:
    check_policy(policy)
    refuse_undetectable(policy)
    for index, statement in enumerate(policy.statements):
        if statement.direction == "Inbound" and "*" not in statement.principals:
            raise PatternError(
                f"Statement[{index}].Principal must have '*' in a relay, which is not told who published, "
                f"got {', '.join(map(repr, statement.principals))}"
            )
    if isinstance(subscribers, str | bytes) or not isinstance(subscribers, Sequence):
        raise PatternError(f"subscribers must be a list of Subscriber, got {subscribers!r}")
    if not subscribers:
        raise PatternError("subscribers must be 1 or more, got 0: what passes would be lost")
    if len(subscribers) > limits.SNS_SUBSCRIPTIONS_OF_LARGE_MESSAGES:
        raise PatternError(
            f"subscribers must be {limits.SNS_SUBSCRIPTIONS_OF_LARGE_MESSAGES} at most, got {len(subscribers)}"
        )
    names: list[str] = []
    queues: dict[str, str] = {}
    for index, subscriber in enumerate(subscribers):
        if not isinstance(subscriber, Subscriber):
            raise PatternError(f"subscribers[{index}] must be a Subscriber, got {subscriber!r}")
        if subscriber.name in names:
            raise PatternError(f"subscribers[{index}].name must be its own, got {subscriber.name!r} twice")
        names.append(subscriber.name)
        # SNS has one subscription for a queue, and so one filter.
        other = queues.setdefault(subscriber.queue.queue_arn, subscriber.name)
        if other != subscriber.name:
            raise PatternError(
                f"subscribers[{index}].queue must be its own, got the queue of {other!r} for {subscriber.name!r}"
            )
    if ingress is not None:
        is_a("ingress", ingress, "topic_arn", "an SNS topic (aws_sns.ITopic)")
        if ingress.fifo is True:
            raise PatternError("ingress must be a standard topic, got a FIFO topic")
        child = ingress.node.default_child if isinstance(ingress, sns.Topic) else None
        size = child.maximum_message_size if isinstance(child, sns.CfnTopic) else None
        if size is not None and size > limits.SNS_MESSAGE_SIZE_DEFAULT and not cdk.Token.is_unresolved(size):
            raise PatternError(
                f"ingress must take messages of {limits.SNS_MESSAGE_SIZE_DEFAULT} bytes at most (MaximumMessageSize): "
                f"a larger one need not fit into the quarantine with its denials, got {size:.0f}"
            )
    if quarantine is not None:
        is_a("quarantine", quarantine, "queue_arn", A_QUEUE)
        if quarantine.fifo is True:
            raise PatternError("quarantine must be a standard queue, got a FIFO queue")
        if quarantine.encryption_master_key is None:
            raise PatternError(
                "quarantine must be encrypted with a customer-managed key (encryption_master_key): it holds what the "
                "policy keeps from others"
            )
    for name, key in (("encryption_key", encryption_key), ("quarantine_key", quarantine_key)):
        if key is not None:
            is_a(name, key, "key_arn", A_KEY)
    low, high = limits.LAMBDA_MEMORY_MEGABYTES
    if not isinstance(memory_size, int) or isinstance(memory_size, bool) or not low <= memory_size <= high:
        raise PatternError(f"memory_size must be {low} to {high} MB, got {memory_size!r}")
