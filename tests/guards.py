"""What no test may do or leave behind: talk to other hosts, Redis keys that live for ever, jobs that died unnoticed."""

import ipaddress
import socket
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import fakeredis
import redis as redis_client

from tests.servers import Maintenance

_DEAD_JOBS = "SELECT kind, key, last_error FROM job WHERE state = 'dead'"


class NotLoopback(AssertionError):
    """Somebody reached for another host. An AssertionError, so that no `except OSError` of ours swallows it."""


class Loopback:
    """While installed, sockets of this process connect to this machine only, and foreign names are not resolved."""

    def __init__(self) -> None:
        self._before = (socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo)

    def install(self) -> None:
        """Put the guard in front of the standard library's sockets."""
        connect, connect_ex, getaddrinfo = self._before

        def guarded_connect(self: socket.socket, address: Any) -> None:
            _require_loopback(self, address)
            return connect(self, address)

        def guarded_connect_ex(self: socket.socket, address: Any) -> int:
            _require_loopback(self, address)
            return connect_ex(self, address)

        def guarded_getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
            if host is not None and not _is_here(host):
                raise NotLoopback(f"a test looked up {host!r}")
            return getaddrinfo(host, *rest, **named)

        self._put(guarded_connect, guarded_connect_ex, guarded_getaddrinfo)

    def remove(self) -> None:
        """Put everything back."""
        self._put(*self._before)

    @staticmethod
    def _put(connect: Callable[..., Any], connect_ex: Callable[..., Any], getaddrinfo: Callable[..., Any]) -> None:
        socket.socket.connect = connect
        socket.socket.connect_ex = connect_ex
        socket.getaddrinfo = getaddrinfo


def _require_loopback(connection: socket.socket, address: Any) -> None:
    if connection.family in {socket.AF_INET, socket.AF_INET6} and not _is_here(address[0]):
        raise NotLoopback(f"a test connected to {address!r}")


def _is_here(host: str | bytes) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name in {"", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


class EmbeddedRedises:
    """Remembers every in-process Redis that is made, so that a test's own ones are looked at too."""

    def __init__(self) -> None:
        self._servers: weakref.WeakSet[fakeredis.FakeServer] = weakref.WeakSet()
        self._before = fakeredis.FakeServer.__init__

    def install(self) -> None:
        """Begin to remember."""
        before, servers = self._before, self._servers

        def remembered(self: fakeredis.FakeServer, *arguments: Any, **named: Any) -> None:
            before(self, *arguments, **named)
            servers.add(self)

        fakeredis.FakeServer.__init__ = remembered

    def remove(self) -> None:
        """Put everything back."""
        fakeredis.FakeServer.__init__ = self._before

    def everlasting(self) -> Iterator[str]:
        """Our keys without a time to live; afterwards the servers are forgotten."""
        for server in list(self._servers):
            for database in list(server.dbs.values()):
                for key, item in list(database._dict.items()):
                    if item.expireat is None and key.startswith(b"fanpiao"):
                        yield key.decode()
        self._servers.clear()


def everlasting_keys(url: str) -> list[str]:
    """Keys of a Redis server that have no time to live."""
    with redis_client.Redis.from_url(url) as client:
        return [key.decode(errors="replace") for key in client.scan_iter(count=1000) if client.ttl(key) == -1]


def dead_jobs_of_file(path: Path) -> list[str]:
    """Dead jobs in an SQLite database, seen through a connection of our own."""
    connection = sqlite3.connect(path, timeout=5)
    try:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'job'").fetchone():
            return []
        return ["|".join(map(str, row)) for row in connection.execute(_DEAD_JOBS)]
    finally:
        connection.close()


def dead_jobs_of_server(server: Maintenance, database: str) -> list[str]:
    """Dead jobs in a PostgreSQL database, seen through a connection of our own."""
    try:
        return ["|".join(map(str, row.values())) for row in server.rows_of(database, _DEAD_JOBS)]
    except (asyncpg.InvalidCatalogNameError, asyncpg.UndefinedTableError):  # asked first, it would cost every test
        return []
