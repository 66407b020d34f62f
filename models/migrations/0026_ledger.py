from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, UtcField
from models.ids import new_id
from models.ledger_fields import AmountField, BalanceField, FloorField, MovedAmountField, PartField
from models.words import HoldState, LedgerAccountKind


class Migration(migrations.Migration):
    dependencies = [("models", "0025_open_entries_by_id")]

    initial = False

    operations = [
        ops.CreateModel(
            name="LedgerAccount",
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
                        related_name="ledger_accounts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("unit", fields.CharField(max_length=64)),
                ("kind", fields.CharEnumField(description="", enum_type=LedgerAccountKind, max_length=32)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="ledger_accounts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("has_lots", fields.BooleanField(default=False)),
                ("posted", BalanceField(null=True)),
                ("held", FenField(null=True)),
                ("floor", FloorField(null=True)),
            ],
            options={"table": "ledger_account", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="LedgerCheckpoint",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.LedgerAccount",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="checkpoints",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("until", UtcField(auto_now=False, auto_now_add=False)),
                ("balance", BalanceField()),
            ],
            options={
                "table": "ledger_checkpoint",
                "app": "models",
                "unique_together": (("until", "account"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="LedgerHold",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.LedgerAccount",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="holds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "credit",
                    fields.ForeignKeyField(
                        "models.LedgerAccount",
                        source_field="credit_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="held_for",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount", AmountField()),
                ("posted_amount", PartField(default=0)),
                ("cause_kind", fields.CharField(max_length=32)),
                ("cause_id", fields.CharField(max_length=64)),
                ("leg", CountField(default=0)),
                (
                    "state",
                    fields.CharEnumField(default=HoldState.OPEN, description="", enum_type=HoldState, max_length=32),
                ),
                ("expires_at", UtcField(auto_now=False, auto_now_add=False)),
                ("closed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "ledger_hold",
                "app": "models",
                "unique_together": (("cause_kind", "cause_id", "leg"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Transfer",
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
                        related_name="transfers",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("unit", fields.CharField(max_length=64)),
                (
                    "debit",
                    fields.ForeignKeyField(
                        "models.LedgerAccount",
                        source_field="debit_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="debits",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "credit",
                    fields.ForeignKeyField(
                        "models.LedgerAccount",
                        source_field="credit_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="credits",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount", MovedAmountField()),
                ("cause_kind", fields.CharField(max_length=32)),
                ("cause_id", fields.CharField(max_length=64)),
                ("leg", CountField(default=0)),
                (
                    "reverses",
                    fields.ForeignKeyField(
                        "models.Transfer",
                        source_field="reverses_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="reversals",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "transfer",
                "app": "models",
                "unique_together": (("cause_kind", "cause_id", "leg"),),
                "indexes": [
                    Index(fields=["debit_id", "id"]),
                    Index(fields=["credit_id", "id"]),
                    Index(fields=["happened_at"]),
                ],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="LedgerLot",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.LedgerAccount",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="lots",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "transfer",
                    fields.ForeignKeyField(
                        "models.Transfer",
                        source_field="transfer_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="lots",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "origin",
                    fields.ForeignKeyField(
                        "models.Transfer",
                        source_field="origin_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="originated_lots",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount", AmountField()),
                ("left_amount", PartField()),
                ("expires_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("available_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("expired_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "ledger_lot",
                "app": "models",
                "indexes": [Index(fields=["origin_id"]), Index(fields=["transfer_id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="LedgerLotUse",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "lot",
                    fields.ForeignKeyField(
                        "models.LedgerLot",
                        source_field="lot_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="uses",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "transfer",
                    fields.ForeignKeyField(
                        "models.Transfer",
                        source_field="transfer_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="lot_uses",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "hold",
                    fields.ForeignKeyField(
                        "models.LedgerHold",
                        source_field="hold_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="lot_uses",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount", AmountField()),
                ("returned_amount", PartField(default=0)),
            ],
            options={
                "table": "ledger_lot_use",
                "app": "models",
                "indexes": [Index(fields=["lot_id"]), Index(fields=["transfer_id"]), Index(fields=["hold_id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="ReversedTransfer",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "transfer",
                    fields.OneToOneField(
                        "models.Transfer",
                        source_field="transfer_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="reversed",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount", AmountField()),
                ("reversed_amount", PartField()),
            ],
            options={"table": "reversed_transfer", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
    ]
