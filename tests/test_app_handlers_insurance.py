"""The code of the insurance leads: the audit keeps exactly what no department's filter has let through."""

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.insurance_leads.stack import CREATED, DEPARTMENTS, wants
from tests.test_app_handlers_asynchronous import load

FILTERS = [wants(prefix) for prefix in DEPARTMENTS.values()]
KEYS = st.text(max_size=8) | st.sampled_from(["auto-", "home-", "AUTO-", " auto-", "über-"]).flatmap(
    lambda start: st.text(max_size=4).map(lambda rest: start + rest)
)
EVENTS = st.sampled_from(["ObjectCreated:Put", "ObjectCreated:Copy", "ObjectRemoved:Delete", "ObjectCreated", ""])


def record(key: str, event: str) -> dict[str, Any]:
    """As S3 writes it, the key URL-encoded."""
    return {"eventName": event, "s3": {"object": {"key": quote_plus(key)}}}


@pytest.fixture(scope="module")
def unmatched() -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KEY_PREFIXES", ",".join(DEPARTMENTS.values()))
        patched.setenv("EVENT_PREFIX", CREATED)
        yield load("insurance_leads/handlers/unmatched/unmatched.py", patched)


@given(key=KEYS, event=EVENTS)
def test_a_file_is_kept_if_and_only_if_no_department_was_told(unmatched: Any, key: str, event: str) -> None:
    published = json.dumps({"Records": [record(key, event)]})
    assert unmatched._wanted(published) is any(each.matches(published) for each in FILTERS)


@given(st.lists(st.tuples(KEYS, EVENTS), max_size=3))
def test_of_several_files_in_one_notification_none_is_dropped_that_no_department_was_told(
    unmatched: Any, files: list[tuple[str, str]]
) -> None:
    published = json.dumps({"Records": [record(key, event) for key, event in files]})
    if unmatched._wanted(published):
        assert any(each.matches(published) for each in FILTERS)


@pytest.mark.parametrize("published", ["", "hello", "[]", "5", "null", "{}", '{"Records": 5}', '{"Records": [{}]}'])
def test_what_is_not_from_s3_is_kept(unmatched: Any, published: str) -> None:
    assert not unmatched._wanted(published)


def test_the_message_by_which_s3_tries_the_topic_is_not_kept(unmatched: Any) -> None:
    assert unmatched._wanted('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "leads"}')
