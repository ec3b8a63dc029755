"""What no filter wants is found before a message is lost to it; what cannot be told is not claimed."""

import json
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from patterns.flow.filters import (
    Filter,
    can_match,
    combinations,
    complement,
    cover,
    covers_everything,
    overlap,
    uncovered,
)
from tests.flow.filters.strategies import aimed, messages, parted, policies, scalars

AUTO, HOME = ({"Records": {"s3": {"object": {"key": [{"prefix": p}]}}}} for p in ("auto-", "home-"))
REST = {"Records": {"s3": {"object": {"key": [{"anything-but": {"prefix": "auto-"}}]}}}}
NO_KEY = {"Records": {"s3": {"object": {"key": [{"exists": False}]}}}}
SURELY_ALL = "equals, number, boolean, null, prefix, suffix, numeric, exists, anything-but, anything-but prefix"
EVERY = f"{SURELY_ALL}, equals-ignore-case, wildcard, cidr, anything-but suffix, anything-but wildcard"


# Gaps ----------------------------------------------------------------------------------------------------


def test_two_prefixes_leave_a_gap_and_an_example_shows_it() -> None:
    assert covers_everything([AUTO, HOME], "body") is False
    gap = uncovered([AUTO, HOME], "body")
    assert gap is not None
    assert not Filter(AUTO).matches(gap)
    assert not Filter(HOME).matches(gap)


def test_an_empty_policy_covers_everything_and_no_policy_nothing() -> None:
    for scope in ("body", "attributes"):
        assert covers_everything([AUTO if scope == "body" else {"a": ["x"]}, {}], scope) is True
        assert uncovered([{}], scope) is None
    for scope in ("body", "attributes", "eventbridge"):
        assert covers_everything([], scope) is False
        assert uncovered([], scope) == ({} if scope != "event-source" else "")


def test_a_prefix_and_all_but_it_still_miss_messages_without_the_key() -> None:
    assert covers_everything([AUTO, REST], "eventbridge") is False
    assert uncovered([AUTO, REST], "eventbridge") == {}
    assert covers_everything([AUTO, REST, NO_KEY], "eventbridge") is True


def test_what_is_in_doubt_in_sns_is_not_claimed() -> None:
    """Whether anything-but accepts null, and exists null or empty text, sources tell differently."""
    assert covers_everything([AUTO, REST, NO_KEY], "body") is None
    assert uncovered([AUTO, REST, NO_KEY], "body") is None
    with_null = {"Records": {"s3": {"object": {"key": [None]}}}}
    assert covers_everything([AUTO, REST, NO_KEY, with_null], "body") is True
    present_or_not = {"a": [{"exists": True}, {"exists": False}]}
    assert covers_everything([present_or_not], "eventbridge") is True
    assert covers_everything([present_or_not], "body") is None
    assert covers_everything([{"a": [{"exists": True}, {"exists": False}, None, ""]}], "body") is True


def test_attribute_filters_never_cover_messages_without_attributes() -> None:
    assert covers_everything([{"a": [{"exists": False}, {"exists": True}]}], "attributes") is False
    assert uncovered([{"a": [{"exists": False}]}], "attributes") == {}


def test_numbers_are_covered_when_ranges_meet_and_not_when_one_point_is_left_out() -> None:
    rest = {"n": [{"exists": False}, {"prefix": ""}, True, False, None]}
    below, from_zero, above = ({"n": [{"numeric": [sign, 0]}]} for sign in ("<", ">=", ">"))
    assert covers_everything([below, from_zero, rest], "eventbridge") is True
    assert uncovered([below, above, rest], "eventbridge") == {"n": 0}
    assert uncovered(
        [below, {"n": [0, {"numeric": [">", 1]}, {"numeric": [">", 0, "<", 1]}]}, rest], "eventbridge"
    ) == {"n": 1}


def test_gaps_between_keys_are_found() -> None:
    policies = [
        {"a": ["x"]},
        {"a": [{"anything-but": "x"}], "b": ["y"]},
        {"b": [{"anything-but": "y"}, {"exists": False}], "a": [{"anything-but": "x"}]},
    ]
    assert uncovered(policies, "eventbridge") == {}
    assert covers_everything([*policies, {"a": [{"exists": False}]}], "eventbridge") is True
    gap = {"a": "~other~", "b": "~other~"}
    assert uncovered([policies[0], policies[1], {"a": [{"exists": False}]}], "eventbridge") == gap


def test_or_covers_what_its_branches_cover() -> None:
    whole = {"$or": [{"a": [{"exists": True}]}, {"a": [{"exists": False}]}]}
    assert covers_everything([whole], "eventbridge") is True
    part = {"$or": [{"a": [{"exists": True}]}, {"b": [{"exists": False}]}]}
    assert covers_everything([part], "eventbridge") is False


def test_prefixes_that_continue_one_another_are_told_apart() -> None:
    policies: list[Any] = [
        {"a": [{"anything-but": {"prefix": "ab"}}, {"exists": False}]},
        {"a": [{"prefix": "ab~"}, "ab"]},
    ]
    assert covers_everything(policies, "eventbridge") is False
    assert uncovered(policies, "eventbridge") == {"a": "ab-other-"}
    assert covers_everything([*policies, {"a": [{"prefix": "ab"}]}], "eventbridge") is True


def test_operators_that_cannot_be_decided_prove_gaps_but_no_cover() -> None:
    ignoring = [{"a": [{"equals-ignore-case": "x"}]}, {"a": [{"anything-but": {"equals-ignore-case": "x"}}]}]
    absent = {"a": [{"exists": False}]}
    assert covers_everything([*ignoring, absent], "eventbridge") is None
    assert uncovered([ignoring[0], absent], "eventbridge") is not None
    for operator in ({"wildcard": "a*"}, {"cidr": "10.0.0.0/8"}):
        assert covers_everything([{"a": [operator]}], "eventbridge") is False


def test_filters_of_a_queue_for_json_are_asked_about_json_and_those_for_text_about_text() -> None:
    starts, others = {"body": [{"prefix": "a"}]}, {"body": [{"anything-but": {"prefix": "a"}}]}
    assert covers_everything([starts, others], "event-source") is True
    assert uncovered([starts], "event-source") == "~other~"
    there, absent = ({"body": {"a": [{"exists": answer}]}} for answer in (True, False))
    assert covers_everything([there, absent], "event-source") is True
    assert covers_everything([there, absent, starts], "event-source") is True
    assert uncovered([there], "event-source") == {}
    assert overlap(starts, there, "event-source") is False


# Overlaps and filters that match nothing -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        (AUTO, HOME, False),
        (AUTO, REST, False),
        (HOME, REST, True),
        (AUTO, AUTO, True),
        ({"a": [{"prefix": "ab"}]}, {"a": [{"prefix": "abc"}]}, True),
        ({"a": [{"prefix": "ab"}]}, {"a": [{"suffix": "yz"}]}, True),
        ({"a": ["x"]}, {"b": ["x"]}, True),
        ({"a": ["x"], "b": ["y"]}, {"a": ["x"], "b": ["z"]}, False),
        ({"a": [{"numeric": ["<", 0]}]}, {"a": [{"numeric": [">", 0]}]}, False),
        ({"a": [{"numeric": ["<=", 0]}]}, {"a": [{"numeric": [">=", 0]}]}, True),
        ({"a": [1]}, {"a": ["1"]}, False),
        ({"a": [{"exists": True}]}, {"a": [{"exists": False}]}, False),
        ({"a": [None]}, {"a": [{"anything-but": "x"}]}, None),
        ({"a": [{"wildcard": "x*"}]}, {"a": ["y"]}, None),
        ({"a": [{"wildcard": "x*"}]}, {"a": ["xy"]}, True),
        ({"a": [{"cidr": "10.0.0.0/8"}]}, {"a": ["10.0.0.0"]}, True),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": ["z"], "b": ["z"]}, False),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": ["z"], "b": ["y"]}, True),
    ],
)
def test_two_policies_overlap_where_one_message_passes_both(one: Any, other: Any, answer: bool | None) -> None:
    assert overlap(one, other, "body") is answer
    assert overlap(other, one, "body") is answer


def test_a_policy_that_contradicts_itself_never_matches() -> None:
    never = {"a": [{"exists": False}], "$or": [{"a": ["x"]}, {"a": ["y"]}]}
    assert can_match(never, "body") is False
    assert can_match({"a": [{"exists": False}], "$or": [{"a": ["x"]}, {"b": ["y"]}]}, "body") is True
    for scope in ("body", "attributes"):
        assert can_match({"a": ["x"]}, scope) is True
        assert can_match({"a": [{"exists": False}]}, scope) is True
    assert can_match({}, "body") is True


def test_an_array_can_satisfy_what_one_value_cannot() -> None:
    assert can_match({"a": ["x"], "$or": [{"a": ["y"]}, {"a": ["z"]}]}, "body") is True
    assert can_match({"a": ["x"], "$or": [{"a": [{"numeric": [">", 1]}]}, {"a": ["z"]}]}, "attributes") is True


def test_a_key_that_is_a_level_of_another_is_not_argued_about() -> None:
    assert can_match({"a": ["x"], "a.b": ["y"]}, "body") is None
    assert overlap({"a": ["x"]}, {"a.b": ["y"]}, "body") is None


def test_policies_with_too_many_branches_are_not_argued_about() -> None:
    huge = {f"k{i}": {"$or": [{"a": [1]}, {"b": [2]}]} for i in range(11)}
    assert can_match({"detail": huge}, "eventbridge") is None
    assert covers_everything([{"detail": huge}], "eventbridge") is None
    wide = {"detail": {f"k{i}": [1] for i in range(101)}}
    assert can_match(wide, "eventbridge") is None
    assert can_match({"detail": {f"k{i}": [1] for i in range(100)}}, "eventbridge") is True


def test_more_prefixes_and_suffixes_than_can_be_tried_in_pairs_are_not_argued_about() -> None:
    """40 policies with 37 of each would be two million texts, each asked of each policy."""
    many: list[Any] = [
        {"k": [{kind: f"{kind}{i}-{j}"} for kind in ("prefix", "suffix") for j in range(37)]} for i in range(40)
    ]
    assert uncovered(many, "body") is not None
    rest = {"k": [{"exists": False}, None, "", True, False, 0, {"numeric": ["<", 0]}, {"numeric": [">", 0]}]}
    covering = [*many, rest, {"k": [{"anything-but": {"prefix": "prefix0-0"}}]}]
    assert covers_everything(covering, "body") is None
    assert covers_everything([covering[0], *covering[40:]], "body") is None
    few = {"k": [{"prefix": "prefix0-0"}, {"suffix": "x"}]}
    assert covers_everything([few, *covering[40:]], "body") is True


def test_filters_of_a_queue_for_json_or_text_are_not_argued_about() -> None:
    both = {"$or": [{"body": {"a": ["x"]}}, {"body": ["x"]}]}
    assert covers_everything([both], "event-source") is None
    assert overlap(both, {"body": ["x"]}, "event-source") is None


# What catches the rest ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conditions", "rest"),
    [
        ([["lead"], ["offer", "claim"]], [{"anything-but": ["lead", "offer", "claim"]}, None, {"exists": False}]),
        ([[1], [2, None]], [{"anything-but": [1, 2]}, {"exists": False}]),
        ([["lead", {"exists": False}]], [{"anything-but": ["lead"]}, None]),
        ([[{"prefix": "auto-"}]], [{"anything-but": {"prefix": "auto-"}}, None, {"exists": False}]),
        ([[{"anything-but": ["lead", "offer"]}]], ["lead", "offer", None, {"exists": False}]),
        ([[{"exists": True}]], ["", None, {"exists": False}]),
    ],
)
def test_what_one_key_decides_can_be_turned_around(conditions: list[Any], rest: list[Any]) -> None:
    policies = [{"detail": {"kind": each}} for each in conditions]
    assert complement(policies, "body") == {"detail": {"kind": rest}}


@pytest.mark.parametrize(
    "policies",
    [
        [{"a": ["x"]}, {"b": ["x"]}],
        [{"a": ["x"], "b": ["x"]}],
        [{"a": [{"prefix": "auto-"}]}, {"a": [{"prefix": "home-"}]}],
        [{"a": ["x", {"prefix": "y"}]}],
        [{"a": ["x", 1]}],
        [{"a": [{"numeric": [">", 1]}]}],
        [{"a": [{"wildcard": "x*"}]}],
        [{"$or": [{"a": ["x"]}, {"a": ["y"]}]}],
        [{"a": list(range(149))}, {"a": list(range(149, 298))}, {}],
        [{}],
        [],
    ],
    ids=str,
)
def test_what_cannot_be_turned_around_for_certain_is_not(policies: list[Any]) -> None:
    assert complement(policies, "body") is None


def test_attributes_have_no_rest_since_no_filter_catches_messages_without_any() -> None:
    assert complement([{"a": ["x"]}], "attributes") is None


# Against the matcher -------------------------------------------------------------------------------------


ANY = st.lists(policies(SURELY_ALL) | policies(EVERY), min_size=1, max_size=3)
PARTED = parted().map(lambda each: each[0])


@settings(max_examples=400, deadline=None)
@given(parts=parted(), scope=st.sampled_from(["body", "eventbridge"]))
def test_parts_of_one_key_cover_everything_where_none_is_left_out(parts: Any, scope: str) -> None:
    some, left_out = parts
    covered = covers_everything(some, scope)
    event(f"{scope}: {covered}")
    if not left_out:
        assert covered is True
    elif scope == "body":  # for events exists: true has null and empty text too, and anything-but has null
        assert covered is not True
    if covered is False:
        gap = uncovered(some, scope)
        assert not any(Filter(policy, scope).matches(gap) for policy in some)


@settings(max_examples=300, deadline=None)
@given(parts=parted())
def test_a_complement_leaves_no_gap_and_takes_nothing_from_others(parts: Any) -> None:
    some, _ = parts
    rest = complement(some[:1], "body")
    event(f"complement: {rest is not None}")
    if rest is not None:
        assert covers_everything([some[0], rest], "body") is True
        assert overlap(some[0], rest, "body") is not True


@pytest.mark.parametrize(
    ("turned", "why"),
    [([None], "leaves a gap"), ([{"anything-but": ["y"]}, "y", None, {"exists": False}], "takes what the other has")],
)
def test_a_complement_is_proved_in_both_directions(turned: Any, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cover, "_turned_around", lambda _: turned)
    assert complement([{"a": ["x"]}], "body") is None, why


@settings(max_examples=400, deadline=None)
@given(
    asked=(ANY | PARTED).flatmap(
        lambda some: st.tuples(st.just(some), st.sampled_from(some).flatmap(aimed) | messages(scalars))
    ),
    scope=st.sampled_from(["body", "eventbridge"]),
)
def test_an_answer_is_never_contradicted_by_a_message(asked: tuple[list[Any], Any], scope: str) -> None:
    some, message = asked
    assume(scope == "eventbridge" or all(combinations(policy) <= 150 for policy in some))
    passed = [Filter(policy, scope).matches(message) for policy in some]
    covered, gap = covers_everything(some, scope), uncovered(some, scope)
    event(f"covered: {covered}")
    event(f"passed: {any(passed)}")
    assert (gap is not None) == (covered is False)
    if gap is not None:
        assert not any(Filter(policy, scope).matches(gap) for policy in some)
    if covered:
        assert any(passed)
    for policy, answer in zip(some, passed, strict=True):
        if answer:
            assert can_match(policy, scope) is not False
    if len(some) > 1 and passed[0] and passed[1]:
        assert overlap(some[0], some[1], scope) is not False


@settings(max_examples=200, deadline=None)
@given(
    some=st.lists(
        st.dictionaries(
            st.sampled_from("ab"),
            st.lists(scalars, min_size=1, max_size=2) | st.booleans().map(lambda b: [{"exists": b}]),
            max_size=2,
        ),
        min_size=1,
        max_size=3,
    ),
    values=st.dictionaries(st.sampled_from("abc"), scalars.filter(lambda v: v != "")),
)
def test_nor_by_attributes(some: list[Any], values: dict[str, Any]) -> None:
    sent = {name: {"DataType": "String.Array", "StringValue": json.dumps([value])} for name, value in values.items()}
    passed = [Filter(policy, "attributes").matches(sent) for policy in some]
    gap = uncovered(some, "attributes")
    assert (gap is not None) == (covers_everything(some, "attributes") is False)
    if gap is not None:
        assert not any(Filter(policy, "attributes").matches(gap) for policy in some)
    if covers_everything(some, "attributes"):
        assert any(passed)
    for policy, answer in zip(some, passed, strict=True):
        assert not answer or can_match(policy, "attributes") is not False
