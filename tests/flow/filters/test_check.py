"""A policy that SNS, EventBridge or Lambda would refuse is refused here first, with the place where it is wrong."""

import math
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from patterns.errors import PatternError
from patterns.flow.filters import (
    Filter,
    Scope,
    check,
    check_event_pattern,
    check_event_source_filter,
    combinations,
)
from tests.flow.filters.strategies import as_attributes, conditions, messages, policies, scalars

OPERATORS = "anything-but, cidr, equals-ignore-case, exists, numeric, prefix, suffix or wildcard"
RANGE = '[operator, number] or [">" or ">=", number, "<" or "<=", number]'
NETWORK = 'an address, "/" and a prefix length, such as "10.0.0.0/24"'


def refusal(policy: Any, scope: str = "body") -> str:
    with pytest.raises(PatternError) as refused:
        check(policy, scope)
    return str(refused.value)


# Every form that the pages of SNS show, by scope.
SNS_OPERATORS: list[Any] = [
    "rugby",
    "",
    100,
    -1.5,
    True,
    False,
    None,
    {"anything-but": "rugby"},
    {"anything-but": ["rugby", "tennis"]},
    {"anything-but": 100},
    {"anything-but": [100, 200.5]},
    {"anything-but": {"prefix": "order-"}},
    {"anything-but": {"wildcard": "*ball"}},
    {"prefix": "bas"},
    {"suffix": "ball"},
    {"equals-ignore-case": "tennis"},
    {"wildcard": "*ball"},
    {"cidr": "10.0.0.0/24"},
    {"cidr": "2001:db8::/32"},
    {"numeric": ["=", 301.5]},
    {"numeric": [">=", 0, "<", 10]},
    {"exists": True},
]


@pytest.mark.parametrize("operator", SNS_OPERATORS, ids=str)
@pytest.mark.parametrize("scope", ["body", "attributes"])
def test_every_documented_operator_is_accepted_in_both_scopes_without_a_warning(operator: Any, scope: str) -> None:
    assert check({"key": [operator]}, scope) == ()


def test_the_names_that_cloudformation_uses_for_the_scopes_are_understood() -> None:
    assert Scope("MessageBody") is Scope.BODY
    assert Scope("MessageAttributes") is Scope.ATTRIBUTES
    with pytest.raises(PatternError) as refused:
        Scope("MessageAttribute")
    assert str(refused.value) == ("scope must be body, attributes, eventbridge or event-source, got 'MessageAttribute'")


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        ([], "policy must be a JSON object, got []"),
        ("{}", 'policy must be a JSON object, got "{}"'),
        (None, "policy must be a JSON object, got null"),
        ({1: ["a"]}, "policy must have strings as keys, got 1"),
        ({"a": "x"}, 'policy.a must be an array or an object, got "x"'),
        ({"a": []}, "policy.a must have at least one value, got []"),
        ({"a": {"b": []}}, "policy.a.b must have at least one value, got []"),
        (
            {"a": [["x"]]},
            'policy.a[0] must be a string, number, true, false, null or an object with one operator, got ["x"]',
        ),
        ({"a": ["x", {}]}, "policy.a[1] must have exactly one operator, got {}"),
        (
            {"a": [{"prefix": "x", "suffix": "y"}]},
            'policy.a[0] must have exactly one operator, got {"prefix": "x", "suffix": "y"}',
        ),
        ({"a": [{"prefixx": "x"}]}, f'policy.a[0] must have one of the operators {OPERATORS}, got "prefixx"'),
        ({"a": [{"prefix": 1}]}, "policy.a[0].prefix must be a string, got 1"),
        ({"a": [{"suffix": ["x"]}]}, 'policy.a[0].suffix must be a string, got ["x"]'),
        ({"a": [{"equals-ignore-case": None}]}, "policy.a[0].equals-ignore-case must be a string, got null"),
        ({"a": [{"exists": "true"}]}, 'policy.a[0].exists must be true or false, got "true"'),
        ({"a": [{"exists": 1}]}, "policy.a[0].exists must be true or false, got 1"),
        ({"a": [{"anything-but": []}]}, "policy.a[0].anything-but must have at least one value, got []"),
        (
            {"a": [{"anything-but": ["x", ["y"]]}]},
            'policy.a[0].anything-but[1] must be a string or a number, got ["y"]',
        ),
        ({"a": [{"anything-but": {}}]}, "policy.a[0].anything-but must have exactly one operator, got {}"),
        (
            {"a": [{"anything-but": {"numeric": ["=", 1]}}]},
            "policy.a[0].anything-but must have one of the operators equals-ignore-case, prefix, suffix or "
            'wildcard, got "numeric"',
        ),
        (
            {"a": [{"anything-but": {"prefix": ["x", "y"]}}]},
            'policy.a[0].anything-but.prefix must be a string, got ["x", "y"]',
        ),
        (
            {"a": [{"anything-but": {"prefix": ""}}]},
            "policy.a[0].anything-but.prefix must have at least 1 character: it would exclude every string, got ''",
        ),
        ({"a": [{"numeric": []}]}, f"policy.a[0].numeric must be {RANGE}, got []"),
        ({"a": [{"numeric": 5}]}, f"policy.a[0].numeric must be {RANGE}, got 5"),
        ({"a": [{"numeric": ["=", 1, "<"]}]}, f'policy.a[0].numeric must be {RANGE}, got ["=", 1, "<"]'),
        ({"a": [{"numeric": ["!=", 1]}]}, 'policy.a[0].numeric[0] must be =, <, <=, > or >=, got "!="'),
        ({"a": [{"numeric": [1, "="]}]}, "policy.a[0].numeric[0] must be =, <, <=, > or >=, got 1"),
        ({"a": [{"numeric": ["=", "1"]}]}, 'policy.a[0].numeric[1] must be a number, got "1"'),
        ({"a": [{"numeric": ["=", True]}]}, "policy.a[0].numeric[1] must be a number, got true"),
        (
            {"a": [{"numeric": ["<", 1, ">", 0]}]},
            f'policy.a[0].numeric must be {RANGE}, got ["<", 1, ">", 0]',
        ),
        (
            {"a": [{"numeric": [">", 1, "<", 1]}]},
            'policy.a[0].numeric must have a lower bound below the upper one, got [">", 1, "<", 1]',
        ),
        ({"a": [{"cidr": "10.0.0.0"}]}, f'policy.a[0].cidr must be {NETWORK}, got "10.0.0.0"'),
        ({"a": [{"cidr": "10.0.0.0/33"}]}, f'policy.a[0].cidr must be {NETWORK}, got "10.0.0.0/33"'),
        ({"a": [{"cidr": "10.0.0/8/8"}]}, f'policy.a[0].cidr must be {NETWORK}, got "10.0.0/8/8"'),
        ({"a": [{"cidr": "10.0.0.0/x"}]}, f'policy.a[0].cidr must be {NETWORK}, got "10.0.0.0/x"'),
        ({"a": [{"cidr": "ten/8"}]}, f'policy.a[0].cidr must be {NETWORK}, got "ten/8"'),
        ({"a": [{"cidr": 10}]}, f"policy.a[0].cidr must be {NETWORK}, got 10"),
        ({"$or": [{"a": ["x"]}]}, 'policy.$or must be an array of at least 2 objects, got [{"a": ["x"]}]'),
        ({"$or": []}, "policy.$or must be an array of at least 2 objects, got []"),
        ({"$or": {"a": ["x"]}}, 'policy.$or must be an array of at least 2 objects, got {"a": ["x"]}'),
        ({"$or": ["x", "y"]}, 'policy.$or must be an array of at least 2 objects, got ["x", "y"]'),
        ({"$or": [{"a": ["x"]}, {"b": []}]}, "policy.$or[1].b must have at least one value, got []"),
        ({"a": [math.nan]}, "policy.a[0] must be a JSON number within double precision, got NaN"),
        ({"a": [math.inf]}, "policy.a[0] must be a JSON number within double precision, got Infinity"),
        ({"a": [{"wildcard": "a\\b"}]}, 'policy.a[0].wildcard must have \\ only before * or \\, got "a\\\\b"'),
        ({"a": [{"wildcard": "a\\"}]}, 'policy.a[0].wildcard must have \\ only before * or \\, got "a\\\\"'),
    ],
)
def test_a_wrong_shape_is_refused_with_its_path(policy: Any, complaint: str) -> None:
    assert refusal(policy) == complaint


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("of", [lambda n: n, lambda n: [n], lambda n: [[n]], lambda n: [{"prefix": n}]])
def test_a_number_that_python_cannot_write_is_refused_in_words(scope: Scope, of: Any) -> None:
    for policy in ({"body": of(10**5_000)}, {10**5_000: ["x"]}):
        assert refusal(policy, scope).endswith("a number of more than 4300 digits")


def test_the_argument_is_named_as_the_caller_typed_it() -> None:
    with pytest.raises(PatternError, match=r"^filter_policy\.a must have at least one value, got \[\]$"):
        check({"a": []}, "body", argument="filter_policy")


# Limits of SNS -------------------------------------------------------------------------------------------


def test_nested_keys_need_the_scope_message_body() -> None:
    nested = {"a": {"b": ["x"]}}
    assert check(nested, "body") == ()
    assert refusal(nested, "attributes") == (
        "policy.a must be an array: the scope MessageAttributes knows no nested keys (the scope MessageBody "
        'does), got {"b": ["x"]}'
    )


def test_five_keys_are_accepted_and_six_are_not() -> None:
    assert check({key: ["x"] for key in "abcde"}, "attributes") == ()
    assert refusal({key: ["x"] for key in "abcdef"}) == "policy must have at most 5 keys, got 6"


def test_more_than_five_nested_keys_are_a_warning_since_sources_disagree() -> None:
    nested = {"a": {"b": ["x"], "c": ["x"], "d": ["x"]}, "e": {"f": ["x"], "g": ["x"]}}
    assert check(nested, "body") == ()
    nested["e"]["h"] = ["x"]
    assert check(nested, "body") == (
        "policy has 6 keys with values: SNS has been documented to count these, nested ones included, and to allow 5",
    )


def test_nested_keys_with_one_last_name_are_several_keys() -> None:
    [warning] = check({"a": {"x": ["1"], "y": ["1"], "z": ["1"]}, "b": {"x": ["1"], "y": ["1"], "z": ["1"]}}, "body")
    assert warning.startswith("policy has 6 keys with values")
    # A key in several branches is one.
    assert check({"a": ["1"], "$or": [{k: ["1"], "b": ["1"]} for k in "cde"]}, "body") == ()


@pytest.mark.parametrize("field", ["id", "account", "detail-type", "resources", "source", "time", "region", "version"])
def test_every_field_of_an_event_is_known(field: str) -> None:
    assert check({field: ["x"], "detail": {"k": ["x"]}}, "eventbridge") == ()


def test_combinations_are_counted_as_sns_counts_them() -> None:
    assert combinations({"a": ["x", "y"], "b": ["x", "y", "z"]}) == 6
    # The examples of the documentation: depth times values, multiplied.
    assert combinations({"a": {"b": {"c": [1, 2, 3, 4]}}, "d": {"e": [1, 2, 3]}}) == 72
    records = {"s3": {"object": {"key": [{"prefix": "auto-"}]}}, "eventName": [{"prefix": "ObjectCreated:"}]}
    assert combinations({"Records": records}) == 8
    # Branches of $or add up, and a nested $or counts the depth it stands at.
    assert combinations({"a": [1, 2], "$or": [{"b": [1, 2, 3]}, {"c": [1]}]}) == 2 * (3 + 1)
    assert combinations({"d": {"$or": [{"b": [1]}, {"c": [1, 2]}]}}) == 2 + 4
    assert combinations({}) == 1


def test_150_combinations_are_accepted_and_151_are_not() -> None:
    assert check({"a": list(range(150))}, "body") == ()
    assert refusal({"a": list(range(151))}) == (
        "policy must have at most 150 combinations (for each key its depth times the number of its values, "
        "multiplied; the branches of $or added up), got 151"
    )


def test_a_policy_of_256_kb_is_accepted_and_one_byte_more_is_not() -> None:
    overhead = len('{"a":[""]}')
    assert check({"a": ["x" * (262_144 - overhead)]}, "body") == ()
    assert refusal({"a": ["x" * (262_145 - overhead)]}) == ("policy must be at most 262144 bytes of JSON, got 262145")
    # Bytes, not characters.
    assert "got 262145" in refusal({"a": ["é" + "x" * (262_143 - overhead)]})


@pytest.mark.parametrize("number", [10**9, -(10**9), 1e9, 0.00001, -123456.12345])
def test_numbers_in_range_are_accepted(number: float) -> None:
    assert check({"a": [number, {"numeric": ["=", number]}, {"anything-but": number}]}, "body") == ()


@pytest.mark.parametrize(
    ("number", "complaint"),
    [
        (10**9 + 1, "must be -1000000000 to 1000000000, got 1000000001"),
        (-1e9 - 0.1, "must be -1000000000 to 1000000000, got -1000000000.1"),
        (0.000001, "must have at most 5 decimal places, got 1e-06"),
        (1.123456, "must have at most 5 decimal places, got 1.123456"),
    ],
)
def test_numbers_out_of_range_or_too_precise_are_refused_wherever_they_stand(number: float, complaint: str) -> None:
    assert refusal({"a": [number]}) == f"policy.a[0] {complaint}"
    assert refusal({"a": [{"anything-but": [0, number]}]}) == f"policy.a[0].anything-but[1] {complaint}"
    assert refusal({"a": [{"numeric": ["<", number]}]}) == f"policy.a[0].numeric[1] {complaint}"


def test_three_wildcards_are_accepted_and_four_are_not() -> None:
    assert check({"a": [{"wildcard": "*a*b*"}]}, "body") == ()
    assert check({"a": [{"wildcard": "*a*b*\\*"}]}, "body") == ()
    assert refusal({"a": [{"wildcard": "*a*b*c*"}]}) == (
        'policy.a[0].wildcard must have at most 3 wildcards, got 4 in "*a*b*c*"'
    )


def test_wildcards_of_one_key_have_100_points_at_most() -> None:
    # 10 patterns with one wildcard: 10 points times 10 patterns.
    assert check({"a": [{"wildcard": f"{i}*"} for i in range(10)]}, "body") == ()
    assert refusal({"a": [{"wildcard": f"{i}*"} for i in range(11)]}) == (
        "policy.a must have at most 100 points of wildcard complexity (the points of all patterns times their "
        "number; a lone * is 1 point, each of several 3), got 121 with 11 patterns"
    )
    # 3 with three wildcards are (9 + 9 + 9) × 3 = 81; those within anything-but count too.
    three = [{"wildcard": "*a*b*"}, {"wildcard": "*c*d*"}, {"anything-but": {"wildcard": "*e*f*"}}]
    assert check({"a": three}, "body") == ()
    assert "got 112 with 4 patterns" in refusal({"a": [*three, {"wildcard": "g*"}]})
    # A pattern without a wildcard has no points, and is one of the patterns.
    assert "got 108 with 12 patterns" in refusal(
        {"a": [{"wildcard": "*a*b*"}, *({"wildcard": f"{i}"} for i in range(11))]}
    )
    assert check({"a": [{"wildcard": "*a*b*"}, *({"wildcard": f"{i}"} for i in range(10))]}, "body") == ()
    # Another key has points of its own.
    assert check({"a": three, "b": three}, "body") == ()


@pytest.mark.parametrize(
    ("policy", "scope", "warning"),
    [
        ({}, "body", "policy is empty: it accepts every message"),
        ({"a": {}}, "body", "policy.a is empty: it accepts every message"),
        (
            {"a": [{"exists": False}]},
            "attributes",
            "policy.a[0].exists: false filters out messages that have no attributes at all",
        ),
        (
            {"a": [{"anything-but": {"suffix": "x"}}]},
            "body",
            "policy.a[0].anything-but.suffix: SNS documents anything-but with prefix and wildcard only; it has "
            "been seen to refuse suffix",
        ),
        (
            {"a": [{"anything-but": ["x", 1]}]},
            "body",
            "policy.a[0].anything-but mixes strings with other values, which is not documented",
        ),
        (
            {"a": [{"anything-but": True}]},
            "body",
            "policy.a[0].anything-but: true is documented only outside anything-but",
        ),
        ({"a": [{"prefix": ""}]}, "body", "policy.a[0].prefix is empty: what it accepts is not documented"),
        (
            {"a": [{"cidr": "10.0.0.7/24"}]},
            "body",
            "policy.a[0].cidr has bits set behind the prefix length; 10.0.0.0/24 is meant",
        ),
        (
            {"a": [{"wildcard": "a**"}]},
            "body",
            "policy.a[0].wildcard has two * in a row, which EventBridge refuses",
        ),
        (
            {"sorce": ["x"]},
            "eventbridge",
            "policy.sorce: no event has this field at its top level (those of its sender are in detail)",
        ),
        (
            {"$or": [{"body": {"a": ["x"]}}, {"body": {"b": ["x"]}}]},
            "event-source",
            "policy.$or: Lambda documents $or below body for an SQS queue, not beside it",
        ),
        *(
            (
                {"a": ["x", condition]},
                "attributes",
                'policy.a[1] has " or \\: to match message attributes, SNS wants these escaped twice in a policy',
            )
            for condition in (
                'a"b',
                "a\\b",
                {"prefix": '"'},
                {"suffix": "\\"},
                {"equals-ignore-case": '"'},
                {"wildcard": "\\**"},
                {"anything-but": ["a", '"']},
                {"anything-but": {"prefix": '"'}},
            )
        ),
        (
            {"body": {"a": [{"wildcard": "x*"}]}},
            "event-source",
            "policy.body.a[0]: Lambda does not document wildcard for event source filters",
        ),
        (
            {"body": {"a": [{"anything-but": {"prefix": "x"}}]}},
            "event-source",
            "policy.body.a[0].anything-but.prefix: Lambda documents anything-but with values only for event "
            "source filters",
        ),
    ],
)
def test_what_is_accepted_and_may_not_be_meant_is_a_warning(policy: Any, scope: str, warning: str) -> None:
    assert check(policy, scope) == (warning,)


def test_quotes_and_backslashes_are_no_matter_in_a_body() -> None:
    assert check({"a": ['"', "\\", {"prefix": '"'}]}, "body") == ()


def test_a_policy_nested_too_deep_is_refused_and_not_a_crash() -> None:
    deep: Any = ["x"]
    for _ in range(100_000):
        deep = {"a": deep}
    assert refusal(deep) == "policy must be nested at most 200 levels deep, got more"
    while isinstance(deep, dict):  # taken apart by hand: Python's own clean-up recurses
        deep = deep["a"]


def test_a_name_with_too_many_dots_is_nested_too_deep() -> None:
    assert check({".".join("a" * 200): ["x"]}, "body") == ()
    name = ".".join("a" * 201)
    assert refusal({name: ["x"]}) == (
        f"policy.{name} must have at most 200 levels, a dot in a name being one, got more"
    )
    assert check({name: ["x"]}, "attributes") == ()


# EventBridge and event source mappings -------------------------------------------------------------------


EVENT_OPERATORS: list[Any] = [
    *SNS_OPERATORS,
    {"exists": False},
    {"prefix": {"equals-ignore-case": "EventB"}},
    {"suffix": {"equals-ignore-case": ".PNG"}},
    {"anything-but": {"suffix": ".png"}},
    {"anything-but": {"equals-ignore-case": "initializing"}},
    {"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}},
    {"anything-but": {"prefix": ["a", "b"]}},
    {"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}},
    {"numeric": [">=", -5_000_000_000, "<=", 5_000_000_000]},
    10**12,
]


@pytest.mark.parametrize("operator", EVENT_OPERATORS, ids=str)
def test_every_documented_operator_of_eventbridge_is_accepted(operator: Any) -> None:
    assert check({"detail": {"key": [operator]}}, "eventbridge") == ()
    check_event_pattern({"detail": {"key": [operator]}}, argument="event_pattern")


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ({}, "event_pattern must name at least one key, got {}"),
        ({"detail": {}}, "event_pattern.detail must name at least one key, got {}"),
        ({"source": "x"}, 'event_pattern.source must be an array or an object, got "x"'),
        ({"source": []}, "event_pattern.source must have at least one value, got []"),
        (
            {"source": [{"wildcard": "a**b"}]},
            'event_pattern.source[0].wildcard must not have two * in a row, got "a**b"',
        ),
        (
            {"source": [{"anything-but": ["x", 1]}]},
            'event_pattern.source[0].anything-but must have only strings or only numbers, got ["x", 1]',
        ),
        (
            {"source": [{"anything-but": [None]}]},
            "event_pattern.source[0].anything-but[0] must be a string or a number, got null",
        ),
        (
            {"source": [{"anything-but": {"prefix": []}}]},
            "event_pattern.source[0].anything-but.prefix must have at least one value, got []",
        ),
        (
            {"source": [{"anything-but": {"prefix": ["x", 1]}}]},
            "event_pattern.source[0].anything-but.prefix[1] must be a string, got 1",
        ),
        (
            {"source": [{"anything-but": {"prefix": 1}}]},
            "event_pattern.source[0].anything-but.prefix must be a string or an array of strings, got 1",
        ),
        (
            {"source": [{"prefix": {"ignore-case": "x"}}]},
            'event_pattern.source[0].prefix must be a string or {"equals-ignore-case": a string}, got '
            '{"ignore-case": "x"}',
        ),
        (
            {"detail": {"n": [{"numeric": ["<", 5_000_000_001]}]}},
            "event_pattern.detail.n[0].numeric[1] must be -5000000000 to 5000000000, got 5000000001",
        ),
        (
            {"detail": {"n": [{"numeric": ["<", 0.1234567]}]}},
            "event_pattern.detail.n[0].numeric[1] must have at most 6 decimal places, got 0.1234567",
        ),
        (
            {"$or": [{"numeric": [1]}, {"source": ["x"]}]},
            "event_pattern.$or[0].numeric must be a key of the event: an operator stands inside the array of a "
            'key, got {"numeric": [1]}',
        ),
        ({"$or": [{"source": ["x"]}, {}]}, "event_pattern.$or[1] must name at least one key, got {}"),
        (
            {"$or": [{"source": ["x"]}]},
            'event_pattern.$or must be an array of at least 2 objects, got [{"source": ["x"]}]',
        ),
    ],
)
def test_what_eventbridge_refuses_is_refused(pattern: Any, complaint: str) -> None:
    with pytest.raises(PatternError) as refused:
        check_event_pattern(pattern, argument="event_pattern")
    assert str(refused.value) == complaint


def test_eventbridge_keeps_or_as_the_name_of_a_key_where_it_cannot_be_the_operator() -> None:
    assert Filter({"detail": {"$or": ["x"]}}, "eventbridge").matches({"detail": {"$or": "x"}})
    assert Filter({"detail": {"$or": {"a": [1]}}}, "eventbridge").matches({"detail": {"$or": {"a": 1}}})


def test_a_pattern_of_4096_characters_is_accepted_and_one_more_is_not() -> None:
    fits = 4_096 - len('{"source":[""]}')
    check_event_pattern({"source": ["x" * fits]}, argument="p")
    with pytest.raises(PatternError, match=r"^p must be at most 4096 characters of JSON, got 4097$"):
        check_event_pattern({"source": ["x" * (fits + 1)]}, argument="p")
    fits = 4_096 - len('{"body":[""]}')
    check_event_source_filter({"body": ["x" * fits]}, argument="p")
    with pytest.raises(PatternError, match=r"^p must be at most 4096 characters of JSON, got 4097$"):
        check_event_source_filter({"body": ["x" * (fits + 1)]}, argument="p")


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ({}, "filters[0] must name at least one key, got {}"),
        (
            {"messageAttributes": {"a": ["x"]}},
            'filters[0] must have only the key "body" for an SQS queue, got "messageAttributes"',
        ),
        (
            {"body": ["x"], "data": ["x"]},
            'filters[0] must have only the key "body" for an SQS queue, got "data"',
        ),
        (
            {"$or": [{"body": ["x"]}, {"data": ["x"]}]},
            'filters[0].$or[1] must have only the key "body" for an SQS queue, got "data"',
        ),
        ({"body": "x"}, 'filters[0].body must be an array or an object, got "x"'),
        ({"body": {}}, "filters[0].body must name at least one key, got {}"),
        (
            {"body": [1]},
            "filters[0].body[0] must be a string or an operator: a body that is not an object is compared as "
            "text, got 1",
        ),
    ],
)
def test_what_would_not_work_as_a_filter_of_an_sqs_queue_is_refused(pattern: Any, complaint: str) -> None:
    with pytest.raises(PatternError) as refused:
        check_event_source_filter(pattern, argument="filters[0]")
    assert str(refused.value) == complaint


# Anything at all ----------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "b.c", "$or", "body", "prefix", "anything-but", "numeric", "exists", "wildcard"])
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


FORMS = policies(
    "equals, number, boolean, null, prefix, suffix, equals-ignore-case, wildcard, cidr, numeric, exists, anything-but"
)
FLAT = st.dictionaries(st.sampled_from("ab"), conditions("equals, number, null, prefix, exists, anything-but"))
ANY_POLICY = json_values | FORMS | FORMS.map(lambda policy: {"body": policy}) | FLAT


@given(policy=ANY_POLICY, scope=st.sampled_from(Scope), message=json_values | messages(scalars))
def test_any_json_is_refused_with_a_reason_or_compiled_and_asked(policy: Any, scope: Scope, message: Any) -> None:
    if scope is Scope.ATTRIBUTES and isinstance(message, dict):
        message = as_attributes(message)
    try:
        compiled = Filter(policy, scope)
    except PatternError as refused:
        complaint = str(refused)
    else:
        complaint = _asked(compiled, message)
    event(f"{scope}: {complaint.partition(' ')[0].partition('.')[0]}")
    assert complaint.startswith(("policy", "message attribute", "event must be", "answered"))


def _asked(compiled: Filter, message: Any) -> str:
    try:
        assert compiled.explain(message).matched == compiled.matches(message)
    except PatternError as refused:
        return str(refused) if compiled.scope in (Scope.ATTRIBUTES, Scope.EVENTBRIDGE) else f"wrong: {refused}"
    return "answered"
