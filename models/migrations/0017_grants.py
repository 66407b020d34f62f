from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, JsonField, UtcField
from models.ids import new_id
from models.words import GrantKind, GrantRowState, GrantState


class Migration(migrations.Migration):
    dependencies = [("models", "0016_offline_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="GrantBatch",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("kind", fields.CharEnumField(description="", enum_type=GrantKind, max_length=32)),
                (
                    "offer",
                    fields.ForeignKeyField(
                        "models.Offer",
                        source_field="offer_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="grants",
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
                        related_name="grants",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "undoes",
                    fields.ForeignKeyField(
                        "models.GrantBatch",
                        source_field="undoes_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="undone_by",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("state", fields.CharEnumField(description="", enum_type=GrantState, max_length=32)),
                ("reason", fields.CharField(max_length=200)),
                ("choices", JsonField(default=list)),
                ("is_beyond_limits", fields.BooleanField(default=False)),
                ("is_told", fields.BooleanField(default=False)),
                ("returns_to_stock", fields.BooleanField(default=False)),
                ("file_hash", fields.CharField(default="", max_length=64)),
                ("file_name", fields.CharField(default="", max_length=255)),
                ("row_count", CountField(default=0)),
                ("made_by_kind", fields.CharField(max_length=32)),
                ("made_by_id", fields.CharField(max_length=64)),
                ("finished_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "grant_batch",
                "app": "models",
                "indexes": [Index(fields=["organization_id", "id"]), Index(fields=["offer_id", "file_hash"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="GrantRow",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "grant",
                    fields.ForeignKeyField(
                        "models.GrantBatch",
                        source_field="grant_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="rows",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("row_number", CountField()),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="grant_rows",
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
                        related_name="taken_back_by",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("quantity", CountField(default=1)),
                ("state", fields.CharEnumField(description="", enum_type=GrantRowState, max_length=32)),
                ("code", fields.CharField(default="", max_length=32)),
                ("done_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "grant_row",
                "app": "models",
                "unique_together": (("grant", "row_number"),),
                "indexes": [Index(fields=["grant_id", "state", "row_number"]), Index(fields=["member_id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="GrantedClaim",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "grant_row",
                    fields.ForeignKeyField(
                        "models.GrantRow",
                        source_field="grant_row_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="granted",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", CountField()),
                (
                    "claim",
                    fields.OneToOneField(
                        "models.Claim",
                        source_field="claim_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="granted_by",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "granted_claim",
                "app": "models",
                "unique_together": (("grant_row", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Regrant",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "old_claim",
                    fields.OneToOneField(
                        "models.Claim",
                        source_field="old_claim_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="regranted",
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
                        related_name="regrant_of",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "spoilt_code",
                    fields.ForeignKeyField(
                        "models.PoolCode",
                        source_field="spoilt_code_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="spoilt_by",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("reason", fields.CharField(max_length=200)),
                (
                    "operator",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="operator_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="regrants",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "approved_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="approved_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="approved_regrants",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={"table": "regrant", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
    ]
