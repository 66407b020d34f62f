"""What an order puts on a phone bill 话费支付: counted against the month of the number while it may be charged, and
what the carrier said of it.

Inside the caller's open transaction, the order's row locked (or just made).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.errors import CarrierClosed, CarrierMonthCapped, CarrierOrderCapped
from handlers.ports import RefundSays, TradeSays
from handlers.rule_versions import RulesInForce
from handlers.rules.carrier_billing import ON_ITS_WAY_FOR, CarrierRules, Stands, month_of
from models.carrier import CarrierCharge, CarrierCredit
from models.database import row, rows
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import carrier as statements
from models.words import ChargeState, CreditWay, PaymentMethod, TradeHeard

TERMS = RulesInForce("carrier_terms", CarrierRules, before=CarrierRules())
MONTH = "carrier.month"  # what the keyed hash of a number in its months is for


@dataclass(frozen=True, slots=True)
class OnBill:
    """Whose bill: the bound number, and its mark in the counters of months."""

    bound_number_id: UUID
    month_hash: str


async def begin(order_id: UUID, bill: OnBill, amount_fen: int, *, at: datetime, zone: ZoneInfo) -> None:
    """The charge of an order that was just made, counted against the month of its number.

    Raises CarrierClosed, CarrierOrderCapped, CarrierMonthCapped.
    """
    rules, month = (await TERMS.held()).rules, month_of(at, zone)
    if not rules.is_open:
        raise CarrierClosed
    if amount_fen > rules.per_order_fen:
        raise CarrierOrderCapped(most_fen=rules.per_order_fen)
    await rows(statements.ADD_MONTH, bill.month_hash, month, new_id(), at)
    counted = await rows(statements.COUNT, bill.month_hash, month, amount_fen, rules.per_month_fen)
    if not counted:
        found = await row(statements.MONTH, bill.month_hash, month)
        left = rules.per_month_fen - int(found["counted_fen"]) if found else 0
        raise CarrierMonthCapped(left_fen=max(left, 0))
    await CarrierCharge.create(
        order_id=order_id,
        bound_number_id=bill.bound_number_id,
        month_id=as_uuid(counted[0]["id"]),
        counted_fen=amount_fen,
    )


async def release(order_ids: Iterable[UUID]) -> None:
    """These orders ended without being charged; of those that are not on a bill there is nothing to do."""
    for order_id in sorted(order_ids):
        found = await row(statements.CHARGE, order_id)
        if found is not None and found["counted_fen"]:
            await _uncount(order_id, int(found["counted_fen"]))


async def charged(found: Mapping[str, Any], says: TradeSays, *, is_kept: bool) -> None:
    """It stands on a bill. `is_kept`: what it is for was given; it counts then, also where it had been given back."""
    order_id = as_uuid(found["id"])
    await rows(statements.CHARGED, order_id, says.billing_month)
    amount = int(found["amount_fen"])
    if is_kept and (again := await rows(statements.COUNTS_AGAIN, order_id, amount)):
        await rows(statements.COUNT_CHARGED, as_uuid(again[0]["month_id"]), amount)


async def heard(found: Mapping[str, Any], says: TradeSays, *, at: datetime) -> None:
    """The carrier said that it has not charged it: another code may be tried, or none ever."""
    if found["method"] != PaymentMethod.CARRIER:
        return
    order_id = as_uuid(found["id"])
    if says.heard in {TradeHeard.OPEN, TradeHeard.ABSENT}:
        await rows(statements.NOT_CHARGED, order_id, at - ON_ITS_WAY_FOR)
    elif says.heard is TradeHeard.CLOSED:
        await rows(statements.REFUSED, order_id, says.reason[:64])


async def credited(refund_id: UUID, order_id: UUID, amount_fen: int, says: RefundSays) -> None:
    """A refund came back on a bill; what was taken off its own month counts there no more."""
    if says.credit is None:
        return
    await CarrierCredit.create(refund_id=refund_id, way=says.credit, billing_month=says.billing_month)
    if says.credit is CreditWay.CANCELLED:
        await _uncount(order_id, amount_fen)


async def _uncount(order_id: UUID, amount_fen: int) -> None:
    """Once: a charge gives back no more than it counts."""
    if less := await rows(statements.COUNTS_LESS, order_id, amount_fen):
        await rows(statements.UNCOUNT, as_uuid(less[0]["month_id"]), amount_fen)


def stands(found: Mapping[str, Any]) -> Stands:
    """A charge's row, as far as codes go."""
    return Stands(
        state=ChargeState(found["state"]),
        code_count=int(found["code_count"]),
        code_asked_at=as_instant(found["code_asked_at"]) if found["code_asked_at"] else None,
        code_sent_at=as_instant(found["code_sent_at"]) if found["code_sent_at"] else None,
        attempt_count=int(found["attempt_count"]),
    )
