"""An order's money in the one ledger, in fen: what came in is income or goes back, and each act is booked once.

received (what payers paid in; negative, as issued is) -> income: it was paid for. received -> payable: it came and
there was nothing to give for it. income -> payable: it is to go back. payable -> received: it went back.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from handlers.ledger.posting import post
from handlers.points.points_terms import fen
from handlers.rules.ledger import Cause, Move, Side
from models.words import LedgerAccountKind

ORDER, REFUND, REFUNDED = "order", "order_refund", "order_refunded"
RECEIVED, INCOME, PAYABLE = (
    Side(kind) for kind in (LedgerAccountKind.RECEIVED, LedgerAccountKind.INCOME, LedgerAccountKind.PAYABLE)
)


async def earned(amounts: Mapping[UUID, int], *, at: datetime) -> None:
    """Paid, and what it was for was given: so many fen of each order."""
    unit = await fen()
    moves = [Move(unit, RECEIVED, INCOME, each, Cause(ORDER, str(order_id))) for order_id, each in amounts.items()]
    await post(moves, at=at)


async def owed(order_id: UUID, amount_fen: int, *, at: datetime) -> None:
    """Paid, and there was nothing to give for it."""
    await _move(RECEIVED, PAYABLE, amount_fen, Cause(ORDER, str(order_id)), at)


async def goes_back(refund_id: UUID, amount_fen: int, *, at: datetime) -> None:
    """What was earned is owed again."""
    await _move(INCOME, PAYABLE, amount_fen, Cause(REFUND, str(refund_id)), at)


async def went_back(refund_id: UUID, amount_fen: int, *, at: datetime) -> None:
    """The payment service has sent it back."""
    await _move(PAYABLE, RECEIVED, amount_fen, Cause(REFUNDED, str(refund_id)), at)


async def _move(debit: Side, credit: Side, amount_fen: int, cause: Cause, at: datetime) -> None:
    await post([Move(await fen(), debit, credit, amount_fen, cause)], at=at)
