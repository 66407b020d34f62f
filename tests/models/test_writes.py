"""Writes that wait go out together, before whatever could see that they are missing."""

import pytest

from models.asyncpg_client import PostgresTransaction
from models.database import NotInTransaction, atomic, dialect, put, rows, script
from models.failures import SerializationConflict
from models.writes import together

ADD = "INSERT INTO thing (id, word) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING RETURNING id"
NOTE = "INSERT INTO note (id, thing_id) VALUES ($1, $2) RETURNING id"
RENAME = "UPDATE thing SET word = $2 WHERE id = $1 RETURNING id"
LOST = SerializationConflict("somebody else has it")


@pytest.fixture
async def things(database):
    await script("CREATE TABLE thing (id BIGINT PRIMARY KEY, word TEXT)")
    await script("CREATE TABLE note (id BIGINT PRIMARY KEY, thing_id BIGINT NOT NULL REFERENCES thing(id))")


@pytest.fixture
def trips(monkeypatch):
    """How many writes went out each time."""
    sent = []
    plain = PostgresTransaction._send

    async def counted(self, connection):
        if self._waiting:
            sent.append(len(self._waiting))
        await plain(self, connection)

    monkeypatch.setattr(PostgresTransaction, "_send", counted)
    return sent


async def words() -> dict[int, str]:
    return {each["id"]: each["word"] for each in await rows("SELECT id, word FROM thing ORDER BY id")}


def test_several_statements_become_one_with_placeholders_of_its_own():
    said = together(
        (("INSERT INTO a VALUES ($1, $2) RETURNING 1", 2), ("INSERT INTO b VALUES ($2, $1) RETURNING 1", 2))
    )
    assert said == (
        "WITH w0 AS (INSERT INTO a VALUES ($1, $2) RETURNING 1), w1 AS (INSERT INTO b VALUES ($4, $3) RETURNING 1) "
        "SELECT (SELECT count(*) FROM w0) AS w0, (SELECT count(*) FROM w1) AS w1"
    )


async def test_they_are_there_after_the_commit_and_went_in_one_trip(things, trips):
    async with atomic():
        await put(ADD, 1, "one", least=1, otherwise=LOST)
        await put(NOTE, 10, 1)  # its foreign key is looked at when both are done
    assert await words() == {1: "one"}
    assert len(await rows("SELECT id FROM note")) == 1
    assert trips == ([2] if dialect() == "postgres" else [])


async def test_whoever_reads_sees_them(things):
    async with atomic():
        await put(ADD, 1, "one")
        assert await words() == {1: "one"}


async def test_the_same_write_twice_is_done_twice(things, trips):
    async with atomic():
        await put(ADD, 1, "one")
        await put(RENAME, 1, "uno")
    assert await words() == {1: "one" if dialect() == "postgres" else "uno"}  # which is why no write may read another's
    async with atomic():
        await put(RENAME, 1, "eins")
        await put(RENAME, 1, "un", least=1, otherwise=LOST)
    assert await words() == {1: "un"}


@pytest.mark.parametrize("more", [False, True])
async def test_what_was_not_written_undoes_everything(things, more):
    await rows(ADD, 1, "one")
    with pytest.raises(SerializationConflict, match="somebody else"):
        async with atomic():
            await put(ADD, 2, "two")
            await put(NOTE, 10, 1)
            await put(ADD.replace("thing (id, word)", "thing  (id, word)"), 1, "again", least=1, otherwise=LOST)
            if more:
                await words()
    assert await words() == {1: "one"}
    assert await rows("SELECT id FROM note") == []


async def test_a_refused_write_at_the_commit_leaves_the_connection_whole(things):
    for number in range(30):  # more than the pool has
        with pytest.raises(Exception, match=r"(?i)foreign key|violates"):
            async with atomic():
                await put(NOTE, number, 999)
    async with atomic():
        await put(ADD, 1, "one")
    assert await words() == {1: "one"}


async def test_a_block_that_is_undone_takes_its_own_along_and_no_others(things):
    async with atomic():
        await put(ADD, 1, "one")
        with pytest.raises(ZeroDivisionError):
            async with atomic():
                await put(ADD, 2, "two")
                raise ZeroDivisionError
        await put(ADD, 3, "three")
    assert await words() == {1: "one", 3: "three"}


async def test_outside_of_a_transaction_nothing_waits(things):
    with pytest.raises(NotInTransaction):
        await put(ADD, 1, "one")
