"""The statements of the own merchant, for its managers."""

from aiohttp import web

from handlers.errors import StatementsForManagers, StatementUnknown
from miniapp_api.auth import clerk
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.settlement_shapes import StatementOut, WholeStatementOut
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Ok
from miniapp_api.shapes import Cursor, Id, Limit, Page


@endpoint(tags=["settlement"], auth="clerk", refuses=[StatementsForManagers])
async def own_statements(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[StatementOut]]:
    """Closed days of the own merchant, the last closed first."""
    found = await handlers(request).statements.own_listing(clerk(request), before=after(cursor), limit=limit + 1)
    items = [StatementOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["settlement"], auth="clerk", refuses=[StatementsForManagers, StatementUnknown])
async def own_statement(request: web.Request, statement_id: Id, /) -> Ok[WholeStatementOut]:
    """One closed day of the own merchant with its sums."""
    return Ok(WholeStatementOut.whole(await handlers(request).statements.own_view(clerk(request), statement_id)))


ROUTES = [
    web.get("/clerk/statements", own_statements),
    web.get("/clerk/statements/{statement_id}", own_statement),
]
