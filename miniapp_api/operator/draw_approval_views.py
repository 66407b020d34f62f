"""What one operator asked for of a draw and a second one decides."""

from aiohttp import web

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    DrawChangedSince,
    DrawNotPublishable,
    DrawStateWrong,
    MemberFrozen,
    MemberUnknown,
    PrizeUnknown,
    RoleMissing,
    StockTooLarge,
)
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.draw_shapes import DrawDecidedOut, DrawPendingOut
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page

_DECIDED = (RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided)
_UNDOABLE = (
    *(DrawStateWrong, DrawChangedSince, DrawNotPublishable, PrizeUnknown, StockTooLarge),
    *(MemberUnknown, MemberFrozen),
)


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing])
async def draw_approvals(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[DrawPendingOut]]:
    """More of a prize, chances by hand, other odds: what waits for a second operator, the oldest first."""
    found = await handlers(request).draw_approvals.pending(operator(request), after=after(cursor), limit=limit + 1)
    items = [DrawPendingOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["draw"], auth="operator", refuses=[*_DECIDED, *_UNDOABLE])
async def approve(request: web.Request, draw_approval_id: Id, /, *, idempotency_key: str) -> Ok[DrawDecidedOut]:
    """Do what another operator asked for."""
    answer = await handlers(request).draw_approvals.approve(
        operator(request), draw_approval_id, request_id=idempotency_key
    )
    return reply(answer, DrawDecidedOut.model_validate, status=200)


@endpoint(tags=["draw"], auth="operator", refuses=_DECIDED)
async def reject(request: web.Request, draw_approval_id: Id, /, *, idempotency_key: str) -> Ok[DrawDecidedOut]:
    """Leave the draw as it is."""
    answer = await handlers(request).draw_approvals.reject(
        operator(request), draw_approval_id, request_id=idempotency_key
    )
    return reply(answer, DrawDecidedOut.model_validate, status=200)


ROUTES = [
    web.get("/operator/draw-approvals", draw_approvals),
    web.post("/operator/draw-approvals/{draw_approval_id}/approve", approve),
    web.post("/operator/draw-approvals/{draw_approval_id}/reject", reject),
]
