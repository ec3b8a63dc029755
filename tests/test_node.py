"""Somebody without Node.js is told what is missing and how to get it, before jsii fails unreadably."""

import os
import stat
import sys
from pathlib import Path

import pytest

from patterns._node import require_node


@pytest.fixture(autouse=True)
def before_jsii(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As it is before aws_cdk is imported, in an environment whose programs are in one empty folder."""
    monkeypatch.delitem(sys.modules, "jsii", raising=False)
    monkeypatch.delenv("JSII_NODE", raising=False)
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path / "bin"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path


def program(folder: Path) -> Path:
    folder.mkdir()
    file = folder / "node"
    file.write_text("#!/bin/sh\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_no_node_anywhere_is_said_with_the_way_out() -> None:
    with pytest.raises(ImportError) as error:
        require_node()
    assert str(error.value) == (
        "The AWS CDK needs Node.js 22 or newer, and none was found in JSII_NODE, in this Python environment or on "
        'PATH. Install it, or let pip do it: pip install "cdk-messaging-patterns[node]"'
    )


def test_the_environments_own_node_is_found_though_it_is_not_on_path(before_jsii: Path) -> None:
    file = program(before_jsii / "bin")
    require_node()
    assert os.environ["JSII_NODE"] == str(file)


def test_a_node_on_path_is_left_to_jsii(before_jsii: Path) -> None:
    program(before_jsii / "path")
    require_node()
    assert "JSII_NODE" not in os.environ


def test_a_node_that_is_named_is_used(before_jsii: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = program(before_jsii / "elsewhere")
    program(before_jsii / "bin")
    monkeypatch.setenv("JSII_NODE", str(file))
    require_node()
    assert os.environ["JSII_NODE"] == str(file)


def test_a_node_that_is_named_and_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSII_NODE", "nowhere/node")
    with pytest.raises(ImportError, match=r"^JSII_NODE is 'nowhere/node', and there is no program of that name\.$"):
        require_node()


def test_once_jsii_runs_nothing_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsii", sys)
    require_node()
