"""Lots: what came in at one time and ends at one time. The soonest to end is spent first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

_NEVER = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(slots=True)
class Lot:
    """One lot as it stands in memory; `left` moves."""

    id: UUID
    origin_id: UUID
    left: int
    expires_at: datetime | None = None
    available_at: datetime | None = None

    def is_expired(self, at: datetime) -> bool:
        """Its time is over, whether or not anybody has written that down."""
        return self.expires_at is not None and self.expires_at <= at

    def is_due(self, at: datetime) -> bool:
        """It was pending, and is not any more."""
        return self.available_at is not None and self.available_at <= at


@dataclass(frozen=True, slots=True)
class Taken:
    """`amount` of one lot."""

    lot: Lot
    amount: int


@dataclass(slots=True)
class Use:
    """What was once taken from a lot and not given back so far (`amount`), and where the lot stands.

    `account_id`: whose lot it is; `is_swept`: what was left of it has gone already.
    """

    id: UUID
    lot: Lot
    account_id: UUID
    amount: int
    is_swept: bool = False


def in_order(lots: Iterable[Lot], first: frozenset[UUID] = frozenset()) -> list[Lot]:
    """Those that came by the transfers `first` before all others; then by their end, then by age."""
    return sorted(lots, key=lambda lot: (lot.origin_id not in first, lot.expires_at or _NEVER, lot.id))


def take(lots: Sequence[Lot], amount: int) -> list[Taken]:
    """`amount` from these lots in their order. Raises ValueError when that is more than there is."""
    taken: list[Taken] = []
    for lot in lots:
        if amount and lot.left:
            part = min(lot.left, amount)
            lot.left -= part
            amount -= part
            taken.append(Taken(lot, part))
    if amount:
        raise ValueError(f"{amount} more than there is")
    return taken


def returned(uses: Sequence[Use], amount: int) -> list[tuple[Use, int]]:
    """Which uses get how much of `amount` back: what was taken last, which lives longest, comes back first.

    Raises ValueError when that is more than was taken.
    """
    back: list[tuple[Use, int]] = []
    for use in sorted(uses, key=lambda each: (each.lot.expires_at or _NEVER, each.id), reverse=True):
        if amount and use.amount:
            part = min(use.amount, amount)
            use.amount -= part
            amount -= part
            back.append((use, part))
    if amount:
        raise ValueError(f"{amount} more than was taken")
    return back


def end_of_returned(use: Use, at: datetime, grace: timedelta) -> tuple[bool, datetime | None]:
    """Whether what comes back goes into its own lot again, and otherwise when the new one ends.

    Its own lot, unless that is over or ends within `grace`: then a lot of its own that ends after just that time. With
    no grace, what comes back of an expired lot is expired.
    """
    ends = use.lot.expires_at
    least = at + grace
    if ends is None or (ends > least and not use.is_swept):
        return True, ends
    return False, max(ends, least)
