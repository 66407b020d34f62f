"""An installation per test, on whichever pair the run is for."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.processes.nursery import Nursery
from tests.processes.running import Site, installed


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where this run's processes come from."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
async def site(database_url: str, redis_url: str, tmp_path: Path, nursery: Nursery) -> AsyncIterator[Site]:
    """Migrated and configured, nothing started yet."""
    home = tmp_path / "home"
    home.mkdir()
    async with installed(home, database_url, redis_url, nursery) as built:
        yield built
