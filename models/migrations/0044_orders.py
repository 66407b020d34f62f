from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, JsonField, UtcField
from models.ids import new_id
from models.purchase_fields import PositiveFenField, RefundedField
from models.rebuild import RebuildTable
from models.words import OrderRefundCause, OrderRefundState, OrderState, PaymentMethod


class Migration(migrations.Migration):
    dependencies = [("models", "0043_outside_points")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Order",
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
                        related_name="orders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "offer",
                    fields.ForeignKeyField(
                        "models.Offer",
                        source_field="offer_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="orders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("offer_version", CountField()),
                ("title", fields.CharField(max_length=128)),
                ("quantity", CountField()),
                ("choices", JsonField(default=list)),
                ("recharge_to_cipher", fields.TextField(default="", unique=False)),
                ("recharge_to_tail", fields.CharField(default="", max_length=4)),
                ("price_fen", PositiveFenField()),
                ("amount_fen", PositiveFenField()),
                ("refunded_fen", RefundedField(default=0)),
                (
                    "state",
                    fields.CharEnumField(
                        default=OrderState.WAITING, description="", enum_type=OrderState, max_length=32
                    ),
                ),
                (
                    "method",
                    fields.CharEnumField(
                        default=PaymentMethod.WECHAT, description="", enum_type=PaymentMethod, max_length=32
                    ),
                ),
                ("number", fields.CharField(unique=True, max_length=32)),
                ("app_id", fields.CharField(max_length=32)),
                ("mch_id", fields.CharField(max_length=32)),
                ("payer_hash", fields.CharField(default="", max_length=64)),
                ("prepay_id", fields.CharField(default="", max_length=64)),
                ("prepaid_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("transaction_id", fields.CharField(null=True, unique=True, max_length=32)),
                ("stock_buckets", fields.CharField(default="", max_length=100)),
                ("ordered_at", UtcField(auto_now=False, auto_now_add=False)),
                ("expires_at", UtcField(auto_now=False, auto_now_add=False)),
                ("paid_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("closed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("look_count", CountField(default=0)),
                ("look_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "sales_order",
                "app": "models",
                "indexes": [Index(fields=["member_id", "id"]), Index(fields=["offer_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="OrderEvent",
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
                        related_name="events",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("from_state", fields.CharField(default="", max_length=32)),
                ("to_state", fields.CharField(max_length=32)),
                ("reason", fields.CharField(default="", max_length=64)),
                ("actor_kind", fields.CharField(default="", max_length=16)),
                ("actor_id", fields.CharField(default="", max_length=64)),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "order_event",
                "app": "models",
                "indexes": [Index(fields=["order_id", "happened_at"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="OrderRefund",
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
                        related_name="refunds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", fields.CharField(unique=True, max_length=64)),
                ("amount_fen", PositiveFenField()),
                (
                    "state",
                    fields.CharEnumField(
                        default=OrderRefundState.WAITING, description="", enum_type=OrderRefundState, max_length=32
                    ),
                ),
                ("cause", fields.CharEnumField(description="", enum_type=OrderRefundCause, max_length=32)),
                ("reason", fields.CharField(default="", max_length=80)),
                ("refund_id", fields.CharField(default="", max_length=64)),
                ("said", fields.CharField(default="", max_length=64)),
                ("asked_at", UtcField(auto_now=False, auto_now_add=False)),
                ("sent_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("closed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("look_count", CountField(default=0)),
                ("look_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "order_refund",
                "app": "models",
                "indexes": [Index(fields=["order_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="OrderClaim",
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
                        related_name="claims",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "claim",
                    fields.OneToOneField(
                        "models.Claim",
                        source_field="claim_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="ordered",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount_fen", FenField()),
                (
                    "refund",
                    fields.ForeignKeyField(
                        "models.OrderRefund",
                        source_field="refund_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="claims",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "order_claim",
                "app": "models",
                "indexes": [Index(fields=["order_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        RebuildTable(
            "ClaimSlot",
            [
                ops.AlterField(
                    model_name="ClaimSlot",
                    name="claim",
                    field=fields.ForeignKeyField(
                        "models.Claim",
                        source_field="claim_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="slots",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ops.AddField(
                    model_name="ClaimSlot",
                    name="order",
                    field=fields.ForeignKeyField(
                        "models.Order",
                        source_field="order_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="slots",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            postgres=[
                'ALTER TABLE "claim_slot" ALTER COLUMN "claim_id" DROP NOT NULL',
                'ALTER TABLE "claim_slot" ADD COLUMN "order_id" UUID REFERENCES "sales_order" ("id") ON DELETE RESTRICT',
            ],
        ),
    ]
