"""Paid membership; and an order of a plan, which names no offer."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, JsonField, UtcField
from models.ids import new_id
from models.plan_words import PlanState, PlanWay, TermCause
from models.rebuild import RebuildTable


class Migration(migrations.Migration):
    dependencies = [("models", "0053_distribution_guards")]

    initial = False

    operations = [
        RebuildTable(
            "Order",
            [
                ops.AlterField(
                    model_name="Order",
                    name="offer",
                    field=fields.ForeignKeyField(
                        "models.Offer",
                        source_field="offer_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="orders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            postgres=['ALTER TABLE "sales_order" ALTER COLUMN "offer_id" DROP NOT NULL'],
        ),
        ops.CreateModel(
            name="PaidMembership",
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
                        related_name="paid_memberships",
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
                        related_name="paid_memberships",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("level", fields.CharField(max_length=32)),
                ("ends_at", UtcField(auto_now=False, auto_now_add=False)),
                ("sequence", CountField()),
            ],
            options={
                "table": "paid_membership",
                "app": "models",
                "unique_together": (("programme", "member"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Plan",
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
                        related_name="plans",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(max_length=32)),
                (
                    "state",
                    fields.CharEnumField(default=PlanState.DRAFT, description="", enum_type=PlanState, max_length=32),
                ),
                ("version", CountField(default=0)),
                ("terms", JsonField()),
            ],
            options={
                "table": "membership_plan",
                "app": "models",
                "unique_together": (("programme", "code"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PlanCodeBatch",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "plan",
                    fields.ForeignKeyField(
                        "models.Plan",
                        source_field="plan_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="code_batches",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("plan_version", CountField()),
                ("code_count", CountField()),
                ("note", fields.CharField(default="", max_length=200)),
                ("expires_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "made_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="made_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="plan_code_batches",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("made_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "plan_code_batch", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PlanCode",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "batch",
                    fields.ForeignKeyField(
                        "models.PlanCodeBatch",
                        source_field="batch_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="codes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", CountField()),
                ("code_hash", fields.CharField(unique=True, max_length=64)),
                ("used_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "plan_code", "app": "models", "unique_together": (("batch", "number"),), "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="MembershipTerm",
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
                        related_name="membership_terms",
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
                        related_name="membership_terms",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", CountField()),
                ("cause", fields.CharEnumField(description="", enum_type=TermCause, max_length=32)),
                (
                    "plan",
                    fields.ForeignKeyField(
                        "models.Plan",
                        source_field="plan_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="terms_given",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("plan_version", CountField()),
                ("level", fields.CharField(max_length=32)),
                ("from_level", fields.CharField(default="", max_length=32)),
                (
                    "order",
                    fields.OneToOneField(
                        "models.Order",
                        source_field="order_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="membership_term",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "code",
                    fields.OneToOneField(
                        "models.PlanCode",
                        source_field="code_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="membership_term",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("paid_fen", FenField(default=0)),
                ("starts_at", UtcField(auto_now=False, auto_now_add=False)),
                ("ends_at", UtcField(auto_now=False, auto_now_add=False)),
                ("cut_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("counted", JsonField(default=list)),
                ("given_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "membership_term",
                "app": "models",
                "unique_together": (("programme", "member", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PlanOrder",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "order",
                    fields.OneToOneField(
                        "models.Order",
                        source_field="order_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="plan_order",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "plan",
                    fields.ForeignKeyField(
                        "models.Plan",
                        source_field="plan_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="orders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("plan_version", CountField()),
                ("way", fields.CharEnumField(description="", enum_type=PlanWay, max_length=32)),
                ("level", fields.CharField(max_length=32)),
                ("day_count", CountField()),
                ("expected_sequence", CountField(default=0)),
            ],
            options={"table": "plan_order", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PlanTrial",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("mark", fields.CharField(unique=True, max_length=64)),
                ("taken_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "plan_trial", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PlanVersion",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "plan",
                    fields.ForeignKeyField(
                        "models.Plan",
                        source_field="plan_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="versions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", CountField()),
                ("terms", JsonField()),
                (
                    "published_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="published_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="plan_versions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("published_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "membership_plan_version",
                "app": "models",
                "unique_together": (("plan", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
