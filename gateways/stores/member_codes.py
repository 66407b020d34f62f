"""Member codes (会员码), under the hash of the code; a lost one is shown anew with one tap."""

from datetime import timedelta

from gateways.stores.commands import BatchedRedis, RedisUnavailable
from handlers.errors import Overloaded

RETRY_AFTER_SECONDS = 2


class RedisMemberCodes:
    """Implements `ports.MemberCodeStore`. Without Redis every method raises Overloaded (facts: `retry_after`)."""

    def __init__(self, redis: BatchedRedis) -> None:
        self._redis = redis

    async def keep(self, code_hash: str, member_id: str, *, lasting: timedelta) -> None:
        """Keep whose code it is for `lasting` from now."""
        milliseconds = max(1, int(lasting / timedelta(milliseconds=1)))
        try:
            await self._redis.run(("SET", _key(code_hash), member_id, "PX", milliseconds))
        except RedisUnavailable:
            raise Overloaded(retry_after=RETRY_AFTER_SECONDS) from None

    async def take(self, code_hash: str) -> str | None:
        """Whose code it is, the first time it is asked. Of two who scan at once one gets it.

        Sent twice after a broken connection, the code counts as used: a scan too few, never one too many.
        """
        try:
            (raw,) = await self._redis.run(("GETDEL", _key(code_hash)))
        except RedisUnavailable:
            raise Overloaded(retry_after=RETRY_AFTER_SECONDS) from None
        return raw.decode() if raw is not None else None


def _key(code_hash: str) -> str:
    return f"fanpiao:member-code:{code_hash}"
