"""The two pairs of database and Redis that everything is measured on."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers import postgres_server, redis_server

PAIRS = ("postgres", "sqlite")


@dataclass(frozen=True)
class Stores:
    """One pair, running. `lane_url` is a second, empty database of the same kind."""

    pair: str
    title: str
    database_url: str
    redis_url: str
    lane_url: str


@contextlib.contextmanager
def stores(pair: str, home: Path) -> Iterator[Stores]:
    """Throw-away servers, or files in `home`. Raises ServerMissing."""
    if pair == "sqlite":
        yield Stores(pair, "SQLite + memory", f"sqlite://{home}/bench.db", "memory://", f"sqlite://{home}/lane.db")
        return
    with postgres_server() as server, redis_server() as redis_url:
        for name in ("bench", "lane"):
            server.sql(f"CREATE DATABASE {name}")
        yield Stores(pair, "PostgreSQL + Redis", server.url("bench"), redis_url, server.url("lane"))
