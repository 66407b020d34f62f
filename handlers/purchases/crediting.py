"""What purchases earn their buyers, and what goes again with the money: inside the transaction of whoever tells.

Each earning keeps three numbers: what it was, what was taken of it, what is owed of that. What stays is always the
paid part of it (`rules.purchases.gone`), however many refunds there were and whenever they came.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.levels.growth import GrowthEarning, earn_growth, growth_of, take_back_growth
from handlers.levels.ladders import main_programme
from handlers.levels.levels import level_of
from handlers.points.earning import Earning, earn
from handlers.points.points_terms import EarningTerms, earning_terms
from handlers.points.spending import take_what_there_is
from handlers.purchases.purchase_rules import EARNED_BY, rules_of
from handlers.rules.ledger import GROWTH, POINTS, Cause
from handlers.rules.purchases import Line, earned, gone
from models.database import put, rows, together
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_uuid, dump_rows
from models.statements import purchases as statements

GREW = "purchase_growth"  # the kind of cause; its id is the purchase's
TAKEN = "purchase_taken"  # the kind of cause; its id is the earning's, and how much of it was gone before


@dataclass(frozen=True, slots=True)
class Crediting:
    """A purchase that is a member's (by the canonical id, locked)."""

    purchase_id: UUID
    member_id: UUID
    amount_fen: int
    refunded_fen: int
    paid_at: datetime
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Worth:
    """What a purchase brought of one unit."""

    id: UUID
    purchase_id: UUID
    member_id: UUID
    unit: str
    amount: int
    transfer_id: UUID | None
    taken: int = 0
    owed: int = 0

    @property
    def left(self) -> int:
        """What of it stays."""
        return self.amount - self.taken - self.owed


async def credit(purchases: Sequence[Crediting], *, at: datetime) -> list[Worth]:
    """Give what they earn, and take what was refunded of them already; each once, whoever comes twice.

    Raises NotInTransaction, SerializationConflict.
    """
    if not purchases:
        return []
    by, views = await together(earning_terms(), rules_of(await main_programme()))
    rules = [each.rule for each in views if each.is_active]
    # As they stand before any of these.
    levels = await level_of({each.member_id for each in purchases}) if any(each.level for each in rules) else {}
    wanted = {
        unit: {
            each.purchase_id: earned(
                rules, each.lines, unit=unit, level=levels.get(each.member_id, ""), paid_at=each.paid_at
            )
            for each in purchases
        }
        for unit in (POINTS, GROWTH)
    }
    given = {
        POINTS: await _points(purchases, wanted[POINTS], by, at),
        GROWTH: await _growth(purchases, wanted[GROWTH], at),
    }
    worths = [
        Worth(new_id(), each.purchase_id, each.member_id, unit, *found.get(each.purchase_id, (0, None)))
        for each in purchases
        for unit, found in given.items()
    ]
    written = [
        {
            "id": each.id,
            "purchase_id": each.purchase_id,
            "member_id": each.member_id,
            "unit": each.unit,
            "amount": each.amount,
            "transfer_id": each.transfer_id,
        }
        for each in worths
    ]
    credited = "a purchase was credited by somebody else meanwhile"
    await put(statements.ADD_EARNINGS, dump_rows(written), at, count=len(written), conflict=credited)
    refunded = {each.purchase_id: each for each in purchases if each.refunded_fen}
    return await take_back(worths, {key: (each.amount_fen, each.refunded_fen) for key, each in refunded.items()}, at=at)


async def take_back(worths: Sequence[Worth], refunds: Mapping[UUID, tuple[int, int]], *, at: datetime) -> list[Worth]:
    """Take what went with the money: by purchase, what was paid and what of it was given back so far (fen).

    What was spent meanwhile is owed. Raises NotInTransaction, SerializationConflict.
    """
    left = []
    for each in worths:
        paid_fen, refunded_fen = refunds.get(each.purchase_id, (1, 0))
        due = gone(each.amount, paid_fen=paid_fen, refunded_fen=refunded_fen) - each.taken - each.owed
        left.append(await _take(each, due, owed=due, at=at) if due > 0 else each)
    return left


async def owing(member_ids: Iterable[UUID]) -> bool:
    """Whether any of these members (canonical) owes something."""
    return bool(await rows(statements.OWED, list(member_ids)))


async def collect(member_ids: Iterable[UUID], *, at: datetime) -> int:
    """Take what these members (canonical, locked) owe, as far as there is something now; how much it was."""
    collected = 0
    for each in await worths_of(statements.OWED, list(member_ids)):
        after = await _take(each, each.owed, owed=0, at=at)
        collected += after.taken - each.taken
    return collected


async def worths_of(statement: Any, ids: Sequence[UUID]) -> list[Worth]:
    """The earnings that a statement finds; members by who they are today."""
    return [
        Worth(
            id=as_uuid(each["id"]),
            purchase_id=as_uuid(each["purchase_id"]),
            member_id=as_uuid(each["member_id"]),
            unit=each["unit"],
            amount=int(each["amount"]),
            transfer_id=as_uuid(each["transfer_id"]) if each["transfer_id"] else None,
            taken=int(each["taken_amount"]),
            owed=int(each["owed_amount"]),
        )
        for each in await rows(statement, ids)
    ]


async def _points(
    purchases: Sequence[Crediting], wanted: Mapping[UUID, int], by: EarningTerms, at: datetime
) -> dict[UUID, tuple[int, UUID | None]]:
    earnings = {
        Earning(each.member_id, EARNED_BY, wanted[each.purchase_id], str(each.purchase_id)): each.purchase_id
        for each in purchases
        if wanted[each.purchase_id]
    }
    # Where nobody has said how points of purchases are given, there are none.
    if not earnings or EARNED_BY not in by.rules:
        return {}
    done = await earn(list(earnings), at=at, by=by)
    return {earnings[each]: (found.amount, found.transfer_id) for each, found in done.items()}


async def _growth(
    purchases: Sequence[Crediting], wanted: Mapping[UUID, int], at: datetime
) -> dict[UUID, tuple[int, UUID | None]]:
    earnings = {
        GrowthEarning(each.member_id, wanted[each.purchase_id], Cause(GREW, str(each.purchase_id))): each.purchase_id
        for each in purchases
        if wanted[each.purchase_id]
    }
    done = await earn_growth(list(earnings), at=at)
    return {earnings[each]: (found.amount, found.transfer_id) for each, found in done.items()}


async def _take(each: Worth, wanted: int, *, owed: int, at: datetime) -> Worth:
    """Take `wanted` of an earning, of which `owed` is new debt where it is not there; else it is debt that shrinks.

    Growth that is not there went with a level; nobody collects it.
    """
    if each.transfer_id is None:
        return each
    cause = Cause(TAKEN, f"{each.id}:{each.taken}")
    if each.unit == POINTS:
        taken = await take_what_there_is(each.member_id, each.transfer_id, wanted, cause=cause, at=at)
    elif taken := min(wanted, await growth_of(each.member_id)):
        await take_back_growth(each.member_id, each.transfer_id, taken, cause=cause, at=at)
    more_owed = owed - taken
    if not await rows(statements.TAKE, each.id, taken, more_owed, each.taken, each.owed):
        raise SerializationConflict("an earning changed while its purchase was locked")
    return replace(each, taken=each.taken + taken, owed=each.owed + more_owed)
