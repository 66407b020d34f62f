from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0070_deferred_fees")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SeenDevice",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="devices",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("device_hash", fields.CharField(max_length=64)),
                ("first_seen_at", UtcField(auto_now=False, auto_now_add=False)),
                ("last_seen_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "seen_device",
                "app": "models",
                "unique_together": (("member", "device_hash"),),
                "indexes": [Index(fields=["device_hash"]), Index(fields=["last_seen_at"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
