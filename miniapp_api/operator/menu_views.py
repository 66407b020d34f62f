"""Menus of official accounts, as operators draft, publish and roll them back."""

from typing import Annotated, Any

from aiohttp import web
from pydantic import AwareDatetime, Field, StringConstraints

from handlers.chat.menu_editing import MenuView, Published
from handlers.errors import (
    AccountUnknown,
    MenuInvalid,
    MenuRefused,
    MenuReleaseUnknown,
    NotAnOfficialAccount,
    RoleMissing,
    WeChatUnavailable,
)
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Id, Out

AccountKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
ACCOUNT_REFUSES = [RoleMissing, AccountUnknown, NotAnOfficialAccount]


class ChildBody(Body):
    """A button that does something: `click` says its `key`, `view` opens `url`, `miniprogram` opens `pagepath`."""

    name: str
    type: str | None = None
    key: str | None = None
    url: str | None = None
    appid: str | None = None
    pagepath: str | None = None
    media_id: str | None = None
    article_id: str | None = None


class ButtonBody(ChildBody):
    """A button of the bar; with `sub_button` it only opens those, at most five."""

    sub_button: Annotated[list[ChildBody], Field(max_length=20)] | None = None


class MenuBody(Body):
    """One to three buttons; null goes back to the default menu."""

    buttons: Annotated[list[ButtonBody], Field(max_length=20)] | None


class RollBackBody(Body):
    """A release of this account."""

    release_id: Id


class ReleaseOut(Out):
    id: Id
    published_at: AwareDatetime
    published_by: str
    buttons: list[dict[str, Any]]


class MenuOut(Out):
    """`published` is null, and `errcode` WeChat's reason, when WeChat does not say what it shows.

    `difference` is a unified difference, published to wanted; empty when they agree.
    """

    account: str
    wanted: list[dict[str, Any]]
    is_default: bool
    published: list[dict[str, Any]] | None
    errcode: int | None
    difference: list[str]
    releases: list[ReleaseOut]


class PublishedOut(Out):
    """The release, and how it differs from the menu before it."""

    account: str
    release_id: Id
    published_at: AwareDatetime
    difference: list[str]


@endpoint(tags=["menu"], auth="operator", refuses=ACCOUNT_REFUSES)
async def menu(request: web.Request, account: AccountKey, /) -> Ok[MenuOut]:
    """The wanted menu, the published one, the difference, and the last 20 releases."""
    return Ok(_out(await handlers(request).menu_editing.view(operator(request), account=account)))


@endpoint(tags=["menu"], auth="operator", refuses=[*ACCOUNT_REFUSES, MenuInvalid])
async def draft_menu(
    request: web.Request, account: AccountKey, /, body: MenuBody, *, idempotency_key: str | None = None
) -> Ok[MenuOut]:
    """Keep what the menu should be. Nothing is published."""
    buttons = None
    if body.buttons is not None:
        buttons = [button.model_dump(exclude_none=True) for button in body.buttons]
    answer = await handlers(request).menu_editing.draft(
        operator(request), account=account, buttons=buttons, request_id=idempotency_key
    )
    return reply(answer, _out, status=200)


@endpoint(tags=["menu"], auth="operator", refuses=[*ACCOUNT_REFUSES, WeChatUnavailable, MenuRefused])
async def publish_menu(request: web.Request, account: AccountKey, /, *, idempotency_key: str) -> Created[PublishedOut]:
    """Put the wanted menu in force; people see it within 5 minutes to a day."""
    answer = await handlers(request).menu_editing.publish(
        operator(request), account=account, request_id=idempotency_key
    )
    return reply(answer, _published, status=201)


@endpoint(
    tags=["menu"], auth="operator", refuses=[*ACCOUNT_REFUSES, MenuReleaseUnknown, WeChatUnavailable, MenuRefused]
)
async def roll_back_menu(
    request: web.Request, account: AccountKey, /, body: RollBackBody, *, idempotency_key: str
) -> Created[PublishedOut]:
    """Publish an earlier release again; it is then what is wanted, too."""
    answer = await handlers(request).menu_editing.roll_back(
        operator(request), account=account, release_id=body.release_id, request_id=idempotency_key
    )
    return reply(answer, _published, status=201)


def _out(view: MenuView) -> MenuOut:
    return MenuOut(
        account=view.account,
        wanted=view.wanted,
        is_default=view.is_default,
        published=view.published,
        errcode=view.errcode,
        difference=list(view.difference),
        releases=[
            ReleaseOut(id=each.id, published_at=each.published_at, published_by=each.published_by, buttons=each.buttons)
            for each in view.releases
        ],
    )


def _published(published: Published) -> PublishedOut:
    return PublishedOut(
        account=published.account,
        release_id=published.release_id,
        published_at=published.published_at,
        difference=list(published.difference),
    )


ROUTES = [
    web.get("/operator/menus/{account}", menu),
    web.put("/operator/menus/{account}", draft_menu),
    web.post("/operator/menus/{account}/publish", publish_menu),
    web.post("/operator/menus/{account}/rollback", roll_back_menu),
]
