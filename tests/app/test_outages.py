"""A database that is away is one line of a worker's log, without a traceback; what is our own fault keeps its place."""

import asyncio
import logging
from datetime import timedelta

import pytest

from app import worker
from app.jobs import JobRegistry
from app.outages import Outages
from app.worker import Worker
from handlers.errors import Overloaded
from handlers.recurring import Every
from models.failures import CommitUnknown, DatabaseUnavailable, LockTimeout, SerializationConflict, StatementTimeout

EXPECTED = [
    DatabaseUnavailable("refused"),
    CommitUnknown("connection was closed"),
    LockTimeout("lock"),
    SerializationConflict("deadlock"),
    StatementTimeout("slow"),
    Overloaded(),
    TimeoutError(),
]


@pytest.fixture
def seconds():
    return [0.0]


@pytest.fixture
def outages(seconds):
    return Outages(logging.getLogger("app.worker"), seconds=lambda: seconds[0])


def told(caplog):
    return [(record.levelname, record.message, bool(record.exc_info)) for record in caplog.records]


@pytest.mark.parametrize("error", EXPECTED, ids=lambda error: type(error).__name__)
def test_an_outage_is_one_line_with_type_and_text(outages, caplog, error):
    outages.failed("worker_claim_failed", error)
    assert told(caplog) == [("WARNING", "worker_claim_failed", False)]
    assert (caplog.records[0].reason, caplog.records[0].detail) == (type(error).__name__, str(error))


def test_while_it_lasts_it_is_told_once_a_minute_and_anew_when_it_comes_back(outages, caplog, seconds):
    for _ in range(61):
        outages.failed("worker_claim_failed", DatabaseUnavailable("refused"))
        seconds[0] += 1
    assert len(caplog.records) == 2
    outages.worked("worker_claim_failed")
    outages.failed("worker_claim_failed", DatabaseUnavailable("refused"))
    outages.failed("worker_close_failed", DatabaseUnavailable("refused"))
    assert len(caplog.records) == 4


def test_what_is_our_fault_is_told_each_time_with_its_place(outages, caplog):
    for _ in range(2):
        outages.failed("worker_claim_failed", KeyError("x"))
    assert told(caplog) == [("ERROR", "worker_claim_failed", True)] * 2


async def test_a_commit_that_is_cut_off_in_a_chore_leaves_no_traceback_and_the_chore_goes_on(
    database, clock, monkeypatch, caplog
):
    calls, went_on = 0, asyncio.Event()

    async def cut_off_once(task, now):
        nonlocal calls
        calls += 1
        if calls == 1:
            raise CommitUnknown("connection was closed in the middle of operation")
        went_on.set()
        return 0

    registry: JobRegistry[None] = JobRegistry()
    registry.every("tidy", Every(timedelta(hours=1)), lambda _, job: asyncio.sleep(0))
    monkeypatch.setattr(worker, "start_due", cut_off_once)
    monkeypatch.setattr(worker, "TENDING", 0.01)
    one = Worker(registry, None, clock)
    task = asyncio.create_task(one.run())
    async with asyncio.timeout(20):
        await went_on.wait()
    one.stop()
    await task
    assert told(caplog) == [("WARNING", "worker_schedule_failed", False)]
