from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import JsonField, UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0040_draw_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="DrawSimulation",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.Draw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="simulations",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "operator",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="operator_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="draw_simulations",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("rules_hash", fields.CharField(max_length=64)),
                ("plan", JsonField()),
                ("report", JsonField()),
            ],
            options={
                "table": "draw_simulation",
                "app": "models",
                "indexes": [Index(fields=["draw_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
