"""What a list may take: the counters of the offer, and the slots of the members' limits."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.offers.offers import keep_buckets
from handlers.rules.eligibility import PublishedOffer
from handlers.rules.offer_terms import Limit
from handlers.rules.stock_buckets import TOTAL, Bucket, buckets
from handlers.rules.validity import period_key
from models.benefits import OfferStock
from models.database import require_atomic, rows
from models.sql import as_uuid
from models.statements import claims as statements

Taken = dict[tuple[UUID, str], list[int]]


def counters(offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> tuple[Bucket, ...]:
    """Those a list takes from: the total and the day's. Waves are for those who come and press."""
    return buckets(replace(offer.terms, waves=()), now, zone)


async def left_of(offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> int | None:
    """How many there are, the counters locked until the open transaction ends; None: no limit."""
    require_atomic()
    wanted = counters(offer, now, zone)
    if not wanted:
        return None
    found = await _locked(offer.id, wanted)
    if missing := [bucket for bucket in wanted if bucket.name not in found and bucket.name != TOTAL]:
        await keep_buckets([(offer.id, bucket) for bucket in missing], now=now)
        found = await _locked(offer.id, wanted)
    return min(found.get(bucket.name, 0) for bucket in wanted)


async def seen_left(offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> int | None:
    """The same for looking only: nobody waits for it, and no counter comes to be."""
    wanted = counters(offer, now, zone)
    found = OfferStock.filter(offer_id=offer.id, bucket__in=[bucket.name for bucket in wanted])
    left = dict(await found.values_list("bucket", "left_count")) if wanted else {}
    # The first claim of a day brings its counter.
    there = [left.get(bucket.name, 0 if bucket.name == TOTAL else bucket.count) for bucket in wanted]
    return min(there, default=None)


async def _locked(offer_id: UUID, wanted: Collection[Bucket]) -> dict[str, int]:
    found = await rows(statements.LOCK_STOCK, offer_id, [bucket.name for bucket in wanted])
    return {each["bucket"]: int(each["left_count"]) for each in found}


def periods_of(offer: PublishedOffer, now: datetime, zone: ZoneInfo) -> dict[Limit, str]:
    """The natural period of now of every limit."""
    return {limit: period_key(limit.period, now, zone) for limit in offer.terms.limits}


async def slots_of(offer_id: UUID, member_ids: Collection[UUID], periods: Collection[str]) -> Taken:
    """The slots that these people have taken, everything that is theirs counted."""
    taken: Taken = {}
    if member_ids and periods:
        for each in await rows(statements.SLOTS, [offer_id], sorted(set(member_ids)), sorted(set(periods))):
            taken.setdefault((as_uuid(each["member_id"]), each["period"]), []).append(int(each["number"]))
    return taken
