"""Consents: what a person agreed to, which version, when, where."""

from tortoise import fields

from models.accounts import Account
from models.base import TimestampedModel
from models.fields import UtcField, WordField
from models.identity import Member
from models.words import ConsentPurpose, Touchpoint


class Consent(TimestampedModel):
    """One act of consent; withdrawing closes the row, agreeing again opens another."""

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="consents"
    )
    purpose = WordField(ConsentPurpose)
    version = fields.CharField(max_length=32)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=fields.RESTRICT, related_name="consents"
    )
    given_through = WordField(Touchpoint)
    given_at = UtcField()
    withdrawn_at = UtcField(null=True)

    class Meta:
        table = "consent"
        indexes = (("member_id",),)  # withdrawn ones too: the other index has none of them
