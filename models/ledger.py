"""The one ledger: points, growth, chances, fen. Rules: `handlers/rules/book.py`; decision: docs/adr/0020."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, FenField, UtcField, WordField
from models.identity import Member
from models.ledger_fields import AmountField, BalanceField, FloorField, MovedAmountField, PartField
from models.programmes import Programme
from models.words import HoldState, LedgerAccountKind


class LedgerAccount(TimestampedModel):
    """Where amounts of one unit of one programme stand: an owner's account, or one of the programme's own.

    An owner's balance is stored and guarded: posted = what came in - what went out, held <= posted - floor. An account
    of the programme stores none (its columns are null): it would be a row that everybody waits for. Its balance is the
    sum since the last checkpoint.
    """

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="ledger_accounts"
    )
    unit = fields.CharField(max_length=64)  # `points`, `growth`, `chances`, `fen`
    kind = WordField(LedgerAccountKind)
    member: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", null=True, on_delete=fields.RESTRICT, related_name="ledger_accounts"
    )
    has_lots = fields.BooleanField(default=False)  # what stands on it stands in lots, which may expire
    posted = BalanceField(null=True)
    held = FenField(null=True)
    floor = FloorField(null=True)

    class Meta:
        table = "ledger_account"


class Transfer(TimestampedModel):
    """An amount that went from one account (debit) to another (credit), once for its cause: append-only."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="transfers"
    )
    unit = fields.CharField(max_length=64)
    debit: fields.ForeignKeyRelation[LedgerAccount] = fields.ForeignKeyField(
        "models.LedgerAccount", on_delete=fields.RESTRICT, related_name="debits"
    )
    credit: fields.ForeignKeyRelation[LedgerAccount] = fields.ForeignKeyField(
        "models.LedgerAccount", on_delete=fields.RESTRICT, related_name="credits"
    )
    amount = MovedAmountField()
    cause_kind = fields.CharField(max_length=32)  # what sort of act: `claim`, `lot_expired`, `member_merge`
    cause_id = fields.CharField(max_length=64)  # the act's row
    leg = CountField(default=0)  # which transfer of the act
    reverses: fields.ForeignKeyNullableRelation["Transfer"] = fields.ForeignKeyField(
        "models.Transfer", null=True, on_delete=fields.RESTRICT, related_name="reversals"
    )
    happened_at = UtcField()

    class Meta:
        table = "transfer"
        unique_together = (("cause_kind", "cause_id", "leg"),)
        indexes = (("debit_id", "id"), ("credit_id", "id"), ("happened_at",))


class ReversedTransfer(TimestampedModel):
    """How much of a transfer was taken back so far, by transfers that name it: never more than it was."""

    transfer: fields.OneToOneRelation[Transfer] = fields.OneToOneField(
        "models.Transfer", on_delete=fields.RESTRICT, related_name="reversed"
    )
    amount = AmountField()
    reversed_amount = PartField()

    class Meta:
        table = "reversed_transfer"


class LedgerHold(TimestampedModel):
    """An amount of an account that is set aside for one act, until it is posted, voided, or its time is over."""

    account: fields.ForeignKeyRelation[LedgerAccount] = fields.ForeignKeyField(
        "models.LedgerAccount", on_delete=fields.RESTRICT, related_name="holds"
    )
    credit: fields.ForeignKeyRelation[LedgerAccount] = fields.ForeignKeyField(
        "models.LedgerAccount", on_delete=fields.RESTRICT, related_name="held_for"
    )
    amount = AmountField()
    posted_amount = PartField(default=0)
    cause_kind = fields.CharField(max_length=32)
    cause_id = fields.CharField(max_length=64)
    leg = CountField(default=0)
    state = WordField(HoldState, default=HoldState.OPEN)
    expires_at = UtcField()
    closed_at = UtcField(null=True)

    class Meta:
        table = "ledger_hold"
        unique_together = (("cause_kind", "cause_id", "leg"),)


class LedgerLot(TimestampedModel):
    """What one transfer brought to an account, and what is left of it: lots are spent in the order of their expiry.

    What an account has, held amounts not counted, is the sum of what is left in its lots.
    """

    account: fields.ForeignKeyRelation[LedgerAccount] = fields.ForeignKeyField(
        "models.LedgerAccount", on_delete=fields.RESTRICT, related_name="lots"
    )
    transfer: fields.ForeignKeyRelation[Transfer] = fields.ForeignKeyField(
        "models.Transfer", on_delete=fields.RESTRICT, related_name="lots"
    )
    # By which it was earned: what has matured or moved to another account remembers where it comes from.
    origin: fields.ForeignKeyRelation[Transfer] = fields.ForeignKeyField(
        "models.Transfer", on_delete=fields.RESTRICT, related_name="originated_lots"
    )
    amount = AmountField()
    left_amount = PartField()
    expires_at = UtcField(null=True)  # the first instant at which it is expired; null: never
    available_at = UtcField(null=True)  # of a pending account: from when on it can be spent
    expired_at = UtcField(null=True)  # when what was left of it went

    class Meta:
        table = "ledger_lot"
        indexes = (("origin_id",), ("transfer_id",))


class LedgerLotUse(TimestampedModel):
    """What a transfer or a hold took from a lot, and how much of that came back."""

    lot: fields.ForeignKeyRelation[LedgerLot] = fields.ForeignKeyField(
        "models.LedgerLot", on_delete=fields.RESTRICT, related_name="uses"
    )
    transfer: fields.ForeignKeyNullableRelation[Transfer] = fields.ForeignKeyField(
        "models.Transfer", null=True, on_delete=fields.RESTRICT, related_name="lot_uses"
    )  # null while it is only held, and for good where the hold was voided
    hold: fields.ForeignKeyNullableRelation[LedgerHold] = fields.ForeignKeyField(
        "models.LedgerHold", null=True, on_delete=fields.RESTRICT, related_name="lot_uses"
    )
    amount = AmountField()
    returned_amount = PartField(default=0)

    class Meta:
        table = "ledger_lot_use"
        indexes = (("lot_id",), ("transfer_id",), ("hold_id",))


class LedgerCheckpoint(TimestampedModel):
    """The balance of one of the programme's own accounts over all transfers before an instant: append-only."""

    account: fields.ForeignKeyRelation[LedgerAccount] = fields.ForeignKeyField(
        "models.LedgerAccount", on_delete=fields.RESTRICT, related_name="checkpoints"
    )
    until = UtcField()
    balance = BalanceField()

    class Meta:
        table = "ledger_checkpoint"
        unique_together = (("until", "account"),)
