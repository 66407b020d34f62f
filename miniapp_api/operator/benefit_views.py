"""The pool: bring in, edit, review, retire, pause, and share out."""

from dataclasses import fields

from aiohttp import web

from handlers.benefits.benefit_views import OperatedBenefit
from handlers.benefits.benefits import Wanted
from handlers.benefits.kinds import plain
from handlers.errors import (
    BenefitInPackage,
    BenefitKindUnsupported,
    BenefitNotReady,
    BenefitStateWrong,
    BenefitTaken,
    BenefitTermsInvalid,
    BenefitUnknown,
    FourEyesNeeded,
    MerchantUnknown,
    OrganizationUnknown,
    QuotaMisplaced,
    QuotaTooLarge,
    QuotaTooSmall,
    RoleMissing,
)
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.benefit_shapes import (
    AllotBody,
    AllottedOut,
    BenefitChangeBody,
    BenefitOut,
    NewBenefitBody,
    QuotaOut,
    ReasonBody,
    SwitchBody,
)
from miniapp_api.operator.merchant_shapes import Category, Code
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page
from models.words import BenefitKind, BenefitState

_ONE = (RoleMissing, BenefitUnknown)
_TERMS = (BenefitKindUnsupported, BenefitTermsInvalid, MerchantUnknown)


def _out(benefit: OperatedBenefit) -> BenefitOut:
    shown = {field.name: getattr(benefit, field.name) for field in fields(benefit)}
    return BenefitOut(**{**shown, "terms": plain(benefit.terms)})


@endpoint(tags=["benefit"], auth="operator", refuses=[RoleMissing])
async def benefits(
    request: web.Request,
    limit: Limit = 50,
    cursor: Cursor | None = None,
    category: Category | None = None,
    state: BenefitState | None = None,
    kind: BenefitKind | None = None,
    merchant: Code | None = None,
) -> Ok[Page[BenefitOut]]:
    """Benefits of the own organization and below, and those allotted to them from above."""
    wanted = Wanted(category=category, state=state, kind=kind, merchant=merchant)
    found = await handlers(request).benefits.listing(operator(request), wanted, after=after(cursor), limit=limit + 1)
    items = [_out(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["benefit"], auth="operator", refuses=[RoleMissing, OrganizationUnknown, BenefitTaken, *_TERMS])
async def add_benefit(request: web.Request, body: NewBenefitBody, *, idempotency_key: str) -> Created[BenefitOut]:
    """Bring a benefit in, as a draft."""
    answer = await handlers(request).benefits.add(operator(request), body.draft(), request_id=idempotency_key)
    return reply(answer, _out, status=201)


@endpoint(tags=["benefit"], auth="operator", refuses=_ONE)
async def benefit(request: web.Request, benefit_id: Id, /) -> Ok[BenefitOut]:
    """One benefit."""
    return Ok(_out(await handlers(request).benefits.view(operator(request), benefit_id)))


@endpoint(tags=["benefit"], auth="operator", refuses=[*_ONE, BenefitStateWrong, *_TERMS])
async def change_benefit(
    request: web.Request, benefit_id: Id, /, body: BenefitChangeBody, *, idempotency_key: str | None = None
) -> Ok[BenefitOut]:
    """Edit a draft."""
    answer = await handlers(request).benefits.change(
        operator(request), benefit_id, body.change(), request_id=idempotency_key
    )
    return reply(answer, _out, status=200)


@endpoint(tags=["benefit"], auth="operator", refuses=[*_ONE, BenefitStateWrong, BenefitNotReady])
async def submit_benefit(request: web.Request, benefit_id: Id, /, *, idempotency_key: str) -> Ok[BenefitOut]:
    """Send a draft to review."""
    answer = await handlers(request).benefit_reviews.submit(operator(request), benefit_id, request_id=idempotency_key)
    return reply(answer, _out, status=200)


@endpoint(tags=["benefit"], auth="operator", refuses=[*_ONE, BenefitStateWrong, FourEyesNeeded, BenefitNotReady])
async def accept_benefit(request: web.Request, benefit_id: Id, /, *, idempotency_key: str) -> Ok[BenefitOut]:
    """From review into the pool; by somebody else, of an organization above or an admin."""
    answer = await handlers(request).benefit_reviews.accept(operator(request), benefit_id, request_id=idempotency_key)
    return reply(answer, _out, status=200)


@endpoint(tags=["benefit"], auth="operator", refuses=[*_ONE, BenefitStateWrong, FourEyesNeeded])
async def return_benefit(
    request: web.Request, benefit_id: Id, /, body: ReasonBody, *, idempotency_key: str
) -> Ok[BenefitOut]:
    """From review back to its draft, with the reason; by somebody else, of an organization above or an admin."""
    answer = await handlers(request).benefit_reviews.send_back(
        operator(request), benefit_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, _out, status=200)


@endpoint(tags=["benefit"], auth="operator", refuses=[*_ONE, BenefitStateWrong, BenefitInPackage])
async def retire_benefit(
    request: web.Request, benefit_id: Id, /, body: ReasonBody, *, idempotency_key: str
) -> Ok[BenefitOut]:
    """Out of the pool for good: no new offers and claims; what members hold is honoured to its end."""
    answer = await handlers(request).benefit_reviews.retire(
        operator(request), benefit_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, _out, status=200)


@endpoint(tags=["benefit"], auth="operator", refuses=_ONE)
async def pause_benefit(
    request: web.Request, benefit_id: Id, /, body: SwitchBody, *, idempotency_key: str
) -> Ok[BenefitOut]:
    """Stop it: from the next claim and the next scan on nobody claims or redeems it."""
    answer = await handlers(request).benefit_reviews.pause(
        operator(request), benefit_id, reason=body.reason or "", request_id=idempotency_key
    )
    return reply(answer, _out, status=200)


@endpoint(tags=["benefit"], auth="operator", refuses=_ONE)
async def resume_benefit(
    request: web.Request, benefit_id: Id, /, body: SwitchBody, *, idempotency_key: str
) -> Ok[BenefitOut]:
    """Let a paused benefit be claimed and redeemed again."""
    answer = await handlers(request).benefit_reviews.resume(
        operator(request), benefit_id, reason=body.reason or "", request_id=idempotency_key
    )
    return reply(answer, _out, status=200)


@endpoint(tags=["benefit"], auth="operator", refuses=_ONE)
async def quotas(
    request: web.Request, benefit_id: Id, /, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[QuotaOut]]:
    """What organizations of the own subtree were allotted of a benefit."""
    found = await handlers(request).benefit_quotas.listing(
        operator(request), benefit_id, after=after(cursor), limit=limit + 1
    )
    items = [QuotaOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.organization_id for each in found], limit)))


@endpoint(
    tags=["benefit"],
    auth="operator",
    refuses=[*_ONE, OrganizationUnknown, BenefitStateWrong, QuotaMisplaced, QuotaTooSmall, QuotaTooLarge],
)
async def allot(
    request: web.Request, benefit_id: Id, /, body: AllotBody, *, idempotency_key: str
) -> Created[AllottedOut]:
    """Give an organization more of a benefit from the one above it, or take back what it has not used."""
    answer = await handlers(request).benefit_quotas.allot(
        operator(request), benefit_id, body.organization_id, delta=body.delta, request_id=idempotency_key
    )
    return reply(answer, AllottedOut.model_validate, status=201)


ROUTES = [
    web.get("/operator/benefits", benefits),
    web.post("/operator/benefits", add_benefit),
    web.get("/operator/benefits/{benefit_id}", benefit),
    web.patch("/operator/benefits/{benefit_id}", change_benefit),
    web.post("/operator/benefits/{benefit_id}/submit", submit_benefit),
    web.post("/operator/benefits/{benefit_id}/accept", accept_benefit),
    web.post("/operator/benefits/{benefit_id}/return", return_benefit),
    web.post("/operator/benefits/{benefit_id}/retire", retire_benefit),
    web.post("/operator/benefits/{benefit_id}/pause", pause_benefit),
    web.post("/operator/benefits/{benefit_id}/resume", resume_benefit),
    web.get("/operator/benefits/{benefit_id}/quotas", quotas),
    web.post("/operator/benefits/{benefit_id}/quotas", allot),
]
