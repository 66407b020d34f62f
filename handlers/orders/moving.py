"""The edges of an order: each is taken by one guarded UPDATE, leaves an event, and gives back what was locked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.claims.claims import SYSTEM
from handlers.orders.locking import unlock
from handlers.requests import Actor
from handlers.rules.order_states import require_edge
from models.database import put, require_atomic, row, rows
from models.ids import new_id
from models.sql import as_uuid, dump_rows
from models.statements import orders as statements
from models.words import OrderState

SWEPT_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge that was just gone along, by whom and why; without a `before` it is the first."""

    order_id: UUID
    before: OrderState | None
    after: OrderState
    reason: str
    actor: Actor


async def note(
    order_id: UUID, before: OrderState | None, after: OrderState, reason: str, actor: Actor, *, at: datetime
) -> None:
    """One of them."""
    await note_all([Edge(order_id, before, after, reason, actor)], at=at)


async def note_all(edges: Sequence[Edge], *, at: datetime) -> None:
    """As events, which stay."""
    events = [
        {
            "id": new_id(),
            "order_id": each.order_id,
            "from_state": each.before.value if each.before else "",
            "to_state": each.after.value,
            "reason": each.reason,
            "actor_kind": each.actor.kind,
            "actor_id": each.actor.actor_id,
        }
        for each in edges
    ]
    if events:
        await put(statements.ADD_EVENTS, dump_rows(events), at)


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
    """What nobody has swept yet of an offer, in a transaction that does nothing else; how many orders.

    Those that somebody else holds at this moment are theirs.
    """
    require_atomic()
    ended: list[Mapping[str, Any]] = []
    for each in await rows(statements.OVERDUE_OF_OFFER, offer_id, at, SWEPT_AT_ONCE):
        order_id = as_uuid(each["id"])
        if await rows(statements.CLOSE, order_id, OrderState.WAITING.value, OrderState.EXPIRED.value, at):
            ended.append(each)
            await note(order_id, OrderState.WAITING, OrderState.EXPIRED, "time", SYSTEM, at=at)
    await unlock(ended, at=at)
    return len(ended)
