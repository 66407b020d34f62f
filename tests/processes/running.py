"""Real processes of the house: `python -m app ...` on free loopback ports, watched and stopped from outside."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from simulator import Account, Platform, create_app
from tests.fakes import FIELD_KEYS, INDEX_KEY
from tests.processes.nursery import Child, Nursery
from tests.servers import free_port
from tests.stories.conftest import MP, OA

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0  # twenty times what it takes: the machine may have much else to do
STOPS_WITHIN = 10.0  # five seconds are promised; a machine that does much else may take as long to run what is to run
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_RUN = "import runpy; runpy.run_module('app', run_name='__main__', alter_sys=True)"


@dataclass(frozen=True)
class Finished:
    """A process that ended: its exit code, what it said, and the seconds from the signal (or the start) to its end."""

    code: int
    out: str
    err: str
    seconds: float


class Running:
    """One of our processes. Its output goes to files, so that a full pipe stops nothing."""

    def __init__(self, process: asyncio.subprocess.Process | Child, port: int, log: Path) -> None:
        self._process = process
        self._log = log
        self.port = port

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.returncode is not None

    @property
    def out(self) -> str:
        """What it said so far."""
        return self._log.with_suffix(".out").read_text(errors="replace")

    @property
    def err(self) -> str:
        """What it logged so far."""
        return self._log.with_suffix(".err").read_text(errors="replace")

    async def said(self, words: str, *, within: float = READY_SECONDS) -> None:
        """Wait until it says so. Raises AssertionError with all that it said instead."""
        deadline = time.monotonic() + within
        while words not in self.out:
            if self.has_ended or time.monotonic() > deadline:
                raise AssertionError(f"no {words!r} in: {self.out[-2000:]}{self.err[-2000:]}")
            await asyncio.sleep(0.02)

    async def is_listening(self) -> bool:
        """Whether anybody takes connections on its port."""
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            return True
        return False

    def send(self, number: signal.Signals) -> None:
        """Send a signal, wait for nothing."""
        self._process.send_signal(number)

    async def ended(self, *, within: float = 30.0) -> Finished:
        """Wait for its end. Raises TimeoutError."""
        since = time.monotonic()
        async with asyncio.timeout(within):
            code = await self._process.wait()
        return Finished(code, self.out, self.err, time.monotonic() - since)

    async def stop(self, how: signal.Signals = signal.SIGTERM, *, within: float = 30.0) -> Finished:
        """Send a signal and wait for the end. Raises TimeoutError."""
        self.send(how)
        return await self.ended(within=within)

    async def kill(self) -> None:
        """kill -9; nothing happens when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


@dataclass
class Site:
    """One installation: settings, the pretend platform, and the processes that were started for it."""

    home: Path
    platform: Platform
    environment: dict[str, str]
    port: int
    nursery: Nursery | None
    processes: list[Running] = field(default_factory=list)
    oa: Account = OA
    mp: Account = MP

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file, with the worker inside the server."""
        return self.environment["FANPIAO_DATABASE_URL"].startswith("sqlite")

    @property
    def database_url(self) -> str:
        """Where the data is."""
        return self.environment["FANPIAO_DATABASE_URL"]

    async def start(
        self,
        *arguments: str,
        port: int | None = None,
        planted: str = "",
        is_fresh: bool = False,
        **settings: str | None,
    ) -> Running:
        """`python -m app ...`, not waited for, after code that a test plants. A setting of None is left out.

        `is_fresh`: a Python of its own, for what is planted to come before everything is imported.
        """
        port = port or self.port
        environment = {**self.environment, "FANPIAO_PORT": str(port)}
        environment |= {f"FANPIAO_{name}": value for name, value in settings.items() if value is not None}
        for name in (name for name, value in settings.items() if value is None):
            environment.pop(f"FANPIAO_{name}", None)
        log = self.home / f"{len(self.processes)}-{arguments[0] if arguments else 'none'}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FANPIAO_")}
        environment = {**kept, "PYTHONPATH": str(ROOT), **environment}
        if is_fresh or self.nursery is None:
            process: asyncio.subprocess.Process | Child = await _spawn(arguments, environment, self.home, log, planted)
        else:
            process = self.nursery.spawn(arguments, environment, self.home, log, planted)
        running = Running(process, port, log)
        self.processes.append(running)
        return running

    async def run(self, *arguments: str, within: float = 60.0, **settings: str | None) -> Finished:
        """`python -m app ...` to its end."""
        return await (await self.start(*arguments, **settings)).ended(within=within)

    async def serve(self, *, port: int | None = None, planted: str = "", **settings: str | None) -> Running:
        """A server that answers."""
        server = await self.start("serve", port=port, planted=planted, **settings)
        await until_alive(server)
        return server

    async def work(self, *, planted: str = "", is_fresh: bool = False) -> Running:
        """A worker on its own."""
        worker = await self.start("worker", planted=planted, is_fresh=is_fresh)
        await worker.said("后台任务进程已启动")
        return worker

    async def worker_if_separate(self) -> Running | None:
        """What production needs beside the server; on SQLite the server has it inside."""
        return None if self.is_sqlite else await self.work()


async def _spawn(
    arguments: Sequence[str], environment: Mapping[str, str], home: Path, log: Path, planted: str
) -> asyncio.subprocess.Process:
    def die_with_us() -> None:  # so that even a killed test run leaves nothing behind
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))

    program = ["-c", f"{planted}\n{_RUN}"] if planted else ["-m", "app"]
    with log.with_suffix(".out").open("wb") as out, log.with_suffix(".err").open("wb") as err:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            *arguments,
            cwd=home,  # away from a developer's own .env and var/
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
            preexec_fn=die_with_us,
        )


async def until_alive(server: Running, *, path: str = "/healthz", within: float = READY_SECONDS) -> float:
    """Wait until `GET path` answers 200; the seconds it took. Raises AssertionError."""
    since = time.monotonic()
    while (await status_of(server, path)) != 200:
        if server.has_ended or time.monotonic() > since + within:
            raise AssertionError(f"did not answer: {server.out[-2000:]}{server.err[-2000:]}")
        await asyncio.sleep(0.03)
    return time.monotonic() - since


async def status_of(server: Running, path: str, *, headers: Mapping[str, str] | None = None) -> int:
    """The status of one GET on a connection of its own; 0 when nobody answers."""
    return (await get(server, path, headers=headers))[0]


async def get(server: Running, path: str, *, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of one GET on a connection of its own; 0 when nobody answers within 5 s."""
    limit = aiohttp.ClientTimeout(total=5)
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.get(f"{server.url}{path}", headers=headers) as answer,
        ):
            return answer.status, await answer.read()
    return 0, b""


def settings_of(database_url: str, redis_url: str, *, port: int, platform_port: int) -> dict[str, str]:
    """The environment of an operator of this installation."""
    plenty = "1000000"
    settings = {
        "PORT": str(port),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "FIELD_KEYS": FIELD_KEYS,
        "INDEX_KEY": INDEX_KEY,
        "BRAND__NAME": "江南书店",
        "WECHAT__API_URL": f"http://127.0.0.1:{platform_port}",
        "WECHAT__OA_APP_ID": OA.app_id,
        "WECHAT__OA_SECRET": OA.secret,
        "WECHAT__OA_TOKEN": OA.token,
        "WECHAT__OA_AES_KEY": OA.aes_key or "",
        "WECHAT__OA_ORIGINAL_ID": OA.original_id,
        "WECHAT__MP_APP_ID": MP.app_id,
        "WECHAT__MP_SECRET": MP.secret,
        "WECHAT__MP_TOKEN": MP.token,
        "RATE__MEMBER_PER_MINUTE": plenty,
        "RATE__ADDRESS_PER_MINUTE": plenty,
        "RATE__LOGIN_PER_MINUTE": plenty,
        "RATE__CHAT_PER_MINUTE": plenty,
    }
    return {f"FANPIAO_{name}": value for name, value in settings.items()}


@asynccontextmanager
async def installed(
    home: Path, database_url: str, redis_url: str, nursery: Nursery | None = None
) -> AsyncIterator[Site]:
    """An installation with its platform in this process; whatever was started for it is gone afterwards."""

    port, platform_port = free_port(), free_port()
    platform = Platform([OA, MP], backend=f"http://127.0.0.1:{port}")
    pretend = web.AppRunner(create_app(platform), access_log=None, shutdown_timeout=0.5)
    await pretend.setup()
    await web.TCPSite(pretend, "127.0.0.1", platform_port).start()
    environment = settings_of(database_url, redis_url, port=port, platform_port=platform_port)
    site = Site(home, platform, environment, port, nursery)
    try:
        yield site
    finally:
        for process in site.processes:
            await process.kill()
        await pretend.cleanup()


def a_socket_on(port: int) -> socket.socket:
    """Somebody else who took the port."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken
