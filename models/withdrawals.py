"""Money that members take to their wallets, and the terms it is done by. Rules: `handlers/withdrawals/`."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, JsonField, UtcField, WordField
from models.identity import Member
from models.ledger import LedgerHold
from models.operators import Operator
from models.organizations import Organization
from models.programmes import Programme
from models.purchase_fields import PositiveFenField
from models.words import WithdrawalState


class WithdrawalTerms(TimestampedModel):
    """By which limits money of a programme is taken out from its publishing on: append-only, the newest one holds."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="withdrawal_terms"
    )
    number = CountField()
    terms = JsonField()
    published_by: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="withdrawal_terms"
    )
    published_at = UtcField()

    class Meta:
        table = "withdrawal_terms"
        unique_together = (("programme", "number"),)


class Withdrawal(TimestampedModel):
    """Money of one member on its way to their wallet, set aside in the ledger until it arrives or comes back.

    `number` is what the payment service knows it by: the row's own id, never changed, and never another one for the
    same row. It keeps the member it was made for.
    """

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="withdrawals"
    )
    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="withdrawals"
    )  # whose operators look at it: the member's city, or the programme's organization
    terms: fields.ForeignKeyRelation[WithdrawalTerms] = fields.ForeignKeyField(
        "models.WithdrawalTerms", on_delete=fields.RESTRICT, related_name="withdrawals"
    )
    hold: fields.OneToOneRelation[LedgerHold] = fields.OneToOneField(
        "models.LedgerHold", on_delete=fields.RESTRICT, related_name="withdrawal"
    )
    amount_fen = PositiveFenField()
    state = WordField(WithdrawalState)
    number = fields.CharField(max_length=32, unique=True)
    app_id = fields.CharField(max_length=32)  # of the mini-program that it is taken in
    mch_id = fields.CharField(max_length=32)  # the merchant that it comes from
    payee_hash = fields.CharField(max_length=64, default="")  # of the openid that gets it; empty: they left
    name_cipher = fields.TextField(default="")  # theirs, while it has to be compared
    package = fields.CharField(max_length=1024, default="")  # what the payee's mini-program opens its page with
    bill_id = fields.CharField(max_length=64, default="")  # the payment service's own number
    said = fields.CharField(max_length=64, default="")  # its last word, or ours, about why it stands where it does
    asked_at = UtcField()
    first_sent_at = UtcField(null=True)
    sent_at = UtcField(null=True)  # the last time that it was sent
    confirm_by = UtcField(null=True)
    ending_at = UtcField(null=True)  # since when it is to come back if it can: it is not sent any more
    closed_at = UtcField(null=True)
    look_count = CountField(default=0)
    look_at = UtcField(null=True)  # when it is sent or asked about next; null: nothing to do

    class Meta:
        table = "withdrawal"
        indexes = (("member_id", "id"), ("organization_id", "id"))


class WithdrawalEvent(TimestampedModel):
    """One edge that a withdrawal went along: append-only."""

    withdrawal: fields.ForeignKeyRelation[Withdrawal] = fields.ForeignKeyField(
        "models.Withdrawal", on_delete=fields.RESTRICT, related_name="events"
    )
    from_state = fields.CharField(max_length=32, default="")
    to_state = fields.CharField(max_length=32)
    reason = fields.CharField(max_length=64, default="")
    actor_kind = fields.CharField(max_length=16, default="")
    actor_id = fields.CharField(max_length=64, default="")
    happened_at = UtcField()

    class Meta:
        table = "withdrawal_event"
        indexes = (("withdrawal_id", "happened_at"),)
