"""What is asked of a ledger: amounts of a unit that go from the debited side to the credited one, for a cause.

What becomes of it is decided by `handlers/rules/book.py`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from models.words import LedgerAccountKind

POINTS, GROWTH, CHANCES, FEN = "points", "growth", "chances", "fen"
MAKEUP_CARDS = "makeup_cards"  # 补签卡
OWNED = frozenset({LedgerAccountKind.MEMBER, LedgerAccountKind.PENDING, LedgerAccountKind.RECEIVABLE})
MOST_OWED = 2**53  # of a unit: how far below zero what somebody owes may stand
NO_GRACE = timedelta(0)


def has_lots(unit: str) -> bool:
    """Whether amounts of this unit come in lots that may expire."""
    return unit.partition(":")[0] in {POINTS, CHANCES, MAKEUP_CARDS}


def floor_of(kind: LedgerAccountKind) -> int | None:
    """Below which an account of this kind never falls; None: one of the programme's own, which stores no balance."""
    if kind not in OWNED:
        return None
    return -MOST_OWED if kind is LedgerAccountKind.RECEIVABLE else 0


@dataclass(frozen=True, slots=True)
class Unit:
    """What is counted: points, growth, chances or fen of one programme; `chances:{draw}` are those of one draw."""

    programme_id: UUID
    code: str
    _hash: int = field(init=False, repr=False, compare=False)  # a batch looks accounts up very often

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.programme_id, self.code)))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True)
class Side:
    """An account by what it is: a member's (by the canonical id), or one of the programme's own."""

    kind: LedgerAccountKind
    member_id: UUID | None = None
    _hash: int = field(init=False, repr=False, compare=False)  # see Unit

    def __post_init__(self) -> None:
        if (self.kind in OWNED) is not (self.member_id is not None):
            raise ValueError(f"{self.kind} has {'no' if self.member_id else 'an'} owner")
        object.__setattr__(self, "_hash", hash((self.kind, self.member_id)))

    def __hash__(self) -> int:
        return self._hash


def of_member(member_id: UUID) -> Side:
    """What a member has."""
    return Side(LedgerAccountKind.MEMBER, member_id)


@dataclass(frozen=True, slots=True)
class Cause:
    """The act that wants it, by its row: happens once."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Move:
    """One transfer that is wanted. Where its credit has lots it makes one, unless lots come from the other side.

    `reverses`: the transfer that is taken back in part or whole; what it took from lots goes back to them (`grace`: how
    long that lives at least), what it brought is taken from what is left of that first. `lot_ids`: from these lots, and
    no others.
    """

    unit: Unit
    debit: Side
    credit: Side
    amount: int
    cause: Cause
    leg: int = 0
    reverses: UUID | None = None
    grace: timedelta = NO_GRACE
    expires_at: datetime | None = None
    available_at: datetime | None = None
    lot_ids: frozenset[UUID] = frozenset()

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError("a transfer moves more than nothing")
        if self.debit == self.credit:
            raise ValueError("a transfer is between two accounts")
        if self.available_at is not None and self.credit.kind is not LedgerAccountKind.PENDING:
            raise ValueError("only what is pending has a day from which it can be spent")

    @property
    def key(self) -> tuple[str, str, int]:
        """What is unique."""
        return self.cause.kind, self.cause.id, self.leg


@dataclass(frozen=True, slots=True)
class Short:
    """This cause wants more than there is."""

    unit: Unit
    side: Side
    needed: int
    available: int


@dataclass(frozen=True, slots=True)
class TooMuchBack:
    """More of a transfer is to be taken back than is left of it."""

    transfer_id: UUID
    left: int


Refused = Short | TooMuchBack
