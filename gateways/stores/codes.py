"""WeChat codes that were exchanged, and who is exchanging one right now."""

import logging

from gateways.stores.commands import BatchedRedis, RedisUnavailable
from gateways.stores.leases import Leases

logger = logging.getLogger(__name__)

REMEMBERED_SECONDS = 600
HELD_SECONDS = 10


class RedisExchangedCodes:
    """Implements `ports.ExchangedCodes`. Without Redis nothing is remembered and everybody may exchange."""

    def __init__(self, redis: BatchedRedis) -> None:
        self._redis = redis
        self._holds = Leases(redis, seconds=HELD_SECONDS)

    async def recall(self, code_hash: str) -> str | None:
        """The encrypted result of an exchange of the last 10 minutes."""
        try:
            (raw,) = await self._redis.run(("GET", _key(code_hash)))
        except RedisUnavailable:
            return None
        return raw.decode() if raw is not None else None

    async def remember(self, code_hash: str, result_cipher: str) -> None:
        """Keep the encrypted result for 10 minutes."""
        try:
            await self._redis.run(("SET", _key(code_hash), result_cipher, "EX", REMEMBERED_SECONDS))
        except RedisUnavailable:
            logger.warning("result of a code exchange not kept")

    async def hold(self, code_hash: str) -> bool:
        """Become the one that exchanges this code, for 10 s at most; False when somebody else is at it."""
        try:
            return await self._holds.take(_hold_key(code_hash)) is None
        except RedisUnavailable:
            return True

    async def release(self, code_hash: str) -> None:
        """Let others exchange this code."""
        try:
            await self._holds.give_back(_hold_key(code_hash))
        except RedisUnavailable:
            logger.warning("hold on a code ends by itself")


def _key(code_hash: str) -> str:
    return f"fanpiao:code:{code_hash}"


def _hold_key(code_hash: str) -> str:
    return f"fanpiao:code:{code_hash}:hold"
