"""Writes that nobody waits for: sent as late as they may be, seen by whoever looks, all of them or none."""

import asyncio
import re

import pytest

from models import asyncpg_client, sqlite_client
from models.database import Both, atomic, put, row, rows, script
from models.failures import NotInTransaction, SerializationConflict
from models.writing import _BY_TRIGGER, Write, all_at_once, may_go_before, may_go_with
from tests.handlers.machine.failpoints import Failpoint, How
from tests.handlers.trips import counting_trips

ADD = "INSERT INTO family (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING RETURNING id"
ADD_CHILD = "INSERT INTO child (id, family_id) VALUES ($1, $2) RETURNING id"
ADD_PET = "INSERT INTO pet (id) VALUES ($1) RETURNING id"
RENAME = "UPDATE family SET name = $2 WHERE id = $1 RETURNING id"
TRIGGERS = Both(
    postgres="""SELECT c.relname AS "table", p.prosrc AS does FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal""",
    sqlite="SELECT tbl_name AS \"table\", substr(sql, instr(sql, 'BEGIN')) AS does FROM sqlite_master"
    " WHERE type = 'trigger'",
)


@pytest.fixture(autouse=True)
async def tables(database):
    for table in (
        "family (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "child (id INTEGER PRIMARY KEY, family_id INTEGER NOT NULL REFERENCES family (id))",
        "pet (id INTEGER PRIMARY KEY)",
    ):
        await script(f"CREATE TABLE {table}")


async def of(table: str) -> list[int]:
    return [each["id"] for each in await rows(f"SELECT id FROM {table} ORDER BY id")]


async def test_they_are_committed_with_the_rest_in_one_trip():
    with counting_trips() as trips:
        async with atomic():
            await put(ADD, 1, "Li")
            await put(ADD_CHILD, 2, 1)
            await put(ADD_PET, 3)
            before = trips.count
        assert before == 1  # BEGIN
    assert (await of("family"), await of("child"), await of("pet")) == ([1], [2], [3])
    assert trips.count <= 4  # sent once (PostgreSQL: for a connection, and on it), COMMIT


async def test_whoever_looks_sees_them():
    async with atomic():
        await put(ADD, 1, "Li")
        assert await of("pet") == []
        assert await of("family") == [1]
        await put(RENAME, 1, "Wang")
        assert await row("SELECT name FROM family") == {"name": "Wang"}


async def test_without_that_look_nobody_would(monkeypatch):
    """The negative control: a read that goes before whatever waits."""
    for client in (asyncpg_client, sqlite_client):
        monkeypatch.setattr(client, "may_go_before", lambda *_: True)
    async with atomic():
        await put(ADD, 1, "Li")
        assert await of("family") == []
    assert await of("family") == [1]


async def test_a_write_that_is_waited_for_comes_after_them():
    """It may refer to their rows without naming their table."""
    async with atomic():
        await put(ADD, 1, "Li")
        assert await rows(ADD_CHILD, 2, 1) == [{"id": 2}]


async def test_a_second_write_to_the_same_table_sees_the_first():
    async with atomic():
        await put(ADD, 1, "Li")
        await put(RENAME, 1, "Wang", count=1)
        await put(RENAME, 1, "Zhao", count=1)
    assert await row("SELECT name FROM family") == {"name": "Zhao"}


@pytest.mark.parametrize("beside", [True, False])
async def test_one_that_finds_something_else_undoes_all(beside):
    with pytest.raises(SerializationConflict, match="somebody was here"):
        async with atomic():
            await put(ADD_PET, 3)
            if not beside:
                assert await of("pet") == [3]
            await put(RENAME, 1, "Wang", count=1, conflict="somebody was here")
    assert await of("pet") == []


@pytest.mark.parametrize("beside", [True, False])
async def test_a_broken_rule_is_a_conflict_and_told_without_the_values(beside, caplog):
    async with atomic():
        await put(ADD_PET, 33_557)
    with pytest.raises(SerializationConflict):
        async with atomic():
            if beside:
                await put(ADD, 1, "Li")
            await put(ADD_PET, 33_557)
    assert await of("family") == []
    (told,) = [each for each in caplog.records if each.message == "write_broke_a_rule"]
    assert "pet" in told.detail
    assert "33557" not in told.detail


async def test_who_refers_to_what_was_not_written_is_in_conflict_too():
    async with atomic():
        await put(ADD, 1, "Li")
    with pytest.raises(SerializationConflict):
        async with atomic():
            await put(ADD, 1, "Wang", count=1, conflict="taken")
            await put(ADD_CHILD, 2, 7)
    assert await of("child") == []


async def test_an_undone_block_takes_its_own_along_and_no_others():
    async with atomic():
        await put(ADD, 1, "Li")
        with pytest.raises(LookupError):
            async with atomic():
                await put(ADD_PET, 3)
                raise LookupError
        async with atomic():
            await put(ADD_PET, 4)
    assert (await of("family"), await of("pet")) == ([1], [4])


async def test_what_fails_in_a_block_undoes_that_block_alone():
    async with atomic():
        await put(ADD, 1, "Li")
        with pytest.raises(SerializationConflict):
            async with atomic():
                await put(RENAME, 9, "nobody", count=1)
        await put(ADD_PET, 4)
    assert (await of("family"), await of("pet")) == ([1], [4])


async def test_rolled_back_they_were_never_sent():
    with pytest.raises(LookupError):
        async with atomic():
            await put(ADD_CHILD, 2, 404)
            raise LookupError
    assert await of("child") == []


async def test_cancelled_while_they_are_sent_nothing_of_it_stands():
    async def act() -> None:
        async with atomic():
            await put(ADD, 1, "Li")
            await put(ADD_PET, 3)

    broken = Failpoint(How.CANCEL, 0)
    assert isinstance(await broken.strikes(act), asyncio.CancelledError)
    assert broken.has_struck
    assert (await of("family"), await of("pet")) == ([], [])
    await act()
    assert await of("pet") == [3]


async def test_outside_of_a_transaction_there_is_nothing_to_wait_for():
    with pytest.raises(NotInTransaction):
        await put(ADD_PET, 3)


async def test_one_that_does_not_say_what_it_did_is_a_mistake():
    async with atomic():
        for sql in ("DELETE FROM pet", "SELECT id FROM pet FOR UPDATE"):
            with pytest.raises(ValueError, match="no write that says"):
                await put(sql)


async def test_what_triggers_write_is_known():
    found: dict[str, set[str]] = {}
    for each in await rows(TRIGGERS):
        for into in re.findall(r"(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)", each["does"]):
            found.setdefault(each["table"], set()).add(into)
    assert found == {table: {into} for table, into in _BY_TRIGGER.items()}


@pytest.mark.parametrize(
    ("sql", "may"),
    [
        ("SELECT id FROM pet", True),
        ("SELECT id FROM pet FOR UPDATE", True),
        ("WITH p AS (SELECT id FROM pet) SELECT id FROM p", True),
        ("SELECT c.id FROM child c JOIN family f ON f.id = c.family_id", False),
        ("SELECT id FROM settlement_entry", False),
        (ADD_PET, False),
        ("WITH p AS (DELETE FROM pet RETURNING id) SELECT id FROM p", False),
    ],
)
def test_which_statements_go_before(sql, may):
    waiting = [Write(ADD, (), None, ""), Write("INSERT INTO redemption VALUES ($1) RETURNING id", (), None, "")]
    assert may_go_before(sql, waiting) is may


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("INSERT INTO a (id) SELECT id FROM b FOR UPDATE RETURNING id", "a"),
        ("INSERT INTO a (id) SELECT id FROM b FOR NO KEY UPDATE OF b RETURNING id", "a"),
        ("INSERT INTO a (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET n = 1 RETURNING id", "a"),
        ("\n UPDATE a\n SET n = 1 RETURNING id", "a"),
        ("DELETE FROM a WHERE id = $1 RETURNING id", "a"),
    ],
)
def test_which_table_a_write_changes(sql, table):
    waiting = [Write(sql, (), None, "")]
    assert not may_go_with(f"SELECT 1 FROM {table}", waiting)
    assert may_go_with("SELECT 1 FROM OF SET KEY", waiting) is True


def test_placeholders_are_numbered_on():
    sql = all_at_once(("UPDATE a SET n = $2 WHERE id = $1 OR m = $2", "DELETE FROM b WHERE id = $1"))
    assert sql == (
        "WITH w0 AS (UPDATE a SET n = $2 WHERE id = $1 OR m = $2), w1 AS (DELETE FROM b WHERE id = $3) "
        "SELECT (SELECT count(*) FROM w0) AS w0, (SELECT count(*) FROM w1) AS w1"
    )
