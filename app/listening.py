"""Taking the port, and sleeping until somebody stops us."""

import asyncio
import logging
import os
import signal
import threading

from aiohttp import web

LATEST_END = 4.7  # seconds after the signal; a supervisor that waited longer would kill us

log = logging.getLogger(__name__)


class CannotListen(Exception):
    """The address cannot be listened on; `number` is the system's errno, 0 for an address that is none."""

    def __init__(self, host: str, port: int, number: int) -> None:
        super().__init__(f"cannot listen on {host}:{port} (errno {number})")
        self.host = host
        self.port = port
        self.number = number


async def listen(runner: web.BaseRunner, host: str, port: int) -> None:
    """Take connections from now on. Raises CannotListen."""
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as trouble:
        raise CannotListen(host, port, trouble.errno or 0) from trouble


async def until_signalled() -> None:
    """Sleep until SIGINT or SIGTERM. From then on the process has 4.7 s to end by itself; then it is ended, code 1."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await stopping.wait()
    # A thread, because what hangs may be the loop itself. It dies with a process that ends in order.
    watchdog = threading.Timer(LATEST_END, _end)
    watchdog.daemon = True
    watchdog.start()


def _end() -> None:
    log.error("ended_the_hard_way", extra={"seconds": LATEST_END})
    os._exit(1)
