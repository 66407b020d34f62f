"""核销明细: what was redeemed, taken back, or paid as a second hand-over at the merchants of a subtree, in pages."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from handlers.actors import Operator
from handlers.merchant_terms import terms_of_merchant
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import refusing
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.rules.settlement_terms import Fees
from handlers.rules.validity import begins
from handlers.scopes import allowed
from handlers.settlement.statement_views import RedeemedRow, redeemed
from models.database import rows
from models.sql import as_uuid
from models.statements import settlement_lines as statements

PAGE = 1_000  # rows of one read, however long the report is
_BEGINNING, _END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_AFTER_ALL = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Business days, both included, and codes; None: no limit."""

    from_on: date | None = None
    to_on: date | None = None
    merchant: str | None = None
    store: str | None = None
    benefit: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A row that was shown last; the next page goes on behind it."""

    happened_at: datetime
    id: UUID


@refusing
class RedemptionReports:
    """Lists redemptions, reversals and second hand-overs that are paid, the newest first."""

    async def listing(
        self, operator: Operator, wanted: Wanted, *, after: Place | None, limit: int
    ) -> tuple[RedeemedRow, ...]:
        """One page. Raises RoleMissing."""
        scope = await allowed(operator, Capability.SETTLEMENT)
        return await _page(scope, wanted, after, limit)

    async def whole(self, operator: Operator, wanted: Wanted) -> AsyncIterator[Sequence[RedeemedRow]]:
        """Everything, a page at a time: no more than one is ever held. Raises RoleMissing, before the first."""
        return _pages(await allowed(operator, Capability.SETTLEMENT), wanted)


async def _pages(scope: Scope, wanted: Wanted) -> AsyncIterator[Sequence[RedeemedRow]]:
    after: Place | None = None
    while True:
        found = await _page(scope, wanted, after, PAGE)
        yield found
        if len(found) < PAGE:
            return
        after = Place(found[-1].happened_at, found[-1].id)


async def _page(scope: Scope, wanted: Wanted, after: Place | None, limit: int) -> tuple[RedeemedRow, ...]:
    since = begins(wanted.from_on, BUSINESS_ZONE) if wanted.from_on else _BEGINNING
    until = begins(wanted.to_on + timedelta(days=1), BUSINESS_ZONE) if wanted.to_on else _END
    place = after or Place(_END, _AFTER_ALL)
    codes = (wanted.merchant, wanted.store, wanted.benefit)
    where = (list(scope.organization_ids), since, until, *codes, place.happened_at, place.id)
    found = await rows(statements.REPORT, *where, limit)
    merchants = sorted({as_uuid(each["merchant_id"]) for each in found})
    fees = {each: Fees(await terms_of_merchant(each)) for each in merchants}
    return tuple(redeemed(each, fees[as_uuid(each["merchant_id"])]) for each in found)
