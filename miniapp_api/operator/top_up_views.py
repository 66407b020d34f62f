"""Orders of top-ups: what became of one whose supplier says nothing, by two; and what was never sent, by one."""

from datetime import datetime
from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field, StringConstraints

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    RoleMissing,
    TopUpNotUnderWay,
    TopUpProofMissing,
    TopUpProposed,
    TopUpSent,
    TopUpTooSoon,
    TopUpUnknown,
)
from handlers.fulfillment.cancelling import TopUpCancelled
from handlers.fulfillment.hand_settling import HandSettlement, PendingSettlement
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.grant_shapes import Reason
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from models.words import FulfillmentState

Outcome = Literal["done", "failed"]
Proof = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]{1,64}$"),
    Field(description="the supplier's own number of what it did", examples=["YC20261127-0042"]),
]
_DECIDED = (RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided, TopUpUnknown)


class SettlementBody(Body):
    """What became of it, and how that is known. For `done` the supplier's number of it has to be named."""

    outcome: Outcome
    proof: Proof | None = None
    reason: Reason


class TopUpSettlementOut(Out):
    """With an `approval_id` a second operator has to approve it first."""

    order_id: Id
    order_no: str
    state: FulfillmentState
    outcome: Outcome
    approval_id: Id | None

    @classmethod
    def of(cls, told: HandSettlement) -> "TopUpSettlementOut":
        return cls(
            order_id=told.order_id,
            order_no=told.order_no,
            state=told.state,
            outcome=_outcome(is_done=told.is_done),
            approval_id=told.approval_id,
        )


class CancelBody(Body):
    reason: Reason


class TopUpCancelledOut(Out):
    """The claim is revoked; its unit, its limit and its points are back."""

    order_id: Id
    order_no: str
    claim_id: Id
    state: FulfillmentState

    @classmethod
    def of(cls, told: TopUpCancelled) -> "TopUpCancelledOut":
        return cls(order_id=told.order_id, order_no=told.order_no, claim_id=told.claim_id, state=told.state)


class PendingSettlementOut(Out):
    id: Id
    order_id: Id
    order_no: str
    outcome: Outcome
    proof: str
    reason: str
    proposed_by: Id
    proposed_at: datetime

    @classmethod
    def of(cls, found: PendingSettlement) -> "PendingSettlementOut":
        return cls(
            id=found.id,
            order_id=found.order_id,
            order_no=found.order_no,
            outcome=_outcome(is_done=found.is_done),
            proof=found.proof,
            reason=found.reason,
            proposed_by=found.proposed_by,
            proposed_at=found.proposed_at,
        )


def _outcome(*, is_done: bool) -> Outcome:
    return "done" if is_done else "failed"


@endpoint(
    tags=["supplier"],
    auth="operator",
    refuses=[RoleMissing, TopUpUnknown, TopUpNotUnderWay, TopUpTooSoon, TopUpProposed, TopUpProofMissing],
)
async def settle_top_up(
    request: web.Request, order_id: Id, /, body: SettlementBody, *, idempotency_key: str
) -> Created[TopUpSettlementOut]:
    """Propose what became of an order of which nothing was heard for 24 hours. Nothing moves before it is approved."""
    answer = await handlers(request).hand_settling.propose(
        operator(request),
        order_id,
        is_done=body.outcome == "done",
        proof=body.proof or "",
        reason=body.reason,
        request_id=idempotency_key,
    )
    return reply(answer, TopUpSettlementOut.of, status=201)


@endpoint(tags=["supplier"], auth="operator", refuses=[RoleMissing])
async def pending_settlements(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[PendingSettlementOut]]:
    """What waits for a second operator, the oldest first."""
    found = await handlers(request).hand_settling.pending(operator(request), after=after(cursor), limit=limit + 1)
    items = [PendingSettlementOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["supplier"], auth="operator", refuses=[*_DECIDED, TopUpNotUnderWay, TopUpTooSoon])
async def approve_settlement(
    request: web.Request, settlement_id: Id, /, *, idempotency_key: str
) -> Ok[TopUpSettlementOut]:
    """Settle it as another operator proposed: done is used and told, failed gives unit and limits back."""
    answer = await handlers(request).hand_settling.approve(operator(request), settlement_id, request_id=idempotency_key)
    return reply(answer, TopUpSettlementOut.of, status=200)


@endpoint(tags=["supplier"], auth="operator", refuses=_DECIDED)
async def reject_settlement(
    request: web.Request, settlement_id: Id, /, *, idempotency_key: str
) -> Ok[TopUpSettlementOut]:
    """Go on asking the supplier."""
    answer = await handlers(request).hand_settling.reject(operator(request), settlement_id, request_id=idempotency_key)
    return reply(answer, TopUpSettlementOut.of, status=200)


@endpoint(tags=["supplier"], auth="operator", refuses=[RoleMissing, TopUpUnknown, TopUpSent])
async def cancel_top_up(
    request: web.Request, order_id: Id, /, body: CancelBody, *, idempotency_key: str
) -> Ok[TopUpCancelledOut]:
    """Call off an order that was never sent. One that the supplier may have is refused."""
    answer = await handlers(request).top_up_cancelling.cancel(
        operator(request), order_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, TopUpCancelledOut.of, status=200)


ROUTES = [
    web.post("/operator/top-ups/{order_id}/cancel", cancel_top_up),
    web.post("/operator/top-ups/{order_id}/settlement", settle_top_up),
    web.get("/operator/top-up-settlements", pending_settlements),
    web.post("/operator/top-up-settlements/{settlement_id}/approve", approve_settlement),
    web.post("/operator/top-up-settlements/{settlement_id}/reject", reject_settlement),
]
