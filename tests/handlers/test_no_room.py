"""A database that is full, or takes no writes any more: refused for now, in everybody's words, and over when it is."""

import sqlite3

import asyncpg
import pytest

from handlers.errors import DomainError, Overloaded
from handlers.retrying import DatabaseBusy
from models import asyncpg_client, database, sqlite_client
from models.database import dialect, rows
from models.failures import DatabaseUnavailable
from tests.handlers.claimable import an_offer


async def test_a_full_database_refuses_for_now_and_goes_on_when_there_is_room(rooms):
    if dialect() != "sqlite":
        pytest.skip("a disk of PostgreSQL's own cannot be filled here; its words are looked at below")
    offer, ming = await an_offer(rooms.clock.now(), stock=None, limits=()), await rooms.member("o-ming")
    (pages,) = await rows("SELECT page_count AS count FROM pragma_page_count")
    await rows(f"PRAGMA max_page_count = {pages['count']}")
    done, refused = 0, []
    for number in range(300):
        try:
            await rooms.handlers.claiming.claim(ming, offer_id=offer.id, request_id=f"k{number}")
            done += 1
        except DomainError as refusal:
            refused.append(refusal)
    assert refused
    assert {type(refusal) for refusal in refused} <= {Overloaded, DatabaseBusy}
    (there,) = await rows("SELECT count(*) AS count FROM claim")
    assert there["count"] == done  # nothing that was refused is there
    await rows("PRAGMA max_page_count = 1000000")
    await rooms.handlers.claiming.claim(ming, offer_id=offer.id, request_id="k299")


@pytest.mark.parametrize(
    "error",
    [asyncpg.DiskFullError, asyncpg.OutOfMemoryError, asyncpg.ReadOnlySQLTransactionError],
)
def test_postgresql_without_room_or_after_a_failover_is_away(error):
    assert isinstance(asyncpg_client.translated(error("no room")), DatabaseUnavailable)


@pytest.mark.parametrize("words", ["database or disk is full", "attempt to write a readonly database"])
def test_sqlite_without_room_is_away(words):
    assert isinstance(sqlite_client.translated(sqlite3.OperationalError(words)), DatabaseUnavailable)


async def test_a_database_that_takes_no_writes_is_not_ready(database_url):
    if dialect_of(database_url) != "postgres":
        pytest.skip("SQLite has no standby")
    for is_standby in (False, True):
        await database.connect(database_url, read_only=is_standby)
        try:
            if is_standby:
                with pytest.raises(DatabaseUnavailable):
                    await database.require_writable()
            else:
                await database.require_writable()
        finally:
            await database.disconnect()


def dialect_of(url: str) -> str:
    return url.partition(":")[0]
