"""Programmes, the kinds of card in them, and the merchants and stores where people shop."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField
from models.organizations import Organization


class Programme(TimestampedModel):
    """One membership programme. Its kinds of card are one family: whoever holds one is recognised by all."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="programmes"
    )
    code = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=64)

    class Meta:
        table = "programme"


class Brand(TimestampedModel):
    """A brand under which cards are issued, ours or a partner's (联名)."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="brands"
    )
    code = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=64)

    class Meta:
        table = "brand"


class Merchant(TimestampedModel):
    """A business that takes part."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="merchants"
    )
    code = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=128)

    class Meta:
        table = "merchant"


class Store(TimestampedModel):
    """One shop of a merchant."""

    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="stores"
    )
    code = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=128)

    class Meta:
        table = "store"


class CardKind(TimestampedModel):
    """One kind of card. It belongs to the programme itself, or within it to a brand or a merchant, not to both."""

    programme: fields.ForeignKeyRelation[Programme] = fields.ForeignKeyField(
        "models.Programme", on_delete=fields.RESTRICT, related_name="kinds"
    )
    brand: fields.ForeignKeyNullableRelation[Brand] = fields.ForeignKeyField(
        "models.Brand", null=True, on_delete=fields.RESTRICT, related_name="kinds"
    )
    merchant: fields.ForeignKeyNullableRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", null=True, on_delete=fields.RESTRICT, related_name="kinds"
    )
    code = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=64)
    prefix = fields.CharField(max_length=8, default="")  # digits that every number of this kind begins with
    digit_count = CountField()  # of a whole number, prefix and check digit included
    is_issued = fields.BooleanField(default=True)  # every member of the programme gets one; legacy kinds are imported
    is_in_chat = fields.BooleanField(default=True)  # offered when somebody says 绑卡
    is_active = fields.BooleanField(default=True)
    recognised_up_to = CountField(default=0)  # ordinal of the last member the job has given this kind to

    class Meta:
        table = "card_kind"
