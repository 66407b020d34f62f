"""What merchants are settled at, and their statements: `handlers/rules/settlement.py`, `settlement_terms.py`."""

from tortoise import fields

from models.base import TimestampedModel
from models.benefits import Benefit
from models.fee_shares import PlanShareEntry
from models.fields import BasisPointField, CountField, FenField, JsonField, UtcField, WordField
from models.offline import OfflineConflict
from models.operators import Operator
from models.orders import Order, OrderClaim
from models.programmes import Merchant
from models.purchase_fields import PositiveFenField
from models.redemptions import Redemption
from models.settlement_fields import PartOfSaleField
from models.words import SettlementPeriod


class SettlementTerms(TimestampedModel):
    """结算条款: what a merchant's redemptions are settled at from an instant on, for all its benefits or for one.

    Append-only: what ends is replaced by a later version. A column that is null leaves it to the next wider terms.
    """

    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="settlement_terms"
    )
    benefit: fields.ForeignKeyNullableRelation[Benefit] = fields.ForeignKeyField(
        "models.Benefit", null=True, on_delete=fields.RESTRICT, related_name="settlement_terms"
    )
    number = CountField()  # 1, 2, 3 ... of this merchant
    starts_at = UtcField()
    settlement_price_fen = FenField(null=True)
    operator_share_bp = BasisPointField(null=True)
    void_limit_fen = FenField(null=True)  # what a manager of the merchant voids alone
    sale_share_bp = BasisPointField(null=True)  # of money that members pay for its benefits, the merchant's part
    fee_bp = BasisPointField(null=True)  # of what a line brings the merchant, what stays with the house
    fee_flat_fen = FenField(null=True)  # the same by the line, beside the rate
    period = WordField(SettlementPeriod, null=True)  # what a statement covers; only where it is of all the benefits
    note = fields.CharField(max_length=200, default="")
    decided_by: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="settlement_terms"
    )

    class Meta:
        table = "settlement_terms"
        unique_together = (("merchant", "number"),)


class SettlementStatement(TimestampedModel):
    """结算单: what a merchant is owed for a business day, or for several, that is closed. Append-only.

    Amounts are those of the entries of its parts, reversals apart: what is payable is the difference. Fees
    are what stays with the house of the operator's part.
    """

    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="settlement_statements"
    )
    business_on = fields.CharField(max_length=10)  # YYYY-MM-DD in the programme's zone
    from_on = fields.CharField(max_length=10, null=True)  # the first day, where it covers several up to `business_on`
    ends_at = UtcField()  # the first instant after that day
    closed_at = UtcField()
    closed_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="settlement_statements"
    )  # null: by the clock
    late_count = CountField()  # entries that belong to an earlier day
    redeemed_count = CountField()
    redeemed_fen = FenField()
    redeemed_operator_fen = FenField()
    redeemed_merchant_fen = FenField()
    reversed_count = CountField()
    reversed_fen = FenField()
    reversed_operator_fen = FenField()
    reversed_merchant_fen = FenField()
    redeemed_fee_fen = FenField(default=0)
    reversed_fee_fen = FenField(default=0)
    sums = JsonField()  # the same by benefit and by the day that entries belong to
    hash = fields.CharField(max_length=64)  # SHA-256 over the canonical form of day and entries

    class Meta:
        table = "settlement_statement"
        unique_together = (("merchant", "business_on"),)


class SettlementPart(TimestampedModel):
    """结算分段: entries of a merchant that were added up together; open until a statement takes it, then for good.

    Sealed through the day, so that closing it adds up what came last and the sums of parts; what is in one never
    changes. A statement from before there were parts has one, with its id, its sums and its hash.
    """

    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="settlement_parts"
    )
    statement: fields.ForeignKeyNullableRelation[SettlementStatement] = fields.ForeignKeyField(
        "models.SettlementStatement", null=True, on_delete=fields.RESTRICT, related_name="parts"
    )
    business_on = fields.CharField(max_length=10)  # for which day it was sealed, YYYY-MM-DD in the programme's zone
    from_on = fields.CharField(max_length=10, null=True)  # the first day, where it was sealed for several
    begins_at = UtcField()  # the first instant of these days; what is late may have happened before
    entry_count = CountField()
    sums = JsonField()  # by benefit and by the day that entries belong to, as a statement has them
    hash = fields.CharField(max_length=64)  # SHA-256 over the canonical form of days and entries

    class Meta:
        table = "settlement_part"
        indexes = (("statement_id", "id"),)


class SettlementEntry(TimestampedModel):
    """The one place of a redemption or reversal in the statements: open until it is sealed in a part, then for good.

    The database itself writes it with the redemption row, under the same id, so that no row can do without.
    """

    redemption: fields.OneToOneRelation[Redemption] = fields.OneToOneField(
        "models.Redemption", on_delete=fields.RESTRICT, related_name="settlement_entry"
    )
    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="settlement_entries"
    )
    happened_at = UtcField()  # the redemption row's own instant
    part: fields.ForeignKeyNullableRelation[SettlementPart] = fields.ForeignKeyField(
        "models.SettlementPart", null=True, on_delete=fields.RESTRICT, related_name="entries"
    )

    class Meta:
        table = "settlement_entry"
        indexes = (("part_id", "id"),)


class ConflictEntry(TimestampedModel):
    """The one place in the statements of a second hand-over that an operator pays: open until it is sealed in a part.

    The database itself writes it with the decision, under the same id. The amounts are those of the conflict.
    """

    conflict: fields.OneToOneRelation[OfflineConflict] = fields.OneToOneField(
        "models.OfflineConflict", on_delete=fields.RESTRICT, related_name="settlement_entry"
    )
    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="conflict_entries"
    )
    happened_at = UtcField()  # when it was decided
    part: fields.ForeignKeyNullableRelation[SettlementPart] = fields.ForeignKeyField(
        "models.SettlementPart", null=True, on_delete=fields.RESTRICT, related_name="conflict_entries"
    )

    class Meta:
        table = "conflict_entry"
        indexes = (("part_id", "id"), ("happened_at", "id"))


class SaleEntry(TimestampedModel):
    """The merchant's part of the money for one claim of an order, or (`reverses`) of that money going back.

    Written with the payment and with the refund, where the terms of that moment give the merchant a part at all; open
    until it is sealed in a part, then for good. A sale has the id of its `order_claim` row.
    """

    order_claim: fields.ForeignKeyRelation[OrderClaim] = fields.ForeignKeyField(
        "models.OrderClaim", on_delete=fields.RESTRICT, related_name="sale_entries"
    )
    reverses: fields.OneToOneNullableRelation["SaleEntry"] = fields.OneToOneField(
        "models.SaleEntry", null=True, on_delete=fields.RESTRICT, related_name="reversal"
    )
    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="sale_entries"
    )
    benefit: fields.ForeignKeyRelation[Benefit] = fields.ForeignKeyField(
        "models.Benefit", on_delete=fields.RESTRICT, related_name="sale_entries"
    )
    amount_fen = PositiveFenField()  # what was paid for the claim
    settlement_fen = PartOfSaleField()  # of it, the merchant's
    happened_at = UtcField()
    part: fields.ForeignKeyNullableRelation[SettlementPart] = fields.ForeignKeyField(
        "models.SettlementPart", null=True, on_delete=fields.RESTRICT, related_name="sale_entries"
    )

    class Meta:
        table = "sale_entry"
        indexes = (("part_id", "id"),)


class ShareEntry(TimestampedModel):
    """The one place in the statements of a merchant's share of a plan's fee, or of what a refund takes back of that.

    The database itself writes it with the share, under the same id; the amounts are those of the share. Open until it
    is sealed in a part, then for good.
    """

    share: fields.OneToOneRelation[PlanShareEntry] = fields.OneToOneField(
        "models.PlanShareEntry", on_delete=fields.RESTRICT, related_name="settlement_entry"
    )
    merchant: fields.ForeignKeyRelation[Merchant] = fields.ForeignKeyField(
        "models.Merchant", on_delete=fields.RESTRICT, related_name="share_entries"
    )
    happened_at = UtcField()  # the share's own instant
    part: fields.ForeignKeyNullableRelation[SettlementPart] = fields.ForeignKeyField(
        "models.SettlementPart", null=True, on_delete=fields.RESTRICT, related_name="share_entries"
    )

    class Meta:
        table = "share_entry"
        indexes = (("part_id", "id"),)


class DeferredSale(TimestampedModel):
    """How much of the money for one claim of an order is held back from income: nobody has had anything for it yet."""

    order_claim: fields.OneToOneRelation[OrderClaim] = fields.OneToOneField(
        "models.OrderClaim", on_delete=fields.RESTRICT, related_name="deferred"
    )
    amount_fen = PositiveFenField()  # what was paid for the claim
    held_fen = PartOfSaleField()  # of it, still held back

    class Meta:
        table = "deferred_sale"


class DeferredFee(TimestampedModel):
    """How much of what was paid for a plan is held back from income: of days that are to come, and what merchants'
    next statements will have."""

    order: fields.OneToOneRelation[Order] = fields.OneToOneField(
        "models.Order", on_delete=fields.RESTRICT, related_name="deferred_fee"
    )
    amount_fen = PositiveFenField()  # what was paid
    held_fen = PartOfSaleField()  # of it, still held back

    class Meta:
        table = "deferred_fee"
