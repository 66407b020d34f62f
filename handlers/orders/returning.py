"""A part of what was paid, given back by hand; whoever paid keeps what they hold."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import RefundNeedsSecond, RefundNothing, RefundTooLate
from handlers.orders.quoting import is_young
from handlers.orders.refunding import send_back
from models.database import require_atomic, row
from models.sql import as_uuid
from models.statements import orders as statements
from models.words import OrderRefundCause, OrderState

ALONE_FEN = 50_000  # of one order: what operators give back without a second one


def payable(found: Mapping[str, Any], at: datetime) -> None:
    """Whether any of an order can go back. Raises RefundNothing, RefundTooLate."""
    if OrderState(found["state"]) is not OrderState.PAID:
        raise RefundNothing
    if not is_young(found, at):
        raise RefundTooLate


async def alone(order_id: UUID, amount_fen: int) -> None:
    """Small steps count together. The order's row is locked. Raises RefundNeedsSecond."""
    require_atomic()
    given = await row(statements.GIVEN_BY_HAND, order_id)
    if amount_fen + (int(given["amount"]) if given else 0) > ALONE_FEN:
        raise RefundNeedsSecond(most_fen=ALONE_FEN)


async def give_part(
    operator: Operator,
    found: Mapping[str, Any],
    amount_fen: int,
    reason: str,
    *,
    at: datetime,
    proposed_by: UUID | None = None,
) -> UUID:
    """Of an order's row, locked; the refund's id. Raises RefundNothing, RefundTooLate, OrderRefundTooMuch."""
    payable(found, at)
    order_id, place = as_uuid(found["id"]), as_uuid(found["organization_id"])
    refund_id = await send_back(order_id, amount_fen, OrderRefundCause.OPERATOR, at=at, reason=reason)
    told = {"amount_fen": amount_fen, "reason": reason, "refund": str(refund_id), "proposed_by": proposed_by}
    await record(operator, "order.refunded", "order", order_id, at=at, organization_id=place, **told)
    return refund_id
