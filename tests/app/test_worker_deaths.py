"""Workers that are killed without a word: every job is done, and its effect happened once."""

import asyncio
import itertools
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.outbox import later
from models.database import atomic, dialect, rows

ROOT = Path(__file__).parent.parent.parent
NUMBERS = itertools.count()

# A worker process with short leases, whose jobs write their effect and their end in one transaction.
WORKER = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from app import worker
from app.jobs import JobRegistry
from handlers import leases
from models import database
from models.database import atomic, rows

leases.LEASE = timedelta(seconds=1)
worker.TENDING = 0.2

class Clock:
    def now(self):
        return datetime.now(UTC)

async def effect(_, job):
    async with atomic():
        await rows("INSERT INTO effect (key) VALUES ($1) RETURNING key", job.key)
        await asyncio.sleep(0.03)
        await job.finish()

async def main():
    await database.connect(sys.argv[1])
    registry = JobRegistry()
    registry.add("effect", effect)
    working = worker.work_until_signalled(worker.Worker(registry, None, Clock(), at_once=4, batch=20, heartbeat=0.3))
    task = asyncio.create_task(working)
    for _ in range(3):  # it, what it begins, and what listens
        await asyncio.sleep(0)
    print("ready", flush=True)
    await task
    await database.disconnect()

asyncio.run(main())
"""


async def a_worker_process(url: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
    return process


async def unfinished() -> int:
    return (await rows("SELECT COUNT(*) AS n FROM job WHERE state IN ('ready', 'running')"))[0]["n"]


async def until_both_are_at_work() -> None:
    """With enough to do until then, however long a process takes to begin."""
    async with asyncio.timeout(30):
        while (await rows("SELECT COUNT(DISTINCT lease_owner) AS n FROM job WHERE state = 'running'"))[0]["n"] < 2:
            if await unfinished() < 100:
                await more(100)
            await asyncio.sleep(0.02)


async def more(count: int) -> None:
    async with atomic():
        for _ in range(count):
            await later("effect", key=f"k{next(NUMBERS)}", at=datetime.now(UTC))


@pytest.mark.timeout(180)
async def test_killed_workers_lose_nothing_and_repeat_nothing(database):
    if dialect() != "postgres":
        pytest.skip("SQLite has one process, which holds the worker too")
    async with atomic():
        await rows("CREATE TABLE effect (key TEXT)")
    await more(200)
    workers = [await a_worker_process(database) for _ in range(2)]
    try:
        for _ in range(3):
            await until_both_are_at_work()  # otherwise this test kills nobody at work
            victim = workers.pop(0)
            victim.kill()
            await victim.wait()
            workers.append(await a_worker_process(database))
        async with asyncio.timeout(60):
            while await unfinished():  # noqa: ASYNC110 - other processes do the work
                await asyncio.sleep(0.1)
    finally:
        for process in workers:
            process.send_signal(signal.SIGTERM)
        ends = await asyncio.wait_for(asyncio.gather(*(process.wait() for process in workers)), 30)
    assert ends == [0, 0]
    effects = Counter(each["key"] for each in await rows("SELECT key FROM effect"))
    assert effects == Counter(each["key"] for each in await rows("SELECT key FROM job WHERE kind = 'effect'"))
    assert await rows("SELECT 1 AS x FROM job WHERE attempt_count > 1 LIMIT 1")  # some passed from the dead to others
