"""Points as operators see, set and adjust them."""

from datetime import datetime
from typing import Annotated, Literal

from aiohttp import web
from pydantic import AfterValidator, Field, StringConstraints

from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    BudgetBelowUsed,
    MemberFrozen,
    MemberUnknown,
    PointsShort,
    PointsTermsIncomplete,
    RoleMissing,
)
from handlers.points.points_terms import RuleWanted, TermsHeld, TermsWanted
from handlers.rules.points import MOST
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.points_views import EntryOut, PointsOut, before, entry_page
from miniapp_api.operator.shapes import Reason, after, after_code, next_cursor, next_place
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from models.words import PointsExpiry


def _something(value: int) -> int:
    if value == 0:
        raise ValueError("nothing")
    return value


Delta = Annotated[int, Field(ge=-MOST, le=MOST, description="not 0"), AfterValidator(_something)]
Amount = Annotated[int, Field(ge=0, le=10**15)]
Days = Annotated[int, Field(ge=0, le=3_660)]
RuleCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
RuleName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class AdjustBody(Body):
    """Give, or take with a negative `delta`; the member reads the reason."""

    delta: Delta
    reason: Reason


class AdjustedOut(Out):
    """With an `approval_id` nothing has changed yet: a second operator has to approve."""

    member_id: Id
    delta: int
    transfer_id: Id | None
    approval_id: Id | None


class PendingAdjustmentOut(Out):
    id: Id
    member_id: Id
    delta: int
    reason: str
    proposed_by: Id
    proposed_at: datetime


class PointsTermsBody(Body):
    """How points end from now on; what members have already keeps its end."""

    expiry: Literal["never", "days", "months", "years"]
    expiry_count: Days = Field(default=0, description="with months and years, 0 is the current one")
    grace_days: Days = Field(default=0, description="how long points that come back of an expired lot live at least")
    budget: Amount | None = Field(default=None, description="points that rules may give in all; null: no limit")


class PointsTermsOut(Out):
    expiry: PointsExpiry
    expiry_count: int
    grace_days: int
    budget: int | None
    budget_used: int

    @classmethod
    def of(cls, held: TermsHeld) -> "PointsTermsOut":
        """Without the programme that it is of."""
        return cls(**{name: getattr(held, name) for name in cls.model_fields})


class RuleBody(Body):
    """A rule by its code: added, or changed. Other systems give points by it."""

    code: RuleCode
    name: RuleName
    pending_days: Days = 0
    cap_amount: Amount | None = Field(default=None, description="points of one member within `cap_period`")
    cap_period: Literal["day", "week", "month", "year", "ever"] = "day"
    is_active: bool = True


class RuleOut(Out):
    id: Id
    code: str
    name: str
    pending_days: int
    cap_amount: int | None
    cap_period: str
    is_active: bool


_DECIDED = (RoleMissing, ApprovalUnknown, ApprovalOwn, ApprovalDecided)


@endpoint(tags=["points"], auth="operator", refuses=[RoleMissing, MemberUnknown])
async def member_points(request: web.Request, member_id: Id, /) -> Ok[PointsOut]:
    """What a member has."""
    seen = await handlers(request).points_adjusting.view(operator(request), member_id)
    return Ok(PointsOut.model_validate(seen))


@endpoint(tags=["points"], auth="operator", refuses=[RoleMissing, MemberUnknown])
async def member_entries(
    request: web.Request, member_id: Id, /, limit: Limit = 20, cursor: Cursor | None = None
) -> Ok[Page[EntryOut]]:
    """A member's entries, the newest first."""
    adjusting = handlers(request).points_adjusting
    found = await adjusting.entries(operator(request), member_id, before=before(cursor), limit=limit + 1)
    return Ok(entry_page(found, limit))


@endpoint(tags=["points"], auth="operator", refuses=[RoleMissing, MemberUnknown, MemberFrozen, PointsShort])
async def adjust(
    request: web.Request, member_id: Id, /, body: AdjustBody, *, idempotency_key: str
) -> Created[AdjustedOut]:
    """Give or take by hand; more than 1,000 points become a proposal for a second operator."""
    answer = await handlers(request).points_adjusting.adjust(
        operator(request), member_id, delta=body.delta, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, AdjustedOut.model_validate, status=201)


@endpoint(tags=["points"], auth="operator", refuses=[RoleMissing])
async def pending_adjustments(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[PendingAdjustmentOut]]:
    """What waits for a second operator, the oldest first."""
    found = await handlers(request).points_adjusting.pending(operator(request), after=after(cursor), limit=limit + 1)
    items = [PendingAdjustmentOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["points"], auth="operator", refuses=[*_DECIDED, MemberUnknown, MemberFrozen, PointsShort])
async def approve_adjustment(request: web.Request, adjustment_id: Id, /, *, idempotency_key: str) -> Ok[AdjustedOut]:
    """Do what another operator proposed."""
    answer = await handlers(request).points_adjusting.approve(
        operator(request), adjustment_id, request_id=idempotency_key
    )
    return reply(answer, AdjustedOut.model_validate, status=200)


@endpoint(tags=["points"], auth="operator", refuses=_DECIDED)
async def reject_adjustment(request: web.Request, adjustment_id: Id, /, *, idempotency_key: str) -> Ok[AdjustedOut]:
    """Leave it as it is."""
    answer = await handlers(request).points_adjusting.reject(
        operator(request), adjustment_id, request_id=idempotency_key
    )
    return reply(answer, AdjustedOut.model_validate, status=200)


@endpoint(tags=["points"], auth="operator", refuses=[RoleMissing])
async def points_terms(request: web.Request) -> Ok[PointsTermsOut]:
    """How points end, and how much of the budget is given."""
    return Ok(PointsTermsOut.of(await handlers(request).points_terms.view(operator(request))))


@endpoint(tags=["points"], auth="operator", refuses=[RoleMissing, BudgetBelowUsed, PointsTermsIncomplete])
async def set_points_terms(
    request: web.Request, body: PointsTermsBody, *, idempotency_key: str | None = None
) -> Ok[PointsTermsOut]:
    """From now on; for operators of the programme's own organization."""
    wanted = TermsWanted(PointsExpiry(body.expiry), body.expiry_count, body.grace_days, body.budget)
    answer = await handlers(request).points_terms.set(operator(request), wanted, request_id=idempotency_key)
    return reply(answer, PointsTermsOut.of, status=200)


@endpoint(tags=["points"], auth="operator", refuses=[RoleMissing])
async def earning_rules(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[RuleOut]]:
    """By which rules points are given, by code."""
    found = await handlers(request).points_terms.rules(operator(request), after=after_code(cursor), limit=limit + 1)
    items = [RuleOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_place([each.code for each in found], limit)))


@endpoint(tags=["points"], auth="operator", refuses=[RoleMissing])
async def set_earning_rule(request: web.Request, body: RuleBody, *, idempotency_key: str | None = None) -> Ok[RuleOut]:
    """Add a rule, or change the one of this code."""
    wanted = RuleWanted(**body.model_dump())
    answer = await handlers(request).points_terms.set_rule(operator(request), wanted, request_id=idempotency_key)
    return reply(answer, RuleOut.model_validate, status=200)


ROUTES = [
    web.get("/operator/members/{member_id}/points", member_points),
    web.get("/operator/members/{member_id}/points/entries", member_entries),
    web.post("/operator/members/{member_id}/points", adjust),
    web.get("/operator/points/adjustments", pending_adjustments),
    web.post("/operator/points/adjustments/{adjustment_id}/approve", approve_adjustment),
    web.post("/operator/points/adjustments/{adjustment_id}/reject", reject_adjustment),
    web.get("/operator/points/terms", points_terms),
    web.put("/operator/points/terms", set_points_terms),
    web.get("/operator/points/rules", earning_rules),
    web.put("/operator/points/rules", set_earning_rule),
]
