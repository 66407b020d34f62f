"""WeChat's API as handlers need it: about a dozen endpoints, each one call of a small core.

wechatpy's own client is never used: it blocks, has no time-out, and without end repeats a call whose token is refused.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
from yarl import URL

from gateways.stores.commands import BatchedRedis
from gateways.wechat_errors import STALE_TOKEN
from gateways.wechat_http import CONNECT_SECONDS, TOTAL_SECONDS, Request, WeChatHttp, report
from gateways.wechat_phone import decrypt_phone, phone_of
from gateways.wechat_templates import fitted
from gateways.wechat_tokens import LentKeeper, TokenKeeper, lent_value
from handlers.ports import (
    Clock,
    CodeSession,
    FollowerInfo,
    PhoneNumber,
    SceneQr,
    Vault,
    WeChatApp,
    WeChatError,
    WeChatGaveUp,
    WeChatOutcomeUnknown,
)

LONGEST_QR = timedelta(days=30)
LONGEST_LINK = timedelta(days=30)
NO_MENU = 46003
_Answer = TypeVar("_Answer")
_SCENE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CODE_SCENE = re.compile(r"[A-Za-z0-9!#$&'()*+,/:;=?@\-._~]{1,32}")


class WeChatApi:
    """Implements `ports.WeChat` over one platform address and one HTTP session."""

    def __init__(
        self,
        base_url: str,
        session: aiohttp.ClientSession,
        redis: BatchedRedis,
        vault: Vault,
        clock: Clock,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """Tokens and tickets are kept in `redis`, encrypted by `vault`; the session stays the caller's to close."""
        self._http = WeChatHttp(base_url, session, connect_seconds=connect_seconds, total_seconds=total_seconds)
        self._tokens = TokenKeeper(self._http, redis, vault, clock)
        self._tickets = LentKeeper("ticket", self._fetch_ticket, redis, vault, clock)
        self._clock = clock
        # WeChat shows QR pictures under another host than its API; a stand-in for WeChat has one address for both.
        is_wechat = (URL(base_url).host or "").endswith("weixin.qq.com")
        self._picture_url = "https://mp.weixin.qq.com" if is_wechat else base_url.rstrip("/")

    async def aclose(self) -> None:
        """Stop token fetches under way."""
        await self._tickets.aclose()
        await self._tokens.aclose()

    async def exchange_login_code(self, app: WeChatApp, code: str) -> CodeSession:
        """`sns/jscode2session`. Raises WeChatUserRefused with 40029 or 40163 (code), 40226 (blocked person)."""
        endpoint = "sns/jscode2session"
        query = {"appid": app.app_id, "secret": app.secret, "js_code": code, "grant_type": "authorization_code"}
        answer = await self._http.call(app, Request(endpoint, query=query, hidden=(code,)))
        openid, session_key = _text(answer, "openid", endpoint), _text(answer, "session_key", endpoint)
        return CodeSession(openid=openid, unionid=_optional_text(answer, "unionid"), session_key=session_key)

    async def phone_number(self, app: WeChatApp, code: str) -> PhoneNumber:
        """`wxa/business/getuserphonenumber`; the watermark's app id is checked.

        Raises WeChatUserRefused 40029, 40013.
        """
        endpoint = "wxa/business/getuserphonenumber"
        facts = (await self._call(app, Request(endpoint, body={"code": code}, hidden=(code,)))).get("phone_info")
        if not isinstance(facts, Mapping):
            raise WeChatOutcomeUnknown(0, "answer without phone_info", endpoint=endpoint)
        return phone_of(app, facts, endpoint)

    def decrypt_phone(self, app: WeChatApp, session_key: str, data: str, iv: str, *, now: datetime) -> PhoneNumber:
        """The older encryptedData path; watermark app id and age (10 minutes) are checked. Raises WeChatUserRefused."""
        return decrypt_phone(app, session_key, data, iv, now=now)

    async def follower(self, app: WeChatApp, openid: str) -> FollowerInfo:
        """`cgi-bin/user/info`; for who does not follow WeChat tells nothing but that."""
        endpoint = "cgi-bin/user/info"
        query = {"openid": openid, "lang": "zh_CN"}
        answer = await self._call(app, Request(endpoint, query=query, hidden=(openid,)))
        if answer.get("subscribe") not in (0, 1):
            raise WeChatOutcomeUnknown(0, "answer without subscribe", endpoint=endpoint)
        return FollowerInfo(is_following=answer["subscribe"] == 1, unionid=_optional_text(answer, "unionid"))

    async def send_text(self, app: WeChatApp, openid: str, text: str) -> None:
        """`cgi-bin/message/custom/send`. Raises WeChatUserRefused 45015, 45047, 48002 when no window is open."""
        body = {"touser": openid, "msgtype": "text", "text": {"content": text}}
        await self._call(app, Request("cgi-bin/message/custom/send", body=body, hidden=(openid,)))

    async def send_mini_program_card(
        self, app: WeChatApp, openid: str, *, app_id: str, path: str, title: str, thumb_media_id: str
    ) -> None:
        """`cgi-bin/message/custom/send`, `miniprogrampage`: a picture that opens a mini-program linked to the account.

        Raises WeChatUserRefused 45015, 45047, 48002 when no window is open.
        """
        card = {"title": title, "appid": app_id, "pagepath": path, "thumb_media_id": thumb_media_id}
        body = {"touser": openid, "msgtype": "miniprogrampage", "miniprogrampage": card}
        await self._call(app, Request("cgi-bin/message/custom/send", body=body, hidden=(openid,)))

    async def send_template(
        self,
        app: WeChatApp,
        openid: str,
        template_id: str,
        values: Mapping[str, str],
        *,
        page: str = "",
        dedupe_id: str,
    ) -> None:
        """`cgi-bin/message/template/send`; `page` is a web address.

        `dedupe_id` (<= 32) lets WeChat drop repeats within 10 minutes. Texts that are too long are shortened.
        """
        body = {"touser": openid, "template_id": template_id, "client_msg_id": dedupe_id, "data": fitted(values)}
        if page:
            body["url"] = page
        await self._call(app, Request("cgi-bin/message/template/send", body=body, hidden=(openid,)))

    async def send_subscribe_message(
        self, app: WeChatApp, openid: str, template_id: str, values: Mapping[str, str], *, page: str = ""
    ) -> None:
        """`cgi-bin/message/subscribe/send`: one accepted request is one message. Raises WeChatUserRefused 43101."""
        body = {"touser": openid, "template_id": template_id, "data": fitted(values), "lang": "zh_CN"}
        if page:
            body["page"] = page
        await self._call(app, Request("cgi-bin/message/subscribe/send", body=body, hidden=(openid,)))

    async def scene_qr(self, app: WeChatApp, scene: str, *, expires_in: timedelta | None) -> SceneQr:
        """`cgi-bin/qrcode/create`; None makes a permanent code. Scene: 1-64 of `[A-Za-z0-9_-]`, at most 30 days.

        Raises WeChatGaveUp, without asking WeChat, for a scene or duration that it would take and then not honour.
        """
        endpoint = "cgi-bin/qrcode/create"
        if not _SCENE.fullmatch(scene):
            raise WeChatGaveUp(0, "scene is not 1-64 letters, digits, _ or -", endpoint=endpoint)
        body: dict[str, Any] = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": scene}}}
        expires_at = None
        if expires_in is not None:
            if not timedelta(seconds=1) <= expires_in <= LONGEST_QR:
                raise WeChatGaveUp(0, "a temporary code lasts 1 second to 30 days", endpoint=endpoint)
            seconds = int(expires_in.total_seconds())
            body |= {"action_name": "QR_STR_SCENE", "expire_seconds": seconds}
            expires_at = self._clock.now() + timedelta(seconds=seconds)
        answer = await self._call(app, Request(endpoint, body=body))
        ticket = quote(_text(answer, "ticket", endpoint), safe="")
        image_url = f"{self._picture_url}/cgi-bin/showqrcode?ticket={ticket}"
        return SceneQr(url=_text(answer, "url", endpoint), image_url=image_url, expires_at=expires_at)

    async def mini_program_code(self, app: WeChatApp, scene: str, *, page: str) -> bytes:
        """`wxa/getwxacodeunlimit`: picture bytes (JPEG or PNG) of a code for the released mini-program.

        Scene 1-32 visible characters, page without a leading slash. Raises WeChatGaveUp 41030 for an unknown page.
        """
        endpoint = "wxa/getwxacodeunlimit"
        if not _CODE_SCENE.fullmatch(scene):
            raise WeChatGaveUp(0, "scene is not 1-32 visible characters", endpoint=endpoint)
        body = {"scene": scene, "page": page.lstrip("/")}
        return await self._with_token(app, Request(endpoint, body=body), self._http.picture)

    async def url_link(self, app: WeChatApp, path: str, query: str, *, expires_in: timedelta) -> str:
        """`wxa/generate_urllink`: a link that opens the mini-program, for at most 30 days.

        Raises WeChatGaveUp for a longer time.
        """
        endpoint = "wxa/generate_urllink"
        if not timedelta(0) < expires_in <= LONGEST_LINK:
            raise WeChatGaveUp(0, "a link lasts up to 30 days", endpoint=endpoint)
        expire_time = int((self._clock.now() + expires_in).timestamp())
        body = {"path": path, "query": query, "expire_type": 0, "expire_time": expire_time}
        return _text(await self._call(app, Request(endpoint, body=body)), "url_link", endpoint)

    async def report_virtual_goods(
        self, app: WeChatApp, *, transaction_id: str, openid: str, item: str, at: datetime
    ) -> None:
        """`wxa/sec/order/upload_shipping_info`: what was paid for was given at once, without a parcel.

        Raises WeChatRetryLater 10060001 while WeChat does not know of the payment yet.
        """
        body = {
            "order_key": {"order_number_type": 2, "transaction_id": transaction_id},
            "logistics_type": 3,  # virtual
            "delivery_mode": 1,  # all at once
            "shipping_list": [{"item_desc": item[:120]}],
            "upload_time": at.isoformat(timespec="milliseconds"),
            "payer": {"openid": openid},
        }
        await self._call(app, Request("wxa/sec/order/upload_shipping_info", body=body, hidden=(openid,)))

    async def current_menu(self, app: WeChatApp) -> list[dict[str, Any]]:
        """`cgi-bin/menu/get`: the buttons; an empty list when there is no menu (46003)."""
        endpoint = "cgi-bin/menu/get"
        try:
            menu = (await self._call(app, Request(endpoint, expected=frozenset({NO_MENU})))).get("menu")
        except WeChatError as error:
            if error.errcode == NO_MENU:
                return []
            raise
        buttons = menu.get("button") if isinstance(menu, Mapping) else None
        if not isinstance(buttons, list):
            raise WeChatOutcomeUnknown(0, "answer without buttons", endpoint=endpoint)
        return buttons

    async def publish_menu(self, app: WeChatApp, buttons: Sequence[Mapping[str, Any]]) -> None:
        """`cgi-bin/menu/create`; it replaces the menu, clients show it within 5 minutes to a day."""
        await self._call(app, Request("cgi-bin/menu/create", body={"button": list(buttons)}))

    async def js_ticket(self, app: WeChatApp) -> str:
        """`cgi-bin/ticket/getticket?type=jsapi`, cached like the access token."""
        return await self._tickets.get(app)

    async def _fetch_ticket(self, app: WeChatApp) -> tuple[str, int]:
        endpoint = "cgi-bin/ticket/getticket"
        return lent_value(await self._call(app, Request(endpoint, query={"type": "jsapi"})), "ticket", endpoint)

    async def _call(self, app: WeChatApp, request: Request) -> dict[str, Any]:
        return await self._with_token(app, request, self._http.call)

    async def _with_token(
        self, app: WeChatApp, request: Request, send: Callable[[WeChatApp, Request], Awaitable[_Answer]]
    ) -> _Answer:
        """At most two calls: a token that WeChat refuses is replaced once, and only by a different one."""
        token = await self._tokens.get(app)
        try:
            return await send(app, _signed(request, token, expected=STALE_TOKEN))
        except WeChatError as error:
            if error.errcode not in STALE_TOKEN:
                raise
            refused = error
        other = await self._tokens.replace(app, token)
        if other is None:
            report(app, refused)
            raise refused
        return await send(app, _signed(request, other))


def _signed(request: Request, token: str, *, expected: frozenset[int] = frozenset()) -> Request:
    return replace(
        request,
        query={**(request.query or {}), "access_token": token},
        hidden=(token, *request.hidden),
        expected=request.expected | expected,
    )


def _text(answer: Mapping[str, Any], name: str, endpoint: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise WeChatOutcomeUnknown(0, f"answer without {name}", endpoint=endpoint)
    return value


def _optional_text(answer: Mapping[str, Any], name: str) -> str | None:
    value = answer.get(name)
    return value if isinstance(value, str) and value else None
