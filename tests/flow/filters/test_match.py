"""Whether a message reaches a subscriber, and why not, is answered before anything is deployed."""

import json
import re
import sys
from collections import OrderedDict
from collections.abc import Callable
from itertools import product
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from patterns.errors import PatternError
from patterns.flow.filters import Filter, combinations, explain, match
from tests.flow.filters.strategies import as_attributes, cases, conditions, messages, policies, scalars

AUTO = {
    "Records": {
        "s3": {"object": {"key": [{"prefix": "auto-"}]}},
        "eventName": [{"prefix": "ObjectCreated:"}],
    }
}


def uploaded(key: str, event: str = "ObjectCreated:Put") -> dict[str, Any]:
    return {"eventSource": "aws:s3", "eventName": event, "s3": {"object": {"key": key, "size": 3}}}


def string(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def number(value: str) -> dict[str, str]:
    return {"DataType": "Number", "StringValue": value}


def array(value: Any) -> dict[str, str]:
    return {"DataType": "String.Array", "StringValue": json.dumps(value)}


# One key, one condition: what each operator accepts --------------------------------------------------------

CASES: list[tuple[Any, list[Any], list[Any]]] = [
    # condition, accepted values, refused values
    ("rugby", ["rugby", ["tennis", "rugby"]], ["Rugby", "rugby ", "", None, True, 5, [], {}, {"rugby": 1}]),
    ("", [""], [" ", None]),
    (100, [100, 100.0, 1e2, [1, 100]], ["100", 100.1, True, None]),
    (1, [1, 1.0], [True, "1"]),
    (True, [True], [1, "true", False]),
    (False, [False], [0, "", None, True]),
    (None, [None, [1, None]], ["null", "", 0, [], {}]),
    ({"prefix": "bas"}, ["baseball", "bas"], ["Bas", "ba", "xbas", 5, None, True]),
    ({"suffix": "ball"}, ["baseball", "ball"], ["balls", "Ball", 5]),
    ({"equals-ignore-case": "tennis"}, ["tennis", "TENNIS", "TeNNis"], ["tenni", "tennis1", " tennis", "tennis ", 5]),
    ({"equals-ignore-case": "ÉTÉ"}, ["été", "ÉTÉ"], ["ete"]),
    ({"wildcard": "*ball"}, ["ball", "base*ball", "a\nball"], ["balls", "bal", 5]),
    ({"wildcard": "a*b*c"}, ["abc", "aXbXc", "abbcc", "abcbc"], ["ab", "ac", "acb", "xabc", "abcx"]),
    ({"wildcard": "ab*ba"}, ["abba", "abXba"], ["aba"]),
    ({"wildcard": "*"}, ["", "x"], [5, None]),
    ({"wildcard": "a\\*\\\\b"}, ["a*\\b"], ["axx\\b", "a*b"]),
    ({"wildcard": "plain"}, ["plain"], ["plainer", ""]),
    ({"cidr": "10.0.0.0/24"}, ["10.0.0.0", "10.0.0.255"], ["10.0.1.0", "9.255.255.255", "x", "10.0.0", 10]),
    ({"cidr": "10.0.0.7/24"}, ["10.0.0.1"], ["10.0.1.0"]),
    ({"cidr": "2001:db8::/32"}, ["2001:db8::1"], ["2001:db9::1", "10.0.0.1"]),
    ({"numeric": ["=", 301.5]}, [301.5, 3.015e2], [301.4, "301.5", True]),
    ({"numeric": ["<", 10]}, [9.99999, -5], [10, 11, "9"]),
    ({"numeric": ["<=", 10]}, [10], [10.00001]),
    ({"numeric": [">", 0, "<=", 5]}, [0.1, 5, [9, 3]], [0, 5.1, None, False, True]),
    ({"numeric": [">=", 0, "<", 5]}, [0, 4.9], [-0.1, 5]),
    ({"anything-but": "rugby"}, ["tennis", "", ["rugby", "tennis"], 5, True], ["rugby", ["rugby"], [], {}]),
    ({"anything-but": ["rugby", "tennis"]}, ["x", ["rugby", "x"]], ["rugby", ["tennis", "rugby"]]),
    ({"anything-but": 100}, [101, "100", True], [100, 100.0]),
    ({"anything-but": [1, 2]}, [3, True], [1, 2.0]),
    ({"anything-but": {"prefix": "order-"}}, ["x", "Order-1", 5], ["order-1", "order-"]),
    ({"anything-but": {"suffix": ".png"}}, ["x.jpg"], ["x.png"]),
    ({"anything-but": {"equals-ignore-case": "x"}}, ["y"], ["x", "X"]),
    ({"anything-but": {"wildcard": "*/lib/*"}}, ["/bin/x"], ["/lib/x", "a/lib/"]),
    ({"exists": True}, ["x", 0, False, ["x"]], [[], {}, {"b": 1}]),
    ({"exists": False}, [[], {}, {"b": 1}], ["x", 0, False, None, ["x"], ""]),
]
FLAT = [
    pytest.param(condition, value, expected, id=f"{json.dumps(condition)}-{json.dumps(value)}-{expected}")
    for condition, accepted, refused in CASES
    for expected, values in ((True, accepted), (False, refused))
    for value in values
]


@pytest.mark.parametrize(("condition", "value", "expected"), FLAT)
@pytest.mark.parametrize("scope", ["body", "eventbridge"])
def test_an_operator_accepts_exactly_its_values(condition: Any, value: Any, expected: bool, scope: str) -> None:
    assert match({"detail": {"key": [condition]}}, scope, {"detail": {"key": value, "other": 1}}) is expected
    assert match({"key": [condition]}, scope, {"key": value}) is expected


@pytest.mark.parametrize("condition", [case[0] for case in CASES if case[0] != {"exists": False}], ids=json.dumps)
@pytest.mark.parametrize("scope", ["body", "eventbridge"])
def test_a_missing_key_is_accepted_by_exists_false_only(condition: Any, scope: str) -> None:
    for message in ({}, {"other": "x"}, {"detail": {}}, {"detail": "text"}, {"detail": [1, {}]}):
        assert not match({"detail": {"key": [condition]}}, scope, message)
        assert match({"detail": {"key": [condition, {"exists": False}]}}, scope, message)


def test_null_and_empty_text_exist_for_eventbridge_and_not_for_sns() -> None:
    for value in (None, ""):
        assert match({"key": [{"exists": True}]}, "eventbridge", {"key": value})
        assert not match({"key": [{"exists": True}]}, "body", {"key": value})
        for scope in ("eventbridge", "body"):
            assert not match({"key": [{"exists": False}]}, scope, {"key": value})


def test_case_is_ignored_within_prefix_and_suffix_for_eventbridge() -> None:
    pattern = {"service": [{"prefix": {"equals-ignore-case": "EventB"}}, {"suffix": {"equals-ignore-case": ".Png"}}]}
    for value in ("eventbridge", "EVENTBUS", "x.PNG"):
        assert match(pattern, "eventbridge", {"service": value})
    assert not match(pattern, "eventbridge", {"service": "event.png.gz"})


# Keys ----------------------------------------------------------------------------------------------------


def test_all_keys_have_to_match_and_one_value_of_each() -> None:
    policy = {"a": ["x", "y"], "b": [{"prefix": "z"}]}
    assert match(policy, "body", {"a": "y", "b": "zz"})
    assert not match(policy, "body", {"a": "y", "b": "y"})
    assert not match(policy, "body", {"a": "y"})


def test_or_wants_one_of_its_branches_and_all_other_keys() -> None:
    policy = {"source": ["cw"], "$or": [{"metric": ["cpu"]}, {"name": ["ec2"], "kind": [1]}, {"deep": {"a": [1]}}]}
    assert match(policy, "body", {"source": "cw", "metric": "cpu"})
    assert match(policy, "body", {"source": "cw", "name": "ec2", "kind": 1})
    assert match(policy, "body", {"source": "cw", "deep": {"a": 1}})
    assert not match(policy, "body", {"source": "cw", "name": "ec2"})
    assert not match(policy, "body", {"metric": "cpu"})


def test_or_may_be_nested_and_stand_under_a_key() -> None:
    policy = {
        "detail": {"$or": [{"a": [1]}, {"b": [2], "$or": [{"c": [3]}, {"d": [4]}]}]},
        "$or": [{"x": [1]}, {"y": [1]}],
    }
    for scope in ("body", "eventbridge"):
        assert match(policy, scope, {"x": 1, "detail": {"b": 2, "d": 4}})
        assert not match(policy, scope, {"x": 1, "detail": {"b": 2}})
        assert not match(policy, scope, {"detail": {"a": 1}})


def test_a_dot_in_a_name_is_a_level_as_sns_and_eventbridge_flatten_both_sides() -> None:
    for policy in (
        {"object": {"nested": {"test": ["v"]}}},
        {"object.nested.test": ["v"]},
        {"object": {"nested.test": ["v"]}},
    ):
        for message in (
            {"object": {"nested": {"test": "v"}}},
            {"object.nested.test": "v"},
            {"object.nested": {"test": "v"}},
            {"object": {"nested.test": "v"}},
            {"object": {"nested": {"test": "w"}}, "object.nested": {"test": "v"}},
            {"object": [{"nested.test": "v"}]},
        ):
            assert match(policy, "body", message)
            assert match(policy, "eventbridge", message)
        assert not match(policy, "body", {"object": {"nested": {"test": "w"}}})


@pytest.mark.parametrize("depth", [1, 2, 7, 8, 9, 30, 199])
def test_keys_are_found_on_any_level_nested_or_dotted(depth: int) -> None:
    names = [f"k{i}" for i in range(depth)]
    nested: Any = "v"
    for name in reversed(names):
        nested = {name: nested}
    half = depth // 2
    mixed: Any = {".".join(names[half:]): "v"}
    for name in reversed(names[:half]):
        mixed = {name: mixed}
    pattern: Any = ["v"]
    for name in reversed(names):
        pattern = {name: pattern}
    for message in (nested, mixed, {".".join(names): ["u", "v"]}):
        assert match(pattern, "eventbridge", message)
        assert match({".".join(names): ["v"]}, "eventbridge", message)
        assert not match({".".join(names): ["w"]}, "eventbridge", message)
        assert not match({".".join([*names[:-1], "other"]): ["v"]}, "eventbridge", message)


# Arrays --------------------------------------------------------------------------------------------------


def test_one_element_of_an_array_is_enough() -> None:
    message = {"Records": [uploaded("home-1.xml"), uploaded("auto-1.xml")]}
    assert match(AUTO, "body", message)
    assert match({"Records": {"s3": {"object": {"key": [{"prefix": "life-"}]}}}}, "body", message) is False
    assert match({"a": {"b": [3]}}, "body", {"a": [[{"b": 1}], [[{"b": [2, [3]]}]]]})


def test_sns_takes_each_key_from_any_element_and_eventbridge_all_from_the_same() -> None:
    mixed = {"detail": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}
    across, within = {"detail": {"a": [1], "b": [4]}}, {"detail": {"a": [3], "b": [4]}}
    assert match(across, "body", mixed)
    assert match(within, "body", mixed)
    assert not match(across, "eventbridge", mixed)
    assert match(within, "eventbridge", mixed)
    assert explain(across, "eventbridge", mixed).reasons[0].text == (
        "the keys match, but not in the same element of an array"
    )


def test_eventbridge_looks_for_the_same_element_on_every_level_and_in_every_branch() -> None:
    event = {"detail": [{"a": [{"x": 1, "y": 2}, {"x": 3, "y": 4}], "k": 1}, {"a": [{"x": 5, "y": 6}], "k": 2}]}
    cases = [
        ({"a": {"x": [1], "y": [2]}, "k": [1]}, True),
        ({"a": {"x": [1], "y": [4]}, "k": [1]}, False),
        ({"a": {"x": [1], "y": [2]}, "k": [2]}, False),
        ({"k": [1], "$or": [{"a": {"x": [5]}}, {"a": {"x": [3], "y": [4]}}]}, True),
        ({"k": [1], "$or": [{"a": {"x": [5]}}, {"a": {"x": [3], "y": [2]}}]}, False),
        ({"k": [{"exists": True}], "z": [{"exists": False}]}, True),
    ]
    for pattern, expected in cases:
        assert match({"detail": pattern}, "eventbridge", event) is expected, pattern


def test_the_search_for_the_same_element_stays_short() -> None:
    """1,000 elements, 40 keys that each match in all of them: no more work than elements times keys."""
    keys = [f"k{i}" for i in range(40)]
    event = {"detail": [dict.fromkeys(keys, 1) | {"last": 0} for _ in range(1_000)]}
    assert not match({"detail": {key: [1] for key in keys} | {"last": [1]}}, "eventbridge", event)
    event["detail"].append({"last": 1})
    assert not match({"detail": {key: [1] for key in keys} | {"last": [1]}}, "eventbridge", event)


BESIDE = st.dictionaries(st.sampled_from("xy"), st.sampled_from([[1], [1], [0]]), min_size=1)
IN_ARRAYS = st.dictionaries(st.sampled_from("ab"), BESIDE, min_size=1)
MET = st.builds(lambda keys, one, other: {**keys, "$or": [one, other]}, IN_ARRAYS, IN_ARRAYS, IN_ARRAYS)
BITS = st.sampled_from([1, 1, 0])
ELEMENTS = st.dictionaries(st.sampled_from("xy"), BITS | st.lists(BITS, min_size=1, max_size=2), min_size=1)
SEVERAL = st.lists(ELEMENTS, min_size=1, max_size=3)
HOLDERS = ELEMENTS | SEVERAL | st.lists(SEVERAL, min_size=1, max_size=2)


def _alone(node: Any) -> list[Any]:
    """Each way to leave of every array one element, or nothing where it is empty."""
    if isinstance(node, list):
        return [way for element in node for way in _alone(element)] or [{}]
    if isinstance(node, dict):
        ways = product(*(_alone(value) for value in node.values()))
        return [dict(zip(node, way, strict=True)) for way in ways]
    return [node]


@settings(max_examples=300, deadline=None)
@given(IN_ARRAYS | MET, st.fixed_dictionaries({"a": HOLDERS, "b": HOLDERS}))
def test_keys_match_in_the_same_elements_where_one_of_each_array_alone_would_match(pattern: Any, detail: Any) -> None:
    compiled = Filter({"detail": pattern}, "eventbridge")
    expected = any(compiled.matches({"detail": alone}) for alone in _alone(detail))
    event(f"matches: {expected}, arrays: {len(_alone(detail)) > 1}")
    assert compiled.matches({"detail": detail}) is expected


def _calls(asked: Callable[[], object]) -> int:
    """How many functions are called to answer."""
    calls = 0

    def count(_frame: Any, kind: str, _what: Any) -> None:
        nonlocal calls
        calls += kind == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        asked()
    finally:
        sys.setprofile(before)
    return calls


def _arrays_and_or(many: int, live: bool) -> tuple[Any, Any]:
    """Keys under an array each, twice, the second time in a branch; the last array has them in different elements."""
    names = [f"a{i}" for i in range(many)]
    branch = {name: {"y": [1]} for name in names} | {"z": [1]}
    other = {name: {"w": [1]} for name in names} if live else {"z": [2]}
    pattern = {name: {"x": [1]} for name in names} | {"$or": [branch, other]}
    event: dict[str, Any] = {name: [{"x": 1, "y": 1, "w": 1}, {"x": 1, "y": 1, "w": 1}] for name in names}
    event[names[-1]] = [{"x": 1}, {"y": 1, "w": 1}]
    return {"detail": pattern}, {"detail": event | {"z": 1}}


@pytest.mark.parametrize("live", [False, True])
def test_arrays_that_have_nothing_to_do_with_each_other_are_searched_one_by_one(live: bool) -> None:
    steps = []
    for many in (8, 16, 32):
        pattern, sent = _arrays_and_or(many, live)
        compiled = Filter(pattern, "eventbridge")
        assert not compiled.matches(sent)
        steps.append(_calls(lambda c=compiled, e=sent: c.matches(e)))
        sent["detail"][f"a{many - 1}"].append({"x": 1, "y": 1})
        assert compiled.matches(sent)
    assert steps[2] < 2.3 * steps[1] < 2.3 * 2.3 * steps[0]


def test_branches_over_a_chain_of_arrays_are_not_tried_in_every_combination() -> None:
    """Every $or is about two arrays and every array in two of them, so nothing stands apart from the rest."""
    steps = []
    for many in (8, 16):
        pattern: Any = {"a": {"y": [1]}}
        sent: Any = {"a": [{"x": 1}, {"y": 1}]}
        for _ in range(many):
            same = [{"a": {key: [1]}, "d": {"a": {key: [1]}}} for key in "xy"]
            pattern, sent = {"$or": same, "d": pattern}, {"a": [{"x": 1}, {"y": 1}], "d": sent}
        compiled = Filter({"detail": pattern | {"a": {"x": [1]}}}, "eventbridge")
        assert not compiled.matches({"detail": sent})
        steps.append(_calls(lambda c=compiled, e=sent: c.matches({"detail": e})))
        assert Filter({"detail": pattern | {"a": {"y": [1]}}}, "eventbridge").matches({"detail": sent})
    assert steps[1] < 5 * steps[0]


class _Counted(dict[str, Any]):
    """An object that counts the names that are looked up or read."""

    looked_at = 0

    def get(self, key: str, default: Any = None) -> Any:
        _Counted.looked_at += 1
        return super().get(key, default)

    def items(self) -> Any:
        _Counted.looked_at += len(self)
        return super().items()


def test_names_are_looked_up_and_not_searched_for() -> None:
    """150 keys in objects of 150 names: a look at each name for each key would be 22,500 for an element."""
    for many in (10, 150):
        names = [f"k{i}" for i in range(many)]
        compiled = Filter({"detail": {key: ["x"] for key in names}}, "eventbridge")
        sent = {"detail": [_Counted(dict.fromkeys(names, "x")) for _ in range(2)]}
        _Counted.looked_at = 0
        assert compiled.matches(sent)
        assert _Counted.looked_at <= 2 * 2 * many


def test_a_key_that_may_be_missing_and_is_there_with_another_value_is_refused_in_arrays_too() -> None:
    compiled = Filter({"detail": {"a": [1], "b": [2, {"exists": False}]}}, "eventbridge")
    assert not compiled.matches({"detail": [{"a": 1, "b": 1}, {"b": 2}]})
    assert compiled.matches({"detail": [{"a": 1}, {"c": 2}]})
    assert compiled.matches({"detail": [{"a": 1, "b": 2}, {"b": 1}]})


def test_arrays_in_arrays_however_deep_are_no_crash() -> None:
    compiled = Filter({"detail": {"a": [1], "b": [1]}}, "eventbridge")
    for deepest, expected in (({"a": 1, "b": 1}, True), ({"a": 1}, False)):
        node: Any = deepest
        for _ in range(400):
            node = [node, {"b": 1}]
        assert compiled.matches({"detail": node}) is expected


# What stands for JSON ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "condition", ["x", {"exists": True}, {"exists": False}, {"anything-but": "x"}, {"prefix": "x"}]
)
@pytest.mark.parametrize("scope", ["body", "eventbridge"])
@pytest.mark.parametrize("of", [dict, OrderedDict, MappingProxyType], ids=lambda of: of.__name__)
def test_what_only_behaves_like_a_dict_or_a_list_is_one(of: Any, scope: str, condition: Any) -> None:
    for policy in ({"a": [condition]}, {"a": {"b": [condition]}}, {"a": {"b": [condition], "c": ["y"]}}):
        compiled = Filter(policy, scope)
        for inner in ({"b": "x"}, {"b": "z", "c": "y"}, {"b": {"d": "x"}}, {"b": ["z", "x"]}, {"b": ("z", "x")}, {}):
            plain = {"a": json.loads(json.dumps(inner))}
            for sent in (of({"a": of(inner)}), {"a": of(inner)}, of({"a": inner}), {"a": (of(inner),)}):
                assert compiled.matches(sent) is compiled.explain(sent).matched is compiled.matches(plain)


# The demo of the insurance leads -------------------------------------------------------------------------


def test_a_lead_reaches_the_filter_of_its_kind_and_no_other() -> None:
    home = json.loads(json.dumps(AUTO).replace("auto-", "home-"))
    for key, expected in (("auto-insurance-7156.xml", (True, False)), ("home-insurance-2.xml", (False, True))):
        body = json.dumps({"Records": [uploaded(key)]})
        assert (match(AUTO, "body", body), match(home, "body", body)) == expected
    unmatched = {"Records": [uploaded("life-1.xml")]}
    assert not match(AUTO, "body", unmatched)
    removed = {"Records": [uploaded("auto-1.xml", "ObjectRemoved:Delete")]}
    assert not match(AUTO, "body", removed)
    # What S3 sends when notifications are set up has no Records at all.
    assert not match(AUTO, "body", {"Service": "Amazon S3", "Event": "s3:TestEvent"})


# SNS: the body -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("hello", "text that is not JSON"),
        ("", "text that is not JSON"),
        ('{"a":', "text that is not JSON"),
        (b"\xff", "text that is not JSON"),
        ("[" * 100_000, "text that is not JSON"),
        ("[1]", "an array"),
        ('"text"', "a string"),
        ("5", "a number"),
        ("true", "a boolean"),
        ("null", "null"),
        ([1], "an array"),
        (None, "null"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_body_that_is_not_a_json_object_passes_no_filter(body: Any, kind: str) -> None:
    for policy in (AUTO, {"a": [{"exists": False}]}):
        verdict = explain(policy, "body", body)
        assert not verdict.matched
        assert verdict.metric == "NumberOfNotificationsFilteredOut-InvalidMessageBody"
        assert verdict.reasons[0].text == f"the body is not a JSON object, but {kind}"
    assert match({}, "body", body)


def test_text_and_parsed_bodies_are_the_same() -> None:
    body = {"a": 'é"\\'}
    for form in (body, json.dumps(body), json.dumps(body, ensure_ascii=False).encode()):
        assert match({"a": ['é"\\']}, "body", form)


@given(
    policies("equals, prefix, suffix, equals-ignore-case, exists, null, anything-but, numeric").filter(
        lambda policy: combinations(policy) <= 150
    ),
    messages(scalars, arrays=True),
    st.booleans(),
)
def test_a_body_says_the_same_as_text_and_parsed(policy: Any, body: Any, spaced: bool) -> None:
    compiled = Filter(policy, "body")
    text = json.dumps(body, indent=1 if spaced else None)
    escaped = re.sub(r"[a-z](?=[^\"]*\"\s*[,}\]])", lambda found: f"\\u{ord(found[0]):04x}", text)
    assert json.loads(escaped) == body
    assert compiled.matches(text) is compiled.matches(escaped) is compiled.matches(body)


TRICKY = st.text(st.sampled_from('a"\\/\n\u00e9\U0001f600\ud83d'), max_size=4)


@given(st.sampled_from(["equals", "prefix", "suffix"]), TRICKY, TRICKY, st.booleans(), st.booleans())
def test_quotes_escapes_and_half_characters_in_a_text_hide_nothing(
    operator: str, operand: str, value: str, ascii: bool, other_slash: bool
) -> None:
    compiled = Filter({"k": [operand if operator == "equals" else {operator: operand}]}, "body")
    text = json.dumps({"k": value}, ensure_ascii=ascii)
    if other_slash:
        text = text.replace("/", "\\/")
    assert compiled.matches(text) is compiled.matches(json.loads(text))


def test_a_text_without_what_a_filter_wants_is_not_read_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = Filter({"a": ["x", {"prefix": "y-"}], "b": [{"exists": False}]}, "body")
    read: list[str] = []
    reading = compiled._read
    monkeypatch.setattr(compiled, "_read", lambda text: read.append(text) or reading(text))
    assert not compiled.matches('{"a": "z"}')
    assert not compiled.matches("x")
    assert read == []
    assert compiled.matches('{"a": "y-1"}')
    assert compiled.matches('{"a": "\\u0078"}')
    assert not compiled.matches('{"b": "x"}')
    assert len(read) == 3


def test_where_text_after_text_matches_none_is_searched_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = Filter({"a": ["x"]}, "body")
    read: list[str] = []
    reading = compiled._read
    monkeypatch.setattr(compiled, "_read", lambda text: read.append(text) or reading(text))
    for _ in range(8):
        assert compiled.matches('{"a": "x"}')
    assert not compiled.matches('{"a": "y"}')
    assert len(read) == 9, "the ninth text has no x, and was read nevertheless"
    assert not compiled.matches('{"a": "y"}')
    assert len(read) == 9, "since one did not match, the next is searched again"


# Keys that lead to each other in more than one way, and everything that JSON can hold under them.
TANGLED = st.sampled_from(["a", "b", "a.b", "b.a", "a.b.a", "c"])
ANY_JSON = st.recursive(
    st.sampled_from(["x", "y", "", 1, 1.5, True, None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TANGLED, inner, max_size=3),
    max_leaves=12,
)
WANTED = st.sampled_from([["x"], ["x", 1], [{"prefix": "x"}], [{"exists": False}], [{"anything-but": "x"}], [None]])
NESTED = st.recursive(WANTED, lambda inner: st.dictionaries(TANGLED, inner, min_size=1, max_size=2), max_leaves=4)
TANGLED_POLICIES = st.dictionaries(TANGLED, NESTED, min_size=1, max_size=2)


@given(TANGLED_POLICIES, st.lists(st.dictionaries(TANGLED, ANY_JSON, max_size=4), min_size=1, max_size=3))
@example({"a": {"b": ["x"]}, "b": ["x"]}, [{"a.b": "x", "b": "x"}])
@example({"a": ["x"], "a.b": ["x"]}, [{"a": ["x", {"b": "x"}]}])
@example({"a": {"b": {"a": ["x"]}}}, [{"a": [[{"b": {"a": "x"}}]]}])
def test_however_keys_lead_to_a_value_all_ways_of_asking_agree(policy: Any, bodies: list[dict[str, Any]]) -> None:
    """`explain` looks for each key by itself, in whatever a message holds; the two others walk and read less."""
    try:
        compiled = Filter(policy, "body")
    except PatternError:
        return  # too complex for SNS
    for body in bodies:
        expected = compiled.explain(body).matched
        assert compiled.matches(body) is expected
        assert compiled.matches(json.dumps(body)) is expected


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('{"a": "y", "a": "x"}', True),  # the last one counts
        ('{"a": "x", "a": "y"}', False),
        ('{"a": {"b": "x"}, "a": "x"}', True),
        ('{"n": {"m": 1}, "a": "x", "n": {"a": [[["deep"]]]}}', True),
        ('{"\\u0061": "\\u0078"}', True),
        ('{"a": [["x"]]}', True),
        ('{"a": "x"}  ', True),
        ('{"a": "x"} {', False),
        ('{"a": "x",}', False),
        ('{"a": "x", "b": \'y\'}', False),
        ('{"a": "x", "b": NaN}', False),
        ('{"a": "x", "b": -Infinity}', False),
        ('{"a": "x", "b": 01}', False),
        ('{"a": "x", "b": "\t"}', False),
        ('{"a": "x", "b": "\\q"}', False),
        ('{"a": "x", "b": "\\ud800"}', True),
        ('{"a": "x", "b": "\ud800"}', True),
        (f'{{"a": "x", "b": {"9" * 5_000}}}', True),
        (f'{{"a": ["x", {"9" * 5_000}]}}', True),
        ('{"a": "x", "b": 1e999}', True),
        (f'{{"a": "x", "b": {"[" * 100_000}{"]" * 100_000}}}', False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_read_only_where_the_policy_looks_is_judged_as_a_whole(text: str, matches: bool) -> None:
    for condition in ("x", {"equals-ignore-case": "X"}):  # the first is searched before it is read
        compiled = Filter({"a": [condition]}, "body")
        assert compiled.matches(text) is matches
        assert compiled.explain(text).matched is matches


def test_a_body_that_passes_no_key_is_counted_as_filtered_out_by_the_body() -> None:
    verdict = explain(AUTO, "body", {"Records": [uploaded("home-1")]})
    assert verdict.metric == "NumberOfNotificationsFilteredOut-MessageBody"
    assert [reason.key for reason in verdict.reasons] == ["Records.s3.object.key"]
    assert verdict.reasons[0].values == ("home-1",)
    assert str(verdict) == (
        "no match\n"
        '  Records.s3.object.key: "home-1", and the policy wants {"prefix": "auto-"}\n'
        "  counted as NumberOfNotificationsFilteredOut-MessageBody"
    )


# SNS: attributes -----------------------------------------------------------------------------------------


def test_attributes_are_compared_by_their_type() -> None:
    cases: list[tuple[Any, Any, bool]] = [
        ("rugby", string("rugby"), True),
        ("100", number("100"), False),
        (100, number("100"), True),
        (100, number("100.0"), True),
        (100, number("1e2"), True),
        (0.5, number(".5"), True),
        (5, number("+5."), True),
        (100, string("100"), False),
        ({"numeric": [">", 1]}, number("1.5"), True),
        ({"numeric": [">", 1]}, string("1.5"), False),
        ({"prefix": "1"}, number("100"), False),
        ("rugby", array(["tennis", "rugby"]), True),
        (2, array([1, 2]), True),
        (True, array([True]), True),
        (1, array([True]), False),
        (None, array([None]), True),
        ({"anything-but": ["rugby", "tennis"]}, array(["rugby", "tennis"]), False),
        ({"anything-but": ["rugby", "tennis"]}, array(["rugby", "golf"]), True),
        ({"exists": True}, array([]), False),
        ({"exists": False}, array([]), True),
        ("rugby", {"DataType": "String.custom", "StringValue": "rugby"}, True),
        (5, {"DataType": "Number.java.lang.Integer", "StringValue": "5"}, True),
        # As a function's event has them.
        ("rugby", {"Type": "String", "Value": "rugby"}, True),
    ]
    for condition, attribute, expected in cases:
        assert match({"sport": [condition]}, "attributes", {"sport": attribute}) is expected, (condition, attribute)


def test_binary_attributes_are_as_if_absent() -> None:
    binary = {"photo": {"DataType": "Binary", "BinaryValue": b"x"}}
    assert not match({"photo": [{"exists": True}]}, "attributes", binary)
    assert match({"photo": [{"exists": False}]}, "attributes", binary)


def test_binary_of_a_custom_type_is_binary() -> None:
    binary = {"photo": {"DataType": "Binary.jpeg", "BinaryValue": b"x"}, "kind": string("auto")}
    assert match({"photo": [{"exists": False}], "kind": ["auto"]}, "attributes", binary)
    assert not match({"photo": [{"exists": True}]}, "attributes", binary)


def test_a_name_with_a_dot_is_one_name_among_attributes() -> None:
    assert match({"a.b": ["x"]}, "attributes", {"a.b": string("x")})


def test_a_message_without_attributes_passes_no_attribute_filter_not_even_exists_false() -> None:
    for policy in ({"a": [{"exists": False}]}, {"a": ["x"]}):
        verdict = explain(policy, "attributes", {})
        assert not verdict.matched
        assert verdict.metric == "NumberOfNotificationsFilteredOut-NoMessageAttributes"
        assert verdict.reasons[0].text == "the message has no attributes"
    assert match({"a": [{"exists": False}]}, "attributes", {"other": string("x")})
    assert match({}, "attributes", {})


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        (
            {"DataType": "String.Array", "StringValue": "[1,"},
            'a: String.Array must be a JSON array of scalars, got "[1,"',
        ),
        (
            {"DataType": "String.Array", "StringValue": '{"b":1}'},
            'a: String.Array must be a JSON array of scalars, got "{\\"b\\":1}"',
        ),
        (array([["x"]]), 'a: String.Array must be a JSON array of scalars, got "[[\\"x\\"]]"'),
        (number("ten"), 'a: Number must be a number, got "ten"'),
        (number("nan"), 'a: Number must be a number, got "nan"'),
        (number("1_000"), 'a: Number must be a number, got "1_000"'),
        (number(" 5"), 'a: Number must be a number, got " 5"'),
        (number("\u0665"), 'a: Number must be a number, got "\u0665"'),
        (number(""), 'a: Number must be a number, got ""'),
    ],
)
def test_an_attribute_that_cannot_be_read_is_counted_as_invalid(attribute: Any, text: str) -> None:
    verdict = explain({"a": [{"exists": False}, "x"]}, "attributes", {"a": attribute, "b": string("x")})
    assert not verdict.matched
    assert verdict.metric == "NumberOfNotificationsFilteredOut-InvalidAttributes"
    assert verdict.reasons[0].text == text
    # Only attributes that the policy names are looked at.
    assert match({"b": ["x"]}, "attributes", {"a": attribute, "b": string("x")})


def test_attributes_that_pass_no_key_are_counted_as_filtered_out_by_attributes() -> None:
    verdict = explain({"a": ["x"], "b": [{"exists": True}]}, "attributes", {"a": string("y")})
    assert verdict.metric == "NumberOfNotificationsFilteredOut-MessageAttributes"
    assert [reason.text for reason in verdict.reasons] == [
        'a: "y", and the policy wants "x"',
        'b: missing, and the policy wants {"exists": true}',
    ]


@pytest.mark.parametrize(
    ("attributes", "complaint"),
    [
        ([], "message attributes must be a JSON object, got []"),
        ({"a": "x"}, 'message attribute "a" must be an object with DataType and StringValue, got "x"'),
        (
            {"a": {"StringValue": "x"}},
            'message attribute "a" must have the DataType String, String.Array, Number or Binary, got null',
        ),
        (
            {"a": {"DataType": "Text", "StringValue": "x"}},
            'message attribute "a" must have the DataType String, String.Array, Number or Binary, got "Text"',
        ),
        (
            {"a": {"DataType": "Number", "StringValue": 5}},
            'message attribute "a" must have a string as StringValue, got 5',
        ),
    ],
)
def test_attributes_in_another_shape_than_boto3_writes_are_refused(attributes: Any, complaint: str) -> None:
    with pytest.raises(PatternError) as refused:
        match({"a": ["x"]}, "attributes", attributes)
    assert str(refused.value) == complaint


# EventBridge ---------------------------------------------------------------------------------------------

EVENT = {
    "version": "0",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"],
    "detail": {"state": "running", "c-count": 5, "x-limit": 301.8, "source-ip": "10.0.0.33"},
}


def test_an_event_matches_as_the_readme_of_event_ruler_says() -> None:
    detail: list[tuple[Any, bool]] = [
        ({"state": ["initializing", "running"]}, True),
        ({"state": [{"anything-but": ["stopped", "overloaded"]}]}, True),
        ({"state": [{"anything-but": {"prefix": "init"}}]}, True),
        ({"x-limit": [{"anything-but": [100, 200, 300]}], "c-count": [{"numeric": [">", 0, "<=", 5]}]}, True),
        ({"x-limit": [{"numeric": ["=", 3.018e2]}]}, True),
        ({"source-ip": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"d-count": [{"exists": False}]}, True),
        ({"c-count": [{"exists": False}]}, False),
        ({"state": ["Running"]}, False),
    ]
    for pattern, expected in detail:
        assert match({"source": ["aws.ec2"], "detail": pattern}, "eventbridge", EVENT) is expected, pattern
    assert match({"resources": [{"suffix": "i-000000aaaaaa00000"}]}, "eventbridge", EVENT)


def test_an_unmatched_event_is_counted_nowhere() -> None:
    verdict = explain({"source": ["aws.s3"]}, "eventbridge", EVENT)
    assert (verdict.matched, verdict.metric) == (False, None)


def test_an_event_that_is_no_object_is_refused() -> None:
    with pytest.raises(PatternError, match=r'^event must be a JSON object, got "x"$'):
        match({"source": ["x"]}, "eventbridge", "x")


# Event source mappings on SQS queues ---------------------------------------------------------------------


def test_a_pattern_for_json_drops_text_and_a_pattern_for_text_drops_json() -> None:
    wants_json, wants_text = {"body": {"kind": ["lead"]}}, {"body": [{"prefix": "lead"}]}
    assert match(wants_json, "event-source", '{"kind": "lead"}')
    assert not match(wants_json, "event-source", '{"kind": "other"}')
    assert match(wants_text, "event-source", "lead 5")
    assert not match(wants_text, "event-source", "other")
    verdict = explain(wants_json, "event-source", "lead 5")
    assert (verdict.matched, verdict.metric) == (False, "FilteredOutEventCount")
    assert verdict.reasons[0].text == "the pattern is for JSON objects, and the body is text that is not JSON"
    verdict = explain(wants_text, "event-source", '{"kind": "lead"}')
    assert (verdict.matched, verdict.metric) == (False, "FilteredOutEventCount")
    assert verdict.reasons[0].text == "the pattern is for plain text, and the body is a JSON object"
    assert not match({"body": {"kind": [{"exists": False}]}}, "event-source", "[1]")


def test_the_envelope_of_sns_hides_what_a_filter_of_the_queue_looks_for() -> None:
    """Without raw delivery the body is the envelope, and Message is text: everything is deleted."""
    pattern = {"body": {"kind": ["lead"]}}
    envelope = json.dumps({"Type": "Notification", "Message": '{"kind": "lead"}'})
    assert match(pattern, "event-source", '{"kind": "lead"}')
    assert not match(pattern, "event-source", envelope)


def test_branches_beside_the_body_of_a_queue_may_be_for_json_and_for_text() -> None:
    pattern = {"$or": [{"body": {"kind": ["lead"]}}, {"body": {"size": [1]}}]}
    for body, expected in (('{"kind": "lead"}', True), ('{"size": 1}', True), ('{"size": 2}', False), ("lead", False)):
        assert match(pattern, "event-source", body) is expected
    both = {"$or": [{"body": {"kind": ["lead"]}}, {"body": [{"prefix": "lead"}]}]}
    for body, expected in (('{"kind": "lead"}', True), ("lead 5", True), ("other", False), ("[1]", False)):
        assert match(both, "event-source", body) is expected


def test_a_whole_sqs_record_may_be_given_in_place_of_its_body() -> None:
    record = {"messageId": "1", "eventSource": "aws:sqs", "body": '{"kind": "lead"}'}
    assert match({"body": {"kind": ["lead"]}}, "event-source", record)
    assert match({"body": {"body": ["x"]}}, "event-source", {"body": "x"})


# Reasons -------------------------------------------------------------------------------------------------


def test_a_match_names_what_accepted_each_key() -> None:
    verdict = explain({"a": ["x", {"prefix": "y"}], "b": [{"exists": False}]}, "body", {"a": ["q", "yes"]})
    assert verdict.metric is None
    assert str(verdict) == ('match\n  a: "yes" matches {"prefix": "y"}\n  b: missing, as {"exists": false} wants')
    assert verdict.reasons[0].condition == {"prefix": "y"}
    assert verdict.reasons[0].values == ("q", "yes")


@pytest.mark.parametrize(
    ("conditions", "value", "text"),
    [
        ([100], "100", 'a: "100", and the policy wants 100 ("100" is a text, the number 100 would match)'),
        (["100"], 100, 'a: 100, and the policy wants "100" (100 is a number, the text "100" would match)'),
        (
            [{"numeric": [">", 1]}],
            "1.5",
            'a: "1.5", and the policy wants {"numeric": [">", 1]} ("1.5" is a text, the number 1.5 would match)',
        ),
        ([100], "101", 'a: "101", and the policy wants 100'),
        ([100], "one", 'a: "one", and the policy wants 100'),
        ([{"anything-but": 1}], 1, 'a: 1, and the policy wants {"anything-but": 1}'),
        (["true"], True, 'a: true, and the policy wants "true"'),
    ],
)
def test_a_value_of_another_type_alone_is_told_in_words(conditions: list[Any], value: Any, text: str) -> None:
    assert explain({"a": conditions}, "body", {"a": value}).reasons[0].text == text
    assert explain({"a": conditions}, "eventbridge", {"a": value}).reasons[0].text == text


def test_the_branches_of_or_are_named_in_reasons() -> None:
    policy = {"$or": [{"a": [1]}, {"b": [2, 3]}]}
    assert [reason.text for reason in explain(policy, "body", {"b": 3}).reasons] == ["$or[1]: b: 3 equals 3"]
    assert [reason.text for reason in explain(policy, "body", {"a": [4, 5, 6, 7]}).reasons] == [
        "$or[0]: a: 4 and 5 and 6 and 1 more, and the policy wants 1",
        "$or[1]: b: missing, and the policy wants one of 2, 3",
    ]


def test_an_empty_policy_says_so() -> None:
    assert str(explain({}, "body", "anything")) == "match\n  the policy is empty: it accepts every message"


OF_ALL = policies(
    "equals, number, boolean, null, prefix, suffix, equals-ignore-case, wildcard, cidr, numeric, exists, anything-but"
).filter(lambda policy: combinations(policy) <= 150)
OF_ATTRIBUTES = st.dictionaries(
    st.sampled_from("ab"),
    conditions("equals, number, boolean, null, prefix, numeric, exists, anything-but"),
    min_size=1,
)


@settings(max_examples=300, deadline=None)
@given(cases(OF_ALL, messages(scalars, arrays=True)), st.sampled_from(["body", "eventbridge"]))
def test_reasons_are_given_for_the_answer_that_is_given_without(case: tuple[Any, Any], scope: str) -> None:
    policy, message = case
    compiled = Filter(policy, scope)
    answer = compiled.matches(message)
    event(f"{scope}: {answer}")
    verdict = compiled.explain(message)
    assert verdict.matched is answer
    assert {reason.matched for reason in verdict.reasons} == {answer}
    if scope == "body":
        assert compiled.matches(json.dumps(message)) is answer


@settings(max_examples=300, deadline=None)
@given(cases(OF_ATTRIBUTES, st.dictionaries(st.sampled_from("abc"), scalars)))
def test_nor_do_reasons_say_otherwise_of_attributes(case: tuple[Any, Any]) -> None:
    policy, message = case
    compiled, sent = Filter(policy, "attributes"), as_attributes(message)
    answer = compiled.matches(sent)
    event(f"attributes: {answer}")
    assert compiled.explain(sent).matched is answer
    if message and not any(value in (None, "") for value in message.values()):
        # Names without levels: a body of these says the same.
        assert match(policy, "body", message) is answer


def test_asking_changes_nothing() -> None:
    message = {"Records": [uploaded("auto-1")]}
    before = json.dumps(message)
    compiled = Filter(AUTO)
    assert compiled.matches(message)
    compiled.explain(message)
    assert json.dumps(message) == before
