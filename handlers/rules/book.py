"""What a ledger does with a set of wishes: a pure function of what stands on its accounts.

Everything that one cause wants happens, or nothing of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from handlers.rules.ledger import NO_GRACE, Cause, Move, Refused, Short, Side, TooMuchBack, Unit
from handlers.rules.lots import Lot, Taken, Use, end_of_returned, in_order, returned, take
from models.words import LedgerAccountKind


@dataclass(slots=True)
class Balance:
    """An account in memory. One of the programme's own has no balance: `posted` is None."""

    id: UUID
    posted: int | None = None
    held: int = 0
    floor: int = 0
    has_lots: bool = False
    lots: list[Lot] = field(default_factory=list)

    @property
    def available(self) -> int:
        """How much can go out now. Ask only of an owner's account."""
        return (self.posted or 0) - self.held - self.floor


@dataclass(frozen=True, slots=True)
class NewLot:
    """A lot to be written, and for which account and by which transfer."""

    lot: Lot
    account_id: UUID
    transfer_id: UUID
    amount: int


@dataclass(frozen=True, slots=True)
class NewUse:
    """What was taken from a lot: by a transfer, or by a hold until it is posted."""

    id: UUID
    lot_id: UUID
    amount: int
    transfer_id: UUID | None = None
    hold_id: UUID | None = None


@dataclass(slots=True)
class Changes:
    """What has to be written. Deltas are of accounts (posted, held), lots and uses by id."""

    transfers: list[tuple[UUID, Move]] = field(default_factory=list)
    posted: dict[UUID, int] = field(default_factory=dict)
    held: dict[UUID, int] = field(default_factory=dict)
    lots: dict[UUID, int] = field(default_factory=dict)
    swept: set[UUID] = field(default_factory=set)
    new_lots: dict[UUID, NewLot] = field(default_factory=dict)
    uses: list[NewUse] = field(default_factory=list)
    back: dict[UUID, int] = field(default_factory=dict)
    reversed: dict[UUID, int] = field(default_factory=dict)


@dataclass(slots=True)
class Reversible:
    """A transfer that is taken back: how much of it is left, and what it took from lots."""

    amount: int
    left: int
    uses: list[Use] = field(default_factory=list)


class Book:
    """Accounts as they were read under their locks; what is decided changes them, and is noted in `changes`."""

    def __init__(
        self,
        balances: dict[tuple[Unit, Side], Balance],
        reversible: dict[UUID, Reversible],
        *,
        at: datetime,
        new_id: Callable[[], UUID],
    ) -> None:
        self._balances = balances
        self._reversible = reversible
        self._at = at
        self._new_id = new_id
        self.changes = Changes()

    def decide(self, moves: Sequence[Move]) -> Refused | None:
        """All moves of one cause, or none: why not, if not. Nothing has changed then."""
        if (refused := self._why_not(moves)) is not None:
            return refused
        for move in moves:
            self._apply(move)
        return None

    def _why_not(self, moves: Sequence[Move]) -> Refused | None:
        wanted: dict[tuple[Unit, Side], int] = {}
        back: dict[UUID, int] = {}
        for move in moves:
            place = move.unit, move.debit
            wanted[place] = wanted.get(place, 0) + move.amount
            if move.reverses is not None:
                back[move.reverses] = back.get(move.reverses, 0) + move.amount
        for transfer_id, amount in back.items():
            if amount > (left := self._reversible[transfer_id].left):
                return TooMuchBack(transfer_id, left)
        for (unit, side), needed in wanted.items():
            balance = self._balances[unit, side]
            if balance.posted is not None and needed > balance.available:
                return Short(unit, side, needed, balance.available)
        return None

    def _apply(self, move: Move, *, is_held: bool = False) -> UUID:
        transfer_id = self._new_id()
        self.changes.transfers.append((transfer_id, move))
        debit, credit = self._balances[move.unit, move.debit], self._balances[move.unit, move.credit]
        for balance, amount in ((debit, -move.amount), (credit, move.amount)):
            if balance.posted is not None:
                balance.posted += amount
                self.changes.posted[balance.id] = self.changes.posted.get(balance.id, 0) + amount
        taken = self._take(debit, move, transfer_id) if debit.has_lots and not is_held else []
        if move.reverses is not None:
            reversible = self._reversible[move.reverses]
            reversible.left -= move.amount
            self.changes.reversed[move.reverses] = self.changes.reversed.get(move.reverses, 0) + move.amount
        if credit.has_lots:
            self._bring(credit, move, transfer_id, taken)
        return transfer_id

    def _take(self, debit: Balance, move: Move, transfer_id: UUID) -> list[Taken]:
        if move.lot_ids:
            lots = in_order(lot for lot in debit.lots if lot.id in move.lot_ids)
        else:
            lots = in_order(debit.lots, frozenset({move.reverses} if move.reverses else ()))
        taken = take(lots, move.amount)
        for each in taken:
            self._change_lot(each.lot, -each.amount)
            self.changes.uses.append(NewUse(self._new_id(), each.lot.id, each.amount, transfer_id=transfer_id))
        return taken

    def _bring(self, credit: Balance, move: Move, transfer_id: UUID, taken: Sequence[Taken]) -> None:
        uses = self._reversible[move.reverses].uses if move.reverses is not None else []
        waits = move.credit.kind is LedgerAccountKind.PENDING  # and keeps the day from which it can be spent
        if uses:
            for use, amount in returned(uses, move.amount):
                self.changes.back[use.id] = self.changes.back.get(use.id, 0) + amount
                since = use.lot.available_at if waits else None
                self._give_back(credit, use, amount, transfer_id, move.grace, since)
        elif taken:  # what moves from one owner's account to another keeps its end
            for each in taken:
                since = each.lot.available_at if waits else None
                self._new_lot(credit, each.amount, transfer_id, each.lot.origin_id, each.lot.expires_at, since)
        else:
            self._new_lot(credit, move.amount, transfer_id, transfer_id, move.expires_at, move.available_at)

    def _give_back(
        self,
        credit: Balance,
        use: Use,
        amount: int,
        transfer_id: UUID,
        grace: timedelta = NO_GRACE,
        since: datetime | None = None,
    ) -> None:
        is_own, ends_at = end_of_returned(use, self._at, grace)
        if not is_own or use.account_id != credit.id:  # over, or of somebody who has become somebody else
            self._new_lot(credit, amount, transfer_id, use.lot.origin_id, ends_at, since)
            return
        known = next((lot for lot in credit.lots if lot.id == use.lot.id), None)
        if known is None:  # nothing was left of it, so it was not among those that can be spent
            known = use.lot
            credit.lots.append(known)
        known.left += amount
        self._change_lot(known, amount)

    def _new_lot(
        self,
        credit: Balance,
        amount: int,
        transfer_id: UUID,
        origin_id: UUID,
        expires_at: datetime | None,
        available_at: datetime | None = None,
    ) -> None:
        lot = Lot(self._new_id(), origin_id, amount, expires_at, available_at)
        credit.lots.append(lot)
        self.changes.new_lots[lot.id] = NewLot(lot, credit.id, transfer_id, amount)

    def _change_lot(self, lot: Lot, amount: int) -> None:
        if lot.id not in self.changes.new_lots:  # one of this batch is written as it is in the end
            self.changes.lots[lot.id] = self.changes.lots.get(lot.id, 0) + amount

    # --- what the clock has decided already

    def due(self, unit: Unit, side: Side) -> list[Move]:
        """What was pending and is not any more: to be decided before anything is taken of the account."""
        waits = Side(LedgerAccountKind.PENDING, side.member_id)
        pending = self._balances.get((unit, waits))
        return [
            _of_lot(lot, unit, waits, side, "lot_matured")
            for lot in (in_order(pending.lots) if pending is not None else ())
            if lot.left and lot.is_due(self._at)
        ]

    def over(self, unit: Unit, side: Side) -> list[Move]:
        """The expired lots of an account, each as a transfer of its own."""
        expired = Side(LedgerAccountKind.EXPIRED)
        moves = [
            _of_lot(lot, unit, side, expired, "lot_expired")
            for lot in in_order(self._balances[unit, side].lots)
            if lot.left and lot.is_expired(self._at)
        ]
        self.changes.swept.update(next(iter(move.lot_ids)) for move in moves)
        return moves

    # --- holds

    def hold(self, unit: Unit, side: Side, amount: int, hold_id: UUID) -> Short | None:
        """Set an amount aside, with the lots that it is of; why not, if not."""
        balance = self._balances[unit, side]
        if amount > balance.available:
            return Short(unit, side, amount, balance.available)
        self._change_held(balance, amount)
        if balance.has_lots:
            for each in take(in_order(balance.lots), amount):
                self._change_lot(each.lot, -each.amount)
                self.changes.uses.append(NewUse(self._new_id(), each.lot.id, each.amount, hold_id=hold_id))
        return None

    def release(self, unit: Unit, side: Side, held: int, uses: Sequence[Use], move: Move | None = None) -> UUID | None:
        """End a hold: what `move` says goes out, the rest is there again. The transfer's id, if there is one.

        What comes back of a lot whose time is over is expired.
        """
        balance = self._balances[unit, side]
        self._change_held(balance, -held)
        transfer_id = self._apply(move, is_held=True) if move is not None else None
        rest = held - (move.amount if move is not None else 0)
        if balance.has_lots and rest:
            for use, amount in returned(uses, rest):
                self.changes.back[use.id] = self.changes.back.get(use.id, 0) + amount
                self._give_back(balance, use, amount, use.lot.origin_id)
        return transfer_id

    def _change_held(self, balance: Balance, amount: int) -> None:
        balance.held += amount
        self.changes.held[balance.id] = self.changes.held.get(balance.id, 0) + amount


def _of_lot(lot: Lot, unit: Unit, debit: Side, credit: Side, kind: str) -> Move:
    return Move(unit, debit, credit, lot.left, Cause(kind, str(lot.id)), lot_ids=frozenset({lot.id}))
