"""What can be had: `GET /offers`, `GET /offers/{id}`."""

from datetime import datetime
from functools import lru_cache
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from handlers.errors import OfferUnknown
from handlers.offers.offer_sights import OfferSeen
from handlers.rules.offer_terms import Limit as OfferLimit
from handlers.rules.offer_terms import Period, Price
from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.shapes import after
from miniapp_api.replies import Ready
from miniapp_api.shapes import Cursor, Id, Limit, Out, encode_cursor
from miniapp_api.written import Piece, mirrors, written
from models.words import BenefitKind

Category = Annotated[str, StringConstraints(max_length=32)]


class OwnPriceOut(Out):
    """What one costs this person; nothing is free of charge."""

    fen: int
    points: int
    carrier_fen: int = Field(description="on the phone bill")
    outside_points: int = Field(description="of an account that somebody outside keeps, a carrier for example")
    outside_account: str = Field(description="which one; empty: none")


class OfferLimitOut(Out):
    period: Period
    count: int


class OfferOut(Out):
    """One offer in this person's eyes. `reason` and `sentence` are those of the refusal a claim would get now."""

    id: Id
    code: str
    keyword: str
    version: int
    title: str
    description: str
    category: str
    kind: BenefitKind
    merchant_name: str | None
    organization_id: Id
    is_flash_sale: bool
    claimable: bool
    reason: str | None
    sentence: str | None
    opens_at: datetime | None = Field(description="when this person may try; for a countdown, with `server_time`")
    closes_at: datetime | None
    left: int | None = Field(description="what is there now; null: no limit")
    price: OwnPriceOut
    original_price_fen: int | None
    limits: list[OfferLimitOut]


class OfferPageOut(Out):
    items: list[OfferOut]
    server_time: datetime
    next_cursor: str | None = Field(description="pass as `cursor` to get the next page")


class OneOfferOut(Out):
    offer: OfferOut
    server_time: datetime


mirrors(OfferOut, OfferSeen)
mirrors(OfferLimitOut, OfferLimit)
mirrors(OwnPriceOut, Price)


@lru_cache(maxsize=16_384)  # hundreds of offers, each seen in a handful of ways
def offer_piece(seen: OfferSeen) -> Piece:
    """An offer's JSON, written once for all who see it so."""
    return Piece(written(seen))


@endpoint(tags=["offer"], auth="person")
async def offers(
    request: web.Request,
    limit: Limit = 50,
    cursor: Cursor | None = None,
    category: Category | None = None,
    organization_id: Id | None = None,
) -> Ready[OfferPageOut]:
    """What is offered in the person's city and everything above it, the newest first.

    Of one category, or of one organization (the city's own, the province's), when they are named.
    """
    page = await handlers(request).offer_catalogue.page(
        person(request), category=category, organization_id=organization_id, after=after(cursor), limit=limit
    )
    more = encode_cursor([str(page.last)]) if page.last else None
    items = [offer_piece(each) for each in page.items]
    return Ready(written({"items": items, "server_time": page.now, "next_cursor": more}))


@endpoint(tags=["offer"], auth="person", refuses=[OfferUnknown])
async def offer(request: web.Request, offer_id: Id, /) -> Ready[OneOfferOut]:
    """One offer."""
    page = await handlers(request).offer_catalogue.one(person(request), offer_id)
    return Ready(written({"offer": offer_piece(page.items[0]), "server_time": page.now}))


ROUTES = [web.get("/offers", offers), web.get("/offers/{offer_id}", offer)]
