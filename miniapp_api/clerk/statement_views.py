"""The statements of the own merchant, for its managers."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from handlers.errors import StatementConfirmed, StatementsForManagers, StatementUnknown
from handlers.settlement.statement_replies import Replied
from miniapp_api.auth import clerk
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.settlement_shapes import Note, StatementOut, WholeStatementOut
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from models.words import StatementReplyKind


class RepliedOut(Out):
    """What was said to a statement. `payable_fen`: what it brings."""

    statement_id: Id
    kind: StatementReplyKind
    note: str
    payable_fen: int
    replied_at: datetime

    @classmethod
    def of(cls, replied: Replied) -> "RepliedOut":
        return cls.model_validate(replied, from_attributes=True)


class DisputeBody(Body):
    """What is wrong."""

    note: Annotated[Note, StringConstraints(min_length=1)]


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


@endpoint(tags=["settlement"], auth="clerk", refuses=[StatementsForManagers, StatementUnknown, StatementConfirmed])
async def confirm_statement(request: web.Request, statement_id: Id, /, *, idempotency_key: str) -> Ok[RepliedOut]:
    """It is right, and may be paid."""
    answer = await handlers(request).statement_replies.confirm(clerk(request), statement_id, request_id=idempotency_key)
    return reply(answer, RepliedOut.of, status=200)


@endpoint(tags=["settlement"], auth="clerk", refuses=[StatementsForManagers, StatementUnknown, StatementConfirmed])
async def dispute_statement(
    request: web.Request, statement_id: Id, /, body: DisputeBody, *, idempotency_key: str
) -> Ok[RepliedOut]:
    """It is wrong, and why; it is not paid until it is confirmed after all."""
    answer = await handlers(request).statement_replies.dispute(
        clerk(request), statement_id, note=body.note, request_id=idempotency_key
    )
    return reply(answer, RepliedOut.of, status=200)


ROUTES = [
    web.get("/clerk/statements", own_statements),
    web.get("/clerk/statements/{statement_id}", own_statement),
    web.post("/clerk/statements/{statement_id}/confirm", confirm_statement),
    web.post("/clerk/statements/{statement_id}/dispute", dispute_statement),
]
