"""A PostgreSQL that a test may stop, crash, freeze and start again on the same port, with what it had stored."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests import servers


class MortalPostgres(servers.PostgresServer):
    """fsync is on: what was committed before a crash is there after it."""

    def __init__(self, home: Path, user: str | None) -> None:
        programs = servers.postgres_programs()
        super().__init__(programs, servers.free_port(), 0)
        self._home, self._user, self._data = home, user, home / "data"
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        make = [programs / "initdb", "-D", self._data, "-U", servers.SUPERUSER, "-A", "trust", "-E", "UTF8"]
        subprocess.run([*make, "--no-sync"], check=True, capture_output=True, cwd=home, user=user, timeout=60)
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": home, "jit": "off"}
        options = [f"-c{name}={value}" for name, value in settings.items()]
        self._command = [programs / "postgres", "-D", self._data, *options]

    def start(self) -> None:
        """Returns when it answers."""
        stop = (signal.SIGINT, signal.SIGQUIT)
        log = self._home / "log"
        self._process = self._running.enter_context(
            servers._running(self._command, log=log, user=self._user, stop=stop)
        )
        self.pid = self._process.pid
        servers._wait(lambda: self.sql("SELECT 1") == ["1"], self._process, log)

    def stop(self) -> None:
        """As an administrator does who does not wait for connections."""
        self._running.close()
        self._process = None

    def crash(self) -> None:
        """Nothing is written any more: the next start recovers from the log."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(10)
        self.stop()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections and answers nothing. Its processes have a session of their own, stopped as a group."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)


@contextlib.contextmanager
def mortal_postgres() -> Iterator[MortalPostgres]:
    """A fresh one, started."""
    user = "postgres" if os.geteuid() == 0 else None
    with servers._directory(owner=user) as home:
        server = MortalPostgres(home, user)
        server.start()
        try:
            yield server
        finally:
            server.stop()
