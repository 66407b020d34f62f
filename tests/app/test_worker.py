"""Workers: every job done, none by two at once, nothing lost by a stop or a death."""

import asyncio
import os
import signal
from collections import Counter
from datetime import timedelta

import pytest

from app import worker as worker_module
from app.jobs import JobRegistry, add_housekeeping
from app.worker import Worker, work_until_signalled
from handlers import leases
from handlers.errors import Overloaded
from handlers.outbox import JobContext, job_figures, later
from handlers.ports import WeChatGaveUp, WeChatUserRefused
from handlers.recurring import CatchUp, Every
from models.database import atomic, rows


class Log:
    """What was done, and how many at once."""

    def __init__(self):
        self.done: list[str] = []
        self.under_way: set[str] = set()
        self.most = 0
        self.gate = asyncio.Event()
        self.errors: dict[str, list[Exception]] = {}

    async def note(self, job: JobContext) -> None:
        assert job.key not in self.under_way
        self.under_way.add(job.key)
        self.most = max(self.most, len(self.under_way))
        try:
            await asyncio.sleep(0)
            if self.errors.get(job.key):
                raise self.errors[job.key].pop(0)
            self.done.append(job.key)
        finally:
            self.under_way.discard(job.key)

    async def wait(self, job: JobContext) -> None:
        self.under_way.add(job.key)
        await self.gate.wait()
        self.done.append(job.key)


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def registry():
    made: JobRegistry[Log] = JobRegistry()
    made.add("note", Log.note)
    made.add("wait", Log.wait)
    return made


@pytest.fixture
def a_worker(registry, log, clock):
    return lambda **options: Worker(registry, log, clock, **options)


@pytest.fixture
def running(a_worker):
    """Start workers that end with the test."""
    started: list[tuple[Worker[Log], asyncio.Task[None]]] = []

    def start(**options):
        worker = a_worker(**options)
        task = asyncio.create_task(worker.run())
        started.append((worker, task))
        return worker, task

    return start


async def add(*keys, clock, kind="note", at=None, order_key=None):
    async with atomic():
        for key in keys:
            await later(kind, key=key, at=at or clock.now(), order_key=order_key)


async def until(is_so, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - it waits for what the code under test does
            await asyncio.sleep(0.01)


async def states() -> Counter[str]:
    return Counter(each["state"] for each in await rows("SELECT state FROM job"))


async def stop(worker, task):
    worker.stop()
    await asyncio.wait_for(task, 20)


async def test_a_drained_outbox_has_done_what_is_due_and_nothing_else(database, a_worker, log, clock):
    await add("now", clock=clock)
    await add("tomorrow", clock=clock, at=clock.now() + timedelta(days=1))
    assert await a_worker().drain() == 1
    clock.advance(timedelta(days=1))
    assert await a_worker().drain() == 1
    assert log.done == ["now", "tomorrow"]


async def test_work_that_a_job_adds_is_drained_too(database, registry, log, clock):
    async def parent(_: Log, job: JobContext) -> None:
        async with atomic():
            await later("note", key=f"child of {job.key}", at=clock.now())
            await job.finish()

    registry.add("parent", parent)
    await add("a", clock=clock, kind="parent")
    assert await Worker(registry, log, clock).drain() == 2
    assert log.done == ["child of a"]
    assert await states() == {"done": 2}


async def test_a_failure_that_may_pass_is_tried_again_when_its_time_has_come(database, a_worker, log, clock):
    log.errors["k"] = [Overloaded(retry_after=30), TimeoutError()]
    await add("k", clock=clock)
    assert await a_worker().drain() == 1
    clock.advance(timedelta(seconds=29))
    assert await a_worker().drain() == 0
    for _ in range(2):
        clock.advance(timedelta(minutes=2))
        assert await a_worker().drain() == 1
    assert log.done == ["k"]


@pytest.mark.leaves_dead_jobs
async def test_a_no_ends_a_job_well_and_what_nobody_can_mend_is_dead_at_once(database, a_worker, log, clock):
    log.errors = {"refused": [WeChatUserRefused(43101)], "wrong": [WeChatGaveUp(40013)]}
    await add("refused", "wrong", clock=clock)
    await a_worker().drain()
    found = {each["key"]: (each["state"], each["last_error"]) for each in await rows("SELECT * FROM job")}
    assert found["refused"] == ("done", "WeChatUserRefused  errcode 43101")
    assert found["wrong"] == ("dead", "WeChatGaveUp  errcode 40013")


async def test_a_job_that_takes_too_long_is_cut_off_and_tried_again(database, registry, log, clock):
    registry.add("slow", Log.wait, time_limit=timedelta(seconds=0.05))
    await add("k", clock=clock, kind="slow")
    await Worker(registry, log, clock).drain()
    (job,) = await rows("SELECT state, attempt_count, last_error FROM job")
    assert (job["state"], job["attempt_count"]) == ("ready", 1)
    assert job["last_error"].startswith("TimeoutError")


async def test_three_workers_do_every_job_exactly_once(database, running, log, clock):
    await add(*(f"k{n}" for n in range(600)), clock=clock)
    workers = [running() for _ in range(3)]
    await until(lambda: len(log.done) >= 600, 20)
    await asyncio.gather(*(stop(*each) for each in workers))
    assert Counter(log.done) == Counter(f"k{n}" for n in range(600))
    assert await states() == {"done": 600}
    assert log.most <= 60


async def test_order_keys_keep_their_order_among_several_workers(database, running, log, clock):
    async with atomic():
        for n in range(15):
            for name in "abc":
                await later("note", key=f"{name}{n:02}", at=clock.now(), order_key=name)
    workers = [running() for _ in range(2)]
    await until(lambda: len(log.done) >= 45, 20)
    await asyncio.gather(*(stop(*each) for each in workers))
    for name in "abc":
        assert [key for key in log.done if key.startswith(name)] == [f"{name}{n:02}" for n in range(15)]


async def test_a_commit_wakes_an_idle_worker_at_once(database, running, log, clock, monkeypatch):
    monkeypatch.setattr(worker_module, "POLL", 3600.0)  # it does not look by itself
    worker, task = running()
    await asyncio.sleep(0.3)
    await add("k", clock=clock)
    await until(lambda: log.done == ["k"])
    await stop(worker, task)


async def test_without_a_nudge_work_is_found_within_a_second_or_so(database, running, log, clock):
    worker, task = running()
    await add("later", clock=clock, at=clock.now() + timedelta(minutes=1))
    await asyncio.sleep(0.2)
    clock.advance(timedelta(minutes=1))
    await until(lambda: log.done == ["later"])
    await stop(worker, task)


async def test_a_stop_waits_for_short_jobs_and_gives_long_ones_back(database, a_worker, running, log, clock):
    await add("long", clock=clock, kind="wait")
    worker, task = running(grace=0.2, at_once=4)
    await until(lambda: log.under_way == {"long"})
    await add(*(f"k{n}" for n in range(20)), clock=clock)
    await until(lambda: len(log.done) == 20)
    await stop(worker, task)  # the long one would go on for ever
    (job,) = await rows("SELECT state, attempt_count, lease_owner FROM job WHERE key = 'long'")
    assert job == {"state": "ready", "attempt_count": 0, "lease_owner": None}
    log.gate.set()
    assert await a_worker().drain() == 1
    assert log.done[-1] == "long"


async def test_jobs_that_were_fetched_but_not_begun_are_given_back(database, running, log, clock):
    await add(*(f"w{n}" for n in range(30)), clock=clock, kind="wait")
    worker, task = running(at_once=2, grace=0.1)
    await until(lambda: len(log.under_way) == 2)
    await stop(worker, task)
    figures = await job_figures(clock.now())
    assert (figures.ready, figures.running) == (30, 0)


async def test_the_work_of_a_dead_worker_passes_to_another(database, a_worker, log, clock):
    await add("k", clock=clock)
    dead = a_worker()
    await leases.claim(dead.owner, ("note",), clock, 10)
    assert await a_worker().drain() == 0
    clock.advance(leases.LEASE)
    assert await a_worker().drain() == 1
    assert log.done == ["k"]


async def test_heartbeats_keep_long_jobs_and_a_lost_lease_cuts_the_attempt_off(database, running, log, clock):
    await add("k", clock=clock, kind="wait")
    worker, task = running(heartbeat=0.05)
    await until(lambda: log.under_way == {"k"})
    for _ in range(4):
        clock.advance(timedelta(seconds=40))
        async with asyncio.timeout(20):
            # What another connection wrote tells nobody here.
            while not await rows("SELECT id FROM job WHERE lease_until > $1", clock.now() + timedelta(seconds=50)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    (job,) = await rows("SELECT state, fence FROM job")
    assert job == {"state": "running", "fence": 1}
    async with atomic():  # somebody took it away
        await rows("UPDATE job SET lease_owner = 'other', fence = 2 WHERE key = 'k' RETURNING id")
    await until(lambda: not worker._held)
    (job,) = await rows("SELECT state, lease_owner FROM job")
    assert job == {"state": "running", "lease_owner": "other"}
    await stop(worker, task)
    assert log.done == []


async def test_a_database_that_fails_for_a_while_stops_no_worker(database, running, log, clock, monkeypatch):
    real, failures = leases.close, 0

    async def failing(*arguments):
        nonlocal failures
        failures += 1
        if failures <= 1:
            raise Overloaded
        return await real(*arguments)

    monkeypatch.setattr(leases, "close", failing)
    worker, task = running()
    await add("k", clock=clock)
    await until(lambda: failures >= 2)
    await stop(worker, task)
    assert (await states(), log.done) == ({"done": 1}, ["k"])


async def test_recurring_tasks_run_once_per_slot(database, registry, log, clock):
    registry.every("sweep", Every(timedelta(hours=1)), Log.note, catch_up=CatchUp.LATEST)
    workers = [Worker(registry, log, clock) for _ in range(3)]
    for _ in range(3):
        for worker in workers:
            await worker.start_due_tasks()
            await worker.drain()
        clock.advance(timedelta(hours=1))
    assert len(log.done) == 3


async def test_housekeeping_forgets_old_jobs(database, log, clock):
    registry: JobRegistry[Log] = JobRegistry()
    registry.add("note", Log.note)
    add_housekeeping(registry)
    worker = Worker(registry, log, clock)
    await add("old", clock=clock)
    await worker.drain()
    clock.advance(timedelta(days=8))
    assert await worker.start_due_tasks() == 4
    await worker.drain()
    assert "old" not in {each["key"] for each in await rows("SELECT key FROM job")}


async def test_a_signal_ends_a_worker_process(database, a_worker):
    working = asyncio.create_task(work_until_signalled(a_worker()))
    await until(lambda: signal.getsignal(signal.SIGTERM) not in {signal.SIG_DFL, signal.SIG_IGN})
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(working, 20)


def test_a_kind_has_one_handler(registry):
    with pytest.raises(ValueError, match="two handlers"):
        registry.add("note", Log.note)
