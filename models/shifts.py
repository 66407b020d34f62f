"""Shifts at a till, and which redemptions fell into them. Rules: `handlers/serving/shifts.py`."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, FenField, JsonField, UtcField
from models.programmes import Merchant, Store
from models.redemptions import Clerk, Redemption


class Shift(TimestampedModel):
    """One stretch of work on one device of a store, from 当班 to 交班; one at a time per store and device.

    The totals are written when it closes, from its entries, and a closed row is never edited. Amounts are those at
    which the redemptions are settled; what was taken back stands beside them, not subtracted.
    """

    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="shifts"
    )
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", on_delete=fields.RESTRICT, related_name="shifts"
    )
    device_id = fields.CharField(max_length=64)
    opened_by: fields.ForeignKeyRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", on_delete=fields.RESTRICT, related_name="shifts"
    )
    opened_at = UtcField()
    closed_by: fields.ForeignKeyNullableRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", null=True, on_delete=fields.RESTRICT, related_name="shifts_closed"
    )
    closed_at = UtcField(null=True)
    redeemed_count = CountField(default=0)
    redeemed_fen = FenField(default=0)
    reversed_count = CountField(default=0)
    reversed_fen = FenField(default=0)
    by_benefit = JsonField(default=list)  # [{"benefit_id", "benefit", and the four totals}, ...]

    class Meta:
        table = "shift"
        indexes = (("store_id", "opened_at"),)


class ShiftEntry(TimestampedModel):
    """That a redemption or a reversal was made in a shift: written with it, in its transaction. Append-only."""

    shift: fields.ForeignKeyRelation[Shift] = fields.ForeignKeyField(
        "models.Shift", on_delete=fields.RESTRICT, related_name="entries"
    )
    redemption: fields.OneToOneRelation[Redemption] = fields.OneToOneField(
        "models.Redemption", on_delete=fields.RESTRICT, related_name="shift_entry"
    )

    class Meta:
        table = "shift_entry"
        indexes = (("shift_id",),)
