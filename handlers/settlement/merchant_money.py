"""What is owed to merchants, in the one ledger in fen: owed when a statement is closed, paid with its batch.

cost (negative, as issued is: what the operator bears of what was given) -> merchants: a statement says so. merchants ->
fees: what stays with the house of it. merchants -> merchants_paid: the bank has it. One act for each statement, in the
transaction that closes it, and none on the way of a redemption; decision: docs/adr/0038.
"""

from datetime import datetime
from uuid import UUID

from handlers.ledger.posting import post
from handlers.points.points_terms import fen
from handlers.rules.ledger import Cause, Move, Side
from models.words import LedgerAccountKind

STATED, PAID = "statement", "payout"
COST, MERCHANTS, MERCHANTS_PAID, FEES = (
    Side(kind)
    for kind in (
        LedgerAccountKind.COST,
        LedgerAccountKind.MERCHANTS,
        LedgerAccountKind.MERCHANTS_PAID,
        LedgerAccountKind.FEES,
    )
)


async def stated(statement_id: UUID, gross_fen: int, fee_fen: int, *, at: datetime) -> None:
    """What a statement brings the merchant, and the fee on it; of one that takes back more than it gives, contrariwise.

    The same again changes nothing.
    """
    legs = {0: (COST, MERCHANTS, gross_fen), 1: (MERCHANTS, FEES, fee_fen)}
    moved = {leg: each for leg, each in legs.items() if each[2]}
    if not moved:
        return
    cause, unit = Cause(STATED, str(statement_id)), await fen()
    await post(
        [
            Move(unit, *((debit, credit) if amount > 0 else (credit, debit)), abs(amount), cause, leg)
            for leg, (debit, credit, amount) in moved.items()
        ],
        at=at,
    )


async def paid(batch_id: UUID, amount_fen: int, *, at: datetime) -> None:
    """A batch went to the bank."""
    await post([Move(await fen(), MERCHANTS, MERCHANTS_PAID, amount_fen, Cause(PAID, str(batch_id)))], at=at)
