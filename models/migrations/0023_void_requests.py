from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import FenField, UtcField
from models.ids import new_id
from models.rebuild import RebuildTable
from models.words import VoidOutcome


class Migration(migrations.Migration):
    dependencies = [("models", "0022_grant_resume_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="VoidRequest",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "claim",
                    fields.ForeignKeyField(
                        "models.Claim",
                        source_field="claim_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="void_requests",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "merchant",
                    fields.ForeignKeyField(
                        "models.Merchant",
                        source_field="merchant_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="void_requests",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="void_requests",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "clerk",
                    fields.ForeignKeyField(
                        "models.Clerk",
                        source_field="clerk_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="void_requests",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("worth_fen", FenField()),
                ("reason", fields.CharField(max_length=200)),
                ("expires_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "outcome",
                    fields.CharEnumField(
                        default=VoidOutcome.WAITING, description="", enum_type=VoidOutcome, max_length=32
                    ),
                ),
                (
                    "decided_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="decided_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="void_decisions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("decided_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "void_request",
                "app": "models",
                "indexes": [Index(fields=["organization_id", "id"]), Index(fields=["merchant_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        RebuildTable(
            "SettlementTerms",
            [ops.AddField(model_name="SettlementTerms", name="void_limit_fen", field=FenField(null=True))],
        ),
    ]
