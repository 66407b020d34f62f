"""Ten thousand tasks cancelled at random moments, and what plain Tortoise does with far fewer."""

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

import pytest
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from models import database as db
from models.database import atomic, pool_in_use, rows
from models.ids import new_id
from models.sql import sqlite_sql

TASKS = 10_000
AT_ONCE = (4, 8, 50)  # with and without waiting for a connection
LONGEST = 0.006  # seconds until a task is cancelled; an undisturbed one takes about as long under this load
INSERT = "INSERT INTO effect (id) VALUES ($1) RETURNING id"
UPDATE = "UPDATE tally SET done = done + 1 RETURNING done"


async def tables() -> None:
    await db.script("CREATE TABLE effect (id CHAR(36) NOT NULL PRIMARY KEY); CREATE TABLE tally (done INT NOT NULL)")
    await rows("INSERT INTO tally VALUES (0) RETURNING done")


async def cancelled_at_random(
    count: int, work: Callable[[str], object], seed: int, *, at_once: Sequence[int]
) -> tuple[int, int]:
    """Run `count` tasks in batches, most of them cancelled; how many finished and how many were cancelled."""
    chance = random.Random(seed)
    finished = cancelled = 0
    loop = asyncio.get_running_loop()
    while (left := count - finished - cancelled) > 0:
        batch = []
        for _ in range(min(chance.choice(at_once), left)):
            task = asyncio.ensure_future(work(str(new_id())))
            if chance.random() < 0.9:
                loop.call_later(chance.random() * LONGEST, task.cancel)
            batch.append(task)
        for outcome in await asyncio.gather(*batch, return_exceptions=True):
            if isinstance(outcome, asyncio.CancelledError):
                cancelled += 1
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                finished += 1
    return finished, cancelled


@pytest.mark.timeout(240)
async def test_ten_thousand_cancelled_tasks_leave_the_pool_whole(database):
    await tables()
    acknowledged: list[str] = []

    async def work(effect: str) -> None:
        async with atomic():
            await rows(INSERT, effect)
            if random.random() < 0.2:
                with contextlib.suppress(KeyError):
                    async with atomic():
                        await rows(UPDATE)
                        raise KeyError
            await rows(UPDATE)
        acknowledged.append(effect)

    seed = random.randrange(2**32)
    started = time.monotonic()
    finished, cancelled = await cancelled_at_random(TASKS, work, seed, at_once=AT_ONCE)
    print(f"\nseed {seed}: {finished} finished, {cancelled} cancelled, {time.monotonic() - started:.1f} s")
    async with asyncio.timeout(20):
        while pool_in_use():  # noqa: ASYNC110 - abandoned openings end in the background
            await asyncio.sleep(0.01)
    assert finished + cancelled == TASKS
    assert finished > TASKS // 50
    assert cancelled > TASKS // 10
    effects = {each["id"] for each in await rows("SELECT CAST(id AS TEXT) AS id FROM effect")}
    assert effects >= set(acknowledged)  # nothing that was acknowledged is missing
    assert await rows("SELECT done FROM tally") == [{"done": len(effects)}]  # nothing was done by half

    async def later() -> None:
        async with atomic():
            await rows(UPDATE)

    async with asyncio.timeout(20):
        await asyncio.gather(*(later() for _ in range(100)))
    assert await rows("SELECT done FROM tally") == [{"done": len(effects) + 100}]
    assert pool_in_use() == 0


def plain_configuration(url: str) -> dict[str, object]:
    """The same database under Tortoise's own engines."""
    if url.startswith("sqlite"):
        engine, credentials = "tortoise.backends.sqlite", {"file_path": url.removeprefix("sqlite://")}
    else:
        parts = urlsplit(url)
        engine = "tortoise.backends.asyncpg"
        credentials = {
            "host": parts.hostname,
            "port": parts.port,
            "user": parts.username,
            "password": parts.password,
            "database": parts.path.strip("/"),
            "minsize": 1,
            "maxsize": 2,
        }
    return {
        "connections": {"plain": {"engine": engine, "credentials": credentials}},
        "apps": {"models": {"models": ["models.outbox"], "default_connection": "plain"}},
    }


@asynccontextmanager
async def plain_tortoise(url: str) -> AsyncIterator[TortoiseContext]:
    context = TortoiseContext()
    with context:
        await context.init(config=plain_configuration(url))
        try:
            yield context
        finally:
            connection = context.db()
            if url.startswith("sqlite"):
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(connection.close(), 2)
            else:
                connection._pool.terminate()


@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform != "linux", reason="timing of the negative control")
async def test_plain_tortoise_is_wedged_by_the_same_treatment(database):
    """The negative control: the test above can see what it looks for."""
    await tables()
    await db.disconnect()
    sql = (sqlite_sql(INSERT), sqlite_sql(UPDATE)) if database.startswith("sqlite") else (INSERT, UPDATE)

    def transaction() -> AbstractAsyncContextManager[object]:
        return in_transaction("plain")

    async def work(effect: str) -> None:
        async with transaction() as connection:
            await connection.execute_query_dict(sql[0], [effect])
            await connection.execute_query_dict(sql[1])

    async with plain_tortoise(database):
        wedged = False
        for round_ in range(20):
            try:
                async with asyncio.timeout(5):
                    await cancelled_at_random(50, work, round_, at_once=AT_ONCE)
                    await work(str(new_id()))
            except TimeoutError:
                wedged = True
                break
        assert wedged, "plain Tortoise survived 1,000 cancelled tasks: is our own machinery still needed?"
