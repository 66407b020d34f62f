from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, UtcField
from models.ids import new_id
from models.ledger_fields import BudgetField
from models.words import PointsExpiry


class Migration(migrations.Migration):
    dependencies = [("models", "0027_ledger_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="EarningRule",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "programme",
                    fields.ForeignKeyField(
                        "models.Programme",
                        source_field="programme_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="earning_rules",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(max_length=32)),
                ("name", fields.CharField(max_length=64)),
                ("pending_days", CountField(default=0)),
                ("cap_amount", FenField(null=True)),
                ("cap_period", fields.CharField(default="day", max_length=8)),
                ("is_active", fields.BooleanField(default=True)),
            ],
            options={
                "table": "earning_rule",
                "app": "models",
                "unique_together": (("programme", "code"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="EarningCount",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "rule",
                    fields.ForeignKeyField(
                        "models.EarningRule",
                        source_field="rule_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="counts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="earning_counts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("period", fields.CharField(max_length=32)),
                ("amount", FenField(default=0)),
            ],
            options={
                "table": "earning_count",
                "app": "models",
                "unique_together": (("rule", "member", "period"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PointsAdjustment",
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
                        related_name="points_adjustments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("delta", fields.IntField()),
                ("reason", fields.CharField(max_length=200)),
                (
                    "operator",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="operator_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="points_adjustments",
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
                        related_name="approved_points_adjustments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "points_adjustment",
                "app": "models",
                "indexes": [Index(fields=["member_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PointsTerms",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "programme",
                    fields.OneToOneField(
                        "models.Programme",
                        source_field="programme_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="points_terms",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "expiry",
                    fields.CharEnumField(
                        default=PointsExpiry.NEVER, description="", enum_type=PointsExpiry, max_length=32
                    ),
                ),
                ("expiry_count", CountField(default=0)),
                ("grace_days", CountField(default=0)),
                ("budget", FenField(null=True)),
                ("budget_used", BudgetField(default=0)),
                ("updated_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "points_terms", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
    ]
