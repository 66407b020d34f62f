"""Redemption without a network: keys, clocks, scans as they came in, what became of them. Rules: `handlers/offline/`.

A business day is its date in the programme's zone, as text (`2026-11-22`).
"""

from tortoise import fields

from models.base import TimestampedModel
from models.claims import Claim
from models.fields import CountField, FenField, UtcField, WordField
from models.operators import Operator
from models.programmes import Merchant, Store
from models.redemptions import Clerk, Redemption
from models.words import ConflictDecision, ScanOutcome


class SigningKey(TimestampedModel):
    """One Ed25519 key pair of the house, by which clerks' devices know that a pack is ours. The latest one signs."""

    number = CountField(unique=True)  # 1, 2, ...: of two processes that make the next one, one does
    key_id = fields.CharField(max_length=32, unique=True)
    public_key = fields.CharField(max_length=64)  # base64url of its 32 bytes
    private_key_cipher = fields.TextField()
    made_at = UtcField()

    class Meta:
        table = "signing_key"


class OfflineDevice(TimestampedModel):
    """A device of a merchant's that has uploaded. Its row is locked while an upload of it is taken in."""

    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="offline_devices"
    )
    device_id = fields.CharField(max_length=64)
    complete_upto = CountField(default=0)  # every scan up to this number is there

    class Meta:
        table = "offline_device"
        unique_together = (("merchant", "device_id"),)


class OfflineDay(TimestampedModel):
    """A business day of which something was uploaded: open, closed (nothing on time comes any more), then fixed."""

    business_on = fields.CharField(max_length=10, unique=True)
    closed_at = UtcField(null=True)
    fixed_at = UtcField(null=True)

    class Meta:
        table = "offline_day"


class OfflineSync(TimestampedModel):
    """A clerk's device fetched a day's pack of a store, and both clocks were compared: append-only.

    A scan names the sync it was made under; so who scanned, where, and at what time never depends on its upload.
    """

    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="offline_syncs"
    )
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", on_delete=fields.RESTRICT, related_name="offline_syncs"
    )
    clerk: fields.ForeignKeyRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", on_delete=fields.RESTRICT, related_name="offline_syncs"
    )
    device_id = fields.CharField(max_length=64)
    business_on = fields.CharField(max_length=10)
    offset_ms = fields.IntField()  # what is added to the device's clock to get ours
    measured_at = UtcField()

    class Meta:
        table = "offline_sync"
        indexes = (("merchant_id", "business_on"),)  # who has a pack that is open


class OfflineScan(TimestampedModel):
    """One scan as a device made it and as it was judged when it came in: append-only, the code only as its hash.

    `outcome` is provisional unless an `OfflineVerdict` says more; `redemption` is the row it made on coming in, if any.
    """

    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="offline_scans"
    )
    device_id = fields.CharField(max_length=64)
    seq = CountField()  # 1, 2, ... without a gap, per device
    key = fields.CharField(max_length=255)
    fingerprint = fields.CharField(max_length=64)  # of what the device says about it
    sync: fields.ForeignKeyNullableRelation[OfflineSync] = fields.ForeignKeyField(
        "models.OfflineSync", null=True, on_delete=fields.RESTRICT, related_name="scans"
    )
    uploaded_by: fields.ForeignKeyRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", on_delete=fields.RESTRICT, related_name="offline_uploads"
    )
    claim: fields.ForeignKeyNullableRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", null=True, on_delete=fields.RESTRICT, related_name="offline_scans"
    )
    code_hash = fields.CharField(max_length=64)
    business_on = fields.CharField(max_length=10, default="")  # of the pack; empty: none of ours
    device_at = UtcField()  # as the device has it
    scanned_at = UtcField()  # corrected
    received_at = UtcField()
    bill_amount_fen = FenField(null=True)
    value_fen = FenField(default=0)  # what it weighs in the device's day
    is_contending = fields.BooleanField()  # it was on time and in order: it competes for its claim
    outcome = WordField(ScanOutcome)
    reason = fields.CharField(max_length=64, default="")
    redemption: fields.ForeignKeyNullableRelation[Redemption] = fields.ForeignKeyField(
        "models.Redemption", null=True, on_delete=fields.RESTRICT, related_name="offline_scans"
    )

    class Meta:
        table = "offline_scan"
        unique_together = (("merchant", "device_id", "seq"), ("merchant", "device_id", "key"))
        indexes = (("claim_id",), ("business_on", "merchant_id", "device_id"), ("redemption_id",))


class OfflineVerdict(TimestampedModel):
    """What became of a scan for good: at the cut-off of its day, or at once where nothing could change it. Append-only.

    `redemption` is the row that counts for the claim: this scan's own, or of a conflict the other one's.
    """

    scan: fields.OneToOneRelation[OfflineScan] = fields.OneToOneField(
        "models.OfflineScan", on_delete=fields.RESTRICT, related_name="verdict"
    )
    outcome = WordField(ScanOutcome)
    reason = fields.CharField(max_length=64, default="")
    redemption: fields.ForeignKeyNullableRelation[Redemption] = fields.ForeignKeyField(
        "models.Redemption", null=True, on_delete=fields.RESTRICT, related_name="offline_verdicts"
    )
    fixed_at = UtcField()

    class Meta:
        table = "offline_verdict"


class OfflineConflict(TimestampedModel):
    """Something that was handed over a second time for one claim, waiting for a person to say who bears it.

    The second is a scan, or an online redemption that an earlier scan displaced. What is paid for it is noted here; the
    member pays nothing either way.
    """

    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="offline_conflicts"
    )
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", on_delete=fields.RESTRICT, related_name="offline_conflicts"
    )
    clerk: fields.ForeignKeyRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", on_delete=fields.RESTRICT, related_name="offline_conflicts"
    )
    claim: fields.ForeignKeyRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", on_delete=fields.RESTRICT, related_name="offline_conflicts"
    )
    scan: fields.ForeignKeyNullableRelation[OfflineScan] = fields.ForeignKeyField(
        "models.OfflineScan", null=True, on_delete=fields.RESTRICT, related_name="conflicts"
    )
    displaced: fields.ForeignKeyNullableRelation[Redemption] = fields.ForeignKeyField(
        "models.Redemption", null=True, on_delete=fields.RESTRICT, related_name="offline_conflicts"
    )
    counted: fields.ForeignKeyRelation[Redemption] = fields.ForeignKeyField(
        "models.Redemption", on_delete=fields.RESTRICT, related_name="conflicts_after"
    )
    device_id = fields.CharField(max_length=64)
    given_at = UtcField()
    found_at = UtcField()
    decision = WordField(ConflictDecision, default=ConflictDecision.OPEN)
    decided_at = UtcField(null=True)
    decided_by_clerk: fields.ForeignKeyNullableRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", null=True, on_delete=fields.RESTRICT, related_name="offline_decisions"
    )
    decided_by_operator: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="offline_decisions"
    )
    note = fields.CharField(max_length=200, default="")
    settlement_fen = FenField(default=0)
    operator_share_fen = FenField(default=0)
    merchant_share_fen = FenField(default=0)

    class Meta:
        table = "offline_conflict"
        indexes = (("merchant_id", "decision"),)
