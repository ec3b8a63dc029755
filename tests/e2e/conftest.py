"""One emulator for the whole session; each story deploys its stacks into it and leaves them to its end."""

from collections.abc import Iterator

import pytest

from tests.e2e.emulator import Emulator


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running
