"""Levels as operators draft, publish, look at and lift."""

from aiohttp import web

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    LadderDraftMissing,
    LadderInvalid,
    LevelNotHigher,
    LevelRightFixed,
    LevelRightInvalid,
    LevelRightUnknown,
    LevelUnknown,
    MemberFrozen,
    MemberUnknown,
    OfferUnknown,
    OverrideEndInvalid,
    OverrideMissing,
    RoleMissing,
)
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.level_views import LevelOut
from miniapp_api.member.points_views import before
from miniapp_api.operator.level_shapes import (
    EndLiftBody,
    LadderBody,
    LadderOut,
    LiftBody,
    LiftedOut,
    PendingLiftOut,
    RightBody,
    RightOut,
    StepOut,
)
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page

_LIFTING = (RoleMissing, MemberUnknown, MemberFrozen, LevelUnknown, LevelNotHigher, OverrideEndInvalid)
_DECIDED = (RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided)


@endpoint(tags=["levels"], auth="operator", refuses=[RoleMissing])
async def ladder(request: web.Request) -> Ok[LadderOut]:
    """The ladder that holds, and the draft beside it."""
    return Ok(LadderOut.of(await handlers(request).ladder_editing.view(operator(request))))


@endpoint(tags=["levels"], auth="operator", refuses=[RoleMissing, LadderInvalid])
async def save_ladder(request: web.Request, body: LadderBody, *, idempotency_key: str | None = None) -> Ok[LadderOut]:
    """Keep a draft; members know nothing of it."""
    answer = await handlers(request).ladder_editing.save(operator(request), body.facts(), request_id=idempotency_key)
    return reply(answer, LadderOut.of, status=200)


@endpoint(tags=["levels"], auth="operator", refuses=[RoleMissing, LadderInvalid, LadderDraftMissing])
async def publish_ladder(request: web.Request, *, idempotency_key: str) -> Ok[LadderOut]:
    """The draft holds from now on as the next version. It raises whoever it raises, and lowers nobody."""
    answer = await handlers(request).ladder_editing.publish(operator(request), request_id=idempotency_key)
    return reply(answer, LadderOut.of, status=200)


@endpoint(tags=["levels"], auth="operator", refuses=[RoleMissing])
async def rights(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[RightOut]]:
    """What levels bring, the oldest first; drafts and ended ones too."""
    found = await handlers(request).level_right_editing.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [RightOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["levels"], auth="operator", refuses=[RoleMissing, OfferUnknown, LevelRightInvalid, LevelRightFixed])
async def save_right(request: web.Request, body: RightBody, *, idempotency_key: str | None = None) -> Ok[RightOut]:
    """Add a draft, or change the one of this code."""
    answer = await handlers(request).level_right_editing.save(
        operator(request), body.facts(), request_id=idempotency_key
    )
    return reply(answer, RightOut.of, status=200)


@endpoint(
    tags=["levels"], auth="operator", refuses=[RoleMissing, LevelRightUnknown, LevelRightInvalid, LevelRightFixed]
)
async def publish_right(request: web.Request, right_id: Id, /, *, idempotency_key: str) -> Ok[RightOut]:
    """From now on it is given, first to everybody who has one of its levels."""
    answer = await handlers(request).level_right_editing.publish(
        operator(request), right_id, request_id=idempotency_key
    )
    return reply(answer, RightOut.of, status=200)


@endpoint(tags=["levels"], auth="operator", refuses=[RoleMissing, LevelRightUnknown])
async def end_right(request: web.Request, right_id: Id, /, *, idempotency_key: str) -> Ok[RightOut]:
    """It is not given any more; what was given stays."""
    answer = await handlers(request).level_right_editing.end(operator(request), right_id, request_id=idempotency_key)
    return reply(answer, RightOut.of, status=200)


@endpoint(tags=["levels"], auth="operator", refuses=[RoleMissing, MemberUnknown])
async def member_level(request: web.Request, member_id: Id, /) -> Ok[LevelOut]:
    """How a member stands."""
    return Ok(LevelOut.model_validate(await handlers(request).level_overriding.view(operator(request), member_id)))


@endpoint(tags=["levels"], auth="operator", refuses=[RoleMissing, MemberUnknown])
async def member_steps(
    request: web.Request, member_id: Id, /, limit: Limit = 20, cursor: Cursor | None = None
) -> Ok[Page[StepOut]]:
    """Every change of a member's level and why, the newest first."""
    found = await handlers(request).level_overriding.history(
        operator(request), member_id, before=before(cursor), limit=limit + 1
    )
    items = [StepOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["levels"], auth="operator", refuses=_LIFTING)
async def lift(request: web.Request, member_id: Id, /, body: LiftBody, *, idempotency_key: str) -> Created[LiftedOut]:
    """Give a higher level until an instant; for more than 90 days it becomes a proposal for a second operator."""
    answer = await handlers(request).level_overriding.lift(
        operator(request),
        member_id,
        level=body.level,
        until=body.until,
        reason=body.reason,
        request_id=idempotency_key,
    )
    return reply(answer, LiftedOut.model_validate, status=201)


@endpoint(tags=["levels"], auth="operator", refuses=[RoleMissing, MemberUnknown, MemberFrozen, OverrideMissing])
async def end_lift(request: web.Request, member_id: Id, /, body: EndLiftBody, *, idempotency_key: str) -> Ok[LevelOut]:
    """End a lift before its time."""
    answer = await handlers(request).level_overriding.end(
        operator(request), member_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, LevelOut.model_validate, status=200)


@endpoint(tags=["levels"], auth="operator", refuses=[RoleMissing])
async def pending_lifts(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[PendingLiftOut]]:
    """What waits for a second operator, the oldest first."""
    found = await handlers(request).level_overriding.pending(operator(request), after=after(cursor), limit=limit + 1)
    items = [PendingLiftOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["levels"], auth="operator", refuses=[*_DECIDED, *_LIFTING[1:]])
async def approve_lift(request: web.Request, lift_id: Id, /, *, idempotency_key: str) -> Ok[LiftedOut]:
    """Do what another operator proposed."""
    answer = await handlers(request).level_overriding.approve(operator(request), lift_id, request_id=idempotency_key)
    return reply(answer, LiftedOut.model_validate, status=200)


@endpoint(tags=["levels"], auth="operator", refuses=_DECIDED)
async def reject_lift(request: web.Request, lift_id: Id, /, *, idempotency_key: str) -> Ok[LiftedOut]:
    """Leave it as it is."""
    answer = await handlers(request).level_overriding.reject(operator(request), lift_id, request_id=idempotency_key)
    return reply(answer, LiftedOut.model_validate, status=200)


ROUTES = [
    web.get("/operator/levels", ladder),
    web.put("/operator/levels/draft", save_ladder),
    web.post("/operator/levels/publish", publish_ladder),
    web.get("/operator/levels/rights", rights),
    web.put("/operator/levels/rights", save_right),
    web.post("/operator/levels/rights/{right_id}/publish", publish_right),
    web.post("/operator/levels/rights/{right_id}/end", end_right),
    web.get("/operator/levels/lifts", pending_lifts),
    web.post("/operator/levels/lifts/{lift_id}/approve", approve_lift),
    web.post("/operator/levels/lifts/{lift_id}/reject", reject_lift),
    web.get("/operator/members/{member_id}/level", member_level),
    web.get("/operator/members/{member_id}/level/steps", member_steps),
    web.post("/operator/members/{member_id}/level/lift", lift),
    web.post("/operator/members/{member_id}/level/end-lift", end_lift),
]
