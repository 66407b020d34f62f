"""SQLite under Tortoise: one writing connection, a few reading ones, and transactions that cancellation cannot wedge.

Statements in `atomic()` go to the writer, as do writes outside of it; reads outside of it go to connections of their
own, which WAL lets read while a transaction is open. BEGIN IMMEDIATE, because a deferred transaction that reads and
then writes fails at once when another process wrote in between, however long the busy time-out.

Tortoise finds this engine by the module's name, which must contain "sqlite".
"""

import asyncio
import functools
import re
import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

from tortoise.backends.sqlite.client import SqliteClient as TortoiseSqliteClient
from tortoise.exceptions import IntegrityError, OperationalError

from models.failures import DatabaseUnavailable, LockTimeout, TransactionEnded
from models.reading import Ask, Rows
from models.sql import is_read, sqlite_sql, sqlite_values
from models.sqlite_thread import SqliteThread, WriterLock
from models.transactions import OpenTransaction, ShieldedSavepoint, ShieldedTransaction
from models.writing import Write, broken_rule, may_go_before

Given = ParamSpec("Given")
Result = TypeVar("Result")

READERS = 3
BUSY_SECONDS = 3.0

_AWAY = ("closed database", "interrupted", "unable to open", "disk I/O", "is full", "readonly database")


def translated(error: sqlite3.Error) -> Exception:
    """What a driver's error means to those above."""
    if isinstance(error, sqlite3.IntegrityError):
        return IntegrityError(error)
    text = str(error)
    if "locked" in text or "busy" in text:
        return LockTimeout(error)
    if any(words in text for words in _AWAY):
        return DatabaseUnavailable(text)
    return OperationalError(error)


def translating(function: Callable[Given, Coroutine[Any, Any, Result]]) -> Callable[Given, Coroutine[Any, Any, Result]]:
    """Raise our errors for the driver's."""

    @functools.wraps(function)
    async def translate(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            return await function(*args, **kwargs)
        except sqlite3.Error as error:
            raise translated(error) from error

    return translate


def statements(script: str) -> Iterator[str]:
    """The statements of a script; the semicolons inside a trigger end none."""
    statement = ""
    for part in re.split(r"(;)", script):
        statement += part
        if part == ";" and sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


class SqliteClient(TortoiseSqliteClient):
    """The database file outside of any transaction."""

    def __init__(self, file_path: str, *, read_only: bool = False, **kwargs: Any) -> None:
        super().__init__(file_path, **kwargs)
        self.path = Path(file_path)
        self.read_only = read_only
        self.writer_turn = asyncio.Lock()  # wakes its waiters in order of arrival
        self.writer: SqliteThread | None = None
        self.readers: list[SqliteThread] = []
        self._process_lock = WriterLock(self.path)

    async def create_connection(self, with_db: bool = True) -> None:  # noqa: FBT001, FBT002 - Tortoise's signature
        """Raises DatabaseInUse, DatabaseUnavailable."""
        if self.writer is not None:
            return
        if not self.read_only:
            self._prepare()
        try:
            self.writer = await self._thread("writer", writes=True)
            self.readers = [await self._thread(f"reader {number}", writes=False) for number in range(READERS)]
        except BaseException:
            await self.close()
            raise
        await self._post_connect()

    def _prepare(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._process_lock.acquire()

    async def _thread(self, role: str, *, writes: bool) -> SqliteThread:
        thread = SqliteThread(functools.partial(self._connect, writes=writes), f"sqlite {role}")
        await thread.open()
        return thread

    def _connect(self, *, writes: bool) -> sqlite3.Connection:
        mode = "ro" if self.read_only else "rwc"
        connection = sqlite3.connect(
            f"file:{quote(str(self.path.absolute()))}?mode={mode}",
            uri=True,
            isolation_level=None,  # every BEGIN is ours
            timeout=BUSY_SECONDS,
            detect_types=sqlite3.PARSE_DECLTYPES,
        )
        connection.row_factory = sqlite3.Row
        if not self.read_only:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # an acknowledged commit survives a power cut
        connection.execute("PRAGMA foreign_keys = ON")
        if not writes:
            connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # a file that is no database fails here
        return connection

    async def close(self) -> None:
        writer, readers = self.writer, self.readers
        self.writer, self.readers = None, []
        await asyncio.gather(*(reader.close(1.0) for reader in readers))
        if writer is not None:
            await writer.close(1.5)  # last, because only a connection that may write folds the WAL into the file
        self._process_lock.release()

    @property
    def in_use(self) -> int:
        """Connections at work now: the writer while a transaction holds it, and readers."""
        return int(self.writer_turn.locked()) + sum(reader.waiting > 0 for reader in self.readers)

    def new_transaction(self, *, checks_last: bool = False) -> "SqliteTransaction":
        """A transaction to be opened. `checks_last`: foreign keys rest, and all are checked before the commit."""
        return SqliteTransaction(self, checks_last=checks_last)

    def _in_transaction(self) -> ShieldedTransaction:
        return ShieldedTransaction(self.new_transaction())

    def open_writer(self) -> SqliteThread:
        """Raises DatabaseUnavailable."""
        if self.writer is None:
            raise DatabaseUnavailable("the database is not connected")
        return self.writer

    @translating
    async def on_connection(
        self,
        work: Callable[[sqlite3.Connection], Result],
        *,
        reads: bool = False,
        sql: str | None = None,
    ) -> Result:
        """`work` on a connection: any reading one, or the writing one when its turn comes."""
        if reads and self.readers:
            return await min(self.readers, key=lambda reader: reader.waiting).run(work)
        async with self.writer_turn:
            return await self.open_writer().run(work)

    async def fetch(self, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows of a statement with `$1..$n`."""
        if not sql:
            return []
        bound = sqlite_values(values)
        sql = sqlite_sql(sql)

        def work(connection: sqlite3.Connection) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.execute(sql, bound).fetchall()]

        return await self.on_connection(work, reads=is_read(sql), sql=sql)

    async def fetch_all(self, asked: Sequence[Ask]) -> list[Rows]:
        """Rows of each, in one visit to the thread."""
        bound = [(sqlite_sql(each.sql), sqlite_values(each.values)) for each in asked]

        def work(connection: sqlite3.Connection) -> list[Rows]:
            return [[dict(row) for row in connection.execute(sql, values).fetchall()] for sql, values in bound]

        return await self.on_connection(work, reads=True, sql=";".join([each.sql for each in asked]))

    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Sequence[Any]]:
        query = query.replace("\x00", "'||CHAR(0)||'")
        bound = sqlite_values(values or ())

        def work(connection: sqlite3.Connection) -> tuple[int, Sequence[Any]]:
            cursor = connection.execute(query, bound)
            rows = cursor.fetchall()
            return (cursor.rowcount if cursor.rowcount >= 0 else len(rows)), rows

        return await self.on_connection(work, reads=is_read(query))

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        return [dict(row) for row in (await self.execute_query(query, values))[1]]

    async def execute_insert(self, query: str, values: list[Any]) -> int:
        bound = sqlite_values(values)
        return await self.on_connection(lambda connection: connection.execute(query, bound).lastrowid or 0)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        bound = [sqlite_values(each) for each in values]

        def work(connection: sqlite3.Connection) -> None:
            # A savepoint outside of a transaction is one of its own, so this serves both.
            connection.execute("SAVEPOINT many")
            try:
                connection.executemany(query, bound)
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK TO many")
                    connection.execute("RELEASE many")
                raise
            connection.execute("RELEASE many")

        await self.on_connection(work)

    async def execute_script(self, query: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            # Not `executescript`, which commits an open transaction first.
            for statement in statements(query):
                connection.execute(statement)

        await self.on_connection(work)


class SqliteTransaction(SqliteClient, OpenTransaction):
    """One transaction on the writing connection."""

    def __init__(self, root: SqliteClient, *, checks_last: bool) -> None:  # the root has the connections
        self.root = root
        self._checks_last = checks_last
        self.log = root.log
        self.capabilities = root.capabilities
        self.connection_name = root.connection_name
        self.fetch_inserted = root.fetch_inserted
        self.is_abandoned = False
        self._bound_loop = root._bound_loop  # noqa: SLF001 - Tortoise's base class keeps it
        self._statement_turn = asyncio.Lock()
        self._is_open = False
        self.waiting = []

    @property
    def has_ended(self) -> bool:
        return not self._is_open

    def _in_transaction(self) -> ShieldedSavepoint:  # type: ignore[override]
        return ShieldedSavepoint(self)

    @translating
    async def open(self) -> None:
        await self.root.writer_turn.acquire()
        try:
            self.refuse_if_abandoned()
            await self.root.open_writer().run(self._begin)
        except BaseException:
            self.root.writer_turn.release()
            raise
        self._is_open = True

    def _begin(self, connection: sqlite3.Connection) -> None:
        if self._checks_last:
            connection.execute("PRAGMA foreign_keys = OFF")  # does nothing once a transaction is open
        try:
            connection.execute("BEGIN" if self.root.read_only else "BEGIN IMMEDIATE")
        except BaseException:
            connection.execute("PRAGMA foreign_keys = ON")
            raise

    def _end(self, connection: sqlite3.Connection, *, commit: bool) -> None:
        try:
            if commit and self._checks_last:
                broken = {f"{row[0]} -> {row[2]}" for row in connection.execute("PRAGMA foreign_key_check")}
                if broken:
                    raise sqlite3.IntegrityError(f"rows point nowhere: {', '.join(sorted(broken))}")
            if commit:
                connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if self._checks_last:
                connection.execute("PRAGMA foreign_keys = ON")

    @translating
    async def finish(self, *, commit: bool) -> None:
        self._is_open = False
        try:
            async with self._statement_turn:
                await self.root.open_writer().run(functools.partial(self._end, commit=commit))
        finally:
            self.root.writer_turn.release()

    @translating
    async def on_connection(
        self, work: Callable[[sqlite3.Connection], Result], *, reads: bool = False, sql: str | None = None
    ) -> Result:
        """The writes that wait are done first, unless `sql` is all that is asked and need not see them."""
        async with self._statement_turn:
            if not self._is_open:
                raise TransactionEnded("this transaction has ended; start the task outside of it")
            if self.waiting and (sql is None or not may_go_before(sql, self.waiting)):
                writes, self.waiting = self.waiting, []
                work = _after(writes, work)
            return await self.root.open_writer().run(work)

    async def send(self) -> None:
        if self.waiting:
            await self.on_connection(lambda _: None)

    async def command(self, *statements: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            for statement in statements:
                connection.execute(statement)

        await self.on_connection(work)


def _after(writes: Sequence[Write], work: Callable[[sqlite3.Connection], Result]) -> Callable[..., Result]:
    """`work` behind these, in one visit to the thread."""
    bound = [sqlite_values(each.values) for each in writes]  # here, where what they hold cannot change meanwhile

    def both(connection: sqlite3.Connection) -> Result:
        for each, values in zip(writes, bound, strict=True):
            try:
                found = connection.execute(sqlite_sql(each.sql), values).fetchall()
            except sqlite3.IntegrityError as error:
                raise broken_rule(error) from error
            each.check(len(found))
        return work(connection)

    return both


client_class = SqliteClient
