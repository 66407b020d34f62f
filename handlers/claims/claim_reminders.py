"""Reminders three days and one day before a claim expires."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.reminding import Reminding
from models.database import rows
from models.sql import as_instant
from models.statements import claims as statements

DAYS_BEFORE = (1, 3)
SOON = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Expiring:
    """What a member loses soon: names, soonest first, and when the first of them ends."""

    names: Sequence[str]
    ends_at: datetime


class ClaimReminders:
    """Plans the day's reminders, and says what is in each."""

    def __init__(self, clock: Clock, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._reminding = Reminding("expiring", statements.REMINDED, DAYS_BEFORE, clock, zone)

    async def plan(self, slot: datetime) -> int:
        """A job for every member with something that ends within the third or the first day after `slot`."""
        return await self._reminding.plan(slot)

    async def due(self, *, account: str, member_id: str) -> Expiring | None:
        """What to say now; None: nothing, or not at this hour, in which case a later job has it."""
        if not await self._reminding.may_speak(UUID(member_id), account):
            return None
        now = self._clock.now()
        found = await rows(statements.EXPIRING, UUID(member_id), now, now + SOON)
        if not found:
            return None
        return Expiring([each["name"] for each in found], as_instant(found[0]["expires_at"]))
