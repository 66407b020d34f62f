from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, JsonField, UtcField
from models.ids import new_id
from models.words import DrawState, ParcelState, SpinPaid


class Migration(migrations.Migration):
    dependencies = [("models", "0038_checkin_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Draw",
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
                        related_name="draws",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=64)),
                ("keyword", fields.CharField(default="", max_length=32)),
                (
                    "state",
                    fields.CharEnumField(default=DrawState.DRAFT, description="", enum_type=DrawState, max_length=32),
                ),
                ("version", CountField(default=0)),
                ("terms", JsonField(default=dict)),
                ("opens_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("closes_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("last_sequence", CountField(default=0)),
                ("last_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("chain_hash", fields.CharField(default="", max_length=64)),
                ("day", fields.CharField(default="", max_length=10)),
                ("commitment_count", CountField(default=0)),
                ("commitment_hash", fields.CharField(default="", max_length=64)),
            ],
            options={
                "table": "draw",
                "app": "models",
                "indexes": [Index(fields=["state", "organization_id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="DrawBlock",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "member",
                    fields.OneToOneField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="draw_block",
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
                        related_name="draw_blocks",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={"table": "draw_block", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="DrawCommitment",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.Draw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="commitments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", CountField()),
                ("day", fields.CharField(max_length=10)),
                ("sequence", CountField()),
                ("kind", fields.CharField(max_length=16)),
                ("document", fields.TextField(unique=False)),
                ("hash", fields.CharField(max_length=64)),
                ("committed_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "draw_commitment",
                "app": "models",
                "unique_together": (("draw", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="DrawDay",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.Draw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="days",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("day", fields.CharField(max_length=10)),
                ("seed_cipher", fields.TextField(unique=False)),
                ("seed_hash", fields.CharField(max_length=64)),
                ("committed_at", UtcField(auto_now=False, auto_now_add=False)),
                ("revealed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("seed", fields.CharField(default="", max_length=64)),
            ],
            options={"table": "draw_day", "app": "models", "unique_together": (("draw", "day"),), "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="DrawPlayer",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.Draw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="players",
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
                        related_name="draws_played",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("spins", CountField(default=0)),
                ("since", CountField(default=0)),
                ("wins", JsonField(default=dict)),
                ("day", fields.CharField(default="", max_length=10)),
                ("free_used", CountField(default=0)),
                ("wins_today", JsonField(default=dict)),
            ],
            options={
                "table": "draw_player",
                "app": "models",
                "unique_together": (("draw", "member"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="DrawPrize",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.Draw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="prizes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(max_length=32)),
                ("added_count", CountField(null=True)),
                ("left_count", CountField(null=True)),
                ("returned_count", CountField(default=0)),
                ("awarded_count", CountField(default=0)),
                ("day", fields.CharField(default="", max_length=10)),
                ("day_count", CountField(default=0)),
            ],
            options={"table": "draw_prize", "app": "models", "unique_together": (("draw", "code"),), "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="DrawStockChange",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.Draw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="stock_changes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(max_length=32)),
                ("delta", fields.IntField()),
                ("reason", fields.CharField(default="", max_length=200)),
                (
                    "operator",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="operator_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="draw_stock_changes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "draw_stock_change",
                "app": "models",
                "indexes": [Index(fields=["draw_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="DrawVersion",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.Draw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="versions",
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
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="draw_versions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("published_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "draw_version",
                "app": "models",
                "unique_together": (("draw", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Spin",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.Draw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="spins",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("sequence", CountField()),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="spins",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("act_id", fields.UUIDField()),
                ("day", fields.CharField(max_length=10)),
                ("commitment", CountField()),
                ("rolled", fields.CharField(max_length=32)),
                ("awarded", fields.CharField(max_length=32)),
                ("paid_by", fields.CharEnumField(description="", enum_type=SpinPaid, max_length=32)),
                ("points", FenField(default=0)),
                ("row", fields.TextField(unique=False)),
                ("chain_hash", fields.CharField(max_length=64)),
                (
                    "claim",
                    fields.ForeignKeyField(
                        "models.Claim",
                        source_field="claim_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="spins",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "spin",
                "app": "models",
                "unique_together": (("draw", "sequence"),),
                "indexes": [Index(fields=["member_id", "draw_id", "sequence"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Parcel",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "spin",
                    fields.OneToOneField(
                        "models.Spin",
                        source_field="spin_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="parcel",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.Draw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="parcels",
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
                        related_name="parcels",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(max_length=32)),
                ("name", fields.CharField(max_length=64)),
                (
                    "state",
                    fields.CharEnumField(
                        default=ParcelState.WAITING, description="", enum_type=ParcelState, max_length=32
                    ),
                ),
                ("address_cipher", fields.TextField(default="", unique=False)),
                ("deadline_at", UtcField(auto_now=False, auto_now_add=False)),
                ("waybill", fields.CharField(default="", max_length=64)),
                ("sent_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "parcel",
                "app": "models",
                "indexes": [Index(fields=["member_id", "id"]), Index(fields=["draw_id", "state"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
