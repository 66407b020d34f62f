"""Passes that members show at a counter, under the hash of the pass; a lost one is shown anew with one tap."""

from datetime import datetime, timedelta

from gateways.stores.commands import BatchedRedis, RedisUnavailable
from handlers.errors import Overloaded
from handlers.ports import PassFound

RETRY_AFTER_SECONDS = 2
TAKEN_MILLISECONDS = 660_000  # longer than any pass is remembered


class RedisPasses:
    """Implements `ports.PassStore`. Without Redis every method raises Overloaded (facts: `retry_after`)."""

    def __init__(self, redis: BatchedRedis) -> None:
        self._redis = redis

    async def keep(self, pass_hash: str, claim_id: str, *, expires_at: datetime, lasting: timedelta) -> None:
        """Keep which claim it shows for `lasting` from now; `expires_at` is the same end by our own clock."""
        milliseconds = max(1, int(lasting / timedelta(milliseconds=1)))
        await self._run(("SET", _key(pass_hash), f"{claim_id} {expires_at.isoformat()}", "PX", milliseconds))

    async def look(self, pass_hash: str) -> PassFound | None:
        """What it shows; `is_taken` says that some scan has it."""
        shown, holder = await self._run(("GET", _key(pass_hash)), ("GET", _taken(pass_hash)))
        return _found(shown, is_taken=holder is not None)

    async def take(self, pass_hash: str, holder: str) -> PassFound | None:
        """What it shows, and whether another than `holder` has it. Redis decides between two who ask at once."""
        taken = _taken(pass_hash)
        shown, _, by = await self._run(
            ("GET", _key(pass_hash)),
            ("SET", taken, holder, "NX", "PX", TAKEN_MILLISECONDS),
            ("GET", taken),
        )
        return _found(shown, is_taken=by is not None and by.decode() != holder)

    async def give_back(self, pass_hash: str, holder: str) -> None:
        """Let another scan take it. Only `holder` itself asks, so nobody can have taken it in between."""
        (by,) = await self._run(("GET", _taken(pass_hash)))
        if by is not None and by.decode() == holder:
            await self._run(("DEL", _taken(pass_hash)))

    async def _run(self, *commands: tuple[str | int, ...]) -> list[bytes | None]:
        try:
            return await self._redis.run(*commands)
        except RedisUnavailable:
            raise Overloaded(retry_after=RETRY_AFTER_SECONDS) from None


def _found(shown: bytes | None, *, is_taken: bool) -> PassFound | None:
    if shown is None:
        return None
    claim_id, _, expires_at = shown.decode().partition(" ")
    return PassFound(claim_id, datetime.fromisoformat(expires_at), is_taken)


def _key(pass_hash: str) -> str:
    return f"fanpiao:pass:{pass_hash}"


def _taken(pass_hash: str) -> str:
    return f"fanpiao:pass-taken:{pass_hash}"
