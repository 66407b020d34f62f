"""What a partner is told of its agreement through its own channel: counts, and who agreed to be known to it."""

from datetime import date

from aiohttp import web

from handlers.errors import CoBrandUnknown
from miniapp_api.auth import signed
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.co_brand_shapes import CoBrandFiguresOut, SharedMemberOut
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Ok
from miniapp_api.shapes import Cursor, Id, Limit, Page


@endpoint(tags=["channel"], auth="channel", refuses=[CoBrandUnknown])
async def partner_figures(
    request: web.Request, co_brand_id: Id, /, since: date | None = None, until: date | None = None
) -> Ok[CoBrandFiguresOut]:
    """Traffic both ways and what each side gave; days from `since` (30 days before) until before `until` (tomorrow)."""
    found = await handlers(request).co_brands.figures.figures_for(
        signed(request), co_brand_id, since=since, until=until
    )
    return Ok(CoBrandFiguresOut.of(found))


@endpoint(tags=["channel"], auth="channel", refuses=[CoBrandUnknown])
async def partner_members(
    request: web.Request, co_brand_id: Id, /, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[SharedMemberOut]]:
    """Those who agree to it at this moment; whoever withdraws is not there any more, and is to be forgotten."""
    found = await handlers(request).co_brands.figures.members_for(
        signed(request), co_brand_id, after=after(cursor), limit=limit + 1
    )
    items = [SharedMemberOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


ROUTES = [
    web.get("/channel/co-brands/{co_brand_id}/figures", partner_figures),
    web.get("/channel/co-brands/{co_brand_id}/members", partner_members),
]
