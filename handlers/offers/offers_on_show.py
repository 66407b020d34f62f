"""All published offers and what is left of them, remembered for a second by each process.

Only for looking: a claim reads for itself what is in force. A pause or an edit is seen here within a second.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.offers.offers import read_published
from handlers.rules.eligibility import PublishedOffer
from handlers.rules.offer_terms import OfferTerms
from handlers.rules.stock_buckets import TOTAL, Bucket, NothingOn, buckets
from models.database import rows
from models.sql import as_uuid
from models.statements import offers as statements

REMEMBERED_SECONDS = 0.9  # with the time it takes to read, less than one


@dataclass(frozen=True, slots=True)
class Shown:
    """One offer and what is said about it besides its terms."""

    offer: PublishedOffer
    keyword: str
    description: str
    category: str
    merchant_name: str | None


@dataclass(frozen=True, slots=True)
class OnShow:
    """Everything published, the newest first, and the counters of that moment."""

    offers: tuple[Shown, ...]
    by_id: Mapping[UUID, Shown]
    left: Mapping[tuple[UUID, str], int]

    def left_of(self, offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> tuple[int | None, frozenset[str]]:
        """How many are there now (None: as many as anybody wants), and the counters that are at zero."""
        counts = {each.name: self._count(offer, each) for each in buckets_now(offer.terms, now, zone)}
        return min(counts.values(), default=None), frozenset(name for name, count in counts.items() if count <= 0)

    def unchanged_since(self, before: "OnShow") -> frozenset[UUID]:
        """The offers that stand as they stood then, with what is left of them."""
        counted = {
            key[0] for key in self.left.keys() | before.left.keys() if self.left.get(key) != before.left.get(key)
        }
        return frozenset(
            key for key, shown in self.by_id.items() if before.by_id.get(key) is shown and key not in counted
        )

    def _count(self, offer: PublishedOffer, bucket: Bucket) -> int:
        # The first claim of a day or a wave brings its counter.
        return self.left.get((offer.id, bucket.name), 0 if bucket.name == TOTAL else bucket.count)


class OffersOnShow:
    """Reads once for everybody who asks within a second."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._known: OnShow | None = None
        self._until = 0.0
        self._reading = asyncio.Lock()

    async def now(self, now: datetime) -> OnShow:
        """What is published, at most a second old. Three statements, or none."""
        if (known := self._fresh()) is not None:
            return known
        async with self._reading:
            if (known := self._fresh()) is not None:  # whoever was first has read for all who waited
                return known
            began = time.monotonic()
            read = await self._read(now)
            self._known, self._until = read, began + REMEMBERED_SECONDS
            return read

    def forget(self) -> None:
        """Read again at the next question."""
        self._until = 0.0

    def _fresh(self) -> OnShow | None:
        return self._known if time.monotonic() < self._until else None

    async def _read(self, now: datetime) -> OnShow:
        found = await rows(statements.SHOWN, now)
        offers = await read_published(found)
        known = self._known.by_id if self._known is not None else {}
        shown: list[Shown] = []
        for each in reversed(found):
            read = Shown(
                offer=offers[as_uuid(each["id"])],
                keyword=each["keyword"],
                description=each["description"],
                category=each["category"],
                merchant_name=each["merchant_name"],
            )
            before = known.get(read.offer.id)
            # What has not changed stays the same object, by which others know that it has not.
            shown.append(before if before is not None and before == read else read)
        left = await self._left([each.offer for each in shown], now)
        return OnShow(tuple(shown), {each.offer.id: each for each in shown}, left)

    async def _left(self, offers: Sequence[PublishedOffer], now: datetime) -> dict[tuple[UUID, str], int]:
        asked = [f"{each.id}/{bucket.name}" for each in offers for bucket in buckets_now(each.terms, now, self._zone)]
        if not asked:
            return {}
        found = await rows(statements.LEFT, asked)
        return {(as_uuid(each["offer_id"]), each["bucket"]): int(each["left_count"]) for each in found}


def buckets_now(terms: OfferTerms, now: datetime, zone: ZoneInfo) -> tuple[Bucket, ...]:
    """The counters of this moment; between the waves none."""
    try:
        return buckets(terms, now, zone)
    except NothingOn:
        return ()
