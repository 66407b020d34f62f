"""Merchants' shares of plans' fees get an entry in the statements from the database itself, and never change.

What was shared before is open from now on, and comes with the next statement.
"""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import UtcField
from models.ids import new_id
from models.operations import RunSqlOn, both

_COLUMNS = "(id, created_at, share_id, merchant_id, happened_at)"
_NEW = "(NEW.id, NEW.created_at, NEW.id, NEW.merchant_id, NEW.happened_at)"
# Statements that were closed before could not take it: it has waited for none of them.
_OF_BEFORE = f"""
    INSERT INTO share_entry {_COLUMNS} SELECT id, {{now}}, id, merchant_id, happened_at FROM plan_share_entry
"""  # noqa: S608 - our own words
_STAYS = "an entry of a plan's share is sealed in a part once, and never goes"
_CHANGED = " OR ".join(
    [
        "OLD.part_id IS NOT NULL OR NEW.part_id IS NULL",
        *(f"NEW.{name} <> OLD.{name}" for name in ("id", "created_at", "share_id", "merchant_id", "happened_at")),
    ]
)
_SHARE_STAYS = "of a plan's share only what was taken back of it moves, and only up"
_SAME = ("id", "created_at", "order_id", "merchant_id", "base_fen", "share_bp", "amount_fen", "happened_at")
_SHARE_CHANGED = " OR ".join(
    [
        "NEW.back_fen < OLD.back_fen",
        *(f"NEW.{name} <> OLD.{name}" for name in _SAME),
        *(
            f"COALESCE(CAST(NEW.{name} AS text), '') <> COALESCE(CAST(OLD.{name} AS text), '')"
            for name in ("reverses_id", "refund_id")
        ),
    ]
)


def _stays(table: str, message: str, changed: str) -> RunSqlOn:
    """No row of it goes, and none changes but as `changed` leaves it."""
    return RunSqlOn(
        postgres=[
            f"""
            CREATE FUNCTION {table}_stays() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION '{message.replace("'", "''")}' USING ERRCODE = 'restrict_violation'; END $$
            """,
            f"""
            CREATE TRIGGER {table}_no_change BEFORE UPDATE ON {table}
            FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION {table}_stays()
            """,
            f"""
            CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_stays()
            """,
            f"""
            CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION {table}_stays()
            """,
        ],
        sqlite=[
            f"""
            CREATE TRIGGER {table}_no_change BEFORE UPDATE ON {table} WHEN {changed}
            BEGIN SELECT RAISE(ABORT, '{message.replace("'", "''")}'); END
            """,
            f"""
            CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
            BEGIN SELECT RAISE(ABORT, '{message.replace("'", "''")}'); END
            """,
        ],
    )


class Migration(migrations.Migration):
    dependencies = [("models", "0068_due_prize_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ShareEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "share",
                    fields.OneToOneField(
                        "models.PlanShareEntry",
                        source_field="share_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="settlement_entry",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "merchant",
                    fields.ForeignKeyField(
                        "models.Merchant",
                        source_field="merchant_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="share_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "part",
                    fields.ForeignKeyField(
                        "models.SettlementPart",
                        source_field="part_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="share_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "share_entry",
                "app": "models",
                "indexes": [Index(fields=["part_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION share_opens_entry() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN INSERT INTO share_entry {_COLUMNS} VALUES {_NEW}; RETURN NULL; END $$
                """,  # noqa: S608 - our own words
                """
                CREATE TRIGGER share_opens_entry AFTER INSERT ON plan_share_entry
                FOR EACH ROW EXECUTE FUNCTION share_opens_entry()
                """,
                _OF_BEFORE.format(now="now()"),
            ],
            sqlite=[
                f"""
                CREATE TRIGGER share_opens_entry AFTER INSERT ON plan_share_entry
                BEGIN INSERT INTO share_entry {_COLUMNS} VALUES {_NEW}; END
                """,  # noqa: S608
                _OF_BEFORE.format(now="strftime('%Y-%m-%d %H:%M:%S.000000+00:00', 'now')"),
            ],
        ),
        # What sealing looks at, however much was settled before: in the order of ids, and the first day in it alone.
        both("CREATE INDEX share_entry_open ON share_entry (merchant_id, id, happened_at) WHERE part_id IS NULL"),
        _stays("share_entry", _STAYS, _CHANGED),
        _stays("plan_share_entry", _SHARE_STAYS, _SHARE_CHANGED),
    ]
