"""批量发放: lists handed in, approved, stopped, resumed, taken back; and what became of each line."""

from collections.abc import AsyncIterator
from uuid import UUID

from aiohttp import web

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    GrantFileInvalid,
    GrantNotForOffer,
    GrantNothingToDo,
    GrantRepeated,
    GrantStateWrong,
    GrantUnknown,
    OfferUnknown,
    RoleMissing,
)
from handlers.errors.benefits import ChoicesInvalid
from handlers.grants.grant_views import RowView
from handlers.recurring import BUSINESS_ZONE
from miniapp_api.auth import operator
from miniapp_api.errors import CursorInvalid
from miniapp_api.files import table
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.grant_shapes import (
    MOST_BYTES,
    GrantOut,
    GrantRowOut,
    NewGrantBody,
    ResumeBody,
    StopBody,
    TakeBackBody,
)
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Download, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page, decode_cursor, encode_cursor
from miniapp_api.spreadsheets import Rows
from models.words import GrantRowState

LAST_ROW = 2_147_483_647
PAGE_ROWS = 1_000  # that a download reads at once
_ACTED = (RoleMissing, GrantUnknown, GrantStateWrong)
_DECIDED = (*_ACTED, ApprovalUnknown, ApprovalOwn, ApprovalDecided)
_HEADER = ("行号", "会员", "份数", "状态", "代码", "原因", "权益")


@endpoint(
    tags=["grant"],
    auth="operator",
    max_bytes=MOST_BYTES,
    refuses=[RoleMissing, OfferUnknown, GrantNotForOffer, ChoicesInvalid, GrantFileInvalid, GrantRepeated],
)
async def add_grant(request: web.Request, body: NewGrantBody, *, idempotency_key: str) -> Created[GrantOut]:
    """Hand in a list and hear what would become of each row; nothing is given before a second operator approves."""
    answer = await handlers(request).grants.make(operator(request), body.draft(), request_id=idempotency_key)
    return reply(answer, GrantOut.model_validate, status=201)


@endpoint(tags=["grant"], auth="operator", refuses=[RoleMissing])
async def grants(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[GrantOut]]:
    """Lists of the own organization and below, the newest first."""
    found = await handlers(request).grants.listing(operator(request), before=after(cursor), limit=limit + 1)
    items = [GrantOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["grant"], auth="operator", refuses=[RoleMissing, GrantUnknown])
async def grant(request: web.Request, grant_id: Id, /) -> Ok[GrantOut]:
    """One list and how far it is."""
    return Ok(GrantOut.model_validate(await handlers(request).grants.one(operator(request), grant_id)))


@endpoint(tags=["grant"], auth="operator", refuses=[RoleMissing, GrantUnknown])
async def grant_rows(
    request: web.Request,
    grant_id: Id,
    /,
    limit: Limit = 50,
    cursor: Cursor | None = None,
    state: GrantRowState | None = None,
) -> Ok[Page[GrantRowOut]]:
    """What became of each line, in the list's order."""
    found = await handlers(request).grants.rows(
        operator(request), grant_id, after_row=_row(cursor), limit=limit + 1, state=state
    )
    items = [GrantRowOut.model_validate(each) for each in found[:limit]]
    following = encode_cursor([items[-1].row_number]) if len(found) > limit else None
    return Ok(Page(items=items, next_cursor=following))


@endpoint(tags=["grant"], auth="operator", refuses=[RoleMissing, GrantUnknown])
async def grant_rows_csv(request: web.Request, grant_id: Id, /) -> Download:
    """All of it as a CSV; no cell runs as a formula."""
    first = await _lines_after(request, grant_id, 0)  # a refusal is said before a file is begun

    async def pages() -> AsyncIterator[Rows]:
        lines = first
        while lines:
            yield [
                (
                    each.row_number,
                    str(each.member_id or ""),
                    each.quantity,
                    each.state,
                    each.code,
                    each.reason,
                    _ids(each),
                )
                for each in lines
            ]
            lines = await _lines_after(request, grant_id, lines[-1].row_number)

    return table("grant", "csv", _HEADER, pages(), BUSINESS_ZONE)


async def _lines_after(request: web.Request, grant_id: UUID, row_number: int) -> tuple[RowView, ...]:
    return await handlers(request).grants.rows(operator(request), grant_id, after_row=row_number, limit=PAGE_ROWS)


def _ids(line: RowView) -> str:
    return " ".join(map(str, line.claim_ids))


@endpoint(tags=["grant"], auth="operator", refuses=[*_ACTED, GrantNothingToDo])
async def submit_grant(request: web.Request, grant_id: Id, /, *, idempotency_key: str) -> Ok[GrantOut]:
    """Ask a second operator to approve it."""
    answer = await handlers(request).grants.submit(operator(request), grant_id, request_id=idempotency_key)
    return reply(answer, GrantOut.model_validate, status=200)


@endpoint(tags=["grant"], auth="operator", refuses=_DECIDED)
async def approve_grant(request: web.Request, grant_id: Id, /, *, idempotency_key: str) -> Ok[GrantOut]:
    """Let be done what another operator submitted."""
    answer = await handlers(request).grants.approve(operator(request), grant_id, request_id=idempotency_key)
    return reply(answer, GrantOut.model_validate, status=200)


@endpoint(tags=["grant"], auth="operator", refuses=_DECIDED)
async def reject_grant(request: web.Request, grant_id: Id, /, *, idempotency_key: str) -> Ok[GrantOut]:
    """Leave everything as it is."""
    answer = await handlers(request).grants.reject(operator(request), grant_id, request_id=idempotency_key)
    return reply(answer, GrantOut.model_validate, status=200)


@endpoint(tags=["grant"], auth="operator", refuses=_ACTED)
async def stop_grant(request: web.Request, grant_id: Id, /, body: StopBody, *, idempotency_key: str) -> Ok[GrantOut]:
    """Do nothing further of it until it is resumed; what was done stays."""
    answer = await handlers(request).grants.stop(
        operator(request), grant_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, GrantOut.model_validate, status=200)


@endpoint(tags=["grant"], auth="operator", refuses=[*_ACTED, GrantNothingToDo, GrantRepeated])
async def resume_grant(
    request: web.Request, grant_id: Id, /, body: ResumeBody, *, idempotency_key: str
) -> Ok[GrantOut]:
    """Go on with a list that was stopped after it had been approved; rows that were done are not done again."""
    answer = await handlers(request).grant_resuming.resume(
        operator(request), grant_id, reason=body.reason, is_again=body.again, request_id=idempotency_key
    )
    return reply(answer, GrantOut.model_validate, status=200)


@endpoint(tags=["grant"], auth="operator", refuses=[*_ACTED, GrantNothingToDo])
async def undo_grant(
    request: web.Request, grant_id: Id, /, body: TakeBackBody, *, idempotency_key: str
) -> Created[GrantOut]:
    """Make a list of what this one gave and nobody has used; it is taken back once it is submitted and approved."""
    answer = await handlers(request).grants.undo(
        operator(request),
        grant_id,
        reason=body.reason,
        to_stock=body.return_to_stock,
        is_told=body.tell,
        request_id=idempotency_key,
    )
    return reply(answer, GrantOut.model_validate, status=201)


def _row(cursor: str | None) -> int:
    start = decode_cursor(cursor, int)[0] if cursor else 0
    if not 0 <= start <= LAST_ROW:
        raise CursorInvalid
    return int(start)


ROUTES = [
    web.get("/operator/grants", grants),
    web.post("/operator/grants", add_grant),
    web.get("/operator/grants/{grant_id}", grant),
    web.get("/operator/grants/{grant_id}/rows", grant_rows),
    web.get("/operator/grants/{grant_id}/rows.csv", grant_rows_csv),
    web.post("/operator/grants/{grant_id}/submit", submit_grant),
    web.post("/operator/grants/{grant_id}/approve", approve_grant),
    web.post("/operator/grants/{grant_id}/reject", reject_grant),
    web.post("/operator/grants/{grant_id}/stop", stop_grant),
    web.post("/operator/grants/{grant_id}/resume", resume_grant),
    web.post("/operator/grants/{grant_id}/undo", undo_grant),
]
