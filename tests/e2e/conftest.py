"""One emulator for the whole session, and in it the samples that its tests ask about, deployed and sent to once."""

from collections.abc import Iterator

import pytest

from tests.e2e.assembly import synthesize_apart
from tests.e2e.emulator import Emulator
from tests.e2e.samples import Samples
from tests.e2e.scenarios import SCENARIOS, Scenario


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="session")
def samples(emulator: Emulator, request: pytest.FixtureRequest) -> Samples:
    """The samples of the rows that are asked about and those that modules name in ``SAMPLES``, all rows sent."""
    wanted: dict[str, None] = {}
    for item in request.session.items:
        wanted |= dict.fromkeys(getattr(getattr(item, "module", None), "SAMPLES", ()))
        row = item.callspec.params.get("scenario") if isinstance(item, pytest.Function) and _has_rows(item) else None
        wanted |= {row.stack: None} if isinstance(row, Scenario) else {}
    assembly = synthesize_apart(emulator, emulator.folder / "samples")
    deployed = Samples(emulator, assembly, list(wanted))
    deployed.run([row for row in SCENARIOS if row.stack in wanted])
    return deployed


def _has_rows(item: pytest.Function) -> bool:
    return hasattr(item, "callspec")
