"""The pool: what can be had, the offers by which it is had, and their stock. Rules: `handlers/benefits/benefits.py`."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import BasisPointField, CountField, FenField, JsonField, UtcField, WordField
from models.operators import Operator
from models.organizations import Organization
from models.programmes import Merchant
from models.words import BenefitKind, BenefitState, OfferState


class Benefit(TimestampedModel):
    """One thing that members can get, brought in by an organization. `terms` are those of its kind."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="benefits"
    )
    merchant: fields.ForeignKeyNullableRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", null=True, on_delete=fields.RESTRICT, related_name="benefits"
    )
    code = fields.CharField(max_length=64, unique=True)
    name = fields.CharField(max_length=64)
    description = fields.CharField(max_length=512, default="")
    category = fields.CharField(max_length=32, default="")
    kind = WordField(BenefitKind)
    state = WordField(BenefitState, default=BenefitState.DRAFT)
    terms = JsonField(default=dict)
    settlement_price_fen = FenField(default=0)  # what a whole redemption is settled at
    operator_share_bp = BasisPointField(default=10_000)
    is_offline_allowed = fields.BooleanField(default=False)
    is_paused = fields.BooleanField(default=False)  # nobody can claim or redeem it meanwhile
    review_note = fields.CharField(max_length=200, default="")  # why it came back from review

    class Meta:
        table = "benefit"
        indexes = (("organization_id", "state"),)


class BenefitQuota(TimestampedModel):
    """How much of a benefit a parent organization has allotted to a child; `left` never passes zero."""

    benefit: fields.ForeignKeyRelation[Benefit] = fields.ForeignKeyField(
        "models.Benefit", on_delete=fields.RESTRICT, related_name="quotas"
    )
    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="quotas"
    )
    allotted_count = CountField(default=0)
    left_count = CountField(default=0)

    class Meta:
        table = "benefit_quota"
        unique_together = (("benefit", "organization"),)


class Offer(TimestampedModel):
    """How a benefit is had. `terms` are the draft's; members see and claim the version that was published last."""

    benefit: fields.ForeignKeyRelation[Benefit] = fields.ForeignKeyField(
        "models.Benefit", on_delete=fields.RESTRICT, related_name="offers"
    )
    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="offers"
    )
    code = fields.CharField(max_length=64, unique=True)
    keyword = fields.CharField(max_length=32, default="")  # 领 <keyword> in chat
    state = WordField(OfferState, default=OfferState.DRAFT)
    version = CountField(default=0)  # of what is published; 0: nothing yet
    terms = JsonField(default=dict)
    opens_at = UtcField(null=True)
    closes_at = UtcField(null=True)

    class Meta:
        table = "offer"
        indexes = (("state", "organization_id"),)


class OfferVersion(TimestampedModel):
    """What was published: append-only, so that a claim keeps the terms it was made under."""

    offer: fields.ForeignKeyRelation[Offer] = fields.ForeignKeyField(
        "models.Offer", on_delete=fields.RESTRICT, related_name="versions"
    )
    number = CountField()
    terms = JsonField()
    published_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="offer_versions"
    )
    published_at = UtcField()

    class Meta:
        table = "offer_version"
        unique_together = (("offer", "number"),)


class OfferStock(TimestampedModel):
    """One counter of an offer: `total`, a day (`day:2026-11-22`), or a wave (`wave:2026-11-22T10:00`).

    added = left + taken, always; `left` never passes zero (invariant I3). An offer without rows has no limit.
    """

    offer: fields.ForeignKeyRelation[Offer] = fields.ForeignKeyField(
        "models.Offer", on_delete=fields.RESTRICT, related_name="stocks"
    )
    bucket = fields.CharField(max_length=32)
    added_count = CountField(default=0)
    left_count = CountField(default=0)
    taken_count = CountField(default=0)

    class Meta:
        table = "offer_stock"
        unique_together = (("offer", "bucket"),)


class StockChange(TimestampedModel):
    """What was added to a stock or taken from it by an operator: append-only."""

    offer: fields.ForeignKeyRelation[Offer] = fields.ForeignKeyField(
        "models.Offer", on_delete=fields.RESTRICT, related_name="stock_changes"
    )
    bucket = fields.CharField(max_length=32)
    delta = fields.IntField()
    reason = fields.CharField(max_length=200, default="")
    operator: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="stock_changes"
    )
    approved_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="approved_stock_changes"
    )

    class Meta:
        table = "stock_change"
        indexes = (("offer_id",),)


class CodePool(TimestampedModel):
    """A third party's codes, imported; each is given out once."""

    benefit: fields.ForeignKeyRelation[Benefit] = fields.ForeignKeyField(
        "models.Benefit", on_delete=fields.RESTRICT, related_name="code_pools"
    )
    code = fields.CharField(max_length=64, unique=True)
    name = fields.CharField(max_length=64)
    expires_at = UtcField(null=True)  # the third party's own end of the codes

    class Meta:
        table = "code_pool"
