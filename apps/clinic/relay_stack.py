"""The clinic with a relay: for accounts that cannot have message data protection."""

from typing import Any

from apps._common import define_on_call

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from constructs import Construct

from apps.clinic._nag import acknowledge_relay
from apps.clinic.department import Department
from apps.clinic.policy import clinic_policy
from patterns.data_protection import ProtectionRelay, Subscriber


class ClinicRelayStack(cdk.Stack):
    """Publisher → ingress → relay → topic → billing and scheduling.

    A department is known to the policy by the role of its function.

    Args:
        scope: the app.
        id: name of the stack.
        encryption_key: a key for the topics. Default: the relay defines one.
        quarantine_key: a key for what is kept from somebody. Default: the relay defines one.
        options: passed to ``aws_cdk.Stack``.

    Attributes:
        relay: the relay.
    """

    relay: ProtectionRelay

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        encryption_key: kms.IKey | None = None,
        quarantine_key: kms.IKey | None = None,
        **options: Any,
    ) -> None:
        super().__init__(scope, id, **options)
        told = [actions.SnsAction(define_on_call(self))]
        departments = {name: Department(self, name, alarm_actions=told) for name in ("Billing", "Scheduling")}
        arns = {name: department.role_arn for name, department in departments.items()}
        relay = ProtectionRelay(
            self,
            "Relay",
            policy=clinic_policy(arns["Billing"], arns["Scheduling"]),
            subscribers=[
                Subscriber(name, department.poll.queue, arns[name]) for name, department in departments.items()
            ],
            encryption_key=encryption_key,
            quarantine_key=quarantine_key,
            alarm_actions=told,
        )
        self.relay = relay
        acknowledge_relay(relay)
        cdk.CfnOutput(self, "IngressArn", value=relay.ingress.topic_arn)
        cdk.CfnOutput(self, "QuarantineUrl", value=relay.quarantine.queue_url)
        cdk.CfnOutput(self, "FunctionName", value=relay.function.function_name)
        for name, department in departments.items():
            cdk.CfnOutput(self, f"{name}Files", value=department.files.bucket_name)
        findings, no_findings = relay.destinations.findings, relay.destinations.no_findings
        assert findings is not None
        assert no_findings is not None
        cdk.CfnOutput(self, "FindingsLog", value=findings.log_group or "")
        cdk.CfnOutput(self, "CleanBucket", value=no_findings.bucket or "")
