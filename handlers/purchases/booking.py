"""Booking what a channel tells: orders and refunds in any order, many at once, each number once for ever.

Inside the open transaction in which the channels' rows are locked, so nobody else books for them. What is told is
decided in memory in the order of arrival, orders before refunds, and written in sets.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Channel
from handlers.errors import (
    DomainError,
    PurchaseConflict,
    RefundConflict,
    RefundTooMuch,
    StoreUnknown,
)
from handlers.purchases.buyers import locked_buyers
from handlers.purchases.crediting import Crediting, Worth, collect, credit, owing, take_back, worths_of
from handlers.purchases.told import Booked, OrderTold, RefundTold
from handlers.rules.ledger import GROWTH, POINTS
from handlers.scopes import subtree
from models.database import put, require_atomic, rows, together
from models.ids import new_id
from models.sql import Both, as_instant, as_uuid, dump_rows, instant_text
from models.statements import purchases as statements
from models.words import BuyerKind, PurchaseState, RefundState

WINDOW = timedelta(days=30)  # for which a purchase waits for its buyer to join or bind

Told = OrderTold | RefundTold
Number = tuple[UUID, str]  # of an order, in its channel


@dataclass(slots=True)
class _Order:
    """An order as it stands in this batch."""

    id: UUID
    number: Number
    fingerprint: str
    amount_fen: int
    refunded_fen: int
    paid_at: datetime
    member_id: UUID | None = None
    is_credited: bool = False
    waits: bool = False
    told: OrderTold | None = None  # new in this batch
    added_fen: int = 0  # refunded in this batch
    worths: list[Worth] = field(default_factory=list)

    @property
    def state(self) -> PurchaseState:
        if self.is_credited:
            return PurchaseState.CREDITED
        return PurchaseState.WAITING if self.waits else PurchaseState.ANONYMOUS


@dataclass(slots=True)
class _Refund:
    id: UUID
    fingerprint: str
    amount_fen: int
    state: RefundState
    told: RefundTold | None = None  # new in this batch


@dataclass(slots=True)
class _Books:
    """What is known of the numbers that are spoken of: orders, and their refunds in the order in which they came."""

    orders: dict[Number, _Order]
    refunds: dict[Number, dict[str, _Refund]]
    settled: dict[UUID, RefundState] = field(default_factory=dict)  # of refunds that had waited


async def book(
    told: Sequence[tuple[Channel, Told]], *, at: datetime, dormant_after: timedelta | None
) -> list[Booked | DomainError]:
    """What became of each: booked, known already, or refused, in which case nothing of it happened.

    Refusals: PurchaseConflict, StoreUnknown, RefundConflict, RefundTooMuch. Raises SerializationConflict.
    """
    require_atomic()
    if not told:
        return []
    numbers = [(channel.id, each.order_no) for channel, each in told]
    books = await _read(set(numbers))
    stores = await _stores(told)
    decided: list[Booked | DomainError | None] = [None] * len(told)
    repeated: set[int] = set()
    for place, (number, (_, each)) in enumerate(zip(numbers, told, strict=True)):
        if isinstance(each, OrderTold):
            decided[place] = _order(books, number, each, stores, repeated, place)
    for place, (number, (_, each)) in enumerate(zip(numbers, told, strict=True)):
        if isinstance(each, RefundTold):
            decided[place] = _refund(books, number, each, repeated, place)
    await _write(books, stores, at=at, dormant_after=dormant_after)
    return [
        refused or _booked(books, number, each, is_known=place in repeated)
        for place, (number, (_, each), refused) in enumerate(zip(numbers, told, decided, strict=True))
    ]


# --- deciding


def _order(
    books: _Books, number: Number, told: OrderTold, stores: Mapping[Number, UUID], repeated: set[int], place: int
) -> DomainError | None:
    if known := books.orders.get(number):
        if known.fingerprint != told.fingerprint:
            return PurchaseConflict()
        repeated.add(place)
        return None
    if told.store is not None and (number[0], told.store) not in stores:
        return StoreUnknown()
    order = books.orders[number] = _Order(
        new_id(), number, told.fingerprint, told.amount_fen, 0, told.paid_at, told=told
    )
    for refund in books.refunds.get(number, {}).values():  # they came first
        if refund.state is RefundState.WAITING:
            refund.state = _apply(order, refund.amount_fen)
            books.settled[refund.id] = refund.state
    return None


def _refund(books: _Books, number: Number, told: RefundTold, repeated: set[int], place: int) -> DomainError | None:
    theirs = books.refunds.setdefault(number, {})
    if known := theirs.get(told.refund_no):
        if known.fingerprint != told.fingerprint:
            return RefundConflict()
        repeated.add(place)
        return None
    state, order = RefundState.WAITING, books.orders.get(number)
    if order is not None:
        state = _apply(order, told.amount_fen)
        if state is RefundState.REFUSED:
            return RefundTooMuch(left_fen=order.amount_fen - order.refunded_fen)
    theirs[told.refund_no] = _Refund(new_id(), told.fingerprint, told.amount_fen, state, told)
    return None


def _apply(order: _Order, amount_fen: int) -> RefundState:
    if amount_fen > order.amount_fen - order.refunded_fen:
        return RefundState.REFUSED
    order.refunded_fen += amount_fen
    order.added_fen += amount_fen
    return RefundState.APPLIED


def _booked(books: _Books, number: Number, told: Told, *, is_known: bool) -> Booked:
    order = books.orders.get(number)
    refund = books.refunds[number][told.refund_no] if isinstance(told, RefundTold) else None
    refund_no = told.refund_no if isinstance(told, RefundTold) else None
    if order is None:
        return Booked(told.order_no, RefundState.WAITING, refund_no=refund_no, is_known=is_known)
    left = {each.unit: each.left for each in order.worths}
    return Booked(
        order_no=told.order_no,
        state=refund.state if refund is not None else order.state,
        purchase_id=order.id,
        refund_no=refund_no,
        amount_fen=order.amount_fen,
        refunded_fen=order.refunded_fen,
        points=left.get(POINTS, 0),
        growth=left.get(GROWTH, 0),
        owed_points=sum(each.owed for each in order.worths if each.unit == POINTS),
        is_known=is_known,
    )


# --- reading


async def _read(numbers: Iterable[Number]) -> _Books:
    wanted = dump_rows({"channel_id": channel_id, "order_no": order_no} for channel_id, order_no in numbers)
    found, refunded = await together(rows(statements.FOUND, wanted), rows(statements.REFUNDS, wanted))
    orders = {
        _number(each): _Order(
            id=as_uuid(each["id"]),
            number=_number(each),
            fingerprint=each["fingerprint"],
            amount_fen=int(each["amount_fen"]),
            refunded_fen=int(each["refunded_fen"]),
            paid_at=as_instant(each["paid_at"]),
            member_id=as_uuid(each["member_id"]) if each["member_id"] else None,
            is_credited=each["credited_at"] is not None,
            waits=bool(each["buyer_hash"]),
        )
        for each in found
    }
    if orders:
        by_id = {each.id: each for each in orders.values()}
        for worth in await worths_of(statements.WORTH, list(by_id)):
            by_id[worth.purchase_id].worths.append(worth)
    refunds: dict[Number, dict[str, _Refund]] = {}
    for each in refunded:
        theirs = refunds.setdefault(_number(each), {})
        theirs[each["refund_no"]] = _Refund(
            as_uuid(each["id"]), each["fingerprint"], int(each["amount_fen"]), RefundState(each["state"])
        )
    return _Books(orders, refunds)


def _number(found: Mapping[str, Any]) -> Number:
    return as_uuid(found["channel_id"]), found["order_no"]


async def _stores(told: Sequence[tuple[Channel, Told]]) -> dict[Number, UUID]:
    """The stores that are named, by channel and code, where the channel may: its merchant's, or of its organization."""
    named: dict[Channel, set[str]] = {}
    for channel, each in told:
        if isinstance(each, OrderTold) and each.store is not None:
            named.setdefault(channel, set()).add(each.store)
    if not named:
        return {}
    found = await rows(statements.STORES, sorted(set().union(*named.values())))
    scopes = {each: await subtree(each) for each in {c.organization_id for c in named if c.merchant_id is None}}
    return {
        (channel.id, each["code"]): as_uuid(each["id"])
        for channel, codes in named.items()
        for each in found
        if each["code"] in codes
        and (
            as_uuid(each["merchant_id"]) == channel.merchant_id
            if channel.merchant_id is not None
            else scopes[channel.organization_id].sees(as_uuid(each["organization_id"]))
        )
    }


# --- writing


async def _write(
    books: _Books, stores: Mapping[Number, UUID], *, at: datetime, dormant_after: timedelta | None
) -> None:
    new = [each for each in books.orders.values() if each.told is not None]
    changed = [each for each in books.orders.values() if each.told is None and each.added_fen]
    asked = {each.told.buyer for each in new if each.told is not None}
    beside = {each.member_id for each in changed if each.member_id is not None}
    known = await locked_buyers(asked, at=at, dormant_after=dormant_after, beside=beside)
    for each in new:
        assert each.told is not None  # noqa: S101 - that is what makes it new
        each.member_id = known.get(each.told.buyer)
        each.is_credited = each.member_id is not None
        each.waits = not each.is_credited and each.told.buyer.kind is not BuyerKind.NOBODY
    await _set(statements.ADD, [_order_row(each, stores, at) for each in new], at)
    await _set(statements.ADD_LINES, [line for each in new for line in _line_rows(each)], at)
    await _set(statements.REFUND, [{"id": each.id, "added": each.added_fen} for each in changed])
    fresh = [
        {
            "id": each.id,
            "channel_id": channel_id,
            "order_no": order_no,
            "refund_no": each.told.refund_no,
            "fingerprint": each.fingerprint,
            "amount_fen": each.amount_fen,
            "refunded_at": instant_text(each.told.refunded_at),
            "state": each.state,
        }
        for (channel_id, order_no), theirs in books.refunds.items()
        for each in theirs.values()
        if each.told is not None
    ]
    await _set(statements.ADD_REFUNDS, fresh, at)
    await _set(statements.SETTLE_REFUNDS, [{"id": key, "state": state} for key, state in books.settled.items()])
    await _value(new, changed, at=at)


async def _value(new: Sequence[_Order], changed: Sequence[_Order], *, at: datetime) -> None:
    """What the new ones earn, and what goes with the refunds."""
    credited = [
        Crediting(each.id, each.member_id, each.amount_fen, each.refunded_fen, each.paid_at, each.told.lines)
        for each in new
        if each.member_id is not None and each.told is not None
    ]
    by_id = {each.id: each for each in (*new, *changed)}
    buyers = {each.member_id for each in credited}
    has_debts = bool(buyers) and await owing(buyers)
    for worth in await credit(credited, at=at):
        by_id[worth.purchase_id].worths.append(worth)
    for each in changed:
        each.worths = await take_back(each.worths, {each.id: (each.amount_fen, each.refunded_fen)}, at=at)
    # What they earn now pays what they owed, or came to owe in this batch.
    if buyers and (has_debts or any(worth.owed for each in by_id.values() for worth in each.worths)):
        await collect(buyers, at=at)


def _order_row(each: _Order, stores: Mapping[Number, UUID], at: datetime) -> dict[str, Any]:
    told, (channel_id, order_no) = each.told, each.number
    assert told is not None  # noqa: S101 - only new ones are written
    return {
        "id": each.id,
        "channel_id": channel_id,
        "order_no": order_no,
        "fingerprint": each.fingerprint,
        "store_id": stores[channel_id, told.store] if told.store is not None else None,
        "amount_fen": each.amount_fen,
        "refunded_fen": each.refunded_fen,
        "paid_at": instant_text(each.paid_at),
        "member_id": each.member_id,
        "buyer_kind": told.buyer.kind,
        "buyer_hash": told.buyer.value if each.waits else "",
        "waits_until": instant_text(at + WINDOW) if each.waits else None,
        "credited_at": instant_text(at) if each.is_credited else None,
    }


def _line_rows(each: _Order) -> list[dict[str, Any]]:
    lines = each.told.lines if each.told is not None else ()
    return [
        {
            "id": new_id(),
            "purchase_id": each.id,
            "ordinal": ordinal,
            "category": line.category,
            "amount_fen": line.amount_fen,
        }
        for ordinal, line in enumerate(lines, start=1)
    ]


async def _set(statement: Both, wanted: Sequence[Mapping[str, Any]], *values: object) -> None:
    if wanted:
        booked = "somebody else booked for this channel meanwhile"
        await put(statement, dump_rows(wanted), *values, count=len(wanted), conflict=booked)
