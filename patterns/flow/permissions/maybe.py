"""Answers in three values: yes, no, and cannot be told."""

from collections.abc import Iterator

Maybe = bool | None  # None: cannot be told


def and_(a: Maybe, b: Maybe) -> Maybe:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def or_(a: Maybe, b: Maybe) -> Maybe:
    if a is True or b is True:
        return True
    return None if a is None or b is None else False


def not_(a: Maybe) -> Maybe:
    return None if a is None else not a


def any_(answers: Iterator[Maybe]) -> Maybe:
    result: Maybe = False
    for answer in answers:
        if answer is True:
            return True
        result = or_(result, answer)
    return result
