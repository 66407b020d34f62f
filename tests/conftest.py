"""What every test may ask for. The guards that watch all of them: `guards.py`; the servers: `servers.py`.

One run tests one pair, named by FANPIAO_TEST_PAIR: `sqlite` (SQLite + the in-process Redis, the default) or `postgres`
(PostgreSQL + redis-server, both throw-away). The second pair repeats only the tests that ask for `database_url` or
`redis_url`, directly or through another fixture, and those marked `both_pairs`.
"""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests import guards, quickly
from tests.fakes import FakeClock
from tests.servers import Maintenance, PostgresServer, postgres_server, redis_server

PAIR = os.environ.get("FANPIAO_TEST_PAIR", "sqlite")
_ROOT = Path(__file__).parent.parent
_STORED = {"database_url", "redis_url"}
_TEMPLATE = "fanpiao_template"
# In a process of its own: nothing of the database layer's state may leak into the tests.
_MIGRATE = """
import asyncio, sys
from models import database
async def migrate():
    await database.connect(sys.argv[1])
    await database.migrate()
    await database.disconnect()
asyncio.run(migrate())
"""
_numbers = itertools.count(1)
_loopback = guards.Loopback()
_embedded = guards.EmbeddedRedises()
_built = quickly.BuiltOnce()
_passwords = quickly.LightPasswords()


def pytest_configure(config: pytest.Config) -> None:
    if PAIR not in {"sqlite", "postgres"}:
        raise pytest.UsageError("FANPIAO_TEST_PAIR is `sqlite` or `postgres`")
    for name in [name for name in os.environ if name.startswith("FANPIAO_") and not name.startswith("FANPIAO_TEST_")]:
        del os.environ[name]  # a developer's own settings must not reach the tests
    _loopback.install()
    _embedded.install()
    _built.install()
    _passwords.install()


def pytest_unconfigure(config: pytest.Config) -> None:
    _passwords.remove()
    _built.remove()
    _embedded.remove()
    _loopback.remove()


def pytest_report_header(config: pytest.Config) -> str:
    return f"pair: {PAIR}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out soak tests unless asked for, and in the second pair what no database or Redis can change."""
    chosen = str(config.getoption("markexpr"))
    left_out = [item for item in items if not _belongs_here(item, chosen)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def pytest_collection_finish(session: pytest.Session) -> None:
    quickly.spare_what_stays()


def _belongs_here(item: pytest.Item, chosen: str) -> bool:
    if item.get_closest_marker("soak") and "soak" not in chosen:
        return False
    if PAIR == "sqlite" or item.get_closest_marker("both_pairs"):
        return True
    return not _STORED.isdisjoint(getattr(item, "fixturenames", ()))


def _migrate(url: str) -> None:
    command = [sys.executable, "-c", _MIGRATE, url]
    done = subprocess.run(command, cwd=_ROOT, check=False, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"migrating the template failed:\n{done.stderr}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The throw-away PostgreSQL of this run, with a migrated template database."""
    with postgres_server(in_memory=True) as server:
        server.sql(f"CREATE DATABASE {_TEMPLATE}")
        _migrate(server.url(_TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def maintenance(postgres: PostgresServer) -> Iterator[Maintenance]:
    """Makes and drops the databases of the tests."""
    made = Maintenance(postgres)
    yield made
    made.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "fanpiao.db"
    _migrate(f"sqlite://{path}")
    return path


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a fresh, migrated database of this test alone. Jobs left dead in it fail the test."""
    if PAIR == "sqlite":
        path = tmp_path / "fanpiao.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite://{path}"
        dead = guards.dead_jobs_of_file(path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        maintenance: Maintenance = request.getfixturevalue("maintenance")
        name = f"test_{next(_numbers)}"
        # Copying its files takes half as long as writing each page of them to the log, which is what is usual.
        maintenance.run(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
        try:
            yield server.url(name)
            dead = guards.dead_jobs_of_server(maintenance, name)
        finally:
            # At once: a drop ends in a checkpoint, which would write out every other database still lying about.
            maintenance.run(f"DROP DATABASE {name} WITH (FORCE)")
    if dead and not request.node.get_closest_marker("leaves_dead_jobs"):
        pytest.fail(f"jobs were left dead: {dead}")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """The same database, connected; gives its address."""
    from models import database as connection

    await connection.connect(database_url)
    try:
        yield database_url
    finally:
        await connection.disconnect()


@pytest.fixture(scope="session")
def redis_server_url() -> Iterator[str]:
    """The throw-away redis-server of this run."""
    with redis_server() as url:
        yield url


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of an empty Redis. Keys left without a time to live fail the test."""
    if PAIR == "sqlite":
        yield "memory://"  # every client has a server of its own; the guard below sees them all
        return
    url: str = request.getfixturevalue("redis_server_url")
    yield url
    everlasting = guards.everlasting_keys(url)
    with guards.redis_client.Redis.from_url(url) as client:
        client.flushall()
    if everlasting:
        pytest.fail(f"Redis keys without a time to live: {everlasting}")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of the empty Redis."""
    from gateways.stores.connection import open_redis

    client = open_redis(redis_url)
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture(autouse=True)
def _no_everlasting_embedded_keys() -> Iterator[None]:
    yield
    everlasting = sorted(set(_embedded.everlasting()))
    if everlasting:
        pytest.fail(f"Redis keys without a time to live: {everlasting}")


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test advances it."""
    return FakeClock()
