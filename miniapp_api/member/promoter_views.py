"""分销: `GET/POST /me/promoter`, links, and commissions. Who came is told in numbers, never by name."""

from datetime import datetime
from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field, StringConstraints

from handlers.distribution.promoter_links import LinkSeen
from handlers.distribution.promoters import CommissionEntry
from handlers.errors import (
    DistributionClosed,
    MemberFrozen,
    NotAMember,
    NotAPromoter,
    OfferUnknown,
    PromoterConditions,
    PromoterLinkUnknown,
    PromoterStateWrong,
)
from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.shapes import after
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, encode_cursor
from models.words import CommissionState, PromoterState

PromoterCode = Annotated[str, StringConstraints(max_length=64)]


class PromoterOut(Out):
    """`state` null: never applied. The days are those of the rules in force, to be shown before applying."""

    state: PromoterState | None
    reason: str
    applied_at: datetime | None
    came_count: int
    sale_count: int
    is_open: bool
    window_days: int = Field(description="how long a first touch counts")
    hold_days: int = Field(description="after the payment")
    freeze_days: int = Field(description="after the redemption; a commission is available at the later of both")


class LinkTarget(Body):
    kind: Literal["front", "offer"]
    offer_id: Id | None = None


class LinkBody(Body):
    """The page that the link leads to."""

    target: LinkTarget


class PromoterLinkOut(Out):
    """One code, and what carries it. Empty or null: WeChat gave none yet; ask again."""

    id: Id
    code: str = Field(description="the scene")
    offer_id: Id | None
    page: str
    picture: str = Field(description="mini-program code, an image in base64")
    qr_url: str = Field(description="what the official account's QR code holds")
    qr_image_url: str
    qr_ends_at: datetime | None
    url: str = Field(description="opens the mini-program from anywhere")
    url_ends_at: datetime | None

    @classmethod
    def of(cls, seen: LinkSeen) -> "PromoterLinkOut":
        """As it is."""
        return cls.model_validate(seen)


class LinkTargetOut(Out):
    """Where a code leads; null: the front page."""

    offer_id: Id | None


class CommissionOut(Out):
    """`amount_fen` is negative where a refund took back. `level` 1: of somebody they brought themselves."""

    id: Id
    number: str = Field(description="the end of the order's number")
    level: int
    amount_fen: int
    state: CommissionState
    earned_at: datetime
    available_at: datetime | None


class CommissionsOut(Out):
    pending_fen: int = Field(description="what was bought can still be used or given back")
    frozen_fen: int = Field(description="the day is known")
    available_fen: int
    held_fen: int = Field(description="on its way out")
    owed_fen: int = Field(description="taken out of what becomes available next")
    came_count: int
    items: list[CommissionOut]
    next_cursor: str | None


@endpoint(tags=["promoter"], auth="person")
async def my_promoter(request: web.Request) -> Ok[PromoterOut]:
    """How they stand as a promoter."""
    return Ok(PromoterOut.model_validate(await handlers(request).promoters.view(person(request))))


@endpoint(
    tags=["promoter"],
    auth="person",
    refuses=[NotAMember, DistributionClosed, PromoterConditions, PromoterStateWrong, MemberFrozen],
)
async def become_promoter(request: web.Request, *, idempotency_key: str) -> Created[PromoterOut]:
    """Apply, free of charge."""
    answer = await handlers(request).promoters.apply(person(request), request_id=idempotency_key)
    return reply(answer, PromoterOut.model_validate, status=201)


@endpoint(tags=["promoter"], auth="person", refuses=[NotAPromoter, OfferUnknown, MemberFrozen])
async def make_link(request: web.Request, body: LinkBody, *, idempotency_key: str) -> Created[PromoterLinkOut]:
    """Their code for a page: always the same one, its pictures and links made anew before they end."""
    offer_id = body.target.offer_id if body.target.kind == "offer" else None
    if body.target.kind == "offer" and offer_id is None:
        raise OfferUnknown
    answer = await handlers(request).promoter_links.make(person(request), offer_id, request_id=idempotency_key)
    return reply(answer, PromoterLinkOut.of, status=201)


@endpoint(tags=["promoter"], auth="person", refuses=[PromoterLinkUnknown])
async def link_target(request: web.Request, promoter_code: PromoterCode, /) -> Ok[LinkTargetOut]:
    """Where somebody who came by this code is to be led."""
    return Ok(LinkTargetOut(offer_id=await handlers(request).promoter_links.target(promoter_code)))


@endpoint(tags=["promoter"], auth="person")
async def my_commissions(request: web.Request, limit: Limit = 20, cursor: Cursor | None = None) -> Ok[CommissionsOut]:
    """What is theirs, what will be, and every commission, the newest first."""
    promoters, whose = handlers(request).promoters, person(request)
    totals, seen = await promoters.totals(whose), await promoters.view(whose)
    found: list[CommissionEntry] = await promoters.entries(whose, after=after(cursor), limit=limit + 1)
    more = encode_cursor([str(found[limit - 1].id)]) if len(found) > limit else None
    items = [CommissionOut.model_validate(each) for each in found[:limit]]
    money = {name: getattr(totals, name) for name in CommissionsOut.model_fields if hasattr(totals, name)}
    return Ok(CommissionsOut(**money, came_count=seen.came_count, items=items, next_cursor=more))


ROUTES = [
    web.get("/me/promoter", my_promoter),
    web.post("/me/promoter", become_promoter),
    web.post("/me/promoter/links", make_link),
    web.get("/promoter-links/{promoter_code}", link_target),
    web.get("/me/commissions", my_commissions),
]
