"""Raw SQL: the same call with the same values gives the same rows on both databases."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from models.database import Both, as_instant, as_uuid, dialect, row, rows, script
from models.organizations import Organization
from models.outbox import Job
from models.sql import sqlite_sql, sqlite_values
from models.words import JobState

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class Plain(Enum):
    READY = "ready"


async def two_jobs() -> tuple[Job, Job]:
    return (
        await Job.create(kind="test", key="a", run_at=NOON),
        await Job.create(kind="test", key="b", run_at=NOON, state=JobState.DONE),
    )


async def test_values_find_what_the_orm_stored(database):
    first, second = await two_jobs()
    found = "SELECT id, key FROM job WHERE {} = $1"
    assert await rows(found.format("id"), first.id) == [{"id": first.id, "key": "a"}]
    assert len(await rows(found.format("run_at"), NOON)) == 2
    assert await rows(found.format("state"), JobState.DONE) == [{"id": second.id, "key": "b"}]
    assert await rows(found.format("state"), Plain.READY) == [{"id": first.id, "key": "a"}]


async def test_placeholders_may_come_in_any_order_and_again(database):
    await two_jobs()
    sql = "SELECT key FROM job WHERE key <> $2 AND (key = $1 OR key = $1) AND kind = $3"
    assert await rows(sql, "a", "b", "test") == [{"key": "a"}]


async def test_a_dollar_inside_a_text_is_no_placeholder(database):
    assert await row("SELECT 'costs $1, it''s $2' AS text, $1 AS value", "x") == {
        "text": "costs $1, it's $2",
        "value": "x",
    }


def test_translated_statements_are_remembered():
    assert sqlite_sql("SELECT $1, '$2', $10") == "SELECT ?1, '$2', ?10"
    before = sqlite_sql.cache_info().hits
    sqlite_sql("SELECT $1, '$2', $10")
    assert sqlite_sql.cache_info().hits == before + 1


async def test_a_statement_may_differ_between_the_databases(database):
    name = Both(postgres="SELECT 'postgres' AS name", sqlite="SELECT 'sqlite' AS name")
    assert await row(name) == {"name": dialect()}


async def test_an_empty_statement_gives_no_rows(database):
    assert await rows("") == []


async def test_a_write_says_by_returning_what_it_did(database):
    await two_jobs()
    taken = (
        "INSERT INTO cron_slot (id, created_at, name, slot) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING id"
    )
    first, again = UUID(int=1), UUID(int=2)
    assert await rows(taken, first, NOON, "n", "s") == [{"id": first}]
    assert await rows(taken, again, NOON, "n", "s") == []


async def test_expressions_are_read_through_the_helpers(database):
    first, _ = await two_jobs()
    found = await row("SELECT MAX(run_at) AS at, MAX(CAST(id AS TEXT)) AS id FROM job WHERE key = 'a'")
    assert found is not None
    assert (as_instant(found["at"]), as_uuid(found["id"])) == (NOON, first.id)


async def test_ids_that_are_missing_come_as_none(database):
    await Organization.create(code="root", name="省公司")
    assert await row("SELECT parent_id FROM organization") == {"parent_id": None}


async def test_the_first_row_or_none(database):
    assert await row("SELECT key FROM job") is None


async def test_lists_of_ids_and_instants_travel_as_json_to_sqlite(database):
    first, second = await two_jobs()
    among = Both(
        postgres="SELECT key FROM job WHERE id = ANY($1::uuid[]) AND run_at = ANY($2::timestamptz[]) ORDER BY key",
        sqlite="""SELECT key FROM job WHERE id IN (SELECT value FROM json_each($1))
            AND run_at IN (SELECT value FROM json_each($2)) ORDER BY key""",
    )
    assert await rows(among, [first.id, second.id], [NOON]) == [{"key": "a"}, {"key": "b"}]


def test_sqlite_gets_values_of_known_types_only():
    assert sqlite_values([True, None, date(2026, 5, 1), b"x", (1, 2)]) == [1, None, "2026-05-01", b"x", "[1,2]"]
    for unknown in (Decimal("1.5"), object(), {1, 2}):
        with pytest.raises(TypeError):
            sqlite_values([unknown])


async def test_wrong_sql_and_broken_constraints_are_told_apart(database):
    await two_jobs()
    with pytest.raises(OperationalError):
        await rows("SELECT nothing FROM job")
    with pytest.raises(IntegrityError):
        await rows("UPDATE job SET key = 'a' RETURNING key")


async def test_too_few_values_are_an_error(database):
    with pytest.raises(OperationalError):
        await rows("SELECT key FROM job WHERE key = $1 AND kind = $2", "a")


async def test_a_script_runs_all_of_its_statements(database):
    await script("CREATE TABLE one (a INT); INSERT INTO one VALUES (1); INSERT INTO one VALUES (2);")
    assert len(await rows("SELECT a FROM one")) == 2


async def test_a_write_behind_a_with_reaches_the_writer(database):
    await two_jobs()
    moved = await rows(
        "WITH chosen AS (SELECT id FROM job WHERE key = 'a')"
        " UPDATE job SET kind = 'moved' WHERE id IN (SELECT id FROM chosen) RETURNING key"
    )
    assert moved == [{"key": "a"}]
    assert await rows("WITH x AS (SELECT kind FROM job WHERE key = 'a') SELECT kind FROM x") == [{"kind": "moved"}]
