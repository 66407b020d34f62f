from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.draw_words import DuePrizeState
from models.fields import UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0066_settlement_parts")]

    initial = False

    operations = [
        ops.CreateModel(
            name="DuePrize",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "spin",
                    fields.OneToOneField(
                        "models.Spin",
                        source_field="spin_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="due_prize",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.Draw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="due_prizes",
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
                        related_name="due_prizes",
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
                        related_name="due_prizes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(max_length=32)),
                ("name", fields.CharField(max_length=64)),
                (
                    "state",
                    fields.CharEnumField(
                        default=DuePrizeState.WAITING, description="", enum_type=DuePrizeState, max_length=32
                    ),
                ),
                ("deadline_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "claim",
                    fields.OneToOneField(
                        "models.Claim",
                        source_field="claim_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="due_prize",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "due_prize",
                "app": "models",
                "indexes": [
                    Index(fields=["member_id", "id"]),
                    Index(fields=["state", "deadline_at"]),
                    Index(fields=["offer_id", "state"]),
                ],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
