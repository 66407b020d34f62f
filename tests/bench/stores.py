"""The two pairs of database and Redis that everything is measured on."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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
    create: Callable[[str], str] | None = None  # makes another empty database and gives its address: PostgreSQL only
    database_pid: int | None = None  # of PostgreSQL's first process

    def another(self, name: str) -> "Stores":
        """The same with a fresh database of this name. Raises RuntimeError on SQLite."""
        if self.create is None:
            raise RuntimeError("only PostgreSQL has room for another database")
        return replace(self, database_url=self.create(name))


@contextlib.contextmanager
def stores(pair: str, home: Path) -> Iterator[Stores]:
    """Throw-away servers, or files in `home`. Raises ServerMissing."""
    if pair == "sqlite":
        yield Stores(pair, "SQLite + memory", f"sqlite://{home}/bench.db", "memory://", f"sqlite://{home}/lane.db")
        return
    with postgres_server() as server, redis_server() as redis_url:

        def create(name: str) -> str:
            server.sql(f"CREATE DATABASE {name}")
            return server.url(name)

        yield Stores(pair, "PostgreSQL + Redis", create("bench"), redis_url, create("lane"), create, server.pid)
