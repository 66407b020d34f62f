"""Programmes, the kinds of card in them, and the merchants and stores where people shop."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import BasisPointField, CountField, JsonField, WordField
from models.organizations import Organization
from models.words import MerchantAccess, MerchantTier


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
    tier = WordField(MerchantTier, default=MerchantTier.ORDINARY)
    access = WordField(MerchantAccess, default=MerchantAccess.OWN_VOUCHER)
    category = fields.CharField(max_length=32, default="")
    # Of the settlement price, what the operator bears; the merchant bears the rest. Benefits may differ.
    operator_share_bp = BasisPointField(default=10_000)
    is_active = fields.BooleanField(default=True)
    # How many codes one clerk redeems, and takes back, in a business day; null: no cap. Managers have none.
    clerk_daily_redemptions: fields.Field[int | None] = CountField(null=True)
    clerk_daily_reversals: fields.Field[int | None] = CountField(null=True)

    class Meta:
        table = "merchant"


class Store(TimestampedModel):
    """One shop of a merchant."""

    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="stores"
    )
    code = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=128)
    address = fields.CharField(max_length=200, default="")
    latitude_e6 = fields.IntField(null=True)  # millionths of a degree, GCJ-02 as WeChat's maps have it
    longitude_e6 = fields.IntField(null=True)
    zone = fields.CharField(max_length=64, default="Asia/Shanghai")  # decides the opening hours and nothing else
    hours = JsonField(default=list)  # [["mon", "09:00", "21:00"], ...]; empty: not told
    is_active = fields.BooleanField(default=True)

    class Meta:
        table = "store"
        indexes = (("latitude_e6", "longitude_e6"), ("merchant_id",))


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
