"""Throw-away servers of the tests: a PostgreSQL and a Redis of our own, on free loopback ports, gone afterwards.

Nothing is taken from PATH for PostgreSQL: Debian keeps its server programs in /usr/lib/postgresql/<version>/bin.
PostgreSQL refuses to run as root, so under root it runs as the user `postgres`, in a directory which that user owns.
"""

import asyncio
import contextlib
import ctypes
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg

SUPERUSER = "fanpiao"
ROOM_IN_MEMORY = 4 * 1024**3  # bytes
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_CHANCE = random.SystemRandom()  # two runs that begin together draw the same from seeds


class ServerMissing(RuntimeError):
    """A program that the tests need is not installed; the text says which package brings it."""


def free_port() -> int:
    """A loopback TCP port that nobody listened on a moment ago.

    Below those that the system gives to connections by itself: otherwise one of them has it before the server does.
    """
    while True:
        port = _CHANCE.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def postgres_programs() -> Path:
    """The directory with `initdb`, `postgres` and `psql` of the newest installed version. Raises ServerMissing."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found and (in_path := shutil.which("postgres")):
        found = [Path(in_path).resolve().parent]
    if not found:
        raise ServerMissing("PostgreSQL is not installed: apt-get install postgresql")
    return max(found, key=lambda directory: int("".join(filter(str.isdigit, directory.parent.name)) or 0))


def redis_program() -> str:
    """Where redis-server is. Raises ServerMissing."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise ServerMissing("redis-server is not installed: apt-get install redis-server")
    return found


class PostgresServer:
    """One running PostgreSQL with fsync on, as in production."""

    def __init__(self, programs: Path, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid
        self._psql = programs / "psql"

    def url(self, database: str) -> str:
        """`postgres://` address of a database of this server."""
        return f"postgres://{SUPERUSER}:{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, *, database: str = "postgres") -> list[str]:
        """Run one statement on a connection of its own; the rows as `|`-separated text."""
        command = [self._psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port)]
        command += ["-U", SUPERUSER, "-d", database, "-c", statement]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.splitlines()


class Maintenance:
    """Statements to a server on one connection that stays open, outside of any event loop that runs.

    A `psql` for each of them costs more than making and dropping what a test needs. Not while a loop runs.
    """

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._connection = self._do(asyncpg.connect(server.url("postgres")))

    def run(self, statement: str) -> None:
        """One that gives no rows. Raises asyncpg's errors."""
        self._do(self._connection.execute(statement))

    def rows_of(self, database: str, statement: str) -> list[Any]:
        """The rows of one statement in another database of the server."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self._server.url(database))
            try:
                return await connection.fetch(statement)
            finally:
                await connection.close()

        return self._do(ask())

    def close(self) -> None:
        """Nothing stays open."""
        self._do(self._connection.close())
        self._loop.close()

    def _do(self, work: Awaitable[Any]) -> Any:
        return self._loop.run_until_complete(asyncio.wait_for(work, 30))


@contextlib.contextmanager
def postgres_server(*, max_connections: int = 200, in_memory: bool = False) -> Iterator[PostgresServer]:
    """A fresh cluster for as long as the block lasts. Raises ServerMissing.

    `in_memory`, where the machine lets us: each test has a database of its own, some 700 files that are made and
    unlinked again, which takes five times as long on a disk. Measurements want the disk.
    """
    programs = postgres_programs()
    user = "postgres" if os.geteuid() == 0 else None
    with _directory(owner=user, parent=memory() if in_memory else None) as home:
        data, port = home / "data", free_port()
        # Syncing the files of initdb itself would only slow the start: nothing is promised about them.
        make = [programs / "initdb", "-D", data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        made = subprocess.run([*make, "--no-sync"], check=False, capture_output=True, text=True, cwd=home, user=user)
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": home,
            "max_connections": max_connections,
            "fsync": "on",
            "jit": "off",
            "log_min_messages": "fatal",
        }
        command = [programs / "postgres", "-D", data, *(f"-c{name}={value}" for name, value in settings.items())]
        with _running(command, log=home / "log", user=user, stop=(signal.SIGINT, signal.SIGQUIT)) as process:
            server = PostgresServer(programs, port, process.pid)
            _wait(lambda: server.sql("SELECT 1") == ["1"], process, home / "log")
            yield server


@contextlib.contextmanager
def redis_server(*, arguments: Sequence[str] = ()) -> Iterator[str]:
    """A fresh Redis that keeps nothing on disk, for as long as the block lasts; gives its `redis://` address."""
    program = redis_program()
    with _directory(owner=None) as home:
        port = free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--dir", str(home), *arguments]
        with _running(command, log=home / "log", user=None, stop=(signal.SIGTERM,)) as process:
            _wait(lambda: _answers(port), process, home / "log")
            yield f"redis://127.0.0.1:{port}/0"


def memory() -> Path | None:
    """A folder whose files live in memory, if there is one with room for a test run."""
    folder = Path("/dev/shm")  # noqa: S108 - a place, not a file that somebody could guess
    is_there = folder.is_dir() and os.access(folder, os.W_OK)
    return folder if is_there and shutil.disk_usage(folder).free >= ROOM_IN_MEMORY else None


@contextlib.contextmanager
def _directory(*, owner: str | None, parent: Path | None = None) -> Iterator[Path]:
    # Not pytest's tmp_path: its parents are closed to other users, and a socket's path must be short.
    home = Path(tempfile.mkdtemp(prefix="fanpiao-", dir=parent))
    try:
        if owner is not None:
            entry = pwd.getpwnam(owner)
            os.chown(home, entry.pw_uid, entry.pw_gid)
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _running(
    command: Sequence[str | Path], *, log: Path, user: str | None, stop: Sequence[signal.Signals]
) -> Iterator[subprocess.Popen[bytes]]:
    def die_with_us() -> None:  # so that even a killed test run leaves no server behind
        _libc.prctl(_PR_SET_PDEATHSIG, int(stop[0]))

    with log.open("wb") as sink:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            cwd=log.parent,
            user=user,
            start_new_session=True,  # Ctrl-C in the terminal reaches us, and we stop it in order
            preexec_fn=die_with_us,
        )
    try:
        yield process
    finally:
        for how in (*stop, signal.SIGKILL):
            if process.poll() is not None:
                break
            process.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)


def _wait(is_ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError, RuntimeError):
            if is_ready():
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args} did not start: {log.read_text(errors='replace')[-2000:]}")


def _answers(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
