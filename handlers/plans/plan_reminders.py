"""A word a week and a day before a paid membership ends; nothing is renewed by itself."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.errors import NotSignedIn
from handlers.plans.catalogue import stands
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.reminding import DAY, Reminding
from models.statements import plans as statements

WARN_DAYS = (1, 7)


@dataclass(frozen=True, slots=True)
class MembershipEnding:
    """Which level ends, and when."""

    level: str
    ends_at: datetime


class PlanReminders:
    """Plans the day's reminders, and says what is in each."""

    def __init__(self, clock: Clock, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._reminding = Reminding("membership_ending", statements.ENDING, WARN_DAYS, clock, zone)

    async def plan(self, slot: datetime) -> int:
        """A job for every member whose membership ends within the seventh or the first day after `slot`."""
        return await self._reminding.plan(slot)

    async def due(self, *, account: str, member_id: str) -> MembershipEnding | None:
        """What to say now; None: nothing (they renewed, or gave it back), or not at this hour: a later job has it."""
        if not await self._reminding.may_speak(UUID(member_id), account):
            return None
        try:
            theirs = await stands(UUID(member_id), self._clock.now())
        except NotSignedIn:
            return None
        if theirs.running is None or theirs.running.ends_at > self._clock.now() + max(WARN_DAYS) * DAY:
            return None
        level = theirs.held.ladder.level(theirs.running.level)
        return MembershipEnding(level.name if level else "", theirs.running.ends_at)
