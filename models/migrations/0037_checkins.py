from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, FenField, JsonField, UtcField
from models.ids import new_id
from models.words import RewardedAct, TaskState


class Migration(migrations.Migration):
    dependencies = [("models", "0036_purchase_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="CheckInTerms",
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
                        related_name="check_in_terms",
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
                        related_name="check_in_terms",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("published_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "check_in_terms",
                "app": "models",
                "unique_together": (("programme", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="CheckIn",
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
                        related_name="check_ins",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("business_on", fields.CharField(max_length=10)),
                ("is_made_up", fields.BooleanField(default=False)),
                ("streak_count", CountField()),
                (
                    "terms",
                    fields.ForeignKeyField(
                        "models.CheckInTerms",
                        source_field="terms_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="check_ins",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("checked_in_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "check_in",
                "app": "models",
                "unique_together": (("member", "business_on"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="GivenReward",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("act", fields.CharEnumField(description="", enum_type=RewardedAct, max_length=32)),
                ("act_id", fields.UUIDField()),
                ("part", fields.CharField(max_length=16)),
                ("place", CountField()),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="given_rewards",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("kind", fields.CharField(max_length=32)),
                ("code", fields.CharField(default="", max_length=64)),
                ("wanted", FenField()),
                ("amount", FenField()),
                ("given_id", fields.UUIDField(null=True)),
                ("cut_by", fields.CharField(default="", max_length=32)),
                ("given_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "given_reward",
                "app": "models",
                "unique_together": (("act_id", "part", "place"),),
                "indexes": [Index(fields=["member_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Invitation",
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
                        related_name="invitations",
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
                        related_name="invitations",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=32)),
            ],
            options={
                "table": "invitation",
                "app": "models",
                "unique_together": (("programme", "member"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Task",
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
                        related_name="tasks",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=32)),
                (
                    "state",
                    fields.CharEnumField(default=TaskState.DRAFT, description="", enum_type=TaskState, max_length=32),
                ),
                ("version", CountField(default=0)),
                ("terms", JsonField(default=dict)),
            ],
            options={"table": "task", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="FinishedTask",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "task",
                    fields.ForeignKeyField(
                        "models.Task",
                        source_field="task_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="finished",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("version", CountField()),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="finished_tasks",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("period", fields.CharField(max_length=32)),
                ("subject", fields.CharField(default="", max_length=36)),
                ("finished_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "finished_task",
                "app": "models",
                "unique_together": (("task", "member", "period", "subject"),),
                "indexes": [Index(fields=["member_id", "id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="TaskVersion",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "task",
                    fields.ForeignKeyField(
                        "models.Task",
                        source_field="task_id",
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
                        db_constraint=True,
                        to_field="id",
                        related_name="task_versions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("published_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "task_version",
                "app": "models",
                "unique_together": (("task", "number"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
