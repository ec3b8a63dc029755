"""A schedule that EventBridge or Scheduler would refuse at deployment is refused at once, in the caller's words."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_events as events
from aws_cdk import aws_scheduler as scheduler
from hypothesis import given
from hypothesis import strategies as st

from patterns import PatternError
from patterns.async_dlq import EventBridgeAsync, ScheduleAsync
from patterns.async_dlq.expressions import check_expression, check_time_zone
from tests._synth import new_function, new_stack

RATE = "rate(<whole number> minutes, hours or days), the number 1 or more"
FIELDS = "cron(minutes hours day-of-month month day-of-week year), six fields"
ONE_DAY = "a cron expression with ? for the day of month or the day of week, exactly one of the two"
TIME = "at(yyyy-mm-ddThh:mm:ss), a time that exists"


@pytest.mark.parametrize(
    "text",
    [
        "rate(1 minute)",
        "rate(5 minutes)",
        "rate(1 hour)",
        "rate(365 days)",
        "cron(0 10 * * ? *)",
        "cron(0/15 8-17 ? * MON-FRI *)",
        "cron(*/5 * ? JAN,jul 2-6 2026-2030)",
        "cron(59 23 31 12 ? 2199)",
        "cron(0 0 1 1 ? 1970)",
        "cron(0 8 L * ? *)",
        "cron(0 8 LW * ? *)",
        "cron(0 8 L-3 * ? *)",
        "cron(0 8 15W * ? *)",
        "cron(0 8 ? * 6L *)",
        "cron(0 8 ? * FRI#2 *)",
        "${Token[TOKEN.1]}",
    ],
)
def test_what_both_services_document_is_taken(text: str) -> None:
    check_expression("schedule", text, once=False)
    check_expression("schedule", text, once=True)


@pytest.mark.parametrize(
    ("text", "must"),
    [
        ("rate(0 minutes)", RATE),
        ("rate(-1 minutes)", RATE),
        ("rate(1.5 hours)", RATE),
        ("rate(30 seconds)", RATE),
        ("rate(5minutes)", RATE),
        ("rate()", RATE),
        ("cron(0 10 * * *)", FIELDS),
        ("cron(0 10 * * ? * *)", FIELDS),
        ("cron(0 0 * * * *)", ONE_DAY),
        ("cron(0 0 ? * ? *)", ONE_DAY),
        ("cron(60 0 * * ? *)", "a cron expression whose minutes is 0 to 59"),
        ("cron(-1 0 * * ? *)", "a cron expression whose minutes is 0 to 59"),
        ("cron(0/0 0 * * ? *)", "a cron expression whose minutes is 0 to 59"),
        ("cron(1-2-3 0 * * ? *)", "a cron expression whose minutes is 0 to 59"),
        ("cron(? 0 * * ? *)", "a cron expression whose minutes is 0 to 59"),
        ("cron(0 24 * * ? *)", "a cron expression whose hours is 0 to 23"),
        ("cron(0 0 0 * ? *)", "a cron expression whose day of month is 1 to 31"),
        ("cron(0 0 32 * ? *)", "a cron expression whose day of month is 1 to 31"),
        ("cron(0 0 1,? * ? *)", "a cron expression whose day of month is 1 to 31"),
        ("cron(0 0 1 13 ? *)", "a cron expression whose month is 1 to 12"),
        ("cron(0 0 1 JUNE ? *)", "a cron expression whose month is 1 to 12"),
        ("cron(0 0 ? * 0 *)", "a cron expression whose day of week is 1 to 7"),
        ("cron(0 0 ? * 8 *)", "a cron expression whose day of week is 1 to 7"),
        ("cron(0 0 ? * MON#6 *)", "a cron expression whose day of week is 1 to 7"),
        ("cron(0 0 1 1 ? 1969)", "a cron expression whose year is 1970 to 2199"),
        ("cron(0 0 1 1 ? 2200)", "a cron expression whose year is 1970 to 2199"),
        ("at(2027-01-01T00:00:00)", "rate(…) or cron(…)"),
        ("every day", "rate(…) or cron(…)"),
        ("", "rate(…) or cron(…)"),
        ("RATE(1 minute)", "rate(…) or cron(…)"),
        ("rate(1 minutes)", "rate(1 minute)"),
        ("rate(2 minute)", "rate(2 minutes)"),
    ],
)
def test_what_a_rule_would_refuse_is_refused(text: str, must: str) -> None:
    with pytest.raises(PatternError) as error:
        check_expression("schedule", text, once=False)
    assert str(error.value) == f"schedule must be {must}, got {text!r}"


def test_scheduler_has_schedules_that_run_once() -> None:
    check_expression("schedule", "at(2027-02-28T23:59:59)", once=True)
    for wrong in ("at(2027-02-29T00:00:00)", "at(2027-01-01)", "at(2027-01-01T24:00:00)", "at()"):
        with pytest.raises(PatternError) as error:
            check_expression("schedule", wrong, once=True)
        assert str(error.value) == f"schedule must be {TIME}, got {wrong!r}"
    with pytest.raises(PatternError) as error:
        check_expression("schedule", "yearly", once=True)
    assert str(error.value) == "schedule must be rate(…), cron(…) or at(…), got 'yearly'"


def test_a_time_zone_has_to_exist() -> None:
    check_time_zone("schedule", "Europe/Berlin")
    check_time_zone("schedule", "${Token[TOKEN.1]}")
    with pytest.raises(PatternError) as error:
        check_time_zone("schedule", "Mars/Olympus")
    assert str(error.value) == (
        "schedule must have a time zone of the IANA database, such as Europe/Berlin, got 'Mars/Olympus'"
    )


@given(st.text(alphabet="rateconv()0123456789 /-*?,#LWMONJA:T", max_size=30), st.booleans())
def test_any_text_is_taken_or_refused_in_our_words(text: str, once: bool) -> None:
    refusal = ""
    try:
        check_expression("schedule", text, once=once)
    except PatternError as error:
        refusal = str(error)
    assert not refusal or (refusal.startswith("schedule must be ") and refusal.endswith(f", got {text!r}"))


@given(st.integers(0, 59), st.integers(0, 23), st.integers(1, 31), st.integers(1, 12), st.integers(1970, 2199))
def test_every_date_is_a_cron_expression(minute: int, hour: int, day: int, month: int, year: int) -> None:
    check_expression("schedule", f"cron({minute} {hour} {day} {month} ? {year})", once=False)


@pytest.mark.parametrize(
    ("kind", "schedule", "message"),
    [
        (
            EventBridgeAsync,
            lambda: events.Schedule.expression("rate(1 minutes)"),
            "schedule must be rate(1 minute), got 'rate(1 minutes)'",
        ),
        (
            ScheduleAsync,
            lambda: scheduler.ScheduleExpression.expression("cron(0 0 * * *)"),
            f"schedule must be {FIELDS}, got 'cron(0 0 * * *)'",
        ),
        (
            ScheduleAsync,
            lambda: scheduler.ScheduleExpression.cron(hour="3", time_zone=cdk.TimeZone.of("Mars/Olympus")),
            "schedule must have a time zone of the IANA database, such as Europe/Berlin, got 'Mars/Olympus'",
        ),
    ],
    ids=["rule", "scheduler", "time zone"],
)
def test_the_constructs_ask(kind: Any, schedule: Any, message: str) -> None:
    stack = new_stack()
    function = new_function(stack)
    with pytest.raises(PatternError) as error:
        kind(stack, "Daily", function=function, schedule=schedule())
    assert str(error.value) == message
    assert stack.node.try_find_child("Daily") is None


def test_a_schedule_of_scheduler_is_none_for_a_rule_its_time_zone_would_be_lost() -> None:
    stack = new_stack()
    schedule: Any = scheduler.ScheduleExpression.cron(hour="3", time_zone=cdk.TimeZone.EUROPE_BERLIN)
    with pytest.raises(PatternError) as error:
        EventBridgeAsync(stack, "Daily", function=new_function(stack), schedule=schedule)
    assert str(error.value) == f"schedule must be a schedule (aws_events.Schedule), got {schedule!r}"
