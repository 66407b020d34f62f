"""A mini-program opened on a person's phone: the client side of our REST door."""

import itertools
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from simulator.accounts import Account
from simulator.codes import Purpose
from simulator.crypto import encrypt_data
from simulator.errors import ImpossibleError
from simulator.identifiers import session_key
from simulator.line import LineError

if TYPE_CHECKING:
    from simulator.people import Profile
    from simulator.platform import Platform

_KEPT = 100
_TIMEOUT_SECONDS = 60.0  # wx.request's own
_numbers = itertools.count(1)


@dataclass(frozen=True)
class RestCall:
    """One call of the mini-program to our server. `status` 0: no answer came; `answer` is parsed JSON, or text."""

    number: int
    at: float
    method: str
    path: str
    body: object
    status: int
    answer: object
    headers: Mapping[str, str]

    @property
    def is_fine(self) -> bool:
        """Whether the server did it."""
        return 200 <= self.status < 300

    def fact(self, name: str) -> object:
        """One field of the answer's JSON object; None if it has no such field."""
        return self.answer.get(name) if isinstance(self.answer, dict) else None


class MiniProgram:
    """One opened mini-program; `token` and `member` are what our server gave it, `calls` everything that was said."""

    def __init__(
        self, person: "Profile", account: Account, platform: "Platform", scene: str | None, ticket: str | None = None
    ) -> None:
        self.id = f"screen-{next(_numbers)}"
        self.person = person
        self.account = account
        self.scene = scene
        self.ticket = ticket  # of the link that opened it: a card whose proof is still to be given
        self.cards: object = None
        self.kinds: object = None
        self.code: object = None
        self.token: str | None = None
        self.member: object = None
        self.calls: deque[RestCall] = deque(maxlen=_KEPT)
        self._platform = platform

    def login_code(self) -> str:
        """wx.login()."""
        return self._platform.codes.issue(Purpose.LOGIN, self.account.app_id, self.person.id)

    def phone_code(self) -> str:
        """getPhoneNumber, the person agreeing; raises ImpossibleError for a person without a phone."""
        if self.person.phone is None:
            raise ImpossibleError("这个人没有手机号")
        return self._platform.codes.issue(Purpose.PHONE, self.account.app_id, self.person.id)

    def encrypted_phone(self) -> dict[str, str]:
        """The old way of handing over a number: {data, iv} under the session key of the last login."""
        key = self.person.session_keys.get(self.account.app_id)
        if key is None or self.person.phone is None:
            raise ImpossibleError("还没有登录，或没有手机号")
        iv = session_key()
        data = orjson.dumps(phone_info(self.person, self.account, self._platform.clock.now()))
        return {"data": encrypt_data(key, iv, data), "iv": iv}

    async def login(self) -> RestCall:
        """POST /sessions; keeps the token."""
        body: dict[str, object] = {"code": self.login_code(), "account": self.account.name}
        if self.scene is not None:
            body["scene"] = self.scene
        call = await self.call("POST", "/sessions", body)
        if call.is_fine:
            self.token = str(call.fact("token"))
            self.member = call.fact("member")
        return call

    async def join(self, *, with_phone: bool, key: str | None = None) -> RestCall:
        """一键入会: log in if need be, read the terms, agree to those required and, giving the phone, to its use."""
        if self.token is None:
            login = await self.login()
            if not login.is_fine:
                return login
        terms = await self.call("GET", "/consents")
        if not terms.is_fine:
            return terms
        items = terms.fact("items")
        agreed = [
            {"purpose": item["purpose"], "version": item["version"]}
            for item in (items if isinstance(items, list) else [])
            if item.get("required") or (with_phone and item.get("purpose") == "phone")
        ]
        body: dict[str, object] = {"consents": agreed}
        if with_phone:
            body["phone_code"] = self.phone_code()
        if self.scene is not None:
            body["scene"] = self.scene
        call = await self.call("POST", "/members", body, key=key or str(uuid.uuid4()))
        if call.is_fine:
            self.member = call.fact("member")
        return call

    async def me(self) -> RestCall:
        """GET /me."""
        call = await self.call("GET", "/me")
        if call.is_fine:
            self.member = call.answer
        return call

    async def look_at_cards(self) -> RestCall:
        """GET /me/cards, and /card-kinds for the form that binds another."""
        kinds = await self.call("GET", "/card-kinds")
        self.kinds = kinds.fact("items") if kinds.is_fine else None
        call = await self.call("GET", "/me/cards")
        if call.is_fine:
            self.cards = call.fact("items")
        return call

    async def bind(
        self,
        *,
        card: Mapping[str, object] | None = None,
        proof: Mapping[str, object] | None = None,
        with_phone: bool = False,
        key: str | None = None,
    ) -> RestCall:
        """POST /me/cards: `card` is {kind, number}; without it the ticket the mini-program was opened with."""
        shown = {**(proof or {}), **({"phone_code": self.phone_code()} if with_phone else {})}
        body = {**(card or {"ticket": self.ticket}), "proof": shown}
        call = await self.call("POST", "/me/cards", body, key=key or str(uuid.uuid4()))
        if call.is_fine:
            self.ticket = None
            await self.look_at_cards()
        return call

    async def show_code(self) -> RestCall:
        """POST /me/code: 会员码."""
        call = await self.call("POST", "/me/code")
        self.code = call.answer if call.is_fine else None
        return call

    async def withdraw(self, purpose: str) -> RestCall:
        """DELETE /me/consents/{purpose}, then GET /me."""
        call = await self.call("DELETE", f"/me/consents/{purpose}")
        if call.is_fine:
            await self.me()
        return call

    async def logout(self) -> RestCall:
        """DELETE /sessions/current; forgets the token whatever the answer."""
        call = await self.call("DELETE", "/sessions/current")
        self.token = self.member = self.cards = self.code = None
        return call

    async def call(self, method: str, path: str, body: object = None, *, key: str | None = None) -> RestCall:
        """Any call below /api/v1, with the token if there is one; `key` becomes the Idempotency-Key."""
        headers = {"Referer": f"https://servicewechat.com/{self.account.app_id}/devtools/page-frame.html"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        status, answer, answered_headers = await self._send(method, path, headers, body)
        call = RestCall(
            next(_numbers), self._platform.clock.now(), method, path, body, status, answer, answered_headers
        )
        self.calls.append(call)
        self._platform.feed.publish("mini_program", person=self.person.id)
        return call

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: object
    ) -> tuple[int, object, Mapping[str, str]]:
        raw = None if body is None else orjson.dumps(body)
        try:
            answer = await self._platform.line.request(
                method, f"/api/v1{path}", timeout=_TIMEOUT_SECONDS, headers=headers, body=raw
            )
        except LineError as error:
            return 0, str(error), {}
        try:
            parsed = orjson.loads(answer.body) if answer.body else None
        except orjson.JSONDecodeError:
            parsed = answer.body.decode(errors="replace")
        return answer.status, parsed, answer.headers


def phone_info(person: "Profile", account: Account, now: float) -> dict[str, object]:
    """A number as the platform hands it out; only foreign ones carry their country code."""
    pure = person.phone or ""
    return {
        "phoneNumber": pure if person.country_code == "86" else f"+{person.country_code}{pure}",
        "purePhoneNumber": pure,
        "countryCode": person.country_code,
        "watermark": {"timestamp": int(now), "appid": account.app_id},
    }
