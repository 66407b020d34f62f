"""积分 as a benefit: credited with the claim, once, and gone with it as far as they are still there."""

import asyncio
from datetime import timedelta

import pytest

from handlers.grants.taking_back import take_back
from handlers.points.points_terms import TermsWanted
from handlers.points.spending import Spending, spend
from handlers.rules.benefit_terms import PackagePart, PackageTerms, PointsBenefitTerms
from handlers.rules.ledger import Cause
from models.claims import Claim
from models.database import atomic
from models.ledger import LedgerLot
from models.organizations import Organization
from models.words import BenefitKind, PointsExpiry
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.giving import desk_of
from tests.handlers.ledgers import breaches
from tests.handlers.offering import key, operator_at


@pytest.fixture
async def fifty(rooms):
    """A benefit of fifty points; whatever a test does, `doctor` has nothing to say in the end."""
    yield await a_benefit("五十积分", BenefitKind.POINTS, PointsBenefitTerms(50), merchant=None)
    assert await breaches() == []


async def has(rooms, person) -> int:
    return (await rooms.handlers.points.view(person)).available


async def claimed(rooms, person, benefit, **terms):
    offer = await an_offer(rooms.clock.now(), benefit=benefit, **terms)
    await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id=key())
    return await Claim.filter(offer_id=offer.id, package_id=None).first()


async def test_points_are_there_with_the_claim_and_named_in_the_entries(rooms, fifty):
    ming = await rooms.member()
    await claimed(rooms, ming, fifty)
    assert await has(rooms, ming) == 50
    (entry,) = await rooms.handlers.points.entries(ming, before=None, limit=5)
    assert (entry.amount, entry.note) == (50, "五十积分")


async def test_they_end_as_the_points_of_the_programme_do(rooms, fifty):
    operator = await operator_at(await Organization.get(parent=None))
    wanted = TermsWanted(PointsExpiry.DAYS, 3)
    await rooms.handlers.points_terms.set(operator, wanted, request_id=None)
    await claimed(rooms, await rooms.member(), fifty)
    assert (await LedgerLot.get()).expires_at - rooms.clock.now() < timedelta(days=4)


async def test_twenty_claims_at_once_of_one_each_credit_once(rooms, fifty):
    ming = await rooms.member()
    offer = await an_offer(rooms.clock.now(), benefit=fifty)
    claim = rooms.handlers.claiming.claim
    calls = (claim(ming, offer_id=offer.id, request_id=f"k{n}") for n in range(20))
    await asyncio.gather(*calls, return_exceptions=True)
    assert await has(rooms, ming) == 50


async def test_a_package_brings_them_too(rooms, fifty):
    ming, terms = await rooms.member(), PackageTerms((PackagePart(fifty.code, 2),))
    await claimed(rooms, ming, await a_benefit("礼包", BenefitKind.PACKAGE, terms))
    assert await has(rooms, ming) == 100


@pytest.mark.parametrize(("spent", "left"), [(0, 0), (20, 0), (50, 0)])
async def test_what_is_taken_back_takes_what_is_still_there_of_them(rooms, fifty, spent, left):
    ming, desk = await rooms.member(), await desk_of(rooms)
    claim = await claimed(rooms, ming, fifty)
    if spent:
        async with atomic():
            await spend([Spending(ming.member_id, spent, Cause("order", key()))], at=rooms.clock.now())
    for _ in range(2):
        async with atomic():
            await take_back([claim.id], actor=desk.first, at=rooms.clock.now())
    assert await has(rooms, ming) == left
