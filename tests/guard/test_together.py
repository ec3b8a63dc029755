"""What takes two resources is no hazard where they may never exist together: it is a note that says so."""

from typing import Any

import pytest

from patterns.guard import examples
from patterns.guard.rules import BY_ID
from tests.guard._check import findings


def conditional(rule: str, *names: str, conditions: tuple[str, str] = ("Live", "Test")) -> list[tuple[bool, str]]:
    """Whether a rule is sure of its own example, and what it says, when resources stand under conditions."""
    template = examples.bad(BY_ID[rule].example)
    template["Parameters"] = {"Stage": {"Type": "String"}}
    template["Conditions"] = {
        "Live": {"Fn::Equals": [{"Ref": "Stage"}, "live"]},
        "Test": {"Fn::Not": [{"Condition": "Live"}]},
    }
    for name, condition in zip(names, conditions, strict=False):
        template["Resources"][name]["Condition"] = condition
    return [(finding.sure, finding.why) for finding in findings(template) if finding.rule == rule]


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ("poll-competing-consumers", ("Poll", "PollSecond")),
        ("dead-letter-queue-same-function", ("Poll", "PollDead")),
        ("dead-letter-queue-mixed-sources", ("Inbox", "Subscription")),
        ("sns-subscribed-twice", ("Subscription", "SubscriptionAgain")),
        ("stream-consumer-group-shared", ("Read", "ReadAgain")),
        ("function-two-resource-policies", ("Invoke", "Whole")),
        ("govern-shared-role", ("Worker", "Other")),
        ("poll-disabled", ("Poll", "Notify")),
    ],
)
def test_two_resources_under_opposite_conditions_make_a_note_that_names_both(rule: str, names: tuple[str, str]) -> None:
    assert [sure for sure, _ in conditional(rule)] == [True]
    ((sure, why),) = conditional(rule, *names)
    assert not sure
    assert "whether " in why
    assert "exist together: condition Live cannot be told" in why
    assert all(name in why for name in names)


def test_one_of_two_under_a_condition_makes_a_note_too() -> None:
    ((sure, why),) = conditional("poll-competing-consumers", "Poll")
    assert not sure
    assert "whether Poll exists: " in why


def test_two_resources_under_one_condition_exist_together() -> None:
    both = conditional("poll-competing-consumers", "Poll", "PollSecond", conditions=("Live", "Live"))
    assert [sure for sure, _ in both] == [True]


def reserved(*maximum: int, conditions: tuple[str, ...] = ()) -> list[bool]:
    template: dict[str, Any] = examples.good(BY_ID["poll-concurrency-above-reserved"].example)
    template["Parameters"] = {"Stage": {"Type": "String"}}
    template["Conditions"] = {"Live": {"Fn::Equals": [{"Ref": "Stage"}, "live"]}}
    poll = template["Resources"]["Poll"]
    for number, most in enumerate(maximum):
        scaling = {"ScalingConfig": {"MaximumConcurrency": most}}
        template["Resources"][f"Poll{number or ''}"] = {
            **poll,
            "Properties": {**poll["Properties"], **scaling},
            **({"Condition": conditions[number]} if number < len(conditions) else {}),
        }
    return [f.sure for f in findings(template) if f.rule == "poll-concurrency-above-reserved"]


def test_pollers_count_together_only_as_far_as_they_surely_exist_together() -> None:
    assert reserved(5, 5) == []
    assert reserved(6, 5) == [True]
    assert reserved(6, 5, conditions=("Live",)) == [False]
    assert reserved(11, conditions=("Live",)) == [True]
    assert reserved(1, 6, 5, conditions=("Live",)) == [True]
