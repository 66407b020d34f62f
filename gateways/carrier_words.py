"""What a carrier's JSON says, in our words; None or what is unreadable is unknown."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from gateways.suppliers import REASON
from handlers.ports import ChargeSays, CodeSays, RefundSays, ServiceSays, Subscriber, TradeSays
from models.words import ChargeHeard, CodeHeard, CreditWay, RefundHeard, ServiceHeard, TradeHeard

CURRENCY = "CNY"  # a phone bill has no other
MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
THEIR_NUMBER = re.compile(r"[0-9A-Za-z_-]{1,32}")
_LONGEST_TARIFF = 64

T = TypeVar("T")

Found = Mapping[str, Any] | None

_CODES = {
    "waiting": CodeHeard.SENT,
    "charged": CodeHeard.CHARGED,
    "closed": CodeHeard.CLOSED,
    "refused": CodeHeard.REFUSED,
}
_CHARGES = {
    "wrong_code": ChargeHeard.WRONG_CODE,
    "code_over": ChargeHeard.CODE_OVER,
    "closed": ChargeHeard.CLOSED,
    "refused": ChargeHeard.REFUSED,
}
_TRADES = {
    "waiting": TradeHeard.OPEN,
    "closed": TradeHeard.CLOSED,
    "refused": TradeHeard.CLOSED,
    "absent": TradeHeard.ABSENT,
}
_REFUNDS = {
    "under_way": RefundHeard.UNDER_WAY,
    "failed": RefundHeard.FAILED,
    "absent": RefundHeard.ABSENT,
    "refused": RefundHeard.REFUSED,
}
_SERVICES = {each.value: each for each in ServiceHeard if each is not ServiceHeard.UNKNOWN}
_WAYS = {each.value: each for each in CreditWay}


def subscriber_of(found: Mapping[str, Any]) -> Subscriber | None:
    """A number's facts; None where they cannot be read."""
    is_ours, is_porting = found.get("is_ours"), found.get("is_porting_out", False)
    arrears, tariff = found.get("arrears_fen", 0), found.get("tariff") or ""
    if type(is_ours) is not bool or type(is_porting) is not bool or type(arrears) is not int:
        return None
    if arrears < 0 or not isinstance(tariff, str):
        return None
    if not is_ours:
        return Subscriber(is_ours=False)
    try:
        since, ends = _day(found.get("since")), _day(found.get("contract_ends_on"))
    except (TypeError, ValueError):
        return None
    return Subscriber(
        is_ours=True,
        since=since,
        tariff=tariff[:_LONGEST_TARIFF],
        contract_ends_on=ends,
        arrears_fen=arrears,
        is_porting_out=is_porting,
    )


def service_says(found: Found, service_no: str, reason: str) -> ServiceSays:
    """Of one service order."""
    heard = _word(found, "service_no", service_no, _SERVICES)
    if heard is None or found is None:
        return ServiceSays(ServiceHeard.UNKNOWN, reason or "unreadable")
    return ServiceSays(heard, _reason(found))


def code_says(found: Found, number: str, reason: str) -> CodeSays:
    """Of a charge that was announced."""
    heard = _word(found, "charge_no", number, _CODES)
    if heard is None or found is None:
        return CodeSays(CodeHeard.UNKNOWN, reason or "unreadable")
    return CodeSays(heard, _reason(found))


def charge_says(found: Found, number: str, reason: str, *, mch_id: str) -> ChargeSays:
    """Of a charge that was confirmed."""
    trade = trade_says(found, number, reason, mch_id=mch_id)
    if trade.heard is TradeHeard.PAID:
        return ChargeSays(ChargeHeard.CHARGED, trade)
    heard = _word(found, "charge_no", number, _CHARGES)
    if heard is None or found is None:
        return ChargeSays(ChargeHeard.UNKNOWN, reason=reason or "unreadable")
    return ChargeSays(heard, reason=_reason(found))


def trade_says(found: Found, number: str, reason: str, *, mch_id: str) -> TradeSays:
    """Of a charge that is asked about. That it was charged is believed with all that belongs to it."""
    heard = _word(found, "charge_no", number, {**_TRADES, "charged": TradeHeard.PAID})
    if heard is None or found is None:
        return TradeSays(TradeHeard.UNKNOWN, reason=reason or "unreadable")
    if heard is not TradeHeard.PAID:
        return TradeSays(heard, number=number, reason=_reason(found))
    theirs, amount, payer, month = (found.get(name) for name in ("charge_id", "amount_fen", "number", "billing_month"))
    is_whole = isinstance(payer, str) and type(amount) is int and _matches(THEIR_NUMBER, theirs)
    if not is_whole or not _matches(MONTH, month):
        return TradeSays(TradeHeard.UNKNOWN, reason="unreadable")
    return TradeSays(
        TradeHeard.PAID,
        number=number,
        transaction_id=str(theirs),
        mch_id=mch_id,
        amount_fen=amount,
        currency=CURRENCY,
        openid=str(payer),
        paid_at=_instant(found.get("charged_at")),
        billing_month=str(month),
    )


def refund_says(found: Found, number: str, reason: str) -> RefundSays:
    """Of a refund: it came back in one of two ways, or in none."""
    heard = _word(found, "refund_no", number, {**_REFUNDS, **dict.fromkeys(_WAYS, RefundHeard.DONE)})
    if heard is None or found is None:
        return RefundSays(RefundHeard.UNKNOWN, reason=reason or "unreadable")
    if heard in {RefundHeard.ABSENT, RefundHeard.REFUSED}:
        return RefundSays(heard, number=number, reason=_reason(found))
    order, amount, theirs, month = (
        found.get(each) for each in ("charge_no", "amount_fen", "refund_id", "billing_month")
    )
    if not isinstance(order, str) or type(amount) is not int or not _matches(THEIR_NUMBER, theirs):
        return RefundSays(RefundHeard.UNKNOWN, reason="unreadable")
    credit = _WAYS.get(str(found["status"]))
    if credit is not None and not _matches(MONTH, month):
        return RefundSays(RefundHeard.UNKNOWN, reason="unreadable")
    return RefundSays(
        heard,
        number=number,
        order_number=order,
        refund_id=str(theirs),
        amount_fen=amount,
        reason=_reason(found),
        credit=credit,
        billing_month=str(month) if credit else "",
    )


def _word(found: Found, name: str, number: str, words: Mapping[str, T]) -> T | None:
    """What it says of this number; None where it says nothing that the protocol knows."""
    if found is None or found.get(name) != number:
        return None
    heard = found.get("status")
    return words.get(heard) if isinstance(heard, str) else None


def _reason(found: Mapping[str, Any]) -> str:
    reason = found.get("reason")
    return reason if isinstance(reason, str) and REASON.fullmatch(reason) else ""


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _day(value: object) -> date | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError("no day")
    return date.fromisoformat(value)


def _instant(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.utcoffset() is not None else None
