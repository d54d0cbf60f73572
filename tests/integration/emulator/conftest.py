"""The emulator runs once for all tests of its patches."""

from collections.abc import Iterator

import pytest

from tests.integration.emulated import Emulated, emulation


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with emulation(tmp_path_factory.mktemp("project")) as running:
        yield running
