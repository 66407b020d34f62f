"""Fifty at once, the same call and different ones: packages, codes, reversals; and the same races without their guard.

Claims and redemptions have theirs in `test_claiming.py` and `test_redemptions.py`, and through the door in
`tests/stories/test_races_at_the_door.py`.
"""

import asyncio

import pytest
from tortoise.expressions import F

from handlers.claims import sharing
from handlers.errors import NotReversible, OfferLimitReached, OfferSoldOut
from handlers.rules.benefit_terms import CodeCouponTerms, PackagePart, PackageTerms
from models.benefits import CodePool
from models.claims import Claim, PoolCode
from models.redemptions import Redemption
from models.words import BenefitKind, RedemptionKind
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.counter import open_counter
from tests.handlers.test_claiming import NONE, crowd, holds, outcomes

FIFTY = range(50)


@pytest.fixture
async def package(rooms):
    """Choose one of two, once per member: the offer, and the codes of the two."""
    wash, tea = await a_benefit("洗车"), await a_benefit("茶")
    terms = PackageTerms((PackagePart(wash.code, 2, "month"), PackagePart(tea.code)), choose=1)
    bundle = await a_benefit("礼包", BenefitKind.PACKAGE, terms)
    return await an_offer(rooms.clock.now(), benefit=bundle, stock=100), (wash.code, tea.code)


async def choose_in_turn(rooms, package) -> list[object]:
    """Fifty calls of one member, each under a key of its own, for the one and the other in turn."""
    (offer, codes), person = package, await rooms.member()
    claim = rooms.handlers.claiming.claim
    calls = (claim(person, offer_id=offer.id, choices=[codes[n % 2]], request_id=f"k{n}") for n in FIFTY)
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_fifty_choices_of_one_package_at_once_are_one_choice(rooms, package):
    answers = await choose_in_turn(rooms, package)
    assert sum(isinstance(each, OfferLimitReached) for each in answers) == 49
    (whole,) = await Claim.filter(package_id=None)
    assert len({part.benefit_id for part in await Claim.filter(package_id=whole.id)}) == 1
    await holds()


async def test_the_same_choice_fifty_times_is_one_answer(rooms, package):
    (offer, codes), person = package, await rooms.member()
    claim = rooms.handlers.claiming.claim
    calls = (claim(person, offer_id=offer.id, choices=[codes[0]], request_id="k") for _ in FIFTY)
    assert len({answer.value for answer in await asyncio.gather(*calls)}) == 1
    assert await Claim.all().count() == 3  # the package and its two parts
    await holds()


async def test_without_slots_all_fifty_choices_are_had(rooms, package, monkeypatch):
    """The negative control."""
    monkeypatch.setattr(sharing, "_slots", lambda *_: [()])
    answers = await choose_in_turn(rooms, package)
    assert not [each for each in answers if isinstance(each, BaseException)]
    assert await Claim.filter(package_id=None).count() == 50


# --- codes


@pytest.fixture
async def coupons(rooms):
    """An offer of coupons with twenty codes in its pool."""
    benefit = await a_benefit("电影票", BenefitKind.CODE_COUPON, CodeCouponTerms(pool="films"))
    pool = await CodePool.create(benefit=benefit, code="films", name="电影票码")
    for number in range(20):
        await PoolCode.create(pool=pool, code_hash=str(number), code_cipher="c")
    return await an_offer(rooms.clock.now(), benefit=benefit, limits=NONE)


async def test_fifty_members_at_once_get_twenty_codes_one_each(rooms, coupons):
    people, claim = await crowd(rooms, 50), rooms.handlers.claiming.claim
    calls = (claim(person, offer_id=coupons.id, request_id="k") for person in people)
    assert await outcomes(*calls) == {"Claimed": 20, "OfferSoldOut": 30}
    given = await PoolCode.filter(claim_id__isnull=False).values_list("claim_id", flat=True)
    assert len(set(given)) == len(given) == 20
    await holds()


async def test_the_same_claim_of_a_code_fifty_times_takes_one(rooms, coupons):
    person, claim = await rooms.member(), rooms.handlers.claiming.claim
    answers = await asyncio.gather(*(claim(person, offer_id=coupons.id, request_id="k") for _ in FIFTY))
    assert len({answer.value for answer in answers}) == 1
    assert await PoolCode.filter(claim_id=None).count() == 19
    with pytest.raises(OfferSoldOut):
        await asyncio.gather(*(claim(person, offer_id=coupons.id, request_id=f"k{n}") for n in FIFTY))
    await holds()


# --- taking back


@pytest.fixture
async def counter(rooms):
    return await open_counter(rooms)


async def redeemed(counter):
    claim = await counter.claim(await counter.rooms.member("o-ming"))
    return claim, (await counter.redeem(counter.typed(claim))).value.lines[0].id


async def contras() -> int:
    return await Redemption.filter(kind=RedemptionKind.REVERSAL).count()


async def test_the_same_reversal_fifty_times_is_one_row_and_one_answer(counter):
    claim, redemption_id = await redeemed(counter)
    answers = await asyncio.gather(*(counter.reverse(redemption_id, key="k") for _ in FIFTY))
    assert len({answer.value for answer in answers}) == 1
    assert (await contras(), (await Claim.get(id=claim.id)).uses_left) == (1, 1)


async def test_fifty_reversals_of_clerk_and_manager_at_once_are_one(counter):
    _, redemption_id = await redeemed(counter)
    calls = (counter.reverse(redemption_id, by=(counter.clerk, counter.manager)[n % 2]) for n in FIFTY)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(each, NotReversible) for each in answers) == 49
    assert await contras() == 1


async def test_looking_first_and_giving_back_afterwards_gives_back_fifty_times(counter):
    """The negative control: all see that it stands, then all take it back."""
    claim, redemption_id = await redeemed(counter)
    await Claim.filter(id=claim.id).update(uses_total=50)
    everybody_has_looked = asyncio.Barrier(50)

    async def naive() -> None:
        is_reversed = await Redemption.filter(reverses_id=redemption_id).exists()
        await everybody_has_looked.wait()
        if not is_reversed:
            await Claim.filter(id=claim.id).update(uses_left=F("uses_left") + 1)

    await asyncio.gather(*(naive() for _ in FIFTY))
    assert (await Claim.get(id=claim.id)).uses_left == 50
