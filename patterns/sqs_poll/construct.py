"""SqsPoll: messages wait in a queue, Lambda polls them for a function, what fails is kept."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from patterns._checks import seconds, warn

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns._alarms import Alarms, alarm_actions_checked, oldest_message
from patterns._keys import may_use
from patterns._places import stack_of
from patterns._queues import define_dead_letters, define_queue
from patterns.flow import limits
from patterns.sqs_poll.plan import Plan, make_plan


class SqsPoll(Construct):
    """A queue that Lambda polls for a function; what the function cannot process ends in a dead-letter queue.

    What happens to a message: it waits in ``queue`` for at most ``retention``. Lambda receives it, alone or in a
    batch, and invokes the function. The function returns: the message is deleted. The function fails, times out,
    is throttled, or reports the message in ``batchItemFailures``: the message is invisible until the visibility
    timeout has passed, then it is received again. After ``max_receive_count`` receives SQS moves it to
    ``dead_letters``, where it is kept for 14 days and an alarm tells.

    Args:
        scope: the construct or stack that this belongs to.
        id: its name there.
        function: a Lambda function, version or alias, in any runtime and in any stack of the account and Region.
        queue: the queue to poll. Default: one is defined, encrypted, TLS only. A queue that is given is used as it
            is: it must bring its own dead-letter queue, and the arguments that shape a defined queue
            (``dead_letters`` apart, see there) are refused.
        dead_letters: the dead-letter queue of a queue that is defined here. Default: one is defined, of the same
            kind, encrypted, TLS only, 14 days, retained when the stack is deleted, and open to this source queue
            alone. Beside an imported ``queue``, whose settings nobody can read: the dead-letter queue it has, so
            that alarms watch it.
        fifo: whether the queues defined here are FIFO. Default: standard queues.
        content_based_deduplication: whether a FIFO queue takes the SHA-256 of the body as deduplication id.
            Default: no; the sender gives ids. Equal bodies within 5 minutes would be one message.
        max_receive_count: receives before a message moves to the dead-letter queue, 1 to 1000. Default: 5. Below 5
            a synth warning: a throttled or timed-out receive counts, so good messages get there too.
            https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        retention: how long the queue keeps a message that nobody has processed, 60 to 1,209,600 seconds.
            Default: 4 days. It must outlast ``max_receive_count`` visibility timeouts, or a message expires before
            it can reach the dead-letter queue.
        visibility_timeout: how long a received message is hidden from other receives, 0 to 43,200 seconds, and not
            less than the function's timeout. Default: 6 times the function's timeout plus the batching window, as
            AWS recommends; a synth warning when it is less.
            https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        function_timeout: the timeout of a function whose settings cannot be read (imported, or set by a token),
            1 to 900 seconds. Default: read from the function.
        encryption_key: a customer-managed KMS key for both queues, or an alias of one that is defined in this app.
            Default: SQS-managed encryption.
        batch_size: the most messages in one invocation: 1 to 10,000, FIFO 1 to 10; above 10 needs a
            ``max_batching_window`` of at least 1 second. Default: 10.
            https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
        max_batching_window: how long Lambda gathers a batch, 0 to 300 seconds, standard queues only. Default: it
            does not wait.
        report_batch_item_failures: whether the function's ``batchItemFailures`` decides message by message.
            Default: yes; the function must return it (Powertools' batch processor does). Without it one failed
            message sends its whole batch back.
        filters: event patterns, at most 10, that look at ``body`` only; a message that matches one of them is
            processed. **A message that matches none is deleted**: a synth warning says so, and
            ``metric_filtered_out`` counts them. Default: no filter.
            https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
        max_concurrency: the most concurrent invocations for this queue, 2 to 1000, and not more than the function's
            reserved concurrency. Default: no limit of its own.
            https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
        minimum_pollers: provisioned event pollers that always run, 2 to 200. Default: no provisioned pollers, or 2
            where only ``maximum_pollers`` is given. Not together with ``max_concurrency``.
        maximum_pollers: provisioned event pollers at most, 2 to 10,000. Default: no provisioned pollers, or 200
            where only ``minimum_pollers`` is given.
        oldest_message_alarm: the age of the oldest waiting message above which an alarm tells, 1 to 1,209,600
            seconds and below ``retention``. Default: twice the time to the dead-letter queue (receive count times
            visibility timeout), at least an hour, at most half of ``retention``.
        alarm_actions: what every alarm here does, for example ``[SnsAction(topic)]``. Default: nothing, with a synth
            warning that nobody is told.

    Attributes:
        queue: the queue that is polled.
        dead_letters: the dead-letter queue; ``None`` only for an imported ``queue`` given without it.
        mapping: the event source mapping.
        alarms: the alarms: a message in the dead-letter queue, its oldest message past half of the retention there,
            the oldest message waiting in the queue.
        visibility_timeout: the seconds that were decided; ``None`` for an imported queue or a token.

    Raises:
        PatternError: an argument that AWS or the CDK would refuse later, or would accept and lose messages with;
            nothing has been created then.
    """

    queue: sqs.IQueue
    dead_letters: sqs.IQueue | None
    mapping: lambda_.EventSourceMapping
    alarms: tuple[cloudwatch.Alarm, ...]
    visibility_timeout: int | None

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: lambda_.IFunction,
        queue: sqs.IQueue | None = None,
        dead_letters: sqs.IQueue | None = None,
        fifo: bool | None = None,
        content_based_deduplication: bool | None = None,
        max_receive_count: int | None = None,
        retention: cdk.Duration | None = None,
        visibility_timeout: cdk.Duration | None = None,
        function_timeout: cdk.Duration | None = None,
        encryption_key: kms.IKey | None = None,
        batch_size: int = limits.ESM_BATCH_SIZE_DEFAULT,
        max_batching_window: cdk.Duration | None = None,
        report_batch_item_failures: bool = True,
        filters: Sequence[Mapping[str, Any]] = (),
        max_concurrency: int | None = None,
        minimum_pollers: int | None = None,
        maximum_pollers: int | None = None,
        oldest_message_alarm: cdk.Duration | None = None,
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
    ) -> None:
        plan = make_plan(
            stack_of(scope, id),
            function=function,
            queue=queue,
            dead_letters=dead_letters,
            fifo=fifo,
            content_based_deduplication=content_based_deduplication,
            max_receive_count=max_receive_count,
            retention=retention,
            visibility_timeout=visibility_timeout,
            function_timeout=function_timeout,
            encryption_key=encryption_key,
            batch_size=batch_size,
            max_batching_window=max_batching_window,
            report_batch_item_failures=report_batch_item_failures,
            filters=filters,
            max_concurrency=max_concurrency,
            minimum_pollers=minimum_pollers,
            maximum_pollers=maximum_pollers,
            oldest_message_alarm=oldest_message_alarm,
        )
        actions = alarm_actions_checked(alarm_actions)
        super().__init__(scope, id)
        for rule, message in plan.warnings:
            warn(self, rule, message)

        self.visibility_timeout = plan.visibility_timeout
        if queue is None:
            self.queue, self.dead_letters = self._define_queues(plan, dead_letters, encryption_key, visibility_timeout)
        else:
            self.queue, self.dead_letters = queue, plan.dead_letters
        queue_arn = self.queue.queue_arn
        self.mapping = lambda_.EventSourceMapping(
            self,
            "Poll",
            target=function,
            event_source_arn=queue_arn,
            batch_size=batch_size,
            max_batching_window=max_batching_window,
            report_batch_item_failures=report_batch_item_failures or None,
            max_concurrency=max_concurrency,
            filters=[{"pattern": pattern} for pattern in plan.patterns] or None,
            metrics_config=lambda_.MetricsConfig(metrics=[lambda_.MetricType.EVENT_COUNT]) if plan.patterns else None,
        )
        if plan.pollers:
            self._provision(*plan.pollers)
        self._allow_polling(function, queue_arn, encryption_key if queue is None else queue.encryption_master_key)

        alarms = Alarms(self, actions)
        if self.dead_letters is not None:
            alarms.kept_messages(
                "DeadLetters",
                self.dead_letters,
                plan.dead_letter_retention,
                "A message could not be processed",
            )
        alarms.over(
            "OldestMessage",
            oldest_message(self.queue),
            plan.alert_after,
            "Messages wait longer than expected: the function fails, is throttled or does not keep up.",
        )
        self.alarms = tuple(alarms.made)

    def metric_filtered_out(self) -> cloudwatch.Metric:
        """How many messages matched no filter and were deleted, per minute. Has data only where there are filters.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
        """
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="FilteredOutEventCount",
            dimensions_map={"EventSourceMappingUUID": self.mapping.event_source_mapping_id},
            statistic="Sum",
            period=seconds(60),
        )

    def _define_queues(
        self,
        plan: Plan,
        given: sqs.IQueue | None,
        key: kms.IKey | None,
        visibility_timeout: cdk.Duration | None,
    ) -> tuple[sqs.Queue, sqs.IQueue]:
        name = None
        if given is None:
            dead_letters: sqs.IQueue = define_dead_letters(self, "DeadLetters", key=key, fifo=plan.fifo)
            name = self._allow_redrive(dead_letters, plan.fifo)
        else:
            dead_letters = given
        queue = define_queue(
            self,
            "Queue",
            key=key,
            fifo=plan.fifo,
            content_based_deduplication=plan.content_based_deduplication or None,
            queue_name=name,
            retention_period=seconds(plan.retention) if plan.retention else plan.retention_token,
            visibility_timeout=visibility_timeout or seconds(plan.visibility_timeout or 0),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=plan.max_receive_count),
        )
        return queue, dead_letters

    def _allow_redrive(self, dead_letters: sqs.Queue, fifo: bool) -> str:
        """Open the dead-letter queue to the one source queue, by the name that the source queue will have.

        Each queue names the other, and CloudFormation refuses a cycle of references. So the source gets a name that
        both can spell: construct path and the stack's own UUID, new with each deployment of each stack. See
        docs/decisions/0001-source-queue-name.md.
        """
        name = f"{cdk.Names.unique_resource_name(self, max_length=38, separator='-')}-{_stack_uuid()}"
        if fifo:
            name += ".fifo"
        partition, region, account = ({"Ref": f"AWS::{part}"} for part in ("Partition", "Region", "AccountId"))
        arn = {"Fn::Join": [":", ["arn", partition, "sqs", region, account, name]]}
        child = dead_letters.node.default_child
        assert isinstance(child, sqs.CfnQueue)
        child.redrive_allow_policy = {"redrivePermission": "byQueue", "sourceQueueArns": [arn]}
        return name

    def _provision(self, minimum: int | None, maximum: int | None) -> None:
        # The L2's own argument still refuses more than 2,000 pollers.
        child = self.mapping.node.default_child
        assert isinstance(child, lambda_.CfnEventSourceMapping)
        child.provisioned_poller_config = lambda_.CfnEventSourceMapping.ProvisionedPollerConfigProperty(
            minimum_pollers=minimum, maximum_pollers=maximum
        )

    def _allow_polling(self, function: lambda_.IFunction, queue_arn: str, key: kms.IKey | None) -> None:
        """Let the function's role receive from this queue, by a policy in this scope.

        A statement in the role's own default policy would make the role's stack depend on this one, which depends
        on the function: a cycle when they are two.
        """
        role = function.role
        if role is None:
            warn(
                self,
                "sqs-poll.unknown-role",
                "The role of the imported function is not known, so nothing could be granted. It needs "
                "sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes on the queue (and kms:Decrypt on its "
                "key). Import the function with from_function_attributes(role=…), and it is granted here.",
            )
            return
        statements = [
            iam.PolicyStatement(
                actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                resources=[queue_arn],
            )
        ]
        if key is not None:
            statements += may_use(key, ["kms:Decrypt"])
        policy = iam.Policy(self, "Consume", statements=statements, roles=[role])
        self.mapping.node.add_dependency(policy)


@cache
def _stack_uuid() -> str:
    """The last part of AWS::StackId, which CloudFormation makes anew for each stack that it creates."""
    return cdk.Token.as_string({"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]})
