"""Mini-program sessions, kept under the hash of their token."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from gateways.stores.commands import BatchedRedis, Command, RedisUnavailable
from handlers.errors import Overloaded
from handlers.ports import Clock, SessionRecord

CACHED_FOR = timedelta(milliseconds=500)  # callers keep what they found for as long again
CACHED_AT_MOST = 10_000
RENEWED_EVERY = timedelta(minutes=1)
RETRY_AFTER_SECONDS = 2


@dataclass(slots=True)
class _Cached:
    record: SessionRecord
    read_at: datetime
    renewed_at: datetime


class RedisSessions:
    """Implements `ports.SessionStore`. Without Redis every method raises Overloaded (facts: `retry_after`).

    Source of the rules: OWASP ASVS on sessions (stored hashed, idle and absolute end, log-out everywhere).
    """

    def __init__(
        self,
        redis: BatchedRedis,
        clock: Clock,
        *,
        idle: timedelta = timedelta(days=7),
        longest: timedelta = timedelta(days=30),
    ) -> None:
        """`idle` without use ends a session; `longest` is the absolute life that callers give their records."""
        self._redis = redis
        self._clock = clock
        self._idle = idle
        self._longest = longest
        self._renewed_every = min(RENEWED_EVERY, idle / 4)
        self._cache: dict[str, _Cached] = {}
        self._drops = 0

    async def save(self, token_hash: str, record: SessionRecord) -> None:
        """Keep the session until its idle or its absolute end; one that is already over is not kept."""
        now = self._clock.now()
        remaining = record.expires_at - now
        if remaining <= timedelta(0):
            return
        index = _index(record.member_id)
        await self._run(
            ("SET", _key(token_hash), _dump(record), "PX", _milliseconds(min(self._idle, remaining))),
            ("ZADD", index, record.expires_at.timestamp(), token_hash),
            ("ZREMRANGEBYSCORE", index, "-inf", now.timestamp()),
            ("PEXPIRE", index, _milliseconds(max(self._longest, remaining))),
        )

    async def find(self, token_hash: str) -> SessionRecord | None:
        """The live session, its idle time renewed at most once a minute; at most half a second stale."""
        now = self._clock.now()
        cached = self._cache.get(token_hash)
        if cached is not None and timedelta(0) <= now - cached.read_at < CACHED_FOR:
            record: SessionRecord | None = cached.record
        else:
            record = await self._read(token_hash, cached, now)
        return record if record is not None and record.expires_at > now else None

    async def drop(self, token_hash: str, member_id: str) -> None:
        """End one session."""
        self._forget(token_hash)
        try:
            await self._run(("DEL", _key(token_hash)), ("ZREM", _index(member_id), token_hash))
        finally:
            self._forget(token_hash)

    async def drop_all(self, member_id: str, *, keep: str | None = None) -> int:
        """Log out everywhere, but for `keep`; how many sessions ended."""
        index = _index(member_id)
        (found,) = await self._run(("ZRANGE", index, 0, -1))
        hashes = [one for one in (raw.decode() for raw in found) if one != keep]
        if not hashes:
            return 0
        try:
            ended, _ = await self._run(("DEL", *map(_key, hashes)), ("ZREM", index, *hashes))
        finally:
            self._forget(*hashes)
        return int(ended)

    async def of(self, member_id: str) -> list[SessionRecord]:
        """The live sessions of a member; reading them renews nothing."""
        (found,) = await self._run(("ZRANGE", _index(member_id), 0, -1))
        if not found:
            return []
        (raws,) = await self._run(("MGET", *(_key(raw.decode()) for raw in found)))
        now = self._clock.now()
        records = [record for raw in raws if raw is not None and (record := _load(raw)) is not None]
        return [record for record in records if record.expires_at > now]

    async def _read(self, token_hash: str, cached: _Cached | None, now: datetime) -> SessionRecord | None:
        drops = self._drops
        is_due = cached is None or now - cached.renewed_at >= self._renewed_every
        if is_due:
            left = self._idle if cached is None else min(self._idle, cached.record.expires_at - now)
            # Two commands for one GETEX, whose milliseconds the embedded server cuts to whole seconds.
            raw, _ = await self._run(("GET", _key(token_hash)), ("PEXPIRE", _key(token_hash), _milliseconds(left)))
        else:
            (raw,) = await self._run(("GET", _key(token_hash)))
        self._cache.pop(token_hash, None)
        record = _load(raw) if raw is not None else None
        # A session that was dropped while this answer was on its way must not come back by the cache.
        if record is not None and drops == self._drops:
            renewed_at = now if cached is None or is_due else cached.renewed_at
            self._cache[token_hash] = _Cached(record, now, renewed_at)
            if len(self._cache) > CACHED_AT_MOST:
                del self._cache[next(iter(self._cache))]
        return record

    def _forget(self, *token_hashes: str) -> None:
        self._drops += 1
        for token_hash in token_hashes:
            self._cache.pop(token_hash, None)

    async def _run(self, *commands: Command) -> list[Any]:
        try:
            return await self._redis.run(*commands)
        except RedisUnavailable:
            raise Overloaded(retry_after=RETRY_AFTER_SECONDS) from None


def _key(token_hash: str) -> str:
    return f"fanpiao:session:{token_hash}"


def _index(member_id: str) -> str:
    return f"fanpiao:sessions:{member_id}"


def _milliseconds(duration: timedelta) -> int:
    return max(1, int(duration / timedelta(milliseconds=1)))


def _dump(record: SessionRecord) -> bytes:
    return orjson.dumps(record)


def _load(raw: bytes) -> SessionRecord | None:
    try:
        facts = orjson.loads(raw)
        instants = {name: datetime.fromisoformat(facts[name]) for name in ("opened_at", "expires_at")}
        return SessionRecord(**{**facts, **instants})
    except (ValueError, TypeError, KeyError):
        return None  # written by a version that kept other facts: a silent re-login
