"""What a batch may have of its offers: slots and units, for as many as there are, in order of arrival.

Read and locked for all offers of the batch at once, then decided in memory. Inside the open transaction of whoever
gives it out or locks it: claims that were pressed, orders that wait for their money.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.benefits.kinds import fulfiller
from handlers.claims.claims import take_all
from handlers.claims.counters import Taken, lock_counters, slots_of
from handlers.errors import DomainError, OfferLimitReached, OfferSoldOut, OfferTooMany
from handlers.offers.offer_refusals import limit_reached, sold_out
from handlers.rules.claim_slots import LimitFull, Slots, free_slots
from handlers.rules.eligibility import PublishedOffer
from handlers.rules.stock_buckets import Bucket, NothingOn, buckets, next_opening
from handlers.rules.validity import period_ends_at, period_key


class Asks(Protocol):
    """Somebody (by the canonical id, the row locked) who wants `quantity` of an offer, or none."""

    @property
    def offer(self) -> PublishedOffer: ...

    @property
    def member_id(self) -> UUID: ...

    @property
    def choices(self) -> tuple[str, ...]: ...

    @property
    def quantity(self) -> int: ...


Asking = TypeVar("Asking", bound=Asks)
WhyNot = Callable[[Asking], DomainError | None]
OfEach = list[Slots]  # for each unit of a wish: a number in every period that is limited


@dataclass(frozen=True, slots=True)
class Gone:
    """An offer that has nothing left, until it opens again (None: it does not)."""

    refusal: OfferSoldOut
    until: datetime | None


@dataclass(slots=True)
class Room:
    """What may still be given of an offer: the counters it is taken from, and what is left (None: no limit)."""

    names: tuple[str, ...]
    left: int | None
    empty: frozenset[str] = frozenset()  # of the counters

    @property
    def is_empty(self) -> bool:
        """Nothing is left."""
        return self.left is not None and self.left <= 0

    def sold_out(self, offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> Gone:
        """What to say of it, and when there is more."""
        # What this batch itself took to zero counts as well.
        empty = self.empty or (frozenset(self.names) if self.is_empty else frozenset())
        until = next_opening(offer.terms, now, zone, sold_out=empty)
        return Gone(sold_out(offer, until), until)


@dataclass(slots=True)
class Shared(Generic[Asking]):
    """What became of those who asked: their slots, with their units taken; or why not.

    `gone`: offers that had nothing left before any of these.
    """

    given: list[tuple[Asking, OfEach]] = field(default_factory=list)
    refused: list[tuple[Asking, DomainError]] = field(default_factory=list)
    gone: dict[UUID, Gone] = field(default_factory=dict)
    names: dict[UUID, tuple[str, ...]] = field(default_factory=dict)  # the counters that each offer is taken from


async def share_out(
    asking: Sequence[Asking],
    *,
    now: datetime,
    zone: ZoneInfo,
    also: Callable[[Sequence[Asking]], Awaitable[WhyNot[Asking]]] | None = None,
) -> Shared[Asking]:
    """Decide and take.

    `also`: given those who find slots, what else may speak against each; asked in order, of those who find units too,
    so that it may count. Raises SerializationConflict.
    """
    done: Shared[Asking] = Shared()
    if not asking:
        return done
    offers = {each.offer.id: each.offer for each in asking}
    rooms = await _rooms(offers.values(), now, zone)
    done.names = {key: room.names for key, room in rooms.items()}
    done.gone = {key: room.sold_out(offers[key], now, zone) for key, room in rooms.items() if room.is_empty}
    free = _with_slots(asking, await _taken(asking, now, zone), done.refused, now, zone)
    # Who finds nothing left keeps nobody from what others were promised.
    fits = await _fits([each for each, _ in free if not rooms[each.offer.id].is_empty], now)
    why_not = await also([each for each, _ in free]) if also is not None else None
    taken: Counter[UUID] = Counter()
    for each, slots in free:
        room, key = rooms[each.offer.id], (each.offer.id, each.choices)
        against = _too_few(each, room, fits[key], now, zone) or (why_not(each) if why_not is not None else None)
        if against is not None:
            done.refused.append((each, against))
            continue
        fits[key] -= each.quantity
        taken[each.offer.id] += each.quantity
        if room.left is not None:
            room.left -= each.quantity
        done.given.append((each, slots))
    await take_all({(key, name): count for key, count in taken.items() for name in done.names[key]})
    return done


# --- units


async def _rooms(offers: Iterable[PublishedOffer], now: datetime, zone: ZoneInfo) -> dict[UUID, Room]:
    """The counters locked; those of a day or a wave come into being here."""
    found: dict[UUID, Room] = {}
    counted: dict[UUID, tuple[Bucket, ...]] = {}
    for offer in offers:
        try:
            counted[offer.id] = tuple(buckets(offer.terms, now, zone))
        except NothingOn:
            found[offer.id] = Room((), 0)
    for offer_id, counts in (await lock_counters(counted, at=now)).items():
        empty = frozenset(name for name, count in counts.items() if count <= 0)
        found[offer_id] = Room(tuple(counts), min(counts.values(), default=None), empty)
    return found


async def _fits(free: Sequence[Asking], now: datetime) -> Counter[tuple[UUID, tuple[str, ...]]]:
    """How many units of an offer, with these choices, find something to be fulfilled with.

    Asked for those alone who may have one: whoever is over a limit takes nobody's place. Units of the same choices are
    as good as each other: what somebody leaves serves the next.
    """
    units: dict[UUID, list[tuple[UUID, tuple[str, ...]]]] = {}
    benefits = {each.offer.benefit.id: each.offer.benefit for each in free}
    for each in free:  # offers of one benefit draw on the same
        units.setdefault(each.offer.benefit.id, []).extend([(each.offer.id, each.choices)] * each.quantity)
    fits: Counter[tuple[UUID, tuple[str, ...]]] = Counter()
    for benefit_id, asked in sorted(units.items()):
        benefit = benefits[benefit_id]
        there = await fulfiller(benefit.kind).room(benefit.terms, [choices for _, choices in asked], now=now)
        fits.update(each for each, is_there in zip(asked, there, strict=True) if is_there)
    return fits


def _too_few(each: Asks, room: Room, fitting: int, now: datetime, zone: ZoneInfo) -> DomainError | None:
    left = fitting if room.left is None else min(fitting, room.left)
    if left >= each.quantity:
        return None
    return OfferTooMany(title=each.offer.title, left=left) if left > 0 else room.sold_out(each.offer, now, zone).refusal


# --- slots


async def _taken(asking: Sequence[Asks], now: datetime, zone: ZoneInfo) -> Taken:
    limited = [each for each in asking if each.offer.terms.limits]
    periods = {period_key(limit.period, now, zone) for each in limited for limit in each.offer.terms.limits}
    return await slots_of({each.offer.id for each in limited}, {each.member_id for each in limited}, periods)


def _with_slots(
    asking: Sequence[Asking], taken: Taken, refused: list[tuple[Asking, DomainError]], now: datetime, zone: ZoneInfo
) -> list[tuple[Asking, OfEach]]:
    """Those that find a free slot of every limit for each of their units; the others are told why not."""
    free: list[tuple[Asking, OfEach]] = []
    for each in asking:
        slots = _slots(each, taken, now, zone)
        if isinstance(slots, DomainError):
            refused.append((each, slots))
            continue
        for period, number in (slot for one in slots for slot in one):
            taken.setdefault((each.offer.id, each.member_id, period), []).append(number)
        free.append((each, slots))
    return free


def _slots(
    each: Asks, taken: Mapping[tuple[UUID, UUID, str], list[int]], now: datetime, zone: ZoneInfo
) -> OfEach | OfferLimitReached | OfferTooMany:
    """For each of so many units the first free slot of every limit."""
    offer = each.offer
    periods = {limit: period_key(limit.period, now, zone) for limit in offer.terms.limits}
    used = {period: taken.get((offer.id, each.member_id, period), []) for period in periods.values()}
    try:
        return list(free_slots(periods, used, each.quantity))
    except LimitFull as full:
        if full.left > 0:
            return OfferTooMany(title=offer.title, left=full.left)
        return limit_reached(offer, full.limit, period_ends_at(full.limit.period, now, zone))
