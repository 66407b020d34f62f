"""Orders as rows, many at once: what speaks against each, what it costs, what is locked for it, and who brought it.

Inside one open transaction, for whoever ordered in the same moment; one alone is a batch of one. Members' rows are
locked first, then counters, then points: as for claims.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.claims.claimants import claimants
from handlers.claims.paying import purses_of
from handlers.claims.sharing import OfEach, WhyNot, share_out
from handlers.claims.wishes import check_said
from handlers.distribution.attributing import Sale, attribute_orders
from handlers.errors import (
    DomainError,
    OfferFree,
    OfferUnknown,
    PaymentMethodMissing,
    PriceChanged,
)
from handlers.key_rotation import ORDER_NUMBER
from handlers.offers.offer_refusals import refusal_of
from handlers.offers.offers import published
from handlers.orders.locking import Holding, write_slots
from handlers.orders.moving import Edge, note_all
from handlers.orders.on_the_bill import begin
from handlers.orders.order_views import OrderSeen, order_seen
from handlers.orders.points import set_aside
from handlers.orders.wishes import Wish
from handlers.ports import Vault
from handlers.requests import Asked
from handlers.rules.eligibility import Asker, PublishedOffer, decide
from handlers.rules.offer_terms import Price
from handlers.rules.order_states import LOCKED_FOR, next_look
from handlers.rules.phones import tail
from models.database import put
from models.ids import new_id
from models.sql import dump_rows
from models.statements import orders as statements
from models.words import OrderState, PaymentMethod


@dataclass(frozen=True, slots=True)
class _Priced:
    """A wish that nothing speaks against but what there is; fen and points are those of one."""

    wish: Wish
    offer: PublishedOffer
    asker: Asker
    fen: int
    points: int

    @property
    def member_id(self) -> UUID:
        return self.asker.member_id

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(sorted(self.wish.wanted.choices))

    @property
    def quantity(self) -> int:
        return self.wish.wanted.quantity


@dataclass(frozen=True, slots=True)
class _Made:
    """An order that is to be written; its number is its own id: neither is ever there without the other."""

    id: UUID
    of: _Priced
    slots: OfEach
    row: Mapping[str, Any]


async def write(
    wishes: Sequence[Wish],
    people: Mapping[UUID, Asker | DomainError] | None = None,
    *,
    at: datetime,
    zone: ZoneInfo,
    vault: Vault,
) -> dict[Asked, OrderSeen | DomainError]:
    """Each order as it stands, or why it is none. `people`: who they are, where they are locked already.

    Raises SerializationConflict; of a single one on a phone bill CarrierClosed, CarrierOrderCapped, CarrierMonthCapped.
    """
    if people is None:
        people = await claimants([each.person.member_id for each in wishes])
    done: dict[Asked, OrderSeen | DomainError] = {}
    offers = await published({each.wanted.offer_id for each in wishes})
    priced: list[_Priced] = []
    for wish in wishes:
        try:
            priced.append(_priced(wish, offers.get(wish.wanted.offer_id), people[wish.person.member_id], at, zone))
        except DomainError as refusal:
            done[wish.asked] = refusal
    if not priced:
        return done

    async def purses(free: Sequence[_Priced]) -> WhyNot[_Priced]:
        have = await purses_of(free, at=at, zone=zone)
        return lambda each: have.take(each.offer.id, each.member_id, each.quantity)

    shared = await share_out(priced, now=at, zone=zone, also=purses)
    done |= {each.wish.asked: refusal for each, refusal in shared.refused}
    made = [_made(each, slots, shared.names[each.offer.id], vault) for each, slots in shared.given]
    if made:
        await _insert(made, at=at, zone=zone)
    fresh = {"refunded_fen": 0, "ordered_at": at, "expires_at": at + LOCKED_FOR, "paid_at": None, "plan_id": None}
    return done | {each.of.wish.asked: order_seen({**each.row, **fresh}, at) for each in made}


def _priced(
    wish: Wish, offer: PublishedOffer | None, asker: Asker | DomainError, at: datetime, zone: ZoneInfo
) -> _Priced:
    """Raises what speaks against it."""
    wanted = wish.wanted
    if isinstance(asker, DomainError):
        raise asker
    if offer is None:
        raise OfferUnknown
    verdict = decide(offer, asker, at, zone)
    if not verdict.ok:
        raise refusal_of(offer, verdict)
    check_said(offer.benefit, sorted(wanted.choices), wanted.number)
    fen = _fen(offer, verdict.price, wish.payer.method)
    amount, points = fen * wanted.quantity, verdict.price.points * wanted.quantity
    if wanted.expected_fen not in {None, amount} or wanted.expected_points not in {None, points}:
        raise PriceChanged(amount_fen=amount, points=points)
    return _Priced(wish, offer, asker, fen, verdict.price.points)


def _fen(offer: PublishedOffer, price: Price, method: PaymentMethod) -> int:
    """Of one, by this way of paying."""
    fen = price.carrier_fen if method is PaymentMethod.CARRIER else price.fen
    if not fen:
        raise PaymentMethodMissing(title=offer.title) if price.is_paid else OfferFree(title=offer.title)
    if price.outside_points:  # refused at publish; not to be sold for a part of it by mistake
        raise OfferUnknown
    return fen


async def _insert(made: Sequence[_Made], *, at: datetime, zone: ZoneInfo) -> None:
    until = at + LOCKED_FOR
    await put(statements.ADD, dump_rows(each.row for each in made), at, until, next_look(at, 0, at))
    await write_slots([Holding(each.id, each.of.offer.id, each.of.member_id, each.slots) for each in made], at=at)
    for each in made:
        if each.of.points:
            await set_aside(each.id, each.of.member_id, each.of.points * each.of.quantity, expires_at=until, at=at)
    sales = [Sale(each.id, each.of.member_id, each.of.wish.payer.hash, each.of.offer) for each in made]
    await attribute_orders(sales, at=at)
    for each in made:
        if (bill := each.of.wish.payer.bill) is not None:
            await begin(each.id, bill, each.of.fen * each.of.quantity, at=at, zone=zone)
    edges = [Edge(each.id, None, OrderState.WAITING, "ordered", each.of.wish.person) for each in made]
    await note_all(edges, at=at)


def _made(of: _Priced, slots: OfEach, buckets: Sequence[str], vault: Vault) -> _Made:
    order_id, payer, number = new_id(), of.wish.payer, of.wish.wanted.number
    row = {
        "id": order_id,
        "member_id": of.member_id,
        "offer_id": of.offer.id,
        "offer_version": of.offer.version,
        "title": of.offer.title,
        "quantity": of.quantity,
        "choices": list(of.choices),
        "recharge_to_cipher": vault.encrypt(number, bound_to=ORDER_NUMBER.bound_to(order_id)) if number else "",
        "recharge_to_tail": tail(number) if number else "",
        "price_fen": of.fen,
        "price_points": of.points,
        "amount_fen": of.fen * of.quantity,
        "state": OrderState.WAITING,
        "method": payer.method,
        "number": order_id.hex,
        "app_id": payer.app_id,
        "mch_id": payer.mch_id,
        "payer_hash": payer.hash,
        "stock_buckets": ",".join(buckets),
    }
    return _Made(order_id, of, slots, row)
