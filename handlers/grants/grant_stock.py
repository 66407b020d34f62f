"""What a list may take: the counters of the offer, and the slots of the members' limits."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from handlers.claims.counters import lock_counters
from handlers.rules.eligibility import PublishedOffer
from handlers.rules.offer_terms import Limit
from handlers.rules.stock_buckets import TOTAL, Bucket, buckets
from handlers.rules.validity import period_key
from models.benefits import OfferStock


def counters(offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> tuple[Bucket, ...]:
    """Those a list takes from: the total and the day's. Waves are for those who come and press."""
    return buckets(replace(offer.terms, waves=()), now, zone)


async def left_of(offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> int | None:
    """How many there are, the counters locked until the open transaction ends; None: no limit."""
    left = (await lock_counters({offer.id: counters(offer, now, zone)}, at=now))[offer.id]
    return min(left.values(), default=None)


async def seen_left(offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> int | None:
    """The same for looking only: nobody waits for it, and no counter comes to be."""
    wanted = counters(offer, now, zone)
    found = OfferStock.filter(offer_id=offer.id, bucket__in=[bucket.name for bucket in wanted])
    left = dict(await found.values_list("bucket", "left_count")) if wanted else {}
    # The first claim of a day brings its counter.
    there = [left.get(bucket.name, 0 if bucket.name == TOTAL else bucket.count) for bucket in wanted]
    return min(there, default=None)


def periods_of(offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> dict[Limit, str]:
    """The natural period of now of every limit."""
    return {limit: period_key(limit.period, now, zone) for limit in offer.terms.limits}
