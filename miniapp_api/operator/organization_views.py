"""The tree of organizations, as far as the operator sees it."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from handlers.errors import OrganizationMisplaced, OrganizationTaken, OrganizationUnknown, RoleMissing
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.benefit_shapes import LongCode
from miniapp_api.operator.merchant_shapes import Name
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page
from models.words import OrganizationKind


class NewOrganizationBody(Body):
    """One more organization. Code, kind and place never change; provinces stand below the operator, cities and
    departments below a province or the operator.
    """

    code: LongCode
    name: Name
    kind: OrganizationKind
    parent_id: Annotated[Id | None, Field(description="the own organization when absent")] = None


class RenameOrganizationBody(Body):
    name: Name


class OrganizationOut(Out):
    """`parent_id` is null for the root."""

    id: Id
    parent_id: Id | None
    code: str
    name: str
    kind: OrganizationKind


@endpoint(tags=["organization"], auth="operator")
async def organizations(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[OrganizationOut]]:
    """The own organization and everything below it."""
    found = await handlers(request).organizations.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [OrganizationOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(
    tags=["organization"],
    auth="operator",
    refuses=[RoleMissing, OrganizationUnknown, OrganizationMisplaced, OrganizationTaken],
)
async def add_organization(
    request: web.Request, body: NewOrganizationBody, *, idempotency_key: str
) -> Created[OrganizationOut]:
    """Add an organization below the own one, or below one further down."""
    answer = await handlers(request).organizations.add(
        operator(request),
        code=body.code,
        name=body.name,
        kind=body.kind,
        parent_id=body.parent_id,
        request_id=idempotency_key,
    )
    return reply(answer, OrganizationOut.model_validate, status=201)


@endpoint(tags=["organization"], auth="operator", refuses=[RoleMissing, OrganizationUnknown])
async def rename_organization(
    request: web.Request,
    organization_id: Id,
    /,
    body: RenameOrganizationBody,
    *,
    idempotency_key: str | None = None,
) -> Ok[OrganizationOut]:
    """Rename an organization."""
    answer = await handlers(request).organizations.rename(
        operator(request), organization_id, name=body.name, request_id=idempotency_key
    )
    return reply(answer, OrganizationOut.model_validate, status=200)


ROUTES = [
    web.get("/operator/organizations", organizations),
    web.post("/operator/organizations", add_organization),
    web.patch("/operator/organizations/{organization_id}", rename_organization),
]
