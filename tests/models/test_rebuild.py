"""Changing a CHECK on a table with children, triggers, partial uniques and rows keeps all of it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from models import migrating
from models.catalogue import catalogue
from models.database import _connected, atomic, dialect, row, rows
from tests.models.samples import migration_package

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIRST = "samples.SHOP, samples.VISIT, samples.LOG, *samples.GUARDS"
ALTERED = "ops.AlterField('Shop', 'rate_bp', samples.HalfRateField(null=True))"
POSTGRES = """[
    'ALTER TABLE shop DROP CONSTRAINT IF EXISTS shop_rate_bp_check',
    'ALTER TABLE shop ADD CONSTRAINT shop_rate_bp_check CHECK (rate_bp >= 0 AND rate_bp <= 5000)',
]"""
REBUILT = f"RebuildTable('Shop', [{ALTERED}], postgres={POSTGRES})"

Migrate = Callable[..., Awaitable[list[str]]]


@pytest.fixture
async def migrated(database, tmp_path, monkeypatch) -> Migrate:
    """Apply migrations made of these operations to the connected database."""

    async def apply(**migrations: str) -> list[str]:
        named = {f"000{name[-1]}_x": each for name, each in migrations.items()}
        package = migration_package(tmp_path, named, monkeypatch)
        return await migrating.migrate(_connected().client, "samples", package)

    return apply


async def shops() -> list[str]:
    return [line for line in await catalogue() if line.startswith(("shop", "visit"))]


async def some_rows() -> None:
    insert = """
        INSERT INTO shop (id, name, city, street, status, visit_count, rate_bp, opened_at, notes, parent_id)
        VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9) RETURNING id
    """
    await rows(insert, 1, "一店", "杭州", "文一路", "open", 100, NOON, {"a": 1}, None)
    await rows(insert, 2, "二店", "杭州", "文二路", "shut", None, NOON, {}, 1)
    for visit in (1, 2, 3):
        await rows("INSERT INTO visit (id, shop_id, paid_fen) VALUES ($1, 1, 5) RETURNING id", visit)


class WentThrough(Exception):
    """Undoes a statement that was not refused."""


async def refused(sql: str) -> bool:
    async def undone() -> None:
        async with atomic():
            await rows(sql)
            raise WentThrough

    with pytest.raises((IntegrityError, WentThrough)) as outcome:
        await undone()
    return outcome.type is IntegrityError


async def test_a_rebuilt_table_has_the_new_check_and_keeps_the_rest(migrated):
    await migrated(m1=FIRST)
    await some_rows()
    before = await shops()
    rows_before = await rows("SELECT * FROM shop ORDER BY id"), await rows("SELECT * FROM visit ORDER BY id")
    assert await migrated(m1=FIRST, m2=REBUILT) == ["0002_x"]
    after = await shops()
    assert set(before) - set(after) == {"shop.rate_bp basis points null"}
    assert len(set(after) - set(before)) == 2  # the bare type, and the CHECK that no field of ours has
    assert rows_before == (await rows("SELECT * FROM shop ORDER BY id"), await rows("SELECT * FROM visit ORDER BY id"))
    assert await refused("UPDATE shop SET rate_bp = 5001 RETURNING id")
    assert not await refused("UPDATE shop SET rate_bp = 5000 RETURNING id")
    assert await refused("UPDATE shop SET visit_count = -1 RETURNING id")
    assert await refused("UPDATE shop SET status = 'open' WHERE id = 2 RETURNING id")  # the partial unique
    assert await refused("UPDATE shop SET name = '一店' WHERE id = 2 RETURNING id")
    assert await refused("DELETE FROM shop WHERE id = 2 RETURNING id")  # the trigger
    assert await refused(
        "INSERT INTO visit (id, shop_id, paid_fen) VALUES (9, 99, 1) RETURNING id"
    )  # the children's key
    await rows("INSERT INTO visit (id, shop_id, paid_fen) VALUES (4, 1, 5) RETURNING id")
    assert await row("SELECT visit_count FROM shop WHERE id = 1") == {"visit_count": 4}  # the children's trigger


async def test_rows_that_break_the_new_check_stop_the_migration_and_nothing_changes(migrated):
    await migrated(m1=FIRST)
    await some_rows()
    await rows("UPDATE shop SET rate_bp = 9000 WHERE id = 1 RETURNING id")
    before = await catalogue(), await rows("SELECT * FROM shop ORDER BY id")
    with pytest.raises(IntegrityError):
        await migrated(m1=FIRST, m2=REBUILT)
    assert before == (await catalogue(), await rows("SELECT * FROM shop ORDER BY id"))
    async with atomic():
        if dialect() == "sqlite":
            assert await rows("PRAGMA foreign_keys") == [{"foreign_keys": 1}]
    await rows("UPDATE shop SET rate_bp = 1 WHERE id = 1 RETURNING id")
    assert await migrated(m1=FIRST, m2=REBUILT) == ["0002_x"]


async def test_values_are_converted_on_the_way(migrated):
    await migrated(m1=FIRST)
    await some_rows()
    await rows("UPDATE shop SET rate_bp = 9000 WHERE id = 1 RETURNING id")
    halved = REBUILT.replace("postgres=[", "postgres=['UPDATE shop SET rate_bp = rate_bp / 2',")
    await migrated(m1=FIRST, m2=halved[:-1] + ", copy={'rate_bp': 'rate_bp / 2'})")
    assert await rows("SELECT rate_bp FROM shop ORDER BY id") == [{"rate_bp": 4500}, {"rate_bp": None}]


async def test_columns_come_and_go_and_get_their_values(migrated):
    await migrated(m1=FIRST)
    await some_rows()
    changes = "[ops.AddField('Shop', 'label', fields.CharField(max_length=64)), ops.RemoveField('Shop', 'notes')]"
    postgres = [
        "ALTER TABLE shop ADD COLUMN label VARCHAR(64)",
        "UPDATE shop SET label = city || name",
        "ALTER TABLE shop ALTER COLUMN label SET NOT NULL, DROP COLUMN notes",
    ]
    before = set(await shops())
    await migrated(
        m1=FIRST, m2=f"RebuildTable('Shop', {changes}, postgres={postgres}, copy={{'label': 'city || name'}})"
    )
    after = set(await shops())
    assert (after - before, before - after) == ({"shop.label varchar(64) not null"}, {"shop.notes json not null"})
    assert await rows("SELECT label FROM shop ORDER BY id") == [{"label": "杭州一店"}, {"label": "杭州二店"}]


async def test_a_migration_that_would_orphan_rows_is_undone(migrated):
    if dialect() != "sqlite":
        pytest.skip("PostgreSQL keeps its foreign keys on")
    await migrated(m1=FIRST)
    await some_rows()
    lost = f'{REBUILT}, both("UPDATE visit SET shop_id = 77 WHERE id = 1")'
    with pytest.raises(IntegrityError):
        await migrated(m1=FIRST, m2=lost)
    assert await rows("SELECT shop_id FROM visit WHERE id = 1") == [{"shop_id": 1}]


async def test_tortoises_own_change_of_a_column_loses_what_hangs_on_the_table(migrated):
    """The negative control: why there is an operation of our own."""
    await migrated(m1=FIRST)
    await some_rows()
    before = set(await shops())
    if dialect() == "postgres":
        with pytest.raises(OperationalError):  # ALTER COLUMN TYPE takes no CHECK
            await migrated(m1=FIRST, m2=ALTERED)
        assert set(await shops()) == before
        return
    await rows("DROP TRIGGER visit_counted")  # with it, Tortoise's renaming fails outright
    await rows("UPDATE shop SET parent_id = NULL RETURNING id")  # with RESTRICT children, its DROP fails outright
    await migrated(m1=FIRST, m2=ALTERED)
    lost = before - set(await shops())
    assert {
        "shop unique (city) where status = 'open'",
        "shop unique (city, street)",
        "shop trigger before delete",
        "shop index (street)",
    } <= lost
    assert await rows("SELECT id FROM visit") == []  # dropping the old table deleted the children
