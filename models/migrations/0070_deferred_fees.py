from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.fields import UtcField
from models.ids import new_id
from models.purchase_fields import PositiveFenField
from models.settlement_fields import PartOfSaleField


class Migration(migrations.Migration):
    dependencies = [("models", "0069_share_entries")]

    initial = False

    operations = [
        ops.CreateModel(
            name="DeferredFee",
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
                        related_name="deferred_fee",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount_fen", PositiveFenField()),
                ("held_fen", PartOfSaleField()),
            ],
            options={"table": "deferred_fee", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
    ]
