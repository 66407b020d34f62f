"""The payment service's daily bills beside our rows. Rules: `handlers/reconciliation/`."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, FenField, UtcField, WordField
from models.ledger_fields import BalanceField
from models.words import BillKind, Listed


class Reconciliation(TimestampedModel):
    """One bill of one business day, as it compared with our rows the last time that it was looked at."""

    kind = WordField(BillKind)
    business_on = fields.CharField(max_length=10)  # as 2026-11-27
    mch_id = fields.CharField(max_length=32)
    line_count = CountField(default=0)
    total_fen = BalanceField(default=0)
    difference_count = CountField(default=0)
    checked_at = UtcField()

    class Meta:
        table = "reconciliation"
        unique_together = (("kind", "business_on", "mch_id"),)


class ReconciliationDifference(TimestampedModel):
    """One number that the bill and our rows do not agree about; a look that finds them agreeing takes it away."""

    reconciliation: fields.ForeignKeyRelation[Reconciliation] = fields.ForeignKeyField(
        "models.Reconciliation", on_delete=fields.RESTRICT, related_name="differences"
    )
    number = fields.CharField(max_length=64)
    listed = WordField(Listed)
    ours_fen = FenField()  # what our books say has moved
    theirs_fen = BalanceField()  # below nothing: more came back on that day than went

    class Meta:
        table = "reconciliation_difference"
        unique_together = (("reconciliation", "number"),)
