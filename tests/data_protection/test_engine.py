"""Sensitive data goes to nobody whom the policy does not allow, and everything else goes through unchanged."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns import PatternError, data_protection
from patterns.data_protection import (
    Audit,
    CustomIdentifier,
    DataProtectionPolicy,
    Deidentify,
    Deny,
    Destination,
    Statement,
    Unlisted,
    apply,
    refuse_undetectable,
)
from patterns.data_protection.engine import Engine, Outcome
from patterns.data_protection.engine.engine import covers

ACCOUNT = "123456789012"
BILLING = f"arn:aws:iam::{ACCOUNT}:role/Billing"
SCHEDULING = f"arn:aws:iam::{ACCOUNT}:role/Scheduling"
LOGS = Destination(log_group="/aws/vendedlogs/clinic")
SSN = "SSN: 123-12-1234"
ADDRESS = "410 Terry Ave N, Seattle 98109, WA"
DRUG = "NDC: 0777-3105-02"
CARD = "card 4929 1234 5678 9015"


def policy(*statements: Statement) -> DataProtectionPolicy:
    return DataProtectionPolicy("clinic", statements)


def published(message: str, *statements: Statement, **options: Any) -> Outcome:
    return apply(policy(*statements), message, **options).published


def delivered(message: str, *statements: Statement, to: str = BILLING) -> Outcome:
    return apply(policy(*statements), message, subscribers=[to]).deliveries[to]


# The clinic's own policy, and its whole truth table

CLINIC = policy(
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
        LOGS,
        sid="audit",
    ),
    Deny(["PassportNumber-US", "Ssn-US"], sid="deny-inbound"),
    Deny(["NationalDrugCode-US"], "Outbound", [BILLING], "deny-outbound-billing"),
    Deny(["Address", "CreditCardNumber"], "Outbound", [SCHEDULING], "deny-outbound-scheduling"),
)


@pytest.mark.parametrize(
    ("message", "billing", "scheduling", "found"),
    [
        ("The appointment is on Monday", True, True, []),
        (SSN, False, False, ["Ssn-US"]),
        (ADDRESS, True, False, ["Address"]),
        (DRUG, False, True, ["NationalDrugCode-US"]),
        (CARD, True, False, []),
        ("passport 123456789", False, False, ["PassportNumber-US"]),
        ("driver's license D1234567", True, True, ["DriversLicense-US"]),
        ("ana@example.com", True, True, ["EmailAddress"]),
        ("from 10.0.0.1", True, True, ["IpAddress"]),
        ("secret key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", True, True, ["AwsSecretKey"]),
        (f"{ADDRESS}; {DRUG}", False, False, ["Address", "NationalDrugCode-US"]),
    ],
)
def test_the_clinic(message: str, billing: bool, scheduling: bool, found: list[str]):
    verdict = apply(CLINIC, message, subscribers=[BILLING, SCHEDULING])
    assert [verdict.deliveries[who].text for who in (BILLING, SCHEDULING)] == [
        message if billing else None,
        message if scheduling else None,
    ]
    assert [finding.name for finding in verdict.findings] == found


def test_a_denied_message_names_the_statement_and_what_it_found():
    denied = apply(CLINIC, SSN, subscribers=[BILLING])
    assert denied.published == Outcome(None, "deny-inbound", ("Ssn-US",))
    assert denied.deliveries[BILLING] == denied.published
    assert delivered(DRUG, Deny(["NationalDrugCode-US"], "Outbound")) == Outcome(
        None, "Statement[0]", ("NationalDrugCode-US",)
    )


def test_without_subscribers_the_preview_shows_those_that_the_policy_names_and_everyone_else():
    assert list(apply(CLINIC, SSN).deliveries) == [BILLING, SCHEDULING, "*"]
    assert apply(CLINIC, ADDRESS).deliveries["*"].text == ADDRESS


# The record


def test_the_finding_record_is_the_native_one():
    record = apply(CLINIC, SSN).record(
        message_id="34d9b400", timestamp="2026-05-12T02:10:44Z", resource="arn:aws:sns:::topic", caller=BILLING
    )
    assert record == {
        "messageId": "34d9b400",
        "auditTimestamp": "2026-05-12T02:10:44Z",
        "callerPrincipal": BILLING,
        "resourceArn": "arn:aws:sns:::topic",
        "dataIdentifiers": [{"name": "Ssn-US", "count": 1, "detections": [{"start": 5, "end": 15}]}],
    }
    assert list(record) == ["messageId", "auditTimestamp", "callerPrincipal", "resourceArn", "dataIdentifiers"]


def test_an_unknown_caller_is_left_out_of_the_record():
    record = apply(CLINIC, SSN).record(message_id="m", timestamp="t", resource="r", caller=None)
    assert "callerPrincipal" not in record


def test_every_detection_is_counted_with_its_place():
    verdict = apply(CLINIC, "a@example.com, b@example.com")
    assert verdict.findings[0].record() == {
        "name": "EmailAddress",
        "count": 2,
        "detections": [{"start": 0, "end": 12}, {"start": 15, "end": 27}],
    }


def test_the_record_holds_nothing_of_the_message():
    record = apply(CLINIC, SSN).record(message_id="m", timestamp="t", resource="r", caller=None)
    assert "123" not in str(record)


def test_without_an_audit_nothing_is_recorded():
    assert apply(policy(Deny(["Ssn-US"])), SSN).findings == ()


# De-identifying


def test_masking_keeps_the_length_and_redacting_takes_the_data_out():
    assert published(SSN + "!", Deidentify(["Ssn-US"], "#")).text == "SSN: ###########!"
    assert published(SSN + "!", Deidentify(["Ssn-US"])).text == "SSN: !"


def test_a_message_that_is_all_sensitive_is_denied_where_it_would_be_deidentified():
    for statement in (Deidentify(["Address"], "#"), Deidentify(["Address"])):
        assert published(f" {ADDRESS} ", statement) == Outcome(None, "Statement[0]", ("Address",))
        assert published(f"{ADDRESS}.", statement).text is not None


def test_inbound_deidentification_is_what_every_subscriber_gets():
    verdict = apply(policy(Deidentify(["Ssn-US"], "*")), SSN, subscribers=[BILLING, "*"])
    assert verdict.published == Outcome("SSN: ***********", deidentified=("Ssn-US",))
    assert {o.text for o in verdict.deliveries.values()} == {"SSN: ***********"}


def test_outbound_statements_judge_what_was_published():
    masked_first = apply(policy(Deidentify(["Ssn-US"], "#"), Deny(["Ssn-US"], "Outbound")), SSN, subscribers=["*"])
    assert masked_first.deliveries["*"].text == "SSN: ###########"


def test_outbound_deidentification_is_for_its_principals_only():
    verdict = apply(
        policy(Deidentify(["Address"], "#", "Outbound", [SCHEDULING])),
        f"at {ADDRESS}",
        subscribers=[BILLING, SCHEDULING],
    )
    assert verdict.deliveries[BILLING].text == f"at {ADDRESS}"
    assert verdict.deliveries[SCHEDULING].text == "at " + "#" * len(ADDRESS)


def test_a_deny_is_judged_on_the_message_as_published_whatever_the_order():
    both = (Deidentify(["Ssn-US"], "#"), Deny(["Ssn-US"]))
    assert published(SSN, *both).text is None
    assert published(SSN, *reversed(both)).text is None


def test_the_audit_sees_the_message_before_it_is_masked():
    verdict = apply(policy(Deidentify(["Ssn-US"], "#"), Audit(["Ssn-US"], LOGS)), SSN)
    assert [finding.name for finding in verdict.findings] == ["Ssn-US"]


def test_overlapping_data_of_two_statements_is_masked_whole():
    text = "id 7-123-45"
    wide, late = CustomIdentifier("Wide", r"7-\d{3}"), CustomIdentifier("Late", r"\d{3}-\d\d")
    assert published(text, Deidentify([wide], "#"), Deidentify([late], "*")).text == "id #####***"
    assert published(text, Deidentify([late], "*"), Deidentify([wide])).text == "id ***"


# Whom a statement concerns


def test_an_inbound_statement_for_a_principal_concerns_that_publisher_only():
    deny = Deny(["Ssn-US"], principals=[BILLING])
    assert published(SSN, deny, publisher=BILLING).text is None
    assert published(SSN, deny, publisher=SCHEDULING).text == SSN
    assert published(SSN, deny).text == SSN


@pytest.mark.parametrize(
    ("named", "principal", "concerned"),
    [
        ("*", BILLING, True),
        ("*", None, True),
        (BILLING, BILLING, True),
        (BILLING, SCHEDULING, False),
        (BILLING, None, False),
        (ACCOUNT, BILLING, True),
        (ACCOUNT, ACCOUNT, True),
        (f"arn:aws:iam::{ACCOUNT}:root", BILLING, True),
        ("210987654321", BILLING, False),
        (BILLING, f"arn:aws:sts::{ACCOUNT}:assumed-role/Billing/i-1", True),
        (f"arn:aws:iam::{ACCOUNT}:role/team/Billing", f"arn:aws:sts::{ACCOUNT}:assumed-role/Billing/i-1", True),
        (BILLING, f"arn:aws:sts::{ACCOUNT}:assumed-role/Other/Billing", False),
        (BILLING, "arn:aws:sts::210987654321:assumed-role/Billing/i-1", False),
        (ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/Billing/i-1", True),
        (BILLING, "*", False),
    ],
)
def test_a_principal_is_itself_its_role_its_account_or_everybody(named: str, principal: str | None, concerned: bool):
    assert covers(named, principal) is concerned


# What cannot be detected is refused


def test_a_policy_that_names_what_cannot_be_detected_is_refused_by_name():
    loose = policy(Deny(["Ssn-US", "Name"]), Deidentify(["PhoneNumber", "Name", Unlisted("MacAddress")]))
    for check in (refuse_undetectable, lambda whole: apply(whole, "x")):
        with pytest.raises(PatternError) as caught:
            check(loose)
        assert str(caught.value) == (
            "DataIdentifier must be of those that can be detected without the native feature, got 'Name' "
            "(Statement[0].DataIdentifier[1]), 'PhoneNumber' (Statement[1].DataIdentifier[0]), 'MacAddress' "
            "(Statement[1].DataIdentifier[2]); a CustomIdentifier with a regular expression of your own can take its "
            "place"
        )


def test_a_custom_identifier_that_cannot_be_searched_is_refused_by_name():
    with pytest.raises(PatternError) as caught:
        refuse_undetectable(policy(Deny([CustomIdentifier("Any", "x*")])))
    assert str(caught.value) == (
        "Configuration.CustomDataIdentifier[0].Regex must be one that can be searched in linear time, got 'x*' for "
        "'Any': it also matches where there is nothing, so it would be found everywhere"
    )


def test_custom_identifiers_are_found_beside_managed_ones():
    employee = CustomIdentifier("EmployeeId", r"EID-\d{9}-US")
    assert published(f"EID-123456789-US, {SSN}", Deidentify([employee, "Ssn-US"], "#")).text == (
        "################, SSN: ###########"
    )


@given(st.text(max_size=200))
def test_a_message_in_which_nothing_is_found_goes_through_unchanged(message: str):
    whole = policy(Deidentify(sorted(data_protection.CATALOGUE.keys() & {"Ssn-US", "EmailAddress", "IpAddress"}), "#"))
    outcome = apply(whole, message).published
    if not outcome.deidentified and outcome.denied_by is None:
        assert outcome.text == message
    elif outcome.text is not None:
        assert len(outcome.text) == len(message)


def test_the_engine_runs_alone_as_it_does_in_the_function():
    """In the function there is nothing but the standard library and this one package."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import engine; "
        "e = engine.Engine({'Statement': [{'DataDirection': 'Inbound', 'Principal': ['*'], 'DataIdentifier': "
        "['arn:aws:dataprotection::aws:data-identifier/Ssn-US'], 'Operation': {'Deny': {}}}]}); "
        "print(e.apply('SSN: 123-12-1234').published.denied_by, sorted(m for m in sys.modules if 'patterns' in m))"
    )
    folder = Path(data_protection.__file__).parent
    done = subprocess.run([sys.executable, "-S", "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Statement[0] []"


def test_the_audit_keeps_its_sample_rate():
    assert Engine(CLINIC.document()).sample_rate == 99
    assert Engine(policy(Deny(["Ssn-US"])).document()).sample_rate is None
