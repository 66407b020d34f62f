from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField, JsonField, UtcField
from models.ids import new_id
from models.words import (
    AccountKind,
    AccountMode,
    ConsentPurpose,
    IdentifierStatus,
    IdentityAct,
    JobState,
    MemberStatus,
    Namespace,
    Touchpoint,
)


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="CronSlot",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("name", fields.CharField(max_length=64)),
                ("slot", fields.CharField(max_length=32)),
            ],
            options={"table": "cron_slot", "app": "models", "unique_together": (("name", "slot"),), "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Job",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("kind", fields.CharField(max_length=64)),
                ("key", fields.CharField(unique=True, max_length=191)),
                ("payload", JsonField(default=dict)),
                (
                    "state",
                    fields.CharEnumField(default=JobState.READY, description="", enum_type=JobState, max_length=32),
                ),
                ("run_at", UtcField(auto_now=False, auto_now_add=False)),
                ("order_key", fields.CharField(null=True, max_length=96)),
                ("attempt_count", CountField(default=0)),
                ("fence", CountField(default=0)),
                ("lease_owner", fields.CharField(null=True, max_length=64)),
                ("lease_until", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("last_error", fields.CharField(default="", max_length=500)),
                ("finished_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "job", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Organization",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "parent",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="parent_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="children",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=64)),
                ("name", fields.CharField(max_length=128)),
            ],
            options={"table": "organization", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Account",
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
                        related_name="accounts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("key", fields.CharField(unique=True, max_length=32)),
                ("kind", fields.CharEnumField(description="", enum_type=AccountKind, max_length=32)),
                ("mode", fields.CharEnumField(description="", enum_type=AccountMode, max_length=32)),
                ("app_id", fields.CharField(unique=True, max_length=64)),
                ("original_id", fields.CharField(default="", max_length=64)),
                ("open_platform", fields.CharField(default="", max_length=64)),
                ("secret_cipher", fields.TextField(unique=False)),
                ("token_cipher", fields.TextField(unique=False)),
                ("aes_key_cipher", fields.TextField(default="", unique=False)),
                ("previous_aes_key_cipher", fields.TextField(default="", unique=False)),
                ("template_ids", JsonField(default=dict)),
                ("brand_name", fields.CharField(default="", max_length=64)),
                ("service_phone", fields.CharField(default="", max_length=32)),
                ("service_hours", fields.CharField(default="", max_length=64)),
                ("menu", JsonField(null=True)),
                ("updated_at", UtcField(auto_now=True, auto_now_add=False)),
            ],
            options={"table": "account", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Member",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("ordinal", fields.IntField(unique=True)),
                (
                    "status",
                    fields.CharEnumField(
                        default=MemberStatus.ACTIVE, description="", enum_type=MemberStatus, max_length=32
                    ),
                ),
                (
                    "canonical",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="canonical_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="merged_members",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="members",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", fields.CharField(null=True, unique=True, max_length=16)),
                ("joined_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "joined_through",
                    fields.CharEnumField(null=True, description="", enum_type=Touchpoint, max_length=32),
                ),
                ("profile_cipher", fields.TextField(default="", unique=False)),
                ("phone_tail", fields.CharField(default="", max_length=4)),
            ],
            options={"table": "member", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Attribution",
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
                        related_name="attribution",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="attributions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("scene", fields.CharField(max_length=64)),
                ("touched_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "attribution", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Consent",
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
                        related_name="consents",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("purpose", fields.CharEnumField(description="", enum_type=ConsentPurpose, max_length=32)),
                ("version", fields.CharField(max_length=32)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="consents",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("given_through", fields.CharEnumField(description="", enum_type=Touchpoint, max_length=32)),
                ("given_at", UtcField(auto_now=False, auto_now_add=False)),
                ("withdrawn_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "consent", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Follower",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="followers",
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
                        related_name="followings",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("followed_at", UtcField(auto_now=False, auto_now_add=False)),
                ("unfollowed_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "follower",
                "app": "models",
                "unique_together": (("account", "member"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Identifier",
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
                        related_name="identifiers",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("namespace", fields.CharEnumField(description="", enum_type=Namespace, max_length=32)),
                ("scope", fields.CharField(max_length=64)),
                ("value_hash", fields.CharField(max_length=64)),
                ("value_cipher", fields.TextField(unique=False)),
                (
                    "status",
                    fields.CharEnumField(
                        default=IdentifierStatus.ACTIVE, description="", enum_type=IdentifierStatus, max_length=32
                    ),
                ),
                ("verified_at", UtcField(auto_now=False, auto_now_add=False)),
                ("verified_by", fields.CharField(max_length=32)),
                ("last_seen_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "identifier",
                "app": "models",
                "indexes": [Index(fields=["member_id", "namespace"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="IdentityEvent",
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
                        related_name="identity_events",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("act", fields.CharEnumField(description="", enum_type=IdentityAct, max_length=32)),
                ("namespace", fields.CharEnumField(null=True, description="", enum_type=Namespace, max_length=32)),
                ("scope", fields.CharField(default="", max_length=64)),
                ("value_mark", fields.CharField(default="", max_length=16)),
                (
                    "other_member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="other_member_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="identity_events_as_other",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("evidence", JsonField(default=dict)),
                ("happened_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "identity_event",
                "app": "models",
                "indexes": [Index(fields=["member_id", "happened_at"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="MemberMerge",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "winner",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="winner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="merges_won",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "loser",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="loser_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="merges_lost",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("reason", fields.CharField(max_length=64)),
                ("moved", JsonField(default=dict)),
                ("merged_at", UtcField(auto_now=False, auto_now_add=False)),
                ("reversible_until", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "member_merge", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="Request",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("actor_kind", fields.CharField(max_length=32)),
                ("actor_id", fields.CharField(max_length=64)),
                ("operation", fields.CharField(max_length=64)),
                ("key", fields.CharField(max_length=255)),
                ("fingerprint", fields.CharField(max_length=64)),
                ("result", JsonField()),
            ],
            options={
                "table": "request",
                "app": "models",
                "unique_together": (("actor_kind", "actor_id", "operation", "key"),),
                "indexes": [Index(fields=["created_at"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
