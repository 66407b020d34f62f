"""Sends commands to Redis so that many callers share one round trip.

Whatever arrives while the previous batch is under way goes out together in the next one: no timer, no added wait when
it is quiet, and with 32 callers at once a command costs a fraction of one sent alone.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Any, TypeAlias

from hiredis import pack_command
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

logger = logging.getLogger(__name__)

FAILURES = Counter("fanpiao_redis_failures", "Batches of commands that Redis did not carry out.", ["reason"])

Command: TypeAlias = tuple[str | bytes | int | float, ...]
_Batch: TypeAlias = list[tuple[bytes, int, asyncio.Future[list[Any]]]]  # packed commands, how many, their answers


class RedisUnavailable(Exception):
    """Redis is down, too slow, or refused a command; each store says what that means for it."""


class BatchedRedis:
    """One connection of a client, shared by all stores of a process; opened again by itself."""

    def __init__(self, redis: Redis, *, seconds: float = 1.0, rest_seconds: float = 1.0) -> None:
        """A batch may take `seconds`; after one that took longer, callers fail at once for `rest_seconds`."""
        self._redis = redis
        self._seconds = seconds
        self._rest_seconds = rest_seconds
        self._resting_until = 0.0
        self._waiting: _Batch = []
        self._sender: asyncio.Task[None] | None = None
        self._connection: Any = None
        self._is_failing = False

    async def run(self, *commands: Command) -> list[Any]:
        """The answers in order, as the server gives them (bytes, int, None, list). Raises RedisUnavailable.

        Not a transaction: other callers' commands may come between. A batch whose connection broke is sent once more,
        so each command must bear being done twice.
        """
        return await self._enqueue(commands)

    def ask(self, *commands: Command) -> "asyncio.Future[list[Any]]":
        """`run` at once, to be awaited later or never. Raises RedisUnavailable, itself or when it is awaited."""
        answers = self._enqueue(commands)
        answers.add_done_callback(_looked_at)
        return answers

    def post(self, *commands: Command) -> None:
        """Send without waiting for the answers; a failure is logged. For what may be lost."""
        with contextlib.suppress(RedisUnavailable):
            self._enqueue(commands).add_done_callback(_log_lost)

    def _enqueue(self, commands: tuple[Command, ...]) -> "asyncio.Future[list[Any]]":
        loop = asyncio.get_running_loop()
        if loop.time() < self._resting_until:
            raise RedisUnavailable("too slow a moment ago")
        # Packed here, so that a text that cannot be encoded fails its own caller and not the batch.
        packed = _packed(commands)
        answers: asyncio.Future[list[Any]] = loop.create_future()
        self._waiting.append((packed, len(commands), answers))
        if self._sender is None:
            self._sender = loop.create_task(self._send_all())
        return answers

    async def ping(self) -> None:
        """Raises RedisUnavailable when Redis does not answer."""
        await self.run(("PING",))

    async def aclose(self) -> None:
        """Sends what is waiting and gives the connection back; the client itself belongs to who opened it."""
        if self._sender is not None:
            await asyncio.wait([self._sender])
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(RedisError, OSError):
                await connection.disconnect()
            await self._redis.connection_pool.release(connection)

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._send(batch)
        finally:
            self._sender = None
            for _, _, answers in self._waiting:
                answers.cancel()
            self._waiting = []

    async def _send(self, batch: _Batch) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                packed, counts, _ = zip(*batch, strict=True)
                replies = await self._exchange(b"".join(packed), sum(counts))
        except (TimeoutError, RedisTimeoutError):
            self._resting_until = asyncio.get_running_loop().time() + self._rest_seconds
            self._fail(batch, "timeout")
        except (RedisError, OSError) as error:
            self._fail(batch, type(error).__name__)
        except BaseException:
            self._fail(batch, "stopped")
            raise
        else:
            self._deliver(batch, replies)

    async def _exchange(self, packed: bytes, count: int) -> list[Any]:
        if self._connection is None:
            pool: Any = self._redis.connection_pool
            connection = await pool.get_connection()
            # A deadline around the whole batch stands in for one around every read, which is half of a read's cost.
            connection.socket_timeout = None
            self._connection = connection
        was_open = self._connection.is_connected
        try:
            return await self._once(packed, count)
        except RedisConnectionError:
            if not was_open:
                raise
            return await self._once(packed, count)  # the server had closed an idle connection

    async def _once(self, packed: bytes, count: int) -> list[Any]:
        connection = self._connection
        await connection.send_packed_command(packed)
        replies: list[Any] = []
        for _ in range(count):
            try:
                replies.append(await connection.read_response())
            except RedisConnectionError:
                raise
            except RedisError as refusal:
                replies.append(refusal)
        return replies

    def _deliver(self, batch: _Batch, replies: list[Any]) -> None:
        if self._is_failing:
            self._is_failing = False
            logger.warning("redis answers again")
        start = 0
        for _, count, answers in batch:
            part = replies[start : start + count]
            start += count
            refusal = next((reply for reply in part if isinstance(reply, Exception)), None)
            if answers.done():
                continue
            if refusal is None:
                answers.set_result(part)
            else:
                # Only the first word: the rest of Redis's sentence may quote the command's arguments.
                word = str(refusal).partition(" ")[0][:20]
                FAILURES.labels("refused").inc()
                logger.error("redis refused a command", extra={"reason": word})
                answers.set_exception(RedisUnavailable(word))

    def _fail(self, batch: _Batch, reason: str) -> None:
        FAILURES.labels(reason).inc()
        if not self._is_failing:
            self._is_failing = True
            logger.error("redis does not answer", extra={"reason": reason})
        for _, _, answers in batch:
            if not answers.done():
                answers.set_exception(RedisUnavailable(reason))


def _packed(commands: Iterable[Command]) -> bytes:
    """As the server reads them; redis-py's own way of doing it costs six times as much."""
    return b"".join(pack_command(command) for command in commands)  # type: ignore[arg-type]  # typed as of one part


def _log_lost(answers: "asyncio.Future[list[Any]]") -> None:
    if not answers.cancelled() and answers.exception() is not None:
        logger.warning("posted commands were not carried out")


def _looked_at(answers: "asyncio.Future[list[Any]]") -> None:
    """A failure that nobody waits for is nobody's trouble."""
    if not answers.cancelled():
        answers.exception()
