"""Promoters, whom they brought, and commissions. Rules: `handlers/rules/commission.py`; decision: docs/adr/0033."""

from tortoise import fields

from models.accounts import Account
from models.base import TimestampedModel
from models.distribution_fields import DistributionLevelField, SignedFenField, TakenBackField
from models.fields import BasisPointField, CountField, FenField, JsonField, UtcField, WordField
from models.identity import Member
from models.operators import Operator
from models.orders import Order, OrderRefund
from models.programmes import Programme
from models.words import CommissionState, PromoterState


class Promoter(TimestampedModel):
    """A member who may bring others (分销员), or asked to. It costs nothing. `grade` is a word of the rules' rates."""

    member: fields.OneToOneRelation[Member] = fields.OneToOneField(
        "models.Member", on_delete=fields.RESTRICT, related_name="promoter"
    )
    state = WordField(PromoterState, default=PromoterState.WAITING)
    grade = fields.CharField(max_length=32, default="")
    applied_at = UtcField()
    decided_at = UtcField(null=True)
    reason = fields.CharField(max_length=80, default="")  # why they were refused or stopped, for them to read

    class Meta:
        table = "promoter"


class PromoterLink(TimestampedModel):
    """One promoter's opaque code for one page, and the pictures and links that WeChat made of it, kept to be shown."""

    promoter: fields.ForeignKeyRelation[Promoter] = fields.ForeignKeyField(
        "models.Promoter", on_delete=fields.RESTRICT, related_name="links"
    )
    target = fields.CharField(max_length=36, default="")  # an offer's id; empty: the front page
    code = fields.CharField(max_length=32, unique=True)  # the scene
    picture = fields.TextField(default="")  # of the mini-program code, in base64
    qr_url = fields.CharField(max_length=255, default="")
    qr_image_url = fields.CharField(max_length=512, default="")
    qr_ends_at = UtcField(null=True)
    url = fields.CharField(max_length=255, default="")
    url_ends_at = UtcField(null=True)

    class Meta:
        table = "promoter_link"
        unique_together = (("promoter", "target"),)


class PromoterBinding(TimestampedModel):
    """Who brought a member: the first touch counts until `ends_at`, and only then can another one begin."""

    member: fields.OneToOneRelation[Member] = fields.OneToOneField(
        "models.Member", on_delete=fields.RESTRICT, related_name="brought_by"
    )
    promoter: fields.ForeignKeyRelation[Promoter] = fields.ForeignKeyField(
        "models.Promoter", on_delete=fields.RESTRICT, related_name="bindings"
    )
    link: fields.ForeignKeyRelation[PromoterLink] = fields.ForeignKeyField(
        "models.PromoterLink", on_delete=fields.RESTRICT, related_name="bindings"
    )
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=fields.RESTRICT, related_name="bindings"
    )
    touched_at = UtcField()
    ends_at = UtcField()

    class Meta:
        table = "promoter_binding"
        indexes = (("promoter_id", "id"),)


class CommissionDraft(TimestampedModel):
    """The rules of a programme as they are being written."""

    programme: fields.OneToOneRelation[Programme] = fields.OneToOneField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="commission_draft"
    )
    terms = JsonField()
    edited_at = UtcField()

    class Meta:
        table = "commission_draft"


class CommissionRule(TimestampedModel):
    """One published version of the rules: append-only. Columns are what statements read; the rest is in `terms`."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="commission_rules"
    )
    number = CountField()
    level_count = DistributionLevelField(default=1)
    window_days = CountField()
    protection_days = CountField()
    hold_days = CountField()
    freeze_days = CountField()
    cap_bp = BasisPointField()
    terms = JsonField()
    published_by: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="commission_rules"
    )
    published_at = UtcField()

    class Meta:
        table = "commission_rule"
        unique_together = (("programme", "number"),)


class CommissionSwitch(TimestampedModel):
    """The kill switch of one level: while it is off, no sale gives a commission of that level."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="commission_switches"
    )
    level = DistributionLevelField()
    is_off = fields.BooleanField(default=False)
    changed_at = UtcField()

    class Meta:
        table = "commission_switch"
        unique_together = (("programme", "level"),)


class OrderPromoter(TimestampedModel):
    """Who brought an order about when it was made, at which rate of which version: what counts when it is paid."""

    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", on_delete=fields.RESTRICT, related_name="promoters"
    )
    level = DistributionLevelField()
    promoter: fields.ForeignKeyRelation[Promoter] = fields.ForeignKeyField(
        "models.Promoter", on_delete=fields.RESTRICT, related_name="orders"
    )
    rule: fields.ForeignKeyRelation[CommissionRule] = fields.ForeignKeyField(
        "models.CommissionRule", on_delete=fields.RESTRICT, related_name="orders"
    )
    rate_bp = BasisPointField()

    class Meta:
        table = "order_promoter"
        unique_together = (("order", "level"),)


class Commission(TimestampedModel):
    """What a promoter earns of one order (佣金), or, with `reverses`, what a refund takes back of that.

    The amount of a row never changes; `back_fen` counts what the rows that reverse it took. The same stands in the
    ledger: pending until it is available, then the member's own.
    """

    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", on_delete=fields.RESTRICT, related_name="commissions"
    )
    level = DistributionLevelField()
    promoter: fields.ForeignKeyRelation[Promoter] = fields.ForeignKeyField(
        "models.Promoter", on_delete=fields.RESTRICT, related_name="commissions"
    )
    rule: fields.ForeignKeyRelation[CommissionRule] = fields.ForeignKeyField(
        "models.CommissionRule", on_delete=fields.RESTRICT, related_name="commissions"
    )
    base_fen = FenField()  # what was really paid
    rate_bp = BasisPointField()
    amount_fen = SignedFenField()
    back_fen = TakenBackField(default=0)
    state = WordField(CommissionState, default=CommissionState.PENDING)
    reverses: fields.ForeignKeyNullableRelation["Commission"] = fields.ForeignKeyField(
        "models.Commission", null=True, on_delete=fields.RESTRICT, related_name="reversals"
    )
    refund: fields.ForeignKeyNullableRelation[OrderRefund] = fields.ForeignKeyField(
        "models.OrderRefund", null=True, on_delete=fields.RESTRICT, related_name="commissions"
    )
    earned_at = UtcField()
    frozen_until = UtcField(null=True)
    released_at = UtcField(null=True)
    due_at = UtcField(null=True)  # when it is looked at next; null: nothing more happens by itself

    class Meta:
        table = "commission"
        indexes = (("promoter_id", "id"),)


class PromoterDay(TimestampedModel):
    """What one promoter brought on one business day: counted again by a job, never by whoever buys."""

    promoter: fields.ForeignKeyRelation[Promoter] = fields.ForeignKeyField(
        "models.Promoter", on_delete=fields.RESTRICT, related_name="days"
    )
    business_on = fields.CharField(max_length=10)  # of the programme's zone, as 2026-11-27
    came_count = CountField(default=0)
    order_count = CountField(default=0)
    paid_fen = FenField(default=0)
    commission_fen = FenField(default=0)  # earned that day, whatever was taken back since

    class Meta:
        table = "promoter_day"
        unique_together = (("promoter", "business_on"),)
        indexes = (("business_on", "paid_fen"),)
