"""An answer in time, whatever the database does: what is not done by then goes on behind it."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from handlers.errors import PaymentUnavailable

T = TypeVar("T")

ANSWER_WITHIN = 4.0  # seconds; the payment service waits five

log = logging.getLogger(__name__)


class InTime:
    """The work that goes on behind the answers of one use case."""

    def __init__(self, seconds: float = ANSWER_WITHIN) -> None:
        self._seconds = seconds
        self._under_way: set[asyncio.Task[Any]] = set()

    async def done(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives or raises. Raises PaymentUnavailable when it is not done in time; it goes on then.

        In a task of its own, so that a payment service that hangs up does not break off what it told us.
        """
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._forget)
        finished, _ = await asyncio.wait({task}, timeout=self._seconds)
        if not finished:
            log.warning("pay_notice_slow")
            raise PaymentUnavailable(retry_after=15)
        return task.result()

    async def close(self) -> None:
        """Let what goes on behind an answer end."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("pay_notice_not_settled", extra={"error": type(error).__name__})
