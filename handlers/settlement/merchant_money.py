"""What is owed to merchants, in the one ledger in fen: owed when a statement is confirmed, paid with its batch.

cost (negative, as issued is: what the operator bears of what was redeemed) -> merchants: confirmed. merchants ->
merchants_paid: the bank has it.
"""

from datetime import datetime
from uuid import UUID

from handlers.ledger.posting import post
from handlers.points.points_terms import fen
from handlers.rules.ledger import Cause, Move, Side
from models.words import LedgerAccountKind

CONFIRMED, PAID = "statement", "payout"
COST, MERCHANTS, MERCHANTS_PAID = (
    Side(kind) for kind in (LedgerAccountKind.COST, LedgerAccountKind.MERCHANTS, LedgerAccountKind.MERCHANTS_PAID)
)


async def confirmed(statement_id: UUID, payable_fen: int, *, at: datetime) -> None:
    """Of a day on which more was taken back than given, the merchant owes."""
    debit, credit = (COST, MERCHANTS) if payable_fen > 0 else (MERCHANTS, COST)
    if payable_fen:
        await _move(debit, credit, abs(payable_fen), Cause(CONFIRMED, str(statement_id)), at)


async def paid(batch_id: UUID, amount_fen: int, *, at: datetime) -> None:
    """A batch went to the bank."""
    await _move(MERCHANTS, MERCHANTS_PAID, amount_fen, Cause(PAID, str(batch_id)), at)


async def _move(debit: Side, credit: Side, amount_fen: int, cause: Cause, at: datetime) -> None:
    await post([Move(await fen(), debit, credit, amount_fen, cause)], at=at)
