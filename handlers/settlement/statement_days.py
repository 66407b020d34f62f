"""Which days a statement covers, and which of a merchant's are closed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from handlers.merchant_terms import terms_of_merchant
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.settlement_terms import period_days
from handlers.rules.validity import begins
from models.database import row
from models.sql import as_instant
from models.statements import settlement as statements

DAY = timedelta(days=1)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Days:
    """The first and the last day of a statement."""

    first_on: date
    last_on: date

    @property
    def from_on(self) -> date | None:
        """The first, where it covers several."""
        return self.first_on if self.first_on < self.last_on else None

    @property
    def begins_at(self) -> datetime:
        """The first instant of them."""
        return begins(self.first_on, BUSINESS_ZONE)

    @property
    def ends_at(self) -> datetime:
        """The first instant after them."""
        return begins(self.last_on + DAY, BUSINESS_ZONE)

    def behind(self, day: date | None) -> "Days":
        """Those of them that come after a day."""
        return self if day is None else Days(max(self.first_on, day + DAY), self.last_on)


async def days_around(merchant_id: UUID, day: date) -> Days:
    """Those of the statement that a day is in, by the terms at its beginning, whatever is closed of them."""
    return Days(*period_days(await terms_of_merchant(merchant_id), day, begins(day, BUSINESS_ZONE)))


async def last_closed(merchant_id: UUID) -> tuple[date | None, datetime]:
    """The last day that is closed, and its end."""
    found = await row(statements.LAST_CLOSED, merchant_id)
    if found is None:
        return None, BEGINNING
    return date.fromisoformat(found["business_on"]), as_instant(found["ends_at"])
