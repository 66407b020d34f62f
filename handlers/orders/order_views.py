"""Orders as they are shown, to whoever has them and to operators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.rules.order_states import stands
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import orders as statements
from models.words import ChargeState, OrderRefundCause, OrderRefundState, OrderState, PaymentMethod


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """Money on its way back, or back."""

    id: UUID
    number: str
    amount_fen: int
    state: OrderRefundState
    cause: OrderRefundCause
    reason: str
    asked_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """One order, of an offer or of a plan; the state is that of this moment. `claims` are what it became."""

    id: UUID
    number: str
    offer_id: UUID | None
    title: str
    quantity: int
    price_fen: int
    amount_fen: int
    refunded_fen: int
    state: OrderState
    method: PaymentMethod
    recharge_tail: str
    ordered_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    claims: tuple[UUID, ...] = ()
    refunds: tuple[RefundSeen, ...] = ()
    plan_id: UUID | None = None
    points: int = 0  # for all of it, beside the money


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How an order on a phone bill is confirmed: with the code that the carrier sent to the number.

    `code_valid_until` and `next_code_at` are null while no code was sent; `state` says where the charge stands.
    """

    tail: str
    state: ChargeState
    code_valid_until: datetime | None
    next_code_at: datetime | None
    attempts_left: int
    codes_left: int


@dataclass(frozen=True, slots=True)
class OperatedOrder:
    """The same with what operators need to find it in the payment service's own books."""

    order: OrderSeen
    member_id: UUID
    organization_id: UUID
    transaction_id: str | None


async def seen(found: Sequence[Mapping[str, Any]], now: datetime) -> list[OrderSeen]:
    """Rows as they are shown; two reads for all of them."""
    ids = [as_uuid(each["id"]) for each in found]
    claims: dict[UUID, list[UUID]] = {}
    refunds: dict[UUID, list[RefundSeen]] = {}
    for each in await rows(statements.CLAIMS, ids) if ids else ():
        claims.setdefault(as_uuid(each["order_id"]), []).append(as_uuid(each["claim_id"]))
    for each in await rows(statements.REFUNDS, ids) if ids else ():
        refunds.setdefault(as_uuid(each["order_id"]), []).append(refund_seen(each))
    return [order_seen(each, now, claims, refunds) for each in found]


def order_seen(
    found: Mapping[str, Any],
    now: datetime,
    claims: Mapping[UUID, Sequence[UUID]] | None = None,
    refunds: Mapping[UUID, Sequence[RefundSeen]] | None = None,
) -> OrderSeen:
    """One row."""
    order_id, expires_at = as_uuid(found["id"]), as_instant(found["expires_at"])
    return OrderSeen(
        id=order_id,
        number=found["number"],
        offer_id=as_uuid(found["offer_id"]) if found["offer_id"] else None,
        title=found["title"],
        quantity=int(found["quantity"]),
        price_fen=int(found["price_fen"]),
        amount_fen=int(found["amount_fen"]),
        refunded_fen=int(found["refunded_fen"]),
        state=stands(OrderState(found["state"]), expires_at, now),
        method=PaymentMethod(found["method"]),
        recharge_tail=found["recharge_to_tail"],
        ordered_at=as_instant(found["ordered_at"]),
        expires_at=expires_at,
        paid_at=instant_or_none(found["paid_at"]),
        claims=tuple((claims or {}).get(order_id, ())),
        refunds=tuple((refunds or {}).get(order_id, ())),
        plan_id=as_uuid(found["plan_id"]) if found["plan_id"] else None,
        points=int(found["price_points"]) * int(found["quantity"]),
    )


def refund_seen(found: Mapping[str, Any]) -> RefundSeen:
    """One row of a refund."""
    return RefundSeen(
        id=as_uuid(found["id"]),
        number=found["number"],
        amount_fen=int(found["amount_fen"]),
        state=OrderRefundState(found["state"]),
        cause=OrderRefundCause(found["cause"]),
        reason=found["reason"],
        asked_at=as_instant(found["asked_at"]),
        closed_at=instant_or_none(found["closed_at"]),
    )


async def refund_of(refund_id: UUID) -> RefundSeen:
    """One refund, which is there."""
    found = await row(statements.REFUND, refund_id)
    assert found is not None  # noqa: S101 - written a moment ago
    return refund_seen(found)


def instant_or_none(value: Any) -> datetime | None:
    """An instant of either database, or none."""
    return as_instant(value) if value else None
