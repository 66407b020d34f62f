"""Stand-ins for what is outside: time, and WeChat. Hand-made, so that a test reads as what happens."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from handlers.ports import (
    ChargeSays,
    ClientPayment,
    CodeSays,
    CodeSession,
    FollowerInfo,
    OutsideSays,
    PhoneNumber,
    PrepaySays,
    RefundSays,
    SceneQr,
    ServiceSays,
    Subscriber,
    SupplierAccess,
    SupplierSays,
    ToCharge,
    ToPay,
    TopUpOrder,
    ToRefund,
    ToTransfer,
    TradeSays,
    TransferSays,
    WeChatApp,
    WeChatError,
    WeChatUserRefused,
)
from models.words import (
    BillKind,
    ChargeHeard,
    CodeHeard,
    CreditWay,
    Heard,
    OutsideHeard,
    PrepayHeard,
    RefundHeard,
    ServiceHeard,
    TradeHeard,
    TransferHeard,
)


class FakeClock:
    """A clock that stands still until it is told to advance. Implements `handlers.ports.Clock`."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)) -> None:  # Monday 10:00 in Shanghai
        if now.tzinfo is None:
            raise ValueError("a clock knows its zone")
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Let time pass; the new present."""
        self._now += by
        return self._now


FIELD_KEYS = '{"k1": "yjXMI/HvbCXe+55JtMZ9Tf3Sj2ESNbmrdyvMiFkH3FU="}'
INDEX_KEY = "omcNoCiAVnlCVS07qPQrPYS8A2SbiE3wfpc8f40LcH4="


class FakeWeChat:
    """WeChat as handlers see it: codes that work once, followers and their unionids, and what was sent."""

    def __init__(self) -> None:
        self.logins: dict[str, CodeSession] = {}
        self.phones: dict[str, PhoneNumber] = {}
        self.unionids: dict[str, str] = {}
        self.sent: list[tuple[str, str]] = []
        self.templates: list[tuple[str, str, dict[str, str], str]] = []
        self.cards: list[tuple[str, dict[str, str]]] = []
        self.menus: dict[str, list[Any]] = {}  # by app id, as they were published
        self.shipped: list[tuple[str, str, str]] = []
        self.calls: Counter[str] = Counter()
        self.trouble: WeChatError | None = None  # raised by every call while it is set
        self.delay = 0.0
        self.scene_ends_at = datetime(2026, 4, 1, tzinfo=UTC)
        self._codes = itertools.count()  # WeChat gives no code twice

    def login_code(self, openid: str, unionid: str | None = None, *, code: str | None = None) -> str:
        """A code that works once."""
        code = code or f"login-{next(self._codes)}-{openid}"
        self.logins[code] = CodeSession(openid, unionid, "c2Vzc2lvbi1rZXktMTYtYg==")
        return code

    def phone_code(self, number: str, country_code: str = "86") -> str:
        """A code that works once."""
        code = f"phone-{next(self._codes)}-{number}"
        self.phones[code] = PhoneNumber(number, country_code)
        return code

    async def exchange_login_code(self, app: WeChatApp, code: str) -> CodeSession:
        await self._called("login")
        return _once(self.logins, code)

    async def phone_number(self, app: WeChatApp, code: str) -> PhoneNumber:
        await self._called("phone")
        return _once(self.phones, code)

    async def follower(self, app: WeChatApp, openid: str) -> FollowerInfo:
        await self._called("follower")
        return FollowerInfo(is_following=True, unionid=self.unionids.get(openid))

    async def send_text(self, app: WeChatApp, openid: str, text: str) -> None:
        await self._called("send_text")
        self.sent.append((openid, text))

    async def send_template(
        self,
        app: WeChatApp,
        openid: str,
        template_id: str,
        values: Mapping[str, str],
        *,
        page: str = "",
        dedupe_id: str,
    ) -> None:
        await self._called("send_template")
        self.templates.append((openid, template_id, dict(values), dedupe_id))

    async def url_link(self, app: WeChatApp, path: str, query: str, *, expires_in: timedelta) -> str:
        await self._called("url_link")
        return f"https://wxaurl.example/{path}?{query}"

    async def mini_program_code(self, app: WeChatApp, scene: str, *, page: str) -> bytes:
        await self._called("mini_program_code")
        return f"{page}?{scene}".encode()

    async def scene_qr(self, app: WeChatApp, scene: str, *, expires_in: timedelta | None) -> SceneQr:
        """`scene_ends_at` is when a temporary one ends: a fake has no clock of its own."""
        await self._called("scene_qr")
        number = self.calls["scene_qr"]
        url = f"https://weixin.example/q/{number}"
        return SceneQr(url, f"{url}.jpg", self.scene_ends_at if expires_in else None)

    async def send_mini_program_card(self, app: WeChatApp, openid: str, **card: str) -> None:
        await self._called("send_mini_program_card")
        self.cards.append((openid, card))

    async def report_virtual_goods(
        self, app: WeChatApp, *, transaction_id: str, openid: str, item: str, at: datetime
    ) -> None:
        await self._called("report_virtual_goods")
        self.shipped.append((transaction_id, openid, item))

    async def current_menu(self, app: WeChatApp) -> list[Any]:
        await self._called("current_menu")
        return self.menus.get(app.app_id, [])

    async def publish_menu(self, app: WeChatApp, buttons: Any) -> None:
        await self._called("publish_menu")
        self.menus[app.app_id] = list(buttons)

    async def _called(self, what: str) -> None:
        self.calls[what] += 1
        await asyncio.sleep(self.delay)
        if self.trouble is not None:
            raise self.trouble


class FakeSupplier:
    """A supplier as handlers see it: it does each number once, and says what the test wants it to say."""

    def __init__(self) -> None:
        self.orders: dict[str, TopUpOrder] = {}  # by number: what came in and was done or refused
        self.states: dict[str, Heard] = {}
        self.calls: list[tuple[str, str]] = []  # what was asked, and about which number
        self.becomes = Heard.DONE  # what an order that comes in becomes
        self.does_silently = False  # the work is done, and the answer to the order is lost
        self.is_deaf = False  # nothing arrives there, and nothing is answered
        self.reason = ""
        self.before: Callable[[str], Awaitable[None]] | None = None  # called as the call is made

    async def order(self, access: SupplierAccess, order: TopUpOrder) -> SupplierSays:
        await self._called("order", order.order_no)
        if self.is_deaf:
            return SupplierSays(Heard.UNKNOWN, reason="timeout")
        self.orders.setdefault(order.order_no, order)
        self.states.setdefault(order.order_no, self.becomes)
        if self.does_silently:
            return SupplierSays(Heard.UNKNOWN, reason="timeout")
        return self.says(order.order_no)

    async def query(self, access: SupplierAccess, order_no: str) -> SupplierSays:
        await self._called("query", order_no)
        return SupplierSays(Heard.UNKNOWN, reason="timeout") if self.is_deaf else self.says(order_no)

    def says(self, order_no: str) -> SupplierSays:
        if order_no not in self.orders:
            return SupplierSays(Heard.ABSENT, order_no)
        amount = self.orders[order_no].face_value_fen
        return SupplierSays(self.states[order_no], order_no, amount, self.reason)

    def notice(self, access: SupplierAccess, headers: Mapping[str, str], body: bytes, *, now: datetime) -> SupplierSays:
        """Taken at its word: the real one checks signatures, in tests of its own."""
        said = orjson.loads(body)
        return SupplierSays(Heard(said["status"]), said["order_no"], said["face_value_fen"])

    async def _called(self, what: str, order_no: str) -> None:
        self.calls.append((what, order_no))
        if self.before is not None:
            await self.before(what)


class FakeOutsidePoints:
    """An account of points as handlers see it: a number is one hold, and it says what the test wants it to say."""

    def __init__(self) -> None:
        self.balances: dict[str, int] = {}  # by phone number
        self.holds: dict[str, tuple[str, int]] = {}  # by number: whose, how many
        self.states: dict[str, OutsideHeard] = {}
        self.returns: dict[str, tuple[str, int]] = {}  # by number: of which hold, how many
        self.calls: list[str] = []
        self.does_silently: set[str] = set()  # of these acts the work is done, and the answer lost
        self.is_deaf: set[str] = set()  # these never arrive, and are not answered
        self.before: Callable[[str], Awaitable[None]] | None = None  # called as the call is made

    async def hold(self, access: SupplierAccess, hold_no: str, *, account: str, points: int) -> OutsideSays:
        def work() -> None:
            if hold_no in self.states:
                return
            is_there = self.balances.get(account, 0) >= points
            self.holds[hold_no] = (account, points)
            self.states[hold_no] = OutsideHeard.HELD if is_there else OutsideHeard.REFUSED
            if is_there:
                self.balances[account] -= points

        return await self._asked("hold", hold_no, work)

    async def post(self, access: SupplierAccess, hold_no: str) -> OutsideSays:
        def work() -> None:
            if self.states.get(hold_no) is OutsideHeard.HELD:
                self.states[hold_no] = OutsideHeard.POSTED

        return await self._asked("post", hold_no, work)

    async def void(self, access: SupplierAccess, hold_no: str) -> OutsideSays:
        def work() -> None:
            if self.states.setdefault(hold_no, OutsideHeard.VOIDED) is OutsideHeard.HELD:
                account, points = self.holds[hold_no]
                self.balances[account] += points
                self.states[hold_no] = OutsideHeard.VOIDED

        return await self._asked("void", hold_no, work)

    async def query(self, access: SupplierAccess, hold_no: str) -> OutsideSays:
        return await self._asked("query", hold_no, lambda: None)

    async def give_back(self, access: SupplierAccess, return_no: str, *, hold_no: str, points: int) -> OutsideSays:
        def work() -> None:
            account, taken = self.holds[hold_no]
            if return_no in self.states:
                return
            back = sum(points for of, points in self.returns.values() if of == hold_no)
            is_fine = self.states.get(hold_no) is OutsideHeard.POSTED and back + points <= taken
            self.states[return_no] = OutsideHeard.RETURNED if is_fine else OutsideHeard.REFUSED
            self.holds[return_no] = (account, points)
            if is_fine:
                self.returns[return_no] = (hold_no, points)
                self.balances[account] += points

        return await self._asked("return", return_no, work)

    async def query_return(self, access: SupplierAccess, return_no: str) -> OutsideSays:
        return await self._asked("query_return", return_no, lambda: None)

    async def _asked(self, act: str, hold_no: str, work: Callable[[], None]) -> OutsideSays:
        self.calls.append(act)
        if self.before is not None:
            await self.before(act)
        if act in self.is_deaf:
            return OutsideSays(OutsideHeard.UNKNOWN, reason="timeout")
        work()
        if act in self.does_silently:
            return OutsideSays(OutsideHeard.UNKNOWN, reason="timeout")
        state = self.states.get(hold_no, OutsideHeard.ABSENT)
        points = self.holds[hold_no][1] if hold_no in self.holds else None
        return OutsideSays(state, points, "short" if state is OutsideHeard.REFUSED else "")


class FakeCarrier:
    """A carrier as handlers see it: subscribers, codes by SMS, and a phone bill that charges each number once.

    `is_naive`: a carrier that would charge the same number again, so that a test sees who relies on it.
    """

    mch_id = "carrier-one"

    def __init__(self) -> None:
        self.subscribers: dict[str, Subscriber] = {}  # by number; others are on its network and owe nothing
        self.announced: dict[str, ToCharge] = {}
        self.codes: dict[str, str] = {}  # by charge: the last code that was sent
        self.charged: dict[str, list[TradeSays]] = {}  # by charge: what stands on the bill
        self.closed: set[str] = set()
        self.refunds: dict[str, RefundSays] = {}
        self.bills: dict[tuple[BillKind, date], dict[str, int] | None] = {}
        self.billing_month = "2026-03"
        self.credit = CreditWay.CANCELLED
        self.refuses = ""  # the word with which charges are refused
        self.trouble: Exception | None = None  # raised by questions about numbers
        self.calls: list[tuple[str, str]] = []  # what was asked, and about which charge
        self.is_naive = False
        self.is_deaf: set[str] = set()  # these never arrive, and are not answered
        self.does_silently: set[str] = set()  # of these the work is done, and the answer lost
        self.before: Callable[[str], Awaitable[None]] | None = None  # called as the call is made

    async def subscriber(self, number: str) -> Subscriber:
        await self._called("subscriber", "")
        if self.trouble is not None:
            raise self.trouble
        return self.subscribers.get(number, Subscriber(is_ours=True))

    async def announce(self, wanted: ToCharge) -> CodeSays:
        await self._called("announce", wanted.number)
        if "announce" in self.is_deaf:
            return CodeSays(CodeHeard.UNKNOWN, "timeout")
        if self.refuses:
            return CodeSays(CodeHeard.REFUSED, self.refuses)
        assert self.announced.setdefault(wanted.number, wanted) == wanted
        self.codes[wanted.number] = f"{100_000 + len(self.calls)}"
        if "announce" in self.does_silently:
            return CodeSays(CodeHeard.UNKNOWN, "timeout")
        return CodeSays(CodeHeard.SENT)

    async def charge(self, wanted: ToCharge, *, code: str) -> ChargeSays:
        await self._called("charge", wanted.number)
        if "charge" in self.is_deaf:
            return ChargeSays(ChargeHeard.UNKNOWN, reason="timeout")
        if self.refuses:
            self.closed.add(wanted.number)
            return ChargeSays(ChargeHeard.REFUSED, reason=self.refuses)
        if wanted.number in self.closed:
            return ChargeSays(ChargeHeard.CLOSED)
        if code != self.codes.get(wanted.number):
            return ChargeSays(ChargeHeard.WRONG_CODE)
        on_bill = self.charged.setdefault(wanted.number, [])
        if self.is_naive or not on_bill:
            on_bill.append(self._trade(wanted))
        if "charge" in self.does_silently:
            return ChargeSays(ChargeHeard.UNKNOWN, reason="timeout")
        return ChargeSays(ChargeHeard.CHARGED, on_bill[0])

    async def query(self, number: str) -> TradeSays:
        await self._called("query", number)
        if "query" in self.is_deaf:
            return TradeSays(TradeHeard.UNKNOWN, reason="timeout")
        if number in self.charged:
            return self.charged[number][0]
        if number not in self.announced:
            return TradeSays(TradeHeard.ABSENT, number)
        return TradeSays(TradeHeard.CLOSED if number in self.closed else TradeHeard.OPEN, number)

    async def close(self, number: str) -> bool:
        await self._called("close", number)
        if number in self.charged:
            return False
        self.closed.add(number)
        return True

    async def refund(self, wanted: ToRefund) -> RefundSays:
        await self._called("refund", wanted.number)
        if "refund" in self.is_deaf:
            return RefundSays(RefundHeard.UNKNOWN, reason="timeout")
        known = self.refunds.setdefault(
            wanted.number,
            RefundSays(
                RefundHeard.DONE,
                number=wanted.number,
                order_number=wanted.order_number,
                refund_id=f"r{len(self.refunds)}",
                amount_fen=wanted.amount_fen,
                credit=self.credit,
                billing_month=self.billing_month,
            ),
        )
        return RefundSays(RefundHeard.UNKNOWN, reason="timeout") if "refund" in self.does_silently else known

    async def query_refund(self, number: str) -> RefundSays:
        await self._called("query_refund", number)
        return self.refunds.get(number, RefundSays(RefundHeard.ABSENT, number))

    async def bill(self, kind: BillKind, day: date) -> dict[str, int] | None:
        return self.bills.get((kind, day), {})

    async def order_service(self, service_no: str, *, number: str, service: str) -> ServiceSays:
        return ServiceSays(ServiceHeard.ORDERED)

    async def cancel_service(self, service_no: str) -> ServiceSays:
        return ServiceSays(ServiceHeard.CANCELLED)

    async def query_service(self, service_no: str) -> ServiceSays:
        return ServiceSays(ServiceHeard.ABSENT)

    def _trade(self, wanted: ToCharge) -> TradeSays:
        return TradeSays(
            TradeHeard.PAID,
            number=wanted.number,
            transaction_id=f"hf{wanted.number}"[:32],
            mch_id=self.mch_id,
            amount_fen=wanted.amount_fen,
            currency="CNY",
            openid=wanted.payer,
            billing_month=self.billing_month,
        )

    async def _called(self, what: str, number: str) -> None:
        self.calls.append((what, number))
        if self.before is not None:
            await self.before(what)


def _once(codes: dict[str, Any], code: str) -> Any:
    if code not in codes:
        raise WeChatUserRefused(40029, "invalid code")
    return codes.pop(code)


class FakePayments:
    """A payment service as handlers see it: it keeps what it was told, and says what the test wants it to say."""

    mch_id = "1900009191"

    def __init__(self) -> None:
        self.announced: dict[str, ToPay] = {}
        self.paid: dict[str, TradeSays] = {}  # by number: what people paid
        self.closed: set[str] = set()
        self.refunds: dict[str, ToRefund] = {}
        self.refund_becomes = RefundHeard.DONE
        self.transfers: dict[str, ToTransfer] = {}
        self.transfers_become: dict[str, TransferHeard] = {}  # by number: what is heard of each
        self.bills: dict[tuple[BillKind, date], dict[str, int] | None] = {}
        self.refuses = ""  # the word with which transfers are refused
        self.calls: list[tuple[str, str]] = []  # what was asked, and about which number
        self.is_deaf = False  # nothing arrives there, and nothing is answered
        self.does_silently = False  # it is done, and the answer is lost

    async def prepay(self, wanted: ToPay) -> PrepaySays:
        self.calls.append(("prepay", wanted.number))
        if self.is_deaf:
            return PrepaySays(PrepayHeard.UNKNOWN, reason="timeout")
        assert self.announced.setdefault(wanted.number, wanted) == wanted
        if self.does_silently:
            return PrepaySays(PrepayHeard.UNKNOWN, reason="timeout")
        return PrepaySays(PrepayHeard.READY, f"wx{wanted.number}")

    async def client_payment(self, app_id: str, prepay_id: str, *, at: datetime, nonce: str) -> ClientPayment:
        return ClientPayment(app_id, str(int(at.timestamp())), nonce, f"prepay_id={prepay_id}", "RSA", "signed")

    def pay(self, number: str) -> bytes:
        """Somebody pays; the notice that says so."""
        order = self.announced[number]
        self.paid[number] = TradeSays(
            TradeHeard.PAID,
            number=number,
            transaction_id=f"42{len(self.paid):026}",
            app_id=order.app_id,
            mch_id=self.mch_id,
            amount_fen=order.amount_fen,
            currency="CNY",
            openid=order.openid,
        )
        return number.encode()

    async def query(self, number: str) -> TradeSays:
        self.calls.append(("query", number))
        if self.is_deaf:
            return TradeSays(TradeHeard.UNKNOWN, reason="timeout")
        if number in self.paid:
            return self.paid[number]
        if number not in self.announced:
            return TradeSays(TradeHeard.ABSENT, number)
        return TradeSays(TradeHeard.CLOSED if number in self.closed else TradeHeard.OPEN, number)

    async def close(self, number: str) -> bool:
        self.calls.append(("close", number))
        if self.is_deaf or number in self.paid:
            return False
        self.closed.add(number)
        return True

    async def refund(self, wanted: ToRefund) -> RefundSays:
        self.calls.append(("refund", wanted.number))
        if self.is_deaf:
            return RefundSays(RefundHeard.UNKNOWN, reason="timeout")
        assert self.refunds.setdefault(wanted.number, wanted) == wanted
        if self.does_silently:
            return RefundSays(RefundHeard.UNKNOWN, reason="timeout")
        return self.says_of(wanted.number)

    async def query_refund(self, number: str) -> RefundSays:
        self.calls.append(("query_refund", number))
        if self.is_deaf:
            return RefundSays(RefundHeard.UNKNOWN, reason="timeout")
        return self.says_of(number) if number in self.refunds else RefundSays(RefundHeard.ABSENT, number)

    def says_of(self, number: str) -> RefundSays:
        known = self.refunds[number]
        return RefundSays(
            self.refund_becomes,
            number=number,
            order_number=known.order_number,
            refund_id=f"50{number}"[:28],
            amount_fen=known.amount_fen,
            total_fen=known.total_fen,
        )

    def trade_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> TradeSays:
        """Taken at its word: the real one checks signatures, in tests of its own."""
        return self.paid[body.decode()]

    def refund_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> RefundSays:
        return self.says_of(body.decode())

    async def transfer(self, wanted: ToTransfer) -> TransferSays:
        self.calls.append(("transfer", wanted.number))
        if self.is_deaf:
            return TransferSays(TransferHeard.UNKNOWN, reason="timeout")
        if self.refuses:
            return TransferSays(TransferHeard.REFUSED, reason=self.refuses)
        known = self.transfers.setdefault(wanted.number, wanted)
        assert known == wanted
        self.transfers_become.setdefault(wanted.number, TransferHeard.TO_CONFIRM)
        if self.does_silently:
            return TransferSays(TransferHeard.UNKNOWN, reason="timeout")
        return replace(self.transfer_of(wanted.number), package=f"package-{wanted.number}")

    async def query_transfer(self, number: str) -> TransferSays:
        self.calls.append(("query_transfer", number))
        if self.is_deaf:
            return TransferSays(TransferHeard.UNKNOWN, reason="timeout")
        return self.transfer_of(number) if number in self.transfers else TransferSays(TransferHeard.ABSENT, number)

    async def cancel_transfer(self, number: str) -> bool:
        self.calls.append(("cancel_transfer", number))
        can = not self.is_deaf and self.transfers_become.get(number) is TransferHeard.TO_CONFIRM
        if can:
            self.transfers_become[number] = TransferHeard.FAILED
        return can

    def transfer_of(self, number: str) -> TransferSays:
        known = self.transfers[number]
        return TransferSays(
            self.transfers_become[number],
            number=number,
            bill_id=f"13{number}"[:28],
            mch_id=self.mch_id,
            amount_fen=known.amount_fen,
            openid=known.openid,
        )

    def transfer_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> TransferSays:
        """`becomes` among the headers bends it."""
        return replace(self.transfer_of(body.decode()), **headers)

    async def bill(self, kind: BillKind, day: date) -> dict[str, int] | None:
        return self.bills.get((kind, day), {})
