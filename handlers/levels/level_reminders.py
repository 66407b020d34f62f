"""A word thirty days and a week before a level is judged, to whoever would not keep it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.levels.my_level import LevelViews
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.reminding import Reminding
from models.statements import levels as statements

WARN_DAYS = (7, 30)


@dataclass(frozen=True, slots=True)
class LevelEnding:
    """What is missing to keep the level, and when it is judged."""

    level: str
    missing: int
    judged_at: datetime


class LevelReminders:
    """Plans the day's warnings, and says what is in each."""

    def __init__(self, clock: Clock, views: LevelViews, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._views = views
        self._reminding = Reminding("level_ending", statements.WARNED, WARN_DAYS, clock, zone)

    async def plan(self, slot: datetime) -> int:
        """A job for every member who is judged within the thirtieth or the seventh day after `slot`."""
        return await self._reminding.plan(slot)

    async def due(self, *, account: str, member_id: str) -> LevelEnding | None:
        """What to say now; None: nothing, or not at this hour, in which case a later job has it."""
        if not await self._reminding.may_speak(UUID(member_id), account):
            return None
        seen = await self._views.of_member(UUID(member_id))
        if seen.keep is None or not seen.keep.missing:
            return None
        return LevelEnding(seen.name, seen.keep.missing, seen.keep.judged_at)
