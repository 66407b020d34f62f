"""结算分段: what is open is sealed in parts, each added up for itself, and read again as such.

An entry gets into a part by a guarded update that happens once, in the transaction that writes the part; it is counted,
and whatever came in between makes the transaction begin anew.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from handlers.recurring import BUSINESS_ZONE
from handlers.rules.settlement import DayStatement, Folding
from handlers.rules.settlement_parts import read, told, totals_of
from handlers.settlement.statement_days import Days
from handlers.settlement.statement_entries import entries_of, open_entries
from models.database import require_atomic, row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.settlement import SettlementPart
from models.sql import as_uuid
from models.statements import settlement_parts as statements

PART = 5_000  # entries; on SQLite nobody else writes while so many are added up
PAGE = 50  # parts of one read
_NO_ID, _AFTER_ALL = UUID(int=0), UUID(int=2**128 - 1)


async def seal_whole(merchant_id: UUID, days: Days, *, since: datetime) -> bool:
    """Seal one part of what happened from `since` to the end of the days, if so much is open; whether it was.

    The caller holds the merchant's row. Raises NotInTransaction, SerializationConflict.
    """
    require_atomic()
    ends = await row(statements.END_OF_PART, merchant_id, since, days.ends_at, PART, PART - 1)
    if ends is None:
        return False
    await _seal(merchant_id, days, since, as_uuid(ends["id"]))
    return True


async def seal_rest(merchant_id: UUID, days: Days, *, since: datetime) -> None:
    """Seal all of it; where there is nothing at all, and no part of the days, an empty part. Raises as `seal_whole`."""
    while await seal_whole(merchant_id, days, since=since):
        pass
    await _seal(merchant_id, days, since, _AFTER_ALL)


async def _seal(merchant_id: UUID, days: Days, since: datetime, upto: UUID) -> None:
    folding = Folding(merchant_id, days.last_on, BUSINESS_ZONE, from_on=days.from_on)
    async for each in open_entries(merchant_id, since, days.ends_at, upto):
        folding.add(each)
    made = folding.made()
    if not made.totals.count and await _has_open_part(merchant_id, days):
        return
    part_id = new_id()
    await SettlementPart.create(
        id=part_id,
        merchant_id=merchant_id,
        business_on=days.last_on.isoformat(),
        from_on=days.from_on.isoformat() if days.from_on else None,
        begins_at=days.begins_at,
        entry_count=made.totals.count,
        sums=told(made.sums),
        hash=made.hash,
    )
    await _assign(part_id, merchant_id, since, days.ends_at, upto, made.totals.count)


async def _assign(part_id: UUID, merchant_id: UUID, since: datetime, ends_at: datetime, upto: UUID, count: int) -> None:
    """Raises SerializationConflict: one that was not read came in between."""
    for seal in statements.SEAL:
        await rows(seal, part_id, merchant_id, since, ends_at, upto)
    found = await row(statements.SEALED, part_id)
    if found is None or found["number"] != count:
        raise SerializationConflict("entries came or were sealed meanwhile")


async def _has_open_part(merchant_id: UUID, days: Days) -> bool:
    return bool(await rows(statements.OPEN_PARTS, merchant_id, days.last_on.isoformat(), _NO_ID, 1))


async def open_parts(merchant_id: UUID, days: Days) -> AsyncIterator[DayStatement]:
    """What no statement has, of these days and those before, in the order of their ids."""
    async for each in _paged(statements.OPEN_PARTS, merchant_id, days.last_on.isoformat()):
        yield part(each)


async def take(statement_id: UUID, merchant_id: UUID, days: Days) -> int:
    """Give what `open_parts` has to this statement; how many parts."""
    return len(await rows(statements.TAKE_PARTS, statement_id, merchant_id, days.last_on.isoformat()))


async def parts_of(statement_id: UUID) -> AsyncIterator[tuple[UUID, DayStatement]]:
    """What this statement took, by id and in that order."""
    async for each in _paged(statements.PARTS_OF, statement_id):
        yield as_uuid(each["id"]), part(each)


async def every_open_part() -> AsyncIterator[tuple[UUID, DayStatement]]:
    """What no statement has, of any merchant."""
    async for each in _paged(statements.EVERY_OPEN_PART):
        yield as_uuid(each["id"]), part(each)


async def again(part_id: UUID, sealed: DayStatement) -> DayStatement:
    """What this part says when it is made anew of its entries."""
    folding = Folding(sealed.merchant_id, sealed.business_on, BUSINESS_ZONE, from_on=sealed.from_on)
    async for each in entries_of(part_id, sealed.merchant_id):
        folding.add(each)
    return folding.made()


def part(found: Mapping[str, Any]) -> DayStatement:
    """From a row of `PARTS_OF` and the like. Its count is in its sums."""
    sums, from_on = read(found["sums"]), found["from_on"]
    first_on = date.fromisoformat(from_on or found["business_on"])
    return DayStatement(
        merchant_id=as_uuid(found["merchant_id"]),
        business_on=date.fromisoformat(found["business_on"]),
        totals=totals_of(sums),
        late_count=sum(each.totals.count for each in sums if each.belongs_on < first_on),
        sums=sums,
        hash=found["hash"],
        from_on=first_on if from_on else None,
    )


async def _paged(statement: str, *where: object) -> AsyncIterator[Mapping[str, Any]]:
    after = _NO_ID
    while True:
        found = await rows(statement, *where, after, PAGE)
        for each in found:
            yield each
        if len(found) < PAGE:
            return
        after = as_uuid(found[-1]["id"])
