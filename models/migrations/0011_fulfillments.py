from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, UtcField
from models.ids import new_id
from models.words import FulfillmentAct, FulfillmentState


class Migration(migrations.Migration):
    dependencies = [("models", "0010_settlement_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Supplier",
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
                        related_name="suppliers",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=32)),
                ("name", fields.CharField(max_length=64)),
                ("api_url", fields.CharField(max_length=200)),
                ("secret_cipher", fields.TextField(unique=False)),
                ("is_paused", fields.BooleanField(default=False)),
            ],
            options={"table": "supplier", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Fulfillment",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "claim",
                    fields.ForeignKeyField(
                        "models.Claim",
                        source_field="claim_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="fulfillments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "supplier",
                    fields.ForeignKeyField(
                        "models.Supplier",
                        source_field="supplier_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="fulfillments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("ordinal", CountField(default=1)),
                ("order_no", fields.CharField(unique=True, max_length=32)),
                ("product", fields.CharField(max_length=64)),
                ("face_value_fen", FenField()),
                (
                    "state",
                    fields.CharEnumField(
                        default=FulfillmentState.WAITING, description="", enum_type=FulfillmentState, max_length=32
                    ),
                ),
                ("look_count", CountField(default=0)),
                ("look_at", UtcField(auto_now=False, auto_now_add=False)),
                ("sent_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("closed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "fulfillment",
                "app": "models",
                "unique_together": (("claim", "ordinal"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="FulfillmentAttempt",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "fulfillment",
                    fields.ForeignKeyField(
                        "models.Fulfillment",
                        source_field="fulfillment_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="attempts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("act", fields.CharEnumField(description="", enum_type=FulfillmentAct, max_length=32)),
                ("result", fields.CharField(max_length=32)),
                ("reason", fields.CharField(default="", max_length=64)),
                ("has_moved", fields.BooleanField(default=False)),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "fulfillment_attempt",
                "app": "models",
                "indexes": [Index(fields=["fulfillment_id", "happened_at"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
