"""Suppliers, as operators add, change, pause and resume them."""

from aiohttp import web

from handlers.errors import (
    OrganizationUnknown,
    RoleMissing,
    SupplierAddressInvalid,
    SupplierTaken,
    SupplierUnknown,
)
from handlers.fulfillment.suppliers import OperatedSupplier
from handlers.requests import Answer
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import PUBLIC_URL, handlers
from miniapp_api.operator.benefit_shapes import SwitchBody
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.operator.supplier_shapes import HoldOut, NewSupplierBody, OrderOut, SupplierChangeBody, SupplierOut
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page
from models.words import FulfillmentState, OutsideHoldState


def _out(request: web.Request, supplier: OperatedSupplier) -> SupplierOut:
    return SupplierOut(
        id=supplier.id,
        organization_id=supplier.organization_id,
        code=supplier.code,
        name=supplier.name,
        api_url=supplier.api_url,
        notify_url=f"{request.app[PUBLIC_URL]}/suppliers/{supplier.code}/notify",
        is_paused=supplier.is_paused,
        created_at=supplier.created_at,
    )


def _ok(request: web.Request, answer: Answer[OperatedSupplier]) -> Ok[SupplierOut]:
    return reply(answer, lambda supplier: _out(request, supplier), status=200)


@endpoint(tags=["supplier"], auth="operator", refuses=[RoleMissing])
async def suppliers(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[SupplierOut]]:
    """Suppliers of the own organization and below."""
    found = await handlers(request).suppliers.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [_out(request, each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(
    tags=["supplier"],
    auth="operator",
    refuses=[RoleMissing, OrganizationUnknown, SupplierAddressInvalid, SupplierTaken],
)
async def add_supplier(request: web.Request, body: NewSupplierBody, *, idempotency_key: str) -> Created[SupplierOut]:
    """Bring a supplier in; benefits of this organization, and of those above and below it, can name it."""
    answer = await handlers(request).suppliers.add(operator(request), body.draft(), request_id=idempotency_key)
    return reply(answer, lambda supplier: _out(request, supplier), status=201)


@endpoint(tags=["supplier"], auth="operator", refuses=[RoleMissing, SupplierUnknown, SupplierAddressInvalid])
async def change_supplier(
    request: web.Request, supplier_id: Id, /, body: SupplierChangeBody, *, idempotency_key: str | None = None
) -> Ok[SupplierOut]:
    """Change name, address or secret; orders under way are asked about at the new address."""
    answer = await handlers(request).suppliers.change(
        operator(request), supplier_id, body.change(), request_id=idempotency_key
    )
    return _ok(request, answer)


@endpoint(tags=["supplier"], auth="operator", refuses=[RoleMissing, SupplierUnknown])
async def pause_supplier(
    request: web.Request, supplier_id: Id, /, body: SwitchBody, *, idempotency_key: str
) -> Ok[SupplierOut]:
    """Stop it: nobody claims what it fulfils, nothing new is sent; what is under way is still asked about."""
    answer = await handlers(request).suppliers.pause(
        operator(request), supplier_id, reason=body.reason or "", request_id=idempotency_key
    )
    return _ok(request, answer)


@endpoint(tags=["supplier"], auth="operator", refuses=[RoleMissing, SupplierUnknown])
async def resume_supplier(
    request: web.Request, supplier_id: Id, /, body: SwitchBody, *, idempotency_key: str
) -> Ok[SupplierOut]:
    """Go on: what waited is sent."""
    answer = await handlers(request).suppliers.resume(
        operator(request), supplier_id, reason=body.reason or "", request_id=idempotency_key
    )
    return _ok(request, answer)


@endpoint(tags=["supplier"], auth="operator", refuses=[RoleMissing, SupplierUnknown])
async def orders(
    request: web.Request,
    supplier_id: Id,
    /,
    state: FulfillmentState | None = None,
    limit: Limit = 50,
    cursor: Cursor | None = None,
) -> Ok[Page[OrderOut]]:
    """Orders at a supplier: what is under way (`sent`, `accepted`), and what became of the others."""
    found = await handlers(request).suppliers.orders(
        operator(request), supplier_id, state=state, after=after(cursor), limit=limit + 1
    )
    items = [OrderOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["supplier"], auth="operator", refuses=[RoleMissing, SupplierUnknown])
async def holds(
    request: web.Request,
    supplier_id: Id,
    /,
    state: OutsideHoldState | None = None,
    limit: Limit = 50,
    cursor: Cursor | None = None,
) -> Ok[Page[HoldOut]]:
    """Points held at a supplier that keeps an account of them: what is open, and what became of the others."""
    found = await handlers(request).outside_books.holds(
        operator(request), supplier_id, state=state, after=after(cursor), limit=limit + 1
    )
    items = [HoldOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


ROUTES = [
    web.get("/operator/suppliers", suppliers),
    web.post("/operator/suppliers", add_supplier),
    web.patch("/operator/suppliers/{supplier_id}", change_supplier),
    web.get("/operator/suppliers/{supplier_id}/orders", orders),
    web.get("/operator/suppliers/{supplier_id}/holds", holds),
    web.post("/operator/suppliers/{supplier_id}/pause", pause_supplier),
    web.post("/operator/suppliers/{supplier_id}/resume", resume_supplier),
]
