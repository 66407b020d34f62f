"""Payment services as handlers see them; `handlers/ports.py` hands them on, and everybody takes them there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from models.words import BillKind, CreditWay, PrepayHeard, RefundHeard, TradeHeard, TransferHeard


@dataclass(frozen=True, slots=True)
class ToPay:
    """What is to be paid, and by whom: the openid is that of `app_id`. `number` is ours and never changes."""

    number: str
    app_id: str
    description: str
    amount_fen: int
    expires_at: datetime  # the payment service takes nothing after it
    openid: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PrepaySays:
    """What a payment service said to it; with `READY` there is an id. `reason` is its own short word."""

    heard: PrepayHeard
    prepay_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClientPayment:
    """What the payer's mini-program hands to `wx.requestPayment`."""

    app_id: str
    timestamp: str
    nonce: str
    package: str
    sign_type: str
    pay_sign: str


@dataclass(frozen=True, slots=True)
class TradeSays:
    """What a payment service said of one order's money; all but `heard` as it was named there. Amounts in fen.

    `openid`: who paid; of a carrier, the number whose bill it stands on.
    """

    heard: TradeHeard
    number: str | None = None
    transaction_id: str = ""
    app_id: str = ""
    mch_id: str = ""
    amount_fen: int | None = None
    currency: str = ""
    openid: str = field(default="", repr=False)
    paid_at: datetime | None = None
    reason: str = ""
    billing_month: str = ""  # on which phone bill it stands, as 2026-11; of carriers alone


@dataclass(frozen=True, slots=True)
class ToRefund:
    """What is to go back of an order that was paid; both numbers are ours and never change."""

    number: str
    order_number: str
    amount_fen: int
    total_fen: int
    reason: str


@dataclass(frozen=True, slots=True)
class RefundSays:
    """What a payment service said of one refund; all but `heard` as it was named there."""

    heard: RefundHeard
    number: str | None = None
    order_number: str | None = None
    refund_id: str = ""
    amount_fen: int | None = None
    total_fen: int | None = None
    mch_id: str = ""  # in notices; answers are those to our own question
    reason: str = ""
    credit: CreditWay | None = None  # of carriers alone: how it came back, and on which bill
    billing_month: str = ""


@dataclass(frozen=True, slots=True)
class ToTransfer:
    """Money that goes to one person's wallet: the openid is that of `app_id`. `number` is ours and never changes.

    `reports`: what the scene has to be reported with, as (what, content). `name`: theirs, where it has to be compared.
    """

    number: str
    app_id: str
    amount_fen: int
    remark: str
    scene_id: str
    reports: tuple[tuple[str, str], ...]
    openid: str = field(repr=False)
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TransferSays:
    """What a payment service said of one transfer; all but `heard` as it was named there. Amounts in fen.

    `package`: what the payee's mini-program hands to `wx.requestMerchantTransfer`, where it was told.
    """

    heard: TransferHeard
    number: str | None = None
    bill_id: str = ""
    mch_id: str = ""
    amount_fen: int | None = None
    openid: str = field(default="", repr=False)
    package: str = field(default="", repr=False)
    reason: str = ""


class Takings(Protocol):
    """What every way of paying has in common. Calls never raise: what is not a clear, signed answer is `UNKNOWN`."""

    mch_id: str  # whom it pays; empty: nothing can be paid here

    async def query(self, number: str) -> TradeSays:
        """What became of an order; `ABSENT` only where the service says that it has none of this number."""

    async def close(self, number: str) -> bool:
        """Nobody can pay it any more; False: not known, or already paid."""

    async def refund(self, wanted: ToRefund) -> RefundSays:
        """Send money back; the same number again is the same refund."""

    async def query_refund(self, number: str) -> RefundSays:
        """What became of a refund."""

    async def bill(self, kind: BillKind, day: date) -> Mapping[str, int] | None:
        """What moved on a business day of theirs: fen by our number; empty: nothing; None: not clear, or not yet."""


class Payments(Takings, Protocol):
    """WeChat Pay."""

    async def prepay(self, wanted: ToPay) -> PrepaySays:
        """Announce an order; the same number with the same facts again is the same order."""

    async def client_payment(self, app_id: str, prepay_id: str, *, at: datetime, nonce: str) -> ClientPayment:
        """Signed for the mini-program; the same facts give the same signature."""

    def trade_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> TradeSays:
        """A notice of a payment that came in, its signature, age and seal checked.

        Raises PayNoticeForged, PayNoticeUnreadable.
        """

    def refund_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> RefundSays:
        """The same of a refund."""

    async def transfer(self, wanted: ToTransfer) -> TransferSays:
        """Send money to a person; the same number again is the same transfer, and tells its package again."""

    async def query_transfer(self, number: str) -> TransferSays:
        """What became of a transfer; `ABSENT` only where the service says that it has none of this number."""

    async def cancel_transfer(self, number: str) -> bool:
        """Ask to take back a transfer that is not confirmed; whether they took that. What became of it is asked for."""

    def transfer_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> TransferSays:
        """A notice of a transfer that ended. Raises PayNoticeForged, PayNoticeUnreadable."""
