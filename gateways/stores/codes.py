"""WeChat codes that were exchanged, and who is exchanging one right now."""

import logging

from gateways.stores.commands import BatchedRedis, RedisUnavailable
from gateways.stores.leases import Leases
from handlers.ports import PENDING

logger = logging.getLogger(__name__)

REMEMBERED_SECONDS = 600
HELD_SECONDS = 10


class RedisExchangedCodes:
    """Implements `ports.ExchangedCodes`. Without Redis nothing is remembered and everybody may exchange."""

    def __init__(self, redis: BatchedRedis) -> None:
        self._redis = redis
        self._holds = Leases(redis, seconds=HELD_SECONDS, mark=PENDING)

    async def take(self, code_hash: str) -> str | None:
        """None: the caller is the one that exchanges this code. Otherwise its encrypted result, or `PENDING`."""
        try:
            found = await self._holds.take(_key(code_hash))
        except RedisUnavailable:
            return None
        if found is None:
            return None
        return PENDING if found.startswith(PENDING.encode()) else found.decode()

    def remember(self, code_hash: str, result_cipher: str) -> None:
        """Keep the encrypted result for 10 minutes; whoever asks next finds it."""
        key = _key(code_hash)
        self._holds.forget(key)
        self._redis.post(("SET", key, result_cipher, "EX", REMEMBERED_SECONDS))

    async def release(self, code_hash: str) -> None:
        """The exchange failed: let others try."""
        try:
            await self._holds.give_back(_key(code_hash))
        except RedisUnavailable:
            logger.warning("hold on a code ends by itself")


def _key(code_hash: str) -> str:
    return f"fanpiao:code:{code_hash}"
