"""WeChat accounts, as operators add and change them."""

from aiohttp import web

from handlers.accounts.accounts import NoticeTemplate
from handlers.accounts.operator_accounts import AccountChange, OperatedAccount
from handlers.errors import (
    AccountOfSettings,
    AccountTaken,
    AccountUnknown,
    AesKeyMissing,
    OrganizationUnknown,
    RoleMissing,
)
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import PUBLIC_URL, handlers
from miniapp_api.operator.shapes import (
    AccountChangeBody,
    AccountOut,
    NewAccountBody,
    NoticeTemplateOut,
    after,
    next_cursor,
)
from miniapp_api.replies import Created, Ok
from miniapp_api.shapes import Cursor, Id, Limit, Page


def _change(body: AccountChangeBody) -> AccountChange:
    return AccountChange(
        mode=body.mode,
        original_id=body.original_id,
        open_platform=body.open_platform,
        brand_name=body.brand_name,
        service_phone=body.service_phone,
        service_hours=body.service_hours,
        secret=body.secret,
        token=body.token,
        aes_key=body.aes_key,
        notice=NoticeTemplate(told.id, told.text, told.time or "") if (told := body.notice_template) else None,
    )


def _out(request: web.Request, account: OperatedAccount) -> AccountOut:
    return AccountOut(
        id=account.id,
        organization_id=account.organization_id,
        key=account.key,
        kind=account.kind,
        mode=account.mode,
        app_id=account.app_id,
        original_id=account.original_id,
        open_platform=account.open_platform,
        brand_name=account.brand_name,
        service_phone=account.service_phone,
        service_hours=account.service_hours,
        has_aes_key=account.has_aes_key,
        has_previous_aes_key=account.has_previous_aes_key,
        notice_template=NoticeTemplateOut.model_validate(account.notice) if account.notice else None,
        push_url=f"{request.app[PUBLIC_URL]}/wechat/{account.key}",
        updated_at=account.updated_at,
    )


@endpoint(tags=["account"], auth="operator", refuses=[RoleMissing])
async def accounts(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[AccountOut]]:
    """Accounts of the own organization and below."""
    found = await handlers(request).operator_accounts.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [_out(request, each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(tags=["account"], auth="operator", refuses=[RoleMissing, OrganizationUnknown, AccountTaken, AesKeyMissing])
async def add_account(request: web.Request, body: NewAccountBody, *, idempotency_key: str) -> Created[AccountOut]:
    """Add an account; it answers pushes at `push_url` at once."""
    answer = await handlers(request).operator_accounts.add(
        operator(request),
        key=body.key,
        kind=body.kind,
        app_id=body.app_id,
        organization_id=body.organization_id,
        facts=_change(body),
        request_id=idempotency_key,
    )
    return Created(_out(request, answer.value), replayed=answer.replayed)


@endpoint(tags=["account"], auth="operator", refuses=[RoleMissing, AccountUnknown, AccountOfSettings, AesKeyMissing])
async def change_account(
    request: web.Request, account_id: Id, /, body: AccountChangeBody, *, idempotency_key: str | None = None
) -> Ok[AccountOut]:
    """Change an account; after a new AES key the old one stays valid for pushes under way."""
    answer = await handlers(request).operator_accounts.change(
        operator(request), account_id, _change(body), request_id=idempotency_key
    )
    return Ok(_out(request, answer.value), replayed=answer.replayed)


ROUTES = [
    web.get("/operator/accounts", accounts),
    web.post("/operator/accounts", add_account),
    web.patch("/operator/accounts/{account_id}", change_account),
]
