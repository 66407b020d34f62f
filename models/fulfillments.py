"""Suppliers, and what they were asked to do. Rules: `handlers/fulfillment/`."""

from tortoise import fields

from models.base import TimestampedModel
from models.claims import Claim
from models.fields import CountField, FenField, UtcField, WordField
from models.organizations import Organization
from models.words import FulfillmentAct, FulfillmentState


class Supplier(TimestampedModel):
    """Somebody outside who fulfils claims for us, or keeps points of our members, reached at `api_url`.

    The secret signs what we and they say.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="suppliers"
    )
    code = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=64)
    api_url = fields.CharField(max_length=200)
    secret_cipher = fields.TextField()
    is_paused = fields.BooleanField(default=False)  # nobody claims what it fulfils, and nothing new is sent to it

    class Meta:
        table = "supplier"


class Fulfillment(TimestampedModel):
    """One order at a supplier for a claim. Its number is made once; a claim's next order is another row, `ordinal` 2.

    The phone number to charge stands with the claim, encrypted, and nowhere else.
    """

    claim: fields.ForeignKeyRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", on_delete=fields.RESTRICT, related_name="fulfillments"
    )
    supplier: fields.ForeignKeyRelation[Supplier] = fields.ForeignKeyField(
        "models.Supplier", on_delete=fields.RESTRICT, related_name="fulfillments"
    )
    ordinal = CountField(default=1)
    order_no = fields.CharField(max_length=32, unique=True)  # what the supplier knows it by; never changes
    product = fields.CharField(max_length=64)
    face_value_fen = FenField()
    state = WordField(FulfillmentState, default=FulfillmentState.WAITING)
    look_count = CountField(default=0)  # how often it was sent or asked about
    look_at = (
        UtcField()
    )  # when it is looked at next; moved on before each look, so that two workers do not look at once
    sent_at = UtcField(null=True)  # first
    closed_at = UtcField(null=True)

    class Meta:
        table = "fulfillment"
        unique_together = (("claim", "ordinal"),)


class FulfillmentAttempt(TimestampedModel):
    """What was said about one order, by us or by the supplier: append-only. `reason` is the supplier's own word."""

    fulfillment: fields.ForeignKeyRelation[Fulfillment] = fields.ForeignKeyField(
        "models.Fulfillment", on_delete=fields.RESTRICT, related_name="attempts"
    )
    act = WordField(FulfillmentAct)
    result = fields.CharField(max_length=32)  # begun, or what was heard: accepted, done, failed, absent, unknown
    reason = fields.CharField(max_length=64, default="")
    has_moved = fields.BooleanField(default=False)  # the order stands elsewhere since
    happened_at = UtcField()

    class Meta:
        table = "fulfillment_attempt"
        indexes = (("fulfillment_id", "happened_at"),)
