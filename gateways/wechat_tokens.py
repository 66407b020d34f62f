"""Keeps what WeChat lends an account for two hours (access token, JS ticket), once for all processes.

One process fetches while the others wait or go on with the old one; Redis holds the value encrypted, and without Redis
each process keeps its own. Source: WeChat's `stable_token` (normal mode: the same token while it is valid, a new one in
its last five minutes, both valid meanwhile).
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import orjson

from gateways.stores.commands import BatchedRedis, RedisUnavailable
from gateways.stores.leases import Leases
from gateways.wechat_http import Request, WeChatHttp
from handlers.ports import (
    Clock,
    Vault,
    VaultError,
    WeChatApp,
    WeChatError,
    WeChatGaveUp,
    WeChatOutcomeUnknown,
    WeChatRetryLater,
)

logger = logging.getLogger(__name__)

REFRESHED_BEFORE_SECONDS = 300
JITTER_SECONDS = 60
# WeChat may lend a token that is about to rotate; it is not fetched again before this.
KEPT_AT_LEAST_SECONDS = 30
# How long a process goes by its own memory before it looks into Redis again.
REMEMBERED_SECONDS = 60
FETCH_LEASE_SECONDS = 10
LOOK_EVERY_SECONDS = 0.1
# After a failed fetch WeChat is not asked again before this: for a refusal for good (wrong secret, address not on the
# whitelist), and for anything else.
REFUSAL_KEPT_SECONDS = 10
FAILURE_KEPT_SECONDS = 2

Fetch = Callable[[WeChatApp], Awaitable[tuple[str, int]]]


@dataclass(frozen=True, slots=True)
class _Lent:
    """Instants are seconds since 1970."""

    value: str = field(repr=False)
    refresh_at: float
    expires_at: float


class LentKeeper:
    """Everything one kind of lent value needs; `fetch` asks WeChat for the value and its seconds to live."""

    def __init__(self, kind: str, fetch: Fetch, redis: BatchedRedis, vault: Vault, clock: Clock) -> None:
        self._kind = kind
        self._fetch = fetch
        self._redis = redis
        self._vault = vault
        self._clock = clock
        self._leases = Leases(redis, seconds=FETCH_LEASE_SECONDS)
        self._memory: dict[str, tuple[_Lent, float]] = {}
        self._fetching: dict[str, asyncio.Task[_Lent]] = {}
        self._failed: dict[str, tuple[WeChatApp, WeChatError, float]] = {}

    async def get(self, app: WeChatApp) -> str:
        """A value to use now. Raises WeChatError kinds of the fetch, once nothing valid is left."""
        lent = await self._known(app)
        now = self._now()
        if lent is None or lent.expires_at <= now:
            return (await self._fetch_once(app, instead_of=None)).value
        if lent.refresh_at <= now:
            self._start(app, instead_of=lent.value)  # the old one is good meanwhile
        return lent.value

    async def replace(self, app: WeChatApp, refused: str) -> str | None:
        """Another value, after WeChat refused `refused`; None when WeChat has no other one for us."""
        stored = await self._stored(app)
        if stored is None or stored.value == refused or stored.expires_at <= self._now():
            stored = await self._fetch_once(app, instead_of=refused)
        self._remember(app, stored)
        return stored.value if stored.value != refused else None

    async def aclose(self) -> None:
        """Stop fetches under way."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _known(self, app: WeChatApp) -> _Lent | None:
        remembered, look_again_at = self._memory.get(app.app_id, (None, 0.0))
        now = self._now()
        if remembered is not None and now < min(look_again_at, remembered.refresh_at):
            return remembered
        stored = await self._stored(app)
        best = max(filter(None, (remembered, stored)), key=lambda lent: lent.expires_at, default=None)
        if best is not None:
            self._remember(app, best)
        return best

    def _remember(self, app: WeChatApp, lent: _Lent) -> None:
        self._memory[app.app_id] = (lent, self._now() + REMEMBERED_SECONDS)

    async def _fetch_once(self, app: WeChatApp, *, instead_of: str | None) -> _Lent:
        # Shielded: one caller that goes away must not make the others start again.
        return await asyncio.shield(self._start(app, instead_of=instead_of))

    def _start(self, app: WeChatApp, *, instead_of: str | None) -> asyncio.Task[_Lent]:
        task = self._fetching.get(app.app_id)
        if task is None:
            task = asyncio.create_task(self._refresh(app, instead_of))
            self._fetching[app.app_id] = task
            task.add_done_callback(lambda done: self._ended(app, done))
        return task

    def _ended(self, app: WeChatApp, done: asyncio.Task[_Lent]) -> None:
        self._fetching.pop(app.app_id, None)
        if not done.cancelled() and (error := done.exception()) is not None and not isinstance(error, WeChatError):
            logger.error(
                "fetching a lent value failed", exc_info=error, extra={"kind": self._kind, "app_id": app.app_id}
            )

    async def _refresh(self, app: WeChatApp, instead_of: str | None) -> _Lent:
        failed_app, failure, until = self._failed.get(app.app_id, (None, None, 0.0))
        if failure is not None and failed_app == app and self._now() < until:
            raise _again(failure)
        key = self._key(app)
        deadline = self._loop_time() + FETCH_LEASE_SECONDS
        while True:
            has_lease, is_alone = await self._take(f"{key}:lock")
            try:
                if not is_alone:
                    stored = await self._stored(app)
                    if stored is not None and stored.value != instead_of and stored.refresh_at > self._now():
                        self._remember(app, stored)
                        return stored
                if has_lease or is_alone:
                    return await self._fetch_and_store(app, key)
            finally:
                if has_lease:
                    await self._give_back(f"{key}:lock")
            if self._loop_time() > deadline:
                raise WeChatRetryLater(0, "another process is still fetching", endpoint=self._kind)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _fetch_and_store(self, app: WeChatApp, key: str) -> _Lent:
        try:
            value, seconds = await self._fetch(app)
        except WeChatError as failure:
            kept = REFUSAL_KEPT_SECONDS if isinstance(failure, WeChatGaveUp) else FAILURE_KEPT_SECONDS
            self._failed[app.app_id] = (app, failure, self._now() + kept)
            raise
        now = self._now()
        early = REFRESHED_BEFORE_SECONDS + random.uniform(0, JITTER_SECONDS)  # noqa: S311 - spreads load, guards nothing
        lent = _Lent(value, now + max(seconds - early, min(KEPT_AT_LEAST_SECONDS, seconds / 2)), now + seconds)
        self._failed.pop(app.app_id, None)
        self._remember(app, lent)
        facts = orjson.dumps([lent.value, lent.refresh_at, lent.expires_at]).decode()
        try:
            await self._redis.run(("SET", key, self._vault.encrypt(facts, bound_to=key), "EX", seconds))
        except RedisUnavailable:
            logger.warning("lent value kept in this process alone", extra={"kind": self._kind, "app_id": app.app_id})
        return lent

    async def _stored(self, app: WeChatApp) -> _Lent | None:
        key = self._key(app)
        try:
            (raw,) = await self._redis.run(("GET", key))
            return _Lent(*orjson.loads(self._vault.decrypt(raw.decode(), bound_to=key))) if raw is not None else None
        except RedisUnavailable:
            return None
        except (VaultError, ValueError, TypeError):
            logger.warning(
                "stored value cannot be read; fetching anew", extra={"kind": self._kind, "app_id": app.app_id}
            )
            return None

    async def _take(self, lock: str) -> tuple[bool, bool]:
        """Whether the lease is ours, and whether this process is on its own because Redis is down."""
        try:
            return await self._leases.take(lock) is None, False
        except RedisUnavailable:
            return False, True

    async def _give_back(self, lock: str) -> None:
        try:
            await self._leases.give_back(lock)
        except RedisUnavailable:
            logger.warning("lease on a fetch ends by itself", extra={"kind": self._kind})

    def _key(self, app: WeChatApp) -> str:
        return f"fanpiao:wechat:{self._kind}:{app.app_id}"

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _loop_time(self) -> float:
        return asyncio.get_running_loop().time()


def _again(failure: WeChatError) -> WeChatError:
    error = type(failure)(failure.errcode, "a moment ago", endpoint=failure.endpoint)
    if isinstance(failure, WeChatRetryLater) and isinstance(error, WeChatRetryLater):
        error.retry_after = failure.retry_after
    return error


class TokenKeeper(LentKeeper):
    """Access tokens, by `cgi-bin/stable_token` in normal mode; never forces a refresh (20 a day, by hand only)."""

    def __init__(self, http: WeChatHttp, redis: BatchedRedis, vault: Vault, clock: Clock) -> None:
        async def fetch(app: WeChatApp) -> tuple[str, int]:
            endpoint = "cgi-bin/stable_token"
            body = {"grant_type": "client_credential", "appid": app.app_id, "secret": app.secret}
            return lent_value(await http.call(app, Request(endpoint, body=body)), "access_token", endpoint)

        super().__init__("token", fetch, redis, vault, clock)


def lent_value(answer: dict[str, object], name: str, endpoint: str) -> tuple[str, int]:
    """Value and seconds to live. Raises WeChatOutcomeUnknown when the answer lacks one of them."""
    value, seconds = answer.get(name), answer.get("expires_in")
    if not isinstance(value, str) or not value or not isinstance(seconds, int) or seconds <= 0:
        raise WeChatOutcomeUnknown(0, f"answer without {name}", endpoint=endpoint)
    return value, seconds
