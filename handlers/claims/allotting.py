"""What a batch of wishes may have: slots, units, codes and points, for as many as there are, in order of arrival.

Read and locked for all offers of the batch at once, then decided in memory. Inside the open transaction of whoever
gives it out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.benefits.kinds import fulfiller
from handlers.claims.claims import take_all
from handlers.claims.counters import Taken, lock_counters, slots_of
from handlers.claims.issuing import Wanted
from handlers.claims.outside_paying import OutsideTills, tills_of
from handlers.claims.paying import Purses, purses_of
from handlers.claims.wishes import Claim
from handlers.errors import DomainError, OfferLimitReached, OfferSoldOut, OfferTooMany
from handlers.offers.offer_refusals import limit_reached, sold_out
from handlers.requests import Asked
from handlers.rules.claim_slots import LimitFull, free_slots
from handlers.rules.eligibility import Asker, PublishedOffer
from handlers.rules.stock_buckets import Bucket, NothingOn, buckets, next_opening
from handlers.rules.validity import period_ends_at, period_key

Slots = list[tuple[tuple[str, int], ...]]  # for each claim of a wish: a number in every period that is limited


@dataclass(frozen=True, slots=True)
class Allowed:
    """A wish that nothing speaks against but what there is."""

    wish: Claim
    offer: PublishedOffer
    asker: Asker


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

    def sold_out(self, offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> "Gone":
        """What to say of it, and when there is more."""
        # What this batch itself took to zero counts as well.
        empty = self.empty or (frozenset(self.names) if self.is_empty else frozenset())
        until = next_opening(offer.terms, now, zone, sold_out=empty)
        return Gone(sold_out(offer, until), until)


@dataclass(frozen=True, slots=True)
class Gone:
    """An offer that has nothing left, until it opens again (None: it does not)."""

    refusal: OfferSoldOut
    until: datetime | None


@dataclass(slots=True)
class Allotted:
    """What became of the wishes: claims that are to be written, their units taken; or why not.

    `gone`: offers that had nothing left before any of these.
    """

    given: list[tuple[Allowed, list[Wanted]]] = field(default_factory=list)
    refused: dict[Asked, DomainError] = field(default_factory=dict)
    gone: dict[UUID, Gone] = field(default_factory=dict)
    names: dict[UUID, tuple[str, ...]] = field(default_factory=dict)  # the counters that each offer is taken from


async def allot(allowed: Sequence[Allowed], *, now: datetime, zone: ZoneInfo) -> Allotted:
    """Decide and take. Raises SerializationConflict."""
    done = Allotted()
    if not allowed:
        return done
    offers = {each.offer.id: each.offer for each in allowed}
    rooms = await _rooms(offers.values(), now, zone)
    done.names = {key: room.names for key, room in rooms.items()}
    done.gone = {key: room.sold_out(offers[key], now, zone) for key, room in rooms.items() if room.is_empty}
    free = _with_slots(allowed, await _taken(allowed, now, zone), done.refused, now, zone)
    fits = await _fits([(each, len(slots)) for each, slots in free], now)
    purses = await purses_of([(each.offer, each.asker) for each, _ in free], at=now, zone=zone)
    tills = await _tills([each for each, _ in free], now, zone)
    for each, slots in free:
        room, left = rooms[each.offer.id], fits[each.offer.id, each.wish.choices]
        against = _against(each, room, left, tills[each.offer.id], purses, now, zone)
        if against is not None:
            done.refused[each.wish.asked] = against
            continue
        fits[each.offer.id, each.wish.choices] -= each.wish.quantity
        if room.left is not None:
            room.left -= each.wish.quantity
        price = purses.price(each.offer.id, each.asker.member_id)
        done.given.append((each, [_wanted(each, one, price) for one in slots]))
    taken: Counter[UUID] = Counter()
    for each, wanted in done.given:
        taken[each.offer.id] += len(wanted)
    await take_all({(key, name): count for key, count in taken.items() for name in done.names[key]})
    return done


def _against(
    each: Allowed, room: Room, fitting: int, tills: OutsideTills, purses: Purses, now: datetime, zone: ZoneInfo
) -> DomainError | None:
    quantity = each.wish.quantity
    left = fitting if room.left is None else min(fitting, room.left)
    if left < quantity:
        return (
            OfferTooMany(title=each.offer.title, left=left)
            if left > 0
            else room.sold_out(each.offer, now, zone).refusal
        )
    return tills.why_not(each.wish, each.asker) or purses.take(each.offer.id, each.asker.member_id, quantity)


def _wanted(each: Allowed, slots: tuple[tuple[str, int], ...], price_points: int) -> Wanted:
    wish = each.wish
    return Wanted(each.asker.member_id, wish.source, wish.actor, wish.choices, slots, wish.recharge_to, price_points)


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


async def _fits(free: Sequence[tuple[Allowed, int]], now: datetime) -> Counter[tuple[UUID, tuple[str, ...]]]:
    """How many claims of an offer, with these choices, find something to be fulfilled with.

    Asked for those alone who may have one: whoever is over a limit takes nobody's place. Units of the same choices are
    as good as each other: what somebody leaves serves the next.
    """
    units: dict[UUID, list[tuple[str, ...]]] = {}
    offers = {each.offer.id: each.offer for each, _ in free}
    for each, count in free:
        units.setdefault(each.offer.id, []).extend([each.wish.choices] * count)
    fits: Counter[tuple[UUID, tuple[str, ...]]] = Counter()
    for offer_id, choices in sorted(units.items()):
        benefit = offers[offer_id].benefit
        there = await fulfiller(benefit.kind).room(benefit.terms, choices, now=now)
        fits.update((offer_id, each) for each, is_there in zip(choices, there, strict=True) if is_there)
    return fits


async def _tills(free: Sequence[Allowed], now: datetime, zone: ZoneInfo) -> dict[UUID, OutsideTills]:
    by_offer: dict[UUID, list[Allowed]] = {}
    for each in free:
        by_offer.setdefault(each.offer.id, []).append(each)
    return {
        offer_id: await tills_of(theirs[0].offer, [(each.wish, each.asker) for each in theirs], at=now, zone=zone)
        for offer_id, theirs in sorted(by_offer.items())
    }


# --- slots


async def _taken(allowed: Sequence[Allowed], now: datetime, zone: ZoneInfo) -> Taken:
    limited = [each for each in allowed if each.offer.terms.limits]
    periods = {period_key(limit.period, now, zone) for each in limited for limit in each.offer.terms.limits}
    return await slots_of({each.offer.id for each in limited}, {each.asker.member_id for each in limited}, periods)


def _with_slots(
    allowed: Sequence[Allowed], taken: Taken, refused: dict[Asked, DomainError], now: datetime, zone: ZoneInfo
) -> list[tuple[Allowed, Slots]]:
    """Those that find a free slot of every limit for each of their claims; the others are told why not."""
    free: list[tuple[Allowed, Slots]] = []
    for each in allowed:
        slots = _slots(each, taken, now, zone)
        if isinstance(slots, DomainError):
            refused[each.wish.asked] = slots
            continue
        for period, number in (slot for one in slots for slot in one):
            taken.setdefault((each.offer.id, each.asker.member_id, period), []).append(number)
        free.append((each, slots))
    return free


def _slots(
    each: Allowed, taken: Mapping[tuple[UUID, UUID, str], list[int]], now: datetime, zone: ZoneInfo
) -> Slots | OfferLimitReached | OfferTooMany:
    """For each of so many claims the first free slot of every limit."""
    offer, member_id = each.offer, each.asker.member_id
    periods = {limit: period_key(limit.period, now, zone) for limit in offer.terms.limits}
    used = {period: taken.get((offer.id, member_id, period), []) for period in periods.values()}
    try:
        return free_slots(periods, used, each.wish.quantity)
    except LimitFull as full:
        if full.left > 0:
            return OfferTooMany(title=offer.title, left=full.left)
        return limit_reached(offer, full.limit, period_ends_at(full.limit.period, now, zone))
