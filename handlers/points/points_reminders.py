"""Reminders a week and a day before points end: one a day for each member, never at night.

The key of the outbox row is the member and the day, so the cap holds whatever happens twice. What is said is decided
when it is said: what was spent meanwhile is not mentioned, and nothing is said where nothing ends.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.outbox import later
from handlers.points.points import Points
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.points import REMIND_DAYS
from handlers.rules.quiet_hours import speakable
from handlers.rules.validity import day_of
from models.database import atomic, rows
from models.sql import as_uuid
from models.statements import points as statements

DAY = timedelta(days=1)
SOON = max(REMIND_DAYS) * DAY
BATCH = 500


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
        self._zone = zone

    async def plan(self, slot: datetime) -> int:
        """A job for every member with something that ends within the seventh or the first day after `slot`."""
        windows = [edge for days in REMIND_DAYS for edge in (slot + (days - 1) * DAY, slot + days * DAY)]
        after: UUID | None = None
        planned = 0
        while True:
            async with atomic():
                found = await rows(statements.REMINDED, *windows, after, BATCH)
                for each in found:
                    await self._say_later(as_uuid(each["member_id"]), each["account"], self._clock.now())
            planned += len(found)
            if len(found) < BATCH:
                return planned
            after = as_uuid(found[-1]["member_id"])

    async def due(self, *, account: str, member_id: str) -> PointsEnding | None:
        """What to say now; None: nothing, or not at this hour, in which case a later job has it."""
        now = self._clock.now()
        if speakable(now, self._zone) > now:
            async with atomic():
                await self._say_later(UUID(member_id), account, now)
            return None
        seen = await self._points.of_member(UUID(member_id))
        ends = [each for each in seen.expiring if each.expires_at <= now + SOON]
        return PointsEnding(sum(each.points for each in ends), ends[0].expires_at) if ends else None

    async def _say_later(self, member_id: UUID, account: str, now: datetime) -> None:
        at = speakable(now, self._zone)
        day = day_of(at, self._zone).isoformat()
        await later(
            "say_points_expiring",
            key=f"points_expiring:{member_id}:{day}",
            at=at,
            order_key=f"chat:{member_id}",
            account=account,
            member_id=str(member_id),
        )
