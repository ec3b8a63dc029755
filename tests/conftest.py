"""Set before aws_cdk is imported: the CDK's own validation costs seconds for each process.

One test (test_everything_synthesizes_clean) has it on, over every sample app.
"""

import os

os.environ.setdefault("CDK_VALIDATION", "false")

from patterns._node import require_node

require_node()

import json  # noqa: E402
import re  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402
from syrupy.assertion import SnapshotAssertion  # noqa: E402
from syrupy.extensions.json import JSONSnapshotExtension  # noqa: E402
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode  # noqa: E402
from syrupy.location import PyTestLocation  # noqa: E402

# A machine's load fails no test, and CI tries the same examples each time: new ones are found where somebody looks.
settings.register_profile("anywhere", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "anywhere")

SNAPSHOTS = Path(__file__).parent / "snapshots"


class TemplateSnapshot(JSONSnapshotExtension):
    """A template as a reviewer wants to see it: without asset hashes and the CDK's own bookkeeping.

    Logical ids stay: a changed one replaces a live resource, and must be seen.
    """

    file_extension = "template.json"

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(SNAPSHOTS / Path(test_location.filepath).stem)

    def serialize(self, data: Any, **options: Any) -> Any:
        template = json.loads(re.sub(r"\b[0-9a-f]{64}\b", "<asset hash>", json.dumps(data)))
        template.get("Parameters", {}).pop("BootstrapVersion", None)
        template.get("Rules", {}).pop("CheckBootstrapVersion", None)
        template.get("Resources", {}).pop("CDKMetadata", None)
        return super().serialize({key: value for key, value in template.items() if value}, **options)


class FlowSnapshot(SingleFileSnapshotExtension):
    """The flow of a template as text, which stands beside the template's snapshot: what a reviewer reads."""

    file_extension = "flow.txt"
    _write_mode = WriteMode.TEXT

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(SNAPSHOTS / Path(test_location.filepath).stem)

    def serialize(self, data: Any, **_options: Any) -> str:
        return str(data)


@pytest.fixture
def template_snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compares a template with tests/snapshots/<test file>/<test>.template.json."""
    return snapshot.use_extension(TemplateSnapshot)


@pytest.fixture
def flow_snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compares a flow's text with tests/snapshots/<test file>/<test>.flow.txt."""
    return snapshot.use_extension(FlowSnapshot)
