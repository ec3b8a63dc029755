"""A filter policy is code that drops messages silently: it is written in words, checked, and tried before use."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from patterns.errors import PatternError
from patterns.flow.filters import match
from patterns.sns_filter import (
    FilterPolicy,
    anything_but,
    cidr,
    equals_ignore_case,
    exists,
    missing,
    numeric,
    prefix,
    suffix,
    wildcard,
)
from tests.flow.filters.strategies import messages, policies, scalars


def test_policies_are_written_without_the_cdk_and_without_node() -> None:
    code = (
        "import sys; from patterns.sns_filter import FilterPolicy, prefix; "
        "FilterPolicy.message_body({'a': prefix('x')}); "
        "print(sorted(set(sys.modules) & {'aws_cdk', 'constructs', 'jsii'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        (["rugby", 1, True, None], ["rugby", 1, True, None]),
        (anything_but("rugby"), [{"anything-but": "rugby"}]),
        (anything_but("rugby", "tennis"), [{"anything-but": ["rugby", "tennis"]}]),
        (anything_but(100), [{"anything-but": 100}]),
        (anything_but(prefix("order-")), [{"anything-but": {"prefix": "order-"}}]),
        (anything_but(wildcard("*ball")), [{"anything-but": {"wildcard": "*ball"}}]),
        (prefix("bas"), [{"prefix": "bas"}]),
        (suffix("ball"), [{"suffix": "ball"}]),
        (equals_ignore_case("tennis"), [{"equals-ignore-case": "tennis"}]),
        (wildcard("a*b"), [{"wildcard": "a*b"}]),
        (cidr("10.0.0.0/24"), [{"cidr": "10.0.0.0/24"}]),
        (numeric("=", 5), [{"numeric": ["=", 5]}]),
        (numeric(">", 0, "<=", 100.5), [{"numeric": [">", 0, "<=", 100.5]}]),
        (exists(), [{"exists": True}]),
        (["rugby", prefix("bas")], ["rugby", {"prefix": "bas"}]),
        (("rugby", missing()), ["rugby", {"exists": False}]),
    ],
)
def test_each_operator_renders_to_the_json_that_sns_reads(written: Any, rendered: Any) -> None:
    policy = FilterPolicy.message_body({"outer": {"key": written}, "$or": [{"a": written}, {"b": written}]})
    assert policy.document == {"outer": {"key": rendered}, "$or": [{"a": rendered}, {"b": rendered}]}
    assert json.loads(policy.to_json()) == policy.document
    assert policy.scope == "MessageBody"
    assert policy.warnings == ()


def test_a_policy_from_the_console_is_taken_as_it_is() -> None:
    text = '{"store": ["example_corp"], "price": [{"numeric": [">=", 100]}], "encrypted": [false, null]}'
    from_text, from_dict = (FilterPolicy.message_attributes(form) for form in (text, json.loads(text)))
    assert from_text == from_dict
    assert from_text.document == json.loads(text)
    assert from_text.scope == "MessageAttributes"
    assert hash(from_text) == hash(from_dict)
    assert from_text != FilterPolicy.message_body(text)


def test_a_policy_can_be_tried_on_messages() -> None:
    policy = FilterPolicy.message_attributes({"price": numeric(">=", 100)})
    assert policy.matches({"price": {"DataType": "Number", "StringValue": "150"}})
    verdict = policy.explain({"price": {"DataType": "Number", "StringValue": "50"}})
    assert verdict.reasons[0].text == 'price: 50, and the policy wants {"numeric": [">=", 100]}'


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"a": {"b": prefix("x")}}, None),
        ({"a": "x"}, 'filter_policy.a must be an array or an object, got "x"'),
        ({"a": anything_but()}, "filter_policy.a[0].anything-but must have at least one value, got []"),
        (
            {"a": anything_but(prefix("x"), "y")},
            'filter_policy.a[0].anything-but[0] must be a string or a number, got {"prefix": "x"}',
        ),
        (
            {"a": {"b": [numeric(">", 5, "<", 5)]}},
            'filter_policy.a.b[0].numeric must have a lower bound below the upper one, got [">", 5, "<", 5]',
        ),
        ([], "filter_policy must be a JSON object, got []"),
        ("[]", "filter_policy must be a JSON object, got []"),
        ('{"a": ["x"], "a": ["y"]}', 'filter_policy must have each key once, got "a" twice'),
        ('{"a": [NaN]}', "filter_policy must be JSON, got NaN"),
        (
            "{'a': ['x']}",
            "filter_policy must be a JSON object, got text that is not JSON: Expecting property name enclosed in "
            "double quotes at line 1 column 2",
        ),
        ('{"a": [' + "9" * 5_000 + "]}", "filter_policy must have numbers of at most 4300 digits, got more"),
        ("[" * 100_000, "filter_policy must be a JSON object, got one nested too deep to read"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_sns_would_refuse_is_refused_with_its_path(document: Any, complaint: str | None) -> None:
    if complaint is None:
        FilterPolicy.message_body(document)
        return
    with pytest.raises(PatternError) as refused:
        FilterPolicy.message_body(document)
    assert str(refused.value) == complaint


@pytest.mark.parametrize(
    ("document", "survives"),
    [
        ({"a": ["x", 0, False, ""], "$or": [{"b": ["x"]}, {"c": ["Ref"]}]}, True),
        ({"a": ["x", None]}, False),
        ({}, False),
        ({"a": {}}, False),
        ({"$or": [{"a": ["x"]}, {}]}, False),
        ({"a": {"Ref": ["x"]}}, False),
        ({"$or": [{"a": ["x"]}, {"Fn::GetAtt": ["x"]}]}, False),
        ({"References": ["x"]}, True),
    ],
    ids=str,
)
def test_what_a_template_would_change_is_told(document: Any, survives: bool) -> None:
    assert FilterPolicy.message_body(document).survives_a_template is survives


def test_nested_keys_are_refused_for_attributes() -> None:
    with pytest.raises(PatternError, match=r"^orders_filter\.a must be an array: the scope MessageAttributes knows"):
        FilterPolicy.message_attributes({"a": {"b": ["x"]}}, argument="orders_filter")


@pytest.mark.parametrize("scope", ["eventbridge", "event-source"])
def test_only_the_scopes_of_sns_make_a_filter_policy(scope: str) -> None:
    with pytest.raises(PatternError) as refused:
        FilterPolicy({"a": ["x"]}, scope)
    assert str(refused.value) == f"scope must be MessageBody or MessageAttributes, got '{scope}'"


def test_warnings_come_as_values() -> None:
    policy = FilterPolicy.message_attributes({"a": missing()})
    assert policy.warnings == ("filter_policy.a[0].exists: false filters out messages that have no attributes at all",)


@settings(max_examples=100, deadline=None)
@given(
    document=policies("equals, number, prefix, exists, anything-but", with_or=False),
    message=messages(scalars),
)
def test_a_policy_says_what_the_matcher_says(document: dict[str, Any], message: dict[str, Any]) -> None:
    policy = FilterPolicy.message_body(document)
    assert policy.document == document
    assert policy.matches(message) == match(document, "body", message)


OF_ALL = policies("equals, number, null, prefix, suffix, wildcard, cidr, numeric, exists, anything-but").map(json.dumps)
BROKEN = st.builds(lambda text, at: text[: at % len(text)] + text[at % len(text) + 1 :], OF_ALL, st.integers(0, 200))


@given(text=st.text() | OF_ALL | BROKEN)
def test_any_text_is_a_policy_or_refused_with_a_reason(text: str) -> None:
    try:
        policy = FilterPolicy.message_body(text)
    except PatternError as refused:
        complaint = str(refused)
        event("not JSON" if "not JSON" in complaint else "refused")
    else:
        complaint = "filter_policy"
        event("a policy")
        assert policy.document == json.loads(text)
        assert FilterPolicy.message_body(policy.to_json()) == policy
    assert complaint.startswith("filter_policy")
