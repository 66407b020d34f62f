"""Clerks, and what they redeem. Rules: `handlers/shops/clerks.py`, `handlers/redemptions/redemptions.py`."""

from tortoise import fields

from models.base import TimestampedModel
from models.benefits import Benefit
from models.claims import Claim
from models.fields import CountField, FenField, UtcField, WordField
from models.identity import Member
from models.operators import Operator
from models.programmes import Merchant, Store
from models.words import ClerkRole, RedemptionKind, ScanMode


class Clerk(TimestampedModel):
    """A member who serves in a merchant's stores: in one of them, or in all (`store` null)."""

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="clerkships"
    )
    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="clerks"
    )
    store: fields.ForeignKeyNullableRelation[Store] = fields.ForeignKeyField(
        "models.Store", null=True, on_delete=fields.RESTRICT, related_name="clerks"
    )
    role = WordField(ClerkRole, default=ClerkRole.CLERK)
    name = fields.CharField(max_length=32)  # as shown to other clerks and on receipts
    pin_hash = fields.CharField(max_length=128, default="")
    revoked_at = UtcField(null=True)

    class Meta:
        table = "clerk"
        indexes = (("member_id",),)


class ClerkInvitation(TimestampedModel):
    """A link that makes whoever opens it first a clerk."""

    token_hash = fields.CharField(max_length=64, unique=True)
    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="invitations"
    )
    store: fields.ForeignKeyNullableRelation[Store] = fields.ForeignKeyField(
        "models.Store", null=True, on_delete=fields.RESTRICT, related_name="invitations"
    )
    role = WordField(ClerkRole, default=ClerkRole.CLERK)
    name = fields.CharField(max_length=32)
    invited_by: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="clerk_invitations"
    )
    expires_at = UtcField()
    clerk: fields.ForeignKeyNullableRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", null=True, on_delete=fields.RESTRICT, related_name="invitations"
    )
    revoked_at = UtcField(null=True)

    class Meta:
        table = "clerk_invitation"


class ClerkSession(TimestampedModel):
    """A signed-in clerk; a row, so that a revocation is seen by every process at the next request."""

    clerk: fields.ForeignKeyRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", on_delete=fields.RESTRICT, related_name="sessions"
    )
    token_hash = fields.CharField(max_length=64, unique=True)
    expires_at = UtcField()
    revoked_at = UtcField(null=True)

    class Meta:
        table = "clerk_session"


class Redemption(TimestampedModel):
    """One use of a claim in a store, or the taking back of one: append-only. Prices and shares are as of that moment.

    A call with several codes makes several rows of one `receipt`. The contra amounts of a reversal are negative sums of
    its redemption, told by `kind`.
    """

    kind = WordField(RedemptionKind)
    claim: fields.ForeignKeyRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", on_delete=fields.RESTRICT, related_name="redemptions"
    )
    benefit: fields.ForeignKeyRelation[Benefit] = fields.ForeignKeyField(
        "models.Benefit", on_delete=fields.RESTRICT, related_name="redemptions"
    )
    reverses: fields.ForeignKeyNullableRelation["Redemption"] = fields.ForeignKeyField(
        "models.Redemption", null=True, on_delete=fields.RESTRICT, related_name="reversals"
    )
    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="redemptions"
    )
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", on_delete=fields.RESTRICT, related_name="redemptions"
    )
    clerk: fields.ForeignKeyRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", on_delete=fields.RESTRICT, related_name="redemptions"
    )
    device_id = fields.CharField(max_length=64)
    receipt = fields.CharField(max_length=32)
    mode = WordField(ScanMode, default=ScanMode.ONLINE)
    uses = CountField(default=1)
    redeemed_at = UtcField()  # the server's time
    scanned_at = UtcField(null=True)  # the device's, corrected
    bill_amount_fen = FenField(null=True)
    settlement_fen = FenField(default=0)
    operator_share_fen = FenField(default=0)
    merchant_share_fen = FenField(default=0)
    reason = fields.CharField(max_length=200, default="")

    class Meta:
        table = "redemption"
        indexes = (
            ("claim_id", "redeemed_at"),
            ("store_id", "redeemed_at"),
            ("merchant_id", "redeemed_at"),
            ("clerk_id", "redeemed_at"),
        )


class RedemptionAttempt(TimestampedModel):
    """Every scan, refused ones too, with the hash of what was scanned: append-only."""

    clerk: fields.ForeignKeyRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", on_delete=fields.RESTRICT, related_name="attempts"
    )
    store: fields.ForeignKeyNullableRelation[Store] = fields.ForeignKeyField(
        "models.Store", null=True, on_delete=fields.RESTRICT, related_name="attempts"
    )
    claim: fields.ForeignKeyNullableRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", null=True, on_delete=fields.RESTRICT, related_name="attempts"
    )
    device_id = fields.CharField(max_length=64)
    request_key = fields.CharField(max_length=255, default="")
    code_hash = fields.CharField(max_length=64)
    outcome = fields.CharField(max_length=64)  # `ok`, or the refusal's code
    tried_at = UtcField()

    class Meta:
        table = "redemption_attempt"
        indexes = (("store_id", "tried_at"),)
