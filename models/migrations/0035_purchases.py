from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, UtcField
from models.ids import new_id
from models.purchase_fields import FactorField, GoneField, PositiveFenField, RefundedField
from models.words import BuyerKind, PurchaseRuleKind, RefundState


class Migration(migrations.Migration):
    dependencies = [("models", "0034_level_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Channel",
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
                        related_name="channels",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "merchant",
                    fields.ForeignKeyField(
                        "models.Merchant",
                        source_field="merchant_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="channels",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=32)),
                ("name", fields.CharField(max_length=64)),
                ("key_cipher", fields.TextField(unique=False)),
                ("previous_key_cipher", fields.TextField(default="", unique=False)),
                ("previous_until", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("daily_quota", CountField(null=True)),
                ("is_active", fields.BooleanField(default=True)),
            ],
            options={"table": "channel", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="ChannelNonce",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "channel",
                    fields.ForeignKeyField(
                        "models.Channel",
                        source_field="channel_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="nonces",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("nonce", fields.CharField(max_length=64)),
                ("heard_at", UtcField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "channel_nonce",
                "app": "models",
                "unique_together": (("channel", "nonce"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="ChannelUse",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "channel",
                    fields.ForeignKeyField(
                        "models.Channel",
                        source_field="channel_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="uses",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("day", fields.CharField(max_length=10)),
                ("used_count", CountField(default=0)),
            ],
            options={
                "table": "channel_use",
                "app": "models",
                "unique_together": (("channel", "day"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Purchase",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "channel",
                    fields.ForeignKeyField(
                        "models.Channel",
                        source_field="channel_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="purchases",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("order_no", fields.CharField(max_length=64)),
                ("fingerprint", fields.CharField(max_length=64)),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="purchases",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount_fen", PositiveFenField()),
                ("refunded_fen", RefundedField(default=0)),
                ("paid_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="purchases",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("buyer_kind", fields.CharEnumField(description="", enum_type=BuyerKind, max_length=32)),
                ("buyer_hash", fields.CharField(default="", max_length=64)),
                ("waits_until", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("credited_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "purchase",
                "app": "models",
                "unique_together": (("channel", "order_no"),),
                "indexes": [Index(fields=["member_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PurchaseEarning",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "purchase",
                    fields.ForeignKeyField(
                        "models.Purchase",
                        source_field="purchase_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="earnings",
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
                        related_name="purchase_earnings",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("unit", fields.CharField(max_length=16)),
                ("amount", FenField()),
                (
                    "transfer",
                    fields.ForeignKeyField(
                        "models.Transfer",
                        source_field="transfer_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="purchase_earnings",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("owed_amount", FenField(default=0)),
                ("taken_amount", GoneField(default=0)),
            ],
            options={
                "table": "purchase_earning",
                "app": "models",
                "unique_together": (("purchase", "unit"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PurchaseLine",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "purchase",
                    fields.ForeignKeyField(
                        "models.Purchase",
                        source_field="purchase_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="lines",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("ordinal", CountField()),
                ("category", fields.CharField(default="", max_length=32)),
                ("amount_fen", FenField()),
            ],
            options={
                "table": "purchase_line",
                "app": "models",
                "unique_together": (("purchase", "ordinal"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PurchaseRefund",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "channel",
                    fields.ForeignKeyField(
                        "models.Channel",
                        source_field="channel_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="refunds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("order_no", fields.CharField(max_length=64)),
                ("refund_no", fields.CharField(max_length=64)),
                ("fingerprint", fields.CharField(max_length=64)),
                ("amount_fen", PositiveFenField()),
                ("refunded_at", UtcField(auto_now=False, auto_now_add=False)),
                ("state", fields.CharEnumField(description="", enum_type=RefundState, max_length=32)),
            ],
            options={
                "table": "purchase_refund",
                "app": "models",
                "unique_together": (("channel", "order_no", "refund_no"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="PurchaseRule",
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
                        related_name="purchase_rules",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(max_length=32)),
                ("name", fields.CharField(max_length=64)),
                ("unit", fields.CharField(max_length=16)),
                ("kind", fields.CharEnumField(description="", enum_type=PurchaseRuleKind, max_length=32)),
                ("level", fields.CharField(default="", max_length=32)),
                ("category", fields.CharField(default="", max_length=32)),
                ("factor_bp", FactorField()),
                ("starts_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("ends_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("is_active", fields.BooleanField(default=True)),
            ],
            options={
                "table": "purchase_rule",
                "app": "models",
                "unique_together": (("programme", "code"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
