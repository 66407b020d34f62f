"""Draws: draft, publish, pause, resume, end; stock, chances, blocks; reveal, burn against plan, records, parcels."""

from typing import Literal

from aiohttp import web

from handlers.draws.draw_editing import DrawChange, DrawDraft
from handlers.draws.draw_views import OperatedDraw
from handlers.draws.draws import Burn
from handlers.errors import (
    DrawCodeTaken,
    DrawDayNotOver,
    DrawDayUnknown,
    DrawNotPublishable,
    DrawStateWrong,
    DrawUnknown,
    MemberFrozen,
    MemberUnknown,
    OrganizationUnknown,
    ParcelStateWrong,
    ParcelUnknown,
    PrizeStockBelowAwarded,
    PrizeStockOnlyGrows,
    PrizeUnknown,
    RoleMissing,
)
from handlers.recurring import BUSINESS_ZONE
from miniapp_api.auth import operator
from miniapp_api.draw_shapes import LOG_TYPE, Day, ParcelOut
from miniapp_api.files import table
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.draw_shapes import (
    BlockBody,
    BlockedOut,
    BurnOut,
    BurnPrizeOut,
    ChancesBody,
    DrawChangeBody,
    DrawProposedOut,
    NewDrawBody,
    OperatedDrawOut,
    OperatedPrizeOut,
    PrizeStockBody,
    PrizeStockOut,
    RevealBody,
    RevealedOut,
    SendBody,
)
from miniapp_api.operator.offer_shapes import WhyBody
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.operator.winner_cells import WON_HEADER, won_cells
from miniapp_api.replies import Created, Download, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page
from models.words import DrawState, ParcelState

_MOVED = (RoleMissing, DrawUnknown, DrawStateWrong)


def _out(draw: OperatedDraw) -> OperatedDrawOut:
    rules = draw.terms.rules
    return OperatedDrawOut(
        id=draw.id,
        organization_id=draw.organization_id,
        code=draw.code,
        keyword=draw.keyword,
        state=draw.state,
        version=draw.version,
        title=rules.title,
        look=draw.terms.look,
        prizes=[
            OperatedPrizeOut(**{name: getattr(each, name) for name in OperatedPrizeOut.model_fields})
            for each in rules.prizes
        ],
        opens_at=draw.opens_at,
        closes_at=draw.closes_at,
        spins=draw.spins,
        approval_id=draw.approval_id,
    )


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing])
async def draws(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None, state: DrawState | None = None
) -> Ok[Page[OperatedDrawOut]]:
    """Draws of the own organization and below."""
    found = await handlers(request).draw_editing.listing(
        operator(request), state=state, after=after(cursor), limit=limit + 1
    )
    items = [_out(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown])
async def draw(request: web.Request, draw_id: Id, /) -> Ok[OperatedDrawOut]:
    """One draw with its draft."""
    return Ok(_out(await handlers(request).draw_editing.one(operator(request), draw_id)))


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, OrganizationUnknown, DrawCodeTaken])
async def add_draw(request: web.Request, body: NewDrawBody, *, idempotency_key: str) -> Created[OperatedDrawOut]:
    """Draft a draw; nobody sees it before it is published."""
    draft = DrawDraft(body.code, body.terms.facts(), body.keyword, body.organization_id)
    answer = await handlers(request).draw_editing.draft(operator(request), draft, request_id=idempotency_key)
    return reply(answer, _out, status=201)


@endpoint(tags=["draw"], auth="operator", refuses=_MOVED)
async def change_draw(
    request: web.Request, draw_id: Id, /, body: DrawChangeBody, *, idempotency_key: str | None = None
) -> Ok[OperatedDrawOut]:
    """Change the draft; what is published stays as it is."""
    change = DrawChange(keyword=body.keyword, terms=body.terms.facts() if body.terms else None)
    answer = await handlers(request).draw_editing.edit(operator(request), draw_id, change, request_id=idempotency_key)
    return reply(answer, _out, status=200)


@endpoint(tags=["draw"], auth="operator", refuses=[*_MOVED, DrawNotPublishable])
async def publish_draw(request: web.Request, draw_id: Id, /, *, idempotency_key: str) -> Ok[OperatedDrawOut]:
    """Put the draft, which was simulated, in force as the next version; other odds wait for a second operator."""
    answer = await handlers(request).draw_editing.publish(operator(request), draw_id, request_id=idempotency_key)
    return reply(answer, _out, status=200)


@endpoint(tags=["draw"], auth="operator", refuses=_MOVED)
async def pause_draw(
    request: web.Request, draw_id: Id, /, body: WhyBody, *, idempotency_key: str
) -> Ok[OperatedDrawOut]:
    """Nobody can spin it, from the next batch on, in every process."""
    answer = await handlers(request).draw_editing.pause(
        operator(request), draw_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, _out, status=200)


@endpoint(tags=["draw"], auth="operator", refuses=_MOVED)
async def resume_draw(
    request: web.Request, draw_id: Id, /, body: WhyBody, *, idempotency_key: str
) -> Ok[OperatedDrawOut]:
    """Spins go on."""
    answer = await handlers(request).draw_editing.resume(
        operator(request), draw_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, _out, status=200)


@endpoint(tags=["draw"], auth="operator", refuses=_MOVED)
async def end_draw(request: web.Request, draw_id: Id, /, body: WhyBody, *, idempotency_key: str) -> Ok[OperatedDrawOut]:
    """For good; what was won stays."""
    answer = await handlers(request).draw_editing.end(
        operator(request), draw_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, _out, status=200)


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown])
async def stock(request: web.Request, draw_id: Id, /) -> Ok[Page[PrizeStockOut]]:
    """What there is of each prize."""
    found = await handlers(request).draw_stock.view(operator(request), draw_id)
    return Ok(Page(items=[PrizeStockOut.model_validate(each) for each in found]))


@endpoint(tags=["draw"], auth="operator", refuses=[*_MOVED, PrizeUnknown, PrizeStockBelowAwarded, PrizeStockOnlyGrows])
async def change_stock(
    request: web.Request, draw_id: Id, /, body: PrizeStockBody, *, idempotency_key: str
) -> Created[DrawProposedOut]:
    """Ask for more units of a prize; a second operator approves, and everybody can see that and from which spin on."""
    answer = await handlers(request).draw_stock.change(
        operator(request),
        draw_id,
        code=body.code,
        delta=body.delta,
        reason=body.reason,
        request_id=idempotency_key,
    )
    return reply(answer, DrawProposedOut.model_validate, status=201)


@endpoint(tags=["draw"], auth="operator", refuses=[*_MOVED, MemberUnknown, MemberFrozen])
async def give_chances(
    request: web.Request, draw_id: Id, /, body: ChancesBody, *, idempotency_key: str
) -> Created[DrawProposedOut]:
    """Ask for chances for a member; a second operator approves."""
    answer = await handlers(request).draw_stock.give_chances(
        operator(request),
        draw_id,
        body.member_id,
        amount=body.amount,
        reason=body.reason,
        request_id=idempotency_key,
    )
    return reply(answer, DrawProposedOut.model_validate, status=201)


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, MemberUnknown])
async def block_member(
    request: web.Request, member_id: Id, /, body: BlockBody, *, idempotency_key: str
) -> Ok[BlockedOut]:
    """This member gets the consolation alone, in every draw; or everything again."""
    answer = await handlers(request).draw_stock.block(
        operator(request), member_id, is_blocked=body.is_blocked, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, BlockedOut.model_validate, status=200)


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown, DrawDayUnknown, DrawDayNotOver])
async def reveal(request: web.Request, draw_id: Id, /, body: RevealBody, *, idempotency_key: str) -> Ok[RevealedOut]:
    """Publish the seed of a day that is over."""
    answer = await handlers(request).draw_revealing.reveal(
        operator(request), draw_id, day=body.day, request_id=idempotency_key
    )
    return reply(answer, RevealedOut.model_validate, status=200)


def _burn(burn: Burn) -> BurnOut:
    return BurnOut(
        draw_id=burn.draw_id,
        spins=burn.spins,
        prizes=[BurnPrizeOut.model_validate(each) for each in burn.prizes],
        value_fen=burn.value_fen,
        p=burn.fit.p,
        is_alarming=burn.is_alarming,
    )


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown])
async def burn(request: web.Request, draw_id: Id, /) -> Ok[BurnOut]:
    """What was rolled and awarded against the published odds."""
    return Ok(_burn(await handlers(request).draws.burn(operator(request), draw_id)))


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown, DrawDayUnknown])
async def records(request: web.Request, draw_id: Id, /, day: Day | None = None) -> Download:
    """The record of a revealed day, as the law wants it kept; the newest one when none is named."""
    lines = await handlers(request).draw_revealing.exported(operator(request), draw_id, day=day)
    return Download(lines, media_type=LOG_TYPE, name=f"draw-{day or 'newest'}.jsonl")


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown])
async def winners(
    request: web.Request,
    draw_id: Id,
    /,
    format: Literal["csv", "xlsx"] = "csv",  # noqa: A002 - the word in the address
) -> Download:
    """Who won what, when, and what became of it: members by their numbers. That it was asked for is on record."""
    code, pages = await handlers(request).draw_winners.whole(operator(request), draw_id)
    return table(f"winners-{code}", format, WON_HEADER, won_cells(pages), BUSINESS_ZONE)


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, DrawUnknown])
async def parcels(
    request: web.Request,
    draw_id: Id,
    /,
    state: ParcelState = ParcelState.ADDRESSED,
    limit: Limit = 50,
    cursor: Cursor | None = None,
) -> Ok[Page[ParcelOut]]:
    """Things that were won, with their addresses."""
    found = await handlers(request).parcels.waiting(
        operator(request), draw_id, state=state, after=after(cursor), limit=limit + 1
    )
    items = [ParcelOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["draw"], auth="operator", refuses=[RoleMissing, ParcelUnknown, ParcelStateWrong])
async def send_parcel(request: web.Request, parcel_id: Id, /, body: SendBody, *, idempotency_key: str) -> Ok[ParcelOut]:
    """It is on its way."""
    answer = await handlers(request).parcels.send(
        operator(request), parcel_id, waybill=body.waybill, request_id=idempotency_key
    )
    return reply(answer, ParcelOut.model_validate, status=200)


ROUTES = [
    web.get("/operator/draws", draws),
    web.post("/operator/draws", add_draw),
    web.get("/operator/draws/{draw_id}", draw),
    web.patch("/operator/draws/{draw_id}", change_draw),
    web.post("/operator/draws/{draw_id}/publish", publish_draw),
    web.post("/operator/draws/{draw_id}/pause", pause_draw),
    web.post("/operator/draws/{draw_id}/resume", resume_draw),
    web.post("/operator/draws/{draw_id}/end", end_draw),
    web.get("/operator/draws/{draw_id}/stock", stock),
    web.post("/operator/draws/{draw_id}/stock", change_stock),
    web.post("/operator/draws/{draw_id}/chances", give_chances),
    web.post("/operator/draws/{draw_id}/reveal", reveal),
    web.get("/operator/draws/{draw_id}/burn", burn),
    web.get("/operator/draws/{draw_id}/records", records),
    web.get("/operator/draws/{draw_id}/winners", winners),
    web.get("/operator/draws/{draw_id}/parcels", parcels),
    web.post("/operator/parcels/{parcel_id}/send", send_parcel),
    web.post("/operator/members/{member_id}/draw-block", block_member),
]
