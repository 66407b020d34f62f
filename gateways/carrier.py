"""A carrier over HTTP: the signed exchange of suppliers, with words of its own (`docs/carriers.md`).

Every answer of its billing is one of a few words, or it is unknown. Nothing here is ever sent twice by itself.
"""

import logging
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import aiohttp
import orjson
from prometheus_client import Counter

from gateways.carrier_bills import LARGEST_BILL, fen_by_number
from gateways.carrier_words import (
    charge_says,
    code_says,
    refund_says,
    service_says,
    subscriber_of,
    trade_says,
)
from gateways.suppliers import LARGEST_ANSWER, exchange, timeout_of
from handlers.ports import (
    CarrierError,
    CarrierGaveUp,
    CarrierRefused,
    CarrierRetryLater,
    ChargeSays,
    Clock,
    CodeSays,
    RefundSays,
    ServiceSays,
    Subscriber,
    SupplierAccess,
    ToCharge,
    ToRefund,
    TradeSays,
)
from models.words import BillKind, ChargeHeard, CodeHeard, RefundHeard, ServiceHeard, TradeHeard

CALLS = Counter("fanpiao_carrier_calls", "Calls to the carrier by what was heard.", ["act", "heard"])
NOT_READY = b"not_ready"  # what it says in the place of a bill that is not made yet

log = logging.getLogger(__name__)


class CarrierApi:
    """Implements `handlers.ports.Carrier` and `handlers.ports.CarrierBilling`."""

    def __init__(
        self,
        access: SupplierAccess,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        total_seconds: float | None = None,
    ) -> None:
        """`access.code` is how the carrier calls us, and what our books call it. The session is the caller's."""
        self.mch_id = access.code
        self._access = access
        self._session = session
        self._clock = clock
        self._timeout = timeout_of(total_seconds)

    # --- numbers and services

    async def subscriber(self, number: str) -> Subscriber:
        """`POST {api_url}/subscribers`. Raises CarrierRetryLater, CarrierGaveUp, CarrierRefused."""
        found, reason = await self._ask("subscribers", {"number": number})
        if found is None:
            self._count("subscriber", "trouble")
            raise _trouble(reason)
        if found.get("status") == "refused":
            self._count("subscriber", "refused")
            raise CarrierRefused(reason)
        subscriber = subscriber_of(found)
        self._count("subscriber", "unreadable" if subscriber is None else "told")
        if subscriber is None:
            raise CarrierRetryLater("unreadable")
        return subscriber

    async def order_service(self, service_no: str, *, number: str, service: str) -> ServiceSays:
        """`POST {api_url}/services`."""
        said = await self._service("services", service_no, {"number": number, "service": service})
        # One that was just ordered is not absent: that word belongs to questions.
        misplaced = said.heard is ServiceHeard.ABSENT
        return ServiceSays(ServiceHeard.UNKNOWN, "misplaced") if misplaced else said

    async def cancel_service(self, service_no: str) -> ServiceSays:
        """`POST {api_url}/services/cancel`."""
        return await self._service("services/cancel", service_no, {})

    async def query_service(self, service_no: str) -> ServiceSays:
        """`POST {api_url}/services/query`."""
        return await self._service("services/query", service_no, {})

    async def _service(self, path: str, service_no: str, more: Mapping[str, object]) -> ServiceSays:
        found, reason = await self._ask(path, {"service_no": service_no, **more})
        said = service_says(found, service_no, reason)
        self._count(path, said.heard.value)
        return said

    # --- the phone bill

    async def announce(self, wanted: ToCharge) -> CodeSays:
        """`POST {api_url}/charges`."""
        found, reason = await self._ask("charges", {**_facts(wanted), "title": wanted.title, **_until(wanted)})
        said = code_says(found, wanted.number, reason)
        self._count("announce", said.heard.value, is_clear=said.heard is not CodeHeard.UNKNOWN, reason=said.reason)
        return said

    async def charge(self, wanted: ToCharge, *, code: str) -> ChargeSays:
        """`POST {api_url}/charges/confirm`."""
        found, reason = await self._ask("charges/confirm", {**_facts(wanted), "code": code})
        said = charge_says(found, wanted.number, reason, mch_id=self.mch_id)
        self._count("charge", said.heard.value, is_clear=said.heard is not ChargeHeard.UNKNOWN, reason=said.reason)
        return said

    async def query(self, number: str) -> TradeSays:
        """`POST {api_url}/charges/query`."""
        found, reason = await self._ask("charges/query", {"charge_no": number})
        said = trade_says(found, number, reason, mch_id=self.mch_id)
        self._count("query", said.heard.value, is_clear=said.heard is not TradeHeard.UNKNOWN, reason=said.reason)
        return said

    async def close(self, number: str) -> bool:
        """`POST {api_url}/charges/close`."""
        found, reason = await self._ask("charges/close", {"charge_no": number})
        said = trade_says(found, number, reason, mch_id=self.mch_id)
        self._count("close", said.heard.value, is_clear=said.heard is not TradeHeard.UNKNOWN, reason=said.reason)
        return said.heard is TradeHeard.CLOSED

    async def refund(self, wanted: ToRefund) -> RefundSays:
        """`POST {api_url}/refunds`."""
        facts = {"charge_no": wanted.order_number, "amount_fen": wanted.amount_fen, "total_fen": wanted.total_fen}
        said = await self._refund("refunds", wanted.number, facts)
        misplaced = said.heard is RefundHeard.ABSENT
        return RefundSays(RefundHeard.UNKNOWN, reason="misplaced") if misplaced else said

    async def query_refund(self, number: str) -> RefundSays:
        """`POST {api_url}/refunds/query`."""
        return await self._refund("refunds/query", number, {})

    async def bill(self, kind: BillKind, day: date) -> Mapping[str, int] | None:
        """`POST {api_url}/bills`: a signed file. There are none of transfers."""
        if kind is BillKind.TRANSFER:
            return {}
        body = orjson.dumps({"kind": kind.value, "day": day.isoformat()})
        content, reason = await self._exchange("bills", body, largest=LARGEST_BILL)
        told = None if content is None or content == NOT_READY else fen_by_number(content)
        self._count("bill", "unknown" if told is None else "told", is_clear=told is not None, reason=reason)
        return told

    async def _refund(self, path: str, number: str, more: Mapping[str, object]) -> RefundSays:
        found, reason = await self._ask(path, {"refund_no": number, **more})
        said = refund_says(found, number, reason)
        self._count(path, said.heard.value, is_clear=said.heard is not RefundHeard.UNKNOWN, reason=said.reason)
        return said

    # --- asking

    async def _ask(self, path: str, body: Mapping[str, object]) -> tuple[dict[str, Any] | None, str]:
        """What a signed answer says, or None and why there is none."""
        content, reason = await self._exchange(path, orjson.dumps(body), largest=LARGEST_ANSWER)
        if content is None:
            return None, reason
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            found = None
        return (found, "") if isinstance(found, dict) else (None, "unreadable")

    async def _exchange(self, path: str, body: bytes, *, largest: int) -> tuple[bytes | None, str]:
        return await exchange(self._session, self._clock, self._timeout, self._access, path, body, largest=largest)

    def _count(self, act: str, heard: str, *, is_clear: bool = True, reason: str = "") -> None:
        CALLS.labels(act.replace("/", "_"), heard).inc()
        if not is_clear:
            log.warning("carrier_unclear", extra={"act": act, "reason": reason})


class NoCarrier:
    """Where no carrier is connected: it knows no number and charges nothing."""

    mch_id = ""

    async def subscriber(self, number: str) -> Subscriber:
        raise CarrierGaveUp("not_connected")

    async def order_service(self, service_no: str, *, number: str, service: str) -> ServiceSays:
        return ServiceSays(ServiceHeard.UNKNOWN, "not_connected")

    async def cancel_service(self, service_no: str) -> ServiceSays:
        return ServiceSays(ServiceHeard.UNKNOWN, "not_connected")

    async def query_service(self, service_no: str) -> ServiceSays:
        return ServiceSays(ServiceHeard.UNKNOWN, "not_connected")

    async def announce(self, wanted: ToCharge) -> CodeSays:
        return CodeSays(CodeHeard.UNKNOWN, "not_connected")

    async def charge(self, wanted: ToCharge, *, code: str) -> ChargeSays:
        return ChargeSays(ChargeHeard.UNKNOWN, reason="not_connected")

    async def query(self, number: str) -> TradeSays:
        return TradeSays(TradeHeard.UNKNOWN, reason="not_connected")

    async def close(self, number: str) -> bool:
        return False

    async def refund(self, wanted: ToRefund) -> RefundSays:
        return RefundSays(RefundHeard.UNKNOWN, reason="not_connected")

    async def query_refund(self, number: str) -> RefundSays:
        return RefundSays(RefundHeard.UNKNOWN, reason="not_connected")

    async def bill(self, kind: BillKind, day: date) -> Mapping[str, int] | None:
        return None


def _facts(wanted: ToCharge) -> dict[str, object]:
    return {"charge_no": wanted.number, "number": wanted.payer, "amount_fen": wanted.amount_fen}


def _until(wanted: ToCharge) -> dict[str, object]:
    ends: datetime = wanted.expires_at
    return {"expires_at": ends.isoformat(timespec="seconds")}


def _trouble(reason: str) -> CarrierError:
    """Another status below 500 says that the question or the settings are wrong; everything else may pass."""
    is_ours = reason.startswith("http_4") and reason not in {"http_408", "http_425", "http_429"}
    return CarrierGaveUp(reason) if is_ours else CarrierRetryLater(reason)
