"""待领的奖品: `GET /me/prizes` and `POST /me/prizes/{id}/claims`, of what was won and asks something of its winner."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from handlers.errors import (
    DuePrizeSoldOut,
    DuePrizeStateWrong,
    DuePrizeUnknown,
    MemberFrozen,
    OfferPaused,
    RechargeToInvalid,
    RechargeToMissing,
    RechargeToUnwanted,
)
from handlers.errors.benefits import ChoicesInvalid
from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.claim_shapes import BenefitCode, ClaimedOut, RechargeTo
from miniapp_api.member.points_views import before
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page, encode_cursor
from models.words import DuePrizeState, PrizeAsks


class OptionOut(Out):
    """One part of a package."""

    code: str
    name: str


class DuePrizeOut(Out):
    """A benefit that was won, and what its winner has to say before `deadline_at`."""

    id: Id
    draw_id: Id
    name: str
    state: DuePrizeState
    asks: PrizeAsks | None = Field(description="null: nothing any more, it can be had as it is")
    choose: int = Field(description="so many of the options; 0: nothing is chosen")
    options: list[OptionOut]
    deadline_at: datetime
    claim_id: Id | None = Field(description="once it was taken")


class PrizeClaimBody(Body):
    """What the prize asks: `recharge_to` for a top-up, `choices` (codes of options) of a package k of n."""

    choices: Annotated[list[BenefitCode], Field(max_length=20, default_factory=list)]
    recharge_to: RechargeTo | None = None


@endpoint(tags=["draw"], auth="person")
async def prizes(request: web.Request, /, limit: Limit = 20, cursor: Cursor | None = None) -> Ok[Page[DuePrizeOut]]:
    """What the person won that asks something of them, of all draws, the newest first."""
    last = before(cursor)
    found = await handlers(request).due_prizes.listed(person(request), before=last, limit=limit + 1)
    items = [DuePrizeOut.model_validate(each) for each in found[:limit]]
    more = encode_cursor([str(found[limit - 1].id)]) if len(found) > limit else None
    return Ok(Page(items=items, next_cursor=more))


@endpoint(
    tags=["draw"],
    auth="person",
    refuses=[
        DuePrizeUnknown,
        DuePrizeStateWrong,
        DuePrizeSoldOut,
        OfferPaused,
        ChoicesInvalid,
        RechargeToInvalid,
        RechargeToMissing,
        RechargeToUnwanted,
        MemberFrozen,
    ],
)
async def claim_prize(
    request: web.Request, prize_id: Id, /, body: PrizeClaimBody, *, idempotency_key: str
) -> Created[ClaimedOut]:
    """Say what the prize asks, and get the claim, at most once per key."""
    answer = await handlers(request).due_prizes.claim(
        person(request), prize_id, recharge_to=body.recharge_to, choices=body.choices, request_id=idempotency_key
    )
    return reply(answer, ClaimedOut.of, status=201)


ROUTES = [
    web.get("/me/prizes", prizes),
    web.post("/me/prizes/{prize_id}/claims", claim_prize),
]
