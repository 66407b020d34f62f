"""The guards see what they are there for: each is shown once to catch its culprit."""

import socket
import sqlite3

import fakeredis
import pytest

from tests import guards

ELSEWHERE = ("192.0.2.1", 80)  # TEST-NET-1: belongs to nobody


def test_a_connection_to_another_host_is_refused():
    with socket.socket() as connection, pytest.raises(guards.NotLoopback):
        connection.connect(ELSEWHERE)


def test_a_quiet_connection_attempt_to_another_host_is_refused():
    with socket.socket() as connection, pytest.raises(guards.NotLoopback):
        connection.connect_ex(ELSEWHERE)


def test_looking_up_a_foreign_name_is_refused():
    with pytest.raises(guards.NotLoopback):
        socket.getaddrinfo("example.org", 443)


async def test_an_asynchronous_connection_to_another_host_is_refused():
    import asyncio

    with pytest.raises(guards.NotLoopback):
        await asyncio.open_connection(*ELSEWHERE)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_connections_to_this_machine_are_allowed(host):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with socket.create_connection((host, listening.getsockname()[1]), timeout=2) as connection:
            assert connection.getpeername()[0] == "127.0.0.1"


def test_unix_sockets_are_allowed(tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as connection:
        listening.bind(path)
        listening.listen()
        connection.connect(path)
        assert connection.getpeername() == path


async def test_an_everlasting_key_in_any_embedded_redis_is_found():
    embedded = guards.EmbeddedRedises()
    embedded.install()
    try:
        client = fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer(version=(6, 2)))
        await client.set("fanpiao:mortal", 1, ex=10)
        await client.set("fanpiao:everlasting", 1)
        assert list(embedded.everlasting()) == ["fanpiao:everlasting"]
        await client.flushall()
        await client.aclose()
    finally:
        embedded.remove()


def test_dead_jobs_are_found_in_sqlite(tmp_path):
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE job (kind, key, last_error, state)")
    connection.execute("INSERT INTO job VALUES ('greet', 'k1', 'boom', 'dead'), ('greet', 'k2', '', 'done')")
    connection.commit()
    connection.close()
    assert guards.dead_jobs_of_file(path) == ["greet|k1|boom"]
