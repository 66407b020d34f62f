"""An installation per test, on whichever pair the run is for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.processes.running import Site, installed


@pytest.fixture
async def site(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    """Migrated and configured, nothing started yet."""
    home = tmp_path / "home"
    home.mkdir()
    async with installed(home, database_url, redis_url) as built:
        yield built
