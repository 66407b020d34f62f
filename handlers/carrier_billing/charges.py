"""What a carrier's refusal does to an order, and which sentence it is. Inside the caller's open transaction."""

from datetime import datetime
from uuid import UUID

from handlers.claims.claims import SYSTEM
from handlers.errors import CarrierArrears, CarrierNumberForeign, CarrierRefusedCharge, DomainError
from handlers.orders.moving import end_waiting
from models.database import rows
from models.statements import carrier as statements
from models.statements import orders as order_statements
from models.words import OrderState

_OF_REASON: dict[str, type[DomainError]] = {"arrears": CarrierArrears, "not_ours": CarrierNumberForeign}


def refusal(reason: str) -> DomainError:
    """The carrier's word as a sentence."""
    known = _OF_REASON.get(reason)
    return known() if known else CarrierRefusedCharge(reason=reason)


async def cancel_refused(order_id: UUID, reason: str, *, at: datetime) -> None:
    """The carrier charges nothing under this number, so the order ends and gives everything back."""
    await rows(order_statements.LOCKED_BY_ID, order_id)
    if await rows(statements.REFUSED, order_id, reason[:64]):
        await end_waiting(order_id, OrderState.CANCELLED, reason="refused", actor=SYSTEM, at=at)
