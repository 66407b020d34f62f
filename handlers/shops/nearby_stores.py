"""Where somebody can go: the stores nearest to a place, and which of them honour an offer.

It is read in boxes that grow until a page is full, so that a town with thousands of stores costs what is around.
"""

from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest
from uuid import UUID

from handlers.actors import Person
from handlers.codec import from_json
from handlers.errors import NotSignedIn, OfferUnknown
from handlers.offers.offers import askers, published
from handlers.ports import Clock
from handlers.retrying import refusing
from handlers.rules.benefit_terms import TERMS_OF, PackageTerms
from handlers.rules.distances import FARTHEST_METRES, Position, box_around, metres_between
from handlers.rules.eligibility import Asker, PublishedOffer
from handlers.rules.redemption import REDEEMABLE, stores_of
from handlers.rules.store_hours import Span, is_open, opens_next
from models.benefits import Benefit
from models.claims import Claim
from models.database import rows
from models.programmes import Store
from models.sql import as_uuid
from models.statements import merchants as statements
from models.words import OfferState

STEPS = (5_000, 100_000, FARTHEST_METRES)  # of each box; the last one is the earth
NOWHERE = UUID(int=0)
_ON_SHOW = frozenset({OfferState.PUBLISHED, OfferState.PAUSED})


@dataclass(frozen=True, slots=True)
class NearbyStore:
    """One store. `is_open` is None where it tells no hours; `opens_at` is when a closed one opens next."""

    id: UUID
    name: str
    merchant_name: str
    address: str
    position: Position
    distance_metres: int
    zone: str
    hours: tuple[Span, ...]
    is_open: bool | None
    opens_at: datetime | None


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """How far a store is, and which: the order of the list, and after which of it the next page starts."""

    metres: int
    store_id: UUID


@dataclass(frozen=True, slots=True)
class _Honoured:
    """Where an offer's benefit is redeemed: all stores of these merchants, and the stores of these codes."""

    merchant_ids: frozenset[UUID]
    store_codes: frozenset[str]


@refusing
class NearbyStores:
    """Finds stores by where they are. Stores that tell no position are not found."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def nearest(
        self, person: Person, near: Position, *, offer_id: UUID | None = None, after: Place | None = None, limit: int
    ) -> tuple[NearbyStore, ...]:
        """Active stores, the nearest first; with an offer those in which its benefit is redeemed now.

        An offer is known to whoever could see it in the catalogue, and to whoever holds something of it: it may be of
        the city they lived in before, or over. Raises OfferUnknown, NotSignedIn.
        """
        honoured = await self._honoured(person, offer_id) if offer_id else None
        begun = after or Place(-1, NOWHERE)
        chosen: list[Place] = []
        for metres in STEPS:
            if begun.metres > metres:
                continue
            found = await _within(near, metres, honoured)
            places = [Place(metres_between(near, where), store_id) for store_id, where in found]
            # What a box has in its corners may be farther than what lies beside it.
            chosen = nsmallest(limit, (each for each in places if begun < each and each.metres <= metres))
            if len(chosen) == limit:
                break
        listed = Store.filter(id__in=[each.store_id for each in chosen]).prefetch_related("merchant")
        stores = {store.id: store for store in await listed} if chosen else {}
        now = self._clock.now()
        return tuple(_seen(stores[each.store_id], each.metres, now) for each in chosen)

    async def _honoured(self, person: Person, offer_id: UUID) -> _Honoured:
        offer = (await published([offer_id])).get(offer_id)
        who = (await askers([person.member_id])).get(person.member_id)
        if who is None:
            raise NotSignedIn
        if offer is None:
            raise OfferUnknown
        if not self._is_on_show(offer, who) and not await Claim.exists(member_id__in=who.ids, offer_id=offer_id):
            raise OfferUnknown
        if offer.state is OfferState.PAUSED or offer.benefit.is_paused:
            return _Honoured(frozenset(), frozenset())
        return await _where(offer)

    def _is_on_show(self, offer: PublishedOffer, who: Asker) -> bool:
        closes_at = offer.terms.closes_at
        is_over = closes_at is not None and self._clock.now() >= closes_at
        return offer.organization_id in who.organization_path and offer.state in _ON_SHOW and not is_over


async def _where(offer: PublishedOffer) -> _Honoured:
    """A package is redeemed where any of its parts is; what has no merchant, or needs no counter, nowhere."""
    whole = offer.benefit
    redeemed = [(whole.merchant_id, whole.terms)] if whole.kind in REDEEMABLE else []
    if isinstance(whole.terms, PackageTerms):
        codes = [part.benefit for part in whole.terms.parts]
        parts = await Benefit.filter(code__in=codes, kind__in=list(REDEEMABLE), is_paused=False)
        redeemed = [(part.merchant_id, from_json(TERMS_OF[part.kind], part.terms)) for part in parts]  # type: ignore[attr-defined]
    return _Honoured(
        merchant_ids=frozenset(owner for owner, terms in redeemed if owner and not stores_of(terms)),
        store_codes=frozenset(code for _, terms in redeemed for code in stores_of(terms)),
    )


async def _within(near: Position, metres: int, honoured: _Honoured | None) -> list[tuple[UUID, Position]]:
    box = box_around(near, metres)
    edges = box.south_e6, box.north_e6, box.west_e6, box.east_e6
    if honoured is None:
        found = await rows(statements.WITHIN, *edges)
    elif honoured.merchant_ids or honoured.store_codes:
        of_these = sorted(honoured.merchant_ids), sorted(honoured.store_codes)
        found = await rows(statements.WITHIN_OF, *edges, *of_these)
    else:
        found = []
    return [(as_uuid(each["id"]), Position(each["latitude_e6"], each["longitude_e6"])) for each in found]


def _seen(stored: Store, metres: int, now: datetime) -> NearbyStore:
    hours = tuple((day, opens, closes) for day, opens, closes in stored.hours)
    open_now = is_open(hours, stored.zone, now)
    return NearbyStore(
        id=stored.id,
        name=stored.name,
        merchant_name=stored.merchant.name,
        address=stored.address,
        position=Position(stored.latitude_e6 or 0, stored.longitude_e6 or 0),  # it was found by them
        distance_metres=metres,
        zone=stored.zone,
        hours=hours,
        is_open=open_now,
        opens_at=None if open_now else opens_next(hours, stored.zone, now),
    )
