"""Orders that are paid in money, what they became, and what went back. Rules: `handlers/orders/`."""

from tortoise import fields

from models.base import TimestampedModel
from models.benefits import Offer
from models.claims import Claim
from models.fields import CountField, FenField, JsonField, UtcField, WordField
from models.identity import Member
from models.purchase_fields import PositiveFenField, RefundedField
from models.words import OrderRefundCause, OrderRefundState, OrderState, PaymentMethod


class Order(TimestampedModel):
    """So many of an offer at the price of the version that was published then, for one member, to be paid at once.

    Or one plan of paid membership: then there is no offer, and `plan_order` says what it is of.

    While it waits, its units are taken from the counters and its slots are taken up, until `expires_at` at most. It
    keeps the member it was made for. `number` is what the payment service knows it by: made once, never changed.
    """

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="orders"
    )
    offer: fields.ForeignKeyNullableRelation[Offer] = fields.ForeignKeyField(
        "models.Offer", null=True, on_delete=fields.RESTRICT, related_name="orders"
    )
    offer_version = CountField()  # 0 without an offer
    title = fields.CharField(max_length=128)  # as the payer read it
    quantity = CountField()
    choices = JsonField(default=list)  # of a package, by code
    recharge_to_cipher = fields.TextField(default="")
    recharge_to_tail = fields.CharField(max_length=4, default="")
    price_fen = PositiveFenField()  # of one
    price_points = CountField(default=0)  # of one, beside the money; set aside while it waits
    amount_fen = PositiveFenField()  # of all
    refunded_fen = RefundedField(default=0)  # what went back and what is on its way back
    state = WordField(OrderState, default=OrderState.WAITING)
    method = WordField(PaymentMethod, default=PaymentMethod.WECHAT)
    number = fields.CharField(max_length=32, unique=True)
    app_id = fields.CharField(max_length=32)  # of the mini-program that it is paid in
    mch_id = fields.CharField(max_length=32)  # the merchant that it is paid to
    payer_hash = fields.CharField(max_length=64, default="")  # of the openid that has to pay; empty: they left
    prepay_id = fields.CharField(max_length=64, default="")
    prepaid_at = UtcField(null=True)
    transaction_id = fields.CharField(max_length=32, null=True, unique=True)  # the payment service's own number
    stock_buckets = fields.CharField(max_length=100, default="")  # which counters its units are from, by commas
    ordered_at = UtcField()
    expires_at = UtcField()
    paid_at = UtcField(null=True)
    closed_at = UtcField(null=True)
    look_count = CountField(default=0)  # how often the payment service was asked what became of it
    look_at = UtcField(null=True)  # when it is asked next; null: nothing more to hear

    class Meta:
        table = "sales_order"
        indexes = (("member_id", "id"), ("offer_id", "id"))


class OrderRefund(TimestampedModel):
    """Money of one order on its way back. `number` is what the payment service knows it by: made once."""

    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", on_delete=fields.RESTRICT, related_name="refunds"
    )
    number = fields.CharField(max_length=64, unique=True)
    amount_fen = PositiveFenField()
    state = WordField(OrderRefundState, default=OrderRefundState.WAITING)
    cause = WordField(OrderRefundCause)
    reason = fields.CharField(max_length=80, default="")
    refund_id = fields.CharField(max_length=64, default="")  # the payment service's own number
    said = fields.CharField(max_length=64, default="")  # its last word about it
    asked_at = UtcField()
    sent_at = UtcField(null=True)
    closed_at = UtcField(null=True)
    look_count = CountField(default=0)
    look_at = UtcField(null=True)  # when it is sent or asked about next; null: nothing more to hear

    class Meta:
        table = "order_refund"
        indexes = (("order_id", "id"),)


class OrderClaim(TimestampedModel):
    """One claim that an order became, and its part of the money; with `refund` that part goes back."""

    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", on_delete=fields.RESTRICT, related_name="claims"
    )
    claim: fields.OneToOneRelation[Claim] = fields.OneToOneField(
        "models.Claim", on_delete=fields.RESTRICT, related_name="ordered"
    )
    amount_fen = FenField()
    refund: fields.ForeignKeyNullableRelation[OrderRefund] = fields.ForeignKeyField(
        "models.OrderRefund", null=True, on_delete=fields.RESTRICT, related_name="claims"
    )

    class Meta:
        table = "order_claim"
        indexes = (("order_id", "id"),)


class OrderEvent(TimestampedModel):
    """One edge that an order went along: append-only."""

    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", on_delete=fields.RESTRICT, related_name="events"
    )
    from_state = fields.CharField(max_length=32, default="")
    to_state = fields.CharField(max_length=32)
    reason = fields.CharField(max_length=64, default="")
    actor_kind = fields.CharField(max_length=16, default="")
    actor_id = fields.CharField(max_length=64, default="")
    happened_at = UtcField()

    class Meta:
        table = "order_event"
        indexes = (("order_id", "happened_at"),)
