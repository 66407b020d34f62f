from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import BasisPointField, CountField, FenField, JsonField, UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0008_benefit_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SettlementStatement",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "merchant",
                    fields.ForeignKeyField(
                        "models.Merchant",
                        source_field="merchant_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="settlement_statements",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("business_on", fields.CharField(max_length=10)),
                ("ends_at", UtcField(auto_now=False, auto_now_add=False)),
                ("closed_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "closed_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="closed_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="settlement_statements",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("late_count", CountField()),
                ("redeemed_count", CountField()),
                ("redeemed_fen", FenField()),
                ("redeemed_operator_fen", FenField()),
                ("redeemed_merchant_fen", FenField()),
                ("reversed_count", CountField()),
                ("reversed_fen", FenField()),
                ("reversed_operator_fen", FenField()),
                ("reversed_merchant_fen", FenField()),
                ("sums", JsonField()),
                ("hash", fields.CharField(max_length=64)),
            ],
            options={
                "table": "settlement_statement",
                "app": "models",
                "unique_together": (("merchant", "business_on"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="SettlementEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "redemption",
                    fields.OneToOneField(
                        "models.Redemption",
                        source_field="redemption_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="settlement_entry",
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
                        related_name="settlement_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "statement",
                    fields.ForeignKeyField(
                        "models.SettlementStatement",
                        source_field="statement_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "settlement_entry",
                "app": "models",
                "indexes": [Index(fields=["statement_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="SettlementTerms",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "merchant",
                    fields.ForeignKeyField(
                        "models.Merchant",
                        source_field="merchant_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="settlement_terms",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "benefit",
                    fields.ForeignKeyField(
                        "models.Benefit",
                        source_field="benefit_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="settlement_terms",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", CountField()),
                ("starts_at", UtcField(auto_now=False, auto_now_add=False)),
                ("settlement_price_fen", FenField(null=True)),
                ("operator_share_bp", BasisPointField(null=True)),
                ("note", fields.CharField(default="", max_length=200)),
                (
                    "decided_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="decided_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="settlement_terms",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "settlement_terms",
                "app": "models",
                "unique_together": (("merchant", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
