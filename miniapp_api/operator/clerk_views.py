"""Clerks as operators see them: invite, list, revoke."""

from datetime import datetime, timedelta
from typing import Annotated

from aiohttp import web
from pydantic import Field

from handlers.errors import ClerkUnknown, InvitationUnknown, MerchantUnknown, RoleMissing, StoreUnknown
from handlers.shops.clerks import InvitationView, Invited
from miniapp_api.auth import operator
from miniapp_api.clerk.shapes import ClerkOut
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.merchant_shapes import Code
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, NoContent, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from models.words import ClerkRole

MOST_HOURS = 24 * 30


class InvitationBody(Body):
    """Where they will serve: one store, or all of the merchant's; and under which name."""

    merchant: Code
    store: Code | None = None
    role: ClerkRole = ClerkRole.CLERK
    name: Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]+$")]
    valid_hours: Annotated[int, Field(ge=1, le=MOST_HOURS)] = 72


class InvitationOut(Out):
    id: Id
    merchant: str
    store: str | None
    role: ClerkRole
    name: str
    expires_at: datetime

    @classmethod
    def of(cls, view: InvitationView) -> "InvitationOut":
        return cls.model_validate(view)


class InvitedOut(Out):
    """The token is shown here alone; `path` opens it in the mini-program."""

    invitation: InvitationOut
    token: str
    path: str

    @classmethod
    def of(cls, invited: Invited) -> "InvitedOut":
        return cls(invitation=InvitationOut.of(invited.invitation), token=invited.token, path=invited.path)


@endpoint(tags=["clerk"], auth="operator", refuses=[RoleMissing, MerchantUnknown, StoreUnknown])
async def invite_clerk(request: web.Request, body: InvitationBody, *, idempotency_key: str) -> Created[InvitedOut]:
    """Invite somebody to serve in a store, or in all of a merchant's."""
    answer = await handlers(request).clerks.invite(
        operator(request),
        merchant=body.merchant,
        store=body.store,
        role=body.role,
        name=body.name,
        lasting=timedelta(hours=body.valid_hours),
        request_id=idempotency_key,
    )
    return reply(answer, InvitedOut.of, status=201)


@endpoint(tags=["clerk"], auth="operator", refuses=[RoleMissing])
async def clerk_invitations(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[InvitationOut]]:
    """Invitations that can still be accepted."""
    found = await handlers(request).clerks.invitations(operator(request), after=after(cursor), limit=limit + 1)
    items = [InvitationOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["clerk"], auth="operator", refuses=[RoleMissing])
async def clerks(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None, merchant: Code | None = None
) -> Ok[Page[ClerkOut]]:
    """Clerks of the own organization and below, revoked ones too."""
    found = await handlers(request).clerks.listing(
        operator(request), merchant=merchant, after=after(cursor), limit=limit + 1
    )
    items = [ClerkOut.of(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["clerk"], auth="operator", refuses=[RoleMissing, ClerkUnknown])
async def revoke_clerk(request: web.Request, clerk_id: Id, /, *, idempotency_key: str | None = None) -> Ok[ClerkOut]:
    """They serve no more, from the next request on, everywhere."""
    answer = await handlers(request).clerks.revoke(operator(request), clerk_id, request_id=idempotency_key)
    return reply(answer, ClerkOut.of, status=200)


@endpoint(tags=["clerk"], auth="operator", refuses=[RoleMissing, InvitationUnknown])
async def take_back_invitation(
    request: web.Request, invitation_id: Id, /, *, idempotency_key: str | None = None
) -> NoContent:
    """Nobody can accept it any more."""
    answer = await handlers(request).clerks.take_back(operator(request), invitation_id, request_id=idempotency_key)
    return NoContent(replayed=answer.replayed)


ROUTES = [
    web.get("/operator/clerks", clerks),
    web.delete("/operator/clerks/{clerk_id}", revoke_clerk),
    web.get("/operator/clerks/invitations", clerk_invitations),
    web.post("/operator/clerks/invitations", invite_clerk),
    web.delete("/operator/clerks/invitations/{invitation_id}", take_back_invitation),
]
