"""What merchants got of fused plans (融合套餐), as finance reads it."""

from datetime import datetime

from aiohttp import web
from pydantic import Field

from handlers.errors import RoleMissing
from handlers.plans.fee_figures import Days, MerchantShares
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.merchant_shapes import Code
from miniapp_api.operator.settlement_shapes import Day
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Ok
from miniapp_api.shapes import Cursor, Id, Limit, Out, Page


class MerchantSharesOut(Out):
    """One merchant's part of plans' fees within the days asked for."""

    merchant_id: Id
    code: str
    name: str
    given_count: int
    given_fen: int
    back_count: int
    back_fen: int = Field(description="taken back by refunds made in these days, of whichever fee")
    net_fen: int

    @classmethod
    def of(cls, shares: MerchantShares) -> "MerchantSharesOut":
        """In its outer shape."""
        sums = shares.sums
        return cls(
            merchant_id=shares.merchant_id,
            code=shares.code,
            name=shares.name,
            given_count=sums.given_count,
            given_fen=sums.given_fen,
            back_count=sums.back_count,
            back_fen=sums.back_fen,
            net_fen=sums.net_fen,
        )


class ShareEntryOut(Out):
    """A share of one order, or what a refund took back of it (negative, `reverses` the share)."""

    id: Id
    merchant: str
    number: str = Field(description="of the order")
    title: str
    base_fen: int = Field(description="what was really paid")
    share_bp: int
    amount_fen: int
    reverses: Id | None
    happened_at: datetime
    statement: str | None = Field(description="the number of the merchant's statement that has it; null: none yet")


@endpoint(tags=["plans"], auth="operator", refuses=[RoleMissing])
async def plan_shares(
    request: web.Request, from_on: Day | None = None, to_on: Day | None = None
) -> Ok[list[MerchantSharesOut]]:
    """Sums of each merchant of the own organization and below, over business days, both included."""
    found = await handlers(request).plans.fees.merchants(operator(request), Days(from_on, to_on))
    return Ok([MerchantSharesOut.of(each) for each in found])


@endpoint(tags=["plans"], auth="operator", refuses=[RoleMissing])
async def plan_share_entries(
    request: web.Request,
    from_on: Day | None = None,
    to_on: Day | None = None,
    merchant: Code | None = None,
    limit: Limit = 50,
    cursor: Cursor | None = None,
) -> Ok[Page[ShareEntryOut]]:
    """One by one, the newest first."""
    found = await handlers(request).plans.fees.entries(
        operator(request), Days(from_on, to_on), merchant=merchant, after=after(cursor), limit=limit + 1
    )
    items = [ShareEntryOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


ROUTES = [
    web.get("/operator/plan-shares", plan_shares),
    web.get("/operator/plan-shares/entries", plan_share_entries),
]
