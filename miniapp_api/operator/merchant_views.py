"""The registry of brands, merchants and stores."""

from aiohttp import web

from handlers.errors import (
    BrandTaken,
    BrandUnknown,
    MerchantTaken,
    MerchantUnknown,
    OrganizationUnknown,
    RoleMissing,
    StoreInvalid,
    StoreTaken,
    StoreUnknown,
)
from handlers.shops.merchants import MerchantTerms, Registered
from handlers.shops.stores import RegisteredStore
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.merchant_shapes import (
    BrandOut,
    Code,
    MerchantChangeBody,
    MerchantOut,
    NewBrandBody,
    NewMerchantBody,
    NewStoreBody,
    PositionOut,
    RenameBrandBody,
    SpanOut,
    StoreChangeBody,
    StoreOut,
)
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page


def _brand(one: Registered) -> BrandOut:
    return BrandOut(id=one.id, organization_id=one.organization_id, code=one.code, name=one.name)


def _merchant(one: Registered) -> MerchantOut:
    terms = one.terms or MerchantTerms()  # an answer that was stored before merchants had terms
    return MerchantOut(
        id=one.id,
        organization_id=one.organization_id,
        code=one.code,
        name=one.name,
        tier=terms.tier,
        access=terms.access,
        category=terms.category,
        operator_share_bp=terms.operator_share_bp,
        is_active=terms.is_active,
        clerk_daily_redemptions=terms.clerk_daily_redemptions,
        clerk_daily_reversals=terms.clerk_daily_reversals,
    )


def _store(one: RegisteredStore) -> StoreOut:
    return StoreOut(
        id=one.id,
        organization_id=one.organization_id,
        merchant=one.merchant,
        code=one.code,
        name=one.name,
        address=one.address,
        position=PositionOut.model_validate(one.position) if one.position else None,
        zone=one.zone,
        hours=[SpanOut(day=day, opens=opens, closes=closes) for day, opens, closes in one.hours],
        is_active=one.is_active,
    )


@endpoint(tags=["merchant"], auth="operator", refuses=[RoleMissing])
async def brands(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[BrandOut]]:
    """Brands of the own organization and below."""
    found = await handlers(request).brands.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [_brand(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["merchant"], auth="operator", refuses=[RoleMissing, OrganizationUnknown, BrandTaken])
async def add_brand(request: web.Request, body: NewBrandBody, *, idempotency_key: str) -> Created[BrandOut]:
    """Add a brand."""
    answer = await handlers(request).brands.add(
        operator(request),
        code=body.code,
        name=body.name,
        organization_id=body.organization_id,
        request_id=idempotency_key,
    )
    return reply(answer, _brand, status=201)


@endpoint(tags=["merchant"], auth="operator", refuses=[RoleMissing, BrandUnknown])
async def rename_brand(
    request: web.Request, brand_id: Id, /, body: RenameBrandBody, *, idempotency_key: str | None = None
) -> Ok[BrandOut]:
    """Rename a brand."""
    answer = await handlers(request).brands.rename(
        operator(request), brand_id, name=body.name, request_id=idempotency_key
    )
    return reply(answer, _brand, status=200)


@endpoint(tags=["merchant"], auth="operator", refuses=[RoleMissing])
async def merchants(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[MerchantOut]]:
    """Merchants of the own organization and below."""
    found = await handlers(request).merchants.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [_merchant(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["merchant"], auth="operator", refuses=[RoleMissing, OrganizationUnknown, MerchantTaken])
async def add_merchant(request: web.Request, body: NewMerchantBody, *, idempotency_key: str) -> Created[MerchantOut]:
    """Add a merchant."""
    answer = await handlers(request).merchants.add(
        operator(request),
        code=body.code,
        name=body.name,
        organization_id=body.organization_id,
        terms=body.terms(),
        request_id=idempotency_key,
    )
    return reply(answer, _merchant, status=201)


@endpoint(tags=["merchant"], auth="operator", refuses=[RoleMissing, MerchantUnknown])
async def change_merchant(
    request: web.Request, merchant_id: Id, /, body: MerchantChangeBody, *, idempotency_key: str | None = None
) -> Ok[MerchantOut]:
    """Change a merchant, or switch it off and on: off, nothing of it is claimed or redeemed."""
    answer = await handlers(request).merchants.change(
        operator(request), merchant_id, body.change(), request_id=idempotency_key
    )
    return reply(answer, _merchant, status=200)


@endpoint(tags=["merchant"], auth="operator", refuses=[RoleMissing])
async def stores(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None, merchant: Code | None = None
) -> Ok[Page[StoreOut]]:
    """Stores of the own organization and below; of one merchant when its code is given."""
    found = await handlers(request).stores.listing(
        operator(request), merchant=merchant, after=after(cursor), limit=limit + 1
    )
    items = [_store(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["merchant"], auth="operator", refuses=[RoleMissing, MerchantUnknown, StoreTaken, StoreInvalid])
async def add_store(request: web.Request, body: NewStoreBody, *, idempotency_key: str) -> Created[StoreOut]:
    """Add a store of a merchant."""
    answer = await handlers(request).stores.add(
        operator(request),
        merchant=body.merchant,
        code=body.code,
        name=body.name,
        request_id=idempotency_key,
        details=body.change(),
    )
    return reply(answer, _store, status=201)


@endpoint(tags=["merchant"], auth="operator", refuses=[RoleMissing, StoreUnknown, StoreInvalid])
async def change_store(
    request: web.Request, store_id: Id, /, body: StoreChangeBody, *, idempotency_key: str | None = None
) -> Ok[StoreOut]:
    """Change a store, or switch it off and on: off, nothing is redeemed there."""
    answer = await handlers(request).stores.change(
        operator(request), store_id, body.change(), request_id=idempotency_key
    )
    return reply(answer, _store, status=200)


ROUTES = [
    web.get("/operator/brands", brands),
    web.post("/operator/brands", add_brand),
    web.patch("/operator/brands/{brand_id}", rename_brand),
    web.get("/operator/merchants", merchants),
    web.post("/operator/merchants", add_merchant),
    web.patch("/operator/merchants/{merchant_id}", change_merchant),
    web.get("/operator/stores", stores),
    web.post("/operator/stores", add_store),
    web.patch("/operator/stores/{store_id}", change_store),
]
