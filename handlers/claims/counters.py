"""What offers have left, and what people took of them, for whoever gives something out: pressed, ordered, granted.

Inside the caller's open transaction. Counters are locked in the order of ids until it ends.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from handlers.claims.claims import lock_units
from handlers.offers.offers import keep_buckets
from handlers.rules.stock_buckets import TOTAL, Bucket
from models.database import rows
from models.sql import as_uuid
from models.statements import claims as statements

Taken = dict[tuple[UUID, UUID, str], list[int]]  # the numbers that are used, by offer, member and period


async def lock_counters(wanted: Mapping[UUID, Collection[Bucket]], *, at: datetime) -> dict[UUID, dict[str, int]]:
    """What is left in these counters of offers, by offer and name; those of a day or a wave come into being here."""
    keys = [(offer_id, bucket) for offer_id, theirs in wanted.items() for bucket in theirs]
    names = {(offer_id, bucket.name) for offer_id, bucket in keys}
    left = await lock_units(names)
    if missing := [(key, each) for key, each in keys if (key, each.name) not in left and each.name != TOTAL]:
        await keep_buckets(missing, now=at)
        left = await lock_units(names)
    return {
        offer_id: {bucket.name: left.get((offer_id, bucket.name), 0) for bucket in theirs}
        for offer_id, theirs in wanted.items()
    }


async def slots_of(offer_ids: Collection[UUID], member_ids: Collection[UUID], periods: Collection[str]) -> Taken:
    """The slots that these people (canonical ids) have taken, everything that is theirs counted."""
    taken: Taken = {}
    if offer_ids and member_ids and periods:
        asked = sorted(set(offer_ids)), sorted(set(member_ids)), sorted(set(periods))
        for each in await rows(statements.SLOTS, *asked):
            key = (as_uuid(each["offer_id"]), as_uuid(each["member_id"]), each["period"])
            taken.setdefault(key, []).append(int(each["number"]))
    return taken
