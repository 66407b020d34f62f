"""Wakes sleeping workers as soon as there is work. Losing a nudge costs nothing: they look by themselves as well."""

import asyncio
import contextlib
import logging
import secrets

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateways.stores.commands import BatchedRedis, RedisUnavailable

logger = logging.getLogger(__name__)

CHANNEL = "fanpiao:nudge"
GATHERED_SECONDS = 0.02
LISTEN_AGAIN_SECONDS = 1.0


class Nudge:
    """Rings in every process. `wait` hears only after `listen` was started in this process, or rings from here."""

    def __init__(self, redis: Redis, commands: BatchedRedis) -> None:
        self._redis = redis
        self._commands = commands
        self._own = secrets.token_bytes(8)  # what this process publishes, so that it does not wake itself twice
        self._rung = asyncio.Event()
        self._publishing: asyncio.Task[None] | None = None

    def ring(self) -> None:
        """There is work. Returns at once and never fails; rings of 20 ms go out as one."""
        self._rung.set()
        if self._publishing is None:
            self._publishing = asyncio.get_running_loop().create_task(self._publish())

    async def wait(self, seconds: float) -> bool:
        """Sleep until there is work, `seconds` at most; whether somebody rang. One ring wakes one wait here."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        was_rung = self._rung.is_set()
        self._rung.clear()
        return was_rung

    async def listen(self) -> None:
        """Never returns: hear the rings of other processes. A worker runs it as a task and cancels it."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(CHANNEL)
                    self._rung.set()  # what was rung while nobody listened
                    while True:
                        message = await channel.get_message(timeout=None)
                        if message is not None and message["data"] != self._own:
                            self._rung.set()
            except (RedisError, OSError):
                logger.warning("worker nudge does not hear redis; looking by itself meanwhile")
            await asyncio.sleep(LISTEN_AGAIN_SECONDS)

    async def aclose(self) -> None:
        """Let the last ring go out."""
        if self._publishing is not None:
            await asyncio.wait([self._publishing])

    async def _publish(self) -> None:
        try:
            await asyncio.sleep(GATHERED_SECONDS)
        finally:
            self._publishing = None
        with contextlib.suppress(RedisUnavailable):
            await self._commands.run(("PUBLISH", CHANNEL, self._own))
