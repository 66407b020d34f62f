"""The clerks' door beside redeeming: member codes, help along, voiding, and the shop's own phone."""

from aiohttp import web

from handlers.errors import (
    AccountUnknown,
    CardKindUnknown,
    CardNumberWrong,
    ClaimNotVoidable,
    ClaimUnknown,
    ClerkUnknown,
    IdentifiedSelf,
    LoginCodeRefused,
    ManagerNeeded,
    MemberBlocked,
    MemberCodeInvalid,
    MemberFrozen,
    Overloaded,
    PinDiffers,
    PinNotYours,
    PinWeak,
    StoreNeeded,
    StoreUnknown,
    TicketExpired,
    TooManyWrongCodes,
    VisitOver,
    VoidRequested,
    VoidTooValuable,
    VoidWithinLimit,
    WeChatUnavailable,
)
from miniapp_api.auth import clerk
from miniapp_api.clerk.serving_shapes import (
    BindingBody,
    ColleagueOut,
    IdentifiedOut,
    IdentifyBody,
    PinBody,
    StartedOut,
    SwitchBody,
    VoidBody,
    VoidedOut,
    VoidRequestOut,
)
from miniapp_api.clerk.shapes import ClerkSessionOut
from miniapp_api.http import endpoint
from miniapp_api.keys import address_of, handlers
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, NoContent, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page

_WHERE = (StoreUnknown, StoreNeeded)


@endpoint(
    tags=["counter"],
    auth="clerk",
    refuses=[MemberCodeInvalid, IdentifiedSelf, MemberBlocked, TooManyWrongCodes, *_WHERE, Overloaded],
)
async def identify(request: web.Request, body: IdentifyBody) -> Ok[IdentifiedOut]:
    """Whose a member code is, masked, and what of theirs this store honours now. The code is used up by it."""
    found = await handlers(request).identifying.identify(
        clerk(request),
        body.token,
        store_id=body.store_id,
        device_id=body.device_id or "",
        address=address_of(request),
    )
    return Ok(IdentifiedOut.of(found))


@endpoint(tags=["counter"], auth="clerk", refuses=[*_WHERE, AccountUnknown])
async def join_link(request: web.Request, store_id: Id | None = None) -> Ok[StartedOut]:
    """Where somebody who is no member yet joins on their own phone; the store is noted as what brought them."""
    return Ok(StartedOut.of(await handlers(request).assisting.join(clerk(request), store_id=store_id)))


@endpoint(
    tags=["counter"],
    auth="clerk",
    refuses=[VisitOver, CardKindUnknown, CardNumberWrong, TicketExpired, AccountUnknown, MemberFrozen, *_WHERE],
)
async def begin_binding(request: web.Request, body: BindingBody, *, idempotency_key: str) -> Created[StartedOut]:
    """Begin to bind a card for an identified member, who proves on the own phone that it is theirs; told in chat."""
    answer = await handlers(request).assisting.bind(
        clerk(request),
        member_id=body.member_id,
        visit=body.visit_token,
        kind=body.kind,
        number=body.number,
        store_id=body.store_id,
        request_id=idempotency_key,
    )
    return reply(answer, StartedOut.of, status=201)


@endpoint(tags=["redemption"], auth="clerk", refuses=[ManagerNeeded, ClaimUnknown, ClaimNotVoidable, VoidTooValuable])
async def void(request: web.Request, claim_id: Id, /, body: VoidBody, *, idempotency_key: str) -> Created[VoidedOut]:
    """Void a claim on what the own merchant gives, for good. For managers, up to the limit of the merchant's terms."""
    answer = await handlers(request).voiding.void(
        clerk(request), claim_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, VoidedOut.of, status=201)


@endpoint(
    tags=["redemption"],
    auth="clerk",
    refuses=[ManagerNeeded, ClaimUnknown, ClaimNotVoidable, VoidWithinLimit, VoidRequested],
)
async def ask_for_void(
    request: web.Request, claim_id: Id, /, body: VoidBody, *, idempotency_key: str
) -> Created[VoidRequestOut]:
    """Ask the operator to void what is worth more than a manager voids alone. It waits 72 hours. For managers."""
    answer = await handlers(request).void_requests.ask(
        clerk(request), claim_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, VoidRequestOut.of, status=201)


@endpoint(tags=["redemption"], auth="clerk", refuses=[ManagerNeeded])
async def void_requests(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[VoidRequestOut]]:
    """What managers of the own merchant asked for, the newest first, with what became of it. For managers."""
    found = await handlers(request).void_requests.of_manager(clerk(request), after=after(cursor), limit=limit + 1)
    items = [VoidRequestOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(
    tags=["clerk"],
    auth="clerk",
    limit="login",
    refuses=[PinWeak, PinNotYours, LoginCodeRefused, MemberFrozen, WeChatUnavailable],
)
async def set_pin(request: web.Request, body: PinBody, *, idempotency_key: str | None = None) -> NoContent:
    """Set the own PIN for a shop's phone. The login code is of the clerk's own WeChat."""
    answer = await handlers(request).clerk_switching.set_pin(
        clerk(request), pin=body.pin, code=body.code, account=body.account, request_id=idempotency_key
    )
    return NoContent(replayed=answer.replayed)


@endpoint(tags=["clerk"], auth="clerk")
async def colleagues(request: web.Request) -> Ok[Page[ColleagueOut]]:
    """Who can take this phone over by a PIN."""
    found = await handlers(request).clerk_switching.colleagues(clerk(request))
    return Ok(Page(items=[ColleagueOut.model_validate(each) for each in found]))


@endpoint(tags=["clerk"], auth="clerk", limit="login", refuses=[ClerkUnknown, PinDiffers, TooManyWrongCodes])
async def switch(request: web.Request, body: SwitchBody) -> Created[ClerkSessionOut]:
    """End this session and begin a colleague's on the same phone. Wrong PINs lock the colleague and the device."""
    opened = await handlers(request).clerk_switching.switch(
        clerk(request), clerk_id=body.clerk_id, name=body.name, pin=body.pin, device_id=body.device_id
    )
    return Created(ClerkSessionOut.of(opened))


ROUTES = [
    web.post("/clerk/members/identify", identify),
    web.get("/clerk/members/join-link", join_link),
    web.post("/clerk/members/bindings", begin_binding),
    web.post("/clerk/claims/{claim_id}/void", void),
    web.post("/clerk/claims/{claim_id}/void-requests", ask_for_void),
    web.get("/clerk/void-requests", void_requests),
    web.put("/clerk/pin", set_pin),
    web.get("/clerk/sessions/colleagues", colleagues),
    web.post("/clerk/sessions/switch", switch),
]
