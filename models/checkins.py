"""签到 and tasks: what operators publish, what members did for it, and what they got. docs/adr/0027."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, FenField, JsonField, UtcField, WordField
from models.identity import Member
from models.operators import Operator
from models.organizations import Organization
from models.programmes import Programme
from models.words import RewardedAct, TaskState


class CheckInTerms(TimestampedModel):
    """What check-ins of a programme give from its publishing on: append-only, the newest one holds."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="check_in_terms"
    )
    number = CountField()
    terms = JsonField()
    published_by: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="check_in_terms"
    )
    published_at = UtcField()

    class Meta:
        table = "check_in_terms"
        unique_together = (("programme", "number"),)


class CheckIn(TimestampedModel):
    """A business day on which a member checked in, or that a make-up card (补签卡) mended afterwards."""

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="check_ins"
    )
    business_on = fields.CharField(max_length=10)  # of the programme's zone, as 2026-11-27
    is_made_up = fields.BooleanField(default=False)
    # Days in a row that end with this one, over everybody that the member is: a mended day and a merge count anew.
    streak_count = CountField()
    terms: fields.ForeignKeyRelation[CheckInTerms] = fields.ForeignKeyField(
        "models.CheckInTerms", on_delete=fields.RESTRICT, related_name="check_ins"
    )
    checked_in_at = UtcField()

    class Meta:
        table = "check_in"
        unique_together = (("member", "business_on"),)


class GivenReward(TimestampedModel):
    """One thing that a check-in or a finished task gave, once for its part and place: append-only.

    `amount` is what came of the `wanted` one; `cut_by` tells why that is less.
    """

    act = WordField(RewardedAct)
    act_id = fields.UUIDField()  # the row of the check-in or of the finished task
    part = fields.CharField(max_length=16)  # `daily`, `streak:7`, `month:20`, `task`
    place = CountField()  # which of the part's rewards
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="given_rewards"
    )
    kind = fields.CharField(max_length=32)
    code = fields.CharField(max_length=64, default="")
    wanted = FenField()
    amount = FenField()
    given_id = fields.UUIDField(null=True)  # the transfer, or the first of the claims
    cut_by = fields.CharField(max_length=32, default="")
    given_at = UtcField()

    class Meta:
        table = "given_reward"
        unique_together = (("act_id", "part", "place"),)
        indexes = (("member_id", "id"),)


class Task(TimestampedModel):
    """Something that members are rewarded for having done. `terms` are the draft's; the published version counts."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="tasks"
    )
    code = fields.CharField(max_length=32, unique=True)
    state = WordField(TaskState, default=TaskState.DRAFT)
    version = CountField(default=0)  # of what is published; 0: nothing yet
    terms = JsonField(default=dict)

    class Meta:
        table = "task"


class TaskVersion(TimestampedModel):
    """What was published of a task: append-only."""

    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField(
        "models.Task", on_delete=fields.RESTRICT, related_name="versions"
    )
    number = CountField()
    terms = JsonField()
    published_by: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="task_versions"
    )
    published_at = UtcField()

    class Meta:
        table = "task_version"
        unique_together = (("task", "number"),)


class FinishedTask(TimestampedModel):
    """A task that a member has done and been rewarded for, once for its period and subject: append-only."""

    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField(
        "models.Task", on_delete=fields.RESTRICT, related_name="finished"
    )
    version = CountField()
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="finished_tasks"
    )
    period = fields.CharField(max_length=32)  # `ever`, `day:2026-11-22`, `week:2026-W47`, `month:2026-11`
    subject = fields.CharField(max_length=36, default="")  # of an invitation, the member who came
    finished_at = UtcField()

    class Meta:
        table = "finished_task"
        unique_together = (("task", "member", "period", "subject"),)
        indexes = (("member_id", "id"),)


class Invitation(TimestampedModel):
    """The code by which a member invites others: the scene of their links and codes. One per member and programme."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="invitations"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="invitations"
    )
    code = fields.CharField(max_length=32, unique=True)

    class Meta:
        table = "invitation"
        unique_together = (("programme", "member"),)
        indexes = (("member_id",),)
