"""积分: how they are earned and end, what limits them, and what operators gave or took by hand. docs/adr/0021."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, FenField, UtcField, WordField
from models.identity import Member
from models.ledger_fields import BudgetField
from models.operators import Operator
from models.programmes import Programme
from models.words import PointsExpiry


class PointsTerms(TimestampedModel):
    """What holds for the points of a programme from now on; lots that exist keep the end they were given."""

    programme: fields.OneToOneRelation[Programme] = fields.OneToOneField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="points_terms"
    )
    expiry = WordField(PointsExpiry, default=PointsExpiry.NEVER)
    expiry_count = CountField(default=0)  # days, months or years; 0: what is earned now ends with this month or year
    grace_days = CountField(default=0)  # what comes back of a lot that is over lives at least so long
    budget: fields.Field[int | None] = FenField(null=True)  # points that rules may give in all; null: no limit
    budget_used = BudgetField(default=0)
    updated_at = UtcField()

    class Meta:
        table = "points_terms"


class EarningRule(TimestampedModel):
    """A reason for which points are given, and how many one member gets for it within a natural period."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="earning_rules"
    )
    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=64)  # what members read in their entries
    pending_days = CountField(default=0)  # from the day of earning until they can be spent
    cap_amount: fields.Field[int | None] = FenField(null=True)  # null: no limit
    cap_period = fields.CharField(max_length=8, default="day")
    is_active = fields.BooleanField(default=True)

    class Meta:
        table = "earning_rule"
        unique_together = (("programme", "code"),)


class EarningCount(TimestampedModel):
    """How many points a member got by a rule within one of its periods: moves by a guarded update."""

    rule: fields.ForeignKeyRelation[EarningRule] = fields.ForeignKeyField(
        "models.EarningRule", on_delete=fields.RESTRICT, related_name="counts"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="earning_counts"
    )
    period = fields.CharField(max_length=32)  # `ever`, `day:2026-11-22`, `week:2026-W47`, `month:2026-11`
    amount = FenField(default=0)

    class Meta:
        table = "earning_count"
        unique_together = (("rule", "member", "period"),)


class PointsAdjustment(TimestampedModel):
    """What an operator gave a member or took by hand, and why: append-only, the cause of its transfer."""

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="points_adjustments"
    )
    delta = fields.IntField()
    reason = fields.CharField(max_length=200)
    operator: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="points_adjustments"
    )
    approved_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="approved_points_adjustments"
    )
    happened_at = UtcField()

    class Meta:
        table = "points_adjustment"
        indexes = (("member_id", "id"),)
