"""Schedule expressions: what EventBridge or Scheduler would refuse at deployment is refused here.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import re
import zoneinfo
from datetime import datetime

from patterns._checks import is_token_text
from patterns.errors import PatternError

_EXPRESSION = re.compile(r"(?P<kind>rate|cron|at)\((?P<inside>.*)\)", re.ASCII | re.DOTALL)
_RATE = re.compile(r"(?P<value>[1-9]\d*)\s+(?P<unit>minute|hour|day)(?P<plural>s?)", re.ASCII)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_CRON: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minutes", 0, 59, ()),
    ("hours", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 1, 7, _DAYS),
    ("year", 1970, 2199, ()),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = 2, 4
_SPECIAL = {
    _DAY_OF_MONTH: re.compile(r"L|LW|L-([1-9]|[12]\d|30)|([1-9]|[12]\d|3[01])W", re.ASCII),
    _DAY_OF_WEEK: re.compile(r"L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5])", re.ASCII),
}


def check_expression(name: str, text: str, *, once: bool) -> None:
    """Refuse what is no schedule expression. One that is known only at deployment passes.

    Args:
        name: the argument as the caller typed it.
        text: the expression.
        once: whether it may be ``at(…)``, which Scheduler has and rules have not.

    Raises:
        PatternError: no ``rate(…)``, ``cron(…)`` or ``at(…)``, or one that the service would refuse.
    """
    if is_token_text(text):
        return
    found = _EXPRESSION.fullmatch(text)
    if found is None or (found["kind"] == "at" and not once):
        kinds = "rate(…), cron(…) or at(…)" if once else "rate(…) or cron(…)"
        raise PatternError(f"{name} must be {kinds}, got {text!r}")
    inside = found["inside"]
    match found["kind"]:
        case "rate":
            wrong = _wrong_rate(inside, singular=not once)
        case "cron":
            wrong = _wrong_cron(inside)
        case _:
            wrong = _wrong_time(inside)
    if wrong:
        raise PatternError(f"{name} must be {wrong}, got {text!r}")


def check_time_zone(name: str, zone: str) -> None:
    """Refuse a time zone that is not in the IANA database, where Python has one.

    Raises:
        PatternError: it is unknown.
    """
    known = zoneinfo.available_timezones()
    if known and zone not in known and not is_token_text(zone):
        raise PatternError(f"{name} must have a time zone of the IANA database, such as Europe/Berlin, got {zone!r}")


def _wrong_rate(inside: str, *, singular: bool) -> str:
    found = _RATE.fullmatch(inside.strip())
    if found is None:
        return "rate(<whole number> minutes, hours or days), the number 1 or more"
    if singular and (found["value"] == "1") == bool(found["plural"]):
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html
        return f"rate({found['value']} {found['unit']}{'' if found['value'] == '1' else 's'})"
    return ""


def _wrong_time(inside: str) -> str:
    try:
        datetime.strptime(inside, "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return "at(yyyy-mm-ddThh:mm:ss), a time that exists"
    return ""


def _wrong_cron(inside: str) -> str:
    fields = inside.split()
    if len(fields) != len(_CRON):
        return "cron(minutes hours day-of-month month day-of-week year), six fields"
    for i, (field, (what, low, high, names)) in enumerate(zip(fields, _CRON, strict=True)):
        if field == "?" and i in _SPECIAL:
            continue
        if not all(_is_part(i, part, low, high, names) for part in field.split(",")):
            return f"a cron expression whose {what} is {low} to {high}"
    if (fields[_DAY_OF_MONTH] == "?") == (fields[_DAY_OF_WEEK] == "?"):
        return "a cron expression with ? for the day of month or the day of week, exactly one of the two"
    return ""


def _is_part(at: int, part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    if at in _SPECIAL and _SPECIAL[at].fullmatch(part.upper()):
        return True
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdecimal() and int(step) > 0):
        return False
    if span == "*":
        return True
    ends = [_number(end, names) for end in span.split("-")]
    return len(ends) <= 2 and all(low <= end <= high for end in ends)


def _number(text: str, names: tuple[str, ...]) -> int:
    """What a field's number or name stands for; -1 for neither."""
    if text.upper() in names:
        return names.index(text.upper()) + 1
    return int(text) if text.isascii() and text.isdecimal() else -1
