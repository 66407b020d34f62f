from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import BasisPointField, FenField, UtcField
from models.ids import new_id
from models.purchase_fields import PositiveFenField
from models.rebuild import RebuildTable
from models.settlement_fields import PartOfSaleField
from models.settlement_words import SettlementPeriod


def _fen(name: str) -> list[str]:
    return [
        f'ALTER TABLE "settlement_statement" ADD COLUMN "{name}" BIGINT CHECK ("{name}" >= 0) NOT NULL DEFAULT 0',
        f'ALTER TABLE "settlement_statement" ALTER COLUMN "{name}" DROP DEFAULT',
    ]


class Migration(migrations.Migration):
    dependencies = [("models", "0059_carrier_guards")]

    initial = False

    operations = [
        RebuildTable(
            "SettlementTerms",
            [
                ops.AddField(model_name="SettlementTerms", name="fee_bp", field=BasisPointField(null=True)),
                ops.AddField(model_name="SettlementTerms", name="fee_flat_fen", field=FenField(null=True)),
                ops.AddField(
                    model_name="SettlementTerms",
                    name="period",
                    field=fields.CharEnumField(null=True, description="", enum_type=SettlementPeriod, max_length=32),
                ),
                ops.AddField(model_name="SettlementTerms", name="sale_share_bp", field=BasisPointField(null=True)),
            ],
        ),
        RebuildTable(
            "SettlementStatement",
            [
                ops.AddField(
                    model_name="SettlementStatement", name="from_on", field=fields.CharField(null=True, max_length=10)
                ),
                ops.AddField(model_name="SettlementStatement", name="redeemed_fee_fen", field=FenField(default=0)),
                ops.AddField(model_name="SettlementStatement", name="reversed_fee_fen", field=FenField(default=0)),
            ],
            postgres=[
                'ALTER TABLE "settlement_statement" ADD COLUMN "from_on" VARCHAR(10)',
                *_fen("redeemed_fee_fen"),
                *_fen("reversed_fee_fen"),
            ],
            copy={"redeemed_fee_fen": "0", "reversed_fee_fen": "0"},
        ),
        ops.CreateModel(
            name="DeferredSale",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "order_claim",
                    fields.OneToOneField(
                        "models.OrderClaim",
                        source_field="order_claim_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="deferred",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount_fen", PositiveFenField()),
                ("held_fen", PartOfSaleField()),
            ],
            options={"table": "deferred_sale", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="SaleEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "order_claim",
                    fields.ForeignKeyField(
                        "models.OrderClaim",
                        source_field="order_claim_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="sale_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "reverses",
                    fields.OneToOneField(
                        "models.SaleEntry",
                        source_field="reverses_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="reversal",
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
                        related_name="sale_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "benefit",
                    fields.ForeignKeyField(
                        "models.Benefit",
                        source_field="benefit_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="sale_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount_fen", PositiveFenField()),
                ("settlement_fen", PartOfSaleField()),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "statement",
                    fields.ForeignKeyField(
                        "models.SettlementStatement",
                        source_field="statement_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="sale_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "sale_entry",
                "app": "models",
                "indexes": [Index(fields=["statement_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
