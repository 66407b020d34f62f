"""Answers to platform pushes, so that the second and third delivery get what the first one got."""

import asyncio
import contextlib
import hashlib
import logging
from datetime import timedelta

from gateways.stores.commands import BatchedRedis, RedisUnavailable
from gateways.stores.leases import Leases
from handlers.ports import PENDING

logger = logging.getLogger(__name__)

# A process that lives answers within 4 s, if only with `success`; the next delivery of a push comes after 5 s. So the
# claim of one that died is free by then.
CLAIM_SECONDS = 4.8
FIRST_LOOK_SECONDS = 0.05
LAST_LOOK_SECONDS = 0.1


class RedisAnswers:
    """Implements `ports.Answers`; `claim` is one round trip, `give` waits for none.

    Without Redis every delivery is taken for the first (the effects beneath are idempotent by themselves).
    """

    def __init__(self, redis: BatchedRedis) -> None:
        self._redis = redis
        self._claims = Leases(redis, seconds=CLAIM_SECONDS, mark=PENDING)
        self._here: dict[str, set[asyncio.Future[str]]] = {}

    async def claim(self, key: str) -> str | None:
        """None: the caller is the first and must answer. Otherwise the stored answer, or `PENDING`."""
        try:
            found = await self._claims.take(_key(key))
        except RedisUnavailable:
            return None
        if found is None:
            return None
        answer = _answer(found)
        return PENDING if answer is None else answer

    def give(self, key: str, answer: str, *, lasting: timedelta) -> None:
        """Store the answer for so long, and hand it to those who wait for it.

        The platform asks again 5 s after an answer that it did not get: the store need not have it before that.
        """
        name = _key(key)
        self._claims.forget(name)
        for waiter in self._here.get(name, ()):
            if not waiter.done():
                waiter.set_result(answer)
        self._redis.post(("SET", name, answer, "EX", int(lasting.total_seconds())))

    async def wait(self, key: str, seconds: float) -> str | None:
        """The answer once another delivery's work has given it; None when it did not come within `seconds`, or at once
        when nobody is at it any more: then claim again.

        Given in this process it is here at once, from another one it is looked for every 50 to 100 ms.
        """
        name = _key(key)
        given: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiters = self._here.setdefault(name, set())
        waiters.add(given)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    return await self._look_until(name, given)
            return None
        finally:
            waiters.discard(given)
            if not waiters:
                self._here.pop(name, None)

    async def release(self, key: str) -> None:
        """Give the claim back: the work failed before it had any effect."""
        try:
            await self._claims.give_back(_key(key))
        except RedisUnavailable:
            logger.warning("claim on a push ends by itself")

    async def _look_until(self, name: str, given: asyncio.Future[str]) -> str | None:
        pause = 0.0
        while not given.done():
            with contextlib.suppress(RedisUnavailable):
                (found,) = await self._redis.run(("GET", name))
                answer = _answer(found)
                if answer is not None:
                    return answer
                # Redis may have been wiped: whoever works on it in this process still does.
                if found is None and not self._claims.holds(name):
                    return None
            pause = LAST_LOOK_SECONDS if pause else FIRST_LOOK_SECONDS
            await asyncio.wait([given], timeout=pause)
        return given.result()


def _key(key: str) -> str:
    # Hashed: it is made of what the platform sent, openid included, and may be long.
    return f"fanpiao:answer:{hashlib.blake2b(key.encode(), digest_size=20).hexdigest()}"


def _answer(found: bytes | None) -> str | None:
    if found is None or found.startswith(PENDING.encode()):
        return None
    return found.decode()
