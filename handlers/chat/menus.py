"""The menu of an official account: what it should be, what it is, and the difference.

Editing, publishing and rolling back by operators: `handlers/chat/menu_editing.py`.
"""

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from handlers import audit
from handlers.accounts.accounts import AccountFacts, Accounts
from handlers.actors import Operator
from handlers.cards.member_codes import CODE_PAGE
from handlers.ports import Clock, WeChat
from handlers.requests import Actor
from handlers.retrying import refusing
from handlers.rules.menus import Button
from models.accounts import Account
from models.database import atomic
from models.replies import MenuRelease
from models.words import AccountKind

_TODAY = ("今日可领", "限时抢购", "签到", "抽奖")
_MINE = ("我的权益", "绑卡", "积分", "人工")


def default_menu(mini_program_app_id: str | None, fallback_url: str) -> list[dict[str, Any]]:
    """The menu of an account whose operator has not made one: what there is today, 会员码 (in the mini-program, if
    there is one), 我的. Words that earlier menus had stay understood: those menus stay in phones for a day."""
    middle = _click("会员码")
    if mini_program_app_id:
        middle = {
            "type": "miniprogram",
            "name": "会员码",
            "appid": mini_program_app_id,
            "pagepath": CODE_PAGE,
            "url": fallback_url,  # for clients that cannot open mini-programs; WeChat requires it
        }
    return [_opens("领权益", *_TODAY), middle, _opens("我的", *_MINE)]


def _click(word: str) -> dict[str, Any]:
    """A button that says a word: the key is the word, so that tapping and typing are one route."""
    return {"type": "click", "name": word, "key": word}


def _opens(name: str, *words: str) -> dict[str, Any]:
    return {"name": name, "sub_button": [_click(word) for word in words]}


async def wanted_menu(account: Account, fallback_url: str) -> list[dict[str, Any]]:
    """What the operator wants, or the default menu with the mini-program of the same open platform, if there is one."""
    if account.menu is not None:
        return list(account.menu)
    linked = (
        await Account.filter(kind=AccountKind.MINI_PROGRAM, open_platform=account.open_platform)
        .order_by("created_at", "id")
        .first()
    )
    return default_menu(linked.app_id if linked else None, fallback_url)


def difference_of(published: Sequence[Button], wanted: Sequence[Button]) -> list[str]:
    """Lines of a unified difference, published menu to wanted menu; empty when they agree."""
    return list(difflib.unified_diff(_lines(published), _lines(wanted), "published", "wanted", lineterm=""))


@refusing
class Menus:
    """Compares and publishes menus, for whoever runs the commands of this house."""

    def __init__(self, clock: Clock, wechat: WeChat, accounts: Accounts, public_url: str) -> None:
        self._clock = clock
        self._wechat = wechat
        self._accounts = accounts
        self._public_url = public_url

    async def difference(self, account: str, *, mini_program: str | None = "mp") -> list[str]:
        """Lines of a unified difference, published menu to wanted menu; empty when they agree. Raises WeChatError."""
        facts = await self._accounts.get(account)
        return difference_of(await self._wechat.current_menu(facts.app), await self._wanted(facts, mini_program))

    async def publish(self, by: Actor, account: str, *, mini_program: str | None = "mp") -> None:
        """Put the wanted menu in force; a release that can be rolled back to. Raises WeChatError kinds."""
        facts = await self._accounts.get(account)
        wanted = [plain(button) for button in await self._wanted(facts, mini_program)]
        await self._wechat.publish_menu(facts.app, wanted)
        async with atomic():
            stored = await Account.get(key=account)
            await keep_release(by, stored, wanted, "menu.published", at=self._clock.now())

    async def _wanted(self, facts: AccountFacts, mini_program: str | None) -> Sequence[Button]:
        if facts.menu is not None:
            return facts.menu
        linked = (await self._accounts.get(mini_program)).app.app_id if mini_program else None
        return default_menu(linked, self._public_url)


async def keep_release(
    by: Actor, account: Account, buttons: list[Any], action: str, *, at: datetime, **facts: object
) -> MenuRelease:
    """The record of a menu that is in force now, and who put it there, inside the open transaction."""
    who = by.actor_id if isinstance(by, Operator) else f"{by.kind}:{by.actor_id}"[:64]
    release = await MenuRelease.create(account=account, buttons=buttons, published_at=at, published_by=who)
    place = account.organization_id  # type: ignore[attr-defined]
    told = {"account": account.key, "release": release.id, **facts}
    await audit.record(by, action, "account", account.id, at=at, organization_id=place, **told)
    return release


# What somebody wrote; WeChat adds fields of its own when a menu is read.
_WRITTEN = ("type", "name", "key", "url", "appid", "pagepath", "media_id", "article_id")


def plain(button: Button) -> dict[str, Any]:
    """A button as it was written."""
    kept: dict[str, Any] = {name: button[name] for name in _WRITTEN if button.get(name)}
    children = button.get("sub_button") or []
    children = children.get("list", []) if isinstance(children, Mapping) else children
    return {**kept, "sub_button": [plain(child) for child in children]} if children else kept


def _lines(buttons: Sequence[Button]) -> list[str]:
    return orjson.dumps([plain(button) for button in buttons], option=orjson.OPT_INDENT_2).decode().splitlines()
