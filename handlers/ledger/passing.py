"""What goes from one account of an owner to another one of theirs, thousands at once, each for an act of its own.

Called inside an open transaction. `post_each` reads accounts, decides one after the other, and writes that; here the
database does all in three statements, and what it refuses is refused whole.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.ledger.books import open_book
from handlers.rules.ledger import Side, Unit, has_lots
from models.database import atomic, require_atomic, rows
from models.ids import new_id
from models.sql import dump_rows
from models.statements import ledger as statements
from models.words import LedgerAccountKind


@dataclass(frozen=True, slots=True)
class Way:
    """From which account of an owner to which, for what sort of act. Not of a unit that comes in lots: ValueError."""

    unit: Unit
    debit: LedgerAccountKind
    credit: LedgerAccountKind
    cause_kind: str

    def __post_init__(self) -> None:
        if has_lots(self.unit.code):
            raise ValueError(f"{self.unit.code} comes in lots")


class _NotAll(Exception):
    """Somebody is short, or an act was done before."""


async def pass_on(way: Way, amounts: Sequence[tuple[UUID, UUID, int]], *, at: datetime) -> bool:
    """Each (act, member by today's id, amount above nothing) goes over; False: not all of them can, and none did.

    Whoever gets False asks `post_each`, which says of each why not. Raises NotInTransaction.
    """
    require_atomic()
    if not amounts:
        return True
    try:
        async with atomic():  # a savepoint
            await _pass_on(way, amounts, at)
    except _NotAll:
        return False
    return True


async def _pass_on(way: Way, amounts: Sequence[tuple[UUID, UUID, int]], at: datetime) -> None:
    sums: defaultdict[UUID, int] = defaultdict(int)
    for _, member_id, amount in amounts:
        sums[member_id] += amount
    programme_id, code = way.unit.programme_id, way.unit.code
    (locked,) = await rows(statements.LOCK_AND_COUNT, sorted(sums), programme_id, code, way.credit)
    if locked["number"] < len(sums):
        await open_book([(way.unit, Side(way.credit, member_id)) for member_id in sums], at=at)
    transfers = dump_rows(
        [
            {"id": new_id(), "act": act, "member_id": member_id, "amount": amount}
            for act, member_id, amount in amounts
        ]
    )  # fmt: skip
    places = programme_id, code, way.debit, way.credit
    if len(await rows(statements.ADD_BETWEEN, transfers, at, *places, way.cause_kind)) < len(amounts):
        raise _NotAll
    moved = dump_rows([{"member_id": member_id, "amount": amount} for member_id, amount in sums.items()])
    if len(await rows(statements.MOVE_BETWEEN, moved, *places)) < 2 * len(sums):
        raise _NotAll
