"""Orders that are paid on a phone bill: the charge, the month of a number, how money came back, and the limits."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.carrier_words import ChargeState, CreditWay
from models.fields import CountField, FenField, JsonField, UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0057_outside_shares")]

    initial = False

    operations = [
        ops.CreateModel(
            name="CarrierCredit",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "refund",
                    fields.OneToOneField(
                        "models.OrderRefund",
                        source_field="refund_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="carrier_credit",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("way", fields.CharEnumField(description="", enum_type=CreditWay, max_length=32)),
                ("billing_month", fields.CharField(max_length=7)),
            ],
            options={"table": "carrier_credit", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="CarrierMonth",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("number_hash", fields.CharField(max_length=64)),
                ("month", fields.CharField(max_length=7)),
                ("counted_fen", FenField(default=0)),
            ],
            options={
                "table": "carrier_month",
                "app": "models",
                "unique_together": (("number_hash", "month"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="CarrierCharge",
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
                        related_name="carrier_charge",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "bound_number",
                    fields.ForeignKeyField(
                        "models.BoundNumber",
                        source_field="bound_number_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="carrier_charges",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "month",
                    fields.ForeignKeyField(
                        "models.CarrierMonth",
                        source_field="month_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="charges",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("counted_fen", FenField()),
                (
                    "state",
                    fields.CharEnumField(
                        default=ChargeState.WAITING, description="", enum_type=ChargeState, max_length=32
                    ),
                ),
                ("code_count", CountField(default=0)),
                ("code_asked_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("code_sent_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("attempt_count", CountField(default=0)),
                ("sent_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("said", fields.CharField(default="", max_length=64)),
                ("billing_month", fields.CharField(default="", max_length=7)),
            ],
            options={
                "table": "carrier_charge",
                "app": "models",
                "indexes": [Index(fields=["month_id", "id"]), Index(fields=["bound_number_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="CarrierTerms",
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
                        related_name="carrier_terms",
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
                        db_constraint=True,
                        to_field="id",
                        related_name="carrier_terms",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("published_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "carrier_terms",
                "app": "models",
                "unique_together": (("programme", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
