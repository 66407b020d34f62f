"""Which kind of job is done by whom, and what recurs. Filled at composition; the worker only reads it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Generic, TypeVar

from handlers.breaches import watch_rules
from handlers.outbox import JobContext, prune_jobs
from handlers.privacy.retention import purge_expired
from handlers.recurring import CatchUp, Daily, Every, Recurring, Schedule
from handlers.requests import purge_requests

Handlers = TypeVar("Handlers")

JobHandler = Callable[[Handlers, JobContext], Awaitable[None]]

TIME_LIMIT = timedelta(minutes=5)
NIGHT, WATCHES_FOR = time(4, 30), timedelta(hours=1)  # when nobody shops; a night that was missed is left out


@dataclass(frozen=True, slots=True)
class JobKind(Generic[Handlers]):
    """How one kind of job is done, and how long an attempt may take."""

    handler: JobHandler[Handlers]
    time_limit: timedelta


class JobRegistry(Generic[Handlers]):
    """Kinds of jobs and recurring tasks. A job is done at least once: its handler must bear being repeated."""

    def __init__(self) -> None:
        self._kinds: dict[str, JobKind[Handlers]] = {}
        self._recurring: dict[str, Recurring] = {}

    def add(self, kind: str, handler: JobHandler[Handlers], *, time_limit: timedelta = TIME_LIMIT) -> None:
        """Jobs of this kind are done by `handler`. Raises ValueError for a kind that is taken."""
        if kind in self._kinds:
            raise ValueError(f"two handlers for jobs of kind {kind}")
        self._kinds[kind] = JobKind(handler, time_limit)

    def every(
        self,
        name: str,
        schedule: Schedule,
        handler: JobHandler[Handlers],
        *,
        catch_up: CatchUp = CatchUp.LATEST,
        time_limit: timedelta = TIME_LIMIT,
    ) -> None:
        """A recurring task, which is a kind of job of the same name. Raises ValueError for a name that is taken."""
        self.add(name, handler, time_limit=time_limit)
        self._recurring[name] = Recurring(name, name, schedule, catch_up)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that this process can do."""
        return tuple(self._kinds)

    @property
    def recurring(self) -> tuple[Recurring, ...]:
        """The tasks whose slots this process watches."""
        return tuple(self._recurring.values())

    def __getitem__(self, kind: str) -> JobKind[Handlers]:
        return self._kinds[kind]


def add_housekeeping(registry: JobRegistry[Handlers]) -> None:
    """What every installation needs: old request rows and jobs that were done long ago go away."""
    registry.every("purge_requests", Every(timedelta(hours=1)), _purge_requests)
    registry.every("prune_jobs", Every(timedelta(hours=1)), _prune_jobs)
    registry.every("purge_expired", Every(timedelta(hours=1)), _purge_expired)
    registry.every("watch_rules", Daily(NIGHT), _watch_rules, time_limit=timedelta(hours=1))


async def _purge_requests(_: object, job: JobContext) -> None:
    await purge_requests(job.now())


async def _purge_expired(_: object, job: JobContext) -> None:
    await purge_expired(job.now())


async def _prune_jobs(_: object, job: JobContext) -> None:
    await prune_jobs(job.now())


async def _watch_rules(_handlers: object, job: JobContext) -> None:
    # It reads whole tables: whoever starts in the middle of the day is not made to wait for it.
    if job.now() < datetime.fromisoformat(job.payload["slot"]) + WATCHES_FOR:
        await watch_rules()
