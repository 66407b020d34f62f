"""Offers that ask for a level: who is meant, who may come early, what they pay, and what the others are told."""

from datetime import timedelta

import pytest

from handlers.errors import OfferNotForYou, OfferNotOpen, PointsShort
from handlers.points.earning import Earning, earn
from handlers.points.points_terms import RuleWanted
from handlers.rules.offer_terms import Audience, AudiencePrice, EarlyOpening, Price
from models.database import atomic
from models.organizations import Organization
from tests.handlers.claimable import an_offer
from tests.handlers.laddering import DAY, GOLD, SILVER, Steps, a_ladder
from tests.handlers.ledgers import breaches
from tests.handlers.offering import key, operator_at


@pytest.fixture
async def steps(far, clock):
    steps = Steps(clock)
    await steps.publish(a_ladder())
    yield steps
    assert await breaches() == []


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


async def claim(far, person, offer):
    far.handlers.offer_catalogue.forget()
    return await far.handlers.claiming.claim(person, offer_id=offer.id, request_id=key())


async def seen(far, person, offer):
    far.handlers.offer_catalogue.forget()
    (item,) = (await far.handlers.offer_catalogue.one(person, offer.id)).items
    return item


async def test_an_offer_for_a_level_is_for_those_above_it_too_and_names_it_to_the_others(far, steps, ming, clock):
    offer = await an_offer(clock.now(), audience=Audience(level_at_least=SILVER))
    with pytest.raises(OfferNotForYou) as refused:
        await claim(far, ming, offer)
    assert refused.value.facts["meant"] == "银卡会员及以上"
    shown = await seen(far, ming, offer)
    assert (shown.claimable, "银卡会员及以上" in shown.sentence) == (False, True)
    await steps.earn(ming, 500)
    assert (await seen(far, ming, offer)).claimable
    await claim(far, ming, offer)


async def test_an_offer_for_exactly_one_level_is_not_for_those_above(far, steps, ming, clock):
    offer = await an_offer(clock.now(), audience=Audience(levels=(SILVER,)))
    await steps.earn(ming, 500)
    with pytest.raises(OfferNotForYou) as refused:
        await claim(far, ming, offer)
    assert refused.value.facts["meant"] == "银卡会员"


async def test_whoever_never_took_a_step_has_the_level_that_asks_for_nothing(far, steps, ming, clock):
    await claim(far, ming, await an_offer(clock.now(), audience=Audience(level_at_least="base")))


async def test_a_level_opens_early(far, steps, ming, clock):
    other = await far.member("o-other")
    await steps.earn(ming, 500)
    early = (EarlyOpening(minutes=60, level_at_least=SILVER),)
    offer = await an_offer(clock.now(), opens_at=clock.now() + timedelta(minutes=30), early=early)
    await claim(far, ming, offer)
    with pytest.raises(OfferNotOpen):
        await claim(far, other, offer)


async def test_points_and_a_level_are_asked_for_together_and_a_level_may_pay_less(far, steps, ming, clock):
    operator = await operator_at(await Organization.get(parent=None))
    await far.handlers.points_terms.set_rule(operator, RuleWanted("visit", "到店"), request_id=None)
    async with atomic():
        await earn([Earning(ming.member_id, "visit", 120, key())], at=clock.now())
    terms = {
        "audience": Audience(level_at_least=SILVER),
        "price": Price(points=100),
        "prices": (AudiencePrice(Audience(level_at_least=GOLD), Price(points=60)),),
        "limits": (),
        "stock": 10,
    }
    offer = await an_offer(clock.now(), **terms)
    with pytest.raises(OfferNotForYou):
        await claim(far, ming, offer)
    await steps.earn(ming, 500)
    for _ in range(2):
        await claim(far, ming, offer)
    with pytest.raises(PointsShort):
        await claim(far, ming, offer)


async def test_a_level_that_is_lost_closes_the_offer_again(far, steps, ming, clock):
    offer = await an_offer(clock.now(), audience=Audience(level_at_least=SILVER), limits=(), stock=9)
    await steps.earn(ming, 100)
    await claim(far, ming, offer)
    clock.advance(62 * DAY)
    await far.handlers.level_judging.sweep()
    with pytest.raises(OfferNotForYou):
        await claim(far, ming, offer)
