"""The worker's side of the outbox: take jobs on a lease, say what became of them, take over from the dead.

State graph: ready -> running -> done | dead | ready again. A lease lasts 60 s and is renewed by heartbeats; each one
has its fence, and whoever comes back with an old fence finds nothing. All instants come from the caller's clock.
"""

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from tortoise.exceptions import IntegrityError

from handlers.errors import DomainError, ErrorKind
from handlers.outbox import JobContext
from handlers.ports import Clock, WeChatError, WeChatGaveUp, WeChatRetryLater, WeChatUserRefused
from handlers.retrying import chance
from models.database import atomic, row, rows
from models.sql import as_instant, instant_text
from models.statements import jobs as statements
from models.words import JobState

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 20
LONGEST_PAUSE = timedelta(minutes=20)
_MAY_PASS = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.TOO_MANY})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a job after an attempt: done, dead, or ready again at `at`; `note` is kept as its last error."""

    job: JobContext
    state: JobState
    note: str = ""
    at: datetime | None = None


def verdict(job: JobContext, error: BaseException | None, now: datetime) -> Verdict:
    """By class of error: a person's no is a normal end, what nobody can mend is dead at once, the rest is tried again.

    Waits 1 s x 2^n with full jitter, at most 20 minutes, and never less than a known `retry_after`; 20 attempts.
    """
    if error is None:
        return Verdict(job, JobState.DONE)
    note = describe(error)
    if isinstance(error, WeChatUserRefused):
        return Verdict(job, JobState.DONE, note)
    is_hopeless = isinstance(error, WeChatGaveUp) or (isinstance(error, DomainError) and error.kind not in _MAY_PASS)
    if is_hopeless or job.attempt >= MAX_ATTEMPTS:
        return Verdict(job, JobState.DEAD, note)
    ceiling = min(timedelta(seconds=2.0 ** min(job.attempt, 20)), LONGEST_PAUSE)
    pause = max(chance.random() * ceiling, timedelta(seconds=_retry_after(error)))
    return Verdict(job, JobState.READY, note, now + pause)


def _retry_after(error: BaseException) -> float:
    if isinstance(error, WeChatRetryLater | DomainError):
        return error.retry_after or 0.0
    return 0.0


def describe(error: BaseException) -> str:
    """Class, code and place of an error, at most 500 characters; never its message, which may quote a person."""
    name = type(error).__name__
    if isinstance(error, DomainError):
        return f"{name} {error.code}"[:500]
    if isinstance(error, WeChatError):
        return f"{name} {error.endpoint} errcode {error.errcode}"[:500]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{name}{place}"[:500]


async def is_due(now: datetime) -> bool:
    """Whether a ready job's time has come; a cheap read, so that an idle worker takes no write lock."""
    found = await row(statements.NEXT_DUE)
    return found is not None and as_instant(found["run_at"]) <= now


async def claim(owner: str, kinds: Sequence[str], clock: Clock, limit: int) -> list[JobContext]:
    """Lease up to `limit` due jobs of these kinds, the longest-due first; never one that another worker holds.

    Kinds that this worker does not know stay for one that does (during a deployment there may be both).
    """
    now = clock.now()
    try:
        async with atomic():
            found = await rows(statements.CLAIM, owner, now + LEASE, now, orjson.dumps(list(kinds)).decode(), limit)
    except IntegrityError:  # somebody began a job of the same order key at this very moment: look again later
        return []
    jobs = [
        JobContext(
            id=UUID(each["id"]),
            kind=each["kind"],
            key=each["key"],
            payload=orjson.loads(each["payload"]),
            attempt=each["attempt_count"],
            fence=each["fence"],
            owner=owner,
            order_key=each["order_key"],
            now=clock.now,
        )
        for each in found
    ]
    return sorted(jobs, key=lambda job: job.id)


async def close(owner: str, verdicts: Iterable[Verdict], now: datetime) -> set[UUID]:
    """Write what became of jobs, in one transaction; gives those whose lease held; the others are untouched."""
    by_state: dict[JobState, list[Verdict]] = {}
    for one in verdicts:
        by_state.setdefault(one.state, []).append(one)
    closed: list[dict[str, Any]] = []
    async with atomic():
        for state, group in by_state.items():
            held = _as_json(group)
            if state is JobState.READY:
                closed += await rows(statements.RETRY, held, owner)
            else:
                statement = statements.FINISH if state is JobState.DONE else statements.BURY
                closed += await rows(statement, held, owner, now)
    return {UUID(each["id"]) for each in closed}


async def extend(owner: str, jobs: Iterable[JobContext], now: datetime) -> set[UUID]:
    """The heartbeat: lease these jobs for another 60 s; gives those that are still this worker's."""
    async with atomic():
        held = await rows(statements.EXTEND, _as_json(_held(jobs)), owner, now + LEASE)
    return {UUID(each["id"]) for each in held}


async def give_back(owner: str, jobs: Iterable[JobContext]) -> int:
    """Leases of jobs that were not done, returned at once and not counted as attempts; how many there were."""
    async with atomic():
        return len(await rows(statements.GIVE_BACK, _as_json(_held(jobs)), owner))


async def recover(now: datetime) -> int:
    """Put jobs whose lease ran out back in the line, those after their last attempt with the dead; how many."""
    if await row(statements.ANY_LAPSED, now) is None:
        return 0
    async with atomic():
        return len(await rows(statements.RECOVER_LAPSED, now, MAX_ATTEMPTS, now))


def _held(jobs: Iterable[JobContext]) -> list[Verdict]:
    return [Verdict(job, JobState.RUNNING) for job in jobs]


def _as_json(verdicts: Iterable[Verdict]) -> str:
    return orjson.dumps(
        [
            {**one.job.held, "note": one.note, "at": instant_text(one.at) if one.at else None}
            for one in sorted(verdicts, key=lambda one: one.job.id)
        ]
    ).decode()
