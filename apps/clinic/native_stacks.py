"""The clinic with SNS's own feature: for accounts that used it before 30 April 2026.

A subscription belongs to the principal that made it, and a stack's subscriptions are made by the role that
CloudFormation uses for it. So each department has a stack of its own, deployed with a role of its own:

    cdk deploy ClinicNative
    cdk deploy ClinicNativeBilling --role-arn <output BillingRoleArn of ClinicNative>
    cdk deploy ClinicNativeScheduling --role-arn <output SchedulingRoleArn of ClinicNative>
"""

from typing import Any

from apps._common import acknowledge, define_on_call

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from apps.clinic._nag import acknowledge_last_queue, acknowledge_native
from apps.clinic.department import Department
from apps.clinic.policy import clinic_policy
from patterns.data_protection import ProtectedTopic


class ClinicNativeStack(cdk.Stack):
    """The topic's owner: the topic with its policy, and the role that each department's stack is deployed with.

    Args:
        scope: the app.
        id: name of the stack.
        options: passed to ``aws_cdk.Stack``.

    Attributes:
        topic: the topic.
    """

    topic: sns.Topic

    def __init__(self, scope: Construct, id: str, **options: Any) -> None:
        super().__init__(scope, id, **options)
        told = [actions.SnsAction(define_on_call(self))]
        roles = {name: self._role(name) for name in ("Billing", "Scheduling")}
        protected = ProtectedTopic(
            self,
            "Clinic",
            policy=clinic_policy(roles["Billing"].role_arn, roles["Scheduling"].role_arn),
            alarm_actions=told,
        )
        self.topic = protected.topic
        acknowledge_native(protected)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Departments",
                actions=["sns:Subscribe"],
                principals=[iam.ArnPrincipal(role.role_arn) for role in roles.values()],
                resources=[self.topic.topic_arn],
            )
        )
        cdk.CfnOutput(self, "TopicArn", value=self.topic.topic_arn)
        for name, role in roles.items():
            self._keep_from_changing_the_topic(role)
            cdk.CfnOutput(self, f"{name}RoleArn", value=role.role_arn)

    def _role(self, department: str) -> iam.Role:
        roles = f"ClinicNative{department}-"
        service: Any = iam.ServicePrincipal("cloudformation.amazonaws.com")
        role = iam.Role(self, f"{department}Role", assumed_by=service)
        role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name("PowerUserAccess"))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:*Role", "iam:*RolePolicy", "iam:PassRole", "iam:TagRole"],
                # Roles of its own stack: not this one, which could then give itself more, nor the other department's.
                resources=[self.format_arn(service="iam", region="", resource="role", resource_name=f"{roles}*")],
            )
        )
        why = "the department deploys its own stack with this role, so it may do what a deployment does"
        for rule in (
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/PowerUserAccess]",
            "AwsSolutions-IAM5[Action::iam:*Role]",
            "AwsSolutions-IAM5[Action::iam:*RolePolicy]",
            f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:iam::<AWS::AccountId>:role/{roles}*]",
        ):
            acknowledge(role, "AwsSolutions", rule, why)
        return role

    def _keep_from_changing_the_topic(self, role: iam.Role) -> None:
        """A department deploys with wide rights; what is kept from it is not for it to change."""
        role.add_to_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=[
                    "sns:AddPermission",
                    "sns:DeleteTopic",
                    "sns:PutDataProtectionPolicy",
                    "sns:RemovePermission",
                    "sns:SetTopicAttributes",
                ],
                resources=[self.topic.topic_arn],
            )
        )


class ClinicNativeDepartmentStack(cdk.Stack):
    """One department's subscription to the owner's topic.

    Args:
        scope: the app.
        id: name of the stack.
        department: its name.
        topic: the owner's topic.
        options: passed to ``aws_cdk.Stack``.
    """

    def __init__(self, scope: Construct, id: str, *, department: str, topic: sns.Topic, **options: Any) -> None:
        super().__init__(scope, id, **options)
        told = [actions.SnsAction(define_on_call(self))]
        clerk = Department(self, department, alarm_actions=told)
        undelivered: Any = sqs.Queue(
            self,
            "Undelivered",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        acknowledge_last_queue(undelivered)
        queue: Any = clerk.poll.queue
        topic.add_subscription(subscriptions.SqsSubscription(queue, dead_letter_queue=undelivered))
        alarm = undelivered.metric_approximate_number_of_messages_visible(
            period=cdk.Duration.minutes(1), statistic="Maximum"
        ).create_alarm(
            self,
            "UndeliveredNotEmpty",
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description="A message could not be delivered.",
        )
        alarm.add_alarm_action(*told)
        cdk.CfnOutput(self, "Files", value=clerk.files.bucket_name)
