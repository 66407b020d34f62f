"""Money going back: reserved on the order, booked, sent once under its own number, and closed by what is heard of it.

Inside the caller's open transaction, the order's row locked. Never more than was paid: a guarded UPDATE sees to it.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from prometheus_client import Counter

from handlers.claims.claims import SYSTEM
from handlers.distribution.earning import claw_back
from handlers.errors import OrderRefundTooMuch
from handlers.orders.merchant_parts import unsold
from handlers.orders.money import goes_back, went_back
from handlers.orders.moving import note
from handlers.orders.on_the_bill import credited
from handlers.orders.order_views import instant_or_none
from handlers.outbox import later
from handlers.paid_terms.fee_shares import take_back_shares
from handlers.ports import RefundSays
from handlers.rules.order_states import REFUND_PAUSE, refund_after, require_edge
from models.database import require_atomic, row, rows
from models.ids import new_id
from models.orders import OrderRefund
from models.sql import as_uuid
from models.statements import orders as statements
from models.words import OrderRefundCause, OrderRefundState, OrderState, RefundHeard

SEND = "send_refund"  # the kind of the job

REFUNDED = Counter("fanpiao_order_refunds", "Refunds by where they went.", ["state"])

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """Where the refund stands now. `is_believed`: what was said is about this refund and its amount."""

    state: OrderRefundState
    is_believed: bool = True


async def send_back(
    order_id: UUID,
    amount_fen: int,
    cause: OrderRefundCause,
    *,
    at: datetime,
    reason: str = "",
    claims: Sequence[UUID] = (),
    unsold_claims: Sequence[UUID] | None = None,
) -> UUID:
    """Part of what an order earned goes back, for these of its claims (`order_claim` rows); the refund's id.

    `unsold_claims`: those of which the merchant earns nothing, where that is not all of them. Raises
    OrderRefundTooMuch.
    """
    refund_id = await _begin(order_id, amount_fen, cause, reason, at)
    if claims and len(await rows(statements.MARK_REFUNDED, sorted(claims), refund_id)) < len(set(claims)):
        raise OrderRefundTooMuch(left_fen=0)
    await unsold(set(claims if unsold_claims is None else unsold_claims), at=at)
    await goes_back(refund_id, amount_fen, at=at)
    await claw_back(order_id, refund_id, at=at)
    await take_back_shares(order_id, refund_id, at=at)
    return refund_id


async def send_back_whole(order_id: UUID, amount_fen: int, cause: OrderRefundCause, *, at: datetime) -> UUID:
    """All of what an order did not earn: it is owed already."""
    return await _begin(order_id, amount_fen, cause, "", at)


async def send_another(found: Mapping[str, Any], *, at: datetime) -> UUID | None:
    """Another refund, with a number of its own, for one that the payment service closed without effect; its id.

    The money is owed and reserved already. None where it has not failed.
    """
    require_atomic()
    failed_id, order_id = as_uuid(found["id"]), as_uuid(found["order_id"])
    if not await rows(statements.REPLACE, failed_id):
        return None
    cause = OrderRefundCause(found["cause"])
    refund_id = await _write(order_id, int(found["amount_fen"]), cause, found["reason"], at)
    await rows(statements.TAKE_OVER_CLAIMS, failed_id, refund_id)
    return refund_id


async def _begin(order_id: UUID, amount_fen: int, cause: OrderRefundCause, reason: str, at: datetime) -> UUID:
    require_atomic()
    if not await rows(statements.RESERVE, order_id, amount_fen):
        found = await row(statements.ONE, order_id)
        left = int(found["amount_fen"]) - int(found["refunded_fen"]) if found else 0
        raise OrderRefundTooMuch(left_fen=left)
    return await _write(order_id, amount_fen, cause, reason, at)


async def _write(order_id: UUID, amount_fen: int, cause: OrderRefundCause, reason: str, at: datetime) -> UUID:
    last = await row(statements.LAST_SENT, order_id)
    before = instant_or_none(last["sent_at"]) if last else None
    when = at if before is None else max(at, before + REFUND_PAUSE)
    refund_id = new_id()
    await OrderRefund.create(
        id=refund_id,
        order_id=order_id,
        number=refund_id.hex,
        amount_fen=amount_fen,
        cause=cause,
        reason=reason,
        asked_at=at,
        look_at=when,
    )
    await later(SEND, key=f"order_refund:{refund_id}", at=when, refund_id=str(refund_id))
    return refund_id


async def settle(number: str, says: RefundSays, *, at: datetime) -> Settled | None:
    """Take in what a payment service said of a refund; None: there is none of this number."""
    require_atomic()
    found = await row(statements.REFUND_LOCKED, number)
    if found is None:
        return None
    state, refund_id = OrderRefundState(found["state"]), as_uuid(found["id"])
    if not _is_about(found, says):
        log.error("refund_differs", extra={"number": found["number"], "heard": says.heard})
        return Settled(state, is_believed=False)
    target = refund_after(state, says.heard)
    if target is None:
        if says.heard is RefundHeard.DONE and state in {OrderRefundState.FAILED, OrderRefundState.REPLACED}:
            _complain("refund_contradicted", found)
        if says.reason:
            await rows(statements.REFUND_SAID, refund_id, says.reason[:64])
        return Settled(state)
    moved = statements.MOVE_REFUND, refund_id, state.value, target.value, says.refund_id[:64], says.reason[:64]
    if not await rows(*moved):
        return Settled(state)
    REFUNDED.labels(target.value).inc()
    match target:
        case OrderRefundState.DONE:
            await rows(statements.CLOSE_REFUND, refund_id, at)
            await _arrived(found, says, at)
        case OrderRefundState.FAILED:
            await rows(statements.CLOSE_REFUND, refund_id, at)
            _complain("refund_failed", found)
        case OrderRefundState.STUCK:
            _complain("refund_stuck", found)
    return Settled(target)


def _is_about(found: Mapping[str, Any], says: RefundSays) -> bool:
    if says.heard in {RefundHeard.UNKNOWN, RefundHeard.ABSENT, RefundHeard.REFUSED}:
        return True
    return (
        says.number == found["number"]
        and says.order_number == found["order_number"]
        and says.amount_fen == int(found["amount_fen"])
        and says.total_fen in {None, int(found["total_fen"])}
        and says.mch_id in {"", found["mch_id"]}
    )


async def _arrived(found: Mapping[str, Any], says: RefundSays, at: datetime) -> None:
    refund_id, order_id = as_uuid(found["id"]), as_uuid(found["order_id"])
    await went_back(refund_id, int(found["amount_fen"]), at=at)
    await credited(refund_id, order_id, int(found["amount_fen"]), says)
    is_all = int(found["refunded_fen"]) == int(found["total_fen"])
    if is_all and not await rows(statements.NOT_BACK, order_id):
        before = OrderState(found["order_state"])
        require_edge(before, OrderState.REFUNDED)
        if await rows(statements.CLOSE, order_id, before.value, OrderState.REFUNDED.value, at):
            await note(order_id, before, OrderState.REFUNDED, "refunded", SYSTEM, at=at)
    member_id = str(as_uuid(found["member_id"]))
    told = {"member_id": member_id, "title": found["title"], "amount_fen": int(found["amount_fen"])}
    if says.credit is not None:
        told["credit"] = says.credit.value
    await later("say_refunded", key=f"refunded:{refund_id}", at=at, order_key=f"chat:{member_id}", **told)


def _complain(event: str, found: Mapping[str, Any]) -> None:
    """The money is still owed, and only people can see to it."""
    log.error(event, extra={"number": found["number"], "order": found["order_number"]})
