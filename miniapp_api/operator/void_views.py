"""Voiding claims, by two above a set value."""

from datetime import datetime

from aiohttp import web

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    ClaimNotVoidable,
    ClaimUnknown,
    RoleMissing,
    VoidRequestOver,
    VoidRequestUnknown,
)
from miniapp_api.auth import operator
from miniapp_api.clerk.serving_shapes import VoidBody, VoidedOut, VoidRequestOut
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Out, Page

_DECIDED = (RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided)


class PendingVoidOut(Out):
    id: Id
    claim_id: Id
    worth_fen: int
    reason: str
    proposed_by: Id
    proposed_at: datetime


@endpoint(tags=["claim"], auth="operator", refuses=[RoleMissing, ClaimUnknown, ClaimNotVoidable])
async def void_claim(
    request: web.Request, claim_id: Id, /, body: VoidBody, *, idempotency_key: str
) -> Created[VoidedOut]:
    """Void a claim for good; worth more than 100 yuan it becomes a proposal for a second operator."""
    answer = await handlers(request).voiding.propose(
        operator(request), claim_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, VoidedOut.of, status=201)


@endpoint(tags=["claim"], auth="operator", refuses=[RoleMissing])
async def pending_voids(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[PendingVoidOut]]:
    """What waits for a second operator, the oldest first."""
    found = await handlers(request).voiding.pending(operator(request), after=after(cursor), limit=limit + 1)
    items = [PendingVoidOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["claim"], auth="operator", refuses=[*_DECIDED, ClaimNotVoidable])
async def approve_void(request: web.Request, void_id: Id, /, *, idempotency_key: str) -> Ok[VoidedOut]:
    """Void what another operator proposed."""
    answer = await handlers(request).voiding.approve(operator(request), void_id, request_id=idempotency_key)
    return reply(answer, VoidedOut.of, status=200)


@endpoint(tags=["claim"], auth="operator", refuses=_DECIDED)
async def reject_void(request: web.Request, void_id: Id, /, *, idempotency_key: str) -> Ok[VoidedOut]:
    """Leave the claim as it is."""
    answer = await handlers(request).voiding.reject(operator(request), void_id, request_id=idempotency_key)
    return reply(answer, VoidedOut.of, status=200)


@endpoint(tags=["claim"], auth="operator", refuses=[RoleMissing])
async def waiting_void_requests(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[VoidRequestOut]]:
    """What managers at the counter want voided and is to be decided, the oldest first."""
    found = await handlers(request).void_requests.waiting(operator(request), after=after(cursor), limit=limit + 1)
    items = [VoidRequestOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["claim"], auth="operator", refuses=[RoleMissing, VoidRequestUnknown, VoidRequestOver, ClaimNotVoidable])
async def approve_void_request(
    request: web.Request, void_request_id: Id, /, *, idempotency_key: str
) -> Ok[VoidRequestOut]:
    """Void what a manager asked for."""
    answer = await handlers(request).void_requests.approve(
        operator(request), void_request_id, request_id=idempotency_key
    )
    return reply(answer, VoidRequestOut.of, status=200)


@endpoint(tags=["claim"], auth="operator", refuses=[RoleMissing, VoidRequestUnknown, VoidRequestOver])
async def reject_void_request(
    request: web.Request, void_request_id: Id, /, *, idempotency_key: str
) -> Ok[VoidRequestOut]:
    """Leave the claim as it is."""
    answer = await handlers(request).void_requests.reject(
        operator(request), void_request_id, request_id=idempotency_key
    )
    return reply(answer, VoidRequestOut.of, status=200)


ROUTES = [
    web.post("/operator/claims/{claim_id}/void", void_claim),
    web.get("/operator/claim-voids", pending_voids),
    web.post("/operator/claim-voids/{void_id}/approve", approve_void),
    web.post("/operator/claim-voids/{void_id}/reject", reject_void),
    web.get("/operator/void-requests", waiting_void_requests),
    web.post("/operator/void-requests/{void_request_id}/approve", approve_void_request),
    web.post("/operator/void-requests/{void_request_id}/reject", reject_void_request),
]
