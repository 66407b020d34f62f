"""Kill switches: while an offer, a benefit or a merchant is off, nothing is claimed and nothing redeemed."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from handlers.errors import BenefitPaused, OfferPaused
from handlers.redemptions.counter import Scan
from handlers.rules.benefit_terms import PackagePart, PackageTerms
from handlers.rules.offer_terms import Limit, Period
from models.benefits import Benefit, Offer
from models.ids import new_id
from models.programmes import Merchant
from models.words import BenefitKind, OfferState
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.counter import open_counter

MONTH = timedelta(days=31)
OFTEN = (Limit(Period.EVER, 100),)


@dataclass
class Switch:
    """One of the three, thrown by its row: whoever reads decides by what is committed."""

    name: str
    offer_id: UUID
    benefit_id: UUID

    async def throw(self, *, is_off: bool) -> None:
        if self.name == "offer":
            state = OfferState.PAUSED if is_off else OfferState.PUBLISHED
            await Offer.filter(id=self.offer_id).update(state=state)
        elif self.name == "benefit":
            await Benefit.filter(id=self.benefit_id).update(is_paused=is_off)
        else:
            benefit = await Benefit.get(id=self.benefit_id)
            await Merchant.filter(id=benefit.merchant_id).update(is_active=not is_off)


SWITCHES = ["offer", "benefit", "merchant"]


def key() -> str:
    return str(new_id())


@pytest.mark.parametrize("name", SWITCHES)
async def test_what_is_switched_off_is_neither_claimed_nor_redeemed_and_goes_on_when_resumed(rooms, name):
    counter, ming = await open_counter(rooms), await rooms.member("o-ming")
    offer = await an_offer(
        rooms.clock.now(), benefit=await a_benefit(name="拿铁"), stock=9, limits=OFTEN, shows_typed_code=True
    )
    await Benefit.filter(id=offer.benefit_id).update(merchant_id=counter.merchant.id)
    claiming, wallet = rooms.handlers.claiming, rooms.handlers.wallet
    held = (await claiming.claim(ming, offer_id=offer.id, request_id=key())).value.claims[0]
    switch = Switch(name, offer.id, offer.benefit_id)
    passes = rooms.handlers.passes
    shown = await passes.show(ming, held.id)
    await switch.throw(is_off=True)
    with pytest.raises(OfferPaused):
        await claiming.claim(ming, offer_id=offer.id, request_id=key())
    with pytest.raises(BenefitPaused):
        await counter.redeem(counter.typed(held))
    with pytest.raises(BenefitPaused):
        await counter.redeem(Scan(token=shown.token))
    with pytest.raises(BenefitPaused):
        await passes.show(ming, held.id)
    sections = await wallet.sections(ming, limit=10)
    (item,) = sections["held"].items
    assert item.is_paused
    detail = await wallet.claim(ming, held.id)
    assert detail.item.is_paused
    assert detail.typed_code is None
    await switch.throw(is_off=False)
    assert (await claiming.claim(ming, offer_id=offer.id, request_id=key())).value.claims
    again = (await passes.show(ming, held.id)).token
    assert (await counter.redeem(Scan(token=again))).value.lines[0].uses_left == 0
    assert not (await wallet.claim(ming, held.id)).item.is_paused


@pytest.mark.parametrize("name", SWITCHES)
async def test_a_package_gives_no_part_that_is_switched_off(rooms, name):
    wash = await a_benefit("洗车")
    parts = (PackagePart(benefit=wash.code, count=1, per="month"),)
    package = await a_benefit("金卡礼包", BenefitKind.PACKAGE, PackageTerms(parts=parts))
    offer = await an_offer(rooms.clock.now(), benefit=package, limits=OFTEN)
    ming = await rooms.member("o-ming")
    held = (await rooms.handlers.claiming.claim(ming, offer_id=offer.id, request_id=key())).value.claims[0]
    switch = Switch(name, offer.id, wash.id)
    await switch.throw(is_off=True)
    rooms.clock.advance(MONTH)
    for act in (
        rooms.handlers.package_parts.claim(ming, held.id, request_id=key()),
        rooms.handlers.claiming.claim(ming, offer_id=offer.id, request_id=key()),
    ):
        with pytest.raises(OfferPaused):
            await act
    await switch.throw(is_off=False)
    assert len((await rooms.handlers.package_parts.claim(ming, held.id, request_id=key())).value.claims) == 1
