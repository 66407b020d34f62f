"""Promoters as operators decide them, and their ranking by what was bought."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import StringConstraints

from handlers.errors import PromoterStateWrong, PromoterUnknown, RoleMissing
from miniapp_api.auth import operator
from miniapp_api.errors import CursorInvalid
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page, decode_cursor, encode_cursor
from models.words import PromoterState

LARGEST = 2**63 - 1  # of a sum in fen

Grade = Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9_-]{0,31})?$")]
PromoterReason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class ApprovePromoterBody(Body):
    """With a grade of the rules, or without."""

    grade: Grade = ""


class PromoterReasonBody(Body):
    """They read it."""

    reason: PromoterReason


class OperatedPromoterOut(Out):
    """By the number of their membership."""

    id: Id
    member_id: Id
    number: str | None
    organization_id: Id | None
    state: PromoterState
    grade: str
    reason: str
    applied_at: datetime
    decided_at: datetime | None
    came_count: int


class PromoterMoneyOut(Out):
    pending_fen: int
    frozen_fen: int
    available_fen: int
    held_fen: int
    owed_fen: int


class RankedOut(Out):
    promoter_id: Id
    number: str | None
    came_count: int
    order_count: int
    paid_fen: int
    commission_fen: int


_DECIDED = (RoleMissing, PromoterUnknown, PromoterStateWrong)


@endpoint(tags=["promoter"], auth="operator", refuses=[RoleMissing])
async def promoters(
    request: web.Request, state: PromoterState | None = None, limit: Limit = 20, cursor: Cursor | None = None
) -> Ok[Page[OperatedPromoterOut]]:
    """Those of the operator's organizations, the oldest application first."""
    found = await handlers(request).operator_promoters.page(
        operator(request), state=state, after=after(cursor), limit=limit + 1
    )
    items = [OperatedPromoterOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["promoter"], auth="operator", refuses=[RoleMissing, PromoterUnknown])
async def promoter_money(request: web.Request, promoter_id: Id, /) -> Ok[PromoterMoneyOut]:
    """What one has, waits for, and owes."""
    found = await handlers(request).operator_promoters.totals(operator(request), promoter_id)
    return Ok(PromoterMoneyOut.model_validate(found))


@endpoint(tags=["promoter"], auth="operator", refuses=_DECIDED)
async def approve_promoter(
    request: web.Request, promoter_id: Id, /, body: ApprovePromoterBody, *, idempotency_key: str
) -> Ok[OperatedPromoterOut]:
    """Let somebody who applied promote, or somebody who was stopped go on."""
    answer = await handlers(request).operator_promoters.decide(
        operator(request), promoter_id, "approve", grade=body.grade, request_id=idempotency_key
    )
    return reply(answer, OperatedPromoterOut.model_validate, status=200)


@endpoint(tags=["promoter"], auth="operator", refuses=_DECIDED)
async def refuse_promoter(
    request: web.Request, promoter_id: Id, /, body: PromoterReasonBody, *, idempotency_key: str
) -> Ok[OperatedPromoterOut]:
    """They may apply again."""
    answer = await handlers(request).operator_promoters.decide(
        operator(request), promoter_id, "refuse", reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, OperatedPromoterOut.model_validate, status=200)


@endpoint(tags=["promoter"], auth="operator", refuses=_DECIDED)
async def stop_promoter(
    request: web.Request, promoter_id: Id, /, body: PromoterReasonBody, *, idempotency_key: str
) -> Ok[OperatedPromoterOut]:
    """Their codes bring nothing from now on; what they earned stays theirs."""
    answer = await handlers(request).operator_promoters.decide(
        operator(request), promoter_id, "stop", reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, OperatedPromoterOut.model_validate, status=200)


@endpoint(tags=["promoter"], auth="operator", refuses=[RoleMissing])
async def promoter_ranking(
    request: web.Request,
    since: date | None = None,
    until: date | None = None,
    limit: Limit = 20,
    cursor: Cursor | None = None,
) -> Ok[Page[RankedOut]]:
    """By what was paid on business days from `since` (30 days before) until before `until` (today)."""
    found = await handlers(request).promoter_days.ranked(
        operator(request), since=since, until=until, after=_rank(cursor), limit=limit + 1
    )
    more = encode_cursor([found[limit - 1].paid_fen, str(found[limit - 1].promoter_id)]) if len(found) > limit else None
    return Ok(Page(items=[RankedOut.model_validate(each) for each in found[:limit]], next_cursor=more))


def _rank(cursor: str | None) -> tuple[int, UUID] | None:
    """The sum and the id of the last one of the page before. Raises CursorInvalid."""
    if cursor is None:
        return None
    paid_fen, promoter_id = decode_cursor(cursor, int, str)
    try:
        return min(max(paid_fen, 0), LARGEST), UUID(promoter_id)
    except ValueError as trouble:
        raise CursorInvalid from trouble


ROUTES = [
    web.get("/operator/promoters", promoters),
    web.get("/operator/promoters/ranking", promoter_ranking),
    web.get("/operator/promoters/{promoter_id}/money", promoter_money),
    web.post("/operator/promoters/{promoter_id}/approve", approve_promoter),
    web.post("/operator/promoters/{promoter_id}/refuse", refuse_promoter),
    web.post("/operator/promoters/{promoter_id}/stop", stop_promoter),
]
