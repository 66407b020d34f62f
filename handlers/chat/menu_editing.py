"""Operators' menus: draft, look at the difference, publish, roll back.

WeChat is called outside of any transaction. Publishing is repeatable: the same menu again changes nothing, and the
record of the release is written once per request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from handlers import audit
from handlers.accounts.account_scope import official_account
from handlers.accounts.accounts import Accounts
from handlers.actors import Operator
from handlers.chat.menus import difference_of, keep_release, plain, wanted_menu
from handlers.errors import MenuInvalid, MenuRefused, MenuReleaseUnknown, WeChatUnavailable
from handlers.ports import Clock, WeChat, WeChatError, WeChatRetryLater
from handlers.requests import Answer, Asked, once, recalled
from handlers.retrying import refusing
from handlers.rules.menus import Button, problems_of_menu
from models.accounts import Account
from models.replies import MenuRelease

LISTED = 20


@dataclass(frozen=True, slots=True)
class Release:
    """One menu as it was published; `published_by` is an operator's id, or `command_line:` and a name."""

    id: UUID
    published_at: datetime
    published_by: str
    buttons: list[Any]


@dataclass(frozen=True, slots=True)
class MenuView:
    """What is wanted, what WeChat shows, and the lines of the difference. `is_default`: nobody made one yet.

    When WeChat does not say, `published` is None and `errcode` WeChat's reason, 0 when there was no answer.
    """

    account: str
    wanted: list[Any]
    is_default: bool
    published: list[Any] | None
    errcode: int | None
    difference: tuple[str, ...]
    releases: tuple[Release, ...]


@dataclass(frozen=True, slots=True)
class KeptMenu:
    """A stored `MenuView`, as JSON of its own: buttons are whatever WeChat says."""

    json: str


@dataclass(frozen=True, slots=True)
class Published:
    """The menu that is in force now, and how it differs from the one before."""

    account: str
    release_id: UUID
    published_at: datetime
    difference: tuple[str, ...]


@refusing
class MenuEditing:
    """Keeps what operators want of a menu, and puts it in force."""

    def __init__(self, clock: Clock, wechat: WeChat, accounts: Accounts, public_url: str) -> None:
        self._clock = clock
        self._wechat = wechat
        self._accounts = accounts
        self._public_url = public_url

    async def view(self, operator: Operator, *, account: str) -> MenuView:
        """The three sides of a menu, and the last releases, newest first.

        Raises RoleMissing, AccountUnknown, NotAnOfficialAccount.
        """
        row = await official_account(operator, account)
        return await self._view(row, *await self._shown(account))

    async def _shown(self, account: str) -> tuple[list[Any] | None, int | None]:
        """What WeChat shows, or why it does not say."""
        try:
            return await self._published(account), None
        except WeChatError as error:
            return None, error.errcode

    async def _view(self, row: Account, published: list[Any] | None, errcode: int | None) -> MenuView:
        wanted = await wanted_menu(row, self._public_url)
        releases = await MenuRelease.filter(account_id=row.id).order_by("-published_at", "-id").limit(LISTED)
        return MenuView(
            account=row.key,
            wanted=wanted,
            is_default=row.menu is None,
            published=published,
            errcode=errcode,
            difference=() if published is None else tuple(difference_of(published, wanted)),
            releases=tuple(_release(each) for each in releases),
        )

    async def draft(
        self, operator: Operator, *, account: str, buttons: Sequence[Button] | None, request_id: str | None = None
    ) -> Answer[MenuView]:
        """Keep what the menu should be; None goes back to the default menu. Nothing is published.

        Raises RoleMissing, AccountUnknown, NotAnOfficialAccount, MenuInvalid, KeyReused.
        """
        if buttons is not None and (found := problems_of_menu(buttons)):
            raise MenuInvalid(problems=[{"field": each.field, "problem": each.problem} for each in found])
        wanted = None if buttons is None else [plain(button) for button in buttons]
        await official_account(operator, account)
        facts = {"account": account, "buttons": wanted}
        asked = Asked.of(operator, "draft_menu", request_id, facts) if request_id else None
        if asked and (before := await recalled(asked, KeptMenu)):
            return _opened(before)
        shown = await self._shown(account)

        async def effect() -> KeptMenu:
            row = await official_account(operator, account)
            if row.menu != wanted:
                await self._keep(operator, row, wanted, "menu.drafted")
                row.menu = wanted
            return KeptMenu(orjson.dumps(await self._view(row, *shown), default=str).decode())

        return _opened(await once(operator, "draft_menu", request_id, facts=facts, result=KeptMenu, effect=effect))

    async def publish(self, operator: Operator, *, account: str, request_id: str | None = None) -> Answer[Published]:
        """Put what is wanted in force; people see it within 5 minutes to a day.

        Raises RoleMissing, AccountUnknown, NotAnOfficialAccount, WeChatUnavailable, MenuRefused, KeyReused.
        """
        row = await official_account(operator, account)
        if before := await _answered(operator, "publish_menu", request_id, {"account": account}):
            return before
        buttons = await wanted_menu(row, self._public_url)
        difference = await self._put_in_force(account, buttons)

        async def effect() -> Published:
            release = await keep_release(operator, row, buttons, "menu.published", at=self._clock.now())
            return _as_published(account, release, difference)

        facts = {"account": account}
        return await once(operator, "publish_menu", request_id, facts=facts, result=Published, effect=effect)

    async def roll_back(
        self, operator: Operator, *, account: str, release_id: UUID, request_id: str | None = None
    ) -> Answer[Published]:
        """Publish an earlier release again; it is then what is wanted, too.

        Raises RoleMissing, AccountUnknown, NotAnOfficialAccount, MenuReleaseUnknown, WeChatUnavailable, MenuRefused,
        KeyReused.
        """
        row = await official_account(operator, account)
        facts = {"account": account, "release_id": release_id}
        if before := await _answered(operator, "roll_back_menu", request_id, facts):
            return before
        earlier = await MenuRelease.get_or_none(id=release_id, account_id=row.id)
        if earlier is None:
            raise MenuReleaseUnknown
        buttons: list[Any] = earlier.buttons
        difference = await self._put_in_force(account, buttons)

        async def effect() -> Published:
            await self._keep(operator, row, buttons, None)
            now = self._clock.now()
            release = await keep_release(operator, row, buttons, "menu.rolled_back", at=now, earlier=earlier.id)
            return _as_published(account, release, difference)

        return await once(operator, "roll_back_menu", request_id, facts=facts, result=Published, effect=effect)

    async def _published(self, account: str) -> list[Any]:
        facts = await self._accounts.get(account)
        return [plain(button) for button in await self._wechat.current_menu(facts.app)]

    async def _put_in_force(self, account: str, buttons: Sequence[Button]) -> tuple[str, ...]:
        """Publish at WeChat; how that differs from what was there. Raises WeChatUnavailable, MenuRefused."""
        facts = await self._accounts.get(account)
        try:
            difference = difference_of(await self._published(account), buttons)
            await self._wechat.publish_menu(facts.app, buttons)
        except WeChatRetryLater as error:
            raise WeChatUnavailable(retry_after=3) from error
        except WeChatError as error:
            raise MenuRefused(errcode=error.errcode) from error
        return tuple(difference)

    async def _keep(self, operator: Operator, row: Account, wanted: list[Any] | None, action: str | None) -> None:
        await Account.filter(id=row.id).update(menu=wanted)
        if action is not None:
            await self._note(operator, row, action, difference=difference_of(row.menu or [], wanted or []))

    async def _note(self, operator: Operator, row: Account, action: str, **facts: object) -> None:
        await audit.record(
            operator,
            action,
            "account",
            row.id,
            at=self._clock.now(),
            organization_id=row.organization_id,  # type: ignore[attr-defined]
            account=row.key,
            **facts,
        )


async def _answered(
    operator: Operator, operation: str, request_id: str | None, facts: object
) -> Answer[Published] | None:
    """What an earlier request with this key led to: asked before WeChat is, so that a repeat publishes nothing."""
    if request_id is None:
        return None
    return await recalled(Asked.of(operator, operation, request_id, facts), Published)


def _opened(answer: Answer[KeptMenu]) -> Answer[MenuView]:
    found = orjson.loads(answer.value.json)
    releases = tuple(
        Release(UUID(each["id"]), datetime.fromisoformat(each["published_at"]), each["published_by"], each["buttons"])
        for each in found["releases"]
    )
    seen = {**found, "difference": tuple(found["difference"]), "releases": releases}
    return Answer(MenuView(**seen), replayed=answer.replayed)


def _as_published(account: str, release: MenuRelease, difference: tuple[str, ...]) -> Published:
    return Published(account, release.id, release.published_at, difference)


def _release(row: MenuRelease) -> Release:
    return Release(row.id, row.published_at, row.published_by, row.buttons)
