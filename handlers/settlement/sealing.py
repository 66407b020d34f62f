"""分段: through the day, what is open of a merchant is sealed in parts, so that closing has little left to add up.

No instant has to be waited for: an entry is sealed by itself, and one that is committed later gets into a later part.
What is sealed can still be taken back until a statement has its part; that is an entry of its own.
"""

from datetime import date, datetime
from functools import partial
from uuid import UUID

from handlers.outbox import later
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import again, refusing
from handlers.rules.validity import day_of
from handlers.settlement import statement_parts
from handlers.settlement.statement_days import DAY, Days, days_around, last_closed
from models.database import atomic, rows
from models.sql import as_uuid
from models.statements import settlement as statements
from models.statements.settlement_parts import FULL_MERCHANTS

BATCH = 500
_NO_ID = UUID(int=0)


@refusing
class Sealing:
    """The jobs that seal. Repeating them seals nothing twice."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def plan(self, slot: datetime) -> int:
        """A job for every merchant of whom a whole part is open; how many there are."""
        after, planned = _NO_ID, 0
        while True:
            async with atomic():
                found, now = await rows(FULL_MERCHANTS, after, statement_parts.PART, BATCH), self._clock.now()
                for merchant_id in [as_uuid(each["id"]) for each in found]:
                    key, told = f"seal_parts:{merchant_id}:{slot.isoformat()}", {"merchant_id": str(merchant_id)}
                    # One after the other with the closing of its days.
                    await later("seal_parts", key=key, at=now, order_key=f"close_days:{merchant_id}", **told)
            planned += len(found)
            if len(found) < BATCH:
                return planned
            after = as_uuid(found[-1]["id"])

    async def of_merchant(self, merchant_id: UUID) -> int:
        """Seal all whole parts of the statements that yesterday and today are in, a transaction each; how many."""
        sealed, today = 0, day_of(self._clock.now(), BUSINESS_ZONE)
        for day in (today - DAY, today):
            while await again(partial(self._next, merchant_id, day)):
                sealed += 1
        return sealed

    async def _next(self, merchant_id: UUID, day: date) -> bool:
        async with atomic():
            await rows(statements.LOCK_MERCHANT, merchant_id)
            days = await _days(merchant_id, day)
            if days.last_on < days.first_on:
                return False  # closed: what is open of it is late, and for the next statement
            return await statement_parts.seal_whole(merchant_id, days, since=days.begins_at)


async def _days(merchant_id: UUID, day: date) -> Days:
    """What of the statement that a day is in is not closed, and in no statement that the day before is in."""
    closed_on, _ = await last_closed(merchant_id)
    days, before = await days_around(merchant_id, day), await days_around(merchant_id, day - DAY)
    return days.behind(closed_on) if before.last_on >= day else days.behind(closed_on).behind(day - DAY)
