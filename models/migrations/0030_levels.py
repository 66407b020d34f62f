from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, JsonField, UtcField
from models.ids import new_id
from models.words import DowngradePolicy, LevelCause, PointsExpiry, RightPeriod, RightState


class Migration(migrations.Migration):
    dependencies = [("models", "0029_points_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="LadderDraft",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "programme",
                    fields.OneToOneField(
                        "models.Programme",
                        source_field="programme_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="ladder_draft",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("terms", JsonField()),
                ("updated_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "ladder_draft", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="LevelChange",
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
                        related_name="level_changes",
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
                        related_name="level_changes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", CountField()),
                ("cause", fields.CharEnumField(description="", enum_type=LevelCause, max_length=32)),
                ("cause_id", fields.CharField(default="", max_length=64)),
                ("from_code", fields.CharField(default="", max_length=32)),
                ("code", fields.CharField(default="", max_length=32)),
                ("version", CountField()),
                ("growth", FenField()),
                ("began_at", UtcField(auto_now=False, auto_now_add=False)),
                ("judged_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("override_until", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("reason", fields.CharField(default="", max_length=200)),
                (
                    "operator",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="operator_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="level_changes",
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
                        related_name="approved_level_changes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "level_change",
                "app": "models",
                "unique_together": (("programme", "member", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="LevelLadder",
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
                        related_name="ladders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", CountField()),
                ("downgrade", fields.CharEnumField(description="", enum_type=DowngradePolicy, max_length=32)),
                (
                    "published_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="published_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="ladders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("published_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "level_ladder",
                "app": "models",
                "unique_together": (("programme", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="LadderLevel",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "ladder",
                    fields.ForeignKeyField(
                        "models.LevelLadder",
                        source_field="ladder_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="levels",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("rank", CountField()),
                ("code", fields.CharField(max_length=32)),
                ("name", fields.CharField(max_length=64)),
                ("threshold", FenField()),
                ("validity", fields.CharEnumField(description="", enum_type=PointsExpiry, max_length=32)),
                ("validity_count", CountField(default=0)),
                ("keep_growth", FenField(default=0)),
            ],
            options={
                "table": "ladder_level",
                "app": "models",
                "unique_together": (("ladder", "rank"), ("ladder", "code")),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="LevelRight",
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
                        related_name="level_rights",
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
                        related_name="level_rights",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(max_length=32)),
                ("name", fields.CharField(max_length=64)),
                ("levels", JsonField()),
                ("period", fields.CharEnumField(description="", enum_type=RightPeriod, max_length=32)),
                (
                    "state",
                    fields.CharEnumField(default=RightState.DRAFT, description="", enum_type=RightState, max_length=32),
                ),
                ("published_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "level_right",
                "app": "models",
                "unique_together": (("programme", "code"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="LevelRightGiven",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "right",
                    fields.ForeignKeyField(
                        "models.LevelRight",
                        source_field="right_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="given",
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
                        related_name="level_rights_given",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("period", fields.CharField(max_length=32)),
                ("level", fields.CharField(max_length=32)),
                (
                    "claim",
                    fields.ForeignKeyField(
                        "models.Claim",
                        source_field="claim_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="level_rights_given",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("given_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "level_right_given",
                "app": "models",
                "unique_together": (("right", "member", "period"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="MemberLevel",
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
                        related_name="member_levels",
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
                        related_name="member_levels",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(default="", max_length=32)),
                ("version", CountField()),
                ("began_at", UtcField(auto_now=False, auto_now_add=False)),
                ("judged_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("override_until", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("sequence", CountField()),
            ],
            options={
                "table": "member_level",
                "app": "models",
                "unique_together": (("programme", "member"),),
                "indexes": [Index(fields=["judged_at"]), Index(fields=["override_until"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
