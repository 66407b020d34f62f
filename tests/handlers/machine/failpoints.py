"""Where a transaction breaks: in the midst of its statements, at its commit, or because its task is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from typing import Any
from unittest import mock

from models.asyncpg_client import PostgresTransaction
from models.database import dialect
from models.failures import CommitUnknown, DatabaseUnavailable
from models.sqlite_client import SqliteTransaction


class How(StrEnum):
    """What happens at the failpoint."""

    ABORT = "abort"  # the connection is lost, nothing was committed
    CANCEL = "cancel"  # the request's task is cancelled
    COMMIT_LOST = "commit_lost"  # the connection is lost at COMMIT, which did not happen
    ANSWER_LOST = "answer_lost"  # the same, but it did


class Failpoint:
    """Breaks once: the `at`th statement inside a transaction, or the `at`th commit, of whatever `request` does."""

    def __init__(self, how: How, at: int) -> None:
        self.how = how
        self._left = at
        self._task: asyncio.Task[None] | None = None
        self.has_struck = False

    async def strikes(self, request: Callable[[], Awaitable[None]]) -> BaseException | None:
        """Run the request into it; what came out, None when it ended well."""
        with self._armed():
            self._task = asyncio.ensure_future(request())
            (outcome,) = await asyncio.gather(self._task, return_exceptions=True)
        return outcome

    def _is_due(self) -> bool:
        self._left -= 1
        if self.has_struck or self._left >= 0:
            return False
        self.has_struck = True
        return True

    @contextmanager
    def _armed(self) -> Iterator[None]:
        transaction = SqliteTransaction if dialect() == "sqlite" else PostgresTransaction
        if self.how in {How.COMMIT_LOST, How.ANSWER_LOST}:
            broken = {"finish": self._finish(transaction.finish)}
        elif dialect() == "sqlite":
            broken = {"on_connection": self._statement(transaction.on_connection)}
        else:
            broken = {
                "acquire_connection": self._connection(PostgresTransaction.acquire_connection),
                "_send_to": self._statement(PostgresTransaction._send_to),
            }
        with mock.patch.multiple(transaction, **broken):
            yield

    def _strike(self) -> None:
        if self._is_due():
            if self.how is How.ABORT:
                raise DatabaseUnavailable("failpoint")
            assert self._task is not None
            self._task.cancel()

    def _statement(self, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def statement(transaction: Any, *args: Any, **kwargs: Any) -> Any:
            self._strike()
            return await real(transaction, *args, **kwargs)

        return statement

    def _connection(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @asynccontextmanager
        async def acquire_connection(transaction: Any, *args: Any) -> Any:
            self._strike()
            async with real(transaction, *args) as connection:
                yield connection

        return acquire_connection

    def _finish(self, real: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def finish(transaction: Any, *, commit: bool) -> None:
            strikes = commit and self._is_due()
            await real(transaction, commit=commit and not (strikes and self.how is How.COMMIT_LOST))
            if strikes:
                raise CommitUnknown("failpoint")

        return finish
