"""The edges of an order: each is taken by one guarded UPDATE, leaves an event, and gives back what was locked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.claims.claims import SYSTEM
from handlers.orders.locking import unlock
from handlers.requests import Actor
from handlers.rules.order_states import require_edge
from models.database import require_atomic, row, rows
from models.orders import OrderEvent
from models.sql import as_uuid
from models.statements import orders as statements
from models.words import OrderState

SWEPT_AT_ONCE = 50


async def note(
    order_id: UUID, before: OrderState | None, after: OrderState, reason: str, actor: Actor, *, at: datetime
) -> None:
    """An edge that was just gone along; without a `before` it is the first."""
    await OrderEvent.create(
        order_id=order_id,
        from_state=before.value if before else "",
        to_state=after.value,
        reason=reason,
        actor_kind=actor.kind,
        actor_id=actor.actor_id,
        happened_at=at,
    )


async def end_waiting(order_id: UUID, to: OrderState, *, reason: str, actor: Actor, at: datetime) -> bool:
    """Expire or cancel an order that nobody paid, everything it locked given back; whether it was this call."""
    require_atomic()
    require_edge(OrderState.WAITING, to)
    found = await row(statements.LOCK_ORDER, order_id, OrderState.WAITING.value)
    if found is None or not await rows(statements.CLOSE, order_id, OrderState.WAITING.value, to.value, at):
        return False
    await unlock([found], at=at)
    await note(order_id, OrderState.WAITING, to, reason, actor, at=at)
    return True


async def expire_of_offer(offer_id: UUID, *, at: datetime) -> int:
    """What nobody has swept yet of an offer, so that whoever comes now finds it; how many orders.

    Those that somebody else holds at this moment are theirs.
    """
    ended: list[Mapping[str, Any]] = []
    for each in await rows(statements.OVERDUE_OF_OFFER, offer_id, at, SWEPT_AT_ONCE):
        order_id = as_uuid(each["id"])
        if await rows(statements.CLOSE, order_id, OrderState.WAITING.value, OrderState.EXPIRED.value, at):
            ended.append(each)
            await note(order_id, OrderState.WAITING, OrderState.EXPIRED, "time", SYSTEM, at=at)
    await unlock(ended, at=at)
    return len(ended)
