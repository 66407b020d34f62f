from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.fields import UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0031_pause_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="GrantNumber",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "grant_row",
                    fields.OneToOneField(
                        "models.GrantRow",
                        source_field="grant_row_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="recharge_to",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number_cipher", fields.TextField(unique=False)),
                ("tail", fields.CharField(max_length=4)),
            ],
            options={"table": "grant_number", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
    ]
