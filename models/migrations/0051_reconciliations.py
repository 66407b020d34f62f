from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, UtcField
from models.ids import new_id
from models.ledger_fields import BalanceField
from models.reconciliation_words import BillKind, Listed


class Migration(migrations.Migration):
    dependencies = [("models", "0050_withdrawal_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Reconciliation",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("kind", fields.CharEnumField(description="", enum_type=BillKind, max_length=32)),
                ("business_on", fields.CharField(max_length=10)),
                ("mch_id", fields.CharField(max_length=32)),
                ("line_count", CountField(default=0)),
                ("total_fen", BalanceField(default=0)),
                ("difference_count", CountField(default=0)),
                ("checked_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "reconciliation",
                "app": "models",
                "unique_together": (("kind", "business_on", "mch_id"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="ReconciliationDifference",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "reconciliation",
                    fields.ForeignKeyField(
                        "models.Reconciliation",
                        source_field="reconciliation_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="differences",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", fields.CharField(max_length=64)),
                ("listed", fields.CharEnumField(description="", enum_type=Listed, max_length=32)),
                ("ours_fen", FenField()),
                ("theirs_fen", BalanceField()),
            ],
            options={
                "table": "reconciliation_difference",
                "app": "models",
                "unique_together": (("reconciliation", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
