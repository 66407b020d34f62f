"""Building the largest pack takes little more memory than the pack itself: no claim outlives its page."""

import tracemalloc
from datetime import timedelta

import orjson
import pytest

from handlers.offline import pack_building
from handlers.recurring import BUSINESS_ZONE
from handlers.redemptions.counter import Shop
from handlers.rules.offline import MOST_ENTRIES, OfflineDayTimes
from models.ids import new_id
from models.words import ClaimState
from tests.handlers.counter import open_counter
from tests.handlers.scanning import offline_claim

PEAK = 2.5  # of the pack's own size: 2.3 were measured, and a hundred where every entry is held by itself


async def peak_of(counter, now) -> tuple[float, int]:
    """The most memory that building took, in sizes of the pack, and how many entries are in it."""
    shop = Shop(counter.lake.id, counter.lake.code, counter.lake.name)
    day = OfflineDayTimes.of(now, BUSINESS_ZONE)
    vault, merchant_id = counter.rooms.vault, counter.merchant.id
    tracemalloc.start()
    try:
        built = await pack_building.contents(vault, merchant_id, shop, day, key_id="k", now=now)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return most / len(built.data), len(orjson.loads(built.data)["entries"])


@pytest.fixture
async def counter(rooms, monkeypatch):
    """A store with a pack's fill of claims, page by page, as the database would tell of them."""
    counter = await open_counter(rooms)
    await offline_claim(counter, await rooms.member("o-ming"))
    now = rooms.clock.now()
    of_all = {"state": ClaimState.ISSUED, "code_version": 0, "valid_from": now, "expires_at": now + timedelta(days=9)}

    async def pages(*_):
        for _ in range(0, MOST_ENTRIES, pack_building.PAGE):
            yield [{"id": new_id(), **of_all} for _ in range(pack_building.PAGE)]

    monkeypatch.setattr(pack_building, "_pages", pages)
    return counter


async def test_the_largest_pack_is_built_in_little_more_than_its_own_size(counter, clock):
    peak, count = await peak_of(counter, clock.now())
    assert count == MOST_ENTRIES
    assert peak < PEAK


async def test_a_build_that_keeps_every_entry_by_itself_is_found_out(counter, clock, monkeypatch):
    """Negative control."""
    kept, real = [], pack_building._entry

    def hoarding(*args):
        kept.append(orjson.dumps(real(*args)))
        return real(*args)

    monkeypatch.setattr(pack_building, "_entry", hoarding)
    peak, _ = await peak_of(counter, clock.now())
    assert peak > PEAK
