"""What joins people and channels beyond their identifiers, and what keeps them apart.

Tickets, bound numbers, devices, transfers, cases, departures, the block-list.
"""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, JsonField, UtcField, WordField
from models.identity import Member
from models.operators import Operator
from models.organizations import Organization
from models.words import IdentifierStatus, Namespace, ReviewKind, ReviewState, TicketPurpose


class Ticket(TimestampedModel):
    """A single-use, signed invitation of ten minutes. The token itself is never stored."""

    token_hash = fields.CharField(max_length=64, unique=True)
    purpose = WordField(TicketPurpose)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="tickets"
    )
    facts = JsonField(default=dict)  # what the dialogue learnt so far; no secrets, no personal data
    expires_at = UtcField()
    used_at = UtcField(null=True)
    used_by: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", null=True, on_delete=fields.RESTRICT, related_name="tickets_used"
    )

    class Meta:
        table = "ticket"
        indexes = (("expires_at",),)


class BoundNumber(TimestampedModel):
    """A further phone number of a member (绑定号码), each proven; apart from the login phone."""

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="bound_numbers"
    )
    number_hash = fields.CharField(max_length=64)
    number_cipher = fields.TextField()
    tail = fields.CharField(max_length=4)
    status = WordField(IdentifierStatus, default=IdentifierStatus.ACTIVE)
    proven_at = UtcField()
    revoked_at = UtcField(null=True)

    class Meta:
        table = "bound_number"
        indexes = (("member_id",),)


class SeenDevice(TimestampedModel):
    """A device that a person signed in on, by keyed hash. It identifies nobody: a family has one tablet."""

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="devices"
    )
    device_hash = fields.CharField(max_length=64)
    first_seen_at = UtcField()
    last_seen_at = UtcField()

    class Meta:
        table = "seen_device"
        unique_together = (("member", "device_hash"),)
        indexes = (("device_hash",), ("last_seen_at",))


class PhoneTransfer(TimestampedModel):
    """A number that moved on to its new holder (二次放号). What depends on the phone waits until `held_until`."""

    namespace = WordField(Namespace)
    from_member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="phones_given"
    )
    to_member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="phones_taken"
    )
    tail = fields.CharField(max_length=4)
    transferred_at = UtcField()
    held_until = UtcField()

    class Meta:
        table = "phone_transfer"
        indexes = (("to_member_id", "held_until"),)


class Review(TimestampedModel):
    """A case that a person has to decide. One open case per pair of members and kind."""

    kind = WordField(ReviewKind)
    state = WordField(ReviewState, default=ReviewState.OPEN)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="reviews"
    )
    other_member: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", null=True, on_delete=fields.RESTRICT, related_name="reviews_as_other"
    )
    pair = fields.CharField(max_length=96)  # both ids in order, so that one case is one row whoever asked first
    evidence = JsonField(default=dict)
    opened_at = UtcField()
    decided_at = UtcField(null=True)
    decision = fields.CharField(max_length=64, default="")

    class Meta:
        table = "review"
        indexes = (("state", "opened_at"),)


class Departed(TimestampedModel):
    """Somebody who left: under a key of its own, kept two years, so that a returning person is not new."""

    namespace = WordField(Namespace)
    scope = fields.CharField(max_length=64)
    value_hash = fields.CharField(max_length=64)
    left_at = UtcField()
    visit_count = CountField(default=1)

    class Meta:
        table = "departed"
        unique_together = (("namespace", "scope", "value_hash"),)


class BlockedIdentifier(TimestampedModel):
    """A value that identifies nobody (a store's phone). Every organization keeps a list; each holds for all."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="blocked_identifiers"
    )
    namespace = WordField(Namespace)
    scope = fields.CharField(max_length=64)
    value_hash = fields.CharField(max_length=64)  # as in `identifier`
    tail = fields.CharField(max_length=4)  # what operators tell their entries apart by
    reason = fields.CharField(max_length=200)
    added_by: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="blocked_identifiers"
    )
    added_at = UtcField()

    class Meta:
        table = "blocked_identifier"
        unique_together = (("organization", "namespace", "scope", "value_hash"),)
        indexes = (("value_hash",),)
