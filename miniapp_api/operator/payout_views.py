"""Paying merchants at the operators' door: batches of what they have confirmed."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from handlers.errors import ApprovalOwn, PayoutEmpty, PayoutStateWrong, PayoutUnknown, RoleMissing
from handlers.recurring import BUSINESS_ZONE
from handlers.settlement.payouts import PayoutHead, PayoutLineView, PayoutView
from miniapp_api.auth import operator
from miniapp_api.cells import Yuan
from miniapp_api.files import FileFormat, table
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.settlement_shapes import Day
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Download, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from miniapp_api.spreadsheets import Rows
from models.words import PayoutState

HEADER = ("批次", "商户编号", "商户", "金额", "结算单数", "起始营业日", "截止营业日", "其中套餐分成")


class PayoutOut(Out):
    """One batch. `reference` is the bank's word for what it paid."""

    id: Id
    number: str
    until_on: date
    state: PayoutState
    amount_fen: int
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    reference: str
    closed_at: datetime | None

    @classmethod
    def of(cls, head: PayoutHead) -> "PayoutOut":
        return cls.model_validate(head, from_attributes=True)


class PayoutLineOut(Out):
    """What one merchant gets, of so many statements."""

    merchant: str
    merchant_name: str
    amount_fen: int
    statements: int
    from_on: date
    to_on: date
    plan_share_fen: int = Field(description="of it, shares of plans' fees less what refunds took back")

    @classmethod
    def of(cls, line: PayoutLineView) -> "PayoutLineOut":
        return cls.model_validate(line, from_attributes=True)


class WholePayoutOut(Out):
    """One batch and its lines."""

    batch: PayoutOut
    lines: list[PayoutLineOut]

    @classmethod
    def whole(cls, view: PayoutView) -> "WholePayoutOut":
        return cls(batch=PayoutOut.of(view.head), lines=[PayoutLineOut.of(each) for each in view.lines])


class ProposePayoutBody(Body):
    """Everything that is confirmed, up to and with this business day."""

    until_on: Day


class PaidBody(Body):
    """What the bank calls it."""

    reference: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


@endpoint(tags=["settlement"], auth="operator", refuses=[RoleMissing, PayoutEmpty])
async def propose_payout(
    request: web.Request, body: ProposePayoutBody, *, idempotency_key: str
) -> Created[WholePayoutOut]:
    """Put into a batch what the merchants of the own organization and below have confirmed and nobody has paid."""
    answer = await handlers(request).payouts.propose(
        operator(request), until_on=body.until_on, request_id=idempotency_key
    )
    return reply(answer, WholePayoutOut.whole, status=201)


@endpoint(tags=["settlement"], auth="operator", refuses=[RoleMissing])
async def payouts(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[PayoutOut]]:
    """Batches of the own organization and below, the newest first."""
    found = await handlers(request).payouts.listing(operator(request), before=after(cursor), limit=limit + 1)
    items = [PayoutOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["settlement"], auth="operator", refuses=[RoleMissing, PayoutUnknown])
async def payout(
    request: web.Request,
    payout_id: Id,
    /,
    format: FileFormat = "json",  # noqa: A002 - the word in the address
) -> Ok[WholePayoutOut] | Download:
    """One batch with its lines; as a file it is what finance hands to the bank."""
    found = await handlers(request).payouts.view(operator(request), payout_id)
    if format == "json":
        return Ok(WholePayoutOut.whole(found))
    return table(f"payout-{found.head.number}", format, HEADER, _cells(found), BUSINESS_ZONE)


@endpoint(tags=["settlement"], auth="operator", refuses=[RoleMissing, PayoutUnknown, ApprovalOwn, PayoutStateWrong])
async def approve_payout(request: web.Request, payout_id: Id, /, *, idempotency_key: str) -> Ok[WholePayoutOut]:
    """By another operator than the one who proposed it."""
    answer = await handlers(request).payouts.approve(operator(request), payout_id, request_id=idempotency_key)
    return reply(answer, WholePayoutOut.whole, status=200)


@endpoint(tags=["settlement"], auth="operator", refuses=[RoleMissing, PayoutUnknown, PayoutStateWrong])
async def pay_payout(
    request: web.Request, payout_id: Id, /, body: PaidBody, *, idempotency_key: str
) -> Ok[WholePayoutOut]:
    """The bank has paid an approved batch."""
    answer = await handlers(request).payouts.paid(
        operator(request), payout_id, reference=body.reference, request_id=idempotency_key
    )
    return reply(answer, WholePayoutOut.whole, status=200)


@endpoint(tags=["settlement"], auth="operator", refuses=[RoleMissing, PayoutUnknown, PayoutStateWrong])
async def cancel_payout(request: web.Request, payout_id: Id, /, *, idempotency_key: str) -> Ok[WholePayoutOut]:
    """Let go of a batch that was not paid: its statements wait for another."""
    answer = await handlers(request).payouts.cancel(operator(request), payout_id, request_id=idempotency_key)
    return reply(answer, WholePayoutOut.whole, status=200)


async def _cells(found: PayoutView) -> AsyncIterator[Rows]:
    yield [
        (
            found.head.number,
            each.merchant,
            each.merchant_name,
            Yuan(each.amount_fen),
            each.statements,
            each.from_on,
            each.to_on,
            Yuan(each.plan_share_fen),
        )
        for each in found.lines
    ]


ROUTES = [
    web.get("/operator/payouts", payouts),
    web.post("/operator/payouts", propose_payout),
    web.get("/operator/payouts/{payout_id}", payout),
    web.post("/operator/payouts/{payout_id}/approve", approve_payout),
    web.post("/operator/payouts/{payout_id}/paid", pay_payout),
    web.post("/operator/payouts/{payout_id}/cancel", cancel_payout),
]
