"""The one way by which money settles orders: notices and our own questions are weighed here alike, many at once.

Within one transaction, the orders' rows locked: the edge, the claims with everything that comes with them, the money in
the ledger, and what is said to the member. Which of several that hear the same at once has the effect is settled by one
guarded UPDATE. Money for which nothing can be given goes back whole, in the same transaction.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from uuid import UUID
from zoneinfo import ZoneInfo

from prometheus_client import Counter

from handlers.claims.claims import SYSTEM
from handlers.errors import DomainError, NotSignedIn, PayNoticeUnreadable, PlanUnknown
from handlers.orders.fulfilling import Became, Found, book, fulfil, lock_members
from handlers.orders.locking import unlock
from handlers.orders.money import owed
from handlers.orders.moving import Edge, note_all
from handlers.orders.on_the_bill import charged, heard
from handlers.orders.refunding import send_back_whole
from handlers.orders.wishes import payer_hash
from handlers.paid_terms.giving import TermWanted, extend, upgrade
from handlers.paid_terms.having import ordered_plan
from handlers.ports import TradeSays, Vault
from handlers.rules.order_states import Money, contradicts, on_money, require_edge
from models.database import atomic, require_atomic, rows
from models.sql import as_uuid, dump_rows
from models.statements import orders as statements
from models.words import OrderRefundCause, OrderState, PaymentMethod, PlanState, PlanWay, TermCause, TradeHeard

CURRENCY = "CNY"

SETTLED = Counter("fanpiao_orders_settled", "Orders by where their money led.", ["state"])
APART = Counter("fanpiao_payments_taken_apart", "Payments that could not be taken with those of the same moment.")
MISMATCHES = Counter("fanpiao_payment_mismatches", "Words of a payment service that differ from our rows.", ["what"])

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """Where the order stands now. `is_believed`: what was said is about this order, its payer and its amount."""

    state: OrderState
    is_believed: bool = True


@dataclass(frozen=True, slots=True)
class Said:
    """What a payment service said of the order of this number."""

    number: str
    says: TradeSays


class Alone(Enum):
    """An outcome: of this order nothing happened yet, and it wants a transaction of its own."""

    ALONE = auto()


@dataclass(frozen=True, slots=True)
class _Paid:
    """Money that came for an order, and what to do with it."""

    found: Found
    state: OrderState
    act: Money
    says: TradeSays

    @property
    def is_plain(self) -> bool:
        """Everything is still locked for it, and it is of an offer: like most, it can be given with others."""
        is_of_offer = self.found["offer_id"] is not None and self.found["method"] == PaymentMethod.WECHAT
        return self.act is Money.FULFIL and is_of_offer


async def settle(number: str, says: TradeSays, *, at: datetime, zone: ZoneInfo, vault: Vault) -> Settled | None:
    """Take in what a payment service said, inside the open transaction; None: there is no order of this number.

    Raises PayNoticeUnreadable where another order has this payment already.
    """
    require_atomic()
    found = next(iter(await rows(statements.LOCKED, [number])), None)
    if found is None:
        return None
    weighed = await _weigh(found, says, at=at, vault=vault)
    if isinstance(weighed, Settled):
        return weighed
    return Settled(await _take(weighed, await lock_members([found]), at=at, zone=zone, vault=vault))


async def settle_together(
    said: Sequence[Said], *, at: datetime, zone: ZoneInfo, vault: Vault
) -> list[Settled | Alone | None]:
    """The same for many, each number once, as far as they take the same way: what locks anything more, a plan, a phone
    bill, late money, or an order for which nothing can be given, is left alone.

    Raises PayNoticeUnreadable where another order has the payment of one of them already.
    """
    require_atomic()
    locked = {each["number"]: each for each in await rows(statements.LOCKED, sorted(one.number for one in said))}
    done: dict[str, Settled | Alone] = {}
    paid: list[_Paid] = []
    for one in said:
        if (found := locked.get(one.number)) is None:
            continue
        weighed = await _weigh(found, one.says, at=at, vault=vault)
        if isinstance(weighed, Settled):
            done[one.number] = weighed
        elif weighed.is_plain:
            paid.append(weighed)
        else:
            done[one.number] = Alone.ALONE
    if paid:
        became = await _given(paid, await lock_members([each.found for each in paid]), at=at, zone=zone, vault=vault)
        if isinstance(became, DomainError):
            APART.inc(len(paid))
            done |= {each.found["number"]: Alone.ALONE for each in paid}
        else:
            await _keep(list(zip(paid, became, strict=True)), at=at)
            done |= {each.found["number"]: Settled(OrderState.PAID) for each in paid}
    return [done.get(one.number) for one in said]


async def _weigh(found: Found, says: TradeSays, *, at: datetime, vault: Vault) -> Settled | _Paid:
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
    return _Paid(found, state, act, says)


def _differs(found: Found, says: TradeSays, vault: Vault) -> str | None:
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


async def _take(each: _Paid, today: Mapping[UUID, UUID], *, at: datetime, zone: ZoneInfo, vault: Vault) -> OrderState:
    if each.act is not Money.RETURN:
        became = await _given([each], today, at=at, zone=zone, vault=vault)
        if not isinstance(became, DomainError):
            await _keep([(each, became[0])], at=at)
            return OrderState.PAID
        facts = {"number": each.found["number"], "reason": type(became).__name__}
        log.warning("order_not_fulfilled", extra=facts)
    await _send_back(each, at=at)
    return OrderState.RETURNING


async def _given(
    paid: Sequence[_Paid], today: Mapping[UUID, UUID], *, at: datetime, zone: ZoneInfo, vault: Vault
) -> list[Became] | DomainError:
    """What they become, or why one of them becomes nothing: then nothing of it happened."""
    try:
        async with atomic():  # a savepoint
            if any(as_uuid(each.found["member_id"]) not in today for each in paid):
                raise NotSignedIn
            again = paid[0].act is Money.LOCK_AGAIN
            if paid[0].found["offer_id"] is None:
                await _begin_term(paid[0].found, today[as_uuid(paid[0].found["member_id"])], again=again, at=at)
                return [[]]
            return await fulfil([each.found for each in paid], today, again=again, at=at, zone=zone, vault=vault)
    except DomainError as trouble:
        return trouble


async def _keep(given: Sequence[tuple[_Paid, Became]], *, at: datetime) -> None:
    """The edge, and everything that comes with money that is kept."""
    await _move([each for each, _ in given], OrderState.PAID, at=at)
    for each, _ in given:
        if each.found["method"] == PaymentMethod.CARRIER:
            await charged(each.found, each.says, is_kept=True)
    await book([(each.found, became) for each, became in given], at=at)


async def _send_back(each: _Paid, *, at: datetime) -> None:
    """The edge, and the whole of the money on its way back."""
    found, order_id, amount = each.found, as_uuid(each.found["id"]), int(each.found["amount_fen"])
    await _move([each], OrderState.RETURNING, at=at)
    if found["method"] == PaymentMethod.CARRIER:
        await charged(found, each.says, is_kept=False)
    if each.state is OrderState.WAITING:
        await unlock([found], at=at)
    await owed(order_id, amount, at=at)
    cause = OrderRefundCause.UNFULFILLED if each.state is OrderState.WAITING else OrderRefundCause.LATE
    await send_back_whole(order_id, amount, cause, at=at)


async def _move(paid: Sequence[_Paid], to: OrderState, *, at: datetime) -> None:
    """Raises PayNoticeUnreadable: the rows are locked, so their states are what was read; a number is another's."""
    wanted = []
    for each in paid:
        require_edge(each.state, to)
        facts = {"id": as_uuid(each.found["id"]), "before": each.state, "transaction_id": each.says.transaction_id}
        wanted.append({**facts, "after": to})
    moved = {as_uuid(each["id"]) for each in await rows(statements.PAY, dump_rows(wanted), at)}
    if others := [each for each in paid if as_uuid(each.found["id"]) not in moved]:
        for each in others:
            _complain("payment_of_another_order", each.found, each.says)
        raise PayNoticeUnreadable
    SETTLED.labels(to.value).inc(len(paid))
    await note_all([Edge(as_uuid(each.found["id"]), each.state, to, "paid", SYSTEM) for each in paid], at=at)


async def _begin_term(found: Found, member_id: UUID, *, again: bool, at: datetime) -> None:
    """The term of membership that a plan's order becomes. Raises PlanUnknown, what a term raises."""
    order_id = as_uuid(found["id"])
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


def _complain(event: str, found: Found, says: TradeSays) -> None:
    """What people have to look at: money may have moved otherwise than we think."""
    MISMATCHES.labels(event).inc()
    log.error(event, extra={"number": found["number"], "state": found["state"], "heard": says.heard})
