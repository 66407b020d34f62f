"""The clerks' door: invitations, sessions, and the counter."""

from aiohttp import web

from handlers.errors import (
    ClerkAlready,
    DailyRedemptionsReached,
    DailyReversalsReached,
    InvitationInvalid,
    LoginCodeRefused,
    MemberFrozen,
    NotAClerk,
    NotReversible,
    Overloaded,
    RedemptionSettled,
    RedemptionUnknown,
    StoreNeeded,
    StoreUnknown,
    TooManyWrongCodes,
    WeChatUnavailable,
)
from handlers.redemptions.redemption_answers import REFUSALS
from miniapp_api.auth import clerk
from miniapp_api.clerk.shapes import (
    AcceptBody,
    ClerkOut,
    ClerkSessionOut,
    ClerkSignInBody,
    DeviceId,
    EntryOut,
    InvitationToken,
    PreviewBody,
    PreviewOut,
    ReceiptOut,
    RedeemBody,
    RequestKey,
    ReversalBody,
    ReversedOut,
)
from miniapp_api.http import endpoint
from miniapp_api.keys import address_of, handlers
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, NoContent, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page

_LOGIN = (LoginCodeRefused, MemberFrozen, WeChatUnavailable)
_COUNTER = (*REFUSALS.values(), TooManyWrongCodes, StoreUnknown, StoreNeeded, Overloaded)


@endpoint(tags=["clerk"], limit="login", refuses=[InvitationInvalid, ClerkAlready, *_LOGIN])
async def accept_invitation(
    request: web.Request, token: InvitationToken, /, body: AcceptBody, *, idempotency_key: str
) -> Created[ClerkOut]:
    """Become a clerk by an invitation. Sign in with `POST /clerk/sessions` afterwards."""
    answer = await handlers(request).clerks.accept(
        token=token, code=body.code, account=body.account, request_id=idempotency_key
    )
    return reply(answer, ClerkOut.of, status=201)


@endpoint(tags=["clerk"], limit="login", refuses=[NotAClerk, *_LOGIN])
async def open_clerk_session(request: web.Request, body: ClerkSignInBody) -> Created[ClerkSessionOut]:
    """Sign in as a clerk. Revoking a clerk ends every session at the next request."""
    opened = await handlers(request).clerk_sessions.open(code=body.code, account=body.account, merchant=body.merchant)
    return Created(ClerkSessionOut.of(opened))


@endpoint(tags=["clerk"], auth="clerk")
async def close_clerk_session(request: web.Request) -> NoContent:
    """End this session."""
    await handlers(request).clerk_sessions.close(clerk(request))
    return NoContent()


@endpoint(tags=["redemption"], auth="clerk", refuses=_COUNTER)
async def preview(request: web.Request, body: PreviewBody) -> Ok[PreviewOut]:
    """What a code is good for. Changes nothing; a wrong code counts as one."""
    shown = await handlers(request).redemptions.preview(
        clerk(request),
        body.scan(),
        store_id=body.store_id,
        device_id=body.device_id or "",
        address=address_of(request),
    )
    return Ok(PreviewOut.of(shown))


@endpoint(tags=["redemption"], auth="clerk", refuses=[*_COUNTER, DailyRedemptionsReached])
async def redeem(request: web.Request, body: RedeemBody, *, idempotency_key: str) -> Created[ReceiptOut]:
    """Redeem up to ten codes, all or none. The same key of the same device gets the same answer, refusals too.

    A merchant may cap how many codes one clerk redeems in a business day; managers go on.
    """
    answer = await handlers(request).redemptions.redeem(
        clerk(request),
        [each.scan() for each in body.codes],
        store_id=body.store_id,
        device_id=body.device_id,
        confirm=body.confirm_token,
        bill_fen=body.bill_amount_fen,
        scanned_at=body.scanned_at,
        address=address_of(request),
        request_id=idempotency_key,
    )
    return reply(answer, ReceiptOut.of, status=201)


@endpoint(tags=["redemption"], auth="clerk", refuses=[RedemptionUnknown, *REFUSALS.values()])
async def redemption_by_key(request: web.Request, device_id: DeviceId, key: RequestKey, /) -> Ok[ReceiptOut]:
    """What became of a scan whose answer was lost. Never makes anything."""
    answer = await handlers(request).redemptions.by_key(clerk(request), device_id=device_id, key=key)
    return reply(answer, ReceiptOut.of, status=200)


@endpoint(
    tags=["redemption"],
    auth="clerk",
    refuses=[RedemptionUnknown, NotReversible, RedemptionSettled, DailyReversalsReached],
)
async def reverse(
    request: web.Request, redemption_id: Id, /, body: ReversalBody, *, idempotency_key: str
) -> Created[ReversedOut]:
    """Take a redemption back: the own within 15 minutes, a manager any within 24 hours."""
    answer = await handlers(request).reversals.reverse(
        clerk(request), redemption_id, reason=body.reason, device_id=body.device_id, request_id=idempotency_key
    )
    return reply(answer, ReversedOut.of, status=201)


@endpoint(tags=["redemption"], auth="clerk")
async def redemptions(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[EntryOut]]:
    """Redemptions and reversals, the newest first: a clerk's own, a manager's stores'."""
    found = await handlers(request).redemption_history.listing(clerk(request), after=after(cursor), limit=limit + 1)
    items = [EntryOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


ROUTES = [
    web.post("/clerk/invitations/{token}/accept", accept_invitation),
    web.post("/clerk/sessions", open_clerk_session),
    web.delete("/clerk/sessions/current", close_clerk_session),
    web.post("/clerk/redemptions/preview", preview),
    web.get("/clerk/redemptions", redemptions),
    web.post("/clerk/redemptions", redeem),
    web.get("/clerk/redemptions/by-key/{device_id}/{key}", redemption_by_key),
    web.post("/clerk/redemptions/{redemption_id}/reversal", reverse),
]
