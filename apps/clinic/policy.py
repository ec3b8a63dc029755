"""What the clinic's messages may carry, and to whom: one policy for both builds."""

from patterns.data_protection import DEFINED, Audit, DataProtectionPolicy, Deny, Destination


def clinic_policy(billing: str, scheduling: str) -> DataProtectionPolicy:
    """Nobody publishes passports and social security numbers; drugs are not billing's business, addresses and cards
    not scheduling's; what else is sensitive is recorded and passes.

    Args:
        billing: ARN of the principal that subscribes for billing.
        scheduling: ARN of the principal that subscribes for scheduling.
    """
    return DataProtectionPolicy(
        "clinic",
        [
            Audit(
                [
                    "Address",
                    "AwsSecretKey",
                    "DriversLicense-US",
                    "EmailAddress",
                    "IpAddress",
                    "NationalDrugCode-US",
                    "PassportNumber-US",
                    "Ssn-US",
                ],
                findings=Destination(log_group=DEFINED, delivery_stream=DEFINED),
                no_findings=Destination(bucket=DEFINED),
                sample_rate=99,
                sid="audit",
            ),
            Deny(["PassportNumber-US", "Ssn-US"], sid="deny-inbound"),
            Deny(["NationalDrugCode-US"], "Outbound", [billing], "deny-outbound-billing"),
            Deny(["Address", "CreditCardNumber"], "Outbound", [scheduling], "deny-outbound-scheduling"),
        ],
        description="What each department of the clinic may see",
    )
