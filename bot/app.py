"""The official-account door: `GET|POST /wechat/{account}`. Speaks WeChat's protocol, knows no rules."""

import logging
import secrets
import time
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web
from prometheus_client import Counter

from bot.answering import Answering
from bot.envelope import DoorKeys, Push, PushRefused, Refusal, open_push, render, verify_echo
from handlers.accounts import AccountFacts, Accounts
from handlers.errors import AccountUnknown
from handlers.ports import PENDING, Answers, Clock
from models.words import AccountKind, AccountMode

log = logging.getLogger(__name__)
MAX_BODY = 64 * 1024
SUCCESS = b"success"

pushes_total = Counter("fanpiao_pushes_total", "Pushes of the platform by what became of them", ["account", "outcome"])


@dataclass(frozen=True, slots=True)
class Door:
    """What the two views need; one per process."""

    accounts: Accounts
    answering: Answering
    answers: Answers
    clock: Clock

    async def check(self, request: web.Request) -> web.Response:
        """The platform's GET: prove that we know the token by echoing its text, as it is."""
        try:
            account = await self.accounts.get(request.match_info["account"])
            echo = verify_echo(_keys(account), request.query)
        except AccountUnknown:
            return web.Response(status=404)
        except PushRefused as refusal:
            return web.Response(status=refusal.status)
        return web.Response(text=echo)

    async def receive(self, request: web.Request) -> web.Response:
        """One delivery of one push. Always 200 with XML, `success`; 403 and 400 only for what is not the platform's."""
        since = time.monotonic()
        try:
            account = await self.accounts.get(request.match_info["account"])
            body = await _body(request)
            push = open_push(_keys(account), request.query, body, now=self.clock.now())
        except AccountUnknown:
            return web.Response(status=404)
        except PushRefused as refusal:
            pushes_total.labels(request.match_info["account"], refusal.reason.value).inc()
            log.warning(
                "push_refused", extra={"account": request.match_info["account"], "reason": refusal.reason.value}
            )
            return web.Response(status=refusal.status)
        return await self._answer(account, push, since)

    async def _answer(self, account: AccountFacts, push: Push, since: float) -> web.Response:
        key = f"{account.key}:{push.dedupe_key}"
        stored = await self.answers.claim(key)
        if stored == PENDING:
            left = self.answering.budget_seconds - (time.monotonic() - since)
            stored = await self.answers.wait(key, max(left, 0.0))
            if stored is None:
                return _respond(account, "still_pending", SUCCESS)
        if stored is not None:
            return _respond(account, "repeated", stored.encode())
        if push.is_stale:  # an old push nobody has seen before is a replay of what we forgot, or a forged clock
            await self.answers.release(key)
            pushes_total.labels(account.key, "stale").inc()
            log.warning("push_refused", extra={"account": account.key, "reason": "stale"})
            return web.Response(status=403)
        reply = None
        if account.kind is AccountKind.OFFICIAL_ACCOUNT and push.inbound.kind != "unknown":
            reply = await self.answering.within_budget(account, push.inbound, key=key, since=since)
        answer = render(_keys(account), push, reply, now=self.clock.now(), nonce=secrets.token_hex(8))
        await self.answers.give(key, answer.decode())
        return _respond(account, "unknown" if push.inbound.kind == "unknown" else "answered", answer)


def create_bot(door: Door) -> web.Application:
    """The sub-application to mount at `/wechat`."""
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_get("/{account:[a-z0-9_-]{1,32}}", door.check)
    app.router.add_post("/{account:[a-z0-9_-]{1,32}}", door.receive)
    return app


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as trouble:
        raise PushRefused(Refusal.TOO_LARGE) from trouble


def _respond(account: AccountFacts, outcome: str, body: bytes) -> web.Response:
    pushes_total.labels(account.key, outcome).inc()
    content_type = "text/xml" if body.startswith(b"<") else "text/plain"
    return web.Response(body=body, content_type=content_type, charset="utf-8")


def _keys(account: AccountFacts) -> DoorKeys:
    return _door_keys(
        account.app.app_id,
        account.token,
        account.mode,
        account.aes_key,
        account.previous_aes_key,
        account.original_id,
    )


@lru_cache(maxsize=256)  # preparing ciphers costs as much as using them
def _door_keys(
    app_id: str, token: str, mode: AccountMode, aes_key: str, previous_aes_key: str, original_id: str
) -> DoorKeys:
    return DoorKeys(app_id, token, mode, aes_key, previous_aes_key, original_id)
