"""What managers want voided and operators decide. Rules: `handlers/serving/void_requests.py`."""

from tortoise import fields

from models.base import TimestampedModel
from models.claims import Claim
from models.fields import FenField, UtcField, WordField
from models.operators import Operator
from models.organizations import Organization
from models.programmes import Merchant
from models.redemptions import Clerk
from models.words import VoidOutcome


class VoidRequest(TimestampedModel):
    """A manager asks that a claim worth more than managers void alone be voided; an operator decides, or it lapses.

    `waiting` beyond `expires_at` is as good as lapsed, and is written so when somebody asks for the same claim again.
    """

    claim: fields.ForeignKeyRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", on_delete=fields.RESTRICT, related_name="void_requests"
    )
    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="void_requests"
    )
    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="void_requests"
    )  # who brought the benefit in: whose operators decide
    clerk: fields.ForeignKeyRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", on_delete=fields.RESTRICT, related_name="void_requests"
    )
    worth_fen = FenField()  # of what was left when it was asked for
    reason = fields.CharField(max_length=200)
    expires_at = UtcField()
    outcome = WordField(VoidOutcome, default=VoidOutcome.WAITING)
    decided_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="void_decisions"
    )
    decided_at = UtcField(null=True)

    class Meta:
        table = "void_request"
        indexes = (("organization_id", "id"), ("merchant_id", "id"))
