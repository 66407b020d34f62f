"""Withdrawals as operators see them, what they decide, and by which limits money is taken out."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from handlers.errors import (
    ApprovalOwn,
    RoleMissing,
    WithdrawalMoving,
    WithdrawalNotOpen,
    WithdrawalNotReviewed,
    WithdrawalTermsWrong,
    WithdrawalUnknown,
)
from handlers.rules.withdrawals import LONGEST_REMARK, Report, WithdrawalRules
from handlers.withdrawals.withdrawal_terms import WithdrawalVersion
from handlers.withdrawals.withdrawal_views import OperatedWithdrawal
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.order_shapes import MostFen
from miniapp_api.member.withdrawal_views import WithdrawalOut
from miniapp_api.operator.shapes import after, below, next_place
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page, encode_cursor
from models.words import WithdrawalState

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32)]


class WithdrawalReasonBody(Body):
    """Why; for the records, and never shown to the member."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class ReportBody(Body):
    what: Word
    content: Word


class WithdrawalTermsBody(Body):
    """A version, in force at once. Amounts in fen; `daily_*` are of one person and one business day.

    From `review_from_fen` on an operator agrees first, from `second_from_fen` on two. `scene_id` and `reports` are
    those of the transfer scene (转账场景) that the merchant has.
    """

    is_open: bool = True
    least_fen: MostFen = 100
    most_fen: MostFen = 20_000
    daily_count: Annotated[int, Field(ge=1, le=100)] = 3
    daily_fen: MostFen = 200_000
    review_from_fen: MostFen = 50_000
    second_from_fen: MostFen = 200_000
    cooling_hours: Annotated[int, Field(ge=0, le=720)] = 24
    scene_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,8}$")] = "1005"
    remark: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_REMARK)] = (
        "推广佣金"
    )
    reports: Annotated[list[ReportBody], Field(max_length=8)] = Field(
        default_factory=lambda: [
            ReportBody(what="岗位类型", content="推广员"),
            ReportBody(what="报酬说明", content="推广佣金"),
        ]
    )

    def rules(self) -> WithdrawalRules:
        """As the rules know it."""
        facts = {name: getattr(self, name) for name in type(self).model_fields if name != "reports"}
        return WithdrawalRules(**facts, reports=tuple(Report(each.what, each.content) for each in self.reports))


class ReportOut(Out):
    what: str
    content: str


class WithdrawalTermsOut(Out):
    """One version; it never changes."""

    number: int
    is_open: bool
    least_fen: int
    most_fen: int
    daily_count: int
    daily_fen: int
    review_from_fen: int
    second_from_fen: int
    cooling_hours: int
    scene_id: str
    remark: str
    reports: list[ReportOut]
    published_at: datetime
    published_by: Id

    @classmethod
    def of(cls, version: WithdrawalVersion) -> "WithdrawalTermsOut":
        """The version with its rules, flat."""
        own = {"number", "published_at", "published_by"}
        rules = {name: getattr(version.rules, name) for name in cls.model_fields if name not in own}
        facts = {name: getattr(version, name) for name in own}
        return cls.model_validate({**rules, **facts}, from_attributes=True)


class OperatedWithdrawalOut(Out):
    """`eyes`: how many operators have to agree; `proposed_by`: who did first, where that is two."""

    withdrawal: WithdrawalOut
    member_id: Id
    organization_id: Id
    bill_id: str
    eyes: int
    proposed_by: Id | None

    @classmethod
    def of(cls, found: OperatedWithdrawal) -> "OperatedWithdrawalOut":
        """In its outer shape."""
        return cls.model_validate(found)


@endpoint(tags=["withdrawal"], auth="operator", refuses=[RoleMissing])
async def withdrawals(
    request: web.Request, state: WithdrawalState | None = None, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[OperatedWithdrawalOut]]:
    """Withdrawals of the own organizations, the newest first; `review` are those that wait for a decision."""
    reviews = handlers(request).withdrawals.reviews
    found = await reviews.page(operator(request), state=state, after=after(cursor), limit=limit + 1)
    more = encode_cursor([str(found[limit - 1].withdrawal.id)]) if len(found) > limit else None
    return Ok(Page(items=[OperatedWithdrawalOut.of(each) for each in found[:limit]], next_cursor=more))


@endpoint(tags=["withdrawal"], auth="operator", refuses=[RoleMissing, WithdrawalUnknown])
async def withdrawal(request: web.Request, withdrawal_id: Id, /) -> Ok[OperatedWithdrawalOut]:
    """One withdrawal."""
    return Ok(
        OperatedWithdrawalOut.of(await handlers(request).withdrawals.reviews.one(operator(request), withdrawal_id))
    )


@endpoint(
    tags=["withdrawal"],
    auth="operator",
    refuses=[RoleMissing, WithdrawalUnknown, WithdrawalNotReviewed, ApprovalOwn],
)
async def approve(request: web.Request, withdrawal_id: Id, /, *, idempotency_key: str) -> Ok[OperatedWithdrawalOut]:
    """Have it sent, or be the first of two who want that."""
    reviews = handlers(request).withdrawals.reviews
    answer = await reviews.approve(operator(request), withdrawal_id, request_id=idempotency_key)
    return reply(answer, OperatedWithdrawalOut.of, status=200)


@endpoint(tags=["withdrawal"], auth="operator", refuses=[RoleMissing, WithdrawalUnknown, WithdrawalNotReviewed])
async def refuse(
    request: web.Request, withdrawal_id: Id, /, body: WithdrawalReasonBody, *, idempotency_key: str
) -> Ok[OperatedWithdrawalOut]:
    """The money is on the balance again."""
    reviews, reason = handlers(request).withdrawals.reviews, body.reason
    answer = await reviews.refuse(operator(request), withdrawal_id, reason=reason, request_id=idempotency_key)
    return reply(answer, OperatedWithdrawalOut.of, status=200)


@endpoint(
    tags=["withdrawal"],
    auth="operator",
    refuses=[RoleMissing, WithdrawalUnknown, WithdrawalNotOpen, WithdrawalMoving],
)
async def take_back(
    request: web.Request, withdrawal_id: Id, /, body: WithdrawalReasonBody, *, idempotency_key: str
) -> Ok[OperatedWithdrawalOut]:
    """Have it back: at once, or once WeChat Pay has given it up."""
    reviews, reason = handlers(request).withdrawals.reviews, body.reason
    answer = await reviews.take_back(operator(request), withdrawal_id, reason=reason, request_id=idempotency_key)
    return reply(answer, OperatedWithdrawalOut.of, status=200)


@endpoint(tags=["withdrawal"], auth="operator", refuses=[RoleMissing])
async def withdrawal_versions(
    request: web.Request, limit: Limit = 20, cursor: Cursor | None = None
) -> Ok[Page[WithdrawalTermsOut]]:
    """What was published, the newest first: that one holds."""
    before = below(cursor)
    editing = handlers(request).withdrawals.terms
    found = await editing.versions(operator(request), before=before, limit=limit + 1)
    more = next_place([each.number for each in found], limit)
    return Ok(Page(items=[WithdrawalTermsOut.of(each) for each in found[:limit]], next_cursor=more))


@endpoint(tags=["withdrawal"], auth="operator", refuses=[RoleMissing, WithdrawalTermsWrong])
async def publish_withdrawal_terms(
    request: web.Request, body: WithdrawalTermsBody, *, idempotency_key: str
) -> Created[WithdrawalTermsOut]:
    """A next version, for what is asked for from now on. Before the first one nothing can be taken out."""
    editing = handlers(request).withdrawals.terms
    answer = await editing.publish(operator(request), body.rules(), request_id=idempotency_key)
    return reply(answer, WithdrawalTermsOut.of, status=201)


ROUTES = [
    web.get("/operator/withdrawals", withdrawals),
    web.get("/operator/withdrawals/terms", withdrawal_versions),
    web.post("/operator/withdrawals/terms", publish_withdrawal_terms),
    web.get("/operator/withdrawals/{withdrawal_id}", withdrawal),
    web.post("/operator/withdrawals/{withdrawal_id}/approve", approve),
    web.post("/operator/withdrawals/{withdrawal_id}/refuse", refuse),
    web.post("/operator/withdrawals/{withdrawal_id}/take-back", take_back),
]
