"""Claims: what members hold, by which slot they had it, and the codes they were given. Rules: `handlers/claims/`."""

from typing import TYPE_CHECKING

from tortoise import fields

from models.base import TimestampedModel
from models.benefits import Benefit, CodePool, Offer
from models.fields import CountField, FenField, UtcField, WordField
from models.identity import Member
from models.words import ClaimSource, ClaimState, ImportState

if TYPE_CHECKING:
    from models.orders import Order


class Claim(TimestampedModel):
    """One thing a member got. It keeps the member it was made for, and the version of the offer it was made under.

    0 <= uses_left <= uses_total; `doctor` proves uses_left = uses_total - redeemed + reversed (invariant I7).
    """

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="claims"
    )
    offer: fields.ForeignKeyRelation[Offer] = fields.ForeignKeyField(
        "models.Offer", on_delete=fields.RESTRICT, related_name="claims"
    )
    offer_version = CountField()
    benefit: fields.ForeignKeyRelation[Benefit] = fields.ForeignKeyField(
        "models.Benefit", on_delete=fields.RESTRICT, related_name="claims"
    )
    package: fields.ForeignKeyNullableRelation["Claim"] = fields.ForeignKeyField(
        "models.Claim", null=True, on_delete=fields.RESTRICT, related_name="parts"
    )
    source = WordField(ClaimSource)
    state = WordField(ClaimState)
    uses_total = CountField(default=1)
    uses_left = CountField(default=1)
    claimed_at = UtcField()
    valid_from = UtcField()
    expires_at = UtcField(null=True)  # the first instant at which it is expired; null: never
    code_version = CountField(default=0)  # of the typed code, which is derived and never stored
    code_hash = fields.CharField(max_length=64, unique=True)  # of the typed code; how a clerk's input finds the claim
    stock_buckets = fields.CharField(max_length=100, default="")  # which counters it was taken from, by commas
    price_fen = FenField(default=0)
    price_points = CountField(default=0)
    recharge_to_cipher = fields.TextField(default="")
    recharge_to_tail = fields.CharField(max_length=4, default="")
    is_returned = fields.BooleanField(default=False)  # its unit went back to the stock

    class Meta:
        table = "claim"
        indexes = (("member_id", "state"), ("offer_id", "created_at"))


class ClaimSlot(TimestampedModel):
    """The n-th claim of a member within a period of an offer's limit: the unique row is the limit (invariant I4).

    Before the claim it may be an order's, which locks it while it waits for its money; the claim then takes it over.
    """

    claim: fields.ForeignKeyNullableRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", null=True, on_delete=fields.RESTRICT, related_name="slots"
    )
    order: fields.ForeignKeyNullableRelation["Order"] = fields.ForeignKeyField(
        "models.Order", null=True, on_delete=fields.RESTRICT, related_name="slots"
    )
    offer: fields.ForeignKeyRelation[Offer] = fields.ForeignKeyField(
        "models.Offer", on_delete=fields.RESTRICT, related_name="slots"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="claim_slots"
    )
    period = fields.CharField(max_length=32)  # `ever`, `day:2026-11-22`, `week:2026-W47`, `month:2026-11`
    number = CountField()

    class Meta:
        table = "claim_slot"
        unique_together = (("offer", "member", "period", "number"),)
        indexes = (("claim_id",),)


class ClaimEvent(TimestampedModel):
    """One edge that a claim went along: append-only."""

    claim: fields.ForeignKeyRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", on_delete=fields.RESTRICT, related_name="events"
    )
    from_state = fields.CharField(max_length=32, default="")
    to_state = fields.CharField(max_length=32)
    reason = fields.CharField(max_length=64, default="")
    actor_kind = fields.CharField(max_length=16, default="")
    actor_id = fields.CharField(max_length=64, default="")
    happened_at = UtcField()

    class Meta:
        table = "claim_event"
        indexes = (("claim_id", "happened_at"),)


class CodeImport(TimestampedModel):
    """One file of codes. `row_count` rows are done; a repeated or resumed import goes on after them."""

    pool: fields.ForeignKeyRelation[CodePool] = fields.ForeignKeyField(
        "models.CodePool", on_delete=fields.RESTRICT, related_name="imports"
    )
    file_hash = fields.CharField(max_length=64)
    file_name = fields.CharField(max_length=255)
    state = WordField(ImportState, default=ImportState.RUNNING)
    row_count = CountField(default=0)
    added_count = CountField(default=0)
    repeated_count = CountField(default=0)
    refused_count = CountField(default=0)
    finished_at = UtcField(null=True)

    class Meta:
        table = "code_import"
        unique_together = (("pool", "file_hash"),)


class CodeImportRefusal(TimestampedModel):
    """One row of a file of codes that was not taken, and why. Never the row itself."""

    code_import: fields.ForeignKeyRelation[CodeImport] = fields.ForeignKeyField(
        "models.CodeImport", on_delete=fields.CASCADE, related_name="refusals"
    )
    row_number = CountField()
    code = fields.CharField(max_length=64)

    class Meta:
        table = "code_import_refusal"
        unique_together = (("code_import", "row_number"),)


class PoolCode(TimestampedModel):
    """One code of a pool, encrypted. It is given to one claim, by one guarded statement, for good."""

    pool: fields.ForeignKeyRelation[CodePool] = fields.ForeignKeyField(
        "models.CodePool", on_delete=fields.RESTRICT, related_name="codes"
    )
    code_import: fields.ForeignKeyNullableRelation[CodeImport] = fields.ForeignKeyField(
        "models.CodeImport", null=True, on_delete=fields.RESTRICT, related_name="codes"
    )
    code_hash = fields.CharField(max_length=64)
    code_cipher = fields.TextField()
    claim: fields.ForeignKeyNullableRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", null=True, on_delete=fields.RESTRICT, related_name="codes"
    )
    assigned_at = UtcField(null=True)

    class Meta:
        table = "pool_code"
        unique_together = (("pool", "code_hash"),)
