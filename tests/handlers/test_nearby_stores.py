"""The nearest stores: in what order, of whom, for which offer; and what it costs where there are thousands."""

import random
import time
from datetime import timedelta

import pytest

from handlers.errors import OfferUnknown
from handlers.rules.benefit_terms import CodeCouponTerms, PackagePart, PackageTerms, PartnerCouponTerms, VoucherTerms
from handlers.rules.distances import Position, metres_between
from handlers.shops import nearby_stores
from handlers.shops.nearby_stores import Place
from models.benefits import Benefit, Offer
from models.database import dialect, rows
from models.ids import new_id
from models.organizations import Organization
from models.programmes import Merchant, Store
from models.statements import merchants as statements
from models.words import BenefitKind, OfferState
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.offering import lives_in
from tests.operating import city

HERE = Position(30_254_100, 120_164_000)  # 杭州湖滨
DAILY = [[day, "09:00", "21:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")]


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


@pytest.fixture
async def books(rooms) -> Merchant:
    return await Merchant.create(organization=await Organization.get(parent=None), code="books", name="江南书店")


async def a_store(merchant, code, north_e6=0, east_e6=0, **more):
    where = {"latitude_e6": HERE.latitude_e6 + north_e6, "longitude_e6": HERE.longitude_e6 + east_e6}
    return await Store.create(merchant=merchant, code=code, name=f"{code}店", **{**where, **more})


async def names(rooms, person, **more):
    found = await rooms.handlers.nearby_stores.nearest(person, more.pop("near", HERE), **{"limit": 10, **more})
    return [each.name.removesuffix("店") for each in found]


async def test_the_nearest_comes_first_however_far(rooms, ming, books):
    await a_store(books, "ningbo", -385_800, 1_387_000)
    await a_store(books, "lake", 1_000)
    await a_store(books, "street", 0, -3_000)
    await a_store(books, "corner", 30_000, 30_000)  # farther than 5 km, but within a box of it
    await a_store(books, "beside", 44_000)
    await a_store(books, "lisbon", -HERE.latitude_e6 + 38_700_000, -HERE.longitude_e6 - 9_100_000)
    await a_store(books, "nowhere", latitude_e6=None, longitude_e6=None)
    assert await names(rooms, ming) == ["lake", "street", "corner", "beside", "ningbo", "lisbon"]
    lake, street = await rooms.handlers.nearby_stores.nearest(ming, HERE, limit=2)
    assert (lake.distance_metres, street.distance_metres, lake.merchant_name) == (111, 288, "江南书店")
    assert lake.position == Position(HERE.latitude_e6 + 1_000, HERE.longitude_e6)


async def test_pages_follow_each_other_without_a_gap(rooms, ming, books, monkeypatch):
    made = random.Random(7)
    for number in range(40):  # half of them in one place, so that distances are equal
        spot = (0, 0) if number % 2 else (made.randint(-90_000, 90_000), made.randint(-90_000, 90_000))
        await a_store(books, f"s{number}", *spot)
    whole = await names(rooms, ming, limit=100)
    assert len(whole) == 40
    for steps in (nearby_stores.STEPS, (1, 300, *nearby_stores.STEPS)):
        monkeypatch.setattr(nearby_stores, "STEPS", steps)
        paged, after = [], None
        while page := await rooms.handlers.nearby_stores.nearest(ming, HERE, after=after, limit=7):
            paged += [each.name.removesuffix("店") for each in page]
            after = Place(page[-1].distance_metres, page[-1].id)
        assert paged == whole


async def test_closed_for_good_is_not_found_and_closed_for_now_says_when_it_opens(rooms, ming, books):
    await a_store(books, "open", 1_000, hours=DAILY)
    await a_store(books, "berlin", 2_000, hours=DAILY, zone="Europe/Berlin")
    await a_store(books, "silent", 3_000)
    await a_store(books, "gone", 500, is_active=False)
    gone = await Merchant.create(organization=await Organization.get(parent=None), code="x", name="x", is_active=False)
    await a_store(gone, "theirs", 600)
    seen = {each.name: each for each in await rooms.handlers.nearby_stores.nearest(ming, HERE, limit=9)}
    assert list(seen) == ["open店", "berlin店", "silent店"]
    assert [each.is_open for each in seen.values()] == [True, False, None]
    assert [each.opens_at for each in (seen["open店"], seen["silent店"])] == [None, None]
    # It is ten on a Monday in Shanghai, and three at night in Berlin.
    assert seen["berlin店"].opens_at - rooms.clock.now() == timedelta(hours=6)
    assert seen["open店"].hours[0] == ("mon", "09:00", "21:00")


async def test_an_offer_is_honoured_by_its_merchants_stores_or_those_it_names(rooms, ming, books):
    await a_store(books, "lake", 3_000)
    named = await a_store(books, "named", 2_000)
    whole = await an_offer(rooms.clock.now(), benefit=await a_benefit("茶", merchant=books))
    terms = VoucherTerms(stores=("named",))
    part = await an_offer(rooms.clock.now(), benefit=await a_benefit("书", terms=terms, merchant=books))
    coupon = PartnerCouponTerms(face_value_fen=500, stores=(named.code,))
    spent = await a_benefit("满减", BenefitKind.PARTNER_COUPON, coupon, merchant=books)
    elsewhere = await an_offer(rooms.clock.now())
    film = await a_benefit("电影", BenefitKind.CODE_COUPON, CodeCouponTerms("films"))
    await a_store(await Merchant.get(id=film.merchant_id), "cinema", 1_000)
    assert await names(rooms, ming) == ["cinema", "named", "lake"]
    assert await names(rooms, ming, offer_id=whole.id) == ["named", "lake"]
    assert await names(rooms, ming, offer_id=part.id) == ["named"]
    assert await names(rooms, ming, offer_id=(await an_offer(rooms.clock.now(), benefit=spent)).id) == ["named"]
    assert await names(rooms, ming, offer_id=elsewhere.id) == []  # its merchant has no store
    assert await names(rooms, ming, offer_id=(await an_offer(rooms.clock.now(), benefit=film)).id) == []  # no counter
    both = PackageTerms((PackagePart((await Benefit.get(name="书")).code), PackagePart(film.code)))
    bundle = await a_benefit("礼包", BenefitKind.PACKAGE, both)
    assert await names(rooms, ming, offer_id=(await an_offer(rooms.clock.now(), benefit=bundle)).id) == ["named"]


async def test_what_is_paused_is_redeemed_nowhere(rooms, ming, books):
    await a_store(books, "lake")
    offer = await an_offer(rooms.clock.now(), benefit=await a_benefit("茶", merchant=books))
    assert await names(rooms, ming, offer_id=offer.id) == ["lake"]
    await Benefit.filter(id=offer.benefit_id).update(is_paused=True)
    assert await names(rooms, ming, offer_id=offer.id) == []
    await Benefit.filter(id=offer.benefit_id).update(is_paused=False)
    await Offer.filter(id=offer.id).update(state=OfferState.PAUSED)
    assert await names(rooms, ming, offer_id=offer.id) == []


async def test_an_offer_of_another_city_is_unknown_unless_something_of_it_is_held(rooms, ming, books):
    north, south = await city("north"), await city("south")
    await a_store(books, "lake")
    offer = await an_offer(rooms.clock.now(), benefit=await a_benefit("茶", merchant=books))
    await Offer.filter(id=offer.id).update(organization_id=north.id)
    for unknown in (offer.id, new_id()):
        with pytest.raises(OfferUnknown):
            await names(rooms, ming, offer_id=unknown)
    await lives_in(ming, north)
    assert await names(rooms, ming, offer_id=offer.id) == ["lake"]
    await rooms.handlers.claiming.claim(ming, offer_id=offer.id, request_id="k")
    await lives_in(ming, south)
    assert await names(rooms, ming, offer_id=offer.id) == ["lake"]
    await Offer.filter(id=offer.id).update(state=OfferState.ENDED)
    assert await names(rooms, ming, offer_id=offer.id) == ["lake"]
    hong = await rooms.member("o-hong")
    await lives_in(hong, north)
    with pytest.raises(OfferUnknown):
        await names(rooms, hong, offer_id=offer.id)


async def test_five_thousand_stores_cost_what_is_around(rooms, ming, books):
    made = random.Random(11)
    spots = [
        Position(made.randint(18_000_000, 53_000_000), made.randint(74_000_000, 134_000_000)) for _ in range(4_900)
    ]
    spots += [
        Position(HERE.latitude_e6 + made.randint(-40_000, 40_000), HERE.longitude_e6 + made.randint(-40_000, 40_000))
        for _ in range(100)
    ]
    await Store.bulk_create(
        [
            Store(
                merchant=books,
                code=f"s{number}",
                name=f"{number}",
                latitude_e6=spot.latitude_e6,
                longitude_e6=spot.longitude_e6,
            )
            for number, spot in enumerate(spots)
        ],
        batch_size=500,
    )
    await rows("ANALYZE store")
    nearest = rooms.handlers.nearby_stores.nearest
    for place in (HERE, *(spots[made.randrange(4_900)] for _ in range(5))):
        found = await nearest(ming, place, limit=20)
        told = [each.distance_metres for each in found]
        assert told == sorted(metres_between(place, spot) for spot in spots)[:20]
    best = min([await seconds(nearest(ming, HERE, limit=20)) for _ in range(5)])
    far = min([await seconds(nearest(ming, Position(0, 0), limit=20)) for _ in range(5)])  # all of them are read
    assert best < 0.1
    assert far < 0.5
    box = HERE.latitude_e6 - 45_000, HERE.latitude_e6 + 45_000, HERE.longitude_e6 - 52_000, HERE.longitude_e6 + 52_000
    explain = "EXPLAIN " if dialect() == "postgres" else "EXPLAIN QUERY PLAN "
    plan = str([tuple(each.values()) for each in await rows(explain + statements.WITHIN, *box)])
    assert "idx_store_latitud" in plan, plan


async def seconds(asked) -> float:
    begun = time.perf_counter()
    await asked
    return time.perf_counter() - begun
