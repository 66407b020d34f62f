"""Reminders three days and one day before a claim expires: one a day for each member, never at night.

The key of the outbox row is the member and the day, so the cap holds whatever happens twice. What is said is decided
when it is said: what was used meanwhile is not mentioned, and nothing is said where nothing is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.outbox import later
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.quiet_hours import speakable
from handlers.rules.validity import day_of
from models.database import atomic, rows
from models.sql import as_instant, as_uuid
from models.statements import claims as statements

DAY = timedelta(days=1)
DAYS_BEFORE = (1, 3)
SOON = timedelta(days=3)
BATCH = 500


@dataclass(frozen=True, slots=True)
class Expiring:
    """What a member loses soon: names, soonest first, and when the first of them ends."""

    names: Sequence[str]
    ends_at: datetime


class ClaimReminders:
    """Plans the day's reminders, and says what is in each."""

    def __init__(self, clock: Clock, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._zone = zone

    async def plan(self, slot: datetime) -> int:
        """A job for every member with something that ends within the third or the first day after `slot`."""
        windows = [edge for days in DAYS_BEFORE for edge in (slot + (days - 1) * DAY, slot + days * DAY)]
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

    async def due(self, *, account: str, member_id: str) -> Expiring | None:
        """What to say now; None: nothing, or not at this hour, in which case a later job has it."""
        now = self._clock.now()
        if speakable(now, self._zone) > now:
            async with atomic():
                await self._say_later(UUID(member_id), account, now)
            return None
        found = await rows(statements.EXPIRING, UUID(member_id), now, now + SOON)
        if not found:
            return None
        return Expiring([each["name"] for each in found], as_instant(found[0]["expires_at"]))

    async def _say_later(self, member_id: UUID, account: str, now: datetime) -> None:
        at = speakable(now, self._zone)
        day = day_of(at, self._zone).isoformat()
        await later(
            "say_expiring",
            key=f"expiring:{member_id}:{day}",
            at=at,
            order_key=f"chat:{member_id}",
            account=account,
            member_id=str(member_id),
        )
