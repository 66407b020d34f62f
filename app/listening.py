"""Taking the port, and sleeping until somebody stops us."""

import asyncio
import errno
import logging
import os
import signal
import threading

from aiohttp import web

LATEST_END = 4.7  # seconds after the signal; a supervisor that waited longer would kill us

log = logging.getLogger(__name__)


class CannotListen(Exception):
    """The address cannot be listened on; the text says what to do."""

    def __init__(self, host: str, port: int, trouble: OSError) -> None:
        if trouble.errno == errno.EADDRINUSE:
            super().__init__(f"端口 {port} 已被占用（{host}）。请停掉占用它的程序，或用 FANPIAO_PORT 换一个。")
        else:
            super().__init__(f"不能监听 {host}:{port}。请检查 FANPIAO_HOST 和 FANPIAO_PORT。")


async def listen(runner: web.BaseRunner, host: str, port: int) -> None:
    """Take connections from now on. Raises CannotListen."""
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as trouble:
        raise CannotListen(host, port, trouble) from trouble


def hear_signals() -> asyncio.Event:
    """From now on SIGINT and SIGTERM set this: to be called before anybody is told that the process has started."""
    heard, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, heard.set)
    return heard


async def until_signalled(heard: asyncio.Event | None = None, *, latest_end: float | None = None) -> None:
    """Sleep until SIGINT or SIGTERM. The process may then take `latest_end` seconds to end by itself, or is ended."""
    await (heard or hear_signals()).wait()
    if latest_end is not None:
        # A thread, because what hangs may be the loop itself. It dies with a process that ends in order.
        watchdog = threading.Timer(latest_end, _end)
        watchdog.daemon = True
        watchdog.start()


def _end() -> None:
    log.error("ended_the_hard_way")
    os._exit(1)
