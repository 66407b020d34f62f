"""Reminders some days before something ends: one a day for each member, never at night.

The key of the outbox row is the member and the day, so the cap holds whatever happens twice. What is said is decided
when it is said: what was used meanwhile is not mentioned, and nothing is said where nothing is left.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.outbox import later
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.quiet_hours import speakable
from handlers.rules.validity import day_of
from models.database import atomic, rows
from models.sql import Both, as_uuid

DAY = timedelta(days=1)
BATCH = 500


class Reminding:
    """Plans one sort of reminder. `statement` finds members and their account by two windows, an id and a number."""

    def __init__(
        self, what: str, statement: str | Both, days: Collection[int], clock: Clock, zone: ZoneInfo = BUSINESS_ZONE
    ) -> None:
        self._what = what  # `expiring`: jobs are `say_expiring`, their keys `expiring:...`
        self._statement = statement
        self._days = sorted(days)
        self._clock = clock
        self._zone = zone

    async def plan(self, slot: datetime) -> int:
        """A job for every member with something that ends within one of these days after `slot`; how many."""
        windows = [edge for days in self._days for edge in (slot + (days - 1) * DAY, slot + days * DAY)]
        after: UUID | None = None
        planned = 0
        while True:
            async with atomic():
                found = await rows(self._statement, *windows, after, BATCH)
                for each in found:
                    await self._say_later(as_uuid(each["member_id"]), each["account"], self._clock.now())
            planned += len(found)
            if len(found) < BATCH:
                return planned
            after = as_uuid(found[-1]["member_id"])

    async def may_speak(self, member_id: UUID, account: str) -> bool:
        """Whether it is an hour for it; if not, a later job has it."""
        now = self._clock.now()
        if speakable(now, self._zone) <= now:
            return True
        async with atomic():
            await self._say_later(member_id, account, now)
        return False

    async def _say_later(self, member_id: UUID, account: str, now: datetime) -> None:
        at = speakable(now, self._zone)
        await later(
            f"say_{self._what}",
            key=f"{self._what}:{member_id}:{day_of(at, self._zone).isoformat()}",
            at=at,
            order_key=f"chat:{member_id}",
            account=account,
            member_id=str(member_id),
        )
