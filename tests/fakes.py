"""Stand-ins for what is outside: time, and WeChat. Hand-made, so that a test reads as what happens."""

import asyncio
import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.ports import CodeSession, FollowerInfo, PhoneNumber, WeChatApp, WeChatError, WeChatUserRefused


class FakeClock:
    """A clock that stands still until it is told to advance. Implements `handlers.ports.Clock`."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)) -> None:  # Monday 10:00 in Shanghai
        if now.tzinfo is None:
            raise ValueError("a clock knows its zone")
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Let time pass; the new present."""
        self._now += by
        return self._now


FIELD_KEYS = '{"k1": "yjXMI/HvbCXe+55JtMZ9Tf3Sj2ESNbmrdyvMiFkH3FU="}'
INDEX_KEY = "omcNoCiAVnlCVS07qPQrPYS8A2SbiE3wfpc8f40LcH4="


class FakeWeChat:
    """WeChat as handlers see it: codes that work once, followers and their unionids, and what was sent."""

    def __init__(self) -> None:
        self.logins: dict[str, CodeSession] = {}
        self.phones: dict[str, PhoneNumber] = {}
        self.unionids: dict[str, str] = {}
        self.sent: list[tuple[str, str]] = []
        self.cards: list[tuple[str, dict[str, str]]] = []
        self.menus: dict[str, list[Any]] = {}  # by app id, as they were published
        self.calls: Counter[str] = Counter()
        self.trouble: WeChatError | None = None  # raised by every call while it is set
        self.delay = 0.0
        self._codes = itertools.count()  # WeChat gives no code twice

    def login_code(self, openid: str, unionid: str | None = None, *, code: str | None = None) -> str:
        """A code that works once."""
        code = code or f"login-{next(self._codes)}-{openid}"
        self.logins[code] = CodeSession(openid, unionid, "c2Vzc2lvbi1rZXktMTYtYg==")
        return code

    def phone_code(self, number: str, country_code: str = "86") -> str:
        """A code that works once."""
        code = f"phone-{next(self._codes)}-{number}"
        self.phones[code] = PhoneNumber(number, country_code)
        return code

    async def exchange_login_code(self, app: WeChatApp, code: str) -> CodeSession:
        await self._called("login")
        return _once(self.logins, code)

    async def phone_number(self, app: WeChatApp, code: str) -> PhoneNumber:
        await self._called("phone")
        return _once(self.phones, code)

    async def follower(self, app: WeChatApp, openid: str) -> FollowerInfo:
        await self._called("follower")
        return FollowerInfo(is_following=True, unionid=self.unionids.get(openid))

    async def send_text(self, app: WeChatApp, openid: str, text: str) -> None:
        await self._called("send_text")
        self.sent.append((openid, text))

    async def url_link(self, app: WeChatApp, path: str, query: str, *, expires_in: timedelta) -> str:
        await self._called("url_link")
        return f"https://wxaurl.example/{path}?{query}"

    async def send_mini_program_card(self, app: WeChatApp, openid: str, **card: str) -> None:
        await self._called("send_mini_program_card")
        self.cards.append((openid, card))

    async def current_menu(self, app: WeChatApp) -> list[Any]:
        await self._called("current_menu")
        return self.menus.get(app.app_id, [])

    async def publish_menu(self, app: WeChatApp, buttons: Any) -> None:
        await self._called("publish_menu")
        self.menus[app.app_id] = list(buttons)

    async def _called(self, what: str) -> None:
        self.calls[what] += 1
        await asyncio.sleep(self.delay)
        if self.trouble is not None:
            raise self.trouble


def _once(codes: dict[str, Any], code: str) -> Any:
    if code not in codes:
        raise WeChatUserRefused(40029, "invalid code")
    return codes.pop(code)
