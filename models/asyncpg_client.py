"""PostgreSQL under Tortoise: a pool with time limits, and transactions that cancellation cannot leak.

Tortoise finds this engine by the module's name, which must contain "asyncpg".
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.exceptions import IntegrityError, OperationalError

from models.failures import (
    CommitUnknown,
    DatabaseUnavailable,
    LockTimeout,
    SerializationConflict,
    StatementTimeout,
    TransactionAborted,
    TransactionEnded,
)
from models.reading import Ask, Rows, side_by_side
from models.sql import dump_json, load_json, postgres_values
from models.transactions import OpenTransaction, ShieldedSavepoint, ShieldedTransaction
from models.writing import all_at_once, broken_rule, may_go_before

CONNECT_SECONDS = 5.0
ACQUIRE_SECONDS = 10.0
CLIENT_SECONDS = 10.0  # beyond the server's own limits: only a dead connection takes so long
LIMITS = {
    "statement_timeout": "3000",
    "lock_timeout": "3000",
    "idle_in_transaction_session_timeout": "5000",
}
# What serves says the same few hundred statements again and again. Planning one anew costs a millisecond, several times
# what it takes to run, and the server would do so on every connection, over and over for lists of a few ids. A plan
# that is kept was made while tables may have been empty: it must not count on that they stay so, and what it
# has no index for must not be shared out among processes started for a few rows (ADR 0050).
SERVING = {
    **LIMITS,
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "max_parallel_workers_per_gather": "0",
}
JSONB_VERSION = b"\x01"
STATEMENTS = 500  # kept ready on each connection: with fewer than there are they push each other out

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InternalClientError,  # a goodbye that came between two statements leaves the protocol in no usable state
    OSError,
    TimeoutError,
    EOFError,
)


# Nothing is wrong with the statement: it may be asked again once somebody made room, or where the primary is now.
_OUT_OF = (asyncpg.InsufficientResourcesError, asyncpg.ReadOnlySQLTransactionError)


def is_lost(error: BaseException) -> bool:
    """Whether the connection, not the statement, is what failed."""
    # InterfaceError also stands for wrong use; meant here are the closed connection, the closed pool, and the
    # connection that the pool took back when it was lost.
    return isinstance(error, _LOST) or (
        isinstance(error, asyncpg.InterfaceError) and any(word in str(error) for word in ("clos", "released back"))
    )


def translated(error: Exception) -> Exception | None:
    """What a driver's error means to those above; None when it is theirs already."""
    if is_lost(error) or isinstance(error, _OUT_OF):
        return DatabaseUnavailable(str(error) or type(error).__name__)
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return IntegrityError(error)
    if isinstance(error, asyncpg.SerializationError | asyncpg.DeadlockDetectedError):
        return SerializationConflict(error)
    if isinstance(error, asyncpg.LockNotAvailableError):
        return LockTimeout(error)
    if isinstance(error, asyncpg.QueryCanceledError):
        return StatementTimeout(error)
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        return OperationalError(error)
    return None


class PooledConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that goes back to the pool without a reset: one round trip less on every statement.

    Nothing of ours outlives a transaction on a connection: no LISTEN, no session lock, no SET but SET LOCAL.
    """

    __slots__ = ()

    async def reset(self, *, timeout: float | None = None) -> None:
        if self.is_in_transaction():
            await super().reset(timeout=timeout)

    def get_reset_query(self) -> str:
        return ""


async def prepare(connection: asyncpg.Connection) -> None:
    """JSONB travels as dicts and lists; the ORM's fields hand over text that is JSON already.

    In its binary form, a version before the text: rows in an array have no other.
    """
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: JSONB_VERSION + (value if isinstance(value, str) else dump_json(value)).encode(),
        decoder=lambda value: load_json(value[1:]),
        format="binary",
    )


class PostgresClient(AsyncpgDBClient):
    """The pool, outside of any transaction."""

    def __init__(
        self, dsn: str, *, pool: int = 10, read_only: bool = False, limited: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.dsn = dsn
        self._size = pool
        # Instants that are turned into text by the server (JSON, casts) must not depend on where it stands.
        self._settings = {"application_name": "fanpiao", "timezone": "UTC", **(SERVING if limited else {})}
        if read_only:
            self._settings["default_transaction_read_only"] = "on"
        self._patience = CLIENT_SECONDS if limited else None

    def without_limits(self) -> "PostgresClient":
        """Another small pool to the same database, not yet open, whose statements may take their time."""
        return PostgresClient(self.dsn, pool=2, limited=False, connection_name=self.connection_name)

    async def create_connection(self, with_db: bool = True) -> None:  # noqa: FBT001, FBT002 - Tortoise's signature
        """Raises DatabaseUnavailable."""
        if self._pool is not None:
            return
        try:
            self._pool = await asyncpg.create_pool(
                self.dsn,
                min_size=1,
                max_size=self._size,
                timeout=CONNECT_SECONDS,
                command_timeout=self._patience,
                connection_class=PooledConnection,
                server_settings=self._settings,
                statement_cache_size=STATEMENTS,
                max_cached_statement_lifetime=0,
                max_queries=2**31,  # by default it is thrown away after 50,000, with all statements that it knows
                init=prepare,
            )
        except Exception as error:
            raise (translated(error) or error) from error
        await self._post_connect()

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        closing = asyncio.ensure_future(pool.close())
        await asyncio.wait({closing}, timeout=2.0)
        if not closing.done():
            pool.terminate()
            closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)

    @property
    def in_use(self) -> int:
        """Connections that somebody holds."""
        return 0 if self._pool is None else self._pool.get_size() - self._pool.get_idle_size()

    def open_pool(self) -> asyncpg.Pool:
        """Raises DatabaseUnavailable."""
        if self._pool is None:
            raise DatabaseUnavailable("the database is not connected")
        return self._pool

    def new_transaction(self) -> "PostgresTransaction":
        """A transaction to be opened."""
        return PostgresTransaction(self)

    def _in_transaction(self) -> ShieldedTransaction:
        return ShieldedTransaction(self.new_transaction())

    def acquire_connection(self, sql: str | None = None) -> AbstractAsyncContextManager[asyncpg.Connection]:  # type: ignore[override]
        context: AbstractAsyncContextManager[asyncpg.Connection] = self.open_pool().acquire()
        return context

    async def _translate_exceptions(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        try:
            return await func(self, *args, **kwargs)
        except Exception as error:
            ours = translated(error)
            if ours is None:
                raise
            raise ours from error

    async def fetch(self, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows of a statement with `$1..$n`."""
        if not sql:
            return []
        bound = postgres_values(values)
        try:
            async with self.acquire_connection(sql) as connection:
                return [dict(record) for record in await connection.fetch(sql, *bound)]
        except Exception as error:
            ours = translated(error)
            if ours is None:
                raise
            raise ours from error

    async def fetch_all(self, asked: Sequence[Ask]) -> list[Rows]:
        """Rows of each, by one statement."""
        if len(asked) == 1:
            return [await self.fetch(asked[0].sql, asked[0].values)]
        sql = side_by_side(tuple([each.sql for each in asked]))
        bound = [value for each in asked for value in postgres_values(each.values)]

        async def work(_: Any) -> list[Rows]:
            async with self.acquire_connection(sql) as connection:
                names = [_columns.get(each.sql) or await _columns_of(connection, each.sql) for each in asked]
                found = await connection.fetchrow(sql, *bound)
            return [
                [dict(zip(named, record, strict=True)) for record in records or ()]
                for named, records in zip(names, found, strict=True)
            ]

        answers: list[Rows] = await self._translate_exceptions(work)
        return answers


_columns: dict[str, tuple[str, ...]] = {}  # of statements: rows in an array have no names


async def _columns_of(connection: asyncpg.Connection, sql: str) -> tuple[str, ...]:
    named = (await connection.prepare(sql)).get_attributes()
    _columns[sql] = tuple(each.name for each in named)
    return _columns[sql]


class PostgresTransaction(PostgresClient, OpenTransaction):
    """One transaction on one connection of the pool."""

    def __init__(self, root: PostgresClient) -> None:  # the pool is the root's: nothing to set up
        self.root = root
        self.log = root.log
        self.connection_name = root.connection_name
        self.fetch_inserted = root.fetch_inserted
        self.is_abandoned = False
        self._bound_loop = root._bound_loop  # noqa: SLF001 - Tortoise's base class keeps it
        self._held: asyncpg.Connection | None = None
        self._source: asyncpg.Pool | None = None
        self._statement_turn = asyncio.Lock()
        self.waiting = []

    @property
    def has_ended(self) -> bool:
        return self._held is None

    def _in_transaction(self) -> ShieldedSavepoint:  # type: ignore[override]
        return ShieldedSavepoint(self)

    @asynccontextmanager
    async def acquire_connection(  # type: ignore[override]
        self, sql: str | None = None
    ) -> AsyncIterator[asyncpg.Connection]:
        """The writes that wait are sent first, unless `sql` is all that is asked and need not see them."""
        async with self._turn() as connection:
            if self.waiting and (sql is None or not may_go_before(sql, self.waiting)):
                await self._send_to(connection)
            yield connection

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[asyncpg.Connection]:
        async with self._statement_turn:
            if self._held is None:
                raise TransactionEnded("this transaction has ended; start the task outside of it")
            yield self._held

    async def _send_to(self, connection: asyncpg.Connection) -> None:
        writes, self.waiting = self.waiting, []
        values = [value for each in writes for value in postgres_values(each.values)]
        try:
            if len(writes) == 1:
                counts: Sequence[int] = [len(await connection.fetch(writes[0].sql, *values))]
            else:
                counts = await connection.fetchrow(all_at_once(tuple(each.sql for each in writes)), *values)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise broken_rule(error) from error
        for each, count in zip(writes, counts, strict=True):
            each.check(count)

    async def send(self) -> None:
        async def work(_: Any) -> None:
            async with self._turn() as connection:
                await self._send_to(connection)

        if self.waiting:
            await self._translate_exceptions(work)

    async def execute_many(self, query: str, values: list[Any]) -> None:
        async def work(_: Any) -> None:
            async with self.acquire_connection() as connection:
                await connection.executemany(query, values)

        await self._translate_exceptions(work)

    async def open(self) -> None:
        pool = self.root.open_pool()
        try:
            connection = await pool.acquire(timeout=ACQUIRE_SECONDS)
        except Exception as error:
            raise (translated(error) or error) from error
        try:
            self.refuse_if_abandoned()
            await connection.execute("BEGIN")
        except BaseException as error:
            await pool.release(connection)
            if isinstance(error, Exception) and (ours := translated(error)) is not None:
                raise ours from error
            raise
        self._held, self._source = connection, pool

    async def finish(self, *, commit: bool) -> None:
        connection, pool = self._held, self._source
        if connection is None or pool is None:
            raise TransactionEnded
        self._held = None  # a task that still waits for its turn here finds the end
        try:
            # One that is in the midst of a statement ends it first: the connection cannot do two things.
            async with self._statement_turn:
                await (_commit(connection) if commit else _roll_back(connection))
        finally:
            await pool.release(connection)

    async def command(self, *statements: str) -> None:
        async def work(_: Any) -> None:
            async with self.acquire_connection() as connection:
                for statement in statements:
                    await connection.execute(statement)

        await self._translate_exceptions(work)


async def _commit(connection: asyncpg.Connection) -> None:
    if _is_gone(connection):
        raise DatabaseUnavailable("the connection was lost before the commit")
    try:
        outcome = await connection.execute("COMMIT")
    except Exception as error:
        if is_lost(error):
            _end(connection)
            raise CommitUnknown(str(error) or type(error).__name__) from error
        raise (translated(error) or error) from error
    if outcome != "COMMIT":
        raise TransactionAborted("a statement failed and its error was swallowed; all was rolled back")


async def _roll_back(connection: asyncpg.Connection) -> None:
    if _is_gone(connection):
        return  # the server rolled back when it lost us
    try:
        await connection.execute("ROLLBACK")
    except Exception as error:
        _end(connection)
        if not is_lost(error):
            raise (translated(error) or error) from error


def _is_gone(connection: asyncpg.Connection) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool took it back when it was lost: it answers nothing any more
        return True


def _end(connection: asyncpg.Connection) -> None:
    with contextlib.suppress(asyncpg.InterfaceError):  # as above
        connection.terminate()


client_class = PostgresClient
