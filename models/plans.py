"""付费会员: plans, what was bought of them, and until when a member has what. Rules: `handlers/rules/plans.py`.

A paid membership is a level with an end (docs/adr/0032): what it brings are the rights of that level.
"""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, FenField, JsonField, UtcField, WordField
from models.identity import Member
from models.operators import Operator
from models.orders import Order
from models.programmes import Programme
from models.words import PlanState, PlanWay, TermCause


class Plan(TimestampedModel):
    """Something that makes a paid member. `terms` are the draft's; what is sold is the version published last."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="plans"
    )
    code = fields.CharField(max_length=32)
    state = WordField(PlanState, default=PlanState.DRAFT)
    version = CountField(default=0)  # of what is published; 0: nothing yet
    terms = JsonField()

    class Meta:
        table = "membership_plan"
        unique_together = (("programme", "code"),)


class PlanVersion(TimestampedModel):
    """What was published: append-only, so that an order keeps the terms it was made under."""

    plan: fields.ForeignKeyRelation[Plan] = fields.ForeignKeyField(
        "models.Plan", on_delete=fields.RESTRICT, related_name="versions"
    )
    number = CountField()
    terms = JsonField()
    published_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="plan_versions"
    )
    published_at = UtcField()

    class Meta:
        table = "membership_plan_version"
        unique_together = (("plan", "number"),)


class PlanOrder(TimestampedModel):
    """What an order that names no offer is of, beside its row: append-only.

    `expected_sequence`: an upgrade was priced for the membership as it stood then, and is given for no other.
    """

    order: fields.OneToOneRelation[Order] = fields.OneToOneField(
        "models.Order", on_delete=fields.RESTRICT, related_name="plan_order"
    )
    plan: fields.ForeignKeyRelation[Plan] = fields.ForeignKeyField(
        "models.Plan", on_delete=fields.RESTRICT, related_name="orders"
    )
    plan_version = CountField()
    way = WordField(PlanWay)
    level = fields.CharField(max_length=32)
    day_count = CountField()
    expected_sequence = CountField(default=0)

    class Meta:
        table = "plan_order"


class PaidMembership(TimestampedModel):
    """Until when a member has paid for which level: moves by guarded statements, each with a term beside it.

    Members that were made one keep theirs; what the person has is the best of those that run.
    """

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="paid_memberships"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="paid_memberships"
    )
    level = fields.CharField(max_length=32)
    ends_at = UtcField()
    sequence = CountField()  # how often it was moved

    class Meta:
        table = "paid_membership"
        unique_together = (("programme", "member"),)


class PlanCodeBatch(TimestampedModel):
    """Activation codes that an operator made at once, of one version of a plan. The codes were shown that once."""

    plan: fields.ForeignKeyRelation[Plan] = fields.ForeignKeyField(
        "models.Plan", on_delete=fields.RESTRICT, related_name="code_batches"
    )
    plan_version = CountField()
    code_count = CountField()
    note = fields.CharField(max_length=200, default="")
    expires_at = UtcField()
    made_by: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="plan_code_batches"
    )
    made_at = UtcField()

    class Meta:
        table = "plan_code_batch"


class PlanCode(TimestampedModel):
    """One activation code, by its keyed hash alone; `used_at` is set once."""

    batch: fields.ForeignKeyRelation[PlanCodeBatch] = fields.ForeignKeyField(
        "models.PlanCodeBatch", on_delete=fields.RESTRICT, related_name="codes"
    )
    number = CountField()  # 1, 2, ... within the batch
    code_hash = fields.CharField(max_length=64, unique=True)
    used_at = UtcField(null=True)

    class Meta:
        table = "plan_code"
        unique_together = (("batch", "number"),)


class MembershipTerm(TimestampedModel):
    """One stretch of a paid membership and what was paid for it; `cut_at`: what was left from there on went back.

    Extensions follow one another; an upgrade lies over what was left of them. The n-th move of a member's membership
    happens once: `number` is unique.
    """

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="membership_terms"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="membership_terms"
    )
    number = CountField()
    cause = WordField(TermCause)
    plan: fields.ForeignKeyRelation[Plan] = fields.ForeignKeyField(
        "models.Plan", on_delete=fields.RESTRICT, related_name="terms_given"
    )
    plan_version = CountField()
    level = fields.CharField(max_length=32)
    from_level = fields.CharField(max_length=32, default="")  # of an upgrade: what it goes back to
    order: fields.OneToOneNullableRelation[Order] = fields.OneToOneField(
        "models.Order", null=True, on_delete=fields.RESTRICT, related_name="membership_term"
    )
    code: fields.OneToOneNullableRelation[PlanCode] = fields.OneToOneField(
        "models.PlanCode", null=True, on_delete=fields.RESTRICT, related_name="membership_term"
    )
    paid_fen = FenField(default=0)
    starts_at = UtcField()
    ends_at = UtcField()
    cut_at = UtcField(null=True)
    counted = JsonField(default=list)  # claims that were counted as used when it was cut
    given_at = UtcField()

    class Meta:
        table = "membership_term"
        unique_together = (("programme", "member", "number"),)
        indexes = (("member_id",),)


class PlanTrial(TimestampedModel):
    """A mark of somebody who had a trial, or joined an agreement with a partner: a keyed hash, which names nobody.

    Append-only.
    """

    mark = fields.CharField(max_length=64, unique=True)
    taken_at = UtcField()

    class Meta:
        table = "plan_trial"
