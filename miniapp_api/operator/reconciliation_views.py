"""The payment service's daily bills beside our rows, for operators of the whole installation."""

from datetime import date, datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from handlers.errors import ReconciliationUnknown, RoleMissing
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.shapes import after
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page, encode_cursor
from models.words import BillKind, Listed


class ReconcileBody(Body):
    """A business day, as 2026-11-27, whose bills are looked at again."""

    business_on: Annotated[date, Field(strict=False)]


class LookPlannedOut(Out):
    business_on: str


class ReconciliationOut(Out):
    """One bill of one day, as it compared the last time that it was looked at."""

    id: Id
    kind: BillKind
    business_on: str
    mch_id: str = Field(description="whose bill: of WeChat Pay, or of the carrier")
    line_count: int
    total_fen: int
    difference_count: int
    checked_at: datetime


class DifferenceOut(Out):
    """One number. `ours_only`: it moved by our books and not by theirs; `theirs_only`: we have no such number."""

    id: Id
    number: str
    listed: Listed
    ours_fen: int
    theirs_fen: int


@endpoint(tags=["reconciliation"], auth="operator", refuses=[RoleMissing])
async def reconciliations(
    request: web.Request, limit: Limit = 30, cursor: Cursor | None = None
) -> Ok[Page[ReconciliationOut]]:
    """The bills that were looked at, the newest first."""
    found = await handlers(request).reconciliations.page(operator(request), after=after(cursor), limit=limit + 1)
    more = encode_cursor([str(found[limit - 1].id)]) if len(found) > limit else None
    return Ok(Page(items=[ReconciliationOut.model_validate(each) for each in found[:limit]], next_cursor=more))


@endpoint(tags=["reconciliation"], auth="operator", refuses=[RoleMissing, ReconciliationUnknown])
async def differences(
    request: web.Request, reconciliation_id: Id, /, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[DifferenceOut]]:
    """What one bill and our rows do not agree about."""
    handler = handlers(request).reconciliations
    found = await handler.differences(operator(request), reconciliation_id, after=after(cursor), limit=limit + 1)
    more = encode_cursor([str(found[limit - 1].id)]) if len(found) > limit else None
    return Ok(Page(items=[DifferenceOut.model_validate(each) for each in found[:limit]], next_cursor=more))


@endpoint(tags=["reconciliation"], auth="operator", refuses=[RoleMissing])
async def look_again(request: web.Request, body: ReconcileBody, *, idempotency_key: str) -> Created[LookPlannedOut]:
    """Have the worker look at the bills of a day again; what it finds replaces what was found before."""
    handler = handlers(request).reconciliations
    answer = await handler.look_again(operator(request), body.business_on, request_id=idempotency_key)
    return reply(answer, LookPlannedOut.model_validate, status=201)


ROUTES = [
    web.get("/operator/reconciliations", reconciliations),
    web.post("/operator/reconciliations", look_again),
    web.get("/operator/reconciliations/{reconciliation_id}/differences", differences),
]
