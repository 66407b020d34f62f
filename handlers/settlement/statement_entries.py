"""The entries of a part, or of one to be, a page at a time and in the order of their ids: never all at once.

Between two pages others get their turn.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.merchant_terms import terms_of_merchant
from handlers.rules.settlement import SettledEntry
from handlers.rules.settlement_terms import Fees
from handlers.settlement.statement_views import entry
from models.database import rows
from models.sql import as_uuid
from models.statements import settlement as statements

PAGE = 1_000
_NO_ID = UUID(int=0)
_Page = Callable[[UUID], Awaitable[list[dict[str, Any]]]]


async def open_entries(merchant_id: UUID, since: datetime, until: datetime, upto: UUID) -> AsyncIterator[SettledEntry]:
    """What no part of this merchant has, from before `until` and not from before `since`, up to that id."""
    fees = Fees(await terms_of_merchant(merchant_id))
    places = statements.OPEN_ENTRIES, statements.OPEN_SALES, statements.OPEN_SHARES, statements.OPEN_CONFLICTS
    pages = (_asking(place, merchant_id, since, until, then=(upto,)) for place in places)
    async for each in _merged(*(_paged(page) for page in pages)):
        yield entry(each, fees)


async def entries_of(part_id: UUID, merchant_id: UUID) -> AsyncIterator[SettledEntry]:
    """What this part of the merchant has."""
    fees = Fees(await terms_of_merchant(merchant_id))
    places = statements.ENTRIES_OF, statements.SALES_OF, statements.SHARES_OF, statements.CONFLICTS_OF
    async for each in _merged(*(_paged(_asking(place, part_id)) for place in places)):
        yield entry(each, fees)


def _asking(statement: Any, *where: object, then: tuple[object, ...] = ()) -> _Page:
    return lambda after: rows(statement, *where, after, *then, PAGE)


async def _paged(page: _Page) -> AsyncIterator[dict[str, Any]]:
    after = _NO_ID
    while True:
        found = await page(after)
        for each in found:
            yield each
        if len(found) < PAGE:
            return
        after = found[-1]["id"]


async def _merged(*places: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    """All of them in one order; of sales, shares and second hand-overs there are few beside redemptions."""
    waiting = [(each, found) for each in places if (found := await anext(each, None)) is not None]
    while waiting:
        least = min(range(len(waiting)), key=lambda place: as_uuid(waiting[place][1]["id"])) if len(waiting) > 1 else 0
        place, found = waiting.pop(least)
        yield found
        if (following := await anext(place, None)) is not None:
            waiting.append((place, following))
