"""The cities to choose from: `GET /organizations`. Chosen by `PATCH /me`."""

from aiohttp import web

from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.shapes import OwnCityOut
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Ok
from miniapp_api.shapes import Cursor, Id, Limit, Out, Page
from models.words import OrganizationKind


class ListedCityOut(Out):
    """One to choose. `parent` is what it belongs to, a province for example; null: the operator itself."""

    id: Id
    name: str
    kind: OrganizationKind
    parent: OwnCityOut | None


@endpoint(tags=["member"], auth="person")
async def organizations(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[ListedCityOut]]:
    """Cities and provinces, in the order they were added."""
    found = await handlers(request).organizations.to_choose(after=after(cursor), limit=limit + 1)
    items = [ListedCityOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


ROUTES = [web.get("/organizations", organizations)]
