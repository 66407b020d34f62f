"""等级: the ladder of a programme, where members stand on it and how they came there, and the rights of levels.

Growth itself is a unit of the ledger. Rules: `handlers/rules/levels.py`; decision: docs/adr/0022.
"""

from tortoise import fields

from models.base import TimestampedModel
from models.benefits import Offer
from models.claims import Claim
from models.fields import CountField, FenField, JsonField, UtcField, WordField
from models.identity import Member
from models.operators import Operator
from models.programmes import Programme
from models.words import DowngradePolicy, LevelCause, PointsExpiry, RightPeriod, RightState


class LadderDraft(TimestampedModel):
    """The ladder that operators are working on; members know nothing of it."""

    programme: fields.OneToOneRelation[Programme] = fields.OneToOneField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="ladder_draft"
    )
    terms = JsonField()
    updated_at = UtcField()

    class Meta:
        table = "ladder_draft"


class LevelLadder(TimestampedModel):
    """One published version of a programme's ladder: append-only. The highest number holds."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="ladders"
    )
    number = CountField()
    downgrade = WordField(DowngradePolicy)
    published_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="ladders"
    )
    published_at = UtcField()

    class Meta:
        table = "level_ladder"
        unique_together = (("programme", "number"),)


class LadderLevel(TimestampedModel):
    """One level of a version of a ladder: append-only. Ranks count from 0, the lowest; thresholds rise with them."""

    ladder: fields.ForeignKeyRelation[LevelLadder] = fields.ForeignKeyField(
        "models.LevelLadder", on_delete=fields.RESTRICT, related_name="levels"
    )
    rank = CountField()
    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=64)
    threshold = FenField()  # growth that reaches it
    validity = WordField(PointsExpiry)  # how long it is held until it is judged; `never`: it is not
    validity_count = CountField(default=0)
    keep_growth = FenField(default=0)  # that has to come within that time to keep it

    class Meta:
        table = "ladder_level"
        unique_together = (("ladder", "rank"), ("ladder", "code"))


class MemberLevel(TimestampedModel):
    """Where a member stands in a programme now: moves by guarded updates of `sequence`, each with a change beside it.

    A member without a row has the level whose threshold is 0, if there is one.
    """

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="member_levels"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="member_levels"
    )
    code = fields.CharField(max_length=32, default="")  # of the level; empty: none
    version = CountField()  # of the ladder whose terms hold for this period
    began_at = UtcField()  # growth from here on counts for keeping it
    judged_at = UtcField(null=True)  # the first instant at which the period is over; null: it never is
    override_until = UtcField(null=True)  # an operator lifted them until then
    sequence = CountField()

    class Meta:
        table = "member_level"
        unique_together = (("programme", "member"),)
        indexes = (("judged_at",), ("override_until",))


class LevelChange(TimestampedModel):
    """One step of a member's level or its period, with everything that held after it: append-only.

    The n-th step of a member happens once: `number` is unique.
    """

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="level_changes"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="level_changes"
    )
    number = CountField()
    cause = WordField(LevelCause)
    cause_id = fields.CharField(max_length=64, default="")  # the act's row, where there is one
    from_code = fields.CharField(max_length=32, default="")
    code = fields.CharField(max_length=32, default="")
    version = CountField()
    growth = FenField()  # they had then
    began_at = UtcField()
    judged_at = UtcField(null=True)
    override_until = UtcField(null=True)
    reason = fields.CharField(max_length=200, default="")
    operator: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="level_changes"
    )
    approved_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="approved_level_changes"
    )
    happened_at = UtcField()

    class Meta:
        table = "level_change"
        unique_together = (("programme", "member", "number"),)
        indexes = (("member_id", "id"),)


class LevelRight(TimestampedModel):
    """Something that those who have one of these levels are given by themselves: an offer, once per period."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="level_rights"
    )
    offer: fields.ForeignKeyRelation[Offer] = fields.ForeignKeyField(
        "models.Offer", on_delete=fields.RESTRICT, related_name="level_rights"
    )
    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=64)
    levels = JsonField()  # codes
    period = WordField(RightPeriod)
    state = WordField(RightState, default=RightState.DRAFT)
    published_at = UtcField(null=True)
    ended_at = UtcField(null=True)

    class Meta:
        table = "level_right"
        unique_together = (("programme", "code"),)


class LevelRightGiven(TimestampedModel):
    """That a member was given a right for a period, once: append-only. It stays when they lose the level."""

    right: fields.ForeignKeyRelation[LevelRight] = fields.ForeignKeyField(
        "models.LevelRight", on_delete=fields.RESTRICT, related_name="given"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="level_rights_given"
    )
    period = fields.CharField(max_length=32)  # `once`, `month:2026-11`, `quarter:2026-Q4`, `birthday:2026`
    level = fields.CharField(max_length=32)  # they had then
    claim: fields.ForeignKeyRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", on_delete=fields.RESTRICT, related_name="level_rights_given"
    )
    given_at = UtcField()

    class Meta:
        table = "level_right_given"
        unique_together = (("right", "member", "period"),)
        indexes = (("member_id",),)
