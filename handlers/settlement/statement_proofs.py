"""Invariant I17: computed anew from its entries, every statement gives the hash and the sums that are stored."""

from datetime import date
from uuid import UUID

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.settlement import Folding
from handlers.settlement.statement_closing import sums_of
from handlers.settlement.statement_entries import entries_of
from handlers.settlement.statement_views import head, number_of
from models.database import row, rows
from models.sql import as_uuid
from models.statements import settlement as statements

BATCH = 500


async def differing_statements() -> list[str]:
    """The numbers of statements that do not follow from their entries. Reads those of one at a time, in pages."""
    wrong: list[str] = []
    after = UUID(int=0)
    while True:
        ids = [as_uuid(each["id"]) for each in await rows(statements.EVERY_STATEMENT, after, BATCH)]
        wrong += [number for each in ids if (number := await _differing(each))]
        if len(ids) < BATCH:
            return wrong
        after = ids[-1]


async def _differing(statement_id: UUID) -> str:
    found = await row(statements.STATEMENT, statement_id)
    if found is None:
        return str(statement_id)
    merchant_id, day = as_uuid(found["merchant_id"]), date.fromisoformat(found["business_on"])
    shown = head(found)
    folding = Folding(merchant_id, day, BUSINESS_ZONE, from_on=shown.from_on)
    async for each in entries_of(statement_id, merchant_id):
        folding.add(each)
    again = folding.made()
    is_same = (
        again.hash == shown.hash
        and again.totals == shown.totals
        and again.late_count == shown.late_count
        and sums_of(again) == found["sums"]
    )
    return "" if is_same else number_of(day, found["code"])
