"""融合套餐: merchants' shares of plans' fees, and what each got of an order. Rules: `handlers/rules/fee_shares.py`."""

from tortoise import fields

from models.base import TimestampedModel
from models.distribution_fields import SignedFenField, TakenBackField
from models.fields import BasisPointField, FenField, UtcField
from models.orders import Order, OrderRefund
from models.plans import PlanVersion
from models.programmes import Merchant


class PlanShare(TimestampedModel):
    """One merchant's part of the fee of a published version of a plan: append-only, as the version is."""

    version: fields.ForeignKeyRelation[PlanVersion] = fields.ForeignKeyField(
        "models.PlanVersion", on_delete=fields.RESTRICT, related_name="shares"
    )
    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="plan_shares"
    )
    share_bp = BasisPointField()

    class Meta:
        table = "plan_share"
        unique_together = (("version", "merchant"),)


class PlanShareEntry(TimestampedModel):
    """What a merchant gets of one order of a plan, or, with `reverses`, what a refund takes back of that.

    No row changes but for `back_fen`, which counts what the rows that reverse it took. The database itself writes the
    entry of each in its merchant's statements (`ShareEntry`).
    """

    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", on_delete=fields.RESTRICT, related_name="plan_shares"
    )
    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="plan_share_entries"
    )
    base_fen = FenField()  # what was really paid
    share_bp = BasisPointField()
    amount_fen = SignedFenField()
    back_fen = TakenBackField(default=0)
    reverses: fields.ForeignKeyNullableRelation["PlanShareEntry"] = fields.ForeignKeyField(
        "models.PlanShareEntry", null=True, on_delete=fields.RESTRICT, related_name="reversals"
    )
    refund: fields.ForeignKeyNullableRelation[OrderRefund] = fields.ForeignKeyField(
        "models.OrderRefund", null=True, on_delete=fields.RESTRICT, related_name="plan_shares"
    )
    happened_at = UtcField()

    class Meta:
        table = "plan_share_entry"
        indexes = (("merchant_id", "happened_at"), ("order_id",))
