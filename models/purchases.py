"""Purchases that channels tell of, and what members earn by them. Rules: `handlers/purchases/`. docs/adr/0023."""

from tortoise import fields

from models.base import TimestampedModel
from models.channels import Channel
from models.fields import CountField, FenField, UtcField, WordField
from models.identity import Member
from models.ledger import Transfer
from models.programmes import Programme, Store
from models.purchase_fields import FactorField, GoneField, PositiveFenField, RefundedField
from models.words import BuyerKind, PurchaseRuleKind, RefundState


class PurchaseRule(TimestampedModel):
    """What a purchase earns of a unit: a rate per yuan, or a factor that multiplies it within its time."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="purchase_rules"
    )
    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=64)
    unit = fields.CharField(max_length=16)  # `points`, `growth`
    kind = WordField(PurchaseRuleKind)
    level = fields.CharField(max_length=32, default="")  # of the buyer; empty: whatever it is
    category = fields.CharField(max_length=32, default="")  # of a line; empty: whatever it is
    factor_bp = FactorField()  # a rate: of a unit per yuan; a factor: of what the rate gives
    starts_at = UtcField(null=True)  # counted by when was paid; null: always
    ends_at = UtcField(null=True)
    is_active = fields.BooleanField(default=True)

    class Meta:
        table = "purchase_rule"
        unique_together = (("programme", "code"),)


class Purchase(TimestampedModel):
    """An order that was paid at a channel, under the channel's own number, told once for ever.

    Of somebody nobody knows yet it keeps by what they will be known, until `waits_until`; then it is nobody's.
    """

    channel: fields.ForeignKeyRelation[Channel] = fields.ForeignKeyField(
        "models.Channel", on_delete=fields.RESTRICT, related_name="purchases"
    )
    order_no = fields.CharField(max_length=64)
    fingerprint = fields.CharField(max_length=64)  # of the facts as they came: another body is another order
    store: fields.ForeignKeyNullableRelation[Store] = fields.ForeignKeyField(
        "models.Store", null=True, on_delete=fields.RESTRICT, related_name="purchases"
    )
    amount_fen = PositiveFenField()
    refunded_fen = RefundedField(default=0)
    paid_at = UtcField()
    member: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", null=True, on_delete=fields.RESTRICT, related_name="purchases"
    )
    buyer_kind = WordField(BuyerKind)
    buyer_hash = fields.CharField(max_length=64, default="")  # keyed; empty once it is somebody's, or nobody's
    waits_until = UtcField(null=True)
    credited_at = UtcField(null=True)

    lines: fields.ReverseRelation["PurchaseLine"]

    class Meta:
        table = "purchase"
        unique_together = (("channel", "order_no"),)
        indexes = (("member_id", "id"),)


class PurchaseLine(TimestampedModel):
    """A part of a purchase: of one category."""

    purchase: fields.ForeignKeyRelation[Purchase] = fields.ForeignKeyField(
        "models.Purchase", on_delete=fields.RESTRICT, related_name="lines"
    )
    ordinal = CountField()
    category = fields.CharField(max_length=32, default="")
    amount_fen = FenField()

    class Meta:
        table = "purchase_line"
        unique_together = (("purchase", "ordinal"),)


class PurchaseRefund(TimestampedModel):
    """Money that a channel gave back of an order, by the channel's number; it may be told of before the order is."""

    channel: fields.ForeignKeyRelation[Channel] = fields.ForeignKeyField(
        "models.Channel", on_delete=fields.RESTRICT, related_name="refunds"
    )
    order_no = fields.CharField(max_length=64)
    refund_no = fields.CharField(max_length=64)
    fingerprint = fields.CharField(max_length=64)
    amount_fen = PositiveFenField()
    refunded_at = UtcField()
    state = WordField(RefundState)

    class Meta:
        table = "purchase_refund"
        unique_together = (("channel", "order_no", "refund_no"),)


class PurchaseEarning(TimestampedModel):
    """What a purchase brought its buyer of one unit, what of it went again, and what is owed of that.

    `amount` - `taken_amount` - `owed_amount` is what the part of the purchase that was not refunded is worth.
    """

    purchase: fields.ForeignKeyRelation[Purchase] = fields.ForeignKeyField(
        "models.Purchase", on_delete=fields.RESTRICT, related_name="earnings"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="purchase_earnings"
    )
    unit = fields.CharField(max_length=16)
    amount = FenField()
    transfer: fields.ForeignKeyNullableRelation[Transfer] = fields.ForeignKeyField(
        "models.Transfer", null=True, on_delete=fields.RESTRICT, related_name="purchase_earnings"
    )  # null: it brought nothing
    owed_amount = FenField(default=0)  # was to be taken back and had been spent
    taken_amount = GoneField(default=0)

    class Meta:
        table = "purchase_earning"
        unique_together = (("purchase", "unit"),)
