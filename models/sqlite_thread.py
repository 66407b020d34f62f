"""One SQLite connection in one thread, and the lock that keeps a second writing process away."""

import asyncio
import contextlib
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from models.failures import DatabaseInUse, DatabaseUnavailable
from models.sql import as_instant, as_uuid, load_json

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]

# What the declared types of our columns mean; they act only on connections opened here (detect_types).
sqlite3.register_converter("UTCTEXT", lambda raw: as_instant(raw.decode()))
sqlite3.register_converter("JSONTEXT", load_json)
sqlite3.register_converter("CHAR", lambda raw: as_uuid(raw.decode()))  # CHAR(36): Tortoise's UUIDField and its keys


class SqliteThread:
    """A connection that only its own thread touches. Work is done in order of arrival, each piece uninterrupted.

    A cancelled caller only stops waiting: what it asked for is still done, before anything that is asked for later. The
    thread is a daemon, so that a process whose connection nobody closed can still end.
    """

    def __init__(self, open_connection: Callable[[], sqlite3.Connection], name: str) -> None:
        self.waiting = 0  # pieces of work asked for and not done
        self._open_connection = open_connection
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._is_hurried = False  # closing takes too long: what waits is refused
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    async def open(self) -> None:
        """Raises DatabaseUnavailable."""
        self._thread.start()

        def connect() -> None:
            self._connection = self._open_connection()

        try:
            await self._ask(connect)
        except sqlite3.Error as error:
            raise DatabaseUnavailable(str(error)) from error

    async def run(self, work: Work[Result]) -> Result:
        """`work` on the connection, in the thread. Raises DatabaseUnavailable after `close`, and what `work` raises."""
        if self._closed:
            raise DatabaseUnavailable("the database was closed")

        def on_connection() -> Result:
            if self._connection is None or self._is_hurried:
                raise DatabaseUnavailable("the database was closed")
            return work(self._connection)

        return await self._ask(on_connection)

    async def close(self, seconds: float) -> None:
        """Close once the work under way is done; after half of `seconds` interrupt it, after all of it leave it."""
        if self._closed:
            return
        self._closed = True

        def disconnect() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        closing = asyncio.ensure_future(self._ask(disconnect))
        await asyncio.wait({closing}, timeout=seconds / 2)
        if not closing.done():
            self._is_hurried = True
            connection = self._connection
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.interrupt()
            await asyncio.wait({closing}, timeout=seconds / 2)
        self._queue.put(None)  # after the work of closing, which `_ask` queues only when its task first runs
        closing.cancel()
        with contextlib.suppress(asyncio.CancelledError, sqlite3.Error):
            await closing

    async def _ask(self, function: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        self.waiting += 1

        def tell(result: Any, error: BaseException | None) -> None:
            self.waiting -= 1
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)

        def serve() -> None:
            result: Any = None
            error: BaseException | None = None
            try:
                result = function()
            except BaseException as raised:  # it is the caller's to handle
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop is gone, and with it whoever asked
                loop.call_soon_threadsafe(tell, result, error)

        self._queue.put(serve)
        return await answer

    def _serve(self) -> None:
        while (serve := self._queue.get()) is not None:
            serve()


class WriterLock:
    """`<database>.lock`: one process at a time writes. Held as long as the file is open, so a crash frees it."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._file: int | None = None

    def acquire(self) -> None:
        """Raises DatabaseInUse with the pid of the process that holds it."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(file, 32, 0).decode("ascii", "replace").strip()
            os.close(file)
            raise DatabaseInUse(int(holder) if holder.isdigit() else 0) from error
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        self._file = file

    def release(self) -> None:
        """The file stays: removing it would let two processes hold two different files of that name."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
