from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, UtcField
from models.ids import new_id
from models.words import OutsideHoldState


class Migration(migrations.Migration):
    dependencies = [("models", "0042_draw_simulation_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="OutsideHold",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "supplier",
                    fields.ForeignKeyField(
                        "models.Supplier",
                        source_field="supplier_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="outside_holds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="outside_holds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "offer",
                    fields.ForeignKeyField(
                        "models.Offer",
                        source_field="offer_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="outside_holds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "claim",
                    fields.ForeignKeyField(
                        "models.Claim",
                        source_field="claim_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="outside_holds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("hold_no", fields.CharField(unique=True, max_length=32)),
                ("open_key", fields.CharField(null=True, unique=True, max_length=320)),
                ("points", CountField()),
                (
                    "state",
                    fields.CharEnumField(
                        default=OutsideHoldState.BEGUN, description="", enum_type=OutsideHoldState, max_length=32
                    ),
                ),
                ("look_count", CountField(default=0)),
                ("look_at", UtcField(auto_now=False, auto_now_add=False)),
                ("last_reason", fields.CharField(default="", max_length=64)),
                ("closed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "outside_hold",
                "app": "models",
                "indexes": [Index(fields=["member_id", "id"]), Index(fields=["state", "look_at"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
