"""Where operators signed in from; tries are counted by login and address, no longer at the operator's own row."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import UtcField
from models.ids import new_id
from models.rebuild import RebuildTable


class Migration(migrations.Migration):
    dependencies = [("models", "0074_open_packs")]

    initial = False

    operations = [
        RebuildTable("Operator", [ops.RemoveField(model_name="Operator", name="failed_count")]),
        ops.CreateModel(
            name="OperatorAddress",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "operator",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="operator_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="addresses",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("address_hash", fields.CharField(max_length=64)),
                ("last_used_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "operator_address",
                "app": "models",
                "unique_together": (("operator", "address_hash"),),
                "indexes": [Index(fields=["last_used_at"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
