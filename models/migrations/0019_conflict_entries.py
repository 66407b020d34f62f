"""Second hand-overs that an operator pays, as entries of settlement."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0018_grant_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ConflictEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "conflict",
                    fields.OneToOneField(
                        "models.OfflineConflict",
                        source_field="conflict_id",
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
                        related_name="conflict_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "statement",
                    fields.ForeignKeyField(
                        "models.SettlementStatement",
                        source_field="statement_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="conflict_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "conflict_entry",
                "app": "models",
                "indexes": [Index(fields=["statement_id", "id"]), Index(fields=["happened_at", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
