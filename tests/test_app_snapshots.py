"""Each sample stack as it is deployed, and beside it what becomes of every message in it."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.app import build_app
from patterns.flow import as_text, losses, read_flow


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(build_app(outdir=str(tmp_path_factory.mktemp("out"))).synth().directory)


def stacks() -> list[str]:
    """The stacks of the sample app: built once to know their names."""
    return [stack.node.id for stack in build_app().node.children if hasattr(stack, "template_file")]


# A sample that loses messages on purpose says which, and why, in its README.
LOST_ON_PURPOSE: dict[str, set[str]] = {
    # What names no subscriber; only the relay's function may publish there, and it always names some.
    "ClinicRelay": {"ClinicRelay/RelayTopic03BD6692"},
}


@pytest.mark.parametrize("stack", stacks())
def test_a_sample_is_what_it_was(stack: str, assembly: Path, template_snapshot: Any, flow_snapshot: Any) -> None:
    template = json.loads((assembly / f"{stack}.template.json").read_text())
    flow = read_flow({stack: template})
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot
    assert {fate.at for fate in losses(flow)} == LOST_ON_PURPOSE.get(stack, set())
