"""What identifies nobody: store phones and the like, by keyed hash."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import UtcField
from models.ids import new_id
from models.words import Namespace


class Migration(migrations.Migration):
    dependencies = [("models", "0005_recent_tries")]

    initial = False

    operations = [
        ops.CreateModel(
            name="BlockedIdentifier",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="blocked_identifiers",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("namespace", fields.CharEnumField(description="", enum_type=Namespace, max_length=32)),
                ("scope", fields.CharField(max_length=64)),
                ("value_hash", fields.CharField(max_length=64)),
                ("tail", fields.CharField(max_length=4)),
                ("reason", fields.CharField(max_length=200)),
                (
                    "added_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="added_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="blocked_identifiers",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("added_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "blocked_identifier",
                "app": "models",
                "unique_together": (("organization", "namespace", "scope", "value_hash"),),
                "indexes": [Index(fields=["value_hash"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
