"""Workers that are killed without a word: every job is done, and its effect happened once."""

import asyncio
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.outbox import later
from models.database import atomic, dialect, rows

ROOT = Path(__file__).parent.parent.parent

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
    print("ready", flush=True)
    await worker.work_until_signalled(worker.Worker(registry, None, Clock(), at_once=4, batch=20, heartbeat=0.3))
    await database.disconnect()

asyncio.run(main())
"""


async def a_worker_process(url: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 20) == b"ready\n"
    return process


async def unfinished() -> int:
    return (await rows("SELECT COUNT(*) AS n FROM job WHERE state IN ('ready', 'running')"))[0]["n"]


@pytest.mark.timeout(90)
async def test_killed_workers_lose_nothing_and_repeat_nothing(database):
    if dialect() != "postgres":
        pytest.skip("SQLite has one process, which holds the worker too")
    async with atomic():
        await rows("CREATE TABLE effect (key TEXT)")
        for n in range(400):
            await later("effect", key=f"k{n}", at=datetime.now(UTC))
    workers = [await a_worker_process(database) for _ in range(2)]
    try:
        for _ in range(3):
            await asyncio.sleep(0.3)
            assert await unfinished() > 0  # otherwise this test kills nobody at work
            victim = workers.pop(0)
            victim.kill()
            await victim.wait()
            workers.append(await a_worker_process(database))
        async with asyncio.timeout(40):
            while await unfinished():  # noqa: ASYNC110 - other processes do the work
                await asyncio.sleep(0.1)
    finally:
        for process in workers:
            process.send_signal(signal.SIGTERM)
        ends = await asyncio.wait_for(asyncio.gather(*(process.wait() for process in workers)), 10)
    assert ends == [0, 0]
    effects = Counter(each["key"] for each in await rows("SELECT key FROM effect"))
    assert effects == Counter(f"k{n}" for n in range(400))
    assert await rows("SELECT 1 AS x FROM job WHERE attempt_count > 1 LIMIT 1")  # some passed from the dead to others
