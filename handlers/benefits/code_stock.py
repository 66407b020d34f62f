"""Pools that run low: looked at by a recurring job, told once per level and filling.

Told means: an entry in the record of who did what (where operators of the pool's organization read it), a warning in
the log, and a counter for alerts. Claims themselves count nothing: a pool's free codes are in a narrow index.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from prometheus_client import Counter

from handlers.audit import record
from handlers.outbox import JobContext, later
from handlers.ports import Clock
from models.database import atomic, rows
from models.sql import as_instant, as_uuid
from models.statements import code_pools as statements

LEVELS = (0, 5, 20)  # per cent of all codes that ever came in
AT_ONCE = 100
NO_ID = UUID(int=0)

log = logging.getLogger(__name__)

LOW = Counter("fanpiao_code_pool_low_total", "Pools of codes that fell to a level (per cent)", ["pool", "level"])


@dataclass(frozen=True, slots=True)
class _Watch:
    """Who notes that a pool runs low: nobody but this."""

    kind: str = "job"
    actor_id: str = "watch_code_pools"


class CodeStock:
    """Watches the pools."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def watch(self) -> int:
        """Look at every pool that codes can still be had from; how many are low, told before or not."""
        low, last = 0, NO_ID
        while found := await rows(statements.ALL_POOLS, last, AT_ONCE):
            for pool in found:
                low += await self._look(pool)
            last = as_uuid(found[-1]["id"])
        return low

    async def _look(self, pool: dict[str, object]) -> bool:
        now, added, free = self._clock.now(), int(str(pool["added_count"])), int(str(pool["free_count"]))
        ended = pool["expires_at"] is not None and as_instant(pool["expires_at"]) <= now
        level = next((level for level in LEVELS if free * 100 <= added * level), None)
        if level is None or not added or ended:
            return False
        pool_id = as_uuid(pool["id"])
        async with atomic():
            # The number of codes that ever came in names the filling: a pool that was filled up is told of again.
            await later(
                "note_low_code_pool",
                key=f"low_code_pool:{pool_id}:{added}:{level}",
                at=now,
                pool_id=pool_id,
                pool=pool["code"],
                organization_id=pool["organization_id"],
                level=level,
                free=free,
                added=added,
            )
        return True

    async def note(self, job: JobContext) -> None:
        """Tell of one pool, once."""
        said = job.payload
        told = {"code": said["pool"], "level": said["level"], "free": said["free"], "added": said["added"]}
        action = "code_pool.low" if said["free"] else "code_pool.empty"
        async with atomic():
            place = UUID(said["organization_id"])
            await record(
                _Watch(), action, "code_pool", said["pool_id"], at=self._clock.now(), organization_id=place, **told
            )
            await job.finish()
        LOW.labels(said["pool"], str(said["level"])).inc()
        log.warning("code_pool_low", extra=told)
