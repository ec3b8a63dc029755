"""Numbers as people say them, and text that stays on its line."""

import re

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def duration(seconds: int | None) -> str:
    """``14 d``, ``1 h 30 min``, ``45 s``: the two largest units that are not zero."""
    if seconds is None:
        return "?"
    if seconds <= 0:
        return "0 s"
    parts = []
    for size, unit in _UNITS:
        amount, seconds = divmod(seconds, size)
        if amount:
            parts.append(f"{amount:,} {unit}" if unit == "d" else f"{amount} {unit}")
    return " ".join(parts[:2])


def span(low: int | None, high: int | None) -> str:
    """A range of times: ``30 s to 4 d``, ``at once``, ``up to 6 h``, ``from 30 s``."""
    if high is None:
        return f"from {duration(low)}" if low else "any time"
    if low == high:
        return duration(low) if low else "at once"
    return f"{duration(low)} to {duration(high)}" if low else f"up to {duration(high)}"


def times(count: int | None, noun: str) -> str:
    """``once``-free counting: ``1 receive``, ``3 receives``, ``? receives``."""
    if count is None:
        return f"? {noun}s"
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")  # and what turns the direction of text


def on_one_line(text: str) -> str:
    """Text without line breaks and other control characters, which a name may hold and a terminal would obey."""
    return _CONTROL.sub(" ", text)
