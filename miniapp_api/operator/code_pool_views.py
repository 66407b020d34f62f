"""Pools of codes, and how the files of codes came in."""

from aiohttp import web

from handlers.benefits.operator_code_pools import PoolDraft
from handlers.errors import (
    BenefitUnknown,
    CodeImportUnknown,
    CodePoolNotForKind,
    CodePoolTaken,
    CodePoolUnknown,
    RoleMissing,
)
from miniapp_api.auth import operator
from miniapp_api.errors import CursorInvalid
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.operator.code_pool_shapes import (
    CodeImportOut,
    CodePoolOut,
    NewCodePoolBody,
    PoolCode,
    RefusedCodeOut,
)
from miniapp_api.operator.shapes import after, next_cursor
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page, decode_cursor, encode_cursor

LAST_ROW = 2_147_483_647


@endpoint(tags=["benefit"], auth="operator", refuses=[RoleMissing])
async def code_pools(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[CodePoolOut]]:
    """Pools of codes of the own organization and below, with how many are left."""
    found = await handlers(request).operator_code_pools.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [CodePoolOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(
    tags=["benefit"],
    auth="operator",
    refuses=[RoleMissing, BenefitUnknown, CodePoolNotForKind, CodePoolTaken],
)
async def add_code_pool(request: web.Request, body: NewCodePoolBody, *, idempotency_key: str) -> Created[CodePoolOut]:
    """Make a pool for a code coupon; its codes come in by a command."""
    draft = PoolDraft(code=body.code, name=body.name, benefit=body.benefit, expires_at=body.expires_at)
    answer = await handlers(request).operator_code_pools.add(operator(request), draft, request_id=idempotency_key)
    return reply(answer, CodePoolOut.model_validate, status=201)


@endpoint(tags=["benefit"], auth="operator", refuses=[RoleMissing, CodePoolUnknown])
async def code_pool(request: web.Request, code: PoolCode, /) -> Ok[CodePoolOut]:
    """One pool, by its code."""
    return Ok(CodePoolOut.model_validate(await handlers(request).operator_code_pools.view(operator(request), code)))


@endpoint(tags=["benefit"], auth="operator", refuses=[RoleMissing])
async def code_imports(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None, pool: PoolCode | None = None
) -> Ok[Page[CodeImportOut]]:
    """Files of codes and how far they are, the newest first; of one pool when its code is given."""
    found = await handlers(request).operator_code_pools.imports(
        operator(request), pool=pool, before=after(cursor), limit=limit + 1
    )
    items = [CodeImportOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["benefit"], auth="operator", refuses=[RoleMissing, CodeImportUnknown])
async def code_import(request: web.Request, import_id: Id, /) -> Ok[CodeImportOut]:
    """One file."""
    found = await handlers(request).operator_code_pools.view_import(operator(request), import_id)
    return Ok(CodeImportOut.model_validate(found))


@endpoint(tags=["benefit"], auth="operator", refuses=[RoleMissing, CodeImportUnknown])
async def refused_codes(
    request: web.Request, import_id: Id, /, limit: Limit = 50, cursor: Cursor | None = None
) -> Ok[Page[RefusedCodeOut]]:
    """Rows that were not taken, in the file's order, each with its reason."""
    start = decode_cursor(cursor, int)[0] if cursor else 0
    if not 0 <= start <= LAST_ROW:
        raise CursorInvalid
    found = await handlers(request).operator_code_pools.refusals(
        operator(request), import_id, after_row=start, limit=limit + 1
    )
    items = [RefusedCodeOut.model_validate(each) for each in found[:limit]]
    following = encode_cursor([items[-1].row_number]) if len(found) > limit else None
    return Ok(Page(items=items, next_cursor=following))


ROUTES = [
    web.get("/operator/code-pools", code_pools),
    web.post("/operator/code-pools", add_code_pool),
    web.get("/operator/code-pools/{code}", code_pool),
    web.get("/operator/code-imports", code_imports),
    web.get("/operator/code-imports/{import_id}", code_import),
    web.get("/operator/code-imports/{import_id}/refusals", refused_codes),
]
