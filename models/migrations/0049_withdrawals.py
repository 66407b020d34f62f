from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, JsonField, UtcField
from models.ids import new_id
from models.purchase_fields import PositiveFenField
from models.withdrawal_words import WithdrawalState


class Migration(migrations.Migration):
    dependencies = [("models", "0048_payout_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="WithdrawalTerms",
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
                        related_name="withdrawal_terms",
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
                        related_name="withdrawal_terms",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("published_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "withdrawal_terms",
                "app": "models",
                "unique_together": (("programme", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Withdrawal",
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
                        related_name="withdrawals",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="withdrawals",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "terms",
                    fields.ForeignKeyField(
                        "models.WithdrawalTerms",
                        source_field="terms_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="withdrawals",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "hold",
                    fields.OneToOneField(
                        "models.LedgerHold",
                        source_field="hold_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="withdrawal",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount_fen", PositiveFenField()),
                ("state", fields.CharEnumField(description="", enum_type=WithdrawalState, max_length=32)),
                ("number", fields.CharField(unique=True, max_length=32)),
                ("app_id", fields.CharField(max_length=32)),
                ("mch_id", fields.CharField(max_length=32)),
                ("payee_hash", fields.CharField(default="", max_length=64)),
                ("name_cipher", fields.TextField(default="", unique=False)),
                ("package", fields.CharField(default="", max_length=1024)),
                ("bill_id", fields.CharField(default="", max_length=64)),
                ("said", fields.CharField(default="", max_length=64)),
                ("asked_at", UtcField(auto_now=False, auto_now_add=False)),
                ("first_sent_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("sent_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("confirm_by", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("ending_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("closed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("look_count", CountField(default=0)),
                ("look_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "withdrawal",
                "app": "models",
                "indexes": [Index(fields=["member_id", "id"]), Index(fields=["organization_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="WithdrawalEvent",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "withdrawal",
                    fields.ForeignKeyField(
                        "models.Withdrawal",
                        source_field="withdrawal_id",
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
                "table": "withdrawal_event",
                "app": "models",
                "indexes": [Index(fields=["withdrawal_id", "happened_at"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
