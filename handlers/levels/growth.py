"""Growth (成长值): earned many at once, taken back by reference, never spent. Levels move in the same transaction.

Called inside an open transaction, as points are: whoever has something that gives growth (a purchase, a prize, a task)
calls this. Members are named by the canonical id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.ledger.posting import Posted, known_transfers, post
from handlers.levels.ladders import main_programme
from handlers.levels.levels import settle
from handlers.rules.ledger import GROWTH, Cause, Move, Side, Unit, of_member
from models.database import require_atomic, rows
from models.sql import as_uuid
from models.statements import ledger as ledger_statements
from models.words import LedgerAccountKind

ISSUED = Side(LedgerAccountKind.ISSUED)


@dataclass(frozen=True, slots=True)
class GrowthEarning:
    """`amount` growth (at least 1) for a member, once for the act that `cause` names."""

    member_id: UUID
    amount: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class GrowthEarned:
    """What came. `level`: the level's code that the member has after it, empty for none."""

    amount: int
    transfer_id: UUID
    level: str = ""
    replayed: bool = False


async def earn_growth(earnings: Sequence[GrowthEarning], *, at: datetime) -> dict[GrowthEarning, GrowthEarned]:
    """Give all of it; what happened before is told again and counts once. Who reaches a level has it at once.

    Raises CauseReused, NotInTransaction, SerializationConflict (decide again).
    """
    require_atomic()
    if not earnings:
        return {}
    unit = await growth_unit()
    moves = [Move(unit, ISSUED, of_member(each.member_id), each.amount, each.cause) for each in earnings]
    posted = await post(moves, at=at)
    fresh = {each.member_id for each in earnings if not posted[each.cause].replayed}
    reached = await settle(fresh, at=at)
    return {
        each: GrowthEarned(
            each.amount,
            posted[each.cause].transfer_ids[0],
            reached[each.member_id].code if each.member_id in reached else "",
            posted[each.cause].replayed,
        )
        for each in earnings
    }


async def take_back_growth(
    member_id: UUID, transfer_id: UUID, amount: int, *, cause: Cause, at: datetime
) -> Posted | None:
    """Of what a transfer brought, `amount` goes, as far as it is still there; None: nothing of it is.

    What went with a level that was not kept is not there any more. Whom it takes below the threshold of their level
    falls to what they have reached, unless nobody falls in this programme. Raises ReversedTooMuch, TransferUnknown,
    CauseReused, SerializationConflict.
    """
    require_atomic()
    unit = await growth_unit()
    if done := (await known_transfers([cause])).get(cause):
        return Posted(tuple(as_uuid(each["id"]) for each in done), replayed=True)
    there = await growth_of(member_id)
    moved = min(amount, there)
    if not moved:
        return None
    back = Move(unit, of_member(member_id), ISSUED, moved, cause, reverses=transfer_id)
    posted = (await post([back], at=at))[cause]
    await settle([member_id], at=at, cause_id=cause.id, lost={member_id: moved})
    return posted


async def growth_of(member_id: UUID) -> int:
    """How much a member has, their account locked until the open transaction ends."""
    unit = await growth_unit()
    found = await rows(ledger_statements.LOCK_OWNED, [member_id])
    return sum(
        int(each["posted"])
        for each in found
        if each["unit"] == GROWTH and as_uuid(each["programme_id"]) == unit.programme_id
    )


async def growth_unit() -> Unit:
    """Growth of the main programme."""
    return Unit(await main_programme(), GROWTH)
