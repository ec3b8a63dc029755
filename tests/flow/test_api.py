"""Who asks a flow by code finds every class under one name, and every attribute described."""

import dataclasses
import inspect
import re
import subprocess
import sys
from typing import Any

import pytest

import patterns.flow
from patterns.flow import Edge, Flow, Node, Poll, Queue, model

CLASSES = [
    one for one in vars(model).values() if dataclasses.is_dataclass(one) and one.__module__ == "patterns.flow.model"
]
DATA = [one for one in CLASSES if isinstance(one, type)]


def test_every_kind_of_node_and_link_is_exported() -> None:
    kinds = {one.__name__ for one in DATA if issubclass(one, Node | Edge)}
    assert kinds - set(patterns.flow.__all__) == set()
    assert all(getattr(patterns.flow, name) is getattr(model, name) for name in kinds)


@pytest.mark.parametrize("cls", DATA, ids=lambda cls: cls.__name__)
def test_every_attribute_is_described(cls: Any) -> None:
    own = [name for name in inspect.get_annotations(cls) if name[0] != "_" and name not in ("kind", "way")]
    assert [name for name in own if not re.search(rf"^\s+{name}: \S", cls.__doc__, re.MULTILINE)] == []


def test_a_flow_is_asked_with_what_the_package_exports() -> None:
    flow = Flow.build([Queue(id="a", name="a"), Node(id="f", name="f")], [Poll(id="p", source="a", target="f")])
    assert [poll.batch_size for poll in flow.edges_of(Poll)] == [10]


def test_importing_the_package_loads_none_of_it() -> None:
    code = "import sys, patterns.flow; print([name for name in sys.modules if name.startswith('patterns.flow.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
