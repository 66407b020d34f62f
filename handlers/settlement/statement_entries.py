"""The entries of a statement, or of one to be, a page at a time and in the order of their ids: never all at once.

There may be a hundred thousand of a day. Between two pages others get their turn.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.rules.settlement import SettledEntry
from handlers.settlement.statement_views import entry
from models.database import rows
from models.statements import settlement as statements

PAGE = 1_000
_NO_ID = UUID(int=0)
_Page = Callable[[UUID], Awaitable[list[dict[str, Any]]]]


async def open_entries(merchant_id: UUID, ends_at: datetime) -> AsyncIterator[SettledEntry]:
    """What no statement of this merchant has, from before `ends_at`, locked as it is read."""
    paid = await rows(statements.OPEN_CONFLICTS, merchant_id, ends_at)
    async for each in _merged(lambda after: rows(statements.OPEN_ENTRIES, merchant_id, ends_at, after, PAGE), paid):
        yield each


async def entries_of(statement_id: UUID) -> AsyncIterator[SettledEntry]:
    """What this statement took."""
    paid = await rows(statements.CONFLICTS_OF, statement_id)
    async for each in _merged(lambda after: rows(statements.ENTRIES_OF, statement_id, after, PAGE), paid):
        yield each


async def _merged(page: _Page, paid: Sequence[dict[str, Any]]) -> AsyncIterator[SettledEntry]:
    """Both kinds in one order; of second hand-overs that are paid there are few."""
    waiting = [entry(each) for each in reversed(paid)]
    after = _NO_ID
    while True:
        found = await page(after)
        for each in map(entry, found):
            while waiting and waiting[-1].id < each.id:
                yield waiting.pop()
            yield each
            after = each.id
        if len(found) < PAGE:
            break
    while waiting:
        yield waiting.pop()
