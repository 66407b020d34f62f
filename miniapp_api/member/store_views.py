"""Where people can go: `GET /stores`."""

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import BeforeValidator, Field, WithJsonSchema

from handlers.errors import OfferUnknown
from handlers.rules.distances import E6, FARTHEST_EAST, FARTHEST_NORTH, Position
from handlers.shops.nearby_stores import NearbyStore, Place
from miniapp_api.auth import person
from miniapp_api.errors import CursorInvalid
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.merchant_shapes import PositionOut, SpanOut
from miniapp_api.replies import Ok
from miniapp_api.shapes import Cursor, Id, Limit, Out, Page, decode_cursor, encode_cursor

_DEGREES = r"(-?[0-9]{1,3}(?:\.[0-9]{1,15})?)"
_NEAR = re.compile(f"{_DEGREES},{_DEGREES}")


def _position(value: object) -> Position:
    if isinstance(value, Position):
        return value
    found = _NEAR.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not a place")
    latitude_e6, longitude_e6 = (round(float(degrees) * E6) for degrees in found.groups())
    if abs(latitude_e6) > FARTHEST_NORTH or abs(longitude_e6) > FARTHEST_EAST:
        raise ValueError("not on the earth")
    return Position(latitude_e6, longitude_e6)


Near = Annotated[
    Position,
    BeforeValidator(_position),
    WithJsonSchema({"type": "string", "description": "latitude,longitude in degrees, GCJ-02 as wx.getLocation has it"}),
]


class NearbyStoreOut(Out):
    """One store. Times of `hours` are those of its zone; none are told: `is_open` is null."""

    id: Id
    name: str
    merchant_name: str
    address: str
    position: PositionOut
    distance_metres: int
    zone: str
    hours: list[SpanOut]
    is_open: bool | None
    opens_at: datetime | None = Field(description="when it opens next; null while it is open")

    @classmethod
    def of(cls, store: NearbyStore) -> "NearbyStoreOut":
        """What the handler found."""
        return cls(
            id=store.id,
            name=store.name,
            merchant_name=store.merchant_name,
            address=store.address,
            position=PositionOut.model_validate(store.position),
            distance_metres=store.distance_metres,
            zone=store.zone,
            hours=[SpanOut(day=day, opens=opens, closes=closes) for day, opens, closes in store.hours],
            is_open=store.is_open,
            opens_at=store.opens_at,
        )


@endpoint(tags=["store"], auth="person", refuses=[OfferUnknown])
async def stores(
    request: web.Request, near: Near, offer_id: Id | None = None, limit: Limit = 20, cursor: Cursor | None = None
) -> Ok[Page[NearbyStoreOut]]:
    """Stores by their distance from a place, the nearest first; with an offer those that redeem its benefit."""
    found = await handlers(request).nearby_stores.nearest(
        person(request), near, offer_id=offer_id, after=_after(cursor), limit=limit + 1
    )
    items = [NearbyStoreOut.of(each) for each in found[:limit]]
    more = encode_cursor([items[-1].distance_metres, str(items[-1].id)]) if len(found) > limit else None
    return Ok(Page(items=items, next_cursor=more))


def _after(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    metres, store_id = decode_cursor(cursor, int, str)
    try:
        return Place(metres, UUID(store_id))
    except ValueError as trouble:
        raise CursorInvalid from trouble


ROUTES = [web.get("/stores", stores)]
