"""Claims at the service desk: looked at, taken back, given again."""

from aiohttp import web

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    ClaimStateWrong,
    ClaimUnknown,
    MemberFrozen,
    MemberUnknown,
    OfferPaused,
    OfferSoldOut,
    RegrantedAlready,
    RegrantOver,
    RegrantPaidBack,
    RegrantTooEarly,
    RoleMissing,
)
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.grant_shapes import (
    ClaimFileOut,
    RegrantBody,
    RegrantedOut,
    RevokedOut,
    SeenClaimOut,
    TakeBackBody,
)
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page

_GIVEN = (
    ClaimUnknown,
    ClaimStateWrong,
    RegrantedAlready,
    RegrantPaidBack,
    RegrantTooEarly,
    RegrantOver,
    OfferPaused,
    OfferSoldOut,
    MemberFrozen,
)
_DECIDED = (RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided)


@endpoint(tags=["claim"], auth="operator", refuses=[RoleMissing, MemberUnknown])
async def claims_of_member(
    request: web.Request, member_id: Id, /, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[SeenClaimOut]]:
    """What a member of the own organization and below got, the newest first."""
    found = await handlers(request).claim_desk.of_member(
        operator(request), member_id, before=after(cursor), limit=limit + 1
    )
    items = [SeenClaimOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["claim"], auth="operator", refuses=[RoleMissing, ClaimUnknown])
async def claim(request: web.Request, claim_id: Id, /) -> Ok[ClaimFileOut]:
    """One claim with its history."""
    return Ok(ClaimFileOut.model_validate(await handlers(request).claim_desk.one(operator(request), claim_id)))


@endpoint(tags=["claim"], auth="operator", refuses=[RoleMissing, ClaimUnknown, ClaimStateWrong])
async def revoke_claim(
    request: web.Request, claim_id: Id, /, body: TakeBackBody, *, idempotency_key: str
) -> Ok[RevokedOut]:
    """Take a claim back, a package with its parts."""
    answer = await handlers(request).claim_desk.revoke(
        operator(request),
        claim_id,
        reason=body.reason,
        to_stock=body.return_to_stock,
        is_told=body.tell,
        request_id=idempotency_key,
    )
    return reply(answer, RevokedOut.model_validate, status=200)


@endpoint(tags=["claim"], auth="operator", refuses=[RoleMissing, *_GIVEN])
async def regrant_claim(
    request: web.Request, claim_id: Id, /, body: RegrantBody, *, idempotency_key: str
) -> Created[RegrantedOut]:
    """Give one more for a claim that went wrong, once; above a set value a second operator has to agree."""
    answer = await handlers(request).regranting.regrant(
        operator(request),
        claim_id,
        reason=body.reason,
        days=body.days,
        is_told=body.tell,
        request_id=idempotency_key,
    )
    return reply(answer, RegrantedOut.model_validate, status=201)


@endpoint(tags=["claim"], auth="operator", refuses=[*_DECIDED, *_GIVEN])
async def approve_regrant(request: web.Request, claim_id: Id, /, *, idempotency_key: str) -> Ok[RegrantedOut]:
    """Give what another operator proposed."""
    answer = await handlers(request).regranting.approve(operator(request), claim_id, request_id=idempotency_key)
    return reply(answer, RegrantedOut.model_validate, status=200)


@endpoint(tags=["claim"], auth="operator", refuses=[*_DECIDED, ClaimUnknown])
async def reject_regrant(request: web.Request, claim_id: Id, /, *, idempotency_key: str) -> Ok[RegrantedOut]:
    """Give nothing."""
    answer = await handlers(request).regranting.reject(operator(request), claim_id, request_id=idempotency_key)
    return reply(answer, RegrantedOut.model_validate, status=200)


ROUTES = [
    web.get("/operator/members/{member_id}/claims", claims_of_member),
    web.get("/operator/claims/{claim_id}", claim),
    web.post("/operator/claims/{claim_id}/revoke", revoke_claim),
    web.post("/operator/claims/{claim_id}/regrant", regrant_claim),
    web.post("/operator/claims/{claim_id}/regrant/approve", approve_regrant),
    web.post("/operator/claims/{claim_id}/regrant/reject", reject_regrant),
]
