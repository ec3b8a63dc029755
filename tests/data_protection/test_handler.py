"""The relay's function passes on what may be passed on, keeps what may not, and tells nobody what was in it."""

import base64
import json
import time
from collections.abc import Sequence
from typing import Any

import pytest

from patterns.data_protection import (
    Audit,
    CustomIdentifier,
    DataProtectionPolicy,
    Deidentify,
    Deny,
    Destination,
    Statement,
)
from patterns.data_protection.engine import handler
from patterns.data_protection.engine.handler import SUBSCRIBER, Relay, RelayError

SSN = "SSN: 123-12-1234"
ADDRESS = "410 Terry Ave N, Seattle 98109, WA"
LOGS = Destination(log_group="/aws/vendedlogs/found")
FOUND = {"log_group": "/aws/vendedlogs/found", "log_stream": "findings"}


class Clients:
    """Stands for boto3: remembers every call, and fails where it is told to."""

    def __init__(self, *, broken: str = "") -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._broken = broken

    def __call__(self, _service: str) -> "Clients":
        return self

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> dict[str, Any]:
            if operation == self._broken:
                raise ConnectionError(f"no answer to {arguments}")
            self.calls.append((operation, arguments))
            return {}

        return call

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == operation]


def relay(*statements: Statement, clients: Clients, names: Sequence[str] = ("Billing", "Scheduling")) -> Relay:
    document = DataProtectionPolicy("clinic", statements).document()
    for statement in document["Statement"]:
        # As the construct writes it: subscribers by name.
        statement["Principal"] = [{"111111111111": "Billing", "222222222222": "Scheduling"}.get(p, p)
                                  for p in statement["Principal"]]  # fmt: skip
    settings = {
        "topic": "arn:protected",
        "quarantine": "https://quarantine",
        "resource": "arn:ingress",
        "findings": FOUND,
        "no_findings": {"bucket": "clean", "delivery_stream": "clean-stream"},
    }
    return Relay(document, list(names), settings, clients)


def event(message: str, *, id: str = "m-1", **others: Any) -> dict[str, Any]:
    return {"Records": [{"Sns": {"MessageId": id, "Message": message, "Timestamp": "2026-11-23T14:00:00Z", **others}}]}


def attribute(value: str, type: str = "String") -> dict[str, str]:
    return {"Type": type, "Value": value}


def groups(clients: Clients) -> list[tuple[str, list[str]]]:
    return [
        (call["Message"], json.loads(call["MessageAttributes"][SUBSCRIBER]["StringValue"]))
        for call in clients.of("publish")
    ]


BILLING, SCHEDULING = "111111111111", "222222222222"


def test_a_message_that_nothing_concerns_is_published_once_for_everybody():
    clients = Clients()
    relay(Deny(["Ssn-US"]), clients=clients).handle(event("hello", Subject="News"))
    assert clients.calls == [
        (
            "publish",
            {
                "TopicArn": "arn:protected",
                "Message": "hello",
                "Subject": "News",
                "MessageAttributes": {
                    SUBSCRIBER: {"DataType": "String.Array", "StringValue": '["Billing", "Scheduling"]'}
                },
            },
        )
    ]


def test_what_is_denied_to_everybody_goes_to_the_quarantine_and_nowhere_else():
    clients = Clients()
    relay(Deny(["Ssn-US"], sid="no-ssn"), clients=clients).handle(event(SSN))
    assert [name for name, _ in clients.calls] == ["send_message"]
    (kept,) = clients.of("send_message")
    assert kept["QueueUrl"] == "https://quarantine"
    assert json.loads(kept["MessageBody"]) == {
        "messageId": "m-1",
        "timestamp": "2026-11-23T14:00:00Z",
        "denials": [{"to": "everybody", "statement": "no-ssn", "dataIdentifiers": ["Ssn-US"], "part": "Message"}],
        "Message": SSN,
    }


def test_what_is_denied_to_one_is_kept_and_the_others_get_it():
    clients = Clients()
    relay(Deny(["Address"], "Outbound", [SCHEDULING]), clients=clients).handle(event(ADDRESS))
    assert groups(clients) == [(ADDRESS, ["Billing"])]
    (kept,) = clients.of("send_message")
    assert [denial["to"] for denial in json.loads(kept["MessageBody"])["denials"]] == ["Scheduling"]


def test_subscribers_that_see_different_texts_get_one_message_each():
    clients = Clients()
    relay(Deidentify(["Address"], "#", "Outbound", [SCHEDULING]), clients=clients).handle(event(f"at {ADDRESS}"))
    assert groups(clients) == [(f"at {ADDRESS}", ["Billing"]), ("at " + "#" * len(ADDRESS), ["Scheduling"])]
    assert clients.of("send_message") == []


def test_an_inbound_mask_holds_for_everybody():
    clients = Clients()
    relay(Deidentify(["Ssn-US"], "#"), clients=clients).handle(event(SSN))
    assert groups(clients) == [("SSN: ###########", ["Billing", "Scheduling"])]


def test_subject_and_text_attributes_are_judged_like_the_body():
    for others in ({"Subject": SSN}, {"MessageAttributes": {"note": attribute(SSN)}}):
        clients = Clients()
        relay(Deny(["Ssn-US"]), clients=clients).handle(event("hello", **others))
        assert clients.of("publish") == []
        assert len(clients.of("send_message")) == 1


def test_a_keyword_in_one_part_does_not_speak_for_another():
    clients = Clients()
    relay(Deny(["Ssn-US"]), clients=clients).handle(event("123-12-1234", Subject="SSN"))
    assert len(clients.of("publish")) == 1


def test_the_name_of_an_attribute_is_a_keyword_for_its_value():
    clients = Clients()
    relay(Audit(["Ssn-US"], LOGS), Deidentify(["Ssn-US"], "#"), clients=clients).handle(
        event("hello", id="id-0", MessageAttributes={"patientSsn": attribute("123-12-1234")})
    )
    (sent,) = clients.of("publish")
    assert sent["MessageAttributes"]["patientSsn"] == {"DataType": "String", "StringValue": "#" * 11}
    record = json.loads(clients.of("put_log_events")[0]["logEvents"][0]["message"])
    assert record["dataIdentifiers"] == [
        {
            "name": "Ssn-US",
            "count": 1,
            "detections": [{"start": 0, "end": 10}],
            "part": "MessageAttributes.patientSsn",
        }
    ]


def test_the_value_of_an_attribute_begins_where_it_begins():
    clients = Clients()
    relay(Deny([CustomIdentifier("Case", "^C[0-9]+$")]), clients=clients).handle(
        event("hello", MessageAttributes={"case": attribute("C17")})
    )
    assert clients.of("publish") == []


NAMED = {"ssn.123-12-1234": attribute("fine")}


def test_a_name_with_sensitive_data_denies_where_a_name_cannot_be_masked():
    for statement in (Deny(["Ssn-US"]), Deidentify(["Ssn-US"], "#"), Deidentify(["Ssn-US"])):
        clients = Clients()
        relay(statement, clients=clients).handle(event("hello", MessageAttributes=NAMED))
        assert clients.of("publish") == []
        (kept,) = clients.of("send_message")
        assert json.loads(kept["MessageBody"])["denials"] == [
            {
                "to": "everybody",
                "statement": "Statement[0]",
                "dataIdentifiers": ["Ssn-US"],
                "part": "MessageAttributes[0].Name",
            }
        ]


def test_the_name_of_a_binary_attribute_is_judged_too():
    clients = Clients()
    relay(Deny(["Ssn-US"]), clients=clients).handle(
        event("hello", MessageAttributes={"ssn.123-12-1234": attribute("AAAA", "Binary")})
    )
    assert clients.of("publish") == []


def test_a_name_with_sensitive_data_is_in_no_record():
    clients = Clients()
    relay(Audit(["EmailAddress", "Ssn-US"], LOGS), clients=clients).handle(
        event("hello", id="id-0", MessageAttributes={"ok": attribute("x"), "ssn.123-12-1234": attribute("a@b.io")})
    )
    (put,) = clients.of("put_log_events")
    assert "123-12-1234" not in repr(put)
    assert [found["part"] for found in json.loads(put["logEvents"][0]["message"])["dataIdentifiers"]] == [
        "MessageAttributes[1].Name",
        "MessageAttributes[1]",
    ]
    (sent,) = clients.of("publish")
    assert sent["MessageAttributes"]["ssn.123-12-1234"] == {"DataType": "String", "StringValue": "a@b.io"}


def test_an_array_stays_one_where_it_still_is_json_after_masking():
    for value, kind in (('["ssn 123-12-1234"]', "String.Array"), ('["ssn", 123121234]', "String")):
        clients = Clients()
        relay(Deidentify(["Ssn-US"], "#"), clients=clients).handle(
            event("hello", MessageAttributes={"list": attribute(value, "String.Array")})
        )
        (sent,) = clients.of("publish")
        assert sent["MessageAttributes"]["list"]["DataType"] == kind
        assert "123" not in sent["MessageAttributes"]["list"]["StringValue"]


def test_the_quarantine_gets_one_reason_for_each_party_however_many_parts_a_message_has():
    clients = Clients()
    many = {f"a{n}": attribute(SSN) for n in range(500)}
    relay(Deny(["Ssn-US"], "Outbound"), clients=clients).handle(event("hello", MessageAttributes=many))
    (kept,) = clients.of("send_message")
    assert [(d["to"], d["part"]) for d in json.loads(kept["MessageBody"])["denials"]] == [
        ("Billing", "MessageAttributes.a0"),
        ("Scheduling", "MessageAttributes.a0"),
    ]


def test_attributes_are_passed_on_masked_where_need_be():
    clients = Clients()
    binary = base64.b64encode(b"\x00SSN: 123-12-1234").decode()
    relay(Deidentify([CustomIdentifier("Case", "C?[0-9]{4}"), "Ssn-US"], "#"), clients=clients).handle(
        event(
            "hello",
            MessageAttributes={
                "note": attribute(f"{SSN}!"),
                "kind": attribute("visit"),
                "case": attribute("-1234", "Number"),
                "file": attribute(binary, "Binary"),
                SUBSCRIBER: attribute('["Everyone"]', "String.Array"),
            },
        )
    )
    (sent,) = clients.of("publish")
    assert sent["MessageAttributes"] == {
        "note": {"DataType": "String", "StringValue": "SSN: ###########!"},
        "kind": {"DataType": "String", "StringValue": "visit"},
        "case": {"DataType": "String", "StringValue": "-####"},
        "file": {"DataType": "Binary", "BinaryValue": b"\x00SSN: 123-12-1234"},
        SUBSCRIBER: {"DataType": "String.Array", "StringValue": '["Billing", "Scheduling"]'},
    }


def test_a_subject_or_an_attribute_that_is_sensitive_as_a_whole_is_masked_or_left_out():
    others = {"Subject": "ana@example.com", "MessageAttributes": {"mail": attribute("ana@example.com")}}
    for mask, subject, mail in (
        ("#", {"Subject": "#" * 15}, {"mail": {"DataType": "String", "StringValue": "#" * 15}}),
        (None, {}, {}),
    ):
        clients = Clients()
        relay(Deidentify(["EmailAddress"], mask), clients=clients).handle(event("hello", **others))
        (sent,) = clients.of("publish")
        assert {name: sent[name] for name in ("Subject",) if name in sent} == subject
        assert {name: a for name, a in sent["MessageAttributes"].items() if name != SUBSCRIBER} == mail


def test_a_publisher_cannot_choose_the_subscribers():
    clients = Clients()
    chosen = {SUBSCRIBER: attribute('["Scheduling"]', "String.Array")}
    relay(Deny(["Address"], "Outbound", [SCHEDULING]), clients=clients).handle(event(ADDRESS, MessageAttributes=chosen))
    assert groups(clients) == [(ADDRESS, ["Billing"])]


# The audit


def test_a_finding_is_recorded_in_the_native_shape():
    clients = Clients()
    relay(Audit(["Ssn-US"], LOGS), clients=clients).handle(event(SSN, id="id-0"))
    (put,) = clients.of("put_log_events")
    assert (put["logGroupName"], put["logStreamName"]) == ("/aws/vendedlogs/found", "findings")
    record = json.loads(put["logEvents"][0]["message"])
    assert list(record) == ["messageId", "auditTimestamp", "resourceArn", "dataIdentifiers"]
    assert record["dataIdentifiers"] == [{"name": "Ssn-US", "count": 1, "detections": [{"start": 5, "end": 15}]}]
    assert (record["messageId"], record["resourceArn"]) == ("id-0", "arn:ingress")


def test_a_finding_outside_the_body_says_where():
    clients = Clients()
    relay(Audit(["Ssn-US"], LOGS), clients=clients).handle(event("hello", id="id-0", Subject=SSN))
    record = json.loads(clients.of("put_log_events")[0]["logEvents"][0]["message"])
    assert record["dataIdentifiers"] == [
        {"name": "Ssn-US", "count": 1, "detections": [{"start": 5, "end": 15}], "part": "Subject"}
    ]


def test_a_record_has_the_whole_counts_and_as_many_positions_as_there_is_room_for():
    for others, told in (
        ({}, []),
        ({"Subject": "to a@b.io"}, [{"name": "EmailAddress", "count": 1, "detections": []}]),
    ):
        clients = Clients()
        relay(Audit(["EmailAddress"], LOGS), clients=clients).handle(event("a@b.io " * 30_000, id="id-0", **others))
        (put,) = clients.of("put_log_events")
        assert len(put["logEvents"][0]["message"]) < 64_000
        first, *rest = json.loads(put["logEvents"][0]["message"])["dataIdentifiers"]
        assert (first["count"], len(first["detections"])) == (30_000, 1_000)
        assert rest == told
        assert len(clients.of("publish")) == 1, "an audit holds nothing up"


def test_a_hundred_subscribers_cost_hardly_more_than_one():
    def cost(names: list[str]) -> float:
        subject = relay(Deidentify(["EmailAddress"], "#", "Outbound"), clients=Clients(), names=names)
        begin = time.process_time()
        subject.handle(event("ana@example.com and " * 10_000))
        return time.process_time() - begin

    many = [f"S{n}" for n in range(100)]
    assert min(cost(many) for _ in range(3)) < 5 * min(cost(many[:1]) for _ in range(3)) + 0.05


def test_a_clean_message_is_recorded_where_clean_ones_go():
    clients = Clients()
    relay(Audit(["Ssn-US"], LOGS), clients=clients).handle(event("hello", id="id-0"))
    assert clients.of("put_log_events") == []
    assert json.loads(clients.of("put_record")[0]["Record"]["Data"])["dataIdentifiers"] == []
    (put,) = clients.of("put_object")
    assert put["Bucket"] == "clean"
    assert put["Key"].endswith("/id-0.json")


def test_the_sample_is_the_share_that_the_policy_says_and_the_same_again_for_the_same_message():
    for rate in (0, 40, 99):
        clients = Clients()
        subject = relay(Audit(["Ssn-US"], LOGS, sample_rate=rate), clients=clients)
        for number in range(500):
            subject.handle(event(SSN, id=f"id-{number}"))
        first = [put["logEvents"][0]["message"] for put in clients.of("put_log_events")]
        assert abs(len(first) - 5 * rate) <= 40
        assert rate or not first
        again = Clients()
        subject = relay(Audit(["Ssn-US"], LOGS, sample_rate=rate), clients=again)
        for number in range(500):
            subject.handle(event(SSN, id=f"id-{number}"))
        assert len(again.of("put_log_events")) == len(first)


def test_a_denied_message_is_audited_too():
    clients = Clients()
    relay(Audit(["Ssn-US"], LOGS), Deny(["Ssn-US"]), clients=clients).handle(event(SSN, id="id-0"))
    assert [name for name, _ in clients.calls] == ["put_log_events", "send_message"]


def test_publishing_comes_last_so_that_a_second_attempt_repeats_nothing_to_subscribers():
    clients = Clients(broken="send_message")
    with pytest.raises(ConnectionError):
        relay(Deny(["Address"], "Outbound", [SCHEDULING]), clients=clients).handle(event(ADDRESS))
    assert clients.of("publish") == []


def test_a_second_message_that_cannot_be_published_fails_the_whole_so_that_nobody_is_left_out():
    class Second(Clients):
        def __getattr__(self, operation: str) -> Any:
            if operation == "publish" and self.of("publish"):
                raise ConnectionError
            return super().__getattr__(operation)

    clients = Second()
    with pytest.raises(ConnectionError):
        relay(Deidentify(["Address"], "#", "Outbound", [SCHEDULING]), clients=clients).handle(event(f"at {ADDRESS}"))
    assert groups(clients) == [(f"at {ADDRESS}", ["Billing"])], "Lambda tries again: Billing gets it twice"


# Nothing sensitive leaves by another way

SECRETS = ("123-12-1234", "4929 1234 5678 9015", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "ana@example.com")
PLANTED = (
    f"SSN: {SECRETS[0]}, card {SECRETS[1]}, secret key {SECRETS[2]}, {SECRETS[3]}, and that is all there is to say"
)
ALL = ["Ssn-US", "CreditCardNumber", "AwsSecretKey", "EmailAddress"]


@pytest.mark.parametrize(
    "statements",
    [
        [Audit(ALL, LOGS), Deny(ALL)],
        [Audit(ALL, LOGS), Deidentify(ALL, "#")],
        [Audit(ALL, LOGS), Deidentify(ALL), Deny(["Address"], "Outbound")],
    ],
)
def test_records_metrics_and_what_is_passed_on_hold_no_secret(
    statements: list[Statement], capsys: pytest.CaptureFixture[str]
):
    clients = Clients()
    relay(*statements, clients=clients).handle(
        event(PLANTED, id="id-0", Subject=PLANTED[:40], MessageAttributes={"note": attribute(PLANTED)})
    )
    told = capsys.readouterr()
    outside = [arguments for name, arguments in clients.calls if name != "send_message"]
    assert outside, "something was recorded"
    for secret in SECRETS:
        assert secret not in told.out + told.err + repr(outside)


@pytest.mark.parametrize("broken", ["publish", "send_message", "put_log_events"])
def test_an_error_says_what_kind_it_is_and_nothing_of_the_message(
    broken: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    subject = relay(Audit(ALL, LOGS), Deny(["Address"], "Outbound"), clients=Clients(broken=broken))
    monkeypatch.setattr(handler, "_relay", [subject])
    with pytest.raises(RelayError) as caught:
        handler.handle(event(f"{PLANTED} {ADDRESS}" if broken == "send_message" else PLANTED, id="id-0"), None)
    assert str(caught.value) == "ConnectionError"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    told = capsys.readouterr()
    assert all(secret not in told.out + told.err for secret in SECRETS)


@pytest.mark.parametrize("broken", [{}, {"Records": [{}]}, {"Records": [{"Sns": {"Message": SSN}}]}, {"Records": None}])
def test_an_event_that_is_none_fails_and_is_not_quoted(broken: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(handler, "_relay", [relay(Audit(["Ssn-US"], LOGS), clients=Clients())])
    with pytest.raises(RelayError) as caught:
        handler.handle(broken, None)
    assert str(caught.value) in ("KeyError", "TypeError")


def test_metrics_count_and_name_the_function_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "relay-function")
    relay(Audit(["Ssn-US"], LOGS), Deny(["Ssn-US"], "Outbound", [BILLING]), clients=Clients()).handle(
        event(SSN, id="id-0")
    )
    line = json.loads(capsys.readouterr().out)
    assert line.pop("_aws")["CloudWatchMetrics"][0]["Dimensions"] == [["Relay"]]
    assert line == {
        "Relay": "relay-function",
        "MessagesDenied": 0,
        "DeliveriesDenied": 1,
        "MessagesDeidentified": 0,
        "MessagesWithFindings": 1,
    }
