"""What promoters bring by business day: counted by a job, so that no counter is a row that every sale waits for.

A day is counted anew as often as one likes and comes out the same. Sales are ranked, and nothing else: WeChat and the
law know no ranking of how many somebody recruited.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.actors import Operator
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import again, refusing
from handlers.rules.roles import Capability
from handlers.rules.validity import begins, day_of
from handlers.scopes import allowed
from models.database import atomic, rows
from models.ids import new_id
from models.sql import as_uuid, dump_rows
from models.statements import distribution_days as statements

RANKED_DAYS = 30


@dataclass(frozen=True, slots=True)
class Ranked:
    """A promoter's sum over some days, by what was paid."""

    promoter_id: UUID
    number: str | None
    came_count: int
    order_count: int
    paid_fen: int
    commission_fen: int


@refusing
class PromoterDays:
    """Counts days, and ranks."""

    def __init__(self, clock: Clock, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._zone = zone

    async def count(self, slot: datetime) -> int:
        """The day before the one on which `slot` lies; of how many promoters."""
        day = day_of(slot, self._zone) - timedelta(days=1)
        since, until = begins(day, self._zone), begins(day + timedelta(days=1), self._zone)

        async def attempt() -> int:
            async with atomic():
                found = await rows(statements.OF_DAY, since, until)
                counted = [
                    {
                        "id": new_id(),
                        "promoter_id": as_uuid(each["promoter_id"]),
                        **{
                            name: int(each[name])
                            for name in ("came_count", "order_count", "paid_fen", "commission_fen")
                        },
                    }
                    for each in found
                ]
                if counted:
                    await rows(statements.KEEP_DAY, dump_rows(counted), self._clock.now(), day.isoformat())
                return len(counted)

        return await again(attempt)

    async def ranked(
        self,
        operator: Operator,
        *,
        since: date | None,
        until: date | None,
        after: tuple[int, UUID] | None = None,
        limit: int,
    ) -> list[Ranked]:
        """By what was paid on these days (half-open; None: the 30 days before today), of the operator's organizations.

        `after`: those behind one, by what was paid and its id. Raises RoleMissing.
        """
        until = until or day_of(self._clock.now(), self._zone)
        since = since or until - timedelta(days=RANKED_DAYS)
        scope = await allowed(operator, Capability.PROMOTERS)
        places, of_root = sorted(scope.organization_ids), int(scope.sees(None))
        paid_fen, last = after or (None, None)
        days = since.isoformat(), until.isoformat()
        found = await rows(statements.RANKED, places, of_root, *days, limit, paid_fen, last)
        return [
            Ranked(
                as_uuid(each["promoter_id"]),
                each["number"],
                int(each["came_count"]),
                int(each["order_count"]),
                int(each["paid_fen"]),
                int(each["commission_fen"]),
            )
            for each in found
        ]
