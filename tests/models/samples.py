"""A small schema of its own, for tests that change tables: shops with visits, and all that can hang on a table."""

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest
from tortoise import fields
from tortoise.migrations import operations as ops

from models.fields import BasisPointField, CountField, FenField, JsonField, UtcField
from models.operations import RunSqlOn, both

SHOP = ops.CreateModel(
    name="Shop",
    fields=[
        ("id", fields.IntField(primary_key=True, generated=False)),
        ("name", fields.CharField(max_length=32, unique=True)),
        ("city", fields.CharField(max_length=32)),
        ("street", fields.CharField(max_length=32, db_index=True)),
        ("status", fields.CharField(max_length=32)),
        ("visit_count", CountField()),
        ("rate_bp", BasisPointField(null=True)),
        ("opened_at", UtcField()),
        ("notes", JsonField()),
        (
            "parent",
            fields.ForeignKeyField("samples.Shop", null=True, on_delete=fields.RESTRICT, related_name="branches"),
        ),
    ],
    options={"table": "shop", "app": "samples", "pk_attr": "id", "unique_together": (("city", "street"),)},
)
VISIT = ops.CreateModel(
    name="Visit",
    fields=[
        ("id", fields.IntField(primary_key=True, generated=False)),
        ("shop", fields.ForeignKeyField("samples.Shop", on_delete=fields.CASCADE, related_name="visits")),
        ("paid_fen", FenField()),
    ],
    options={"table": "visit", "app": "samples", "pk_attr": "id"},
)
LOG = both("CREATE TABLE shop_log (act VARCHAR(64) NOT NULL)")
GUARDS = [
    both("CREATE UNIQUE INDEX shop_one_open ON shop (city) WHERE status = 'open'"),
    RunSqlOn(
        sqlite=[
            """CREATE TRIGGER shop_kept BEFORE DELETE ON shop
            BEGIN SELECT RAISE(ABORT, 'shops stay'); END""",
            # A trigger of another table that mentions the shop: renaming must survive it.
            """CREATE TRIGGER visit_counted AFTER INSERT ON visit
            BEGIN UPDATE shop SET visit_count = visit_count + 1 WHERE id = NEW.shop_id; END""",
        ],
        postgres=[
            """CREATE FUNCTION shop_kept() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'shops stay' USING ERRCODE = 'restrict_violation'; END $$""",
            "CREATE TRIGGER shop_kept BEFORE DELETE ON shop FOR EACH ROW EXECUTE FUNCTION shop_kept()",
            """CREATE FUNCTION visit_counted() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN UPDATE shop SET visit_count = visit_count + 1 WHERE id = NEW.shop_id; RETURN NEW; END $$""",
            "CREATE TRIGGER visit_counted AFTER INSERT ON visit FOR EACH ROW EXECUTE FUNCTION visit_counted()",
        ],
    ),
]


class HalfRateField(BasisPointField):
    """The changed column: at most half."""

    condition = "{column} >= 0 AND {column} <= 5000"
    sqlite_condition = "typeof({column}) IN ('integer', 'null') AND {column} BETWEEN 0 AND 5000"


_numbers = itertools.count(1)
_MIGRATION = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from models.operations import both
from models.rebuild import RebuildTable
from tests.models import samples

class Migration(migrations.Migration):
    operations = [{operations}]
"""


def migration_package(folder: Path, migrations: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of migrations with these operations; its name, which no other test has."""
    name = f"sample_migrations_{next(_numbers)}"
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text("")
    for migration, operations in migrations.items():
        (package / f"{migration}.py").write_text(_MIGRATION.format(operations=operations))
    monkeypatch.syspath_prepend(str(folder))
    return name
