"""付费会员: what there is, what it costs, buying it, its trial, an activation code, and what one has."""

from aiohttp import web

from handlers.errors import (
    MemberFrozen,
    NotAMember,
    OrderNotWaiting,
    Overloaded,
    PaymentNotOpen,
    PaymentRefused,
    PaymentUnavailable,
    PlanCodeInvalid,
    PlanCodeTriesUsedUp,
    PlanNotAbove,
    PlanUnknown,
    PriceChanged,
    TrialMissing,
    TrialNotNow,
    TrialUsed,
)
from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.order_shapes import OrderedOut
from miniapp_api.member.plan_shapes import MembershipOut, PlanCodeBody, PlanOrderBody, PlanOut
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Id, Page


@endpoint(tags=["plans"], auth="person")
async def plans(request: web.Request) -> Ok[Page[PlanOut]]:
    """What is sold, each with what it would cost this person now."""
    return Ok(Page(items=[PlanOut.of(each) for each in await handlers(request).plans.mine.plans(person(request))]))


@endpoint(
    tags=["plans"],
    auth="person",
    refuses=[
        PaymentNotOpen,
        PaymentUnavailable,
        PaymentRefused,
        PlanUnknown,
        PlanNotAbove,
        PriceChanged,
        OrderNotWaiting,
        NotAMember,
        MemberFrozen,
        Overloaded,
    ],
)
async def order_plan(
    request: web.Request, plan_id: Id, /, body: PlanOrderBody, *, idempotency_key: str
) -> Created[OrderedOut]:
    """Buy its time, or the upgrade of what is left, to be paid within 15 minutes; after a 503 the same key goes on."""
    answer = await handlers(request).plans.buying.order(
        person(request), body.facts(plan_id), request_id=idempotency_key
    )
    return reply(answer, OrderedOut.of, status=201)


@endpoint(
    tags=["plans"],
    auth="person",
    refuses=[PlanUnknown, TrialMissing, TrialNotNow, TrialUsed, NotAMember, MemberFrozen],
)
async def begin_trial(request: web.Request, plan_id: Id, /, *, idempotency_key: str) -> Created[MembershipOut]:
    """Its trial, once per person; nothing is paid when it ends."""
    answer = await handlers(request).plans.trials.begin(person(request), plan_id, request_id=idempotency_key)
    return reply(answer, MembershipOut.model_validate, status=201)


@endpoint(tags=["plans"], auth="person")
async def my_membership(request: web.Request) -> Ok[MembershipOut]:
    """What this person has paid for, until when, and how it came about."""
    return Ok(MembershipOut.model_validate(await handlers(request).plans.mine.view(person(request))))


@endpoint(
    tags=["plans"],
    auth="person",
    refuses=[PlanCodeInvalid, PlanCodeTriesUsedUp, PlanNotAbove, NotAMember, MemberFrozen],
)
async def use_code(request: web.Request, body: PlanCodeBody, *, idempotency_key: str) -> Created[MembershipOut]:
    """An activation code becomes a term of membership; five tries an hour."""
    answer = await handlers(request).plans.codes.use(person(request), body.code, request_id=idempotency_key)
    return reply(answer, MembershipOut.model_validate, status=201)


ROUTES = [
    web.get("/plans", plans),
    web.post("/plans/{plan_id}/orders", order_plan),
    web.post("/plans/{plan_id}/trials", begin_trial),
    web.get("/me/membership", my_membership),
    web.post("/me/membership/codes", use_code),
]
