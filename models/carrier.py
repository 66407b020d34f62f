"""Orders that are paid on a phone bill 话费支付. Rules: `handlers/carrier_billing/`."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, FenField, JsonField, UtcField, WordField
from models.linking import BoundNumber
from models.operators import Operator
from models.orders import Order, OrderRefund
from models.programmes import Programme
from models.words import ChargeState, CreditWay


class CarrierTerms(TimestampedModel):
    """How much may be put on a phone bill from its publishing on: append-only, the newest one holds."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="carrier_terms"
    )
    number = CountField()
    terms = JsonField()
    published_by: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="carrier_terms"
    )
    published_at = UtcField()

    class Meta:
        table = "carrier_terms"
        unique_together = (("programme", "number"),)


class CarrierMonth(TimestampedModel):
    """What one phone number was charged, or may yet be, by orders of one calendar month of the programme's zone."""

    number_hash = fields.CharField(max_length=64)  # under a key of its own: it leads to no identifier
    month = fields.CharField(max_length=7)  # as 2026-11
    counted_fen = FenField(default=0)

    class Meta:
        table = "carrier_month"
        unique_together = (("number_hash", "month"),)


class CarrierCharge(TimestampedModel):
    """The charge of one order on the bill of a bound number. The carrier knows it by the order's number.

    The code is the carrier's and is kept nowhere: only how often one was asked for, and how often one was tried.
    """

    order: fields.OneToOneRelation[Order] = fields.OneToOneField(
        "models.Order", on_delete=fields.RESTRICT, related_name="carrier_charge"
    )
    bound_number: fields.ForeignKeyNullableRelation[BoundNumber] = fields.ForeignKeyField(
        "models.BoundNumber", null=True, on_delete=fields.SET_NULL, related_name="carrier_charges"
    )  # null: they left
    month: fields.ForeignKeyRelation[CarrierMonth] = fields.ForeignKeyField(
        "models.CarrierMonth", on_delete=fields.RESTRICT, related_name="charges"
    )
    counted_fen = FenField()  # what of it counts in its month
    state = WordField(ChargeState, default=ChargeState.WAITING)
    code_count = CountField(default=0)  # codes that were asked for
    code_asked_at = UtcField(null=True)  # the last of them
    code_sent_at = UtcField(null=True)  # null: the carrier has not said that it sent that one
    attempt_count = CountField(default=0)  # codes that were tried
    sent_at = UtcField(null=True)  # the last of them
    said = fields.CharField(max_length=64, default="")  # the carrier's last word
    billing_month = fields.CharField(max_length=7, default="")  # on which bill it stands; empty: not charged

    class Meta:
        table = "carrier_charge"
        indexes = (("month_id", "id"), ("bound_number_id", "id"))


class CarrierCredit(TimestampedModel):
    """How a refund came back on the phone bill. Append-only."""

    refund: fields.OneToOneRelation[OrderRefund] = fields.OneToOneField(
        "models.OrderRefund", on_delete=fields.RESTRICT, related_name="carrier_credit"
    )
    way = WordField(CreditWay)
    billing_month = fields.CharField(max_length=7)  # whose bill it is taken off, or stands on

    class Meta:
        table = "carrier_credit"
