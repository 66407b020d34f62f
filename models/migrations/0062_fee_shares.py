from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.distribution_fields import SignedFenField, TakenBackField
from models.fields import BasisPointField, FenField, UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0061_sale_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PlanShare",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "version",
                    fields.ForeignKeyField(
                        "models.PlanVersion",
                        source_field="version_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="shares",
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
                        related_name="plan_shares",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("share_bp", BasisPointField()),
            ],
            options={
                "table": "plan_share",
                "app": "models",
                "unique_together": (("version", "merchant"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PlanShareEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "order",
                    fields.ForeignKeyField(
                        "models.Order",
                        source_field="order_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="plan_shares",
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
                        related_name="plan_share_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("base_fen", FenField()),
                ("share_bp", BasisPointField()),
                ("amount_fen", SignedFenField()),
                ("back_fen", TakenBackField(default=0)),
                (
                    "reverses",
                    fields.ForeignKeyField(
                        "models.PlanShareEntry",
                        source_field="reverses_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="reversals",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "refund",
                    fields.ForeignKeyField(
                        "models.OrderRefund",
                        source_field="refund_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="plan_shares",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "plan_share_entry",
                "app": "models",
                "indexes": [Index(fields=["merchant_id", "happened_at"]), Index(fields=["order_id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
