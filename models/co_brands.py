"""联名会员: agreements with partners, who came and joined by whose entry, what each side gives. docs/adr/0039."""

from tortoise import fields

from models.base import TimestampedModel
from models.channels import Channel
from models.fields import CountField, FenField, UtcField, WordField
from models.identity import Member
from models.operators import Operator
from models.organizations import Organization
from models.plans import MembershipTerm, Plan
from models.programmes import Merchant, Programme
from models.words import CoBrandParty, CoBrandState


class CoBrand(TimestampedModel):
    """One agreement between the programme and a partner: either an organization or a merchant.

    Free, whoever joins is given the plan's time, within the agreement's; otherwise they have bought the plan before.
    `plan_version`: of the plan when it was published; 0: not yet. `channel`: by which the partner asks.
    """

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="co_brands"
    )
    code = fields.CharField(max_length=32)
    state = WordField(CoBrandState, default=CoBrandState.DRAFT)
    name = fields.CharField(max_length=64)
    partner_name = fields.CharField(max_length=64)
    description = fields.CharField(max_length=512, default="")
    partner_organization: fields.ForeignKeyNullableRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", null=True, on_delete=fields.RESTRICT, related_name="co_brands"
    )
    partner_merchant: fields.ForeignKeyNullableRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", null=True, on_delete=fields.RESTRICT, related_name="co_brands"
    )
    channel: fields.ForeignKeyNullableRelation[Channel] = fields.ForeignKeyField(
        "models.Channel", null=True, on_delete=fields.RESTRICT, related_name="co_brands"
    )
    plan: fields.ForeignKeyRelation[Plan] = fields.ForeignKeyField(
        "models.Plan", on_delete=fields.RESTRICT, related_name="co_brands"
    )
    plan_version = CountField(default=0)
    is_free = fields.BooleanField(default=True)
    starts_at = UtcField()
    ends_at = UtcField()
    published_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="co_brands"
    )
    published_at = UtcField(null=True)
    ended_at = UtcField(null=True)

    class Meta:
        table = "co_brand"
        unique_together = (("programme", "code"),)


class CoBrandSide(TimestampedModel):
    """What one side brings: its entry code, and what it gives for each who joins until the cap is reached, in fen."""

    co_brand: fields.ForeignKeyRelation[CoBrand] = fields.ForeignKeyField(
        "models.CoBrand", on_delete=fields.RESTRICT, related_name="sides"
    )
    party = WordField(CoBrandParty)
    code = fields.CharField(max_length=32, unique=True)  # the scene; opaque
    picture = fields.TextField(default="")  # of the mini-program code, in base64; empty: not asked for yet
    subsidy_fen = FenField(default=0)
    cap_fen = FenField(default=0)
    given_fen = FenField(default=0)  # moves by a guarded update, each with a row of `co_brand_subsidy`

    class Meta:
        table = "co_brand_side"
        unique_together = (("co_brand", "party"),)


class CoBrandVisit(TimestampedModel):
    """Somebody came by the entry of one side on a business day: once a day, append-only. The first one counts."""

    side: fields.ForeignKeyRelation[CoBrandSide] = fields.ForeignKeyField(
        "models.CoBrandSide", on_delete=fields.RESTRICT, related_name="visits"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="co_brand_visits"
    )
    business_on = fields.CharField(max_length=10)  # YYYY-MM-DD in the programme's zone
    visited_at = UtcField()

    class Meta:
        table = "co_brand_visit"
        unique_together = (("side", "member", "business_on"),)
        indexes = (("member_id",),)


class CoBrandMembership(TimestampedModel):
    """Somebody joined an agreement, once, brought by one side: append-only.

    `term`: what they were given or had bought. `partner_ref`: by which the partner knows them, where they allow it;
    another one at every partner.
    """

    co_brand: fields.ForeignKeyRelation[CoBrand] = fields.ForeignKeyField(
        "models.CoBrand", on_delete=fields.RESTRICT, related_name="memberships"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="co_brand_memberships"
    )
    side: fields.ForeignKeyRelation[CoBrandSide] = fields.ForeignKeyField(
        "models.CoBrandSide", on_delete=fields.RESTRICT, related_name="memberships"
    )
    term: fields.OneToOneRelation[MembershipTerm] = fields.OneToOneField(
        "models.MembershipTerm", on_delete=fields.RESTRICT, related_name="co_brand_membership"
    )
    partner_ref = fields.CharField(max_length=32, unique=True)
    joined_on = fields.CharField(max_length=10)  # YYYY-MM-DD in the programme's zone
    joined_at = UtcField()

    class Meta:
        table = "co_brand_membership"
        indexes = (("side_id", "joined_on"), ("member_id",))


class CoBrandSubsidy(TimestampedModel):
    """What one side gives for one who joined: once for each, append-only."""

    membership: fields.ForeignKeyRelation[CoBrandMembership] = fields.ForeignKeyField(
        "models.CoBrandMembership", on_delete=fields.RESTRICT, related_name="subsidies"
    )
    side: fields.ForeignKeyRelation[CoBrandSide] = fields.ForeignKeyField(
        "models.CoBrandSide", on_delete=fields.RESTRICT, related_name="subsidies"
    )
    amount_fen = FenField()

    class Meta:
        table = "co_brand_subsidy"
        unique_together = (("membership", "side"),)
