"""JSON that a template holds as text keeps the references in it."""

import pytest

from patterns.flow.draft import as_json
from patterns.flow.template import Ref, Text, Unknown

QUEUE, OPEN = Ref("S", "Queue", "Arn"), Unknown("parameter Open has no value")


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        (('{"a": "', QUEUE, '"}'), {"a": QUEUE}),
        (('{"a": "to ', QUEUE, ' and back"}'), {"a": Text(("to ", QUEUE, " and back"))}),
        (('{"a": ', OPEN, ', "b": ["', QUEUE, '"]}'), {"a": OPEN, "b": [QUEUE]}),
        (('{"a": "x\\"y', QUEUE, '"}'), {"a": Text(('x"y', QUEUE))}),
        (('{"a": "x\\\\", "b": ', OPEN, "}"), {"a": "x\\", "b": OPEN}),
        (('{"a": "\n', QUEUE, '"}'), {"a": Text(("\n", QUEUE))}),
        (('{"a": "', QUEUE), None),
        ((QUEUE, " is no JSON"), None),
    ],
    ids=[
        "alone",
        "in a text",
        "a number",
        "after a quotation mark",
        "after a backslash",
        "after a line",
        "cut off",
        "none",
    ],
)
def test_references_stand_where_the_text_has_them(parts, value):
    assert as_json(Text(parts)) == value


@pytest.mark.parametrize("given", [None, OPEN, QUEUE, 1, {"a": 1}, "{"], ids=str)
def test_what_is_no_json_in_a_text_is_none(given):
    assert as_json(given) is None
