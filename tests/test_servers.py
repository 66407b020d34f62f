"""The throw-away servers start as production would run them, and are gone afterwards."""

import contextlib
import os
from collections.abc import Iterator

import pytest

from tests import guards
from tests.servers import (
    Maintenance,
    PostgresServer,
    free_port,
    postgres_programs,
    postgres_server,
    redis_server,
)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server(max_connections=20, in_memory=True) as started:
        yield started


def test_a_postgres_of_our_own_starts_with_fsync_and_stops():
    with postgres_server(max_connections=20) as server:
        assert server.sql("SHOW fsync") == ["on"]
        assert server.sql("SHOW full_page_writes") == ["on"]
        pid = server.pid
        assert is_alive(pid)
    assert not is_alive(pid)


def test_a_failing_test_still_stops_its_postgres():
    pids = []

    def fails() -> None:
        with postgres_server(max_connections=20) as server:
            pids.append(server.pid)
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    assert not is_alive(pids[0])


def test_a_wrong_statement_is_told_with_its_reason(server):
    with pytest.raises(RuntimeError, match="does not exist"):
        server.sql("SELECT * FROM nowhere")


def test_a_redis_of_our_own_starts_empty_and_stops():
    with redis_server() as url, guards.redis_client.Redis.from_url(url) as client:
        assert client.dbsize() == 0
        pid = client.info("server")["process_id"]
    assert not is_alive(pid)


def test_keys_without_a_time_to_live_are_found_on_a_server():
    with redis_server() as url:
        with guards.redis_client.Redis.from_url(url) as client:
            client.set("fanpiao:mortal", 1, ex=10)
            client.set("fanpiao:everlasting", 1)
        assert guards.everlasting_keys(url) == ["fanpiao:everlasting"]


def test_the_programs_of_postgres_are_found_without_a_path(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert (postgres_programs() / "initdb").is_file()


def test_a_free_port_is_free_to_bind():
    assert 1024 < free_port() < 65536


def test_dead_jobs_are_found_in_postgres(server):
    with contextlib.closing(Maintenance(server)) as maintenance:
        assert guards.dead_jobs_of_server(maintenance, "postgres") == []
        _job_table(server)
        assert guards.dead_jobs_of_server(maintenance, "postgres") == ["greet|k1|boom"]
        assert guards.dead_jobs_of_server(maintenance, "dropped_by_a_test") == []


def _job_table(server: PostgresServer) -> None:
    server.sql("CREATE TABLE job (kind text, key text, last_error text, state text)")
    server.sql("INSERT INTO job VALUES ('greet', 'k1', 'boom', 'dead'), ('greet', 'k2', '', 'done')")
