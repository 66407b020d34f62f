"""Reads beside each other: one trip for all that is asked at the same time, each answer as it would be alone."""

import asyncio
import contextvars
from datetime import UTC, datetime
from uuid import UUID

import pytest
from tortoise.exceptions import OperationalError

from models.database import Both, atomic, dialect, put, row, rows, script, together
from models.failures import LockTimeout
from models.reading import side_by_side
from tests.handlers.machine.failpoints import Failpoint, How
from tests.handlers.trips import counting_trips

PET = UUID("0197a000-0000-7000-8000-000000000001")
BORN = datetime(2026, 3, 2, 12, 30, 0, 123456, tzinfo=UTC)
ADD = "INSERT INTO pet (id, name, age, likes, is_tame, born_at, owner) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id"
NAMED = "SELECT name FROM pet WHERE name >= $1 AND name <= $2 ORDER BY name DESC"
ALL = "SELECT * FROM pet ORDER BY name"


@pytest.fixture(autouse=True)
async def pets(database):
    kinds = {"postgres": ("uuid", "jsonb", "timestamptz"), "sqlite": ("CHAR(36)", "JSON", "TIMESTAMP")}
    key, json, instant = kinds[dialect()]
    await script(
        f"CREATE TABLE pet (id {key} PRIMARY KEY, name TEXT NOT NULL, age BIGINT, likes {json}, is_tame BOOL,"
        f" born_at {instant}, owner {key})"
    )
    await rows(ADD, PET, "Mao", 3, {"food": ["fish", 1]}, True, BORN, None)
    for number, name in enumerate(("An", "Bo"), start=2):
        await rows(ADD, UUID(int=number), name, None, [], False, BORN, PET)


async def named(first: str, last: str) -> list[str]:
    return [each["name"] for each in await rows(NAMED, first, last)]


async def test_each_gets_what_it_would_get_alone():
    alone = await rows(ALL), await named("A", "B"), await row("SELECT count(*) AS n FROM pet WHERE age > $1", 9)
    for _ in range(2):  # first the columns are asked for
        beside = await together(rows(ALL), named("A", "B"), row("SELECT count(*) AS n FROM pet WHERE age > $1", 9))
        assert beside == alone
    assert [{name: type(value) for name, value in each.items()} for each in beside[0]] == [
        {name: type(value) for name, value in each.items()} for each in alone[0]
    ]


async def test_what_is_empty_is_empty():
    nothing = "SELECT id FROM pet WHERE age > 99"
    assert await together(rows(nothing), row(nothing), rows(Both(postgres="", sqlite=""))) == ([], None, [])


async def test_they_take_one_trip_and_one_who_asks_again_goes_on_beside_the_others():
    async def who_has(name: str) -> list[str]:
        (found,) = await rows("SELECT id FROM pet WHERE name = $1", name)
        return [each["name"] for each in await rows("SELECT name FROM pet WHERE owner = $1 ORDER BY name", found["id"])]

    async with atomic():
        with counting_trips() as trips:
            assert await together(named("A", "C"), named("M", "N"), named("X", "Z")) == (["Bo", "An"], ["Mao"], [])
        assert trips.count == 1
        with counting_trips() as trips:
            assert await together(who_has("Mao"), who_has("An"), named("A", "B")) == (["An", "Bo"], [], ["An"])
        assert trips.count == 2
        with counting_trips() as trips:
            await named("A", "C"), await named("M", "N"), await named("X", "Z")
        assert trips.count == 3  # the control


async def test_it_needs_no_transaction():
    assert await together(named("A", "B"), named("M", "N")) == (["An"], ["Mao"])


async def test_they_see_what_waits_to_be_written():
    async with atomic():
        await put("UPDATE pet SET name = $2 WHERE id = $1 RETURNING id", PET, "Mimi")
        assert await together(named("M", "N"), row("SELECT 1 AS one")) == (["Mimi"], {"one": 1})


async def test_one_that_writes_is_refused_and_nothing_is_written():
    async with atomic():
        with pytest.raises(ValueError, match="only what reads"):
            await together(named("A", "B"), rows("DELETE FROM pet RETURNING id"))
        assert len(await rows(ALL)) == 3  # and the transaction goes on


async def test_one_that_waits_for_anything_else_is_refused():
    async def sleeps() -> None:
        await asyncio.sleep(0)

    async with atomic():
        with pytest.raises(TypeError):
            await together(named("A", "B"), sleeps())
        assert await named("A", "B") == ["An"]


async def test_what_one_raises_is_raised_and_the_others_end():
    ended = []

    async def careful() -> None:
        try:
            await named("A", "B")
            await named("A", "B")
        finally:
            ended.append(True)

    async def refuses() -> None:
        await named("A", "B")
        raise LookupError("no such pet")

    async with atomic():
        with pytest.raises(LookupError, match="no such pet"):
            await together(careful(), refuses())
        assert ended == [True]
        assert await named("A", "B") == ["An"]


async def test_a_statement_that_is_wrong_says_so():
    with pytest.raises(OperationalError):
        await together(named("A", "B"), rows("SELECT nothing FROM pet"))
    assert await named("A", "B") == ["An"]


@pytest.mark.parametrize("how", [How.ABORT, How.CANCEL])
async def test_whoever_is_stopped_meanwhile_leaves_the_connection_free(how):
    async def look() -> None:
        async with atomic():
            await together(named("A", "B"), named("M", "N"))

    failpoint = Failpoint(how, 0)  # all that they ask is one statement
    assert await failpoint.strikes(look) is not None
    assert failpoint.has_struck
    async with asyncio.timeout(2):
        await look()


async def test_what_locks_locks_beside_others_too():
    if dialect() == "sqlite":
        pytest.skip("SQLite has one writer: nothing is locked by a row")

    async def other() -> None:
        async with atomic():
            await rows("SET LOCAL lock_timeout = 100")
            await rows("SELECT id FROM pet WHERE id = $1 FOR UPDATE", PET)

    async with atomic():
        await together(rows("SELECT id FROM pet WHERE id = $1 FOR UPDATE", PET), named("A", "B"))
        with pytest.raises(LockTimeout):
            await asyncio.create_task(other(), context=contextvars.Context())  # not in this transaction
    await other()


def test_placeholders_are_numbered_on():
    assert side_by_side(("SELECT $1, $2", "SELECT $1")) == (
        "WITH r0 AS (SELECT $1, $2), r1 AS (SELECT $3)"
        " SELECT (SELECT array_agg(r0) FROM r0) AS r0, (SELECT array_agg(r1) FROM r1) AS r1"
    )
