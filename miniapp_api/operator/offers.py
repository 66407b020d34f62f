"""Offers: draft, edit, publish, pause, resume, end; their versions, their stock, and what waits for approval."""

from aiohttp import web

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    BenefitUnknown,
    OfferCodeTaken,
    OfferNotPublishable,
    OfferStateWrong,
    OfferUnknown,
    OrganizationUnknown,
    QuotaTooSmall,
    RoleMissing,
    StockBelowZero,
    StockTooLarge,
    StockUnknown,
)
from handlers.offers.offer_editing import OfferChange, OfferDraft
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.offer_shapes import (
    NewOfferBody,
    OfferChangeBody,
    OperatedOfferOut,
    PendingOut,
    StockBody,
    StockChangedOut,
    StockChangeOut,
    StockOut,
    VersionOut,
    WhyBody,
)
from miniapp_api.operator.shapes import after, below, next_cursor, next_place
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page
from models.words import OfferState

_MOVED = (RoleMissing, OfferUnknown, OfferStateWrong)
_DECIDED = (RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided)


@endpoint(tags=["offer"], auth="operator", refuses=[RoleMissing])
async def offers(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None, state: OfferState | None = None
) -> Ok[Page[OperatedOfferOut]]:
    """Offers of the own organization and below."""
    found = await handlers(request).offer_editing.listing(
        operator(request), state=state, after=after(cursor), limit=limit + 1
    )
    items = [OperatedOfferOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["offer"], auth="operator", refuses=[RoleMissing, OfferUnknown])
async def offer(request: web.Request, offer_id: Id, /) -> Ok[OperatedOfferOut]:
    """One offer with its draft."""
    return Ok(OperatedOfferOut.model_validate(await handlers(request).offer_editing.one(operator(request), offer_id)))


@endpoint(tags=["offer"], auth="operator", refuses=[RoleMissing, OrganizationUnknown, BenefitUnknown, OfferCodeTaken])
async def add_offer(request: web.Request, body: NewOfferBody, *, idempotency_key: str) -> Created[OperatedOfferOut]:
    """Draft an offer of a benefit; nobody sees it before it is published."""
    draft = OfferDraft(
        benefit_id=body.benefit_id,
        code=body.code,
        terms=body.terms.facts(),
        keyword=body.keyword,
        organization_id=body.organization_id,
    )
    answer = await handlers(request).offer_editing.draft(operator(request), draft, request_id=idempotency_key)
    return reply(answer, OperatedOfferOut.model_validate, status=201)


@endpoint(tags=["offer"], auth="operator", refuses=_MOVED)
async def change_offer(
    request: web.Request, offer_id: Id, /, body: OfferChangeBody, *, idempotency_key: str | None = None
) -> Ok[OperatedOfferOut]:
    """Change the draft; what is published stays as it is."""
    change = OfferChange(keyword=body.keyword, terms=body.terms.facts() if body.terms else None)
    answer = await handlers(request).offer_editing.edit(operator(request), offer_id, change, request_id=idempotency_key)
    return reply(answer, OperatedOfferOut.model_validate, status=200)


@endpoint(tags=["offer"], auth="operator", refuses=[*_MOVED, OfferNotPublishable, QuotaTooSmall])
async def publish_offer(request: web.Request, offer_id: Id, /, *, idempotency_key: str) -> Ok[OperatedOfferOut]:
    """Put the draft in force as the next version. What cannot be is refused with every reason."""
    answer = await handlers(request).offer_editing.publish(operator(request), offer_id, request_id=idempotency_key)
    return reply(answer, OperatedOfferOut.model_validate, status=200)


@endpoint(tags=["offer"], auth="operator", refuses=_MOVED)
async def pause_offer(
    request: web.Request, offer_id: Id, /, body: WhyBody, *, idempotency_key: str
) -> Ok[OperatedOfferOut]:
    """Nobody can claim it, from the next claim on, in every process."""
    answer = await handlers(request).offer_editing.pause(
        operator(request), offer_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, OperatedOfferOut.model_validate, status=200)


@endpoint(tags=["offer"], auth="operator", refuses=_MOVED)
async def resume_offer(
    request: web.Request, offer_id: Id, /, body: WhyBody, *, idempotency_key: str
) -> Ok[OperatedOfferOut]:
    """Claims go on."""
    answer = await handlers(request).offer_editing.resume(
        operator(request), offer_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, OperatedOfferOut.model_validate, status=200)


@endpoint(tags=["offer"], auth="operator", refuses=_MOVED)
async def end_offer(
    request: web.Request, offer_id: Id, /, body: WhyBody, *, idempotency_key: str
) -> Ok[OperatedOfferOut]:
    """For good; what was claimed stays."""
    answer = await handlers(request).offer_editing.end(
        operator(request), offer_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, OperatedOfferOut.model_validate, status=200)


@endpoint(tags=["offer"], auth="operator", refuses=[RoleMissing, OfferUnknown])
async def versions(
    request: web.Request, offer_id: Id, /, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[VersionOut]]:
    """What was published, the newest first."""
    before = below(cursor)
    found = await handlers(request).offer_editing.versions(operator(request), offer_id, before=before, limit=limit + 1)
    items = [VersionOut.model_validate(each) for each in found[:limit]]
    more = next_place([each.number for each in found], limit)
    return Ok(Page(items=items, next_cursor=more))


@endpoint(tags=["offer"], auth="operator", refuses=[RoleMissing, OfferUnknown])
async def stock(request: web.Request, offer_id: Id, /) -> Ok[Page[StockOut]]:
    """The counters of an offer: the total, and the newest 100 of days and waves. None: the offer has no limit."""
    found = await handlers(request).offer_stocks.view(operator(request), offer_id)
    return Ok(Page(items=[StockOut.model_validate(each) for each in found]))


@endpoint(
    tags=["offer"],
    auth="operator",
    refuses=[RoleMissing, OfferUnknown, StockUnknown, StockBelowZero, StockTooLarge, QuotaTooSmall],
)
async def change_stock(
    request: web.Request, offer_id: Id, /, body: StockBody, *, idempotency_key: str
) -> Created[StockChangedOut]:
    """Add to a counter or take from it; more than 20 % up waits for a second operator."""
    answer = await handlers(request).offer_stocks.change(
        operator(request),
        offer_id,
        bucket=body.bucket,
        delta=body.delta,
        reason=body.reason,
        request_id=idempotency_key,
    )
    return reply(answer, StockChangedOut.model_validate, status=201)


@endpoint(tags=["offer"], auth="operator", refuses=[RoleMissing, OfferUnknown])
async def stock_changes(
    request: web.Request, offer_id: Id, /, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[StockChangeOut]]:
    """What was added and taken, the newest first."""
    found = await handlers(request).offer_stocks.changes(
        operator(request), offer_id, before=after(cursor), limit=limit + 1
    )
    items = [StockChangeOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["offer"], auth="operator", refuses=[RoleMissing])
async def stock_approvals(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[PendingOut]]:
    """Changes of stock that wait for a second operator, the oldest first."""
    found = await handlers(request).offer_stocks.pending(operator(request), after=after(cursor), limit=limit + 1)
    items = [PendingOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["offer"], auth="operator", refuses=[*_DECIDED, StockUnknown, StockTooLarge, QuotaTooSmall])
async def approve_stock(request: web.Request, approval_id: Id, /, *, idempotency_key: str) -> Ok[StockChangedOut]:
    """Do what another operator proposed."""
    answer = await handlers(request).offer_stocks.approve(operator(request), approval_id, request_id=idempotency_key)
    return reply(answer, StockChangedOut.model_validate, status=200)


@endpoint(tags=["offer"], auth="operator", refuses=_DECIDED)
async def reject_stock(request: web.Request, approval_id: Id, /, *, idempotency_key: str) -> Ok[StockChangedOut]:
    """Leave the stock as it is."""
    answer = await handlers(request).offer_stocks.reject(operator(request), approval_id, request_id=idempotency_key)
    return reply(answer, StockChangedOut.model_validate, status=200)


ROUTES = [
    web.get("/operator/offers", offers),
    web.post("/operator/offers", add_offer),
    web.get("/operator/offers/{offer_id}", offer),
    web.patch("/operator/offers/{offer_id}", change_offer),
    web.post("/operator/offers/{offer_id}/publish", publish_offer),
    web.post("/operator/offers/{offer_id}/pause", pause_offer),
    web.post("/operator/offers/{offer_id}/resume", resume_offer),
    web.post("/operator/offers/{offer_id}/end", end_offer),
    web.get("/operator/offers/{offer_id}/versions", versions),
    web.get("/operator/offers/{offer_id}/stock", stock),
    web.post("/operator/offers/{offer_id}/stock", change_stock),
    web.get("/operator/offers/{offer_id}/stock/changes", stock_changes),
    web.get("/operator/stock-approvals", stock_approvals),
    web.post("/operator/stock-approvals/{approval_id}/approve", approve_stock),
    web.post("/operator/stock-approvals/{approval_id}/reject", reject_stock),
]
