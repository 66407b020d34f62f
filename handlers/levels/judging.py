"""The clock's work on levels: periods and overrides that are over, and members whom a new ladder raises."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from handlers.levels.ladders import ladder_now
from handlers.levels.levels import settle
from handlers.outbox import JobContext, later
from handlers.ports import Clock
from handlers.retrying import again
from models.database import atomic, rows
from models.sql import as_uuid
from models.statements import levels as statements
from models.words import LevelCause

CHUNK = 200  # members per transaction
JOB = "raise_levels"


async def raise_later(number: int, *, at: datetime, after: UUID | None = None) -> None:
    """The job that raises those behind `after` whom a version of the ladder raises, inside the open transaction."""
    key = f"raise_levels:{number}:{after or 0}"
    await later(JOB, key=key, at=at, number=number, after=str(after) if after else None)


class LevelJudging:
    """Called by the worker; two at once share the work, because a step is taken once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def sweep(self) -> int:
        """Judge whoever is due, a chunk per transaction; how many were. Each is looked at once in a round."""
        judged, after = 0, None
        while True:
            found = await rows(statements.DUE, self._clock.now(), after, CHUNK)
            if not found:
                return judged
            ids = [as_uuid(each["member_id"]) for each in found]
            await again(partial(self._settle, ids))
            judged, after = judged + len(ids), ids[-1]

    async def _settle(self, ids: Sequence[UUID]) -> None:
        async with atomic():
            await settle(ids, at=self._clock.now())

    async def raise_some(self, job: JobContext) -> None:
        """One chunk of those who have growth, and the job of the next. Raises LeaseLost."""
        after = UUID(job.payload["after"]) if job.payload["after"] else None

        async def chunk() -> None:
            async with atomic():
                now, held = self._clock.now(), await ladder_now()
                ids = [
                    as_uuid(each["member_id"]) for each in await rows(statements.GROWN, held.programme_id, after, CHUNK)
                ]
                await settle(ids, at=now, cause=LevelCause.LADDER, cause_id=str(held.number))
                # A later version has a job of its own.
                if len(ids) == CHUNK and held.number == int(job.payload["number"]):
                    await raise_later(held.number, at=now, after=ids[-1])
                await job.finish()

        await again(chunk)
