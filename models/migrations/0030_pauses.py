from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import UtcField
from models.ids import new_id
from models.words import PausedKind


class Migration(migrations.Migration):
    dependencies = [("models", "0029_points_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Pause",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("subject_kind", fields.CharEnumField(description="", enum_type=PausedKind, max_length=32)),
                ("subject_id", fields.UUIDField()),
                ("began_at", UtcField(auto_now=False, auto_now_add=False)),
                ("ended_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "pause",
                "app": "models",
                "indexes": [Index(fields=["subject_id", "began_at"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
