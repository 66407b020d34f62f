"""Opens Redis: a server by `redis://` or `rediss://`, or one inside this process by `memory://`."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

MEMORY = "memory://"
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 1.0
PURGE_EVERY = timedelta(minutes=1)


def open_redis(url: str, *, server: FakeServer | None = None) -> Redis:
    """A client that connects at first use; answers come as bytes, every wait ends after a second.

    `memory://` is a Redis 6.2 of this process alone; `server` lets several clients of one process share it.
    Raises ValueError for any other kind of address.
    """
    # A connection that the server closed while it was idle is opened again once; a time-out is never repeated, since
    # the person waits.
    retry = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
    if url.startswith(MEMORY):
        return FakeAsyncRedis(server=server or FakeServer(version=(6, 2)), version=(6, 2), retry=retry)
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=retry,
        health_check_interval=0,
        max_connections=50,
    )


async def purge_expired(redis: Redis, *, every: timedelta = PURGE_EVERY) -> None:
    """Never returns. The embedded server drops expired keys only when they are looked at; counting looks at all."""
    while True:
        await asyncio.sleep(every.total_seconds())
        with contextlib.suppress(RedisError):
            await redis.dbsize()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Redis]:
    """`open_redis`, closed at the end, and purged meanwhile when it lives in this process."""
    redis = open_redis(url)
    purge = asyncio.create_task(purge_expired(redis)) if url.startswith(MEMORY) else None
    try:
        yield redis
    finally:
        if purge is not None:
            purge.cancel()
            await asyncio.gather(purge, return_exceptions=True)
        await redis.aclose()
