"""Shifts at a till, and which redemptions fell into them."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, JsonField, UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0012_fulfillment_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Shift",
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
                        related_name="shifts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="shifts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("device_id", fields.CharField(max_length=64)),
                (
                    "opened_by",
                    fields.ForeignKeyField(
                        "models.Clerk",
                        source_field="opened_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="shifts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("opened_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "closed_by",
                    fields.ForeignKeyField(
                        "models.Clerk",
                        source_field="closed_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="shifts_closed",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("closed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("redeemed_count", CountField(default=0)),
                ("redeemed_fen", FenField(default=0)),
                ("reversed_count", CountField(default=0)),
                ("reversed_fen", FenField(default=0)),
                ("by_benefit", JsonField(default=list)),
            ],
            options={
                "table": "shift",
                "app": "models",
                "indexes": [Index(fields=["store_id", "opened_at"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="ShiftEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "shift",
                    fields.ForeignKeyField(
                        "models.Shift",
                        source_field="shift_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "redemption",
                    fields.OneToOneField(
                        "models.Redemption",
                        source_field="redemption_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="shift_entry",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={"table": "shift_entry", "app": "models", "indexes": [Index(fields=["shift_id"])], "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
    ]
