from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, UtcField
from models.ids import new_id
from models.words import OutsideShareState


class Migration(migrations.Migration):
    dependencies = [("models", "0056_order_points")]

    initial = False

    operations = [
        ops.CreateModel(
            name="OutsideShare",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "hold",
                    fields.ForeignKeyField(
                        "models.OutsideHold",
                        source_field="hold_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="shares",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "claim",
                    fields.OneToOneField(
                        "models.Claim",
                        source_field="claim_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="outside_share",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("return_no", fields.CharField(unique=True, max_length=32)),
                ("points", CountField()),
                (
                    "state",
                    fields.CharEnumField(
                        default=OutsideShareState.KEPT, description="", enum_type=OutsideShareState, max_length=32
                    ),
                ),
                ("look_count", CountField(default=0)),
                ("look_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("last_reason", fields.CharField(default="", max_length=64)),
                ("closed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "outside_share",
                "app": "models",
                "indexes": [Index(fields=["hold_id"]), Index(fields=["state", "look_at"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
