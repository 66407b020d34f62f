"""Orders as operators see them, and money that they give back."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    OrderRefundTooMuch,
    OrderRefundUnknown,
    OrderUnknown,
    RefundNeedsSecond,
    RefundNotFailed,
    RefundNothing,
    RefundTooLate,
    RoleMissing,
)
from handlers.orders.order_views import OperatedOrder
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.order_shapes import MostFen, OrderOut, RefundOut
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page, encode_cursor
from models.words import OrderState

_DECIDED = [RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided]


class GiveBackBody(Body):
    """Any part of what was paid and is still here; whoever paid keeps what they hold. The payer reads the reason."""

    amount_fen: MostFen
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class ProposedRefundOut(Out):
    """What a second operator has to approve, or rejected."""

    id: Id
    order_id: Id
    amount_fen: int
    reason: str
    proposed_by: Id
    proposed_at: datetime


class OperatedOrderOut(Out):
    order: OrderOut
    member_id: Id
    organization_id: Id
    transaction_id: str | None

    @classmethod
    def of(cls, found: OperatedOrder) -> "OperatedOrderOut":
        """In its outer shape."""
        return cls(
            order=OrderOut.of(found.order),
            member_id=found.member_id,
            organization_id=found.organization_id,
            transaction_id=found.transaction_id,
        )


@endpoint(tags=["order"], auth="operator", refuses=[RoleMissing])
async def orders(
    request: web.Request, state: OrderState | None = None, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[OperatedOrderOut]]:
    """Orders of the own organizations, the newest first."""
    found = await handlers(request).operator_orders.page(
        operator(request), state=state, after=after(cursor), limit=limit + 1
    )
    more = encode_cursor([str(found[limit - 1].order.id)]) if len(found) > limit else None
    return Ok(Page(items=[OperatedOrderOut.of(each) for each in found[:limit]], next_cursor=more))


@endpoint(tags=["order"], auth="operator", refuses=[RoleMissing, OrderUnknown])
async def order(request: web.Request, sales_order_id: Id, /) -> Ok[OperatedOrderOut]:
    """One order."""
    return Ok(OperatedOrderOut.of(await handlers(request).operator_orders.one(operator(request), sales_order_id)))


@endpoint(
    tags=["order"],
    auth="operator",
    refuses=[RoleMissing, OrderUnknown, RefundNothing, RefundTooLate, OrderRefundTooMuch, RefundNeedsSecond],
)
async def give_back(
    request: web.Request, sales_order_id: Id, /, body: GiveBackBody, *, idempotency_key: str
) -> Created[RefundOut]:
    """Give back a part or all of the money."""
    answer = await handlers(request).order_refunds.give(
        operator(request), sales_order_id, amount_fen=body.amount_fen, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, RefundOut.model_validate, status=201)


@endpoint(
    tags=["order"],
    auth="operator",
    refuses=[RoleMissing, OrderUnknown, RefundNothing, RefundTooLate, OrderRefundTooMuch],
)
async def propose_refund(
    request: web.Request, sales_order_id: Id, /, body: GiveBackBody, *, idempotency_key: str
) -> Created[ProposedRefundOut]:
    """Ask a second operator to give back more than one may alone."""
    answer = await handlers(request).refund_proposals.propose(
        operator(request), sales_order_id, amount_fen=body.amount_fen, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, ProposedRefundOut.model_validate, status=201)


@endpoint(tags=["order"], auth="operator", refuses=[RoleMissing])
async def proposed_refunds(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[ProposedRefundOut]]:
    """What waits for a second operator, the oldest first."""
    found = await handlers(request).refund_proposals.pending(operator(request), after=after(cursor), limit=limit + 1)
    items = [ProposedRefundOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(
    tags=["order"], auth="operator", refuses=[*_DECIDED, OrderUnknown, RefundNothing, RefundTooLate, OrderRefundTooMuch]
)
async def approve_refund(
    request: web.Request, refund_proposal_id: Id, /, *, idempotency_key: str
) -> Created[RefundOut]:
    """Give back what another operator proposed."""
    answer = await handlers(request).refund_proposals.approve(
        operator(request), refund_proposal_id, request_id=idempotency_key
    )
    return reply(answer, RefundOut.model_validate, status=201)


@endpoint(tags=["order"], auth="operator", refuses=_DECIDED)
async def reject_refund(
    request: web.Request, refund_proposal_id: Id, /, *, idempotency_key: str
) -> Ok[ProposedRefundOut]:
    """Leave it as it is."""
    answer = await handlers(request).refund_proposals.reject(
        operator(request), refund_proposal_id, request_id=idempotency_key
    )
    return reply(answer, ProposedRefundOut.model_validate, status=200)


@endpoint(tags=["order"], auth="operator", refuses=[RoleMissing, OrderRefundUnknown, RefundNotFailed])
async def send_another(request: web.Request, order_refund_id: Id, /, *, idempotency_key: str) -> Created[RefundOut]:
    """Try anew, under another number, what the payment service closed without effect."""
    answer = await handlers(request).order_refunds.send_another(
        operator(request), order_refund_id, request_id=idempotency_key
    )
    return reply(answer, RefundOut.model_validate, status=201)


ROUTES = [
    web.get("/operator/orders", orders),
    web.get("/operator/orders/{sales_order_id}", order),
    web.post("/operator/orders/{sales_order_id}/refunds", give_back),
    web.post("/operator/order-refunds/{order_refund_id}/retry", send_another),
    web.post("/operator/orders/{sales_order_id}/refund-proposals", propose_refund),
    web.get("/operator/refund-proposals", proposed_refunds),
    web.post("/operator/refund-proposals/{refund_proposal_id}/approve", approve_refund),
    web.post("/operator/refund-proposals/{refund_proposal_id}/reject", reject_refund),
]
