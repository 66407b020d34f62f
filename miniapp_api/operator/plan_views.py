"""Paid membership as operators draft, sell and withdraw it; activation codes; and what a member has."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import AwareDatetime, Field, StringConstraints

from handlers.errors import (
    CodeBatchInvalid,
    MemberUnknown,
    PlanInvalid,
    PlanNotPublished,
    PlanUnknown,
    RoleMissing,
)
from handlers.plans.codes import MOST_AT_ONCE, BatchMade, BatchWanted
from handlers.rules.fee_shares import MOST_SHARES, WHOLE, FeeShare
from handlers.rules.plans import MOST_FEN, MOST_TRIAL_DAYS, PlanTerms
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.plan_shapes import MembershipOut
from miniapp_api.operator.level_shapes import LevelCode, Name
from miniapp_api.operator.merchant_shapes import Code
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from models.words import PlanPeriod, PlanState


class FeeShareBody(Body):
    """A merchant's part of every fee, in basis points, floored; what is given to nobody stays with the house."""

    merchant: Code
    share_bp: Annotated[int, Field(ge=1, le=WHOLE)]


class PlanBody(Body):
    """A draft by its code. Its level is one that growth does not give everybody; what that brings are its rights."""

    code: LevelCode
    name: Name
    level: LevelCode
    period: PlanPeriod = Field(strict=False)
    price_fen: Annotated[int, Field(ge=1, le=MOST_FEN)]
    trial_days: Annotated[int, Field(ge=0, le=MOST_TRIAL_DAYS)] = 0
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=512)] = ""
    shares: Annotated[list[FeeShareBody], Field(max_length=MOST_SHARES)] = Field(default_factory=list)

    def facts(self) -> PlanTerms:
        """As the rules read it."""
        shares = tuple(FeeShare(each.merchant, each.share_bp) for each in self.shares)
        facts = self.name, self.level, self.period, self.price_fen, self.trial_days, self.description
        return PlanTerms(*facts, shares=shares)


class FeeShareOut(Out):
    merchant: str
    share_bp: int


class PlanTermsOut(Out):
    name: str
    level: str
    period: PlanPeriod
    price_fen: int
    trial_days: int
    description: str
    shares: list[FeeShareOut]


class OperatedPlanOut(Out):
    """`draft` is what would be published; `sold` what is, or was (null: never)."""

    id: Id
    code: str
    state: PlanState
    version: int
    draft: PlanTermsOut
    sold: PlanTermsOut | None


class CodeBatchBody(Body):
    """So many codes of what the plan sells now, usable until an instant."""

    code_count: Annotated[int, Field(ge=1, le=MOST_AT_ONCE)]
    expires_at: AwareDatetime
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""

    def facts(self) -> BatchWanted:
        """As the handler takes it."""
        return BatchWanted(self.code_count, self.expires_at, self.note)


class CodeBatchOut(Out):
    id: Id
    plan_id: Id
    plan_version: int
    code_count: int
    used_count: int
    note: str
    expires_at: datetime
    made_at: datetime
    made_by: Id


class CodesMadeOut(Out):
    """The codes are shown in this answer alone."""

    batch: CodeBatchOut
    codes: list[str]

    @classmethod
    def of(cls, made: BatchMade) -> "CodesMadeOut":
        """In its outer shape."""
        return cls(batch=CodeBatchOut.model_validate(made.batch), codes=list(made.codes))


@endpoint(tags=["plans"], auth="operator", refuses=[RoleMissing])
async def plans(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[OperatedPlanOut]]:
    """Every plan, the oldest first; drafts and withdrawn ones too."""
    found = await handlers(request).plans.editing.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [OperatedPlanOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["plans"], auth="operator", refuses=[RoleMissing])
async def save_plan(request: web.Request, body: PlanBody, *, idempotency_key: str | None = None) -> Ok[OperatedPlanOut]:
    """Add a draft, or change that of the plan of this code; what is sold stays until it is published."""
    answer = await handlers(request).plans.editing.save(
        operator(request), body.code, body.facts(), request_id=idempotency_key
    )
    return reply(answer, OperatedPlanOut.model_validate, status=200)


@endpoint(tags=["plans"], auth="operator", refuses=[RoleMissing, PlanUnknown, PlanInvalid])
async def publish_plan(request: web.Request, plan_id: Id, /, *, idempotency_key: str) -> Ok[OperatedPlanOut]:
    """The draft is sold from now on, as the next version."""
    answer = await handlers(request).plans.editing.publish(operator(request), plan_id, request_id=idempotency_key)
    return reply(answer, OperatedPlanOut.model_validate, status=200)


@endpoint(tags=["plans"], auth="operator", refuses=[RoleMissing, PlanUnknown, PlanNotPublished])
async def withdraw_plan(request: web.Request, plan_id: Id, /, *, idempotency_key: str) -> Ok[OperatedPlanOut]:
    """It is not sold any more; what was bought runs on."""
    answer = await handlers(request).plans.editing.withdraw(operator(request), plan_id, request_id=idempotency_key)
    return reply(answer, OperatedPlanOut.model_validate, status=200)


@endpoint(tags=["plans"], auth="operator", refuses=[RoleMissing, PlanUnknown, PlanNotPublished, CodeBatchInvalid])
async def make_codes(
    request: web.Request, plan_id: Id, /, body: CodeBatchBody, *, idempotency_key: str
) -> Created[CodesMadeOut]:
    """A batch of activation codes, shown here once; only their hashes are kept."""
    answer = await handlers(request).plans.codes.make(
        operator(request), plan_id, body.facts(), request_id=idempotency_key
    )
    return reply(answer, CodesMadeOut.of, status=201)


@endpoint(tags=["plans"], auth="operator", refuses=[RoleMissing, PlanUnknown])
async def code_batches(
    request: web.Request, plan_id: Id, /, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[CodeBatchOut]]:
    """Batches of one plan and how many of each were used, the newest first."""
    found = await handlers(request).plans.codes.batches(
        operator(request), plan_id, after=after(cursor), limit=limit + 1
    )
    items = [CodeBatchOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["plans"], auth="operator", refuses=[RoleMissing, MemberUnknown])
async def member_membership(request: web.Request, member_id: Id, /) -> Ok[MembershipOut]:
    """What a member has paid for, and every term of it."""
    return Ok(MembershipOut.model_validate(await handlers(request).plans.mine.of_member(operator(request), member_id)))


ROUTES = [
    web.get("/operator/plans", plans),
    web.put("/operator/plans", save_plan),
    web.post("/operator/plans/{plan_id}/publish", publish_plan),
    web.post("/operator/plans/{plan_id}/withdraw", withdraw_plan),
    web.post("/operator/plans/{plan_id}/code-batches", make_codes),
    web.get("/operator/plans/{plan_id}/code-batches", code_batches),
    web.get("/operator/members/{member_id}/membership", member_membership),
]
