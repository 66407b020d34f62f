"""Terms, statements and what was redeemed, as operators send and see them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, WithJsonSchema

from handlers.rules.settlement import TAKEN_BACK, Totals
from handlers.settlement.settlement_terms import TermsDraft, TermsView
from handlers.settlement.statement_views import RedeemedRow, StatementHead, StatementView, SumView
from miniapp_api.cells import Cell, Yuan
from miniapp_api.operator.code_pool_shapes import PoolCode
from miniapp_api.operator.merchant_shapes import BasisPoints, Code
from miniapp_api.shapes import Body, Id, Out
from models.words import EntryKind, SettlementPeriod, StatementReplyKind


def _day(value: object) -> date:
    """One spelling, in a century in which a zone moves no day out of the calendar."""
    if not isinstance(value, str) or len(value) != 10 or not value.startswith("20"):
        raise ValueError("not a day")
    return date.fromisoformat(value)


Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "description": "a business day of the programme's zone"}),
]
BenefitCode = PoolCode
Fen = Annotated[int, Field(ge=0, le=10**12)]
Note = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]*$")
]


class NewTermsBody(Body):
    """From an instant on: what one benefit of the merchant, or all of them, are settled at. What is null stays wider.

    For a benefit its own terms go first, then those of all the merchant's benefits, then what it was saved with.
    """

    benefit: BenefitCode | None = Field(default=None, description="all the merchant's benefits when absent")
    settlement_price_fen: Fen | None = Field(default=None, description="of a whole redemption")
    operator_share_bp: BasisPoints | None = Field(default=None, description="of it, what the operator bears")
    void_limit_fen: Fen | None = Field(default=None, description="worth up to which a manager voids a claim alone")
    sale_share_bp: BasisPoints | None = Field(
        default=None, description="of what members pay for it in money, the merchant's part, settled with the sale"
    )
    fee_bp: BasisPoints | None = Field(default=None, description="of the operator's part of a line, the house's fee")
    fee_flat_fen: Fen | None = Field(default=None, description="beside the rate, by the line; never more than the line")
    period: SettlementPeriod | None = Field(
        default=None, description="what a statement covers, for all the merchant's benefits alone; a day when absent"
    )
    starts_at: AwareDatetime | None = Field(default=None, description="a minute from now or later; else the next day")
    note: Note = ""

    def draft(self) -> TermsDraft:
        """What the handler takes."""
        return TermsDraft(
            self.benefit,
            self.settlement_price_fen,
            self.operator_share_bp,
            self.starts_at,
            self.note,
            self.void_limit_fen,
            self.sale_share_bp,
            self.fee_bp,
            self.fee_flat_fen,
            self.period,
        )


class TermsOut(Out):
    id: Id
    number: int
    benefit: str | None
    settlement_price_fen: int | None
    operator_share_bp: int | None
    void_limit_fen: int | None
    sale_share_bp: int | None
    fee_bp: int | None
    fee_flat_fen: int | None
    period: SettlementPeriod | None
    starts_at: datetime
    note: str
    decided_by: str

    @classmethod
    def of(cls, view: TermsView) -> "TermsOut":
        return cls.model_validate(view)


class AmountsOut(Out):
    """How many rows, their money, what operator and merchant bear of it, and the fees on the operator's part."""

    count: int
    settlement_fen: int
    operator_fen: int
    merchant_fen: int
    fee_fen: int


class TotalsOut(Out):
    """Payable is what was redeemed or sold less what was taken back, and may be negative.

    The merchant is paid `net_fen`: the operator's part less the fees.
    """

    redeemed: AmountsOut
    reversed: AmountsOut
    payable_fen: int
    payable_operator_fen: int
    payable_merchant_fen: int
    fee_fen: int
    net_fen: int

    @classmethod
    def of(cls, totals: Totals) -> "TotalsOut":
        return cls.model_validate(totals)


class SumOut(Out):
    """One benefit, or plan, on the day that its rows belong to: an earlier day than the statement's means late rows."""

    benefit: str
    benefit_name: str
    is_plan: bool = Field(description="shares of fees of the plan of this code (融合套餐)")
    belongs_on: date
    totals: TotalsOut

    @classmethod
    def of(cls, each: SumView) -> "SumOut":
        return cls(
            benefit=each.benefit,
            benefit_name=each.benefit_name,
            is_plan=each.is_plan,
            belongs_on=each.belongs_on,
            totals=TotalsOut.of(each.totals),
        )


class StatementOut(Out):
    """One closed day of a merchant, or several. `closed_by` is null where the clock did it.

    `hash`: SHA-256 over its rows.
    """

    id: Id
    number: str
    merchant: str
    merchant_name: str
    business_on: date
    from_on: date | None = Field(description="its first day, where it covers several up to `business_on`")
    closed_at: datetime
    closed_by: str | None
    totals: TotalsOut
    late_count: int
    hash: str
    reply: StatementReplyKind | None = Field(description="the last word of the merchant: confirmed, it may be paid")
    reply_note: str
    payout: str | None = Field(description="the number of the batch that pays it")

    @classmethod
    def of(cls, head: StatementHead) -> "StatementOut":
        return cls.model_validate(_told(head))


class WholeStatementOut(StatementOut):
    """With its sums by benefit or plan, and day."""

    sums: list[SumOut]

    @classmethod
    def whole(cls, view: StatementView) -> "WholeStatementOut":
        return cls.model_validate({**_told(view.head), "sums": [SumOut.of(each) for each in view.sums]})


def _told(head: StatementHead) -> dict[str, object]:
    return {
        "id": head.id,
        "number": head.number,
        "merchant": head.merchant,
        "merchant_name": head.merchant_name,
        "business_on": head.business_on,
        "from_on": head.from_on,
        "closed_at": head.closed_at,
        "closed_by": head.closed_by,
        "totals": TotalsOut.of(head.totals),
        "late_count": head.late_count,
        "hash": head.hash,
        "reply": head.reply,
        "reply_note": head.reply_note,
        "payout": head.payout,
    }


class CloseDayBody(Body):
    """A business day that is over, of a merchant named by its code."""

    merchant: Code
    business_on: Day


class RedeemedOut(Out):
    """A redemption; the reversal of one (`reverses`), whose amounts are then taken back; a second hand-over without
    a network (`second_to` the redemption that counts) that an operator decided to pay too; in statements also the
    merchant's part of a sale or of a plan's fee, or of a refund (`reverses`), with the order's number as `receipt` and
    of a fee the plan as the benefit.

    `fee_fen` of the operator's share stay with the house; `net_fen` are what the row brings the merchant.

    `belongs_on`: its business day; of a reversal that of what it takes back, of a second hand-over the day on which it
    was handed over. `statement` is null while its day is open.
    """

    id: Id
    kind: EntryKind
    reverses: Id | None
    second_to: Id | None
    happened_at: datetime
    belongs_on: date
    receipt: str
    merchant: str
    merchant_name: str
    store: str
    store_name: str
    benefit: str
    benefit_name: str
    clerk: str
    uses: int
    bill_amount_fen: int | None
    settlement_fen: int
    operator_share_fen: int
    merchant_share_fen: int
    fee_fen: int
    net_fen: int
    statement: str | None

    @classmethod
    def of(cls, found: RedeemedRow) -> "RedeemedOut":
        return cls.model_validate(found)


HEADER = (
    "核销编号",
    "类型",
    "时间",
    "所属营业日",
    "单号",
    "商户编号",
    "商户",
    "门店编号",
    "门店",
    "权益编号",
    "权益",
    "店员",
    "次数",
    "消费金额（元）",
    "结算金额（元）",
    "运营方承担（元）",
    "商户承担（元）",
    "手续费（元）",
    "应付商户（元）",
    "撤销的核销",
    "结算单",
    "重复于核销",
)
_KINDS = {
    EntryKind.REDEEM: "核销",
    EntryKind.REVERSAL: "撤销",
    EntryKind.CONFLICT: "重复补付",
    EntryKind.SALE: "销售",
    EntryKind.SALE_REFUND: "退款",
    EntryKind.PLAN_SHARE: "套餐分成",
    EntryKind.PLAN_SHARE_REFUND: "套餐分成退回",
}


def cells(found: RedeemedRow) -> Sequence[Cell]:
    """One line of a file; what a reversal takes back is negative, so that columns can be summed."""
    sign = -1 if found.kind in TAKEN_BACK else 1
    return (
        str(found.id),
        _KINDS[found.kind],
        found.happened_at,
        found.belongs_on,
        found.receipt,
        found.merchant,
        found.merchant_name,
        found.store,
        found.store_name,
        found.benefit,
        found.benefit_name,
        found.clerk,
        sign * found.uses,
        None if found.bill_amount_fen is None else Yuan(found.bill_amount_fen),
        Yuan(sign * found.settlement_fen),
        Yuan(sign * found.operator_share_fen),
        Yuan(sign * found.merchant_share_fen),
        Yuan(sign * found.fee_fen),
        Yuan(sign * found.net_fen),
        str(found.reverses) if found.reverses else None,
        found.statement,
        str(found.second_to) if found.second_to else None,
    )
