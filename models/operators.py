"""The people who run this, their sessions, and the record of what they did."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, JsonField, UtcField, WordField
from models.organizations import Organization
from models.words import OperatorRole


class Operator(TimestampedModel):
    """One person who runs this. Sees and changes the own organization and what is below it."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="operators"
    )
    login = fields.CharField(max_length=64, unique=True)
    role = WordField(OperatorRole)
    password_hash = fields.CharField(max_length=255)  # Argon2id, parameters included
    totp_cipher = fields.TextField()
    last_totp_step = CountField(default=0)  # a code works once: the step only grows
    locked_until = UtcField(null=True)  # for whoever comes from where this operator never signed in
    is_active = fields.BooleanField(default=True)

    class Meta:
        table = "operator"


class OperatorSession(TimestampedModel):
    """One sign-in. Kept in the database, because revoking an operator must hold at once and for good."""

    operator: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.CASCADE, related_name="sessions"
    )
    token_hash = fields.CharField(max_length=64, unique=True)
    expires_at = UtcField()
    last_used_at = UtcField()
    revoked_at = UtcField(null=True)

    class Meta:
        table = "operator_session"


class OperatorAddress(TimestampedModel):
    """Where an operator signed in from, by keyed hash: guesses from elsewhere do not keep them out there."""

    operator: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.CASCADE, related_name="addresses"
    )
    address_hash = fields.CharField(max_length=64)
    last_used_at = UtcField()

    class Meta:
        table = "operator_address"
        unique_together = (("operator", "address_hash"),)
        indexes = (("last_used_at",),)


class Approval(TimestampedModel):
    """What one operator wants done and a second one has to approve; it is done in the transaction that approves it.

    Open until `outcome` says `approved` or `rejected`; decided by one guarded UPDATE.
    """

    kind = fields.CharField(max_length=32)  # `stock`
    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="approvals"
    )
    subject_id = fields.CharField(max_length=64)
    facts = JsonField(default=dict)
    reason = fields.CharField(max_length=200, default="")
    proposed_by: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="proposals"
    )
    decided_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="approvals"
    )
    decided_at = UtcField(null=True)
    outcome = fields.CharField(max_length=16, default="")

    class Meta:
        table = "approval"
        indexes = (("organization_id", "outcome"),)


class AuditEntry(TimestampedModel):
    """Who did what to which row. Append-only, and sealed into a chain by a job."""

    actor_kind = fields.CharField(max_length=32)
    actor_id = fields.CharField(max_length=64)
    organization_id = fields.UUIDField(null=True)
    action = fields.CharField(max_length=64)
    subject_kind = fields.CharField(max_length=32)
    subject_id = fields.CharField(max_length=64)
    facts = JsonField(default=dict)  # before and after; no personal data in the clear
    happened_at = UtcField()

    class Meta:
        table = "audit_entry"
        indexes = (("subject_kind", "subject_id"), ("organization_id", "happened_at"))


class AuditSeal(TimestampedModel):
    """One link of the chain over the audit entries: the hash covers the entry and the link before. Append-only."""

    sequence = CountField(unique=True)  # 1, 2, 3, ... without gaps
    entry: fields.OneToOneRelation[AuditEntry] = fields.OneToOneField(
        "models.AuditEntry", on_delete=fields.RESTRICT, related_name="seal"
    )
    hash = fields.CharField(max_length=64)

    class Meta:
        table = "audit_seal"


class AuditHead(TimestampedModel):
    """Where the chain ends, one row. Its mark is keyed, so that nobody without the index key can move it."""

    sequence = CountField()
    hash = fields.CharField(max_length=64)
    mark = fields.CharField(max_length=64)

    class Meta:
        table = "audit_head"
