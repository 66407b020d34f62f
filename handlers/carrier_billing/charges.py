"""Orders on a phone bill: found and locked to be charged, and ended where the carrier refuses.

Inside the caller's open transaction.
"""

from datetime import datetime
from uuid import UUID

from handlers.actors import Person
from handlers.claims.claims import SYSTEM
from handlers.errors import (
    CarrierArrears,
    CarrierNumberForeign,
    CarrierRefusedCharge,
    DomainError,
    OrderNotOnTheBill,
    OrderNotWaiting,
    OrderUnknown,
)
from handlers.orders.moving import end_waiting
from handlers.orders.order_views import OrderSeen, order_seen
from handlers.standing import standing
from models.database import row, rows
from models.statements import carrier as statements
from models.statements import orders as order_statements
from models.words import OrderState, PaymentMethod

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


async def waiting(person: Person, order_id: UUID, *, at: datetime) -> OrderSeen:
    """Their order that is to be charged, its row locked.

    Raises OrderUnknown, OrderNotOnTheBill, OrderNotWaiting, NotSignedIn, MemberFrozen.
    """
    member_id = await standing(person.member_id)
    found = await row(order_statements.OWN_LOCKED, member_id, order_id)
    if found is None:
        raise OrderUnknown
    order = order_seen(found, at)
    if order.method is not PaymentMethod.CARRIER:
        raise OrderNotOnTheBill
    if order.state is not OrderState.WAITING:
        raise OrderNotWaiting(state=order.state.value)
    return order
