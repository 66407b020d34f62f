"""Reminders a week and a day before points end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.points.points import Points
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.reminding import Reminding
from handlers.rules.points import REMIND_DAYS
from models.statements import points as statements

SOON = timedelta(days=max(REMIND_DAYS))


@dataclass(frozen=True, slots=True)
class PointsEnding:
    """What a member loses within a week: how many points, and when the first of them end."""

    points: int
    ends_at: datetime


class PointsReminders:
    """Plans the day's reminders, and says what is in each."""

    def __init__(self, clock: Clock, points: Points, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._points = points
        self._reminding = Reminding("points_expiring", statements.REMINDED, REMIND_DAYS, clock, zone)

    async def plan(self, slot: datetime) -> int:
        """A job for every member with something that ends within the seventh or the first day after `slot`."""
        return await self._reminding.plan(slot)

    async def due(self, *, account: str, member_id: str) -> PointsEnding | None:
        """What to say now; None: nothing, or not at this hour, in which case a later job has it."""
        if not await self._reminding.may_speak(UUID(member_id), account):
            return None
        seen, until = await self._points.of_member(UUID(member_id)), self._clock.now() + SOON
        ends = [each for each in seen.expiring if each.expires_at <= until]
        return PointsEnding(sum(each.points for each in ends), ends[0].expires_at) if ends else None
