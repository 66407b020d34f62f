"""The official-account door: `GET|POST /wechat/{account}`. Speaks WeChat's protocol, knows no rules."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web
from prometheus_client import Counter

from bot import texts
from bot.access import record
from bot.answering import Answering, Question
from bot.envelope import DoorKeys, Push, PushRefused, Refusal, open_push, render, verify_echo
from bot.flood import ChatLimit, Flood
from bot.kinds import AUTHORIZATION, UNKNOWN
from bot.replies import Text
from handlers.accounts.accounts import AccountFacts, Accounts
from handlers.errors import AccountUnknown, DomainError
from handlers.ports import PENDING, Answers, Clock
from models.words import AccountKind, AccountMode

SUCCESS = b"success"
STILL_PENDING = "still_pending"
# Not `success` for what another delivery has not finished in time: its process may be dead, and the platform would not
# deliver again.
_XML = {"Content-Type": "text/xml; charset=utf-8"}
_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
STATUS_OF = {Refusal.STALE.value: 403, STILL_PENDING: 503}

pushes_total = Counter("fanpiao_pushes_total", "Pushes of the platform by what became of them", ["account", "outcome"])


Observer = Callable[[str, str, int, float], None]  # method, route pattern, status, seconds


def _unobserved(_method: str, _route: str, _status: int, _seconds: float) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True)
class Door:
    """What the two views need; one per process."""

    accounts: Accounts
    answering: Answering
    answers: Answers
    clock: Clock
    limit: ChatLimit
    observe: Observer = _unobserved

    async def check(self, request: web.Request) -> web.Response:
        """The platform's GET: prove that we know the token by echoing its text, as it is."""
        try:
            account = await self._account(request.match_info["account"])
            echo = verify_echo(_keys(account), request.query)
        except AccountUnknown:
            return web.Response(status=404)
        except PushRefused as refusal:
            return web.Response(status=refusal.status)
        except DomainError as refusal:
            return _unavailable(refusal)
        return web.Response(text=echo)

    async def receive(self, request: web.Request) -> web.Response:
        """One delivery of one push. Always 200 with XML or `success`; 403 and 400 for what is not the platform's."""
        since, key = time.monotonic(), request.match_info["account"]
        try:
            account = await self._account(key)
            push = open_push(_keys(account), request.query, await _body(request), now=self.clock.now())
        except AccountUnknown:
            return web.Response(status=404)
        except PushRefused as refusal:
            return self._respond(key, "", refusal.reason.value, b"", since, status=refusal.status)
        except DomainError as refusal:
            return _unavailable(refusal)
        outcome, body = await self._answer(account, push, since)
        inbound = push.inbound
        kind = inbound.kind if inbound.kind != "event" else inbound.event
        return self._respond(key, kind, outcome, body, since, status=STATUS_OF.get(outcome, 200))

    def _respond(
        self, account: str, kind: str, outcome: str, body: bytes, since: float, *, status: int
    ) -> web.Response:
        _pushes(account, outcome).inc()
        seconds = time.monotonic() - since
        self.observe("POST", ROUTE, status, seconds)
        record(account, kind, outcome, status, seconds)
        return web.Response(status=status, body=body, headers=_XML if body.startswith(b"<") else _PLAIN)

    async def _account(self, key: str) -> AccountFacts:
        """Raises AccountUnknown, also for one that has no token: nobody could prove to be the platform."""
        account = await self.accounts.get(key)
        if not account.token:
            raise AccountUnknown
        return account

    async def _answer(self, account: AccountFacts, push: Push, since: float) -> tuple[str, bytes]:
        """What became of the push, and the body to answer it with."""
        if flood := self.limit.check(push.inbound):
            return flood.value, self._over_limit(account, push, flood)
        key = f"{account.key}:{push.dedupe_key}"
        question = self.answering.recollect(account, push.inbound)  # on the way together with the claim
        stored = await self.answers.claim(key)
        while stored == PENDING:
            left = self.answering.budget_seconds - (time.monotonic() - since)
            if left <= 0:
                return STILL_PENDING, b""
            given = await self.answers.wait(key, left)
            # Whoever had it may have died: then it is ours.
            stored = await self.answers.claim(key) if given is None else given
        if stored is not None:
            return "repeated", stored.encode()
        if push.is_stale:  # an old push that nobody has seen: a replay of what we forgot, or a clock that is off
            await self.answers.release(key)
            return Refusal.STALE.value, b""
        try:
            answer = await self._make(account, push, question, key, since)
        except BaseException:  # the next delivery tries again; what was done already is recognised by its own keys
            await self.answers.release(key)
            raise
        self.answers.give(key, answer.decode(), lasting=push.repeats_for)
        return "unknown" if push.inbound.kind == UNKNOWN else "answered", answer

    def _over_limit(self, account: AccountFacts, push: Push, flood: Flood) -> bytes:
        is_said = flood is Flood.TOLD and account.kind is AccountKind.OFFICIAL_ACCOUNT
        reply = Text(texts.TOO_FAST) if is_said else None
        return render(_keys(account), push, reply, now=self.clock.now(), nonce=secrets.token_hex(8))

    async def _make(
        self, account: AccountFacts, push: Push, question: Question | None, key: str, since: float
    ) -> bytes:
        reply = None
        # A mini-program's pushes want no answer, but what people take back there has to go here as well.
        is_heard = account.kind is AccountKind.OFFICIAL_ACCOUNT or push.inbound.event in AUTHORIZATION
        if push.inbound.kind != UNKNOWN and is_heard:
            reply = await self.answering.within_budget(account, push.inbound, question, key=key, since=since)
        return render(_keys(account), push, reply, now=self.clock.now(), nonce=secrets.token_hex(8))


ROUTE = "/wechat/{account}"


def routes_of(door: Door) -> list[web.RouteDef]:
    """The door's two routes, for the root application: a sub-application costs every push two more calls."""
    path = "/wechat/{account:[a-z0-9_-]{1,32}}"
    return [web.get(path, door.check), web.post(path, door.receive)]


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as trouble:
        raise PushRefused(Refusal.TOO_LARGE) from trouble


def _unavailable(refusal: DomainError) -> web.Response:
    """The account itself cannot be read now: the platform delivers again."""
    return web.Response(status=503, headers={"Retry-After": str(refusal.retry_after or 1)})


@lru_cache(maxsize=1024)  # looking a child up by labels costs more than counting
def _pushes(account: str, outcome: str) -> Counter:
    return pushes_total.labels(account, outcome)


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
