"""Keys that one caller holds for a while: who came first, across all processes."""

import itertools
import secrets

from gateways.stores.commands import BatchedRedis

# Deletes a key only while it still holds the caller's own mark.
_DELETE_IF_MINE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
_REMEMBERED_AT_MOST = 10_000


class Leases:
    """Takes and gives back. A lease that is never given back ends after `seconds`. Raises RedisUnavailable."""

    def __init__(self, redis: BatchedRedis, *, seconds: float, mark: str = "") -> None:
        """Marks begin with `mark`, so that a reader can tell a lease from a value kept under the same key."""
        self._redis = redis
        self._milliseconds = int(seconds * 1000)
        self._prefix = f"{mark}{secrets.token_hex(8)}:"
        self._numbers = itertools.count()
        self._marks: dict[str, str] = {}

    async def take(self, key: str) -> bytes | None:
        """None when the lease is the caller's now, and that costs one command; otherwise what the key holds."""
        # SET NX GET in one command needs Redis 7. The mark is of its own for every call: a batch that was sent twice
        # because the connection broke finds its own mark and knows that it came first.
        mark = f"{self._prefix}{next(self._numbers)}"
        take = ("SET", key, mark, "NX", "PX", self._milliseconds)
        (taken,) = await self._redis.run(take)
        while taken is None:  # again, as long as the other's lease ends between the two commands
            _, taken = await self._redis.run(take, ("GET", key))
            if taken is not None and taken != mark.encode():
                return bytes(taken)
        self._marks[key] = mark
        if len(self._marks) > _REMEMBERED_AT_MOST:
            del self._marks[next(iter(self._marks))]
        return None

    async def give_back(self, key: str) -> None:
        """End the caller's lease; one that somebody took over after it had ended stays."""
        mark = self._marks.pop(key, None)
        if mark is not None:
            await self._redis.run(("EVAL", _DELETE_IF_MINE, 1, key, mark))

    def holds(self, key: str) -> bool:
        """Whether a caller of this process took the lease and has not given it back; it may have ended by itself."""
        return key in self._marks

    def forget(self, key: str) -> None:
        """The lease's key has been overwritten by a value."""
        self._marks.pop(key, None)
