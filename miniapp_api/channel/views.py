"""What channels tell and ask: orders, refunds, who a member is. docs/channels.md shows how a call is signed."""

from typing import Literal, get_args

from aiohttp import web

from handlers.errors import (
    BuyerInvalid,
    MemberUnknown,
    PurchaseConflict,
    PurchaseInFuture,
    PurchaseUneven,
    RefundConflict,
    RefundTooMuch,
    StoreUnknown,
)
from miniapp_api.auth import signed
from miniapp_api.channel.shapes import (
    BookedOut,
    ChannelClaimBody,
    ChannelWalletOut,
    EntriesOut,
    FoundMemberOut,
    LookupBuyerBody,
    OrderNo,
    PurchaseBody,
    PurchasesBody,
    RefundBody,
    order_of,
    refund_of,
)
from miniapp_api.errors import CursorInvalid
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.claim_shapes import ClaimedOut
from miniapp_api.member.claims import CLAIM_REFUSALS, position
from miniapp_api.operator.shapes import after
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit

ChannelStatus = Literal["held", "claimable"]

MOST_BYTES = 512 * 1024  # a hundred orders with their lines


@endpoint(
    tags=["channel"],
    auth="channel",
    refuses=[BuyerInvalid, PurchaseUneven, PurchaseInFuture, PurchaseConflict, StoreUnknown],
)
async def tell_purchase(request: web.Request, body: PurchaseBody, *, idempotency_key: str) -> Created[BookedOut]:
    """Tell of a paid order, once for its number; told again, it answers how the order stands."""
    purchases = handlers(request).purchases
    order = order_of(body, purchases.buyer)
    answer = await purchases.sell(signed(request), order, request_id=idempotency_key)
    return reply(answer, BookedOut.model_validate, status=201)


@endpoint(tags=["channel"], auth="channel", max_bytes=MOST_BYTES, refuses=[BuyerInvalid])
async def tell_purchases(request: web.Request, body: PurchasesBody, *, idempotency_key: str) -> Created[EntriesOut]:
    """Tell of up to 100 orders, each for itself: what speaks against one does not touch the others.

    Each of them counts for the day's quota.
    """
    purchases = handlers(request).purchases
    orders = [order_of(each, purchases.buyer) for each in body.items]
    answer = await purchases.sell_many(signed(request), orders, request_id=idempotency_key)
    return reply(answer, EntriesOut.model_validate, status=201)


@endpoint(tags=["channel"], auth="channel", refuses=[PurchaseInFuture, RefundConflict, RefundTooMuch])
async def tell_refund(
    request: web.Request, order_no: OrderNo, /, body: RefundBody, *, idempotency_key: str
) -> Created[BookedOut]:
    """Tell of money given back; of an order that was not told of yet it is kept until it is (`waiting`)."""
    refund = refund_of(order_no, body)
    answer = await handlers(request).purchases.refund(signed(request), refund, request_id=idempotency_key)
    return reply(answer, BookedOut.model_validate, status=201)


@endpoint(tags=["channel"], auth="channel", refuses=[BuyerInvalid, MemberUnknown])
async def look_up_member(request: web.Request, body: LookupBuyerBody) -> Ok[FoundMemberOut]:
    """The opaque id of a member who showed a card or told a phone number; nothing else about them."""
    buyer = handlers(request).purchases.buyer(body.namespace, body.value)
    found = await handlers(request).buyer_lookup.find(signed(request), buyer)
    return Ok(FoundMemberOut.model_validate(found))


@endpoint(tags=["channel"], auth="channel", refuses=[MemberUnknown])
async def see_wallet(
    request: web.Request,
    member_id: Id,
    /,
    status: ChannelStatus | None = None,
    limit: Limit = 20,
    cursor: Cursor | None = None,
) -> Ok[ChannelWalletOut]:
    """What a member holds and can claim, of what this channel sees: no codes, no numbers."""
    if status is None and cursor is not None:
        raise CursorInvalid
    seen = await handlers(request).channel_wallet.show(
        signed(request),
        member_id,
        parts=[status] if status else list(get_args(ChannelStatus)),
        limit=limit,
        held_after=position(cursor) if status == "held" else None,
        claimable_after=after(cursor) if status == "claimable" else None,
    )
    return Ok(ChannelWalletOut.of(seen))


@endpoint(tags=["channel"], auth="channel", refuses=[MemberUnknown, *CLAIM_REFUSALS])
async def claim_for_member(
    request: web.Request, body: ChannelClaimBody, *, idempotency_key: str
) -> Created[ClaimedOut]:
    """Claim for a member, so many or none, at most once per key: their limits, their points, their wallet."""
    answer = await handlers(request).claiming.claim_for(
        signed(request),
        body.member_id,
        offer_id=body.offer_id,
        choices=body.choices,
        recharge_to=body.recharge_to,
        quantity=body.quantity,
        request_id=idempotency_key,
    )
    return reply(answer, ClaimedOut.of, status=201)


ROUTES = [
    web.post("/channel/purchases", tell_purchase),
    web.post("/channel/purchases/batch", tell_purchases),
    web.post("/channel/purchases/{order_no}/refunds", tell_refund),
    web.post("/channel/members/lookup", look_up_member),
    web.get("/channel/members/{member_id}/wallet", see_wallet),
    web.post("/channel/claims", claim_for_member),
]
