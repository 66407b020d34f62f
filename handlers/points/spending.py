"""Spending points, and what comes back: of a spending into the lots it took, of an earning out of what it brought.

Called inside an open transaction. Members are named by the canonical id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from handlers.errors import DomainError
from handlers.ledger.books import OpenBook
from handlers.ledger.posting import Known, Posted, post, post_each, settle
from handlers.levels.ladders import main_programme
from handlers.points.points_terms import terms
from handlers.rules.ledger import POINTS, Cause, Move, Side, Unit, of_member
from models.database import row
from models.statements import points as statements
from models.words import LedgerAccountKind

ISSUED, SPENT = Side(LedgerAccountKind.ISSUED), Side(LedgerAccountKind.SPENT)


@dataclass(frozen=True, slots=True)
class Spending:
    """`amount` points of a member for one act."""

    member_id: UUID
    amount: int
    cause: Cause


async def spend(spendings: Sequence[Spending], *, at: datetime) -> dict[Cause, Posted]:
    """All of them or none.

    Raises PointsShort (naming those that cannot be paid), CauseReused, SerializationConflict.
    """
    unit = await points_unit()
    return await post([_move(each, unit) for each in spendings], at=at)


async def spend_each(
    spendings: Sequence[Spending], *, at: datetime, known: Known | None = None, opened: OpenBook | None = None
) -> dict[Cause, Posted | DomainError]:
    """Each for itself, in the order given: what a lane calls for its batch. `known`, `opened`: as `post_each` has them.

    Raises SerializationConflict.
    """
    unit = await points_unit()
    return await post_each([_move(each, unit) for each in spendings], at=at, known=known, opened=opened)


async def give_back(member_id: UUID, transfer_id: UUID, amount: int, *, cause: Cause, at: datetime) -> Posted:
    """Of what a transfer spent, `amount` comes back into its lots; what is over lives as long as the terms grant.

    Raises ReversedTooMuch, TransferUnknown, CauseReused, SerializationConflict.
    """
    held = await terms()
    unit, grace = Unit(held.programme_id, POINTS), timedelta(days=held.grace_days)
    back = Move(unit, SPENT, of_member(member_id), amount, cause, reverses=transfer_id, grace=grace)
    return (await post([back], at=at))[cause]


async def take_back(member_id: UUID, transfer_id: UUID, amount: int, *, cause: Cause, at: datetime) -> Posted:
    """Of what a transfer earned, `amount` goes: what is pending of it, then what is left of it, then others.

    Raises PointsShort (it was spent), ReversedTooMuch, TransferUnknown, CauseReused, SerializationConflict.
    """
    unit = await points_unit()
    pending = Side(LedgerAccountKind.PENDING, member_id)
    await settle([(unit, of_member(member_id)), (unit, pending)], at=at)  # matured by now, and locked
    before = await row(statements.TAKEN_BACK, cause.kind, cause.id)
    if before and before["legs"]:  # it was done, when more of it was pending: the same parts again
        waiting = int(before["waiting"])
    else:
        found = await row(statements.PENDING_OF, transfer_id, member_id)
        waiting = min(amount, int(found["left_amount"]) if found else 0)
    parts = [(pending, waiting), (of_member(member_id), amount - waiting)]
    moves = [
        Move(unit, side, ISSUED, part, cause, leg, reverses=transfer_id)
        for leg, (side, part) in enumerate(parts)
        if part
    ]
    return (await post(moves, at=at))[cause]


async def take_what_there_is(member_id: UUID, transfer_id: UUID, amount: int, *, cause: Cause, at: datetime) -> int:
    """The same as far as there is something, what is pending of other earnings at last; how much was taken.

    Raises ReversedTooMuch, TransferUnknown, CauseReused, SerializationConflict.
    """
    unit = await points_unit()
    pending, mine = Side(LedgerAccountKind.PENDING, member_id), of_member(member_id)
    balances = await settle([(unit, mine), (unit, pending)], at=at)
    found = await row(statements.PENDING_OF, transfer_id, member_id)
    own = min(amount, int(found["left_amount"]) if found else 0)
    there = min(amount - own, max(balances[unit, mine].available, 0))
    waiting = own + min(amount - own - there, max(balances[unit, pending].available - own, 0))
    moves = [
        Move(unit, side, ISSUED, part, cause, leg, reverses=transfer_id)
        for leg, (side, part) in enumerate([(pending, waiting), (mine, there)])
        if part
    ]
    if moves:
        await post(moves, at=at)
    return waiting + there


async def points_unit() -> Unit:
    """Points of the main programme."""
    return Unit(await main_programme(), POINTS)


def _move(each: Spending, unit: Unit) -> Move:
    return Move(unit, of_member(each.member_id), SPENT, each.amount, each.cause)
