"""The worker: claims jobs, does them, says what became of them. Several at once are safe, embedded or on their own.

Many jobs travel together: one claim takes up to a hundred, and whatever finished while the last results were being
written is written next, in one transaction. An idle worker looks once a second; a nudge after commit wakes it sooner.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from prometheus_client import Counter, Histogram

from app.jobs import JobRegistry
from app.listening import until_signalled
from app.outages import Outages
from handlers import leases
from handlers.leases import Verdict, verdict
from handlers.outbox import JobContext, on_new_work
from handlers.ports import Clock
from handlers.recurring import start_due
from models.ids import new_id
from models.words import JobState

Handlers = TypeVar("Handlers")

BATCH = 100  # jobs per claim
AT_ONCE = 20  # jobs being done at the same time
POLL = 1.0  # seconds between looks when nothing nudges
HEARTBEAT = 10.0  # seconds; leases last 60
TENDING = 5.0  # seconds between looks for lapsed leases and due slots
GRACE = 3.0  # seconds that a stop waits for jobs under way

Chore = tuple[str, Callable[[], Awaitable[object]], float]
"""What a failure of it is called in the log, what is done, and how many seconds lie between."""

DONE = Counter("fanpiao_job_attempts_total", "Attempts at jobs by outcome", ["kind", "outcome"])
SECONDS = Histogram("fanpiao_job_seconds", "Time of an attempt", ["kind"])

log = logging.getLogger(__name__)


class Worker(Generic[Handlers]):
    """One worker of one process. `run()` until `stop()`; or `drain()` inline, for tests and commands."""

    def __init__(
        self,
        registry: JobRegistry[Handlers],
        handlers: Handlers,
        clock: Clock,
        *,
        at_once: int = AT_ONCE,
        batch: int = BATCH,
        grace: float = GRACE,
        heartbeat: float = HEARTBEAT,
        chores: Sequence[Chore] = (),
    ) -> None:
        self.owner = f"{socket.gethostname()[:20]}:{os.getpid()}:{str(new_id())[-12:]}"
        self._registry = registry
        self._handlers = handlers
        self._clock = clock
        self._at_once = at_once
        self._batch = batch
        self._grace = grace
        self._heartbeat = heartbeat
        self._more_chores = tuple(chores)
        self._held: dict[UUID, JobContext] = {}  # claimed and not yet closed
        self._line: deque[JobContext] = deque()  # claimed and not yet begun
        self._begun: dict[UUID, asyncio.Timeout] = {}
        self._finished: list[Verdict] = []
        self._arrived = asyncio.Semaphore(0)
        self._wake = asyncio.Event()
        self._results = asyncio.Event()
        self._idle = asyncio.Event()  # set whenever results were written
        self._stopping = False
        self._outages = Outages(log)

    async def run(self) -> None:
        """Work until `stop()` or cancellation; then wait at most 3 s for jobs under way and give leases back."""
        quiet = on_new_work(self._wake.set)
        doers = [_start(self._do_jobs()) for _ in range(self._at_once)]
        helpers = [_start(self._repeat(name, what, every)) for name, what, every in self._chores()]
        closer = _start(self._close_results())
        try:
            await self._claim_jobs()
        finally:
            quiet()
            self._stopping = True
            await self._wind_down(doers, helpers, closer)

    def stop(self) -> None:
        """Ask `run()` to end."""
        self._stopping = True
        self._wake.set()

    def wake(self) -> None:
        """There may be work: look now."""
        self._wake.set()

    async def drain(self) -> int:
        """Do what is due now, one by one in the caller's task, until nothing is; how many attempts were made."""
        await leases.recover(self._clock.now())
        attempts = 0
        while jobs := await leases.claim(self.owner, self._registry.kinds, self._clock, self._batch):
            for job in jobs:
                outcome = await self._attempt(job)
                await leases.close(self.owner, [outcome], self._clock.now())
                attempts += 1
        return attempts

    async def start_due_tasks(self) -> int:
        """Add the jobs of recurring tasks whose time has come; how many."""
        return sum([await start_due(task, self._clock.now()) for task in self._registry.recurring])

    def _chores(self) -> tuple[Chore, ...]:
        return (
            ("worker_heartbeat_failed", self._beat, self._heartbeat),
            ("worker_recovery_failed", lambda: leases.recover(self._clock.now()), TENDING),
            ("worker_schedule_failed", self.start_due_tasks, TENDING),
            *self._more_chores,
        )

    async def _repeat(self, failure: str, chore: Callable[[], Awaitable[object]], every: float) -> None:
        while True:
            try:
                await chore()
                self._outages.worked(failure)
            except Exception as error:
                self._outages.failed(failure, error)
            await asyncio.sleep(every)

    async def _claim_jobs(self) -> None:
        was_empty = False
        while not self._stopping:
            self._wake.clear()
            try:
                if len(self._line) < self._at_once and (not was_empty or await leases.is_due(self._clock.now())):
                    jobs = await leases.claim(self.owner, self._registry.kinds, self._clock, self._batch)
                    self._outages.worked("worker_claim_failed")
                    was_empty = not jobs
                    for job in jobs:
                        self._held[job.id] = job
                        self._line.append(job)
                        self._arrived.release()
                    if len(jobs) == self._batch:
                        continue
            except Exception as error:
                self._outages.failed("worker_claim_failed", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._wake.wait()

    async def _do_jobs(self) -> None:
        while True:
            await self._arrived.acquire()
            if self._stopping or not self._line:
                continue
            job = self._line.popleft()
            if len(self._line) == self._at_once - 1:
                self._wake.set()  # time to fetch more, before the line is empty
            self._finished.append(await self._attempt(job))
            self._results.set()

    async def _attempt(self, job: JobContext) -> Verdict:
        kind = self._registry[job.kind]
        loop = asyncio.get_running_loop()
        begun, error = loop.time(), None
        try:
            async with asyncio.timeout(kind.time_limit.total_seconds()) as limit:
                self._begun[job.id] = limit
                await kind.handler(self._handlers, job)
        except Exception as raised:
            error = raised
        finally:
            self._begun.pop(job.id, None)
        SECONDS.labels(job.kind).observe(loop.time() - begun)
        outcome = verdict(job, error, self._clock.now())
        self._report(outcome, error)
        return outcome

    def _report(self, outcome: Verdict, error: Exception | None) -> None:
        job = outcome.job
        DONE.labels(job.kind, "retry" if outcome.state is JobState.READY else outcome.state.value).inc()
        if error is None:
            return
        facts = {"job_id": str(job.id), "job_kind": job.kind, "attempt": job.attempt, "error": outcome.note}
        if outcome.state is JobState.DEAD:
            log.error("job_dead", exc_info=error, extra=facts)
        else:
            log.warning("job_retry" if outcome.state is JobState.READY else "job_refused", extra=facts)

    async def _close_results(self) -> None:
        while True:
            await self._results.wait()
            self._results.clear()
            try:
                await self._close_finished()
                self._outages.worked("worker_close_failed")
            except Exception as error:
                self._outages.failed(
                    "worker_close_failed", error
                )  # leases hold meanwhile, or run out and the fence decides
                await asyncio.sleep(POLL)
                self._results.set()

    async def _close_finished(self) -> None:
        outcomes = tuple(self._finished)
        if not outcomes:
            return
        closed = await leases.close(self.owner, outcomes, self._clock.now())
        del self._finished[: len(outcomes)]
        for outcome in outcomes:
            self._held.pop(outcome.job.id, None)
        self._idle.set()
        if any(outcome.job.order_key for outcome in outcomes if outcome.job.id in closed):
            self._wake.set()  # the next of its order may begin

    async def _beat(self) -> None:
        if not (jobs := tuple(self._held.values())):
            return
        kept = await leases.extend(self.owner, jobs, self._clock.now())
        for job in jobs:
            if job.id not in kept and (limit := self._begun.get(job.id)) is not None:
                limit.reschedule(asyncio.get_running_loop().time())  # somebody else has it now, or it is done

    async def _wind_down(
        self, doers: list[asyncio.Task[None]], helpers: list[asyncio.Task[None]], closer: asyncio.Task[None]
    ) -> None:
        not_begun = len(self._line)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                while self._begun or self._finished:
                    self._idle.clear()
                    await self._idle.wait()
        await _cancel(*doers, *helpers, closer)
        try:
            async with asyncio.timeout(1.0):
                await self._close_finished()
                if unfinished := tuple(self._held.values()):
                    given_back = await leases.give_back(self.owner, unfinished)
                    log.info("leases_given_back", extra={"jobs": given_back, "not_begun": not_begun})
        except Exception as error:
            self._outages.failed("leases_not_given_back", error)  # they run out within a minute


async def work_until_signalled(
    worker: Worker[Handlers], heard: asyncio.Event | None = None, *, latest_end: float | None = None
) -> None:
    """A worker as its own process: SIGTERM and SIGINT end it within five seconds, its leases given back."""
    signalled = asyncio.create_task(until_signalled(heard, latest_end=latest_end))
    signalled.add_done_callback(lambda _: worker.stop())
    try:
        await worker.run()
    finally:
        signalled.cancel()


def _start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.create_task(work, name="worker")


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
