from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, UtcField
from models.ids import new_id
from models.words import ConflictDecision, ScanOutcome


class Migration(migrations.Migration):
    dependencies = [("models", "0014_shift_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="OfflineDay",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("business_on", fields.CharField(unique=True, max_length=10)),
                ("closed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("fixed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "offline_day", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="OfflineDevice",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "merchant",
                    fields.ForeignKeyField(
                        "models.Merchant",
                        source_field="merchant_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_devices",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("device_id", fields.CharField(max_length=64)),
                ("complete_upto", CountField(default=0)),
            ],
            options={
                "table": "offline_device",
                "app": "models",
                "unique_together": (("merchant", "device_id"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="OfflineSync",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "merchant",
                    fields.ForeignKeyField(
                        "models.Merchant",
                        source_field="merchant_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_syncs",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_syncs",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "clerk",
                    fields.ForeignKeyField(
                        "models.Clerk",
                        source_field="clerk_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_syncs",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("device_id", fields.CharField(max_length=64)),
                ("business_on", fields.CharField(max_length=10)),
                ("offset_ms", fields.IntField()),
                ("measured_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "offline_sync", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="OfflineScan",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "merchant",
                    fields.ForeignKeyField(
                        "models.Merchant",
                        source_field="merchant_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_scans",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("device_id", fields.CharField(max_length=64)),
                ("seq", CountField()),
                ("key", fields.CharField(max_length=255)),
                ("fingerprint", fields.CharField(max_length=64)),
                (
                    "sync",
                    fields.ForeignKeyField(
                        "models.OfflineSync",
                        source_field="sync_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="scans",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "uploaded_by",
                    fields.ForeignKeyField(
                        "models.Clerk",
                        source_field="uploaded_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_uploads",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "claim",
                    fields.ForeignKeyField(
                        "models.Claim",
                        source_field="claim_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_scans",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code_hash", fields.CharField(max_length=64)),
                ("business_on", fields.CharField(default="", max_length=10)),
                ("device_at", UtcField(auto_now=False, auto_now_add=False)),
                ("scanned_at", UtcField(auto_now=False, auto_now_add=False)),
                ("received_at", UtcField(auto_now=False, auto_now_add=False)),
                ("bill_amount_fen", FenField(null=True)),
                ("value_fen", FenField(default=0)),
                ("is_contending", fields.BooleanField()),
                ("outcome", fields.CharEnumField(description="", enum_type=ScanOutcome, max_length=32)),
                ("reason", fields.CharField(default="", max_length=64)),
                (
                    "redemption",
                    fields.ForeignKeyField(
                        "models.Redemption",
                        source_field="redemption_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_scans",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "offline_scan",
                "app": "models",
                "unique_together": (("merchant", "device_id", "seq"), ("merchant", "device_id", "key")),
                "indexes": [
                    Index(fields=["claim_id"]),
                    Index(fields=["business_on", "merchant_id", "device_id"]),
                    Index(fields=["redemption_id"]),
                ],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="OfflineConflict",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "merchant",
                    fields.ForeignKeyField(
                        "models.Merchant",
                        source_field="merchant_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_conflicts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_conflicts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "clerk",
                    fields.ForeignKeyField(
                        "models.Clerk",
                        source_field="clerk_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_conflicts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "claim",
                    fields.ForeignKeyField(
                        "models.Claim",
                        source_field="claim_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_conflicts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "scan",
                    fields.ForeignKeyField(
                        "models.OfflineScan",
                        source_field="scan_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="conflicts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "displaced",
                    fields.ForeignKeyField(
                        "models.Redemption",
                        source_field="displaced_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_conflicts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "counted",
                    fields.ForeignKeyField(
                        "models.Redemption",
                        source_field="counted_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="conflicts_after",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("device_id", fields.CharField(max_length=64)),
                ("given_at", UtcField(auto_now=False, auto_now_add=False)),
                ("found_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "decision",
                    fields.CharEnumField(
                        default=ConflictDecision.OPEN, description="", enum_type=ConflictDecision, max_length=32
                    ),
                ),
                ("decided_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "decided_by_clerk",
                    fields.ForeignKeyField(
                        "models.Clerk",
                        source_field="decided_by_clerk_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_decisions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "decided_by_operator",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="decided_by_operator_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_decisions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("note", fields.CharField(default="", max_length=200)),
                ("settlement_fen", FenField(default=0)),
                ("operator_share_fen", FenField(default=0)),
                ("merchant_share_fen", FenField(default=0)),
            ],
            options={
                "table": "offline_conflict",
                "app": "models",
                "indexes": [Index(fields=["merchant_id", "decision"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="OfflineVerdict",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "scan",
                    fields.OneToOneField(
                        "models.OfflineScan",
                        source_field="scan_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="verdict",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("outcome", fields.CharEnumField(description="", enum_type=ScanOutcome, max_length=32)),
                ("reason", fields.CharField(default="", max_length=64)),
                (
                    "redemption",
                    fields.ForeignKeyField(
                        "models.Redemption",
                        source_field="redemption_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="offline_verdicts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("fixed_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "offline_verdict", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="SigningKey",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("number", CountField(unique=True)),
                ("key_id", fields.CharField(unique=True, max_length=32)),
                ("public_key", fields.CharField(max_length=64)),
                ("private_key_cipher", fields.TextField(unique=False)),
                ("made_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "signing_key", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
    ]
