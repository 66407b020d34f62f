"""Draws whose rolls do not look like their published odds: looked at by a recurring job, told once for as many spins.

Told means: an entry in the record of who did what (where operators of the draw's organization read it), an error in the
log, and a counter for alerts. Fair rolls alarm once in a thousand looks, so it says that somebody should look, no more.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from prometheus_client import Counter

from handlers.audit import record
from handlers.draws.draws import Draws
from handlers.outbox import JobContext, later
from handlers.ports import Clock
from models.database import atomic, rows
from models.sql import as_uuid
from models.statements import draw_simulations as statements

SPUN_WITHIN = timedelta(days=2)

log = logging.getLogger(__name__)

ALARMS = Counter(
    "fanpiao_draw_odds_alarm_total", "Looks at draws whose rolls are not like the published odds", ["draw"]
)


@dataclass(frozen=True, slots=True)
class _Watch:
    """Who notes that odds look odd: nobody but this."""

    kind: str = "job"
    actor_id: str = "watch_odds"


class OddsWatch:
    """Compares rolls with odds."""

    def __init__(self, clock: Clock, draws: Draws) -> None:
        self._clock = clock
        self._draws = draws

    async def watch(self) -> int:
        """Look at every draw that was spun lately; how many are alarming, told before or not."""
        now, alarming = self._clock.now(), 0
        for each in await rows(statements.SPUN, now - SPUN_WITHIN):
            draw_id = as_uuid(each["id"])
            burn = await self._draws.burnt(draw_id)
            if not burn.is_alarming:
                continue
            alarming += 1
            async with atomic():
                await later(
                    "note_odds_alarm",
                    key=f"odds_alarm:{draw_id}:{burn.spins}",
                    at=now,
                    draw_id=draw_id,
                    draw=each["code"],
                    organization_id=as_uuid(each["organization_id"]),
                    spins=burn.spins,
                    p=f"{burn.fit.p:.2g}",
                )
        return alarming

    async def note(self, job: JobContext) -> None:
        """Tell of one draw, once."""
        said = job.payload
        told = {"code": said["draw"], "spins": said["spins"], "p": said["p"]}
        async with atomic():
            place, now = UUID(said["organization_id"]), self._clock.now()
            await record(_Watch(), "draw.odds_alarm", "draw", said["draw_id"], at=now, organization_id=place, **told)
            await job.finish()
        ALARMS.labels(said["draw"]).inc()
        log.error("draw_odds_alarm", extra=told)
