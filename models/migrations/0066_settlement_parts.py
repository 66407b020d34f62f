"""Entries get into statements by parts: each statement of before has one, with its id, which its entries refer to.

So no entry changes: the column that named the statement names the part.
"""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, JsonField, UtcField
from models.ids import new_id
from models.operations import RunSqlOn, both
from models.rebuild import RebuildTable

_STAYS = "{what} is sealed in a part once, and never goes"
_ENTRIES = {
    "settlement_entry": ("a settlement entry", ("redemption_id", "merchant_id", "happened_at")),
    "conflict_entry": ("an entry of a conflict", ("conflict_id", "merchant_id", "happened_at")),
    "sale_entry": (
        "the part of a sale",
        ("order_claim_id", "merchant_id", "benefit_id", "amount_fen", "settlement_fen", "happened_at"),
    ),
}
_REVERSES = "COALESCE(CAST(NEW.reverses_id AS text), '') <> COALESCE(CAST(OLD.reverses_id AS text), '')"
_PART_STAYS = "a part is taken by a statement once, and never goes"
_SAME = ("id", "created_at", "merchant_id", "business_on", "begins_at", "entry_count", "hash")
_PART_CHANGED = " OR ".join(
    [
        "OLD.statement_id IS NOT NULL OR NEW.statement_id IS NULL",
        *(f"NEW.{column} <> OLD.{column}" for column in _SAME),
        *(
            f"COALESCE(CAST(NEW.{column} AS text), '') <> COALESCE(CAST(OLD.{column} AS text), '')"
            for column in ("from_on", "sums")
        ),
    ]
)
_OF_BEFORE = """
    INSERT INTO settlement_part (id, created_at, merchant_id, statement_id, business_on, from_on, begins_at,
        entry_count, sums, hash)
    SELECT id, created_at, merchant_id, id, business_on, from_on, {begins_at}, redeemed_count + reversed_count, sums, hash
    FROM settlement_statement
"""
# Of each the index over what a statement took, and what it is called now that it is over parts.
_INDEXES = {
    "settlement_entry": ("idx_settlement__stateme_11ef1f", "idx_settlement__part_id_476c86"),
    "conflict_entry": ("idx_conflict_en_stateme_1473db", "idx_conflict_en_part_id_f6501d"),
    "sale_entry": ("idx_sale_entry_stateme_cd4c36", "idx_sale_entry_part_id_e679ba"),
}
_OPEN = {"settlement_entry": "merchant_id, id, happened_at"}


def _guard(table: str) -> str:
    """On SQLite, where a table that is built anew has no trigger that names a column that is gone."""
    what, same = _ENTRIES[table]
    changed = " OR ".join(
        [
            "OLD.part_id IS NOT NULL OR NEW.part_id IS NULL",
            *(f"NEW.{column} <> OLD.{column}" for column in ("id", "created_at", *same)),
            *([_REVERSES] if table == "sale_entry" else []),
        ]
    )
    return f"""
        CREATE TRIGGER {table}_no_change BEFORE UPDATE ON {table} WHEN {changed}
        BEGIN SELECT RAISE(ABORT, '{_STAYS.format(what=what)}'); END
    """


def _open(table: str) -> str:
    columns = _OPEN.get(table, "merchant_id, happened_at")
    return f"CREATE INDEX {table}_open ON {table} ({columns}) WHERE part_id IS NULL"


def _renamed(table: str) -> list[str]:
    return [
        f"""
        DO $$ BEGIN EXECUTE (
            SELECT format('ALTER TABLE {table} DROP CONSTRAINT %I', conname) FROM pg_constraint
            WHERE conrelid = '{table}'::regclass AND confrelid = 'settlement_statement'::regclass AND contype = 'f'
        ); END $$
        """,  # noqa: S608 - our own words
        f"ALTER TABLE {table} RENAME COLUMN statement_id TO part_id",
        "ALTER INDEX {} RENAME TO {}".format(*_INDEXES[table]),
        f"""
        ALTER TABLE {table} ADD CONSTRAINT {table}_part FOREIGN KEY (part_id)
        REFERENCES settlement_part (id) ON DELETE RESTRICT
        """,
    ]


def _rebuilt(model: str, table: str, related: str) -> RebuildTable:
    part: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.SettlementPart",
        source_field="part_id",
        null=True,
        db_constraint=True,
        to_field="id",
        related_name=related,
        on_delete=OnDelete.RESTRICT,
    )
    return RebuildTable(
        model,
        [
            ops.RemoveIndex(model_name=model, fields=["statement_id", "id"]),
            ops.RemoveField(model_name=model, name="statement"),
            ops.AddField(model_name=model, name="part", field=part),
            ops.AddIndex(model_name=model, index=Index(fields=["part_id", "id"])),
        ],
        postgres=_renamed(table),
        copy={"part_id": "statement_id"},
    )


class Migration(migrations.Migration):
    dependencies = [("models", "0065_co_brand_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SettlementPart",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "merchant",
                    fields.ForeignKeyField(
                        "models.Merchant",
                        source_field="merchant_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="settlement_parts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "statement",
                    fields.ForeignKeyField(
                        "models.SettlementStatement",
                        source_field="statement_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="parts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("business_on", fields.CharField(max_length=10)),
                ("from_on", fields.CharField(null=True, max_length=10)),
                ("begins_at", UtcField(auto_now=False, auto_now_add=False)),
                ("entry_count", CountField()),
                ("sums", JsonField()),
                ("hash", fields.CharField(max_length=64)),
            ],
            options={
                "table": "settlement_part",
                "app": "models",
                "indexes": [Index(fields=["statement_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        RunSqlOn(
            postgres=[
                _OF_BEFORE.format(
                    begins_at="CAST(COALESCE(from_on, business_on) AS timestamp) AT TIME ZONE 'Asia/Shanghai'"
                )
            ],
            sqlite=[
                _OF_BEFORE.format(
                    begins_at="strftime('%Y-%m-%d %H:%M:%S.000000+00:00', COALESCE(from_on, business_on), '-8 hours')"
                ),
                *(
                    f"DROP {what}"
                    for table in _ENTRIES
                    for what in (f"TRIGGER {table}_no_change", f"INDEX {table}_open", f"INDEX {_INDEXES[table][0]}")
                ),
            ],
        ),
        _rebuilt("SettlementEntry", "settlement_entry", "entries"),
        _rebuilt("ConflictEntry", "conflict_entry", "conflict_entries"),
        _rebuilt("SaleEntry", "sale_entry", "sale_entries"),
        RunSqlOn(sqlite=[each for table in _ENTRIES for each in (_guard(table), _open(table))]),
        both(
            # What closing looks at, however much was settled before.
            "CREATE INDEX settlement_part_open ON settlement_part (merchant_id, id) WHERE statement_id IS NULL",
        ),
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION settlement_part_stays() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '{_PART_STAYS}' USING ERRCODE = 'restrict_violation'; END $$
                """,
                f"""
                CREATE TRIGGER settlement_part_no_change BEFORE UPDATE ON settlement_part
                FOR EACH ROW WHEN ({_PART_CHANGED}) EXECUTE FUNCTION settlement_part_stays()
                """,
                """
                CREATE TRIGGER settlement_part_no_delete BEFORE DELETE ON settlement_part
                FOR EACH ROW EXECUTE FUNCTION settlement_part_stays()
                """,
                """
                CREATE TRIGGER settlement_part_no_truncate BEFORE TRUNCATE ON settlement_part
                FOR EACH STATEMENT EXECUTE FUNCTION settlement_part_stays()
                """,
            ],
            sqlite=[
                f"""
                CREATE TRIGGER settlement_part_no_change BEFORE UPDATE ON settlement_part WHEN {_PART_CHANGED}
                BEGIN SELECT RAISE(ABORT, '{_PART_STAYS}'); END
                """,
                f"""
                CREATE TRIGGER settlement_part_no_delete BEFORE DELETE ON settlement_part
                BEGIN SELECT RAISE(ABORT, '{_PART_STAYS}'); END
                """,
            ],
        ),
    ]
