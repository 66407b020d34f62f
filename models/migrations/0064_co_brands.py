from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.co_brand_words import CoBrandParty, CoBrandState
from models.fields import CountField, FenField, UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0063_fee_share_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="CoBrand",
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
                        related_name="co_brands",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(max_length=32)),
                (
                    "state",
                    fields.CharEnumField(
                        default=CoBrandState.DRAFT, description="", enum_type=CoBrandState, max_length=32
                    ),
                ),
                ("name", fields.CharField(max_length=64)),
                ("partner_name", fields.CharField(max_length=64)),
                ("description", fields.CharField(default="", max_length=512)),
                (
                    "partner_organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="partner_organization_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="co_brands",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "partner_merchant",
                    fields.ForeignKeyField(
                        "models.Merchant",
                        source_field="partner_merchant_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="co_brands",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "channel",
                    fields.ForeignKeyField(
                        "models.Channel",
                        source_field="channel_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="co_brands",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "plan",
                    fields.ForeignKeyField(
                        "models.Plan",
                        source_field="plan_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="co_brands",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("plan_version", CountField(default=0)),
                ("is_free", fields.BooleanField(default=True)),
                ("starts_at", UtcField(auto_now=False, auto_now_add=False)),
                ("ends_at", UtcField(auto_now=False, auto_now_add=False)),
                (
                    "published_by",
                    fields.ForeignKeyField(
                        "models.Operator",
                        source_field="published_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="co_brands",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("published_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "co_brand",
                "app": "models",
                "unique_together": (("programme", "code"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="CoBrandSide",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "co_brand",
                    fields.ForeignKeyField(
                        "models.CoBrand",
                        source_field="co_brand_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="sides",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("party", fields.CharEnumField(description="", enum_type=CoBrandParty, max_length=32)),
                ("code", fields.CharField(unique=True, max_length=32)),
                ("picture", fields.TextField(default="", unique=False)),
                ("subsidy_fen", FenField(default=0)),
                ("cap_fen", FenField(default=0)),
                ("given_fen", FenField(default=0)),
            ],
            options={
                "table": "co_brand_side",
                "app": "models",
                "unique_together": (("co_brand", "party"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="CoBrandMembership",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "co_brand",
                    fields.ForeignKeyField(
                        "models.CoBrand",
                        source_field="co_brand_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="memberships",
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
                        related_name="co_brand_memberships",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "side",
                    fields.ForeignKeyField(
                        "models.CoBrandSide",
                        source_field="side_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="memberships",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "term",
                    fields.OneToOneField(
                        "models.MembershipTerm",
                        source_field="term_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="co_brand_membership",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("partner_ref", fields.CharField(unique=True, max_length=32)),
                ("joined_on", fields.CharField(max_length=10)),
                ("joined_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "co_brand_membership",
                "app": "models",
                "indexes": [Index(fields=["side_id", "joined_on"]), Index(fields=["member_id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="CoBrandSubsidy",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "membership",
                    fields.ForeignKeyField(
                        "models.CoBrandMembership",
                        source_field="membership_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="subsidies",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "side",
                    fields.ForeignKeyField(
                        "models.CoBrandSide",
                        source_field="side_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="subsidies",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount_fen", FenField()),
            ],
            options={
                "table": "co_brand_subsidy",
                "app": "models",
                "unique_together": (("membership", "side"),),
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
        ops.CreateModel(
            name="CoBrandVisit",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                (
                    "side",
                    fields.ForeignKeyField(
                        "models.CoBrandSide",
                        source_field="side_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="visits",
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
                        related_name="co_brand_visits",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("business_on", fields.CharField(max_length=10)),
                ("visited_at", UtcField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "co_brand_visit",
                "app": "models",
                "unique_together": (("side", "member", "business_on"),),
                "indexes": [Index(fields=["member_id"])],
                "pk_attr": "id",
            },
            bases=["TimestampedModel"],
        ),
    ]
