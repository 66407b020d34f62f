"""Channels: tills, shops, apps and partners that speak to us by themselves. Rules: `handlers/channels/`."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, UtcField
from models.organizations import Organization
from models.programmes import Merchant


class Channel(TimestampedModel):
    """A system outside that signs what it says; of an organization, or within it of one merchant.

    While keys are changed both hold, the earlier one until `previous_until`.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="channels"
    )
    merchant: fields.ForeignKeyNullableRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", null=True, on_delete=fields.RESTRICT, related_name="channels"
    )
    code = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=64)
    key_cipher = fields.TextField()
    previous_key_cipher = fields.TextField(default="")
    previous_until = UtcField(null=True)
    daily_quota: fields.Field[int | None] = CountField(null=True)  # calls of a business day; null: no limit
    is_active = fields.BooleanField(default=True)  # the switch: what is off is heard by nobody

    class Meta:
        table = "channel"


class ChannelUse(TimestampedModel):
    """How many calls of a channel were let in on a business day: moves by a guarded update."""

    channel: fields.ForeignKeyRelation[Channel] = fields.ForeignKeyField(
        "models.Channel", on_delete=fields.RESTRICT, related_name="uses"
    )
    day = fields.CharField(max_length=10)
    used_count = CountField(default=0)

    class Meta:
        table = "channel_use"
        unique_together = (("channel", "day"),)


class ChannelNonce(TimestampedModel):
    """A call that was heard, by its nonce: kept for as long as its signature would be taken again."""

    channel: fields.ForeignKeyRelation[Channel] = fields.ForeignKeyField(
        "models.Channel", on_delete=fields.RESTRICT, related_name="nonces"
    )
    nonce = fields.CharField(max_length=64)
    heard_at = UtcField(db_index=True)

    class Meta:
        table = "channel_nonce"
        unique_together = (("channel", "nonce"),)
