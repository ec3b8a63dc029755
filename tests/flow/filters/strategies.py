"""Policies and messages that meet often: few keys, few values, every operator."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

words = st.sampled_from(["auto", "auto-1", "home", "home-1", "Auto-1", "x"])
wholes = st.integers(-3, 3)
scalars = words | wholes | st.booleans() | st.none()
RANGES = st.tuples(st.sampled_from(["<", "<=", "=", ">=", ">"]), wholes).map(list) | st.tuples(
    st.sampled_from([">", ">="]), st.integers(-3, 0), st.sampled_from(["<", "<="]), st.integers(1, 3)
).map(list)


def condition(operator: str) -> st.SearchStrategy[Any]:
    """The conditions of one operator."""
    literals = words | st.lists(words, min_size=1, max_size=2)
    return {
        "equals": words,
        "number": wholes,
        "null": st.none(),
        "boolean": st.booleans(),
        "prefix": words.map(lambda w: {"prefix": w}),
        "suffix": words.map(lambda w: {"suffix": w}),
        "equals-ignore-case": words.map(lambda w: {"equals-ignore-case": w}),
        "lower-case": words.map(lambda w: {"equals-ignore-case": w.lower()}),
        "wildcard": st.sampled_from(["a*", "*-1", "*", "a*-*", "auto"]).map(lambda w: {"wildcard": w}),
        "cidr": st.sampled_from(["10.0.0.0/24", "10.0.0.0/8"]).map(lambda w: {"cidr": w}),
        "numeric": RANGES.map(lambda r: {"numeric": r}),
        "exists": st.booleans().map(lambda b: {"exists": b}),
        "anything-but": literals.map(lambda w: {"anything-but": w}),
        "anything-but list": st.lists(words, min_size=1, max_size=2).map(lambda w: {"anything-but": w}),
        "anything-but number": wholes.map(lambda w: {"anything-but": w}),
        "anything-but prefix": words.map(lambda w: {"anything-but": {"prefix": w}}),
        "anything-but suffix": words.map(lambda w: {"anything-but": {"suffix": w}}),
        "anything-but wildcard": st.sampled_from(["a*", "*1"]).map(lambda w: {"anything-but": {"wildcard": w}}),
    }[operator]


def conditions(operators: str, *, most: int = 2) -> st.SearchStrategy[list[Any]]:
    """Arrays of conditions; an array with ``exists`` has nothing else."""
    names = [name.strip() for name in operators.split(",")]
    several = st.lists(st.one_of([condition(n) for n in names if n != "exists"]), min_size=1, max_size=most)
    return several | condition("exists").map(lambda c: [c]) if "exists" in names else several


def policies(operators: str, *, with_or: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """Policies over a, b, c.a and c.b."""
    array = conditions(operators)
    flat = st.dictionaries(st.sampled_from("ab"), array, min_size=1, max_size=2)
    nested = st.fixed_dictionaries({}, optional={"a": array, "b": array, "c": flat}).filter(bool)
    if not with_or:
        return nested
    branches = st.lists(nested, min_size=2, max_size=2)
    return nested | st.builds(lambda p, b: {**p, "$or": b}, nested, branches)


def messages(values: st.SearchStrategy[Any], *, arrays: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Messages with some of the keys that policies have."""
    value = values | st.lists(values, min_size=1, max_size=2) if arrays else values
    inner: st.SearchStrategy[Any] = st.dictionaries(st.sampled_from("ab"), value, max_size=2)
    if arrays:
        inner = inner | st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries({}, optional={"a": value, "b": value, "c": inner, "d": values})


# Messages that are made for a policy ----------------------------------------------------------------------

_ABSENT = object()


def _likely(condition: Any) -> Any:
    """A value that a condition accepts."""
    if not isinstance(condition, dict):
        return condition
    [(operator, operand)] = condition.items()
    if operator == "anything-but":
        numbers = isinstance(operand, int) or (isinstance(operand, list) and isinstance(operand[0], int))
        return 99 if numbers else "other"
    if operator == "exists":
        return "x" if operand else _ABSENT
    if operator == "numeric":
        signs = operand[::2]
        return operand[1] + (signs[0][0] == ">" and "=" not in signs[0]) - (signs[0] == "<")
    return {"prefix": f"{operand}1", "suffix": f"1{operand}", "cidr": "10.0.0.7"}.get(
        operator, str(operand).replace("*", "")
    )


@st.composite
def aimed(draw: st.DrawFn, policy: dict[str, Any]) -> dict[str, Any]:
    """A message with values that the policy accepts, where no other key is in the way."""
    message: dict[str, Any] = {}
    todo: list[tuple[dict[str, Any], dict[str, Any]]] = [(policy, message)]
    while todo:
        node, into = todo.pop()
        for key, value in node.items():
            if key == "$or":
                todo.append((draw(st.sampled_from(value)), into))
            elif isinstance(value, dict):
                into[key] = into.get(key) if isinstance(into.get(key), dict) else {}
                todo.append((value, into[key]))
            else:
                likely = _likely(draw(st.sampled_from(value)))
                if likely is _ABSENT:
                    into.pop(key, None)
                else:
                    into[key] = likely
    return message


def cases(of: st.SearchStrategy[dict[str, Any]], others: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    """Policies, each with a message: as often one that is made for it as any other."""
    return of.flatmap(lambda policy: st.tuples(st.just(policy), aimed(policy) | others))


def as_attributes(message: dict[str, Any]) -> dict[str, Any]:
    """The same as message attributes, as boto3 writes them."""
    sent = {}
    for name, value in message.items():
        number = isinstance(value, int) and not isinstance(value, bool)
        kind = "Number" if number else "String" if isinstance(value, str) and value else "String.Array"
        text = value if kind == "String" else json.dumps(value if number or isinstance(value, list) else [value])
        sent[name] = {"DataType": kind, "StringValue": text}
    return sent


# The values of one key, taken apart: what all of these accept together is everything.
_PARTS: list[list[Any]] = [
    ["auto", "home", {"anything-but": ["auto", "home"]}, None, {"exists": False}],
    [{"prefix": "auto"}, {"anything-but": {"prefix": "auto"}}, None, {"exists": False}],
    [1, {"anything-but": 1}, None, {"exists": False}],
    [{"exists": True}, "", None, {"exists": False}],
]


@st.composite
def parted(draw: st.DrawFn) -> tuple[list[dict[str, Any]], bool]:
    """Policies between which one key decides, and whether a part of its values was left out."""
    parts = draw(st.permutations(draw(st.sampled_from(_PARTS))))
    left_out = draw(st.booleans())
    parts = parts[left_out:]
    cuts = sorted({0, *draw(st.lists(st.integers(1, len(parts) - 1), max_size=2)), len(parts)})
    nested = draw(st.booleans())
    arrays = [parts[start:end] for start, end in pairwise(cuts)]
    return [{"c": {"a": each}} if nested else {"a": each} for each in arrays], left_out
