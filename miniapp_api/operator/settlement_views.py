"""Settlement at the operators' door: terms of merchants, statements, and what was redeemed."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from aiohttp import web

from handlers.errors import (
    BenefitUnknown,
    DayClosed,
    DayNotOver,
    EarlierDayOpen,
    MerchantUnknown,
    PeriodOfBenefit,
    RoleMissing,
    StatementUnknown,
    TermsTooEarly,
)
from handlers.recurring import BUSINESS_ZONE
from handlers.settlement.redemption_reports import Place, Wanted
from handlers.settlement.statement_views import RedeemedRow
from miniapp_api.auth import operator
from miniapp_api.errors import CursorInvalid
from miniapp_api.files import FileFormat, table
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.merchant_shapes import Code
from miniapp_api.operator.settlement_shapes import (
    HEADER,
    BenefitCode,
    CloseDayBody,
    Day,
    NewTermsBody,
    RedeemedOut,
    StatementOut,
    TermsOut,
    WholeStatementOut,
    cells,
)
from miniapp_api.operator.shapes import after, below, next_cursor
from miniapp_api.replies import Created, Download, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page, decode_cursor, encode_cursor
from miniapp_api.spreadsheets import Rows


@endpoint(tags=["settlement"], auth="operator", refuses=[RoleMissing, MerchantUnknown])
async def merchant_terms(
    request: web.Request, merchant_id: Id, /, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[TermsOut]]:
    """Every version of a merchant's settlement terms, the newest first."""
    before = below(cursor)
    found = await handlers(request).settlement_terms.listing(
        operator(request), merchant_id, before=before, limit=limit + 1
    )
    items = [TermsOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=encode_cursor([items[-1].number]) if len(found) > limit else None))


@endpoint(
    tags=["settlement"],
    auth="operator",
    refuses=[RoleMissing, MerchantUnknown, BenefitUnknown, TermsTooEarly, PeriodOfBenefit],
)
async def add_merchant_terms(
    request: web.Request, merchant_id: Id, /, body: NewTermsBody, *, idempotency_key: str
) -> Created[TermsOut]:
    """Settle a merchant at other terms from an instant on. What was redeemed or sold before stays as it is."""
    answer = await handlers(request).settlement_terms.add(
        operator(request), merchant_id, body.draft(), request_id=idempotency_key
    )
    return reply(answer, TermsOut.of, status=201)


@endpoint(tags=["settlement"], auth="operator", refuses=[RoleMissing])
async def redemption_report(
    request: web.Request,
    limit: Limit = 50,
    cursor: Cursor | None = None,
    from_on: Day | None = None,
    to_on: Day | None = None,
    merchant: Code | None = None,
    store: Code | None = None,
    benefit: BenefitCode | None = None,
    format: FileFormat = "json",  # noqa: A002 - the word in the address
) -> Ok[Page[RedeemedOut]] | Download:
    """What was redeemed and taken back at the merchants of the own organization and below, the newest first.

    Days are business days, both included. In files what is taken back is negative.
    """
    wanted = Wanted(from_on=from_on, to_on=to_on, merchant=merchant, store=store, benefit=benefit)
    reports = handlers(request).redemption_reports
    if format != "json":
        pages = await reports.whole(operator(request), wanted)
        return table("redemptions", format, HEADER, _as_cells(pages), BUSINESS_ZONE)
    found = await reports.listing(operator(request), wanted, after=_place(cursor), limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return Ok(
        Page(
            items=[RedeemedOut.of(each) for each in found[:limit]],
            next_cursor=encode_cursor([last.happened_at.isoformat(), str(last.id)]) if last else None,
        )
    )


def _place(cursor: str | None) -> Place | None:
    """Raises CursorInvalid."""
    if cursor is None:
        return None
    happened_at, row_id = decode_cursor(cursor, str, str)
    try:
        place = Place(datetime.fromisoformat(happened_at), UUID(row_id))
    except ValueError as trouble:
        raise CursorInvalid from trouble
    if place.happened_at.tzinfo is None:
        raise CursorInvalid
    return place


async def _as_cells(pages: AsyncIterator[Sequence[RedeemedRow]]) -> AsyncIterator[Rows]:
    async for page in pages:
        yield [cells(each) for each in page]


@endpoint(tags=["settlement"], auth="operator", refuses=[RoleMissing])
async def statements(
    request: web.Request,
    limit: Limit = 50,
    cursor: Cursor | None = None,
    from_on: Day | None = None,
    to_on: Day | None = None,
    merchant: Code | None = None,
) -> Ok[Page[StatementOut]]:
    """Closed days of the merchants of the own organization and below, the last closed first."""
    found = await handlers(request).statements.listing(
        operator(request), merchant=merchant, from_on=from_on, to_on=to_on, before=after(cursor), limit=limit + 1
    )
    items = [StatementOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["settlement"], auth="operator", refuses=[RoleMissing, StatementUnknown])
async def statement(
    request: web.Request,
    statement_id: Id,
    /,
    format: FileFormat = "json",  # noqa: A002
) -> Ok[WholeStatementOut] | Download:
    """One closed day with its sums; as a file every row of it, those of earlier days with the day they belong to."""
    if format == "json":
        return Ok(WholeStatementOut.whole(await handlers(request).statements.view(operator(request), statement_id)))
    head, pages = await handlers(request).statements.lines(operator(request), statement_id)
    return table(f"statement-{head.number}", format, HEADER, _as_cells(pages), BUSINESS_ZONE)


@endpoint(
    tags=["settlement"],
    auth="operator",
    refuses=[RoleMissing, MerchantUnknown, DayNotOver, DayClosed, EarlierDayOpen],
)
async def close_day(request: web.Request, body: CloseDayBody, *, idempotency_key: str) -> Created[WholeStatementOut]:
    """Close a merchant's business day by hand, once it is over; otherwise the clock does it at two the next morning.

    By the terms, all days of its month.
    """
    answer = await handlers(request).statement_closing.by_hand(
        operator(request), merchant=body.merchant, business_on=body.business_on, request_id=idempotency_key
    )
    return reply(answer, WholeStatementOut.whole, status=201)


ROUTES = [
    web.get("/operator/merchants/{merchant_id}/terms", merchant_terms),
    web.post("/operator/merchants/{merchant_id}/terms", add_merchant_terms),
    web.get("/operator/reports/redemptions", redemption_report),
    web.get("/operator/statements", statements),
    web.post("/operator/statements", close_day),
    web.get("/operator/statements/{statement_id}", statement),
]
