"""PostgreSQL goes away: what is certain, what is not, and how it is told apart. SQLite has no connection to lose."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from models import database as db
from models.database import atomic, pool_in_use, row, rows
from models.failures import CommitUnknown, DatabaseUnavailable, SerializationConflict, StatementTimeout
from models.outbox import Job

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

# A trigger that runs at COMMIT and takes its time, so that the connection can be cut right there.
SLOW_COMMIT = """
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON cron_slot DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION dawdle();
"""


@pytest.fixture
def postgres_url(database_url: str) -> str:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has no connection to lose")
    return database_url


@pytest.fixture
async def connected(postgres_url: str) -> AsyncIterator[str]:
    await db.connect(postgres_url)
    try:
        yield postgres_url
    finally:
        await db.disconnect()


async def a_job(key: str) -> Job:
    return await Job.create(kind="test", key=key, run_at=NOON)


async def backend() -> int:
    found = await row("SELECT pg_backend_pid() AS pid")
    assert found is not None
    return int(found["pid"])


async def kill(url: str, pid: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("SELECT pg_terminate_backend($1, 20000)", pid)
    finally:
        await connection.close()


@asynccontextmanager
async def through_a_cut(url: str, cut: Callable[[bytes], bool]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A way to the server that passes everything on, but swallows the answer to what `cut` picks, and hangs up."""
    parts = urlsplit(url)
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(parts.hostname, parts.port)
        is_cut = False

        async def back() -> None:
            while data := await server_reader.read(65536):
                if is_cut:
                    await asyncio.sleep(0.1)  # the server has answered, so it has committed
                    break
                writer.write(data)
                await writer.drain()
            writer.close()

        answering = asyncio.create_task(back())
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if cut(data):
                    is_cut = True
                    seen.append(data)
                server_writer.write(data)
                await server_writer.drain()
        server_writer.close()
        with contextlib.suppress(ConnectionError):
            await answering

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    netloc = parts.netloc.rpartition("@")
    try:
        yield urlunsplit(parts._replace(netloc=f"{netloc[0]}{netloc[1]}127.0.0.1:{port}")), seen
    finally:
        server.close()
        await asyncio.sleep(0.2)


async def test_a_connection_killed_during_the_commit_leaves_the_outcome_unknown(connected):
    await db.script(SLOW_COMMIT)
    pids: list[int] = []

    async def work() -> None:
        async with atomic():
            await a_job("a")
            await rows("INSERT INTO cron_slot VALUES (gen_random_uuid(), now(), 'n', 's') RETURNING id")
            pids.append(await backend())

    working = asyncio.create_task(work())
    observer = await asyncpg.connect(connected)
    commits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'commit%'"
    while not await observer.fetchval(f"{commits} AND state = 'active'"):  # noqa: ASYNC110 - PostgreSQL tells nobody
        await asyncio.sleep(0.01)
    await observer.close()
    await kill(connected, pids[0])
    with pytest.raises(CommitUnknown):
        await working
    assert pool_in_use() == 0
    assert await Job.all().count() == 0  # a new connection takes its place, and reading again settles it
    async with atomic():
        await a_job("later")


async def test_a_commit_whose_answer_is_lost_is_unknown_and_may_have_happened(postgres_url):
    async with through_a_cut(postgres_url, lambda data: b"COMMIT" in data) as (url, seen):
        await db.connect(url, pool=1)
        try:
            with pytest.raises(CommitUnknown):
                async with atomic():
                    await a_job("a")
            assert len(seen) == 1
        finally:
            await db.disconnect()
    await db.connect(postgres_url)
    try:
        assert [job.key for job in await Job.all()] == ["a"]
    finally:
        await db.disconnect()


async def test_a_connection_killed_before_the_commit_is_certain_to_have_changed_nothing(connected):
    with pytest.raises(DatabaseUnavailable):
        async with atomic():
            await a_job("a")
            await kill(connected, await backend())
            await asyncio.sleep(0.1)
    assert (pool_in_use(), await Job.all().count()) == (0, 0)


async def test_a_connection_lost_in_the_block_does_not_hide_the_blocks_own_error(connected):
    with pytest.raises(KeyError):
        async with atomic():
            await a_job("a")
            await kill(connected, await backend())
            await asyncio.sleep(0.1)
            raise KeyError
    assert (pool_in_use(), await Job.all().count()) == (0, 0)


async def test_a_server_that_is_not_there_is_unavailable():
    with pytest.raises(DatabaseUnavailable):
        await db.connect("postgres://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseUnavailable):  # and nothing is left half connected
        db.dialect()


async def test_a_statement_that_takes_too_long_is_stopped(connected):
    with pytest.raises(StatementTimeout):
        async with atomic():
            await rows("SET LOCAL statement_timeout = '50ms'")
            await rows("SELECT pg_sleep(5)")
    assert pool_in_use() == 0
    assert await rows("SHOW statement_timeout") == [{"statement_timeout": "3s"}]
    assert await rows("SHOW lock_timeout") == [{"lock_timeout": "3s"}]
    assert await rows("SHOW idle_in_transaction_session_timeout") == [{"idle_in_transaction_session_timeout": "5s"}]


async def test_long_jobs_may_lift_the_limits(postgres_url):
    await db.connect(postgres_url, limited=False)
    try:
        assert await rows("SHOW statement_timeout") == [{"statement_timeout": "0"}]
    finally:
        await db.disconnect()


async def test_a_deadlock_is_told_apart_so_that_it_can_be_tried_again(connected):
    await a_job("a")
    await a_job("b")
    both_hold = asyncio.Barrier(2)

    async def work(first: str, second: str) -> None:
        async with atomic():
            await Job.filter(key=first).update(kind=first)
            await both_hold.wait()
            await Job.filter(key=second).update(kind=first)

    outcomes = await asyncio.gather(work("a", "b"), work("b", "a"), return_exceptions=True)
    assert sorted(type(outcome) for outcome in outcomes if outcome) == [SerializationConflict]
    assert pool_in_use() == 0
