"""A promoter's money in the one ledger, in fen: out of the programme's income, and pending until its day.

income -> pending: earned. pending -> member: available. pending or member -> income: taken back; what is not there any
more is owed: receivable (below zero) -> income, and later member -> receivable, as soon as something is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.ledger.posting import post, settle
from handlers.points.points_terms import fen
from handlers.rules.ledger import Cause, Move, Side, of_member
from models.database import rows
from models.ids import new_id
from models.sql import as_uuid
from models.statements import distribution as statements
from models.words import LedgerAccountKind

EARNED, RELEASED, BACK, NETTED = "commission", "commission_released", "commission_back", "commission_netted"
INCOME = Side(LedgerAccountKind.INCOME)


@dataclass(frozen=True, slots=True)
class Money:
    """What a member has (`available_fen` of it can go out now), waits for, and owes."""

    available_fen: int = 0
    held_fen: int = 0
    pending_fen: int = 0
    owed_fen: int = 0


def pending(member_id: UUID) -> Side:
    """What they earned, and cannot have yet."""
    return Side(LedgerAccountKind.PENDING, member_id)


def receivable(member_id: UUID) -> Side:
    """What they owe."""
    return Side(LedgerAccountKind.RECEIVABLE, member_id)


async def earned(commissions: Sequence[tuple[UUID, UUID, int]], *, at: datetime) -> None:
    """Each (commission, member, fen) is booked as pending."""
    unit = await fen()
    moves = [
        Move(unit, INCOME, pending(member_id), amount, Cause(EARNED, str(row_id)))
        for row_id, member_id, amount in commissions
    ]
    if moves:
        await post(moves, at=at)


async def taken_back(back_id: UUID, member_id: UUID, amount_fen: int, *, is_released: bool, at: datetime) -> int:
    """Back to the programme's income: out of what is pending, then what they have; how much of it they owe from now on.

    What was released is not taken out of what other commissions have pending: that is netted when it is released.
    """
    unit = await fen()
    sides = [of_member(member_id)] if is_released else [pending(member_id), of_member(member_id)]
    balances = await settle([(unit, side) for side in sides], at=at)
    legs: list[tuple[Side, int]] = []
    left = amount_fen
    for side in sides:
        if (part := min(left, max(balances[unit, side].available, 0))) > 0:
            legs.append((side, part))
            left -= part
    if left:
        legs.append((receivable(member_id), left))
    cause = Cause(BACK, str(back_id))
    await post([Move(unit, side, INCOME, part, cause, leg=leg) for leg, (side, part) in enumerate(legs)], at=at)
    return left


async def net(member_ids: Sequence[UUID], *, at: datetime) -> int:
    """What these members (today's ids) owe is paid out of what they have; how much in all.

    Inside the open transaction; their accounts are locked in the order of ids, and a debt is paid once however often
    this is asked for.
    """
    debts: dict[UUID, set[UUID]] = {}
    for each in await rows(statements.OWED, sorted(set(member_ids))):
        debts.setdefault(as_uuid(each["member_id"]), set()).add(as_uuid(each["owner_id"]))
    if not debts:
        return 0
    unit = await fen()
    places = [(unit, of_member(each)) for each in debts]
    places += [(unit, receivable(owner)) for owed in debts.values() for owner in owed]
    balances = await settle(places, at=at)
    moves: list[Move] = []
    for member_id, owed in sorted(debts.items()):
        there, cause, leg = balances[unit, of_member(member_id)].available, Cause(NETTED, str(new_id())), 0
        for owner in sorted(owed):
            debt = -(balances[unit, receivable(owner)].posted or 0)  # as of the lock, not of the look before
            if (part := min(debt, there)) > 0:
                moves.append(Move(unit, of_member(member_id), receivable(owner), part, cause, leg=leg))
                there, leg = there - part, leg + 1
    if moves:
        await post(moves, at=at)
    return sum(move.amount for move in moves)


async def money_of(member_ids: Sequence[UUID]) -> Mapping[UUID, Money]:
    """What stands on the accounts of these members (today's ids), that of merged rows with them. One read."""
    sums: dict[UUID, dict[str, int]] = {}
    for each in await rows(statements.MONEY, sorted(set(member_ids))):
        held = sums.setdefault(as_uuid(each["member_id"]), {})
        held[each["kind"]] = held.get(each["kind"], 0) + int(each["posted"])
        held["held"] = held.get("held", 0) + int(each["held"])
    return {
        member_id: Money(
            available_fen=max(held.get("member", 0) - held.get("held", 0), 0),
            held_fen=held.get("held", 0),
            pending_fen=held.get("pending", 0),
            owed_fen=-held.get("receivable", 0),
        )
        for member_id, held in sums.items()
    }
