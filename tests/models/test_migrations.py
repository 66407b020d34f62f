"""Migrations: the models' equals, repeatable, all or nothing, and one process at a time."""

import asyncio
import sys
from pathlib import Path

import pytest
from tortoise.exceptions import OperationalError

from models import database as db
from models import drafting, migrating
from models.catalogue import catalogue, catalogue_differences, expected
from models.configuring import configuration
from models.database import _connected, dialect, rows
from tests.models.samples import migration_package

ROOT = Path(__file__).parent.parent.parent
MIGRATE = """
import asyncio, sys
from models import database
async def main():
    await database.connect(sys.argv[1])
    print(len(await database.migrate()))
    await database.disconnect()
asyncio.run(main())
"""


async def test_the_migrations_say_what_the_models_say():
    assert [writer.as_string() for writer in await drafting.changes()] == []


async def test_a_model_that_has_no_migration_is_noticed(tmp_path, monkeypatch):
    """The negative control of the test above."""
    config = configuration("sqlite://unused")
    config["apps"]["models"]["migrations"] = migration_package(tmp_path, {}, monkeypatch)
    monkeypatch.setattr(drafting, "configuration", lambda url: config)
    (writer,) = await drafting.changes()
    assert "name='Member'" in writer.as_string()


async def test_the_database_has_exactly_the_declared_shape(database):
    assert await catalogue_differences() == []


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ("DROP INDEX consent_one_open", "consent unique (member_id, purpose) where withdrawn_at IS NULL"),
        (
            "DROP INDEX identifier_active_value",
            "identifier unique (namespace, scope, value_hash) where status = 'active'",
        ),
        ("DROP INDEX job_ready", "job index (run_at) where state = 'ready'"),
        ("DROP TABLE attribution", "attribution.member_id -> member.id on delete restrict"),
        ("ALTER TABLE job RENAME COLUMN fence TO fences", "job.fence count not null"),
    ],
)
async def test_whatever_is_missing_is_named(database, change, missing):
    await rows(change)
    assert f"missing: {missing}" in await catalogue_differences()


async def test_a_trigger_or_check_that_is_gone_is_named(database):
    if dialect() == "sqlite":
        await rows("DROP TRIGGER identity_event_no_update")
        expected = ["missing: identity_event trigger before update"]
    else:
        await rows("ALTER TABLE job DROP CONSTRAINT job_fence_check")
        await rows("ALTER TABLE identity_event DISABLE TRIGGER identity_event_no_truncate")
        expected = [
            "missing: identity_event trigger before truncate",
            "missing: job.fence count not null",
            "unexpected: identity_event trigger before truncate (disabled)",
            "unexpected: job.fence integer not null",
        ]
    assert await catalogue_differences() == expected


async def test_whatever_is_too_much_is_named(database):
    await db.script("CREATE TABLE stray (id INT NOT NULL PRIMARY KEY CHECK (id > 5))")
    assert await catalogue_differences() == [
        "unexpected: stray primary key (id)",
        "unexpected: stray.id check id > 5",
        "unexpected: stray.id integer not null",
    ]


def test_no_line_of_the_declared_shape_lacks_its_check():
    lines = expected("sqlite") | expected("postgres")
    bare = [line for line in lines if any(word in line for word in (" timestamp", " utctext", " jsonb", " jsontext"))]
    assert bare == []


async def test_migrating_again_does_nothing(database):
    before = await catalogue()
    assert await db.pending_migrations() == []
    assert await db.migrate() == []
    assert await catalogue() == before


async def test_an_empty_database_waits_for_all_of_them(database):
    await db.script("DROP TABLE tortoise_migrations")
    assert await db.pending_migrations() == migrating.names()


async def test_migrating_inside_a_transaction_is_refused(database):
    async with db.atomic():
        with pytest.raises(RuntimeError):
            await db.migrate()


async def test_a_migration_that_fails_leaves_nothing_and_is_not_recorded(database, tmp_path, monkeypatch):
    client = _connected().client
    broken = "samples.SHOP, samples.VISIT, both('CREATE INDEX i ON visit (nothing)')"
    package = migration_package(tmp_path, {"0001_x": broken}, monkeypatch)
    before = await catalogue()
    with pytest.raises(OperationalError):
        await migrating.migrate(client, "samples", package)
    assert await catalogue() == before
    assert await migrating.applied(client, "samples") == set()
    assert db.pool_in_use() == 0


async def test_two_processes_that_start_at_once_migrate_once(database_url):
    if database_url.startswith("sqlite"):
        pytest.skip("the second process is refused, see test_sqlite_file")
    await db.connect(database_url)
    await db.script("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await db.disconnect()
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATE, database_url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    outputs = [(await process.communicate())[0].strip() for process in processes]
    assert sorted(outputs) == [b"0", b"0", str(len(migrating.names())).encode()]


def test_drafting_says_when_there_is_nothing_to_draft(capsys):
    assert drafting.main([]) == 2
    assert drafting.main(["again"]) == 1
    assert "没有变化" in capsys.readouterr().out


async def test_nothing_is_ever_migrated_back():
    for operation in migrating.import_module("models.migrations.0002_guards").Migration.operations:
        with pytest.raises(ValueError):
            await operation.database_backward()
