"""What WeChat Pay's JSON says, in our words: trades, refunds, notices. What is not of the known shape is unclear."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from handlers.errors import PayNoticeForged, PayNoticeUnreadable
from handlers.ports import RefundSays, TradeSays, TransferSays
from models.words import RefundHeard, TradeHeard, TransferHeard

_TRADE = {
    "SUCCESS": TradeHeard.PAID,
    "REFUND": TradeHeard.PAID,  # it was paid, and a part went back since
    "NOTPAY": TradeHeard.OPEN,
    "USERPAYING": TradeHeard.OPEN,
    "PAYERROR": TradeHeard.OPEN,
    "CLOSED": TradeHeard.CLOSED,
    "REVOKED": TradeHeard.CLOSED,
}
_REFUND = {
    "SUCCESS": RefundHeard.DONE,
    "PROCESSING": RefundHeard.UNDER_WAY,
    "ABNORMAL": RefundHeard.STUCK,
    "CLOSED": RefundHeard.FAILED,
}
_TRANSFER = {
    "ACCEPTED": TransferHeard.UNDER_WAY,
    "PROCESSING": TransferHeard.UNDER_WAY,
    "CANCELING": TransferHeard.UNDER_WAY,
    "WAIT_USER_CONFIRM": TransferHeard.TO_CONFIRM,
    "TRANSFERING": TransferHeard.MOVING,
    "SUCCESS": TransferHeard.DONE,
    "FAIL": TransferHeard.FAILED,
    "CANCELLED": TransferHeard.FAILED,
}
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
LONGEST_PACKAGE = 1_024
TRADE_EVENT, REFUND_EVENTS = "TRANSACTION.SUCCESS", ("REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED")
TRANSFER_EVENT = "MCHTRANSFER.BILL.FINISHED"
Facts = Mapping[str, Any]


def read(content: bytes) -> Facts | None:
    """A JSON object; None for anything else."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def code_of(facts: Facts | None) -> str:
    """The word of an error, as far as it is one."""
    code = (facts or {}).get("code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def trade(facts: Facts) -> TradeSays:
    """One order's money."""
    heard, amount, payer = _TRADE.get(_text(facts, "trade_state")), facts.get("amount"), facts.get("payer")
    if heard is None:
        return TradeSays(TradeHeard.UNKNOWN, reason="unreadable")
    told: Facts = amount if isinstance(amount, dict) else {}
    says = TradeSays(
        heard,
        number=_text(facts, "out_trade_no") or None,
        transaction_id=_text(facts, "transaction_id"),
        app_id=_text(facts, "appid"),
        mch_id=_text(facts, "mchid"),
        amount_fen=_fen(told, "total"),
        currency=_text(told, "currency"),
        openid=_text(payer, "openid") if isinstance(payer, dict) else "",
        paid_at=_instant(facts, "success_time"),
        reason=_text(facts, "trade_state").lower(),
    )
    if heard is TradeHeard.PAID and (says.number is None or not says.transaction_id or says.amount_fen is None):
        return TradeSays(TradeHeard.UNKNOWN, reason="incomplete")
    return says


def refund(facts: Facts, *, status: str = "status") -> RefundSays:
    """One refund; in notices its state stands in another field."""
    heard, amount = _REFUND.get(_text(facts, status)), facts.get("amount")
    told: Facts = amount if isinstance(amount, dict) else {}
    number, refunded = _text(facts, "out_refund_no"), _fen(told, "refund")
    if heard is None or not number or refunded is None:
        return RefundSays(RefundHeard.UNKNOWN, reason="unreadable")
    return RefundSays(
        heard,
        number=number,
        order_number=_text(facts, "out_trade_no") or None,
        refund_id=_text(facts, "refund_id"),
        amount_fen=refunded,
        total_fen=_fen(told, "total"),
        mch_id=_text(facts, "mchid"),
        reason=_text(facts, status).lower(),
    )


def transfer(facts: Facts) -> TransferSays:
    """One transfer. The word of a failure is their reason for it, where they give one."""
    state, number = _text(facts, "state"), _text(facts, "out_bill_no")
    heard = _TRANSFER.get(state)
    if heard is None or not number:
        return TransferSays(TransferHeard.UNKNOWN, reason="unreadable")
    package = facts.get("package_info")
    return TransferSays(
        heard,
        number=number,
        bill_id=_text(facts, "transfer_bill_no"),
        mch_id=_text(facts, "mch_id"),
        amount_fen=_fen(facts, "transfer_amount"),
        openid=_text(facts, "openid"),
        package=package if isinstance(package, str) and len(package) <= LONGEST_PACKAGE else "",
        reason=(_text(facts, "fail_reason") or state).lower(),
    )


def sealed_in(body: bytes, events: tuple[str, ...], seal: str) -> tuple[str, str, str]:
    """The sealed part of a notice of one of these events: ciphertext, nonce, associated data.

    Raises PayNoticeUnreadable, also for a notice that belongs behind another door.
    """
    facts = read(body)
    resource = facts.get("resource") if facts else None
    if facts is None or not isinstance(resource, dict) or facts.get("event_type") not in events:
        raise PayNoticeUnreadable
    if resource.get("algorithm") != seal:
        raise PayNoticeUnreadable
    given = tuple(resource.get(name) for name in ("ciphertext", "nonce", "associated_data"))
    ciphertext, nonce, data = given
    if not isinstance(ciphertext, str) or not isinstance(nonce, str) or not isinstance(data, str | None):
        raise PayNoticeUnreadable
    if len(nonce.encode()) != 12:
        raise PayNoticeForged
    return ciphertext, nonce, data or ""


def _text(facts: Facts, name: str) -> str:
    value = facts.get(name)
    return value if isinstance(value, str) and len(value) <= 128 else ""


def _fen(facts: Facts, name: str) -> int | None:
    value = facts.get(name)
    return value if type(value) is int and value >= 0 else None


def _instant(facts: Facts, name: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(_text(facts, name))
    except ValueError:
        return None
    return found if found.utcoffset() is not None else None
