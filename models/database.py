"""The one door to the database: connecting, transactions, raw SQL.

Everybody takes transactions from `atomic()`: plain Tortoise leaks connections when a task is cancelled.
"""

import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, overload

from tortoise.context import TortoiseContext

from models import migrating
from models.asyncpg_client import PostgresClient
from models.configuring import APP, configuration
from models.failures import (
    CommitUnknown,
    DatabaseInUse,
    DatabaseUnavailable,
    LockTimeout,
    NaiveInstant,
    NotInTransaction,
    SchemaOutdated,
    SerializationConflict,
    StatementTimeout,
    TransactionAborted,
    TransactionEnded,
)
from models.reading import A, Ask, B, C, D, E, Reader, Readers, Rows
from models.sql import Both, Dialect, as_instant, as_uuid
from models.sqlite_client import SqliteClient
from models.transactions import OpenTransaction, drain
from models.writing import Write

__all__ = [
    "Both",
    "CommitUnknown",
    "DatabaseInUse",
    "DatabaseUnavailable",
    "LockTimeout",
    "NaiveInstant",
    "NotInTransaction",
    "SchemaOutdated",
    "SerializationConflict",
    "StatementTimeout",
    "TransactionAborted",
    "TransactionEnded",
    "after_commit",
    "as_instant",
    "as_uuid",
    "atomic",
    "connect",
    "dialect",
    "disconnect",
    "in_atomic",
    "migrate",
    "next_ordinal",
    "pending_migrations",
    "ping",
    "pool_in_use",
    "put",
    "remember",
    "remembered",
    "require_atomic",
    "require_current",
    "row",
    "rows",
    "script",
    "together",
]

Callback = Callable[[], Awaitable[None] | None]
Client = PostgresClient | SqliteClient

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Connected:
    context: TortoiseContext
    dialect: Dialect
    client: Client
    memory: dict[Hashable, Any] = field(default_factory=dict)


_state: list[_Connected] = []  # at most one
_beside_others: ContextVar[bool] = ContextVar("fanpiao_beside_others", default=False)
_callbacks: ContextVar[list[Callback] | None] = ContextVar("fanpiao_after_commit", default=None)


async def connect(url: str, *, pool: int = 10, read_only: bool = False, limited: bool = True) -> None:
    """Connect this process, for all tasks of this event loop.

    `pool` counts PostgreSQL connections. `read_only` takes no writer's lock and cannot write. `limited=False` lifts the
    3 s limits on statements and locks, for long jobs. Raises DatabaseUnavailable, DatabaseInUse (SQLite: another
    process writes), ValueError (no such kind of address), RuntimeError (connected already).
    """
    if _state:
        raise RuntimeError("the database is connected already")
    config = configuration(url, pool=pool, read_only=read_only, limited=limited)
    (name,) = config["connections"]
    context = TortoiseContext()
    # Tasks that aiohttp makes later do not inherit this task's context variables: the global fallback serves them. The
    # variable is set only while initialising, so that no task is left with a context that was closed.
    with context:
        await context.init(config=config, use_tz=True, timezone="UTC", _enable_global_fallback=True)
        client = context.connections.get(name)
    if not isinstance(client, PostgresClient | SqliteClient):
        raise TypeError(f"unknown engine {type(client).__name__}")
    try:
        await client.create_connection()
    except BaseException:
        await context.close_connections()
        raise
    _state.append(_Connected(context, "sqlite" if isinstance(client, SqliteClient) else "postgres", client))


async def disconnect() -> None:
    """Close within 3 s; what is under way then is cut off. Again, or without a connection: nothing happens."""
    if not _state:
        return
    connected = _state.pop()
    await drain(0.5)
    await connected.context.close_connections()


def _connected() -> _Connected:
    if not _state:
        raise DatabaseUnavailable("the database is not connected")
    return _state[0]


def _client() -> Client:
    connected = _connected()
    client = connected.context.connections.get(connected.dialect)
    assert isinstance(client, PostgresClient | SqliteClient)  # noqa: S101 - both engines are ours
    return client


def dialect() -> Dialect:
    """Which database this is. Raises DatabaseUnavailable when not connected."""
    return _connected().dialect


_READ_ONLY = Both(postgres="SELECT current_setting('transaction_read_only') AS told", sqlite="SELECT 'off' AS told")


async def ping() -> None:
    """One round trip. Raises DatabaseUnavailable."""
    await rows("SELECT 1 AS alive")


async def require_writable() -> None:
    """One round trip. Raises DatabaseUnavailable for a standby, and for what was a primary before a failover."""
    found = await row(_READ_ONLY)
    if found is None or found["told"] != "off":
        raise DatabaseUnavailable("the database takes no writes")


def pool_in_use() -> int:
    """Connections that are held or at work now."""
    return _connected().client.in_use if _state else 0


def _open_transaction() -> OpenTransaction | None:
    if not _state:
        return None
    client = _client()
    return client if isinstance(client, OpenTransaction) and not client.has_ended else None


def in_atomic() -> bool:
    """Whether this task is inside an open transaction."""
    return _open_transaction() is not None


def require_atomic() -> None:
    """Raises NotInTransaction outside of `atomic()`."""
    if not in_atomic():
        raise NotInTransaction("this belongs inside atomic()")


@asynccontextmanager
async def atomic() -> AsyncIterator[None]:
    """One transaction: leaving commits, an exception rolls back. Nested, it is a savepoint.

    Cancelled while it opens or rolls back: nothing happened, nothing stays held. Cancelled while it commits:
    CancelledError is raised after the commit is done, so the effect stands. A transaction that has ended cannot be used
    by tasks that were started in it. Nothing is tried again here.

    Raises CommitUnknown (connection lost during COMMIT: read again), DatabaseUnavailable, LockTimeout,
    SerializationConflict, StatementTimeout, TransactionAborted (an error was swallowed inside), IntegrityError.
    """
    client = _client()
    if isinstance(client, OpenTransaction) and client.has_ended:
        raise TransactionEnded("this task was started inside a transaction that has ended")
    if isinstance(client, OpenTransaction):
        callbacks = _callbacks.get()
        kept = len(callbacks or ())
        try:
            async with client._in_transaction():  # noqa: SLF001 - Tortoise's name
                yield
        except BaseException:
            if callbacks is not None:
                del callbacks[kept:]
            raise
        return
    mine: list[Callback] = []
    token = _callbacks.set(mine)
    try:
        async with client._in_transaction():  # noqa: SLF001
            yield
    finally:
        _callbacks.reset(token)
    for callback in mine:
        await _call(callback)


async def _call(callback: Callback) -> None:
    try:
        outcome = callback()
        if inspect.isawaitable(outcome):
            await outcome
    except Exception:
        log.exception("after_commit_failed")  # the commit stands: its caller must not read this as a failure


def after_commit(callback: Callback) -> None:
    """Call (or await) `callback` in this task once the outermost transaction is committed.

    Only for hints that may be lost (a nudge): it is not called when the task is cancelled or the process dies. What
    must happen belongs in the outbox. Outside of a transaction: raises NotInTransaction.
    """
    callbacks = _callbacks.get()
    if callbacks is None or not in_atomic():
        raise NotInTransaction("after_commit belongs inside atomic()")
    callbacks.append(callback)


async def rows(sql: str | Both, *values: Any) -> list[dict[str, Any]]:
    """The rows of one statement, in the open transaction or on any free connection. Placeholders are `$1..$n`.

    Ids come as UUID, instants as aware UTC datetime, JSON as dict or list (see `models.sql` for expressions). A write
    says what it did by RETURNING. An empty statement gives no rows: for what one of the dialects need not do.

    Raises NaiveInstant, IntegrityError, OperationalError and the errors of `models.failures`.
    """
    client = _client()
    if isinstance(sql, Both):
        sql = sql.sqlite if isinstance(client, SqliteClient) else sql.postgres
    if _beside_others.get() and sql:
        return await Ask(sql, values)
    return await client.fetch(sql, values)


async def row(sql: str | Both, *values: Any) -> dict[str, Any] | None:
    """The first row, or None."""
    found = await rows(sql, *values)
    return found[0] if found else None


@overload
async def together(one: Reader[A], two: Reader[B], /) -> tuple[A, B]: ...
@overload
async def together(one: Reader[A], two: Reader[B], three: Reader[C], /) -> tuple[A, B, C]: ...
@overload
async def together(
    one: Reader[A], two: Reader[B], three: Reader[C], four: Reader[D], five: Reader[E], /
) -> tuple[A, B, C, D, E]: ...
async def together(*readers: Reader[Any]) -> tuple[Any, ...]:
    """What each of these coroutines returns, which do nothing but read: what they ask at the same time is one trip.

    One that asks again once it has its answer goes on beside the others. Of what is asked together all see the same
    moment: what has to come after a lock is not asked with it. Raises what they raise, TypeError for one that waits for
    anything but rows, ValueError for one that changes any.
    """
    reading = Readers(readers)
    try:
        _go_on(reading, dict.fromkeys(range(len(readers))))
        while asking := reading.asking:
            answers = await _client().fetch_all(list(asking.values()))
            _go_on(reading, dict(zip(asking, answers, strict=True)))
    finally:
        reading.close()
    return tuple(reading.results)


def _go_on(reading: Readers, answers: Mapping[int, Rows | None]) -> None:
    token = _beside_others.set(True)
    try:
        for number, answer in answers.items():
            reading.go_on(number, answer)
    finally:
        _beside_others.reset(token)


async def put(sql: str | Both, *values: Any, count: int | None = None, conflict: str = "") -> None:
    """A write of the open transaction whose answer nobody needs: sent with others, before whatever may have to see it.

    It has RETURNING, and must give back `count` rows where that is told. Where it does not (`conflict` says what that
    means), or breaks a rule of the database's, whatever sends it raises SerializationConflict: the next statement, or
    the end of the transaction. Which of the two it is cannot be told apart: a row that was not written is missing to
    those that refer to it. Raises NotInTransaction, and what sending the others raises.
    """
    transaction = _open_transaction()
    if transaction is None:
        raise NotInTransaction("what waits for its transaction needs one")
    if isinstance(sql, Both):
        sql = sql.sqlite if isinstance(transaction, SqliteClient) else sql.postgres
    await transaction.write(Write(sql, values, count, conflict))


def remember(key: Hashable, value: Any) -> None:
    """Something that never changes once it is committed: which account is the programme's, not what stands on it.

    Kept as long as this database is connected; inside a transaction from its commit on.
    """
    keep = partial(_connected().memory.__setitem__, key, value)
    if in_atomic():
        after_commit(keep)
    else:
        keep()


def remembered(key: Hashable) -> Any:
    """What `remember` kept, or None."""
    return _connected().memory.get(key)


async def long_reads(statements: Mapping[str, str | Both]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of each, one after the other, beside the pool: what looks over whole tables may take its time.

    Raises DatabaseUnavailable, OperationalError.
    """
    client = _client()
    if isinstance(client, PostgresClient):
        client = client.without_limits()
        await client.create_connection()
    try:
        for name, sql in statements.items():
            plain = (sql.sqlite if isinstance(client, SqliteClient) else sql.postgres) if isinstance(sql, Both) else sql
            yield name, await client.fetch(plain, ())
    finally:
        if isinstance(client, PostgresClient):
            await client.close()


async def script(sql: str | Both) -> None:
    """Several statements without values or rows; triggers may contain semicolons."""
    client = _client()
    if isinstance(sql, Both):
        sql = sql.sqlite if isinstance(client, SqliteClient) else sql.postgres
    await client.execute_script(sql)


_NEXT_ORDINAL = Both(
    postgres="SELECT nextval(CAST($1::text AS regclass)) AS value",
    sqlite="UPDATE counter SET value = value + 1 WHERE name = $1 RETURNING value",
)


async def next_ordinal(name: str) -> int:
    """The next number of a dense series (`member_ordinal`): 1, 2, 3, ... Gaps are allowed, no number comes twice.

    Take it last in a transaction: on SQLite the number is taken back with a rollback, on PostgreSQL it leaves a gap.
    Raises NotInTransaction, LookupError (SQLite) or OperationalError (PostgreSQL) for an unknown series.
    """
    require_atomic()
    found = await row(_NEXT_ORDINAL, name)
    if found is None:
        raise LookupError(f"no series {name}")
    return int(found["value"])


async def pending_migrations() -> list[str]:
    """Names of the migrations that this database has not seen, in order."""
    return await migrating.pending(_client())


async def require_current() -> None:
    """Raises SchemaOutdated when migrations are pending."""
    if waiting := await pending_migrations():
        raise SchemaOutdated(waiting)


async def migrate() -> list[str]:
    """Apply what is pending and name it. Safe to call from several processes at once. Not inside a transaction."""
    if in_atomic():
        raise RuntimeError("migrations have transactions of their own")
    return await migrating.migrate(_connected().client, APP)
