"""Orders as members see them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from handlers.claims.claiming import MOST_AT_ONCE
from handlers.orders.order_views import Confirmation, OrderSeen
from handlers.orders.wishes import Ordered, Wanted
from handlers.ports import ClientPayment
from miniapp_api.member.claim_shapes import BenefitCode, RechargeTo
from miniapp_api.shapes import Body, Id, Out
from models.words import ChargeState, OrderRefundCause, OrderRefundState, OrderState, PaymentMethod

MostFen = Annotated[int, Field(ge=1, le=10**12)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, max_length=80)]


class OrderBody(Body):
    """`choices` and `recharge_to` as for a claim. `amount_fen`, `points`: what was shown for all of it, refused if it
    changed. `number_id`: with `carrier`, the bound number on whose phone bill it is put."""

    payment_method: Literal["wechat", "carrier"]
    number_id: Id | None = None
    quantity: Annotated[int, Field(ge=1, le=MOST_AT_ONCE, description="so many or none")] = 1
    choices: Annotated[list[BenefitCode], Field(max_length=20, default_factory=list)]
    recharge_to: RechargeTo | None = None
    amount_fen: MostFen | None = None
    points: Annotated[int, Field(ge=0, le=10**9)] | None = None

    @model_validator(mode="after")
    def _names_a_bill(self) -> "OrderBody":
        if (self.payment_method == "carrier") is not (self.number_id is not None):
            raise ValueError("a bound number belongs to payment on a phone bill, and to nothing else")
        return self

    def facts(self, offer_id: Id) -> Wanted:
        """As the handler takes it."""
        return Wanted(offer_id, self.quantity, tuple(self.choices), self.recharge_to, self.amount_fen, self.points)


class RefundBody(Body):
    """Everything that can come back; `amount_fen` is what the quote said."""

    amount_fen: MostFen
    reason: Why = ""


class RefundOut(Out):
    """Money on its way back. `stuck` and `failed` are looked at by people."""

    id: Id
    amount_fen: int
    state: OrderRefundState
    cause: OrderRefundCause
    reason: str
    asked_at: datetime
    closed_at: datetime | None


class OrderOut(Out):
    """One order, of an offer or of a plan; `refunded_fen` is back or on its way back, `claims` are what it became."""

    id: Id
    number: str = Field(description="what stands on the bill of WeChat Pay, or of the carrier")
    offer_id: Id | None
    plan_id: Id | None
    title: str
    quantity: int
    price_fen: int
    amount_fen: int
    points: int = Field(description="beside the money, for all of it: set aside while the order waits")
    refunded_fen: int
    state: OrderState
    method: PaymentMethod
    recharge_tail: str
    ordered_at: datetime
    expires_at: datetime = Field(description="until when it is locked and can be paid")
    paid_at: datetime | None
    claims: list[Id]
    refunds: list[RefundOut]

    @classmethod
    def of(cls, order: OrderSeen) -> "OrderOut":
        """In its outer shape."""
        return cls.model_validate(order)


class PaymentOut(Out):
    """What `wx.requestPayment` takes. That it says "ok" proves nothing: ask for the order."""

    app_id: str
    timestamp: str
    nonce: str
    package: str
    sign_type: str
    pay_sign: str


class ConfirmationOut(Out):
    """An order on a phone bill is confirmed with the code that the carrier sent to the number by SMS."""

    tail: str
    state: ChargeState = Field(description="`sent`: being charged, and not known yet; ask for the order")
    code_valid_until: datetime | None
    next_code_at: datetime | None = Field(description="when another code may be asked for; null: at once")
    attempts_left: int
    codes_left: int


class CodeBody(Body):
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{4,8}$")]


class OrderedOut(Out):
    """The order, and how to pay it while it waits: with WeChat Pay, or with a code on a phone bill."""

    order: OrderOut
    payment: PaymentOut | None
    confirmation: ConfirmationOut | None

    @classmethod
    def of(cls, ordered: Ordered) -> "OrderedOut":
        """In its outer shape."""
        return cls.with_payment(ordered.order, ordered.payment, ordered.confirmation)

    @classmethod
    def with_payment(
        cls, order: OrderSeen, payment: ClientPayment | None, confirmation: Confirmation | None
    ) -> "OrderedOut":
        """The same of its parts."""
        return cls(
            order=OrderOut.of(order),
            payment=PaymentOut.model_validate(payment) if payment else None,
            confirmation=ConfirmationOut.model_validate(confirmation) if confirmation else None,
        )


class QuoteLineOut(Out):
    claim_id: Id
    name: str
    amount_fen: int
    points: int
    reason: str | None = Field(description="why it cannot go back; null: it can")


class QuoteRightOut(Out):
    """Something that a membership brought: used, its value stays with the house; otherwise it would be revoked."""

    claim_id: Id
    name: str
    value_fen: int
    is_used: bool


class QuoteTermOut(Out):
    """How what comes back of a membership is found: the days that are left, less the rights that were used."""

    unused_fen: int
    used_fen: int
    starts_at: datetime
    ends_at: datetime
    cut_at: datetime = Field(description="where it would end")
    rights: list[QuoteRightOut]
    reason: str | None = Field(description="why nothing can come back; null: it can")


class QuoteOut(Out):
    """What would come back now: the claims whose `reason` is null would be revoked; of a plan, its term cut."""

    order_id: Id
    amount_fen: int
    points: int
    paid_fen: int
    refunded_fen: int
    lines: list[QuoteLineOut]
    term: QuoteTermOut | None = Field(description="of a plan's order; null: it is of an offer, or nobody has paid it")
