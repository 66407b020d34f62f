"""Work to do after commit: a row written in the transaction of the act that wants it, done at least once.

A job's key is named after the act's row (`redeemed:{redemption.id}`) and stands for one act: adding it again adds
nothing. Jobs of one `order_key` run one at a time, in the order in which they were added by one process.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from handlers.codec import dumps
from handlers.errors import DeadJobUnknown
from models.database import after_commit, atomic, put, require_atomic, rows
from models.ids import new_id
from models.sql import as_instant, as_uuid, dump_rows, instant_text
from models.statements import jobs as statements

DONE_KEPT = timedelta(days=7)
SLOTS_KEPT = timedelta(days=35)


class LeaseLost(Exception):
    """Another worker has the job now; raised inside the job's transaction, so that its effect is rolled back."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """One job in a worker's hands. `payload` is JSON as `later` was given it: ids and instants are text."""

    id: UUID
    kind: str
    key: str
    payload: Mapping[str, Any]
    attempt: int  # 1 for the first
    fence: int
    owner: str
    order_key: str | None = None
    now: Callable[[], datetime] = field(kw_only=True, repr=False, compare=False)

    @property
    def held(self) -> dict[str, Any]:
        """How statements recognise the lease."""
        return {"id": str(self.id), "fence": self.fence, "note": ""}

    async def finish(self) -> None:
        """Inside the handler's own `atomic()`: effect and done commit together, so the effect happens exactly once.

        Raises LeaseLost.
        """
        require_atomic()
        held = orjson.dumps([self.held]).decode()
        if not await rows(statements.FINISH, held, self.owner, self.now()):
            raise LeaseLost(self.key)


Nudge = Callable[[], None]
_nudges: list[Nudge] = []


def on_new_work(nudge: Nudge) -> Callable[[], None]:
    """Call `nudge` (quick, never raising) after each commit that added work; gives back how to stop that.

    A lost nudge costs a second: workers also look by themselves.
    """
    _nudges.append(nudge)
    return lambda: _nudges.remove(nudge)


def _nudge_all() -> None:
    for nudge in tuple(_nudges):
        nudge()


async def later(kind: str, *, key: str, at: datetime, order_key: str | None = None, **payload: object) -> None:
    """Add a job of this kind to the open transaction, to run at `at` (aware) or soon after.

    `key` at most 191, `order_key` at most 96 characters. Raises TypeError for a payload that JSON cannot hold.
    """
    await later_many([Later(kind, key, at, payload, order_key)])


@dataclass(frozen=True, slots=True)
class Later:
    """One job of several that are added together; what each field means stands at `later`."""

    kind: str
    key: str
    at: datetime
    payload: Mapping[str, object]
    order_key: str | None = None


async def later_many(wanted: Sequence[Later]) -> None:
    """Add jobs to the open transaction by one statement, in the order given. Raises what `later` raises."""
    require_atomic()
    if not wanted:
        return
    jobs = [
        {
            "id": new_id(),
            "kind": each.kind,
            "key": each.key,
            "payload": f"{{{','.join(f'{dumps(name)}:{dumps(value)}' for name, value in each.payload.items())}}}",
            "run_at": instant_text(each.at),
            "order_key": each.order_key,
        }
        for each in wanted
    ]
    await put(statements.LATER, dump_rows(jobs))
    after_commit(_nudge_all)


# --- what operators and monitoring see


@dataclass(frozen=True, slots=True)
class JobFigures:
    """How the outbox stands: numbers of jobs, and seconds that the longest-due ready one has waited."""

    ready: int
    running: int
    dead: int
    oldest_ready_seconds: float


async def job_figures(now: datetime) -> JobFigures:
    """The figures behind `/metrics` and `doctor`."""
    found = {each["state"]: each for each in await rows(statements.FIGURES)}
    counts = {state: int(found[state]["number"]) if state in found else 0 for state in ("ready", "running", "dead")}
    waited = (now - as_instant(found["ready"]["oldest"])).total_seconds() if "ready" in found else 0.0
    return JobFigures(**counts, oldest_ready_seconds=max(waited, 0.0))


@dataclass(frozen=True, slots=True)
class DeadJob:
    """A job that was given up; `last_error` is a class and a code, never personal data."""

    id: UUID
    kind: str
    key: str
    payload: Mapping[str, Any]
    attempt_count: int
    last_error: str
    died_at: datetime


async def dead_jobs(*, after: UUID | None = None, limit: int = 50) -> tuple[DeadJob, ...]:
    """Dead letters in the order they were added; `after` is the last id of the page before."""
    return tuple(
        DeadJob(
            id=as_uuid(each["id"]),
            kind=each["kind"],
            key=each["key"],
            payload=each["payload"],
            attempt_count=each["attempt_count"],
            last_error=each["last_error"],
            died_at=as_instant(each["finished_at"]),
        )
        for each in await rows(statements.DEAD, after, min(limit, 100))
    )


async def requeue(job_id: UUID, now: datetime) -> None:
    """Let a dead job run again from its first attempt. Raises DeadJobUnknown."""
    async with atomic():
        if not await rows(statements.REQUEUE, job_id, now):
            raise DeadJobUnknown
        after_commit(_nudge_all)


async def discard(job_id: UUID, now: datetime, *, reason: str) -> None:
    """Close a dead job without its effect; the row stays for a week, its key keeps the act from coming back.

    Raises DeadJobUnknown.
    """
    async with atomic():
        if not await rows(statements.DISCARD, job_id, now, f"discarded: {reason}"[:500]):
            raise DeadJobUnknown


async def prune_jobs(now: datetime, *, batch: int = 1_000) -> int:
    """Forget jobs that were done more than 7 days ago, a batch per transaction; how many there were."""
    pruned = 0
    while True:
        async with atomic():
            gone = len(await rows(statements.PRUNE, now - DONE_KEPT, batch))
        pruned += gone
        if gone < batch:
            break
    async with atomic():
        await rows(statements.PRUNE_SLOTS, now - SLOTS_KEPT)
    return pruned
