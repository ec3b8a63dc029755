"""What a pattern of a policy covers: actions, and the ARNs of resources.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

import re
from functools import lru_cache

from patterns.flow.permissions.maybe import Maybe, and_
from patterns.flow.rendered import GAP, OPEN


@lru_cache(maxsize=16_384)  # a few patterns and actions are asked for again and again
def wild(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern with ``*`` and ``?``, in time linear in each of them."""
    if pattern == "*" or pattern == text:
        return True
    if "*" not in pattern and "?" not in pattern:
        return False
    at = star = marked = 0
    starred = False
    for_pattern = 0
    while at < len(text):
        if for_pattern < len(pattern) and pattern[for_pattern] == "*":
            starred, star, marked = True, for_pattern, at
            for_pattern += 1
        elif for_pattern < len(pattern) and pattern[for_pattern] in ("?", text[at]):
            for_pattern += 1
            at += 1
        elif starred:
            # The last star takes one character more.
            marked += 1
            for_pattern, at = star + 1, marked
        else:
            return False
    return all(mark == "*" for mark in pattern[for_pattern:])


@lru_cache(maxsize=4_096)
def names_any(patterns: tuple[str, ...], action: str) -> bool:
    """Whether one of these patterns covers an action, both in lower case."""
    return any(wild(pattern, action) for pattern in patterns)


def arn_matches(pattern: str, arn: str) -> Maybe:
    """Whether an ARN pattern covers an ARN; gaps on either side make it uncertain."""
    left, right = pattern.split(":", 5), arn.split(":", 5)
    if len(left) < 6:
        return True if wild(pattern, arn) else (None if GAP in pattern else False)
    if len(right) < 6:
        return None if GAP in arn else False
    answer: Maybe = True
    for place, (mine, theirs) in enumerate(zip(left, right, strict=True)):
        mine = re.sub("‹[A-Za-z]+›", "*", mine)
        if mine == theirs or wild(mine, theirs):
            continue
        if GAP not in mine and GAP not in theirs:
            if place in (1, 3, 4) and OPEN in theirs:
                continue
            return False
        if place in (1, 3, 4):
            # A region or an account that no template names is taken to be the stack's own.
            continue
        if GAP in theirs and GAP not in mine and "*" not in mine and OPEN not in mine and theirs.endswith(GAP):
            return False  # a generated name is never the literal one
        if not _overlap(mine, theirs):
            return False
        answer = None
    return answer


def covers(pattern: str, arn: str) -> Maybe:
    """As `arn_matches`; a pattern for the objects of a bucket is about the bucket."""
    if ":s3:::" not in arn or "/" not in pattern:
        return arn_matches(pattern, arn)
    bucket, _, rest = pattern.partition("/")
    on = arn_matches(bucket, arn)
    return on if on is False else and_(on, below(f"/{rest}"))


def _overlap(mine: str, theirs: str) -> bool:
    """Whether two texts with wildcards and gaps can be the same: their fixed beginnings must agree."""
    a = re.split(f"[*?{GAP}{OPEN}]", mine, maxsplit=1)[0]
    b = re.split(f"[*?{GAP}{OPEN}]", theirs, maxsplit=1)[0]
    return a.startswith(b) or b.startswith(a)


_RECORDS = "aws/lambda/async/"


def below(rest: str) -> Maybe:
    """Whether a pattern for some objects of a bucket covers those that Lambda writes for failed invocations.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    if not rest.startswith("/"):
        return False
    head = rest[1:].partition("*")[0]
    return True if head.startswith(_RECORDS) or _RECORDS.startswith(head) else None
