"""What operators give, give again and take back: lists of members and what became of each (`handlers/grants/`)."""

from tortoise import fields

from models.base import TimestampedModel
from models.benefits import Offer
from models.claims import Claim, PoolCode
from models.fields import CountField, JsonField, UtcField, WordField
from models.identity import Member
from models.operators import Operator
from models.organizations import Organization
from models.words import GrantKind, GrantRowState, GrantState


class GrantBatch(TimestampedModel):
    """One list of members and what is to happen to them: an offer given (批量发放), or what a list gave taken back.

    The rows are the truth of how far it has come; `row_count` is how many lines were read.
    """

    kind = WordField(GrantKind)
    offer: fields.ForeignKeyRelation[Offer] = fields.ForeignKeyField(
        "models.Offer", on_delete=fields.RESTRICT, related_name="grants"
    )
    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="grants"
    )
    undoes: fields.ForeignKeyNullableRelation["GrantBatch"] = fields.ForeignKeyField(
        "models.GrantBatch", null=True, on_delete=fields.RESTRICT, related_name="undone_by"
    )
    state = WordField(GrantState)
    reason = fields.CharField(max_length=200)
    choices = JsonField(default=list)  # of a package k of n: the benefits that everybody gets, by code
    is_beyond_limits = fields.BooleanField(default=False)  # what one member may have does not count
    is_told = fields.BooleanField(default=False)  # each member is told
    returns_to_stock = fields.BooleanField(default=False)  # of what is taken back
    file_hash = fields.CharField(max_length=64, default="")
    file_name = fields.CharField(max_length=255, default="")
    row_count = CountField(default=0)
    made_by_kind = fields.CharField(max_length=32)
    made_by_id = fields.CharField(max_length=64)
    finished_at = UtcField(null=True)

    class Meta:
        table = "grant_batch"
        indexes = (("organization_id", "id"), ("offer_id", "file_hash"))


class GrantRow(TimestampedModel):
    """One line of a list: whom it means, and what became of it. Never the line itself.

    `code` says why not; on a row that waits it is what the dry run expects. `claim` is what is to be taken back.
    """

    grant: fields.ForeignKeyRelation[GrantBatch] = fields.ForeignKeyField(
        "models.GrantBatch", on_delete=fields.RESTRICT, related_name="rows"
    )
    row_number = CountField()
    member: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", null=True, on_delete=fields.RESTRICT, related_name="grant_rows"
    )
    claim: fields.ForeignKeyNullableRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", null=True, on_delete=fields.RESTRICT, related_name="taken_back_by"
    )
    quantity = CountField(default=1)
    state = WordField(GrantRowState)
    code = fields.CharField(max_length=32, default="")
    done_at = UtcField(null=True)

    class Meta:
        table = "grant_row"
        unique_together = (("grant", "row_number"),)
        indexes = (("grant_id", "state", "row_number"), ("member_id",))


class GrantNumber(TimestampedModel):
    """The number that a row of a list of top-ups goes to, encrypted, until the row is settled."""

    grant_row: fields.OneToOneRelation[GrantRow] = fields.OneToOneField(
        "models.GrantRow", on_delete=fields.RESTRICT, related_name="recharge_to"
    )
    number_cipher = fields.TextField()
    tail = fields.CharField(max_length=4)

    class Meta:
        table = "grant_number"


class GrantResume(TimestampedModel):
    """A list that was stopped goes on, for the n-th time: append-only. Jobs of an earlier round end where they are."""

    grant: fields.ForeignKeyRelation[GrantBatch] = fields.ForeignKeyField(
        "models.GrantBatch", on_delete=fields.RESTRICT, related_name="resumes"
    )
    number = CountField()  # 1, 2, ... of this list
    reason = fields.CharField(max_length=200)
    operator: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="grant_resumes"
    )

    class Meta:
        table = "grant_resume"
        unique_together = (("grant", "number"),)


class GrantedClaim(TimestampedModel):
    """The n-th claim that a row brought: the unique row is why a batch that runs again gives nothing twice."""

    grant_row: fields.ForeignKeyRelation[GrantRow] = fields.ForeignKeyField(
        "models.GrantRow", on_delete=fields.RESTRICT, related_name="granted"
    )
    number = CountField()
    claim: fields.OneToOneRelation[Claim] = fields.OneToOneField(
        "models.Claim", on_delete=fields.RESTRICT, related_name="granted_by"
    )

    class Meta:
        table = "granted_claim"
        unique_together = (("grant_row", "number"),)


class Regrant(TimestampedModel):
    """补发: a claim given for one that went wrong, at most one for each. `spoilt_code` did not work."""

    old_claim: fields.OneToOneRelation[Claim] = fields.OneToOneField(
        "models.Claim", on_delete=fields.RESTRICT, related_name="regranted"
    )
    claim: fields.OneToOneRelation[Claim] = fields.OneToOneField(
        "models.Claim", on_delete=fields.RESTRICT, related_name="regrant_of"
    )
    spoilt_code: fields.ForeignKeyNullableRelation[PoolCode] = fields.ForeignKeyField(
        "models.PoolCode", null=True, on_delete=fields.RESTRICT, related_name="spoilt_by"
    )
    reason = fields.CharField(max_length=200)
    operator: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="regrants"
    )
    approved_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="approved_regrants"
    )

    class Meta:
        table = "regrant"
