"""联名会员 at the operators' door: agreements with partners, and what both sides are told."""

from datetime import date

from aiohttp import web

from handlers.errors import CoBrandInvalid, CoBrandStateWrong, CoBrandUnknown, RoleMissing
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.co_brand_shapes import (
    CoBrandBody,
    CoBrandEntryOut,
    CoBrandFiguresOut,
    CoBrandOut,
    EndCoBrandBody,
    SharedMemberOut,
)
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page


@endpoint(tags=["co-brands"], auth="operator", refuses=[RoleMissing])
async def co_brands(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[CoBrandOut]]:
    """Those of the programme, or with a partner of the own organization and below; the newest first."""
    found = await handlers(request).co_brands.editing.listing(operator(request), before=after(cursor), limit=limit + 1)
    items = [CoBrandOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["co-brands"], auth="operator", refuses=[RoleMissing, CoBrandInvalid, CoBrandStateWrong])
async def save_co_brand(
    request: web.Request, body: CoBrandBody, *, idempotency_key: str | None = None
) -> Ok[CoBrandOut]:
    """Add a draft, or change that of this code; each side has its entry code from the first time on."""
    editing = handlers(request).co_brands.editing
    answer = await editing.save(operator(request), body.code, body.facts(), request_id=idempotency_key)
    return reply(answer, CoBrandOut.of, status=200)


@endpoint(tags=["co-brands"], auth="operator", refuses=[RoleMissing, CoBrandUnknown, CoBrandInvalid, CoBrandStateWrong])
async def publish_co_brand(request: web.Request, co_brand_id: Id, /, *, idempotency_key: str) -> Ok[CoBrandOut]:
    """Its entries are open within its period; what it says does not change any more."""
    editing = handlers(request).co_brands.editing
    answer = await editing.publish(operator(request), co_brand_id, request_id=idempotency_key)
    return reply(answer, CoBrandOut.of, status=200)


@endpoint(tags=["co-brands"], auth="operator", refuses=[RoleMissing, CoBrandUnknown, CoBrandStateWrong])
async def end_co_brand(
    request: web.Request, co_brand_id: Id, /, body: EndCoBrandBody, *, idempotency_key: str
) -> Ok[CoBrandOut]:
    """Before its time: nobody joins any more, and what was given free of charge ends; what was bought runs on."""
    editing = handlers(request).co_brands.editing
    answer = await editing.end(operator(request), co_brand_id, reason=body.reason, request_id=idempotency_key)
    return reply(answer, CoBrandOut.of, status=200)


@endpoint(tags=["co-brands"], auth="operator", refuses=[RoleMissing, CoBrandUnknown])
async def co_brand_entries(request: web.Request, co_brand_id: Id, /) -> Ok[Page[CoBrandEntryOut]]:
    """The entries of both sides, with what carries them."""
    found = await handlers(request).co_brands.entries.of(operator(request), co_brand_id)
    return Ok(Page(items=[CoBrandEntryOut.model_validate(each) for each in found]))


@endpoint(tags=["co-brands"], auth="operator", refuses=[RoleMissing, CoBrandUnknown])
async def co_brand_figures(
    request: web.Request, co_brand_id: Id, /, since: date | None = None, until: date | None = None
) -> Ok[CoBrandFiguresOut]:
    """Traffic both ways and what each side gave; days from `since` (30 days before) until before `until` (tomorrow)."""
    found = await handlers(request).co_brands.figures.figures(operator(request), co_brand_id, since=since, until=until)
    return Ok(CoBrandFiguresOut.of(found))


@endpoint(tags=["co-brands"], auth="operator", refuses=[RoleMissing, CoBrandUnknown])
async def co_brand_members(
    request: web.Request, co_brand_id: Id, /, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[SharedMemberOut]]:
    """As the partner sees them: those who agreed to `sharing`, by the partner's own ids."""
    found = await handlers(request).co_brands.figures.members(
        operator(request), co_brand_id, after=after(cursor), limit=limit + 1
    )
    items = [SharedMemberOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


ROUTES = [
    web.get("/operator/co-brands", co_brands),
    web.put("/operator/co-brands", save_co_brand),
    web.post("/operator/co-brands/{co_brand_id}/publish", publish_co_brand),
    web.post("/operator/co-brands/{co_brand_id}/end", end_co_brand),
    web.get("/operator/co-brands/{co_brand_id}/entries", co_brand_entries),
    web.get("/operator/co-brands/{co_brand_id}/figures", co_brand_figures),
    web.get("/operator/co-brands/{co_brand_id}/members", co_brand_members),
]
