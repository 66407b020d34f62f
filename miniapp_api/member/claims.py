"""领取 and 我的权益: `POST /offers/{id}/claims`, `GET /me/wallet`, `GET /me/claims/{id}`, and by a ticket of chat."""

from datetime import datetime
from typing import Any
from uuid import UUID

from aiohttp import web

from handlers.claims.wallet import Position, Section
from handlers.errors import (
    ClaimUnknown,
    MemberFrozen,
    OfferClosed,
    OfferLimitReached,
    OfferNotForYou,
    OfferNotOpen,
    OfferPaused,
    OfferPriced,
    OfferSoldOut,
    OfferTooMany,
    OfferUnknown,
    OutsidePhoneMissing,
    OutsidePointsRefused,
    OutsidePointsShort,
    OutsidePointsUnclear,
    OutsidePriced,
    OutsidePriceMoved,
    OutsideUnavailable,
    Overloaded,
    PackageNothingDue,
    PointsShort,
    RechargeToInvalid,
    RechargeToMissing,
    RechargeToUnwanted,
    TicketExpired,
    TicketInvalid,
    TicketNotYours,
    TicketUsed,
)
from handlers.errors.benefits import ChoicesInvalid
from miniapp_api.auth import person
from miniapp_api.errors import CursorInvalid
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.claim_shapes import (
    ClaimBody,
    ClaimedOut,
    ClaimOut,
    ClaimTicketBody,
    Status,
    WalletOut,
    section_json,
)
from miniapp_api.member.offers import offer_piece
from miniapp_api.replies import Created, Ok, Ready, reply
from miniapp_api.shapes import Cursor, Id, Limit, decode_cursor, encode_cursor
from miniapp_api.written import written

# What speaks against a claim, whoever asks for it.
CLAIM_REFUSALS = (
    OfferUnknown,
    OfferNotOpen,
    OfferClosed,
    OfferPaused,
    OfferNotForYou,
    OfferSoldOut,
    OfferLimitReached,
    OfferTooMany,
    ChoicesInvalid,
    RechargeToInvalid,
    RechargeToMissing,
    RechargeToUnwanted,
    PointsShort,
    OfferPriced,
    OutsidePriced,
    Overloaded,
)
# And of what is paid with points of an account outside.
_OUTSIDE_REFUSALS = (
    OutsidePriceMoved,
    OutsidePhoneMissing,
    OutsidePointsShort,
    OutsidePointsRefused,
    OutsidePointsUnclear,
    OutsideUnavailable,
)
_LOOKED_AT = 100  # offers that are looked at for a page of claimable ones


@endpoint(
    tags=["claim"],
    auth="person",
    refuses=[*CLAIM_REFUSALS, *_OUTSIDE_REFUSALS, MemberFrozen],
)
async def claim_offer(
    request: web.Request, offer_id: Id, /, body: ClaimBody, *, idempotency_key: str
) -> Created[ClaimedOut]:
    """Claim so many or none, at most once per key."""
    answer = await handlers(request).claiming.claim(
        person(request),
        offer_id=offer_id,
        choices=body.choices,
        recharge_to=body.recharge_to,
        quantity=body.quantity,
        request_id=idempotency_key,
    )
    return reply(answer, ClaimedOut.of, status=201)


@endpoint(tags=["claim"], auth="person")
async def wallet(
    request: web.Request, status: Status | None = None, limit: Limit = 20, cursor: Cursor | None = None
) -> Ready[WalletOut]:
    """What is held, can be had, ends within three days, was used, is over: all at once, or one section by pages."""
    if status is None and cursor is not None:
        raise CursorInvalid
    mine, who = handlers(request).wallet, person(request)
    shown: dict[str, Any] = dict.fromkeys(WalletOut.model_fields)
    if status is None or status == "claimable":
        after = UUID(_decoded(cursor, str)[0]) if cursor else None
        shown["claimable"] = await _claimable(request, limit, after)
    if status is None:
        sections = await mine.sections(who, limit=limit)
        shown |= {section.value: section_json(found) for section, found in sections.items()}
    elif status != "claimable":
        page = await mine.section(who, Section(status), limit=limit, after=position(cursor))
        shown[status] = section_json(page)
    return Ready(written(shown))


@endpoint(tags=["claim"], auth="person", refuses=[ClaimUnknown])
async def one_claim(request: web.Request, claim_id: Id, /) -> Ok[ClaimOut]:
    """One claim with its codes."""
    return Ok(ClaimOut.of(await handlers(request).wallet.claim(person(request), claim_id)))


@endpoint(
    tags=["claim"],
    auth="person",
    limit="login",
    refuses=[TicketInvalid, TicketUsed, TicketExpired, TicketNotYours, ClaimUnknown],
)
async def claim_by_ticket(request: web.Request, body: ClaimTicketBody) -> Ok[ClaimOut]:
    """The claim that a link of the chat leads to, with its codes, once: they are never stored as an answer."""
    who, mine = person(request), handlers(request)
    claim_id = await mine.chat_links.open(who, ticket=body.ticket)
    return Ok(ClaimOut.of(await mine.wallet.claim(who, claim_id)))


@endpoint(tags=["claim"], auth="person", refuses=[ClaimUnknown, PackageNothingDue, OfferPaused, OfferSoldOut])
async def claim_parts(request: web.Request, claim_id: Id, /, *, idempotency_key: str) -> Created[ClaimedOut]:
    """What a package gives in this natural period and has not given yet."""
    answer = await handlers(request).package_parts.claim(person(request), claim_id, request_id=idempotency_key)
    return reply(answer, ClaimedOut.of, status=201)


async def _claimable(request: web.Request, limit: int, after: UUID | None) -> dict[str, Any]:
    """A ClaimableOut, as `written` takes it."""
    page = await handlers(request).offer_catalogue.page(person(request), after=after, limit=_LOOKED_AT)
    found = [each for each in page.items if each.claimable]
    last = found[limit - 1].id if len(found) > limit else page.last
    more = encode_cursor([str(last)]) if last else None
    return {"items": [offer_piece(each) for each in found[:limit]], "next_cursor": more}


def position(cursor: str | None) -> Position | None:
    """Where a page of claims goes on. Raises CursorInvalid."""
    if cursor is None:
        return None
    ends, last = _decoded(cursor, str, str)
    try:
        at = datetime.fromisoformat(ends)
        if at.utcoffset() is None:
            raise CursorInvalid
        return at, UUID(last)
    except ValueError as trouble:
        raise CursorInvalid from trouble


def _decoded(cursor: str, *types: type[str]) -> tuple[str, ...]:
    found = decode_cursor(cursor, *types)
    try:
        UUID(found[-1])
    except ValueError as trouble:
        raise CursorInvalid from trouble
    return found


ROUTES = [
    web.post("/offers/{offer_id}/claims", claim_offer),
    web.get("/me/wallet", wallet),
    web.get("/me/claims/{claim_id}", one_claim),
    web.post("/me/claims/{claim_id}/parts", claim_parts),
    web.post("/me/claims/by-ticket", claim_by_ticket),
]
