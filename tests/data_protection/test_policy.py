"""A policy that AWS would refuse is refused here, with the path and the reason, before a message depends on it."""

import contextlib
import json
import subprocess
import sys
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns import PatternError
from patterns.data_protection import (
    CATALOGUE,
    DEFINED,
    Audit,
    CustomIdentifier,
    DataProtectionPolicy,
    Deidentify,
    Deny,
    Destination,
    ManagedIdentifier,
    Unlisted,
)

ARN = "arn:aws:dataprotection::aws:data-identifier/"
BILLING = "arn:aws:iam::123456789012:role/Billing"
LOGS = Destination(log_group="/aws/vendedlogs/clinic")
EMPLOYEE = CustomIdentifier("EmployeeId", r"EID-\d{9}-US")


def policy(*statements: Any, **others: Any) -> DataProtectionPolicy:
    return DataProtectionPolicy("clinic", list(statements), **others)


def document(**changes: Any) -> dict[str, Any]:
    return {
        "Name": "clinic",
        "Version": "2021-06-01",
        "Statement": [statement()],
        **changes,
    }


def statement(**changes: Any) -> dict[str, Any]:
    return {
        "DataDirection": "Inbound",
        "Principal": ["*"],
        "DataIdentifier": [ARN + "Ssn-US"],
        "Operation": {"Deny": {}},
        **changes,
    }


def audit(**changes: Any) -> dict[str, Any]:
    findings = {"CloudWatchLogs": {"LogGroup": "/aws/vendedlogs/clinic"}}
    return {"Operation": {"Audit": {"SampleRate": "99", "FindingsDestination": findings, **changes}}}


def refused(make: Any) -> str:
    with pytest.raises(PatternError) as caught:
        make()
    return str(caught.value)


# The catalogue


def test_the_catalogue_is_the_99_identifiers_that_the_literal_completes():
    assert set(CATALOGUE) == set(get_args(ManagedIdentifier))
    assert len(CATALOGUE) == 99


def test_an_identifier_has_its_category_its_country_and_its_arn():
    ssn, card, nino = (CATALOGUE[n] for n in ("Ssn-US", "CreditCardNumber", "NationalInsuranceNumber-GB"))
    assert (ssn.category, ssn.country, ssn.arn) == ("personal", "US", ARN + "Ssn-US")
    assert (card.category, card.country) == ("financial", None)
    assert (nino.category, nino.country) == ("personal", "GB")
    assert (CATALOGUE["HealthInsuranceCardNumber-EU"].category, CATALOGUE["IpAddress"].category) == (
        "health",
        "devices",
    )
    assert CATALOGUE["PgpPrivateKey"].category == "credentials"


def test_a_name_outside_the_catalogue_is_refused_with_the_nearest_one():
    assert refused(lambda: Deny(["Ssn-UK"])) == (
        "Deny.identifiers[0] must be a managed data identifier of the catalogue, a CustomIdentifier, or Unlisted(name) "
        "for one that AWS has added since, got 'Ssn-UK' (did you mean 'Ssn-US'?)"
    )


def test_an_arn_in_place_of_a_name_is_refused_with_the_name():
    assert refused(lambda: Deny([ARN + "Ssn-US"])) == (
        f"Deny.identifiers[0] must be a name, not an ARN: 'Ssn-US', got '{ARN}Ssn-US'"
    )


def test_an_unlisted_identifier_is_allowed_on_purpose_and_warned_of():
    loose = policy(Deny([Unlisted("MacAddress"), Unlisted("DateOfBirth"), "Ssn-US"]))
    assert loose.document()["Statement"][0]["DataIdentifier"][0] == ARN + "MacAddress"
    assert [str(w) for w in loose.warnings()] == [
        "Statement[0].DataIdentifier[0]: 'MacAddress' is not in the catalogue: if AWS does not know it, the "
        "deployment fails",
        "Statement[0].DataIdentifier[1]: 'DateOfBirth' is described by AWS without an ARN: if AWS does not know it, "
        "the deployment fails",
    ]


def test_unlisted_is_not_for_what_is_listed():
    assert refused(lambda: Unlisted("Ssn-US")) == (
        "Unlisted.name must not be in the catalogue, got 'Ssn-US': name it plainly"
    )


# Custom identifiers


@pytest.mark.parametrize("name", ["E", "e" * 128, "Employee_Id-2"])
def test_a_custom_name_of_1_to_128_characters_is_accepted(name: str):
    assert CustomIdentifier(name, "x").name == name


@pytest.mark.parametrize("name", ["", "e" * 129, "Employee Id", "é", None, 5])
def test_any_other_custom_name_is_refused(name: Any):
    assert refused(lambda: CustomIdentifier(name, "x")) == (
        f"CustomIdentifier.name must be 1 to 128 letters, digits, '_' or '-', got {name!r}"
    )


def test_a_custom_identifier_must_not_take_a_managed_name():
    assert refused(lambda: CustomIdentifier("Ssn-US", "x")) == (
        "CustomIdentifier.name must not be the name of a managed data identifier, got 'Ssn-US'"
    )


def test_a_regex_of_1_to_200_characters_is_accepted_and_one_more_refused():
    assert CustomIdentifier("a", "x" * 200).regex == "x" * 200
    assert refused(lambda: CustomIdentifier("a", "x" * 201)) == (
        "CustomIdentifier.regex must be 1 to 200 characters, got 201"
    )
    assert refused(lambda: CustomIdentifier("a", "")) == "CustomIdentifier.regex must be 1 to 200 characters, got 0"


@pytest.mark.parametrize(("regex", "bad"), [("(a)", "("), ("a&b", "&"), ("café", "é"), ('"', '"'), ("a\nb", "\n")])
def test_a_character_that_aws_does_not_allow_in_a_regex_is_named(regex: str, bad: str):
    assert refused(lambda: CustomIdentifier("a", regex)) == (
        "CustomIdentifier.regex must be of letters, digits, space and _#=@/;,-^$?[]{}|\\*+. only, "
        f"got {bad!r} in {regex!r}"
    )


def test_every_character_that_aws_allows_in_a_regex_is_accepted():
    assert CustomIdentifier("a", r"^aZ09 _#=@/;,-[x]?y{2}|\d*.+$")


def test_what_is_no_regular_expression_is_refused_with_the_reason():
    assert refused(lambda: CustomIdentifier("a", "[a")) == (
        "CustomIdentifier.regex must be a regular expression, got '[a': unterminated character set at position 0"
    )


def test_ten_custom_identifiers_are_accepted_and_eleven_refused():
    customs = [CustomIdentifier(f"c{n}", "x") for n in range(11)]
    assert len(policy(Deny(customs[:10])).custom_identifiers) == 10
    assert refused(lambda: policy(Deny(customs))) == (
        "DataProtectionPolicy.custom_identifiers must be 10 at most, got 11"
    )


def test_one_name_for_two_expressions_is_refused():
    assert refused(lambda: policy(Deny([CustomIdentifier("a", "x"), CustomIdentifier("a", "y")]))) == (
        "DataProtectionPolicy.custom_identifiers must have names of their own, got 'a' for 'x' and for 'y'"
    )


def test_the_same_custom_identifier_in_two_statements_is_declared_once():
    both = policy(Deny([EMPLOYEE]), Deidentify([EMPLOYEE, "Ssn-US"], direction="Outbound"))
    assert both.document()["Configuration"] == {
        "CustomDataIdentifier": [{"Name": "EmployeeId", "Regex": r"EID-\d{9}-US"}]
    }
    assert both.document()["Statement"][1]["DataIdentifier"] == ["EmployeeId", ARN + "Ssn-US"]


def test_a_custom_identifier_that_no_statement_uses_is_kept_and_warned_of():
    unused = policy(Deny(["Ssn-US"]), custom_identifiers=[EMPLOYEE])
    assert [str(w) for w in unused.warnings()] == [
        "Configuration.CustomDataIdentifier[0]: 'EmployeeId' is used by no statement"
    ]


# Statements


def test_a_policy_renders_to_the_documented_json():
    whole = policy(
        Audit(
            ["Address", EMPLOYEE],
            findings=Destination(log_group="/aws/vendedlogs/clinic", delivery_stream="found"),
            no_findings=Destination(bucket="clean-messages"),
            sample_rate=50,
            sid="audit",
        ),
        Deny(["Ssn-US"]),
        Deny(["NationalDrugCode-US"], "Outbound", [BILLING, "123456789012"]),
        Deidentify(["EmailAddress"], "#"),
        Deidentify(["IpAddress"], direction="Outbound"),
        description="What the clinic keeps to itself",
    )
    everybody = {"Principal": ["*"]}
    assert whole.document() == {
        "Name": "clinic",
        "Description": "What the clinic keeps to itself",
        "Version": "2021-06-01",
        "Statement": [
            {
                "Sid": "audit",
                "DataDirection": "Inbound",
                **everybody,
                "DataIdentifier": [ARN + "Address", "EmployeeId"],
                "Operation": {
                    "Audit": {
                        "SampleRate": "50",
                        "FindingsDestination": {
                            "CloudWatchLogs": {"LogGroup": "/aws/vendedlogs/clinic"},
                            "Firehose": {"DeliveryStream": "found"},
                        },
                        "NoFindingsDestination": {"S3": {"Bucket": "clean-messages"}},
                    }
                },
            },
            statement(),
            statement(
                DataDirection="Outbound",
                Principal=[BILLING, "123456789012"],
                DataIdentifier=[ARN + "NationalDrugCode-US"],
            ),
            statement(
                DataIdentifier=[ARN + "EmailAddress"],
                Operation={"Deidentify": {"MaskConfig": {"MaskWithCharacter": "#"}}},
            ),
            statement(
                DataDirection="Outbound",
                DataIdentifier=[ARN + "IpAddress"],
                Operation={"Deidentify": {"RedactConfig": {}}},
            ),
        ],
        "Configuration": {"CustomDataIdentifier": [{"Name": "EmployeeId", "Regex": r"EID-\d{9}-US"}]},
    }


@pytest.mark.parametrize("rate", [0, 99])
def test_a_sample_rate_from_0_to_99_percent_is_accepted(rate: int):
    assert Audit(["Address"], LOGS, sample_rate=rate).operation()["Audit"]["SampleRate"] == str(rate)


@pytest.mark.parametrize("rate", [-1, 100, 50.5, True, "99", None])
def test_any_other_sample_rate_is_refused(rate: Any):
    assert refused(lambda: Audit(["Address"], LOGS, sample_rate=rate)) == (
        f"Audit.sample_rate must be 0 to 99 percent, got {rate!r}"
    )


def test_an_audit_that_records_nowhere_is_refused():
    assert refused(lambda: Audit(["Address"])) == (
        "Audit must have findings or no_findings, got neither: its records would go nowhere"
    )
    assert refused(lambda: Audit(["Address"], findings="x")) == (  # type: ignore[arg-type]
        "Audit.findings must be a Destination, got 'x'"
    )
    assert refused(Destination) == "Destination must have a log_group, a delivery_stream or a bucket, got none of them"


def test_the_log_group_of_an_audit_must_be_one_for_vended_logs():
    assert refused(lambda: Destination(log_group="/clinic")) == (
        "Destination.log_group must begin with '/aws/vendedlogs/', got '/clinic'"
    )
    assert refused(lambda: Destination(log_group="/aws/vendedlogs/a b")) == (
        "Destination.log_group must be 1 to 512 characters that AWS allows in its name, got '/aws/vendedlogs/a b'"
    )


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("log_group", ["/aws/vendedlogs/" + "x" * 496], ["/aws/vendedlogs/" + "x" * 497, ""]),
        ("delivery_stream", ["x", "x" * 64], ["", "x" * 65, "a b"]),
        ("bucket", ["abc", "a" * 63], ["ab", "a" * 64, "Bucket", "-abc"]),
    ],
)
def test_the_name_of_a_destination_is_bounded_on_both_sides(name: str, good: list[str], bad: list[str]):
    for text in good:
        assert getattr(Destination(**{name: text}), name) == text
    for text in bad:
        assert refused(lambda text=text: Destination(**{name: text})).startswith(f"Destination.{name} must be ")


def test_names_known_only_at_deployment_pass():
    late = Destination(log_group="${Token[A.1]}", delivery_stream=DEFINED, bucket=DEFINED)
    assert Audit(["Address"], late, principals=["${Token[Role.Arn.7]}"]).findings == late


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        "123456789012",
        BILLING,
        "arn:aws:iam::123456789012:root",
        "arn:aws-us-gov:iam::123456789012:user/path/ana",
        "arn:aws:sts::123456789012:assumed-role/Billing/session@1",
        "arn:aws:sts::123456789012:federated-user/ana",
    ],
)
def test_principals_are_everybody_accounts_and_iam_arns(principal: str):
    assert Deny(["Address"], principals=[principal]).principals == (principal,)


@pytest.mark.parametrize(
    "principal", ["", "12345678901", "Billing", "arn:aws:sqs:us-east-1:123456789012:q", "sns.amazonaws.com", None]
)
def test_any_other_principal_is_refused(principal: Any):
    assert refused(lambda: Deny(["Address"], principals=[principal])) == (
        "Deny.principals[0] must be '*', an account id of 12 digits or the ARN of an IAM user, role, session or "
        f"account root, got {principal!r}"
    )


def test_a_statement_needs_identifiers_and_principals():
    assert refused(lambda: Deny([])) == "Deny.identifiers must be 1 or more, got 0"
    assert refused(lambda: Deidentify(["Address"], principals=[])) == "Deidentify.principals must be 1 or more, got 0"
    assert refused(lambda: Deny("Address")) == "Deny.identifiers must be a list, got 'Address'"  # type: ignore[arg-type]
    assert refused(lambda: Deny(["Address"], "inbound")) == (  # type: ignore[arg-type]
        "Deny.direction must be 'Inbound' or 'Outbound', got 'inbound'"
    )
    assert refused(lambda: Deny(["Address"], sid="")) == "Deny.sid must be a text of 1 character or more, got ''"


@pytest.mark.parametrize("mask", list("*#aZ0 !$%&()+,-./\\:;=<>@[]^_`|~"))
def test_a_supported_mask_is_accepted(mask: str):
    assert Deidentify(["Address"], mask).operation() == {"Deidentify": {"MaskConfig": {"MaskWithCharacter": mask}}}


@pytest.mark.parametrize("mask", ["", "##", "é", '"', "'", "?", "{", "\n", 5])
def test_any_other_mask_is_refused(mask: Any):
    assert refused(lambda: Deidentify(["Address"], mask)) == (
        f"Deidentify.mask_with must be one letter, digit, space or one of *!$%&()+,-./\\#:;=<>@[]^_`|~, got {mask!r}"
    )


def test_one_audit_is_accepted_and_two_refused():
    one = Audit(["Address"], LOGS)
    assert policy(one, Deny(["Ssn-US"]), Deny(["Address"])).audit == one
    assert policy(Deny(["Ssn-US"])).audit is None
    assert refused(lambda: policy(one, one)) == "DataProtectionPolicy.statements must have 1 Audit at most, got 2"


def test_a_policy_needs_a_name_and_statements():
    assert refused(lambda: policy()) == "DataProtectionPolicy.statements must be 1 or more, got 0"
    assert refused(lambda: policy("Deny")) == (
        "DataProtectionPolicy.statements[0] must be an Audit, a Deny or a Deidentify, got 'Deny'"
    )
    assert refused(lambda: DataProtectionPolicy("", [Deny(["Address"])])) == (
        "DataProtectionPolicy.name must be a text of 1 character or more, got ''"
    )


def test_30720_characters_of_json_are_accepted_and_one_more_refused():
    short = len(policy(Deny(["Address"]), description="").to_json())
    longest = policy(Deny(["Address"]), description="x" * (30_720 - short))
    assert len(longest.to_json()) == 30_720
    assert refused(lambda: policy(Deny(["Address"]), description="x" * (30_721 - short))) == (
        "DataProtectionPolicy must be 30720 characters of JSON at most, got 30721"
    )


def test_an_identifier_both_denied_and_masked_is_warned_of():
    both = policy(Deny(["Ssn-US"]), Deidentify(["Ssn-US"], "#"), Deidentify(["Ssn-US"], "\\", "Outbound"))
    assert [str(w) for w in both.warnings()] == [
        "Statement[1].DataIdentifier[0]: 'Ssn-US' is de-identified here and denied by Statement[0]: AWS does not "
        "document which of the two comes first; the relay denies",
        "Statement[2].Operation.Deidentify.MaskConfig.MaskWithCharacter: a mask of backslashes makes JSON messages "
        "unreadable",
    ]


# Reading a document


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("nope", "the policy must be JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "the policy must be an object, got []"),
        ('{"Name":"a","Name":"b"}', "the policy must name each key once, got 'Name' twice in one object"),
        ({}, "the policy must have 'Name', got nothing"),
        (document(Version="2012-10-17"), "Version must be '2021-06-01', got '2012-10-17'"),
        (
            document(Effect=1),
            "the policy must have only Name, Version, Statement, Description, Configuration, got 'Effect'",
        ),
        (document(Name=7), "Name must be a text of 1 character or more, got 7"),
        (document(Statement={}), "Statement must be a list, got {}"),
        (document(Statement=[]), "Statement must be 1 or more, got 0"),
        (document(Statement=["x"]), "Statement[0] must be an object, got 'x'"),
        (
            document(Statement=[statement(), statement(Effect="Deny")]),
            "Statement[1] must have only DataDirection, Principal, DataIdentifier, Operation, Sid, got 'Effect'",
        ),
        (
            document(Statement=[statement(DataDirection="inbound")]),
            "Statement[0].DataDirection must be 'Inbound' or 'Outbound', got 'inbound'",
        ),
        (document(Statement=[statement(Principal="*")]), "Statement[0].Principal must be a list, got '*'"),
        (
            document(Statement=[statement(Principal=["*", "me"])]),
            "Statement[0].Principal[1] must be '*', an account id of 12 digits or the ARN of an IAM user, role, "
            "session or account root, got 'me'",
        ),
        (
            document(Statement=[statement(DataIdentifier=["Ssn-US"])]),
            f"Statement[0].DataIdentifier[0] must be {ARN}<name> or the name of a custom identifier under "
            "Configuration.CustomDataIdentifier, got 'Ssn-US'",
        ),
        (
            document(Statement=[statement(DataIdentifier=[ARN + "Ssn US"])]),
            "Statement[0].DataIdentifier[0] must be 1 to 128 letters, digits, '_' or '-', got 'Ssn US'",
        ),
        (
            document(Statement=[statement(Operation={"Deny": {}, "Audit": {}})]),
            "Statement[0].Operation must be an object with exactly one of Audit, Deny, Deidentify, got 'Deny', 'Audit'",
        ),
        (
            document(Statement=[statement(Operation={"Block": {}})]),
            "Statement[0].Operation must be an object with exactly one of Audit, Deny, Deidentify, got 'Block'",
        ),
        (
            document(Statement=[statement(Operation={"Deny": {"Code": 1}})]),
            "Statement[0].Operation.Deny must have nothing in it, got 'Code'",
        ),
        (
            document(Statement=[statement(**audit(SampleRate="100"))]),
            "Statement[0].Operation.Audit.SampleRate must be 0 to 99 percent, got 100",
        ),
        (
            document(Statement=[statement(**audit(SampleRate="most"))]),
            "Statement[0].Operation.Audit.SampleRate must be 0 to 99 percent, got 'most'",
        ),
        (
            document(Statement=[statement(Operation={"Audit": {"SampleRate": "9"}})]),
            "Statement[0].Operation.Audit must have FindingsDestination or NoFindingsDestination, got neither: its "
            "records would go nowhere",
        ),
        (
            document(Statement=[statement(DataDirection="Outbound", **audit())]),
            "Statement[0].DataDirection must be 'Inbound' for an audit, got 'Outbound'",
        ),
        (
            document(Statement=[statement(**audit(FindingsDestination={"CloudWatchLogs": {"LogGroup": "/x"}}))]),
            "Statement[0].Operation.Audit.FindingsDestination.CloudWatchLogs.LogGroup must begin with "
            "'/aws/vendedlogs/', got '/x'",
        ),
        (
            document(Statement=[statement(**audit(NoFindingsDestination={"S3": {"Bucket": "No"}}))]),
            "Statement[0].Operation.Audit.NoFindingsDestination.S3.Bucket must be 3 to 63 characters that AWS allows "
            "in its name, got 'No'",
        ),
        (
            document(Statement=[statement(**audit(NoFindingsDestination={}))]),
            "Statement[0].Operation.Audit.NoFindingsDestination must have CloudWatchLogs, Firehose or S3, got none of "
            "them",
        ),
        (
            document(Statement=[statement(**audit(NoFindingsDestination={"S3": {"Bucket": None}}))]),
            "Statement[0].Operation.Audit.NoFindingsDestination.S3.Bucket must be a name, got null",
        ),
        (
            document(Statement=[statement(**audit()), statement(**audit())]),
            "Statement must have 1 Audit at most, got 2",
        ),
        (
            document(Statement=[statement(Operation={"Deidentify": {}})]),
            "Statement[0].Operation.Deidentify must be an object with exactly one of MaskConfig, RedactConfig, got "
            "nothing",
        ),
        (
            document(Statement=[statement(Operation={"Deidentify": {"MaskConfig": {"MaskWithCharacter": "##"}}})]),
            "Statement[0].Operation.Deidentify.MaskConfig.MaskWithCharacter must be one letter, digit, space or one of "
            "*!$%&()+,-./\\#:;=<>@[]^_`|~, got '##'",
        ),
        (
            document(Statement=[statement(Operation={"Deidentify": {"MaskConfig": {}}})]),
            "Statement[0].Operation.Deidentify.MaskConfig must have 'MaskWithCharacter', got nothing",
        ),
        (
            document(Configuration={"CustomDataIdentifier": [{"Name": "a", "Regex": "(x)"}]}),
            "Configuration.CustomDataIdentifier[0].Regex must be of letters, digits, space and "
            "_#=@/;,-^$?[]{}|\\*+. only, got '(' in '(x)'",
        ),
        (
            document(Configuration={"CustomDataIdentifier": [{"Name": "a", "Regex": "x"}] * 2}),
            "Configuration.CustomDataIdentifier must have names of their own, got 'a' twice",
        ),
        (
            document(Configuration={"CustomDataIdentifier": [{"Name": f"c{n}", "Regex": "x"} for n in range(11)]}),
            "Configuration.CustomDataIdentifier must be 10 at most, got 11",
        ),
    ],
)
def test_a_wrong_document_is_refused_with_the_path_and_the_reason(wrong: Any, message: str):
    assert refused(lambda: DataProtectionPolicy.read(wrong)) == message


def test_a_sample_rate_may_be_a_number_or_a_text():
    for rate in (7, "7"):
        read = DataProtectionPolicy.read(document(Statement=[statement(**audit(SampleRate=rate))]))
        assert read.audit is not None
        assert read.audit.sample_rate == 7


def test_an_unknown_arn_is_read_as_unlisted_and_warned_of():
    read = DataProtectionPolicy.read(document(Statement=[statement(DataIdentifier=[ARN + "MacAddress"])]))
    assert read.statements[0].identifiers == (Unlisted("MacAddress"),)
    assert len(read.warnings()) == 1


identifiers = st.lists(
    st.one_of(
        st.sampled_from(sorted(CATALOGUE)),
        st.builds(Unlisted, st.from_regex(r"[A-Z][a-z]{3,9}-ZZ", fullmatch=True)),
        st.sampled_from([EMPLOYEE, CustomIdentifier("Case", "C[0-9]+"), CustomIdentifier("Ward", "W|X")]),
    ),
    min_size=1,
    max_size=6,
)
sids = st.none() | st.text(min_size=1, max_size=20)
principals = st.lists(st.sampled_from(["*", BILLING, "123456789012"]), min_size=1, max_size=3)
directions = st.sampled_from(["Inbound", "Outbound"])
destinations = st.builds(
    Destination,
    log_group=st.none() | st.just("/aws/vendedlogs/x"),
    delivery_stream=st.none() | st.just("s"),
    bucket=st.just("abc"),
)
audits = st.builds(Audit, identifiers, destinations, st.none() | destinations, st.integers(0, 99), principals, sids)
denies = st.builds(Deny, identifiers, directions, principals, sids)
masks = st.none() | st.sampled_from(list("#* aZ9"))
deidentifies = st.builds(Deidentify, identifiers, masks, directions, principals, sids)


@st.composite
def policies(draw: st.DrawFn) -> DataProtectionPolicy:
    statements = draw(st.lists(st.one_of(denies, deidentifies), min_size=1, max_size=5))
    if draw(st.booleans()):
        statements.insert(draw(st.integers(0, len(statements))), draw(audits))
    return DataProtectionPolicy(
        draw(st.text(min_size=1, max_size=20)), statements, draw(st.none() | st.text(max_size=20))
    )


@given(policies())
def test_a_policy_reads_back_from_its_own_json_as_itself(whole: DataProtectionPolicy):
    assert DataProtectionPolicy.read(whole.document()) == whole
    assert DataProtectionPolicy.read(json.dumps(whole.document())) == whole
    assert DataProtectionPolicy.read(whole.to_json()).document() == whole.document()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("*") | st.just(ARN + "Ssn-US"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Name", "Version", "Statement", "Operation", "Deny", "Audit", "S3", "Configuration"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(["Name", "Version", "Statement", "Description", "Configuration"]), json_values)
def test_any_part_replaced_by_anything_is_accepted_or_refused_never_a_crash(part: str, value: Any):
    with contextlib.suppress(PatternError):
        DataProtectionPolicy.read(document(**{part: value})).warnings()


@given(st.sampled_from(["DataDirection", "Principal", "DataIdentifier", "Operation", "Sid"]), json_values)
def test_any_part_of_a_statement_replaced_by_anything_is_accepted_or_refused(part: str, value: Any):
    with contextlib.suppress(PatternError):
        DataProtectionPolicy.read(document(Statement=[statement(**{part: value})])).warnings()


def test_a_policy_needs_neither_the_cdk_nor_node():
    code = (
        "import sys; from patterns.data_protection import DataProtectionPolicy, apply; "
        "print([m for m in ('aws_cdk', 'constructs', 'jsii') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_half_a_character_that_no_json_file_can_hold_is_refused():
    document = {**policy(Deny(["Ssn-US"])).document(), "Description": "half \ud83d"}
    with pytest.raises(PatternError) as caught:
        DataProtectionPolicy.read(document)
    assert str(caught.value) == "the policy must be of whole characters, got '\\ud83d'"
    assert DataProtectionPolicy.read({**document, "Description": "whole \U0001f600"}).description == "whole \U0001f600"
