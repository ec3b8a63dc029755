"""`patterns explain --format json` is what docs/flow-schema.json says: every key, every kind, nothing else."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from patterns.flow import read_flow
from patterns.flow.explain import VERSION, as_document
from patterns.flow.model import Edge, Node, Outcome, Way
from tests.flow.parts import flow_of
from tests.flow.test_hostile_templates import WHOLE
from tests.flow.test_real_templates import CORPUS

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "flow-schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
SNAPSHOTS = sorted(Path(__file__).parents[1].glob("snapshots/test_app_snapshots/*.template.json"))


def wrong(document: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["version"] == {"const": VERSION}


def test_a_document_of_every_kind_is_valid() -> None:
    document = as_document(flow_of(**WHOLE))
    assert wrong(document) == []
    assert {node["kind"] for node in document["nodes"]} >= {
        "queue",
        "topic",
        "bus",
        "rule",
        "function",
        "stream",
        "pipe",
    }


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.name.removesuffix(".template.json"))
def test_the_document_of_a_sample_is_valid(path: Path) -> None:
    assert wrong(as_document(read_flow({"Sample": json.loads(path.read_text())}))) == []


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*__*")), ids=lambda path: path.name.partition("__")[0])
def test_the_document_of_a_real_template_is_valid(path: Path) -> None:
    assert wrong(as_document(read_flow(path))) == []


def test_a_key_that_nobody_described_and_one_that_is_missing_are_refused() -> None:
    document = as_document(flow_of(**WHOLE))
    document["nodes"][0]["settings"]["more"] = 1
    del document["links"][0]["way"]
    found = " ".join(wrong(document))
    assert "'more' was unexpected" in found
    assert "'way' is a required property" in found


def defined(name: str, kind: str) -> set[str]:
    for case in SCHEMA["$defs"][name]["allOf"]:
        if case["if"]["properties"]["kind"]["const"] == kind:
            return set(case["then"]["properties"]["settings"]["properties"])
    raise AssertionError(f"{name} {kind} is not in the schema")


# A dataclass with slots is made twice; the second one counts.
KINDS = {(base, cls.kind): cls for base in (Node, Edge) for cls in base.__subclasses__()}


@pytest.mark.parametrize("cls", KINDS.values(), ids=lambda cls: cls.__name__)
def test_every_setting_of_every_kind_is_described_in_the_schema_and_in_words(cls: Any) -> None:
    base = Node if issubclass(cls, Node) else Edge
    shared = {field.name for field in fields(base)} | {"definition", "async_config"}
    own = {field.name for field in fields(cls)} - shared
    assert defined("node" if base is Node else "link", cls.kind) == own
    words = (DOCS / "flow-schema.md").read_text().splitlines()
    [row] = [line for line in words if line.startswith(f"| `{cls.kind}` |")]
    assert {name for name in own if f"`{name}`" not in row} == set()


def test_every_outcome_and_every_way_is_described() -> None:
    words = (DOCS / "flow-schema.md").read_text()
    assert [str(one) for one in (*Outcome, *Way) if f"`{one}`" not in words] == []
