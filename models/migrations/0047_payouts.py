from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import UtcField
from models.ids import new_id
from models.payout_words import PayoutState, StatementReplyKind
from models.purchase_fields import PositiveFenField


class Migration(migrations.Migration):
    dependencies = [("models", "0046_draw_records")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PayoutBatch",
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
                        related_name="payout_batches",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", fields.CharField(unique=True, max_length=32)),
                ("until_on", fields.CharField(max_length=10)),
                (
                    "state",
                    fields.CharEnumField(
                        default=PayoutState.PROPOSED, description="", enum_type=PayoutState, max_length=32
                    ),
                ),
                ("amount_fen", PositiveFenField()),
                (
                    "proposed_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="proposed_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="proposed_payouts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "approved_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="approved_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="approved_payouts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("approved_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("reference", fields.CharField(default="", max_length=64)),
                ("closed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payout_batch",
                "app": "models",
                "indexes": [Index(fields=["organization_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PayoutLine",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "batch",
                    fields.ForeignKeyField(
                        "models.PayoutBatch",
                        source_field="batch_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="lines",
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
                        related_name="payout_lines",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount_fen", PositiveFenField()),
            ],
            options={
                "table": "payout_line",
                "app": "models",
                "unique_together": (("batch", "merchant"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PayoutStatement",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.PayoutLine",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="statements",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "statement",
                    fields.ForeignKeyField(
                        "models.SettlementStatement",
                        source_field="statement_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="payouts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("released_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payout_statement",
                "app": "models",
                "indexes": [Index(fields=["line_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="StatementReply",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "statement",
                    fields.ForeignKeyField(
                        "models.SettlementStatement",
                        source_field="statement_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="replies",
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
                        related_name="statement_replies",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("kind", fields.CharEnumField(description="", enum_type=StatementReplyKind, max_length=32)),
                ("note", fields.CharField(default="", max_length=200)),
                ("replied_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "statement_reply",
                "app": "models",
                "indexes": [Index(fields=["statement_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
