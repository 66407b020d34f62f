"""The one way by which money settles an order: a notice and our own question are weighed here alike.

Within one transaction, the order's row locked: the edge, the claims with everything that comes with them, the money in
the ledger, and what is said to the member. Which of several that hear the same at once has the effect is settled by one
guarded UPDATE. Money for which nothing can be given goes back whole, in the same transaction.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from prometheus_client import Counter

from handlers.benefits.kinds import fulfiller
from handlers.claims.claims import SYSTEM
from handlers.claims.issuing import Issued, Wanted, issue
from handlers.distribution.earning import earn
from handlers.errors import DomainError, OfferPaused, OfferUnknown, PayNoticeUnreadable, PlanUnknown
from handlers.key_rotation import ORDER_NUMBER
from handlers.offers.offers import published, terms_of
from handlers.orders.locking import Holding, lock, unlock, write_slots
from handlers.orders.merchant_parts import sold
from handlers.orders.money import earned, owed
from handlers.orders.moving import note
from handlers.orders.on_the_bill import charged, heard
from handlers.orders.ordering import chosen
from handlers.orders.points import give_back, require
from handlers.orders.refunding import send_back_whole
from handlers.orders.wishes import payer_hash
from handlers.outbox import later
from handlers.paid_terms.fee_shares import share_out
from handlers.paid_terms.giving import TermWanted, extend, upgrade
from handlers.paid_terms.having import ordered_plan
from handlers.ports import TradeSays, Vault
from handlers.rules.eligibility import PublishedOffer
from handlers.rules.order_states import Money, contradicts, on_money, require_edge
from handlers.standing import canonical
from models.database import atomic, require_atomic, row, rows
from models.orders import OrderClaim
from models.sql import as_uuid
from models.statements import claims as claim_statements
from models.statements import orders as statements
from models.words import (
    ClaimSource,
    OfferState,
    OrderRefundCause,
    OrderState,
    PaymentMethod,
    PlanState,
    PlanWay,
    TermCause,
    TradeHeard,
)

CURRENCY = "CNY"
KNOWN_AFTER = timedelta(seconds=5)  # WeChat's own books are a little later than its notices

SETTLED = Counter("fanpiao_orders_settled", "Orders by where their money led.", ["state"])
MISMATCHES = Counter("fanpiao_payment_mismatches", "Words of a payment service that differ from our rows.", ["what"])

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """Where the order stands now. `is_believed`: what was said is about this order, its payer and its amount."""

    state: OrderState
    is_believed: bool = True


class _Unfulfillable(Exception):
    """What was paid for cannot be given; the savepoint is rolled back, and the money goes back."""


async def settle(number: str, says: TradeSays, *, at: datetime, zone: ZoneInfo, vault: Vault) -> Settled | None:
    """Take in what a payment service said, inside the open transaction; None: there is no order of this number.

    Raises PayNoticeUnreadable where another order has this payment already.
    """
    require_atomic()
    found = await row(statements.LOCKED, number)
    if found is None:
        return None
    state = OrderState(found["state"])
    if says.heard is not TradeHeard.PAID:
        if contradicts(state, says.heard):
            _complain("payment_contradicted", found, says)
        await heard(found, says, at=at)
        return Settled(state)
    if (differs := _differs(found, says, vault)) is not None:
        _complain(f"payment_{differs}_differs", found, says)
        return Settled(state, is_believed=False)
    act = on_money(state)
    if act is Money.KNOWN:
        if found["transaction_id"] != says.transaction_id:
            _complain("payment_twice", found, says)
        return Settled(state)
    return Settled(await _take(found, state, act, says, at=at, zone=zone, vault=vault))


def _differs(found: Mapping[str, Any], says: TradeSays, vault: Vault) -> str | None:
    """In what the words are not about this order; the payer is not compared once they have left."""
    compared = {
        "number": (says.number, found["number"]),
        "merchant": (says.mch_id, found["mch_id"]),
        "app": (says.app_id, found["app_id"]),
        "amount": (says.amount_fen, int(found["amount_fen"])),
        "currency": (says.currency, CURRENCY),
    }
    if found["payer_hash"]:
        compared["payer"] = (payer_hash(vault, found["app_id"], says.openid), found["payer_hash"])
    return next((name for name, (theirs, ours) in compared.items() if theirs != ours), None)


async def _take(
    found: Mapping[str, Any],
    state: OrderState,
    act: Money,
    says: TradeSays,
    *,
    at: datetime,
    zone: ZoneInfo,
    vault: Vault,
) -> OrderState:
    issued: list[tuple[Issued, ...]] | None = None
    if act is not Money.RETURN:
        try:
            async with atomic():  # a savepoint: what cannot be given leaves nothing behind
                if found["offer_id"] is None:
                    await _begin_term(found, again=act is Money.LOCK_AGAIN, at=at)
                    issued = []
                else:
                    issued = await _fulfil(found, again=act is Money.LOCK_AGAIN, at=at, zone=zone, vault=vault)
        except _Unfulfillable as trouble:
            facts = {"number": found["number"], "reason": type(trouble.__cause__).__name__}
            log.warning("order_not_fulfilled", extra=facts)
    target = OrderState.RETURNING if issued is None else OrderState.PAID
    require_edge(state, target)
    order_id, amount = as_uuid(found["id"]), int(found["amount_fen"])
    if not await rows(statements.PAY, order_id, state.value, target.value, says.transaction_id, at):
        # The row is locked, so its state is what was read: the number is another order's.
        _complain("payment_of_another_order", found, says)
        raise PayNoticeUnreadable
    SETTLED.labels(target.value).inc()
    await note(order_id, state, target, "paid", SYSTEM, at=at)
    if found["method"] == PaymentMethod.CARRIER:
        await charged(found, says, is_kept=issued is not None)
    if issued is not None:
        await _book(found, issued, at)
        return target
    if state is OrderState.WAITING:
        await unlock([found], at=at)
    await owed(order_id, amount, at=at)
    cause = OrderRefundCause.UNFULFILLED if state is OrderState.WAITING else OrderRefundCause.LATE
    await send_back_whole(order_id, amount, cause, at=at)
    return target


async def _begin_term(found: Mapping[str, Any], *, again: bool, at: datetime) -> None:
    """The term of membership that a plan's order becomes. Raises _Unfulfillable."""
    order_id = as_uuid(found["id"])
    try:
        member_id = await canonical(as_uuid(found["member_id"]))
        await rows(claim_statements.CLAIMANTS, [member_id])
        ordered = await ordered_plan(order_id)
        if ordered is None or (again and ordered.state is not PlanState.PUBLISHED):
            raise PlanUnknown
        wanted = TermWanted(
            member_id=member_id,
            plan_id=ordered.plan_id,
            plan_version=ordered.version,
            title=found["title"],
            level=ordered.level,
            day_count=ordered.day_count,
            cause=TermCause.UPGRADED if ordered.way is PlanWay.UPGRADE else TermCause.BOUGHT,
            paid_fen=int(found["amount_fen"]),
            order_id=order_id,
        )
        if ordered.way is PlanWay.UPGRADE:
            await upgrade(wanted, ordered.expected_sequence, at=at)
        else:
            await extend(wanted, at=at)
    except DomainError as trouble:
        raise _Unfulfillable from trouble


async def _fulfil(
    found: Mapping[str, Any], *, again: bool, at: datetime, zone: ZoneInfo, vault: Vault
) -> list[tuple[Issued, ...]]:
    """The claims, out of what is locked, or is locked once more. Raises _Unfulfillable."""
    order_id, quantity = as_uuid(found["id"]), int(found["quantity"])
    choices = tuple(chosen(found))
    try:
        member_id = await canonical(as_uuid(found["member_id"]))
        await rows(claim_statements.CLAIMANTS, [member_id])
        offer = await _as_ordered(found)
        names = tuple(filter(None, found["stock_buckets"].split(",")))
        if again:
            if offer.state is not OfferState.PUBLISHED or offer.benefit.is_paused:
                raise OfferPaused(title=offer.title)
            locked = await lock(offer, member_id, quantity, choices, at=at, zone=zone)
            await write_slots([Holding(order_id, offer.id, member_id, locked.slots)], at=at)
            await rows(statements.LOCKED_FROM, order_id, ",".join(locked.buckets))
            names = locked.buckets
        elif not all(await fulfiller(offer.benefit.kind).room(offer.benefit.terms, [choices] * quantity, now=at)):
            raise OfferPaused(title=offer.title)
        points = int(found["price_points"])
        if points:  # what was set aside is what the claims spend; of an order that is late it was given back before
            await give_back([order_id], at=at)
            await require(member_id, points * quantity, at=at)
        wanted = Wanted(
            member_id=member_id,
            source=ClaimSource.ORDER,
            actor=SYSTEM,
            choices=choices,
            recharge_to=_recharge_to(found, vault),
            price_points=points,
            price_fen=int(found["price_fen"]),
        )
        issued = await issue(offer, [wanted] * quantity, at=at, zone=zone, vault=vault, buckets=names, reason="ordered")
    except DomainError as trouble:
        raise _Unfulfillable from trouble
    await _take_over(order_id, member_id, issued)
    return issued


async def _as_ordered(found: Mapping[str, Any]) -> PublishedOffer:
    """The offer as it was ordered: the terms are those of the order's version, whatever was published since."""
    offer_id, version = as_uuid(found["offer_id"]), int(found["offer_version"])
    offer = (await published([offer_id])).get(offer_id)
    if offer is None:  # published once, or there were no order
        raise OfferUnknown
    return replace(offer, version=version, terms=(await terms_of([(offer_id, version)]))[offer_id, version])


async def _take_over(order_id: UUID, member_id: UUID, issued: Sequence[tuple[Issued, ...]]) -> None:
    """The order's slots become those of its claims: of each period one for each claim, in their order.

    Where the member was merged into another one since, they stay the order's: they count for the same person.
    """
    by_period: dict[str, list[UUID]] = {}
    for each in await rows(statements.SLOTS, order_id):
        if as_uuid(each["member_id"]) == member_id:
            by_period.setdefault(each["period"], []).append(as_uuid(each["id"]))
    for slots in by_period.values():
        for slot_id, (claim, *_) in zip(slots, issued, strict=False):
            await rows(statements.TAKE_OVER, slot_id, claim.id)


async def _book(found: Mapping[str, Any], issued: Sequence[tuple[Issued, ...]], at: datetime) -> None:
    """Which claims the order became and what each has of the money, the money itself, and the word to the member."""
    order_id = as_uuid(found["id"])
    price = int(found["price_fen"])
    made = [await OrderClaim.create(order_id=order_id, claim_id=claim.id, amount_fen=price) for claim, *_ in issued]
    if found["offer_id"] is not None:
        await sold(as_uuid(found["offer_id"]), {each.id: price for each in made}, at=at)
    await earned(order_id, int(found["amount_fen"]), at=at)
    await earn(order_id, as_uuid(found["member_id"]), int(found["amount_fen"]), found["payer_hash"], at=at)
    member_id = str(as_uuid(found["member_id"]))
    told = {"member_id": member_id, "title": found["title"], "amount_fen": int(found["amount_fen"])}
    if found["method"] == PaymentMethod.WECHAT:
        await later("report_shipping", key=f"shipping:{order_id}", at=at + KNOWN_AFTER, order_id=str(order_id))
    if found["offer_id"] is None:
        await share_out(order_id, int(found["amount_fen"]), at=at)
    else:  # a term of membership says so itself
        await later("say_paid", key=f"paid:{order_id}", at=at, order_key=f"chat:{member_id}", **told)


def _recharge_to(found: Mapping[str, Any], vault: Vault) -> str:
    cipher = found["recharge_to_cipher"]
    return vault.decrypt(cipher, bound_to=ORDER_NUMBER.bound_to(as_uuid(found["id"]))) if cipher else ""


def _complain(event: str, found: Mapping[str, Any], says: TradeSays) -> None:
    """What people have to look at: money may have moved otherwise than we think."""
    MISMATCHES.labels(event).inc()
    log.error(event, extra={"number": found["number"], "state": found["state"], "heard": says.heard})
