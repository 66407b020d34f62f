"""The embedded database as a file: one writing process, reads that never wait, and a process that always ends."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models import database as db
from models.database import atomic, rows
from models.failures import DatabaseInUse, DatabaseUnavailable
from models.outbox import Job

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ROOT = Path(__file__).parent.parent.parent

HOLD = """
import asyncio, sys
from models import database
async def main():
    await database.connect(sys.argv[1])
    await database.rows("SELECT COUNT(*) AS n FROM job")
    print("connected", flush=True)
    {then}
asyncio.run(main())
"""
WAIT = "await asyncio.sleep(60)"
FINISH_WITHOUT_CLOSING = "pass"
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT COUNT(*) AS n FROM c"
STUCK_IN_A_STATEMENT = f"""
    import signal
    stuck = asyncio.create_task(database.rows({ENDLESS!r}))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    stuck.cancel()
"""


@pytest.fixture
def sqlite_url(database_url: str) -> str:
    if not database_url.startswith("sqlite"):
        pytest.skip("about the SQLite file")
    return database_url


@contextmanager
def another_process(url: str, then: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD.format(then=then), url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "connected\n"
            yield process
        finally:
            process.kill()


async def test_a_second_process_is_refused_with_the_pid_of_the_first(sqlite_url):
    with another_process(sqlite_url, WAIT) as first:
        with pytest.raises(DatabaseInUse) as refusal:
            await db.connect(sqlite_url)
        assert refusal.value.pid == first.pid


async def test_the_doctor_may_look_while_another_process_works(sqlite_url):
    with another_process(sqlite_url, WAIT):
        await db.connect(sqlite_url, read_only=True)
        assert await rows("SELECT COUNT(*) AS n FROM job") == [{"n": 0}]
        await db.disconnect()


async def test_a_killed_process_leaves_no_lock_behind(sqlite_url):
    with another_process(sqlite_url, WAIT) as first:
        first.kill()
        first.wait(20)
        await db.connect(sqlite_url)
        await db.disconnect()


@pytest.mark.parametrize("then", [WAIT, STUCK_IN_A_STATEMENT])
def test_a_process_that_did_not_disconnect_ends_within_five_seconds_of_sigterm(sqlite_url, then):
    with another_process(sqlite_url, then) as process:
        process.send_signal(signal.SIGTERM)
        process.wait(10)  # five seconds, and what a busy machine adds


def test_a_process_that_forgot_to_disconnect_ends_by_itself(sqlite_url):
    with another_process(sqlite_url, FINISH_WITHOUT_CLOSING) as process:
        assert process.wait(20) == 0


async def test_reads_do_not_wait_for_a_long_transaction(database, sqlite_url):
    async def read() -> float:
        started = time.monotonic()
        assert await Job.all().count() == 0
        assert await rows("SELECT COUNT(*) AS n FROM job") == [{"n": 0}]
        return time.monotonic() - started

    async with atomic():
        await Job.create(kind="test", key="a", run_at=NOON)
        waits = [await asyncio.create_task(read(), context=Context()) for _ in range(20)]
        await asyncio.sleep(0.2)
        assert await Job.all().count() == 1  # its own reads see its own writes
    assert min(waits) < 0.2  # none waits: the transaction is open all the time


async def test_a_write_outside_waits_until_the_transaction_is_over(database, sqlite_url):
    async def change() -> int:
        return await Job.filter(key="a").update(kind="later")

    async with atomic():
        await Job.create(kind="test", key="a", run_at=NOON)
        write = asyncio.create_task(change(), context=Context())
        await asyncio.sleep(0.1)
        assert not write.done()
    assert await write == 1


async def test_a_reading_connection_cannot_write(database, sqlite_url):
    (reader, *_) = db._state[0].client.readers
    with pytest.raises(sqlite3.OperationalError):
        await reader.run(lambda connection: connection.execute("DELETE FROM job"))


async def test_every_connection_is_set_up_for_safety(database, sqlite_url):
    async with atomic():
        settings = {}
        for name in ("journal_mode", "synchronous", "foreign_keys"):
            settings.update((await rows(f"PRAGMA {name}"))[0])
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_disconnecting_takes_no_longer_than_three_seconds_whatever_goes_on(sqlite_url):
    await db.connect(sqlite_url)
    stuck = [asyncio.create_task(rows(ENDLESS)) for _ in range(6)]
    await asyncio.sleep(0.1)
    started = time.monotonic()
    await db.disconnect()
    assert time.monotonic() - started < 6  # three seconds, and what a busy machine adds
    outcomes = await asyncio.wait_for(asyncio.gather(*stuck, return_exceptions=True), 20)
    assert all(isinstance(outcome, Exception) for outcome in outcomes)
    await db.connect(sqlite_url)
    await db.disconnect()


async def test_a_file_that_is_no_database_is_unavailable(tmp_path):
    (tmp_path / "note.db").write_text("dear diary, " * 1000)
    with pytest.raises(DatabaseUnavailable):
        await db.connect(f"sqlite://{tmp_path}/note.db")
    (tmp_path / "note.db").unlink()
    await db.connect(f"sqlite://{tmp_path}/note.db")  # the failed try left no lock
    await db.disconnect()


async def test_looking_at_a_file_that_is_not_there_makes_none(tmp_path):
    with pytest.raises(DatabaseUnavailable):
        await db.connect(f"sqlite://{tmp_path}/none.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


async def test_the_folder_of_a_new_database_is_made(tmp_path):
    await db.connect(f"sqlite://{tmp_path}/var/fanpiao.db")
    await db.disconnect()
    assert (tmp_path / "var" / "fanpiao.db").exists()
    assert (tmp_path / "var" / "fanpiao.db.lock").read_text() == str(os.getpid())
