"""What an order locks while it waits for its money: units of the stock and slots of the limits, counted as used.

Inside the caller's open transaction, with the member's row locked. Unlocking happens once: it goes with an edge.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.claims.claims import return_units
from handlers.claims.sharing import share_out
from handlers.orders.on_the_bill import release
from handlers.orders.points import give_back
from handlers.rules.claim_slots import Slots
from handlers.rules.eligibility import PublishedOffer
from models.database import put, rows
from models.ids import new_id
from models.sql import as_uuid, dump_rows
from models.statements import orders as statements


@dataclass(frozen=True, slots=True)
class Locked:
    """What was locked: from which counters the units are, and for each unit its slots (period, number)."""

    buckets: tuple[str, ...]
    slots: tuple[Slots, ...]


@dataclass(frozen=True, slots=True)
class _One:
    offer: PublishedOffer
    member_id: UUID
    quantity: int
    choices: tuple[str, ...]


async def lock(
    offer: PublishedOffer, member_id: UUID, quantity: int, choices: tuple[str, ...], *, at: datetime, zone: ZoneInfo
) -> Locked:
    """So many units and their slots, or none.

    Raises OfferSoldOut, OfferTooMany, OfferLimitReached, SerializationConflict.
    """
    shared = await share_out([_One(offer, member_id, quantity, choices)], now=at, zone=zone)
    for _, refusal in shared.refused:
        raise refusal
    ((_, slots),) = shared.given
    return Locked(shared.names[offer.id], tuple(slots))


@dataclass(frozen=True, slots=True)
class Holding:
    """An order and the slots that it takes up."""

    order_id: UUID
    offer_id: UUID
    member_id: UUID
    slots: Sequence[Slots]


async def write_slots(holdings: Iterable[Holding], *, at: datetime) -> None:
    """Where one was taken all the same, the transaction ends in SerializationConflict; decide again."""
    wanted = [
        {
            "id": new_id(),
            "order_id": each.order_id,
            "offer_id": each.offer_id,
            "member_id": each.member_id,
            "period": period,
            "number": number,
        }
        for each in holdings
        for one in each.slots
        for period, number in one
    ]
    if wanted:
        taken = "a slot was taken meanwhile"
        await put(statements.ADD_SLOTS, dump_rows(wanted), at, count=len(wanted), conflict=taken)


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
