"""What a number was charged in months that are over is nobody's any more: its mark goes, the sum stays."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import again, refusing
from handlers.rules.carrier_billing import month_of
from models.database import atomic, rows
from models.statements import carrier as statements


@refusing
class BillingMonths:
    """Forgets the numbers of months before the last one."""

    def __init__(self, clock: Clock, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._zone = zone

    async def forget(self) -> int:
        """How many there were."""
        today = self._clock.now().astimezone(self._zone)
        kept = month_of(today.replace(day=1) - timedelta(days=1), self._zone)

        async def attempt() -> int:
            async with atomic():
                return len(await rows(statements.FORGET_MONTHS, kept))

        return await again(attempt)
