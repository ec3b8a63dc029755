"""Alarms as every pattern here sets them: one period over the line tells, missing data does not."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from patterns._checks import all_are, seconds, warn

AN_ACTION = "an alarm action (aws_cloudwatch.IAlarmAction)"


class Alarms:
    """Sets alarms in one construct and gives each the same actions.

    Attributes:
        made: the alarms so far.
    """

    def __init__(self, scope: Construct, actions: Sequence[cloudwatch.IAlarmAction]) -> None:
        self.made: list[cloudwatch.Alarm] = []
        self._scope = scope
        self._actions = actions
        if not actions:
            warn(
                scope,
                "alarm-without-action",
                "The alarms here have no action: they change colour and nobody is told. "
                "Pass alarm_actions, for example [aws_cloudwatch_actions.SnsAction(topic)].",
            )

    def over(self, id: str, metric: cloudwatch.IMetric, threshold: float, description: str) -> cloudwatch.Alarm:
        """Alarm when one period of ``metric`` is above ``threshold``."""
        alarm = cloudwatch.Alarm(
            self._scope,
            id,
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        if self._actions:
            alarm.add_alarm_action(*self._actions)
        self.made.append(alarm)
        return alarm

    def kept_messages(self, id: str, queue: sqs.IQueue, retention: int, what: str) -> None:
        """Alarm on the first message in a queue that keeps what failed, and before it is deleted unseen.

        ``ApproximateNumberOfMessagesVisible``, because ``NumberOfMessagesSent`` does not count what SQS moves:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html

        Args:
            id: role of the queue; the alarms are ``<id>NotEmpty`` and ``<id>Expiring``.
            queue: the queue.
            retention: seconds that it keeps a message.
            what: what a message in it means, as a sentence that does not end.
        """
        self.over(id + "NotEmpty", visible_messages(queue), 0, what + ".")
        self.over(
            id + "Expiring",
            oldest_message(queue),
            retention // 2,
            f"{what}, and the oldest has waited for half of the {retention} seconds that the queue keeps it.",
        )


def visible_messages(queue: sqs.IQueue) -> cloudwatch.Metric:
    """The number of messages waiting in a queue, the most in each minute."""
    return queue.metric_approximate_number_of_messages_visible(period=seconds(60), statistic="Maximum")


def oldest_message(queue: sqs.IQueue) -> cloudwatch.Metric:
    """The age of a queue's oldest message in seconds, the most in each minute."""
    return queue.metric_approximate_age_of_oldest_message(period=seconds(60), statistic="Maximum")


def alarm_actions_checked(values: Any) -> tuple[Any, ...]:
    """The alarm actions, refused where they are none.

    Raises:
        PatternError: ``alarm_actions[<i>] must be an alarm action (aws_cloudwatch.IAlarmAction), got <value>``.
    """
    return all_are("alarm_actions", values, "bind", AN_ACTION)
