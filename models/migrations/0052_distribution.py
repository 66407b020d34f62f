from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.distribution_fields import DistributionLevelField, SignedFenField, TakenBackField
from models.distribution_words import CommissionState, PromoterState
from models.fields import BasisPointField, CountField, FenField, JsonField, UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0051_reconciliations")]

    initial = False

    operations = [
        ops.CreateModel(
            name="CommissionDraft",
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
                        related_name="commission_draft",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("terms", JsonField()),
                ("edited_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "commission_draft", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="CommissionRule",
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
                        related_name="commission_rules",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", CountField()),
                ("level_count", DistributionLevelField(default=1)),
                ("window_days", CountField()),
                ("protection_days", CountField()),
                ("hold_days", CountField()),
                ("freeze_days", CountField()),
                ("cap_bp", BasisPointField()),
                ("terms", JsonField()),
                (
                    "published_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="published_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="commission_rules",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("published_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "commission_rule",
                "app": "models",
                "unique_together": (("programme", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="CommissionSwitch",
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
                        related_name="commission_switches",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("level", DistributionLevelField()),
                ("is_off", fields.BooleanField(default=False)),
                ("changed_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "commission_switch",
                "app": "models",
                "unique_together": (("programme", "level"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Promoter",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "member",
                    fields.OneToOneField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="promoter",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "state",
                    fields.CharEnumField(
                        default=PromoterState.WAITING, description="", enum_type=PromoterState, max_length=32
                    ),
                ),
                ("grade", fields.CharField(default="", max_length=32)),
                ("applied_at", UtcField(auto_now=False, auto_now_add=False)),
                ("decided_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("reason", fields.CharField(default="", max_length=80)),
            ],
            options={"table": "promoter", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Commission",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "order",
                    fields.ForeignKeyField(
                        "models.Order",
                        source_field="order_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="commissions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("level", DistributionLevelField()),
                (
                    "promoter",
                    fields.ForeignKeyField(
                        "models.Promoter",
                        source_field="promoter_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="commissions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "rule",
                    fields.ForeignKeyField(
                        "models.CommissionRule",
                        source_field="rule_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="commissions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("base_fen", FenField()),
                ("rate_bp", BasisPointField()),
                ("amount_fen", SignedFenField()),
                ("back_fen", TakenBackField(default=0)),
                (
                    "state",
                    fields.CharEnumField(
                        default=CommissionState.PENDING, description="", enum_type=CommissionState, max_length=32
                    ),
                ),
                (
                    "reverses",
                    fields.ForeignKeyField(
                        "models.Commission",
                        source_field="reverses_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="reversals",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "refund",
                    fields.ForeignKeyField(
                        "models.OrderRefund",
                        source_field="refund_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="commissions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("earned_at", UtcField(auto_now=False, auto_now_add=False)),
                ("frozen_until", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("released_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("due_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "commission",
                "app": "models",
                "indexes": [Index(fields=["promoter_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="OrderPromoter",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "order",
                    fields.ForeignKeyField(
                        "models.Order",
                        source_field="order_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="promoters",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("level", DistributionLevelField()),
                (
                    "promoter",
                    fields.ForeignKeyField(
                        "models.Promoter",
                        source_field="promoter_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="orders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "rule",
                    fields.ForeignKeyField(
                        "models.CommissionRule",
                        source_field="rule_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="orders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("rate_bp", BasisPointField()),
            ],
            options={
                "table": "order_promoter",
                "app": "models",
                "unique_together": (("order", "level"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PromoterDay",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "promoter",
                    fields.ForeignKeyField(
                        "models.Promoter",
                        source_field="promoter_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="days",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("business_on", fields.CharField(max_length=10)),
                ("came_count", CountField(default=0)),
                ("order_count", CountField(default=0)),
                ("paid_fen", FenField(default=0)),
                ("commission_fen", FenField(default=0)),
            ],
            options={
                "table": "promoter_day",
                "app": "models",
                "unique_together": (("promoter", "business_on"),),
                "indexes": [Index(fields=["business_on", "paid_fen"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PromoterLink",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "promoter",
                    fields.ForeignKeyField(
                        "models.Promoter",
                        source_field="promoter_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="links",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("target", fields.CharField(default="", max_length=36)),
                ("code", fields.CharField(unique=True, max_length=32)),
                ("picture", fields.TextField(default="", unique=False)),
                ("qr_url", fields.CharField(default="", max_length=255)),
                ("qr_image_url", fields.CharField(default="", max_length=512)),
                ("qr_ends_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("url", fields.CharField(default="", max_length=255)),
                ("url_ends_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "promoter_link",
                "app": "models",
                "unique_together": (("promoter", "target"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PromoterBinding",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "member",
                    fields.OneToOneField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="brought_by",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "promoter",
                    fields.ForeignKeyField(
                        "models.Promoter",
                        source_field="promoter_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="bindings",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "link",
                    fields.ForeignKeyField(
                        "models.PromoterLink",
                        source_field="link_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="bindings",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="bindings",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("touched_at", UtcField(auto_now=False, auto_now_add=False)),
                ("ends_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "promoter_binding",
                "app": "models",
                "indexes": [Index(fields=["promoter_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
