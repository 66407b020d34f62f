"""The block-list: what identifies nobody, such as the phone of a store."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from handlers.errors import (
    BlockedAlready,
    BlockedIdentifierUnknown,
    IdentifierNotBlockable,
    OrganizationUnknown,
    RoleMissing,
)
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.shapes import Reason, after, next_cursor
from miniapp_api.replies import Created, NoContent, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from models.words import Namespace


class BlockBody(Body):
    """`scope`: for a phone the country's calling code, otherwise the app, shop or system that the value is of."""

    namespace: Namespace = Namespace.PHONE
    scope: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")] = "86"
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=128)]
    reason: Reason
    organization_id: Id | None = None


class BlockedOut(Out):
    """The value itself is not kept; `tail` is its end."""

    id: Id
    organization_id: Id
    namespace: Namespace
    scope: str
    tail: str
    reason: str
    added_by: Id
    added_at: datetime


@endpoint(tags=["block list"], auth="operator", refuses=[RoleMissing])
async def blocked_identifiers(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[BlockedOut]]:
    """What the own organization and those below it put on the list."""
    found = await handlers(request).operator_block_list.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [BlockedOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(
    tags=["block list"],
    auth="operator",
    refuses=[RoleMissing, OrganizationUnknown, IdentifierNotBlockable, BlockedAlready],
)
async def block_identifier(request: web.Request, body: BlockBody, *, idempotency_key: str) -> Created[BlockedOut]:
    """From now on nobody is recognised by this value; who had it keeps everything else and is told."""
    answer = await handlers(request).operator_block_list.add(
        operator(request),
        namespace=body.namespace,
        scope=body.scope,
        value=body.value,
        reason=body.reason,
        organization_id=body.organization_id,
        request_id=idempotency_key,
    )
    return reply(answer, BlockedOut.model_validate, status=201)


@endpoint(tags=["block list"], auth="operator", refuses=[RoleMissing, BlockedIdentifierUnknown])
async def lift_block(request: web.Request, blocked_id: Id, /, *, idempotency_key: str | None = None) -> NoContent:
    """The value may identify somebody again; who had it proves it anew."""
    answer = await handlers(request).operator_block_list.lift(operator(request), blocked_id, request_id=idempotency_key)
    return NoContent(replayed=answer.replayed)


ROUTES = [
    web.get("/operator/blocked-identifiers", blocked_identifiers),
    web.post("/operator/blocked-identifiers", block_identifier),
    web.delete("/operator/blocked-identifiers/{blocked_id}", lift_block),
]
