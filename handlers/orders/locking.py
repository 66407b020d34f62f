"""What an order locks while it waits for its money: units of the stock and slots of the limits, counted as used.

Inside the caller's open transaction, with the member's row locked. Unlocking happens once: it goes with an edge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.benefits.kinds import fulfiller
from handlers.claims.claims import return_units, take_units
from handlers.claims.counters import lock_counters, slots_of
from handlers.errors import DomainError, OfferTooMany
from handlers.offers.offer_refusals import limit_reached, sold_out
from handlers.orders.on_the_bill import release
from handlers.orders.points import give_back
from handlers.rules.claim_slots import LimitFull, Slots, free_slots
from handlers.rules.eligibility import PublishedOffer
from handlers.rules.stock_buckets import NothingOn, buckets, next_opening
from handlers.rules.validity import period_ends_at, period_key
from models.database import rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_uuid
from models.statements import orders as statements


@dataclass(frozen=True, slots=True)
class Locked:
    """What was locked: from which counters the units are, and for each unit its slots (period, number)."""

    buckets: tuple[str, ...]
    slots: tuple[Slots, ...]


async def lock(
    offer: PublishedOffer, member_id: UUID, quantity: int, choices: tuple[str, ...], *, at: datetime, zone: ZoneInfo
) -> Locked:
    """So many units and their slots, or none.

    Raises OfferSoldOut, OfferTooMany, OfferLimitReached, SerializationConflict.
    """
    names, left = await _counters(offer, at, zone)
    slots = await _slots(offer, member_id, quantity, at, zone)
    there = await fulfiller(offer.benefit.kind).room(offer.benefit.terms, [choices] * quantity, now=at)
    room = sum(there) if left is None else min(sum(there), left)
    if room < quantity:
        raise OfferTooMany(title=offer.title, left=room) if room > 0 else _sold_out(offer, names, at, zone)
    await take_units(offer.id, names, quantity)
    return Locked(names, tuple(slots))


async def write_slots(order_id: UUID, offer_id: UUID, member_id: UUID, locked: Locked, *, at: datetime) -> None:
    """Raises SerializationConflict: a slot was taken all the same; decide again."""
    for period, number in (slot for one in locked.slots for slot in one):
        if not await rows(statements.ADD_SLOT, new_id(), at, order_id, offer_id, member_id, period, number):
            raise SerializationConflict("a slot was taken meanwhile")


async def unlock(orders: Sequence[Mapping[str, Any]], *, at: datetime) -> None:
    """Give back what these orders hold; each of them has just gone along an edge that ends its waiting.

    Rows tell id, offer_id, quantity, price_points, stock_buckets.
    """
    units: dict[tuple[UUID, str], int] = {}
    for each in orders:
        await rows(statements.FREE_OF_ORDER, as_uuid(each["id"]))
        for bucket in filter(None, each["stock_buckets"].split(",")):
            key = as_uuid(each["offer_id"]), bucket
            units[key] = units.get(key, 0) + int(each["quantity"])
    await return_units(units)
    await give_back([as_uuid(each["id"]) for each in orders if each["price_points"]], at=at)
    await release(as_uuid(each["id"]) for each in orders)


async def _counters(offer: PublishedOffer, at: datetime, zone: ZoneInfo) -> tuple[tuple[str, ...], int | None]:
    """Their names, and what is left (None: no limit), locked; those of a day or a wave come into being here."""
    try:
        wanted = buckets(offer.terms, at, zone)
    except NothingOn:
        return (), 0
    left = (await lock_counters({offer.id: wanted}, at=at))[offer.id]
    return tuple(left), min(left.values(), default=None)


async def _slots(
    offer: PublishedOffer, member_id: UUID, quantity: int, at: datetime, zone: ZoneInfo
) -> Sequence[Slots]:
    periods = {limit: period_key(limit.period, at, zone) for limit in offer.terms.limits}
    taken = {
        period: numbers
        for (_, _, period), numbers in (await slots_of([offer.id], [member_id], list(periods.values()))).items()
    }
    try:
        return free_slots(periods, taken, quantity)
    except LimitFull as full:
        if full.left > 0:
            raise OfferTooMany(title=offer.title, left=full.left) from None
        raise limit_reached(offer, full.limit, period_ends_at(full.limit.period, at, zone)) from None


def _sold_out(offer: PublishedOffer, names: tuple[str, ...], at: datetime, zone: ZoneInfo) -> DomainError:
    return sold_out(offer, next_opening(offer.terms, at, zone, sold_out=frozenset(names)))
