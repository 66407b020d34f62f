"""Links from the chat into the mini-program: WeChat's own when it gives one, otherwise one that the chat can show."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from handlers.accounts.accounts import Accounts
from handlers.ports import WeChat, WeChatError
from models.words import AccountKind

PATIENCE = 1.5  # seconds; the platform gives an answer in chat five

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MiniProgramLink:
    """Where to go: `url` when WeChat made one, and the page with its query either way."""

    app_id: str
    path: str
    url: str | None


class MiniProgramLinks:
    """Makes links; never inside a transaction."""

    def __init__(self, wechat: WeChat, accounts: Accounts) -> None:
        self._wechat = wechat
        self._accounts = accounts

    async def to(self, page: str, *, lasting: timedelta, **query: str) -> MiniProgramLink:
        """A link to a page of the first mini-program. Raises AccountUnknown when there is no mini-program."""
        account = await self._accounts.only(AccountKind.MINI_PROGRAM)
        text = urlencode(query)
        path = f"{page}?{text}" if text else page
        url: str | None = None
        try:
            async with asyncio.timeout(PATIENCE):
                url = await self._wechat.url_link(account.app, page, text, expires_in=lasting)
        except (WeChatError, TimeoutError) as trouble:
            log.warning("no_url_link", extra={"account": account.key, "errcode": getattr(trouble, "errcode", 0)})
        return MiniProgramLink(account.app.app_id, path, url)

    async def unasked(self, page: str, **query: str) -> MiniProgramLink:
        """The same for an answer in chat, which WeChat is not asked for. Raises AccountUnknown."""
        account, text = await self._accounts.only(AccountKind.MINI_PROGRAM), urlencode(query)
        return MiniProgramLink(account.app.app_id, f"{page}?{text}" if text else page, None)
