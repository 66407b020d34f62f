"""WeChat Pay v3 over HTTP: our own small client (docs/adr/0030 says why), signed both ways over raw bytes.

Every answer is one of a few words, or it is unknown: a time-out, a broken connection, a status or a body that nobody
knows, a signature that is not theirs. The caller then asks; nothing here is ever sent twice by itself.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeVar

import aiohttp
import orjson
from prometheus_client import Counter
from yarl import URL

from gateways.wechat_pay_bills import LARGEST_BILL, NO_BILL, BillBroken, read_bill, require_ours, target_of
from gateways.wechat_pay_seals import SEAL, SERIAL, PayKeys, SealBroken
from gateways.wechat_pay_words import (
    REFUND_EVENTS,
    TRADE_EVENT,
    TRANSFER_EVENT,
    Facts,
    code_of,
    read,
    refund,
    sealed_in,
    trade,
    transfer,
)
from handlers.errors import PaymentNotOpen, PayNoticeForged, PayNoticeUnreadable
from handlers.ports import (
    ClientPayment,
    Clock,
    PrepaySays,
    RefundSays,
    ToPay,
    ToRefund,
    ToTransfer,
    TradeSays,
    TransferSays,
)
from models.words import BillKind, PrepayHeard, RefundHeard, TradeHeard, TransferHeard

CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 6.0
BILL_TIMEOUT = aiohttp.ClientTimeout(total=120.0, connect=5.0)
LARGEST_ANSWER = 64 * 1024
MOST_DESCRIBED, MOST_REASON = 127, 80  # bytes and characters that they take
AGENT = "fanpiao"
MOST_REMARK = 32  # characters
NAMED_FROM_FEN = 30  # below this they take no name
_TRADES, _REFUNDS = "/v3/pay/transactions", "/v3/refund/domestic/refunds"
_TRANSFERS = "/v3/fund-app/mch-transfer/transfer-bills"

CALLS = Counter("fanpiao_wechat_pay_calls", "Calls to WeChat Pay by what was heard.", ["act", "heard"])

Says = TypeVar("Says", PrepaySays, TradeSays, RefundSays, TransferSays)

log = logging.getLogger(__name__)

_PREPAY = {"ORDERPAID": PrepayHeard.PAID, "ORDER_CLOSED": PrepayHeard.CLOSED, "ORDERCLOSED": PrepayHeard.CLOSED}
_ABSENT = {"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS", "NOT_FOUND"}
# A transfer that is wrong in itself. Anything else (too little balance, too many calls, faults) may pass.
_WRONG = {"PARAM_ERROR", "INVALID_REQUEST", "NO_AUTH", "APPID_MCHID_NOT_MATCH", "OPENID_MISMATCH", "MCH_NOT_EXISTS"}


class WeChatPayApi:
    """Implements `handlers.ports.Payments`."""

    def __init__(
        self,
        api_url: str,
        keys: PayKeys,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        notify_url: str,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """`notify_url`: where notices go, by what they tell. The session is the caller's to close."""
        self.mch_id = keys.mch_id
        self._api_url = api_url.rstrip("/")
        self._keys = keys
        self._session = session
        self._clock = clock
        self._notify_url = notify_url
        self._timeout = aiohttp.ClientTimeout(
            total=total_seconds, connect=connect_seconds, sock_connect=connect_seconds
        )

    async def prepay(self, wanted: ToPay) -> PrepaySays:
        """`POST /v3/pay/transactions/jsapi`. Never raises what the outside does."""
        body = {
            "appid": wanted.app_id,
            "mchid": self.mch_id,
            "description": _cut(wanted.description, MOST_DESCRIBED),
            "out_trade_no": wanted.number,
            "time_expire": wanted.expires_at.isoformat(timespec="seconds"),
            "notify_url": f"{self._notify_url}/transaction",
            "amount": {"total": wanted.amount_fen, "currency": "CNY"},
            "payer": {"openid": wanted.openid},
        }
        said = await self._exchange("POST", f"{_TRADES}/jsapi", body)
        return _heard("prepay", said, _prepaid(said))

    async def client_payment(self, app_id: str, prepay_id: str, *, at: datetime, nonce: str) -> ClientPayment:
        """As `wx.requestPayment` takes it."""
        timestamp, package = str(int(at.timestamp())), f"prepay_id={prepay_id}"
        signed = await asyncio.to_thread(self._keys.sign, app_id, timestamp, nonce, package)  # as in `_exchange`
        return ClientPayment(app_id, timestamp, nonce, package, "RSA", signed)

    async def query(self, number: str) -> TradeSays:
        """`GET /v3/pay/transactions/out-trade-no/{number}`. Never raises what the outside does."""
        said = await self._exchange("GET", f"{_TRADES}/out-trade-no/{number}?mchid={self.mch_id}")
        says = TradeSays(TradeHeard.UNKNOWN, reason=said.why)
        if said.status == 200 and said.facts is not None:
            says = trade(said.facts)
        elif said.status == 404 and code_of(said.facts) in _ABSENT:
            says = TradeSays(TradeHeard.ABSENT, number)
        return _heard("query", said, says)

    async def close(self, number: str) -> bool:
        """`POST /v3/pay/transactions/out-trade-no/{number}/close`. Never raises what the outside does."""
        said = await self._exchange("POST", f"{_TRADES}/out-trade-no/{number}/close", {"mchid": self.mch_id})
        CALLS.labels("close", str(said.status)).inc()
        return said.status == 204

    async def refund(self, wanted: ToRefund) -> RefundSays:
        """`POST /v3/refund/domestic/refunds`. Never raises what the outside does."""
        body = {
            "out_trade_no": wanted.order_number,
            "out_refund_no": wanted.number,
            "notify_url": f"{self._notify_url}/refund",
            "amount": {"refund": wanted.amount_fen, "total": wanted.total_fen, "currency": "CNY"},
        }
        if wanted.reason:
            body["reason"] = wanted.reason[:MOST_REASON]
        said = await self._exchange("POST", _REFUNDS, body)
        return _heard("refund", said, _refunded(said))

    async def query_refund(self, number: str) -> RefundSays:
        """`GET /v3/refund/domestic/refunds/{number}`. Never raises what the outside does."""
        said = await self._exchange("GET", f"{_REFUNDS}/{number}")
        if said.status == 404 and code_of(said.facts) in _ABSENT:
            return _heard("query_refund", said, RefundSays(RefundHeard.ABSENT, number))
        says = RefundSays(RefundHeard.UNKNOWN, reason=said.why)
        if said.status == 200 and said.facts is not None:
            says = refund(said.facts)
        return _heard("query_refund", said, says)

    async def transfer(self, wanted: ToTransfer) -> TransferSays:
        """`POST /v3/fund-app/mch-transfer/transfer-bills`. Never raises what the outside does."""
        body: dict[str, Any] = {
            "appid": wanted.app_id,
            "out_bill_no": wanted.number,
            "transfer_scene_id": wanted.scene_id,
            "openid": wanted.openid,
            "transfer_amount": wanted.amount_fen,
            "transfer_remark": wanted.remark[:MOST_REMARK],
            "notify_url": f"{self._notify_url}/transfer",
            "transfer_scene_report_infos": [
                {"info_type": what, "info_content": content} for what, content in wanted.reports
            ],
        }
        if wanted.name and wanted.amount_fen >= NAMED_FROM_FEN:
            body["user_name"] = self._keys.for_them(wanted.name)
        said = await self._exchange("POST", _TRANSFERS, body)
        return _heard("transfer", said, _transferred(said))

    async def query_transfer(self, number: str) -> TransferSays:
        """`GET /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{number}`. Never raises what the outside does."""
        said = await self._exchange("GET", f"{_TRANSFERS}/out-bill-no/{number}")
        says = TransferSays(TransferHeard.UNKNOWN, reason=code_of(said.facts).lower() or said.why)
        if said.status == 200 and said.facts is not None:
            says = transfer(said.facts)
        elif said.status == 404 and code_of(said.facts) in _ABSENT:
            says = TransferSays(TransferHeard.ABSENT, number)
        return _heard("query_transfer", said, says)

    async def cancel_transfer(self, number: str) -> bool:
        """`POST .../transfer-bills/out-bill-no/{number}/cancel`, without a body. Never raises what the outside does."""
        said = await self._exchange("POST", f"{_TRANSFERS}/out-bill-no/{number}/cancel")
        CALLS.labels("cancel_transfer", str(said.status)).inc()
        return said.status == 200

    async def bill(self, kind: BillKind, day: date) -> Mapping[str, int] | None:
        """Where the file is is signed, and says its hash; the file is fetched from nowhere but them. Never raises."""
        said = await self._exchange("GET", target_of(kind, day))
        if said.status in {400, 404} and code_of(said.facts) in NO_BILL:
            return {}
        told = {name: str((said.facts or {}).get(name, "")) for name in ("download_url", "hash_value")}
        try:
            url = URL(told["download_url"], encoded=True)
            require_ours(url.origin() == URL(self._api_url).origin(), "origin")
            async with self._session.get(
                url, headers=self._headers("GET", url, b""), timeout=BILL_TIMEOUT, allow_redirects=False
            ) as response:
                content = await _received(response, LARGEST_BILL)
            # In a thread: a day with many lines takes seconds to read.
            found = await asyncio.to_thread(read_bill, kind, content or b"", told["hash_value"])
        except (BillBroken, aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:
            word = str(error) if isinstance(error, BillBroken) else type(error).__name__.lower()
            log.warning("wechat_pay_bill_unclear", extra={"kind": kind.value, "reason": word})
            found = None
        CALLS.labels("bill", "unknown" if found is None else "ready").inc()
        return found

    def transfer_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> TransferSays:
        """Raises PayNoticeForged, PayNoticeUnreadable."""
        says = transfer(self._opened(headers, body, (TRANSFER_EVENT,), now))
        if says.heard is TransferHeard.UNKNOWN:
            raise PayNoticeUnreadable
        return says

    def trade_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> TradeSays:
        """Raises PayNoticeForged, PayNoticeUnreadable."""
        says = trade(self._opened(headers, body, (TRADE_EVENT,), now))
        if says.heard is not TradeHeard.PAID:
            raise PayNoticeUnreadable
        return says

    def refund_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> RefundSays:
        """Raises PayNoticeForged, PayNoticeUnreadable."""
        says = refund(self._opened(headers, body, REFUND_EVENTS, now), status="refund_status")
        if says.heard is RefundHeard.UNKNOWN:
            raise PayNoticeUnreadable
        return says

    def _opened(self, headers: Mapping[str, str], body: bytes, events: tuple[str, ...], now: datetime) -> Facts:
        try:
            self._keys.check(headers, body, now=now)
            ciphertext, nonce, data = sealed_in(body, events, SEAL)
            content = self._keys.opened(ciphertext, nonce, data)
        except SealBroken as broken:
            log.warning("pay_notice_forged", extra={"reason": str(broken)})
            raise PayNoticeForged from broken
        facts = read(content)
        if facts is None:
            raise PayNoticeUnreadable
        return facts

    def _headers(self, method: str, url: URL, content: bytes) -> dict[str, str]:
        timestamp, nonce = str(int(self._clock.now().timestamp())), secrets.token_hex(16)
        return {
            "Accept": "application/json",
            "Authorization": self._keys.authorization(
                method, url.raw_path_qs, content, timestamp=timestamp, nonce=nonce
            ),
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            SERIAL: self._keys.their_id,
        }

    async def _exchange(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> "_Said":
        """One call. Without a body no byte is sent and none is signed; the URL goes out as it was signed."""
        content = b"" if body is None else orjson.dumps(body)
        url = URL(f"{self._api_url}{target}", encoded=True)
        # In a thread: signing lets other Python run, and takes as long as a tenth of what an order takes.
        headers = await asyncio.to_thread(self._headers, method, url, content)
        try:
            async with self._session.request(
                method, url, data=content or None, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                received = await _received(response)
                if received is None:
                    return _Said(0, None, "too_large")
                self._keys.check(response.headers, received, now=self._clock.now())
                return _Said(response.status, read(received) if received else None, f"http_{response.status}")
        except TimeoutError:
            return _Said(0, None, "timeout")
        except SealBroken as broken:
            return _Said(0, None, f"seal_{broken}")
        except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:
            # RuntimeError: the session is closed, the server is stopping. Their texts may quote what was sent.
            return _Said(0, None, f"broken_{type(error).__name__}".lower()[:64])


class NoPayments:
    """Stands where WeChat Pay is not set up: says so, and never that something happened."""

    mch_id = ""

    async def prepay(self, wanted: ToPay) -> PrepaySays:
        raise PaymentNotOpen

    async def client_payment(self, app_id: str, prepay_id: str, *, at: datetime, nonce: str) -> ClientPayment:
        raise PaymentNotOpen

    async def query(self, number: str) -> TradeSays:
        return TradeSays(TradeHeard.UNKNOWN, reason="not_set_up")

    async def close(self, number: str) -> bool:
        return False

    async def refund(self, wanted: ToRefund) -> RefundSays:
        return RefundSays(RefundHeard.UNKNOWN, reason="not_set_up")

    async def query_refund(self, number: str) -> RefundSays:
        return RefundSays(RefundHeard.UNKNOWN, reason="not_set_up")

    async def transfer(self, wanted: ToTransfer) -> TransferSays:
        return TransferSays(TransferHeard.UNKNOWN, reason="not_set_up")

    async def query_transfer(self, number: str) -> TransferSays:
        return TransferSays(TransferHeard.UNKNOWN, reason="not_set_up")

    async def cancel_transfer(self, number: str) -> bool:
        return False

    async def bill(self, kind: BillKind, day: date) -> Mapping[str, int] | None:
        return None

    def transfer_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> TransferSays:
        raise PayNoticeForged

    def trade_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> TradeSays:
        raise PayNoticeForged

    def refund_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> RefundSays:
        raise PayNoticeForged


class _Said:
    """An answer whose signature is theirs: its status, and its JSON if it is some. Status 0: there was none."""

    __slots__ = ("facts", "status", "why")

    def __init__(self, status: int, facts: Facts | None, why: str) -> None:
        self.status = status
        self.facts = facts
        self.why = why


def _prepaid(said: _Said) -> PrepaySays:
    found = (said.facts or {}).get("prepay_id")
    if said.status == 200 and isinstance(found, str) and 0 < len(found) <= 64:
        return PrepaySays(PrepayHeard.READY, found)
    code = code_of(said.facts)
    if code in _PREPAY:
        return PrepaySays(_PREPAY[code], reason=code.lower())
    if 400 <= said.status < 500 and said.status != 429:
        return PrepaySays(PrepayHeard.REFUSED, reason=code.lower())
    return PrepaySays(PrepayHeard.UNKNOWN, reason=code.lower() or said.why)


def _refunded(said: _Said) -> RefundSays:
    if said.status == 200 and said.facts is not None:
        return refund(said.facts)
    code = code_of(said.facts)
    if 400 <= said.status < 500:
        return RefundSays(RefundHeard.REFUSED, reason=code.lower())
    return RefundSays(RefundHeard.UNKNOWN, reason=code.lower() or said.why)


def _transferred(said: _Said) -> TransferSays:
    if said.status == 200 and said.facts is not None:
        return transfer(said.facts)
    code = code_of(said.facts)
    heard = TransferHeard.REFUSED if 400 <= said.status < 500 and code in _WRONG else TransferHeard.UNKNOWN
    return TransferSays(heard, reason=code.lower() or said.why)


def _heard(act: str, said: _Said, says: Says) -> Says:
    CALLS.labels(act, says.heard.value).inc()
    if says.heard.value == "unknown":
        log.warning("wechat_pay_unclear", extra={"act": act, "status": said.status, "reason": says.reason})
    return says


def _cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, no character cut in two."""
    return text.encode()[:most].decode(errors="ignore")


async def _received(response: aiohttp.ClientResponse, most: int = LARGEST_ANSWER) -> bytes | None:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > most:
            return None
    return bytes(content)
