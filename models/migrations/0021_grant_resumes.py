from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.fields import CountField, UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0020_conflict_entry_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="GrantResume",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "grant",
                    fields.ForeignKeyField(
                        "models.GrantBatch",
                        source_field="grant_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="resumes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", CountField()),
                ("reason", fields.CharField(max_length=200)),
                (
                    "operator",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="operator_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="grant_resumes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "grant_resume",
                "app": "models",
                "unique_together": (("grant", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
