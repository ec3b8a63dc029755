"""Policies and messages that meet often: few keys, few values, every operator."""

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
