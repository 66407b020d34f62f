"""Transfers: many in one go, each act whole or not at all, once for its cause.

Called inside an open transaction; docs/adr/0020 tells why it is built like this.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.errors import BalanceShort, CauseReused, DomainError, MoneyShort, PointsShort, ReversedTooMuch
from handlers.ledger.books import OpenBook, Place, open_book, write
from handlers.rules.book import Balance
from handlers.rules.ledger import FEN, POINTS, Cause, Move, Refused, Short, Side, Unit, has_lots
from models.database import rows
from models.sql import as_uuid, dump_rows
from models.statements import ledger as statements
from models.words import LedgerAccountKind

Known = Mapping[Cause, Sequence[Mapping[str, Any]]]  # transfers of acts that were done before


@dataclass(frozen=True, slots=True)
class Posted:
    """The transfers of one cause, by leg. `replayed`: they had been done before, and nothing happened now."""

    transfer_ids: tuple[UUID, ...]
    replayed: bool = False


async def post(moves: Sequence[Move], *, at: datetime, known: Known | None = None) -> dict[Cause, Posted]:
    """All of these transfers, or none: the refusal of the first cause that cannot be paid, naming all that cannot.

    `known`: those done before, where the caller has looked already, under locks that others who do the same act need.
    Raises BalanceShort (PointsShort, MoneyShort), ReversedTooMuch, TransferUnknown, CauseReused, NotInTransaction,
    SerializationConflict (decide again).
    """
    decided = await post_each(moves, at=at, known=known)
    refused = {cause: each for cause, each in decided.items() if isinstance(each, DomainError)}
    for first in refused.values():
        if isinstance(first, BalanceShort):
            first.causes = tuple(cause.id for cause, each in refused.items() if isinstance(each, BalanceShort))
        raise first
    return {cause: each for cause, each in decided.items() if isinstance(each, Posted)}


async def post_each(
    moves: Sequence[Move], *, at: datetime, known: Known | None = None, opened: OpenBook | None = None
) -> dict[Cause, Posted | DomainError]:
    """The same where each cause stands for itself: decided in the order in which they come, refusals among them.

    `opened`: the book of `look`, in which the caller has looked already; nothing was decided in it since.
    All legs of one cause happen or none. Raises NotInTransaction, TransferUnknown, SerializationConflict.
    """
    by_cause: defaultdict[Cause, list[Move]] = defaultdict(list)
    for move in moves:
        by_cause[move.cause].append(move)
    if not by_cause:
        return {}
    opened = opened or await _open(moves, at)
    # After the locks: whoever did the same act first has committed by now.
    known = await known_transfers(by_cause) if known is None else known
    decided: dict[Cause, Posted | DomainError] = {}
    for cause, legs in by_cause.items():
        if done := known.get(cause):
            decided[cause] = _replay(done, legs)
        elif (refused := opened.book.decide(legs)) is not None:
            decided[cause] = refusal(refused)
        else:
            written = opened.book.changes.transfers[-len(legs) :]
            decided[cause] = Posted(tuple(transfer_id for transfer_id, _ in written))
    await write(opened.book.changes, opened.balances, at=at)
    return decided


async def look(needs: Mapping[Place, int], credit: Side, *, at: datetime) -> OpenBook:
    """A book for taking up to so much of each of these accounts for another one: what is due stands in it already.

    Nothing of it is written before `post_each` has decided in it. Raises NotInTransaction.
    """
    credited = dict.fromkeys((unit, credit) for unit, _ in needs)
    wanted = [*needs, *credited, *(each for place in needs for each in beside(*place))]
    opened = await open_book(wanted, at=at, needs=needs, debited=needs.keys())
    write_down_what_is_due(opened, needs)
    return opened


async def _open(moves: Sequence[Move], at: datetime) -> OpenBook:
    debited = [(move.unit, move.debit) for move in moves]
    opened = await open_book(
        _places(moves),
        at=at,
        needs=_needs(moves),
        reverses={move.reverses for move in moves if move.reverses is not None},
        lot_ids={lot_id for move in moves for lot_id in move.lot_ids},
        debited=debited,
    )
    write_down_what_is_due(opened, debited)
    return opened


def write_down_what_is_due(opened: OpenBook, debited: Iterable[Place]) -> None:
    """What has matured is there, what has expired is gone, before anything is taken from these accounts."""
    for unit, side in dict.fromkeys(debited):
        if side.member_id is None or not opened.balances[unit, side].has_lots:
            continue
        if side.kind is LedgerAccountKind.MEMBER:
            for move in opened.book.due(unit, side):
                opened.book.decide([move])
        for move in opened.book.over(unit, side):
            opened.book.decide([move])


async def settle(places: Iterable[Place], *, at: datetime) -> Mapping[Place, Balance]:
    """Write down what is due on these accounts, and nothing else; how they stand then, locked."""
    wanted = list(places)
    opened = await open_book([*wanted, *(each for place in wanted for each in beside(*place))], at=at)
    write_down_what_is_due(opened, wanted)
    await write(opened.book.changes, opened.balances, at=at)
    return opened.balances


_SHORT = {POINTS: PointsShort, FEN: MoneyShort}


def refusal(refused: Refused) -> DomainError:
    """What is told of it."""
    if isinstance(refused, Short):
        kind = _SHORT.get(refused.unit.code, BalanceShort)
        available = max(refused.available, 0)
        return kind(unit=refused.unit.code, needed=refused.needed, available=available)
    return ReversedTooMuch(left=refused.left)


def _places(moves: Iterable[Move]) -> list[Place]:
    places: dict[Place, None] = {}
    for move in moves:
        places |= dict.fromkeys([(move.unit, move.debit), (move.unit, move.credit)])
        places |= dict.fromkeys(beside(move.unit, move.debit))
    return list(places)


def beside(unit: Unit, side: Side) -> list[Place]:
    """Where what is over goes before anything is taken of an owner's account; what is pending is read anyway."""
    return [(unit, Side(LedgerAccountKind.EXPIRED))] if side.member_id is not None and has_lots(unit.code) else []


def _needs(moves: Iterable[Move]) -> dict[Place, int]:
    needs: defaultdict[Place, int] = defaultdict(int)
    for move in moves:
        if move.debit.member_id is not None:
            needs[move.unit, move.debit] += move.amount
    return needs


async def known_transfers(causes: Iterable[Cause]) -> Known:
    """The transfers of these acts that were done before, by leg: id, leg, amount, unit."""
    known: dict[Cause, list[Mapping[str, Any]]] = {}
    text = dump_rows([{"cause_kind": each.kind, "cause_id": each.id} for each in causes])
    for found in await rows(statements.KNOWN, text):
        known.setdefault(Cause(found["cause_kind"], found["cause_id"]), []).append(found)
    return known


def _replay(done: Sequence[Mapping[str, Any]], legs: Sequence[Move]) -> Posted | CauseReused:
    """Accounts are not compared: a member may have become another one since."""
    before = [(int(each["leg"]), each["unit"], int(each["amount"])) for each in done]
    if before != sorted((move.leg, move.unit.code, move.amount) for move in legs):
        return CauseReused()
    return Posted(tuple(as_uuid(each["id"]) for each in done), replayed=True)
