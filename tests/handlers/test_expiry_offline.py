"""What may have been given without a network is not over before its day is closed: no unit and no points go back."""

from datetime import timedelta

import pytest

from handlers.rules.offer_terms import Price, Validity, ValidityKind
from models.benefits import Benefit, Offer
from models.claims import Claim
from models.words import ClaimState
from tests.handlers.buying import breaches
from tests.handlers.counter import open_counter
from tests.handlers.scanning import a_device, morning_after
from tests.handlers.test_order_points import mall, ming, sold

__all__ = ["mall", "ming"]  # fixtures

TODAY = Validity(ValidityKind.DAYS, days=0)


@pytest.fixture
async def counter(rooms):
    return await open_counter(rooms)


async def claimed(rooms, ming, counter, *, offline: bool) -> Claim:
    """For thirty points, good until midnight, its unit and points back if it is not used."""
    offer = await sold(rooms, price=Price(points=30), validity=TODAY, returns_to_stock=True)
    benefit_id = (await Offer.get(id=offer.id)).benefit_id
    await Benefit.filter(id=benefit_id).update(merchant_id=counter.merchant.id, is_offline_allowed=offline)
    await rooms.handlers.claiming.claim(ming.person, offer_id=offer.id, request_id="claim")
    return await Claim.get()


async def after_midnight(rooms) -> None:
    rooms.clock.advance(timedelta(hours=14, minutes=5))  # from ten in the morning
    await rooms.handlers.claim_expiry.sweep()


async def test_what_was_scanned_before_midnight_costs_its_points(rooms, mall, ming, counter):
    claim, device = await claimed(rooms, ming, counter, offline=True), await a_device(counter)
    device.scan(claim)
    await after_midnight(rooms)
    assert await mall.seen(ming.person) == (70, 0)
    await device.upload()
    await morning_after(counter)
    await rooms.handlers.claim_expiry.sweep()
    assert ((await Claim.get()).state, await mall.seen(ming.person)) == (ClaimState.USED, (70, 0))
    assert await breaches() == []


async def test_what_nobody_scanned_is_over_once_its_day_is_closed(rooms, mall, ming, counter):
    await claimed(rooms, ming, counter, offline=True)
    await after_midnight(rooms)
    assert (await Claim.get()).state is ClaimState.ISSUED
    rooms.clock.advance(timedelta(hours=6))
    await rooms.handlers.claim_expiry.sweep()
    assert ((await Claim.get()).state, await mall.seen(ming.person)) == (ClaimState.EXPIRED, (100, 0))


async def test_what_is_never_given_without_a_network_is_over_at_midnight(rooms, mall, ming, counter):
    await claimed(rooms, ming, counter, offline=False)
    await after_midnight(rooms)
    assert ((await Claim.get()).state, await mall.seen(ming.person)) == (ClaimState.EXPIRED, (100, 0))
