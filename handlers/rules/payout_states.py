"""The graph of a batch of payouts, and what is in one: pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from models.words import PayoutState

EDGES: dict[PayoutState, frozenset[PayoutState]] = {
    PayoutState.PROPOSED: frozenset({PayoutState.APPROVED, PayoutState.CANCELLED}),
    PayoutState.APPROVED: frozenset({PayoutState.PAID, PayoutState.CANCELLED}),
    PayoutState.PAID: frozenset(),
    PayoutState.CANCELLED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Due:
    """A statement that its merchant has confirmed and nobody has paid; less than nothing after more was taken back."""

    statement_id: UUID
    merchant_id: UUID
    payable_fen: int


@dataclass(frozen=True, slots=True)
class Line:
    """What one merchant gets, more than nothing, and for which statements."""

    merchant_id: UUID
    amount_fen: int
    statement_ids: tuple[UUID, ...]


def lines_of(due: Iterable[Due]) -> tuple[Line, ...]:
    """One line for every merchant that has something to get, in the order of ids.

    What a merchant owes is netted; where nothing is left, all its statements wait for more.
    """
    by_merchant: dict[UUID, list[Due]] = {}
    for each in due:
        by_merchant.setdefault(each.merchant_id, []).append(each)
    lines = (
        Line(merchant_id, sum(each.payable_fen for each in theirs), tuple(each.statement_id for each in theirs))
        for merchant_id, theirs in sorted(by_merchant.items())
    )
    return tuple(line for line in lines if line.amount_fen > 0)
