"""结算单 for those who may read them: operators of the subtree, and managers of the merchant itself."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from handlers.actors import Clerk, Operator
from handlers.errors import StatementsForManagers, StatementUnknown
from handlers.merchant_terms import terms_of_merchant
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.rules.settlement_terms import Fees
from handlers.scopes import allowed
from handlers.settlement.statement_parts import parts_of
from handlers.settlement.statement_views import RedeemedRow, StatementHead, StatementView, head, redeemed, whole
from models.database import row, rows
from models.sql import as_uuid
from models.statements import settlement as statements
from models.statements.settlement_lines import LINES
from models.words import ClerkRole

PAGE = 1_000  # entries of one read, however long the statement is
_AFTER_ALL, _NO_ID = UUID(int=2**128 - 1), UUID(int=0)


@refusing
class Statements:
    """Lists and shows statements; they never change."""

    async def listing(
        self,
        operator: Operator,
        *,
        merchant: str | None = None,
        from_on: date | None = None,
        to_on: date | None = None,
        before: UUID | None,
        limit: int,
    ) -> tuple[StatementHead, ...]:
        """Those of the subtree, the last closed first; of a merchant (its code), of days (both included).

        Raises RoleMissing.
        """
        scope = await allowed(operator, Capability.SETTLEMENT)
        days = [day.isoformat() if day else None for day in (from_on, to_on)]
        where = (list(scope.organization_ids), merchant, *days)
        found = await rows(statements.STATEMENTS, *where, before or _AFTER_ALL, limit)
        return tuple(head(each) for each in found)

    async def view(self, operator: Operator, statement_id: UUID) -> StatementView:
        """One, with its sums by benefit and day. Raises RoleMissing, StatementUnknown."""
        return await whole(await self._seen(operator, statement_id))

    async def lines(
        self, operator: Operator, statement_id: UUID
    ) -> tuple[StatementHead, AsyncIterator[Sequence[RedeemedRow]]]:
        """One, and every entry of it by its parts, in the order they were written, a page at a time.

        Raises RoleMissing, StatementUnknown.
        """
        found = await self._seen(operator, statement_id)
        return head(found), _lines(statement_id, as_uuid(found["merchant_id"]))

    async def own_listing(self, clerk: Clerk, *, before: UUID | None, limit: int) -> tuple[StatementHead, ...]:
        """Those of the manager's own merchant, the last closed first. Raises StatementsForManagers."""
        _require_manager(clerk)
        found = await rows(statements.STATEMENTS_OF, clerk.merchant_id, before or _AFTER_ALL, limit)
        return tuple(head(each) for each in found)

    async def own_view(self, clerk: Clerk, statement_id: UUID) -> StatementView:
        """One of the manager's own merchant. Raises StatementsForManagers, StatementUnknown."""
        _require_manager(clerk)
        found = await row(statements.STATEMENT, statement_id)
        if found is None or as_uuid(found["merchant_id"]) != clerk.merchant_id:
            raise StatementUnknown
        return await whole(found)

    async def _seen(self, operator: Operator, statement_id: UUID) -> Mapping[str, Any]:
        scope = await allowed(operator, Capability.SETTLEMENT)
        found = await row(statements.STATEMENT, statement_id)
        if found is None or not scope.sees(as_uuid(found["organization_id"])):
            raise StatementUnknown
        return found


def _require_manager(clerk: Clerk) -> None:
    if clerk.role is not ClerkRole.MANAGER:
        raise StatementsForManagers


async def _lines(statement_id: UUID, merchant_id: UUID) -> AsyncIterator[Sequence[RedeemedRow]]:
    fees = Fees(await terms_of_merchant(merchant_id))
    async for part_id, _ in parts_of(statement_id):
        after, count = _NO_ID, PAGE
        while count == PAGE:
            found = [redeemed(each, fees) for each in await rows(LINES, part_id, after, PAGE)]
            yield found
            after, count = (found[-1].id if found else after), len(found)
