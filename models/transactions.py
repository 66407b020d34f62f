"""Transactions that a cancelled task cannot leave half open.

Plain Tortoise loses a pooled connection, or SQLite's write lock for good, when a task is cancelled while it enters or
leaves a transaction. Here opening (acquire and BEGIN) and finishing (COMMIT or ROLLBACK, and release) run in tasks of
their own, which nobody cancels. The connection context variable is set and reset by the caller's own task: set inside
the shielded task, it would change a copy of the context and every statement would run outside of the transaction.
"""

import asyncio
import itertools
import logging
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

from tortoise.backends.base.client import BaseDBAsyncClient, TransactionContext
from tortoise.connection import ConnectionToken, get_connections

from models.failures import DatabaseUnavailable, TransactionEnded
from models.writing import Write, may_go_with

Result = TypeVar("Result")

log = logging.getLogger(__name__)

_running: set[asyncio.Task[Any]] = set()  # the event loop itself keeps only weak references
_savepoints = itertools.count(1)


class OpenTransaction(ABC):
    """What a database's transactional client offers to the blocks below."""

    connection_name: str
    is_abandoned: bool  # set when nobody waits for `open` any more: it need not BEGIN
    waiting: list[Write]  # not sent yet; whatever uses the connection sends them first

    def refuse_if_abandoned(self) -> None:
        """Raises TransactionEnded, which nobody sees: whoever wanted this transaction was cancelled."""
        if self.is_abandoned:
            raise TransactionEnded("abandoned while it opened")

    async def write(self, wanted: Write) -> None:
        """Let it wait, after those have been sent that it must see. Raises what sending them raises."""
        if not may_go_with(wanted.sql, self.waiting):
            await self.send()
        self.waiting.append(wanted)

    @property
    @abstractmethod
    def has_ended(self) -> bool:
        """Whether it was finished, or never opened."""

    @abstractmethod
    async def open(self) -> None:
        """Acquire a connection and BEGIN; on any error nothing stays acquired."""

    @abstractmethod
    async def finish(self, *, commit: bool) -> None:
        """COMMIT or ROLLBACK, then release, whatever happens. Later statements raise TransactionEnded."""

    @abstractmethod
    async def send(self) -> None:
        """Send the writes that wait. Raises SerializationConflict: one of them did not do what it should."""

    @abstractmethod
    async def command(self, *statements: str) -> None:
        """Statements without values or result, after all that are under way on this connection."""


def spawn(work: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
    """Run `work` in a task of its own that is kept alive until it is done."""
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


async def settled(task: "asyncio.Task[Result]") -> Result:
    """The task's result, awaited to its end even when the caller is cancelled meanwhile.

    Raises CancelledError after the task has ended when the caller was cancelled; its cause is the task's own error.
    """
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    raise cancelled from (None if task.cancelled() else task.exception())


async def drain(seconds: float) -> None:
    """Let openings and finishings that are still under way end, for at most `seconds`."""
    if _running:
        await asyncio.wait(set(_running), timeout=seconds)


class ShieldedTransaction(TransactionContext):
    """`async with`: one transaction, for `atomic()` and for Tortoise's own uses of transactions.

    Leaving without an exception commits, leaving with one rolls back. Cancelled while opening: the opening is undone in
    the background. Cancelled while committing: CancelledError is raised once the commit is done, so that the effect
    stands and the connection is free; the request's stored result tells a retry what happened.

    Raises CommitUnknown, DatabaseUnavailable, TransactionAborted, SerializationConflict and what the database refuses.
    """

    def __init__(self, transaction: OpenTransaction) -> None:
        self._transaction = transaction
        self._token: ConnectionToken | None = None

    async def __aenter__(self) -> Any:
        opening = spawn(self._transaction.open())
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._transaction.is_abandoned = True
            spawn(_discard(opening, self._transaction))
            raise
        client: BaseDBAsyncClient = self._transaction  # type: ignore[assignment]
        self._token = get_connections().set(client.connection_name, client)
        return client

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            get_connections().reset(self._token)
            if exc_type is None:
                await self._transaction.send()
        except BaseException:
            await self._undo()
            raise
        if exc_type is None:
            await settled(spawn(self._transaction.finish(commit=True)))
        else:
            await self._undo()

    async def _undo(self) -> None:
        try:
            await settled(spawn(self._transaction.finish(commit=False)))
        except DatabaseUnavailable:
            log.warning("rollback_found_connection_lost")  # the database rolls back by itself


async def _discard(opening: "asyncio.Task[None]", transaction: OpenTransaction) -> None:
    await asyncio.wait({opening})
    if opening.cancelled() or opening.exception() is not None:
        return
    try:
        await transaction.finish(commit=False)
    except Exception:
        log.exception("abandoned_transaction")


class ShieldedSavepoint(TransactionContext):
    """`async with` inside a transaction: leaving with an exception undoes this block alone.

    Cancelled while it is released, its effects stay in the outer transaction.
    """

    def __init__(self, transaction: OpenTransaction) -> None:
        self._transaction = transaction
        self._name = f"sp{next(_savepoints)}"

    async def __aenter__(self) -> Any:
        await settled(spawn(self._transaction.command(f"SAVEPOINT {self._name}")))
        return self._transaction

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        undo = [] if exc_type is None else [f"ROLLBACK TO SAVEPOINT {self._name}"]
        if undo:
            self._transaction.waiting.clear()  # all of this block: what was before it was sent with its SAVEPOINT
        try:
            await settled(spawn(self._transaction.command(*undo, f"RELEASE SAVEPOINT {self._name}")))
        except DatabaseUnavailable:
            if exc_type is None:
                raise
