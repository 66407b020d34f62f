"""Paying merchants: what they say to their statements, and the batches of statements that are paid at once.

Rules: `handlers/settlement/`.
"""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import UtcField, WordField
from models.operators import Operator
from models.organizations import Organization
from models.programmes import Merchant
from models.purchase_fields import PositiveFenField
from models.redemptions import Clerk
from models.settlement import SettlementStatement
from models.words import PayoutState, StatementReplyKind


class StatementReply(TimestampedModel):
    """What a manager of the merchant says to a statement. Append-only; nothing follows a confirmation."""

    statement: fields.ForeignKeyRelation[SettlementStatement] = fields.ForeignKeyField(
        "models.SettlementStatement", on_delete=fields.RESTRICT, related_name="replies"
    )
    clerk: fields.ForeignKeyRelation[Clerk] = fields.ForeignKeyField(
        "models.Clerk", on_delete=fields.RESTRICT, related_name="statement_replies"
    )
    kind = WordField(StatementReplyKind)
    note = fields.CharField(max_length=200, default="")
    replied_at = UtcField()

    class Meta:
        table = "statement_reply"
        indexes = (("statement_id", "id"),)


class PayoutBatch(TimestampedModel):
    """付款批次: what the merchants of an organization and below are paid at once. People name it by its `number`."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="payout_batches"
    )
    number = fields.CharField(max_length=32, unique=True)
    until_on = fields.CharField(max_length=10)  # YYYY-MM-DD: the last business day that it may hold
    state = WordField(PayoutState, default=PayoutState.PROPOSED)
    amount_fen = PositiveFenField()
    proposed_by: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="proposed_payouts"
    )
    approved_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="approved_payouts"
    )
    approved_at = UtcField(null=True)
    reference = fields.CharField(max_length=64, default="")  # the bank's word for it
    closed_at = UtcField(null=True)  # paid or cancelled

    class Meta:
        table = "payout_batch"
        indexes = (("organization_id", "id"),)


class PayoutLine(TimestampedModel):
    """What one merchant gets with a batch: the sum of its statements there."""

    batch: fields.ForeignKeyRelation[PayoutBatch] = fields.ForeignKeyField(
        "models.PayoutBatch", on_delete=fields.RESTRICT, related_name="lines"
    )
    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="payout_lines"
    )
    amount_fen = PositiveFenField()

    class Meta:
        table = "payout_line"
        unique_together = (("batch", "merchant"),)


class PayoutStatement(TimestampedModel):
    """The place of a statement in a batch: one at a time, until it is paid or let go of."""

    line: fields.ForeignKeyRelation[PayoutLine] = fields.ForeignKeyField(
        "models.PayoutLine", on_delete=fields.RESTRICT, related_name="statements"
    )
    statement: fields.ForeignKeyRelation[SettlementStatement] = fields.ForeignKeyField(
        "models.SettlementStatement", on_delete=fields.RESTRICT, related_name="payouts"
    )
    released_at = UtcField(null=True)

    class Meta:
        table = "payout_statement"
        indexes = (("line_id", "id"),)
