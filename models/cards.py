"""Cards, and how they came in from older systems. Rules: `handlers/cards/`."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, UtcField, WordField
from models.identity import Member
from models.programmes import CardKind, Programme, Store
from models.words import CardStatus, ImportState


class CardImport(TimestampedModel):
    """One file of legacy cards. `row_count` rows are done; a repeated or resumed import goes on after them."""

    kind: fields.ForeignKeyRelation[CardKind] = fields.ForeignKeyField(
        "models.CardKind", on_delete=fields.RESTRICT, related_name="imports"
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
        table = "card_import"
        unique_together = (("kind", "file_hash"),)


class CardImportRefusal(TimestampedModel):
    """One row of a file that was not taken, and why. Never the row itself."""

    card_import: fields.ForeignKeyRelation[CardImport] = fields.ForeignKeyField(
        "models.CardImport", on_delete=fields.CASCADE, related_name="refusals"
    )
    row_number = CountField()
    code = fields.CharField(max_length=64)

    class Meta:
        table = "card_import_refusal"
        unique_together = (("card_import", "row_number"),)


class Card(TimestampedModel):
    """One card number. Found by keyed hash; what proves its ownership is kept as keyed hashes only."""

    kind: fields.ForeignKeyRelation[CardKind] = fields.ForeignKeyField(
        "models.CardKind", on_delete=fields.RESTRICT, related_name="cards"
    )
    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="cards"
    )
    member: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", null=True, on_delete=fields.RESTRICT, related_name="cards"
    )
    number_hash = fields.CharField(max_length=64)
    number_cipher = fields.TextField()
    last4 = fields.CharField(max_length=4)
    status = WordField(CardStatus, default=CardStatus.UNBOUND)
    is_primary = fields.BooleanField(default=False)  # the one of its kind that is shown; a merge may leave others
    phone_hash = fields.CharField(max_length=64, default="", db_index=True)
    name_hash = fields.CharField(max_length=64, default="")
    pin_hash = fields.CharField(max_length=64, default="")
    last_store: fields.ForeignKeyNullableRelation[Store] = fields.ForeignKeyField(
        "models.Store", null=True, on_delete=fields.RESTRICT, related_name="last_cards"
    )
    opening_balance = CountField(default=0)  # points of the old system, kept until the ledger takes them over
    card_import: fields.ForeignKeyNullableRelation[CardImport] = fields.ForeignKeyField(
        "models.CardImport", null=True, on_delete=fields.RESTRICT, related_name="cards"
    )
    replaced_by: fields.ForeignKeyNullableRelation["Card"] = fields.ForeignKeyField(
        "models.Card", null=True, on_delete=fields.RESTRICT, related_name="replaces"
    )
    bound_at = UtcField(null=True)
    lost_at = UtcField(null=True)
    bindable_from = UtcField(null=True)  # the cool-down after unbinding ends then

    class Meta:
        table = "card"
        unique_together = (("kind", "number_hash"),)
        indexes = (("member_id", "programme_id"),)


class ProofAttempts(TimestampedModel):
    """How often a login that nobody has was tried in one hour. Counted as those of real ones are."""

    subject = fields.CharField(max_length=96)  # `login:{hash}`
    window = fields.CharField(max_length=32)  # the hour, as text
    tried_count = CountField(default=0)

    class Meta:
        table = "proof_attempts"
        unique_together = (("subject", "window"),)


class RecentTries(TimestampedModel):
    """When somebody, or something, was tried at: the last five instants, the newest first.

    One row per subject, moved on by one guarded UPDATE. Kept here so that no flush of a cache forgets.
    """

    subject = fields.CharField(max_length=96, unique=True)  # `member:{id}`, `card:{number hash}`
    tried_at = UtcField()  # the last time of all, also of a try that was given back
    first_at = UtcField(null=True)
    second_at = UtcField(null=True)
    third_at = UtcField(null=True)
    fourth_at = UtcField(null=True)
    fifth_at = UtcField(null=True)

    class Meta:
        table = "recent_tries"
