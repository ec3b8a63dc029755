"""What a property can be once everything that a template decides has been worked out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A resource of the templates that were read, or one of its attributes.

    ``attribute`` is empty for what ``Ref`` returns (a queue's URL, a topic's ARN, a function's name) and
    the name given to ``Fn::GetAtt`` otherwise (``"Arn"``, ``"QueueName"``).
    """

    stack: str
    logical_id: str
    attribute: str = ""

    def __str__(self) -> str:
        return f"{self.stack}.{self.logical_id}" + (f".{self.attribute}" if self.attribute else "")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that the templates do not decide, and why: ``parameter Endpoint has no value``.

    ``same`` is set when two occurrences are certain to be equal at deployment (one and the same
    parameter); it takes no part in comparing.
    """

    reason: str
    same: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is only partly known: its parts in order, no two strings side by side."""

    parts: tuple[str | Ref | Unknown, ...]

    def __str__(self) -> str:
        return "".join(
            part if isinstance(part, str) else f"<{part.reason}>" if isinstance(part, Unknown) else f"${{{part}}}"
            for part in self.parts
        )


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """Something in a document that could not be read or resolved, and where it stands."""

    source: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}, {self.place}: {self.reason}" if self.place else f"{self.source}: {self.reason}"


class _NoValue:
    """What ``Ref: AWS::NoValue`` stands for while resolving: the property or item is not there."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE = _NoValue()


def text(value: Any) -> tuple[str | Ref | Unknown, ...]:
    """The parts of a value in a text, as CloudFormation writes numbers and truth values."""
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, int | float):
        return (str(value),)
    if isinstance(value, Text):
        return value.parts
    if isinstance(value, Ref | Unknown):
        return (value,)
    if value is NO_VALUE or value is None:
        return (Unknown("a text is put together from a part that is not there"),)
    kind = "a list" if isinstance(value, list | tuple) else "an object"
    return (Unknown(f"a text is put together from {kind}"),)


def concatenate(parts: Iterable[str | Ref | Unknown]) -> str | Ref | Unknown | Text:
    """A plain string where every part is one, the part itself where there is only one, else a Text."""
    merged: list[str | Ref | Unknown] = []
    run: list[str] = []
    for part in parts:
        if isinstance(part, str):
            if part:
                run.append(part)
        else:
            if run:
                merged.append("".join(run))
                run = []
            merged.append(part)
    if run:
        merged.append("".join(run))
    if not merged:
        return ""
    return merged[0] if len(merged) == 1 else Text(tuple(merged))


def spelled(value: Any) -> str:
    """A value that is not told, so that equal ones are spelled alike; empty where that is not certain."""
    parts = text(value)
    if any(isinstance(part, Unknown) and not part.same for part in parts):
        return ""
    return "".join(part.same if isinstance(part, Unknown) else str(part) for part in parts)


def is_plain(value: Any) -> bool:
    """Whether a document holds nothing that a template leaves open."""
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and is_plain(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return all(is_plain(item) for item in value)
    return value is None or isinstance(value, str | int | float)
