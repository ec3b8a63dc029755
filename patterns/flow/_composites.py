"""The rule of a composite alarm: which alarms bring it into ALARM, each alone or only among others.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

import re
from typing import NamedTuple

_LONGEST = 10_240

_WORD = re.compile(
    r"\b(ALARM|OK|INSUFFICIENT_DATA)\s*\(([^()]*)\)"
    r"|\bAT_LEAST\s*\(([^,()]*),([^,()]*),\s*\(([^()]*)\)\s*\)"
    r"|\b(?:AND|OR|NOT|TRUE|FALSE)\b|[()]",
    re.IGNORECASE,
)
_STRENGTH = {"(": 0, "OR": 1, "AND": 2, "NOT": 3}


class _Part(NamedTuple):
    """What a part of a rule comes to.

    ``now``: its value while every alarm is OK; ``alone``: alarms that change it, each by itself; ``up`` and ``down``:
    alarms whose ALARM can only make it true, or false.
    """

    now: bool
    alone: frozenset[str] = frozenset()
    up: frozenset[str] = frozenset()
    down: frozenset[str] = frozenset()


def waited_for(rule: str) -> tuple[frozenset[str], frozenset[str]]:
    """The alarms, by name or reference, that bring a composite alarm into ALARM alone, and those that help to."""
    values: list[_Part] = []
    waiting: list[str] = []
    try:
        for found in _WORD.finditer(rule[:_LONGEST]):
            state, name, least, wanted, names = found.groups()
            word = found[0].upper()
            if state:
                values.append(_in_state(state.upper(), frozenset((_named(name),))))
            elif least:
                values.append(_at_least(least.strip(), " ".join(wanted.upper().split()), names))
            elif word in ("TRUE", "FALSE"):
                values.append(_Part(word == "TRUE"))
            elif word in ("(", "NOT"):
                waiting.append(word)
            elif word == ")":
                while waiting[-1] != "(":
                    _apply(waiting.pop(), values)
                waiting.pop()
            else:
                while waiting and _STRENGTH[waiting[-1]] >= _STRENGTH[word]:
                    _apply(waiting.pop(), values)
                waiting.append(word)
        while waiting:
            _apply(waiting.pop(), values)
        (whole,) = values
    except (IndexError, KeyError, ValueError):
        return frozenset(), frozenset()
    return frozenset() if whole.now else whole.alone, whole.up


def _named(written: str) -> str:
    return written.strip(" \t\r\n\"'").rpartition(":alarm:")[2]


def _in_state(state: str, names: frozenset[str]) -> _Part:
    if state == "ALARM":
        return _Part(False, names, names)
    return _Part(True, names, down=names) if state == "OK" else _Part(False)


def _at_least(least: str, wanted: str, written: str) -> _Part:
    names = frozenset(map(_named, written.split(",")))
    if wanted not in ("ALARM", "NOT OK"):
        return _Part(wanted in ("OK", "NOT ALARM", "NOT INSUFFICIENT_DATA"), down=names)
    most = 100 / len(names) if least.endswith("%") else 1
    return _Part(False, names if float(least.rstrip("%")) <= most else frozenset(), names)


def _apply(word: str, values: list[_Part]) -> None:
    last = values.pop()
    if word == "NOT":
        values.append(_not(last))
    elif word == "OR":
        values.append(_either(values.pop(), last))
    else:
        values.append(_not(_either(_not(values.pop()), _not(last))))


def _not(part: _Part) -> _Part:
    return _Part(not part.now, part.alone, part.down, part.up)


def _either(one: _Part, other: _Part) -> _Part:
    if one.now and other.now:
        alone = one.alone & other.alone
    elif one.now or other.now:
        alone = one.alone - other.alone if one.now else other.alone - one.alone
    else:
        alone = one.alone | other.alone
    return _Part(one.now or other.now, alone, one.up | other.up, one.down | other.down)
