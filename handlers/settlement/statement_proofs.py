"""Invariant I17: computed anew from its entries, every part, and of them every statement, says what is stored."""

from datetime import date
from uuid import UUID

from handlers.rules.settlement import DayStatement
from handlers.rules.settlement_parts import Joining, told
from handlers.settlement import statement_parts
from handlers.settlement.statement_views import head, number_of
from models.database import row, rows
from models.sql import as_uuid
from models.statements import settlement as statements

BATCH = 500


async def differing_statements() -> list[str]:
    """The numbers of statements, and the ids of open parts, that do not follow from their entries.

    Reads those of one part at a time, in pages.
    """
    wrong = [str(part_id) async for part_id, each in statement_parts.every_open_part() if await _differs(part_id, each)]
    after = UUID(int=0)
    while True:
        ids = [as_uuid(each["id"]) for each in await rows(statements.EVERY_STATEMENT, after, BATCH)]
        wrong += [number for each in ids if (number := await _differing(each))]
        if len(ids) < BATCH:
            return wrong
        after = ids[-1]


async def _differs(part_id: UUID, sealed: DayStatement) -> bool:
    return await statement_parts.again(part_id, sealed) != sealed


async def _differing(statement_id: UUID) -> str:
    found = await row(statements.STATEMENT, statement_id)
    if found is None:
        return str(statement_id)
    merchant_id, day, shown = as_uuid(found["merchant_id"]), date.fromisoformat(found["business_on"]), head(found)
    joining, is_same = Joining(merchant_id, day, from_on=shown.from_on), True
    async for part_id, sealed in statement_parts.parts_of(statement_id):
        is_same &= not await _differs(part_id, sealed)
        joining.add(sealed)
    again = joining.made()
    is_same &= (
        again.hash == shown.hash
        and again.totals == shown.totals
        and again.late_count == shown.late_count
        and told(again.sums) == found["sums"]
    )
    return "" if is_same else number_of(day, found["code"])
